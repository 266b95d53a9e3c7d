#!/bin/bash
# A real two-host OVN in network namespaces of this machine. See README.md, or run without arguments.
set -euo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
for file in common hosts vms capture; do
  # shellcheck source=/dev/null
  source "$here/lib/$file.sh"
done

usage() {
  cat >&2 <<TEXT
usage: lab.sh VERB
  up [ipv4|ipv6] [cluster] [hosts=N] [encap=TYPE]
                            start central, hv1 and hv2; the word is the underlay's address family;
                            cluster: the southbound is three servers instead of one; N: more hosts;
                            TYPE: geneve, vxlan, or geneve,vxlan
  topology NAME             build one of: $(cd "$here/topologies" && printf '%s ' *.sh | sed 's/\.sh//g')
  down                      end and remove everything (safe to repeat)
  status                    what runs; exit status 1 when the lab is not up
  env                       shell lines with the database sockets: eval "\$(lab.sh env)"
  exec NAME COMMAND...      run in a host's or a VM's namespace (central, hv1, hv2, vm1, ...)
  nb|sb ARGUMENT...         ovn-nbctl / ovn-sbctl on the lab's databases
  vs HOST ARGUMENT...       ovs-vsctl on a host
  sync                      wait until every chassis has caught up with the northbound database
  plug NAME HOST MAC ADDRESS/LEN[,...] [GATEWAY[,...]]
  unplug NAME HOST
  kill-server NAME          end a server of central as a crash would: nb, sb (sb1, sb2, sb3), northd
  start-server NAME         start it again
  capture HOST FILE [TCPDUMP-OPTION...]   start a capture (device eth1 unless told otherwise)
  capture-stop              end all captures
  snapshot DIRECTORY [full] sb.db and ovn-sbctl.json; full: also sb.backup.db and sb.dump.json
TEXT
  exit 2
}

require_up() { [[ -S $NB_SOCKET ]] || die "the lab is not up: lab.sh up"; }

(($# > 0)) || usage
verb=$1
shift
case $verb in
  up)
    # Leave nothing half-made behind, and nothing at all of a lab that is someone else's.
    require_root
    require_packages
    netns_exists central && die "a lab with prefix '$LAB_PREFIX' is up already: lab.sh down first"
    trap '(($? == 0)) || lab_down' EXIT
    lab_up "$@"
    say "up; southbound database at $(sb_remote)"
    ;;
  topology)
    require_root
    require_up
    name=${1:-basic}
    [[ -e $here/topologies/$name.sh ]] || die "no topology '$name'"
    for file in "$here"/topologies/*.sh; do
      # shellcheck source=/dev/null
      source "$file"
    done
    "topology_${name//-/_}"
    say "topology $name is in place"
    ;;
  down) lab_down ;;
  status)
    [[ -S $NB_SOCKET ]] || { echo "lab is down"; exit 1; }
    sb show
    ;;
  env)
    printf 'export %s=%q\n' GENEVESCOPE_LAB "$LAB_STATE" OVN_NB_DB "unix:$NB_SOCKET" OVN_SB_DB "$(sb_remote)"
    ;;
  exec) require_up && in_netns "$@" ;;
  nb) require_up && nb "$@" ;;
  sb) require_up && sb "$@" ;;
  vs) require_up && vs "$@" ;;
  sync) require_up && sync_all ;;
  plug) require_up && plug "$@" ;;
  unplug) require_up && unplug "$@" ;;
  kill-server) require_up && kill_server "$@" ;;
  start-server) require_up && start_server "$@" ;;
  capture) require_up && capture_start "$@" ;;
  capture-stop) require_up && capture_stop ;;
  snapshot) require_up && snapshot "$@" ;;
  *) usage ;;
esac
