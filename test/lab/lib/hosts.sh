# shellcheck shell=bash
# The machines: `central` (NB, SB, northd and the underlay switch) and hypervisors, two unless told otherwise.
#
#   central   10.127.0.2   ovsdb-server x2 (with a cluster x4), ovn-northd, Linux bridge `ul`
#   hv1       10.127.0.3   chassis worker1, fd00:127::3 in an IPv6 underlay
#   hv2       10.127.0.4   chassis worker2, fd00:127::4
#
# The underlay's MTU is the ordinary 1500.

HOSTS=(hv1 hv2)

host_number() { printf '%s' "${1#hv}"; }
host_of_chassis() { printf 'hv%s' "${1#worker}"; }
chassis_of_host() { printf 'worker%s' "${1#hv}"; }
underlay4() { printf '10.127.0.%s' "$(($(host_number "$1") + 2))"; }
underlay6() { printf 'fd00:127::%s' "$(($(host_number "$1") + 2))"; }

# Keep OVS and OVN away from the system's own directories (sockets, pid files, system-id.conf).
in_host() {
  local host=$1 dir=$LAB_STATE/$1
  shift
  in_netns "$host" env OVS_RUNDIR="$dir" OVS_LOGDIR="$dir" OVS_DBDIR="$dir" OVS_SYSCONFDIR="$dir" \
    OVN_RUNDIR="$dir" OVN_LOGDIR="$dir" OVN_DBDIR="$dir" OVN_SYSCONFDIR="$dir" "$@"
}

# start_daemon HOST NAME COMMAND...: detach, with its pid file, log and control socket by NAME.
start_daemon() {
  local host=$1 dir=$LAB_STATE/$1 name=$2
  shift 2
  in_host "$host" "$@" -vconsole:off --detach --no-chdir --pidfile="$dir/$name.pid" \
    --log-file="$dir/$name.log"
}

# link_to_bridge HOST DEVICE BRIDGE-NETNS BRIDGE: a veth whose far end is a port of a Linux bridge.
# Checksum offload goes off on both ends: nobody would ever fill those checksums in. The device answers
# no ARP and has no address of its own, for its traffic is OVS's: the host's stack must not answer for
# br-ul with the device's MAC.
link_to_bridge() {
  local host=$1 device=$2 far=$3 bridge=$4 port
  port=$bridge-$(host_number "$host")
  ip link add "$device" netns "$(netns "$host")" type veth peer name "$port" netns "$(netns "$far")"
  in_netns "$far" ethtool -K "$port" tx off >/dev/null
  in_netns "$host" ethtool -K "$device" tx off >/dev/null
  ip -n "$(netns "$far")" link set "$port" master "$bridge" addrgenmode none
  ip -n "$(netns "$far")" link set "$port" up
  ip -n "$(netns "$host")" link set "$device" addrgenmode none
  ip -n "$(netns "$host")" link set "$device" arp off up
}

bridge_add() {
  local name=$1 bridge=$2 address=$3
  ip -n "$(netns "$name")" link add "$bridge" type bridge
  in_netns "$name" ethtool -K "$bridge" tx off >/dev/null
  ip -n "$(netns "$name")" addr add "$address" dev "$bridge"
  ip -n "$(netns "$name")" link set "$bridge" addrgenmode none
  ip -n "$(netns "$name")" link set "$bridge" up
}

# start_server NAME: northd, nb, sb, or sb1 to sb3. As ovn-ctl does it, further remotes (Connection) and their
# certificates (SSL) are the southbound's own: ovn-sbctl set-connection, set-ssl.
start_server() {
  local name=$1 dir=$LAB_STATE/central port=6642 own=OVN_Southbound
  local -a options=()
  if [[ $name == northd ]]; then
    start_daemon central northd ovn-northd --unixctl="$dir/northd.ctl" \
      --ovnnb-db="unix:$NB_SOCKET" --ovnsb-db="$(sb_remote)"
    return
  fi
  [[ -e $dir/$name.db ]] || die "no server '$name'"
  if [[ $name == sb* ]]; then
    [[ $name == sb ]] || port=$((6641 + ${name#sb}))
    options=(--remote="ptcp:$port:10.127.0.2" --remote="ptcp:$port:127.0.0.1"
      --remote="db:$own,SB_Global,connections" --private-key="db:$own,SSL,private_key"
      --certificate="db:$own,SSL,certificate" --ca-cert="db:$own,SSL,ca_cert")
  fi
  start_daemon central "$name" ovsdb-server --unixctl="$dir/$name.ctl" --remote="punix:$dir/$name.sock" \
    "${options[@]}" "$dir/$name.db"
}

kill_server() {
  local pid
  pid=$(cat "$LAB_STATE/central/$1.pid")
  ours "$pid" || die "no server '$1' runs"
  kill -KILL "$pid"
  wait_for "$1 to end" gone "$pid"
}

# sb1 makes the cluster, sb2 and sb3 join it; among themselves they use ports 6651 to 6653.
start_cluster() {
  local dir=$LAB_STATE/central n
  ovsdb-tool create-cluster "$dir/sb1.db" /usr/share/ovn/ovn-sb.ovsschema tcp:127.0.0.1:6651
  for n in 2 3; do
    ovsdb-tool join-cluster "$dir/sb$n.db" OVN_Southbound "tcp:127.0.0.1:665$n" tcp:127.0.0.1:6651
  done
  for n in 1 2 3; do start_server "sb$n"; done
  for n in 1 2 3; do
    wait_for "sb$n to join its cluster" ovsdb-client wait "unix:$dir/sb$n.sock" OVN_Southbound connected
  done
}

start_central() {
  local dir=$LAB_STATE/central schema=/usr/share/ovn
  mkdir -p "$dir"
  netns_add central
  bridge_add central ul 10.127.0.2/24
  ovsdb-tool create "$dir/nb.db" "$schema/ovn-nb.ovsschema"
  start_server nb
  if [[ $1 == cluster ]]; then
    start_cluster
  else
    ovsdb-tool create "$dir/sb.db" "$schema/ovn-sb.ovsschema"
    start_server sb
  fi
  start_server northd
}

start_host() {
  local host=$1 encap=$2 encap_ip=$3 dir=$LAB_STATE/$1 remote=tcp:10.127.0.2:6642 ns
  ! clustered || remote+=,tcp:10.127.0.2:6643,tcp:10.127.0.2:6644
  ns=$(netns "$host")
  mkdir -p "$dir"
  netns_add "$host"
  link_to_bridge "$host" eth1 central ul
  ovsdb-tool create "$dir/conf.db" /usr/share/openvswitch/vswitch.ovsschema
  start_daemon "$host" ovsdb ovsdb-server --unixctl="$dir/ovsdb.ctl" \
    --remote="punix:$dir/db.sock" "$dir/conf.db"
  vs "$host" --no-wait init
  start_daemon "$host" ovs-vswitchd ovs-vswitchd --unixctl="$dir/ovs-vswitchd.ctl" "unix:$dir/db.sock"
  # The userspace datapath sends tunnel packets through the bridge that holds the underlay address,
  # so the address is br-ul's and not the NIC's.
  vs "$host" \
    -- add-br br-int -- set Bridge br-int datapath_type=netdev fail-mode=secure \
    -- add-br br-ul -- set Bridge br-ul datapath_type=netdev \
    other-config:hwaddr="52:54:00:00:00:0$(host_number "$host")" \
    -- add-port br-ul eth1
  ip -n "$ns" addr add "$(underlay4 "$host")/24" dev br-ul
  ip -n "$ns" addr add "$(underlay6 "$host")/64" dev br-ul nodad
  ip -n "$ns" link set br-ul up
  vs "$host" --no-wait set Open_vSwitch . \
    external-ids:system-id="$(chassis_of_host "$host")" \
    external-ids:hostname="$(chassis_of_host "$host")" \
    external-ids:ovn-remote="\"$remote\"" \
    external-ids:ovn-encap-type="\"$encap\"" \
    external-ids:ovn-encap-ip="\"$encap_ip\"" \
    external-ids:ovn-bridge=br-int
  start_daemon "$host" ovn-controller ovn-controller "unix:$dir/db.sock"
}

# lab_up [ipv4|ipv6] [cluster] [hosts=N] [encap=TYPE[,TYPE]]: start everything, and return when every chassis has registered.
lab_up() {
  local underlay=ipv4 servers=one encap=geneve word host chassis
  for word; do
    case $word in
      ipv4 | ipv6) underlay=$word ;;
      cluster) servers=cluster ;;
      hosts=[1-8]) mapfile -t HOSTS < <(seq -f hv%g "${word#hosts=}") ;;
      encap=geneve | encap=vxlan | encap=geneve,vxlan) encap=${word#encap=} ;;
      *) die "up takes ipv4 or ipv6, cluster, hosts=1 to 8, encap=geneve, vxlan or geneve,vxlan; not '$word'" ;;
    esac
  done
  require_root
  require_packages
  if netns_exists central; then
    die "a lab with prefix '$LAB_PREFIX' is up already: lab.sh down first"
  fi
  [[ ! -e $LAB_STATE ]] || die "$LAB_STATE exists already: lab.sh down first"
  mkdir -p "$LAB_STATE/run"
  : >"$LAB_STATE/.genevescope-lab"
  if [[ $underlay == ipv6 ]]; then echo 1422; else echo 1442; fi >"$LAB_STATE/vm-mtu"
  start_central "$servers"
  for host in "${HOSTS[@]}"; do
    start_host "$host" "$encap" "$(if [[ $underlay == ipv6 ]]; then underlay6 "$host"; else underlay4 "$host"; fi)"
  done
  for host in "${HOSTS[@]}"; do
    chassis=$(chassis_of_host "$host")
    sb wait-until Chassis "$chassis" "name=$chassis" || die "chassis $chassis did not register"
  done
  sync_all
}

# Undo everything, from any state. Safe to repeat, and safe when nothing is there.
lab_down() {
  local file name
  local -a pids=()
  require_root
  if [[ -e $LAB_STATE/.genevescope-lab ]]; then
    # Clients before servers: VM processes and captures, then hosts, then central.
    for file in "$LAB_STATE"/run/*.pid "$LAB_STATE"/hv*/ovn-controller.pid \
      "$LAB_STATE"/hv*/*.pid "$LAB_STATE"/central/*.pid; do
      [[ -e $file ]] && pids+=("$(cat "$file")")
    done
    ((${#pids[@]} == 0)) || end_pids "${pids[@]}"
  fi
  for name in /run/netns/"$LAB_PREFIX"-*; do
    [[ -e $name ]] || continue
    # Whatever still runs in a namespace of ours would keep its devices alive.
    mapfile -t pids < <(ip netns pids "${name##*/}" 2>/dev/null)
    ((${#pids[@]} == 0)) || end_pids "${pids[@]}"
    ip netns del "${name##*/}"
  done
  # Remove only a directory that `up` made.
  [[ ! -e $LAB_STATE/.genevescope-lab ]] || rm -rf "$LAB_STATE"
}
