# shellcheck shell=bash
# Settings and small functions shared by every file of the lab. Sourced, never run.

LAB_STATE=${GENEVESCOPE_LAB:-${TMPDIR:-/tmp}/genevescope-lab}
LAB_PREFIX=${GENEVESCOPE_LAB_PREFIX:-gnv}

SB_SOCKET=$LAB_STATE/central/sb.sock
NB_SOCKET=$LAB_STATE/central/nb.sock

# The southbound is one server, or a cluster of three whose files and sockets are sb1.db, sb1.sock and so on.
clustered() { [[ -e $LAB_STATE/central/sb1.db ]]; }

# Where programs on this machine reach it.
sb_remote() {
  local dir=$LAB_STATE/central
  if clustered; then
    printf 'unix:%s,unix:%s,unix:%s' "$dir"/sb{1,2,3}.sock
  else
    printf 'unix:%s' "$SB_SOCKET"
  fi
}

# Long enough for a loaded machine; every wait in the lab is bounded by it.
LAB_TIMEOUT=${GENEVESCOPE_LAB_TIMEOUT:-30}

say() { printf '%s\n' "lab: $*" >&2; }
die() { printf '%s\n' "lab: error: $*" >&2; exit 1; }

# wait_for WHAT COMMAND...: run COMMAND until it succeeds, or fail after LAB_TIMEOUT seconds.
wait_for() {
  local what=$1 deadline=$((SECONDS + LAB_TIMEOUT))
  shift
  until "$@" >/dev/null 2>&1; do
    ((SECONDS < deadline)) || die "gave up after ${LAB_TIMEOUT}s waiting for $what"
    sleep 0.05
  done
}

# Commands the lab runs, each with the Debian/Ubuntu package that brings it.
LAB_NEEDS=(
  ovn-northd:ovn-central ovn-nbctl:ovn-common ovn-controller:ovn-host
  ovsdb-server:openvswitch-switch ovs-vswitchd:openvswitch-switch
  ovs-vsctl:openvswitch-switch ovsdb-client:openvswitch-common
  ip:iproute2 ethtool:ethtool ping:iputils-ping arping:iputils-arping
  iperf3:iperf3 tcpdump:tcpdump
)

require_root() {
  [[ $(id -u) == 0 ]] || die "must run as root: it creates network namespaces and devices"
}

require_packages() {
  local need command missing=()
  # OVN's daemons live in /usr/sbin, which a plain user's PATH may lack.
  PATH=$PATH:/usr/sbin:/sbin
  for need in "${LAB_NEEDS[@]}"; do
    command=${need%%:*}
    command -v "$command" >/dev/null || missing+=("$need")
  done
  ((${#missing[@]} == 0)) || die "missing ${missing[*]%%:*}: apt-get install -y $(
    printf '%s\n' "${missing[@]##*:}" | sort -u | paste -sd' ')"
  [[ -e /dev/net/tun ]] || die "no /dev/net/tun: the userspace datapath needs it (modprobe tun)"
}

# --- namespaces -------------------------------------------------------------

# Every namespace of the lab is PREFIX-NAME.
netns() { printf '%s-%s' "$LAB_PREFIX" "$1"; }
netns_exists() { [[ -e /run/netns/$(netns "$1") ]]; }

netns_add() {
  ip netns add "$(netns "$1")"
  ip -n "$(netns "$1")" link set lo up
}

# Run in the namespace of a host or a VM.
in_netns() {
  local name
  name=$(netns "$1")
  shift
  ip netns exec "$name" "$@"
}

# --- what was done, for the captures' README ---------------------------------

# Each lab action appends one line here when a transcript is being kept.
record() {
  [[ -n ${LAB_TRANSCRIPT:-} ]] || return 0
  local word line=
  for word; do
    [[ $word =~ ^[A-Za-z0-9_.,:/=@%+-]+\$?$ || $word == '&' ]] || word="'$word'"
    line+="${line:+ }$word"
  done
  printf '%s\n' "$line" >>"$LAB_TRANSCRIPT"
}

record_note() {
  [[ -z ${LAB_TRANSCRIPT:-} ]] || printf '# %s\n' "$*" >>"$LAB_TRANSCRIPT"
}

# --- databases ----------------------------------------------------------------

# Change the northbound database (recorded).
nb() {
  record ovn-nbctl "$@"
  ovn-nbctl --db="unix:$NB_SOCKET" --timeout="$LAB_TIMEOUT" "$@"
}

# Read or change the southbound database (not recorded). What changes it leaves its command line in the journal, so
# that has no path of this machine.
sb() { OVN_SB_DB=$(sb_remote) ovn-sbctl --timeout="$LAB_TIMEOUT" "$@"; }

# Change one host's Open_vSwitch database; waits for ovs-vswitchd to have applied it.
vs() {
  local host=$1
  shift
  ovs-vsctl --db="unix:$LAB_STATE/$host/db.sock" --timeout="$LAB_TIMEOUT" "$@"
}

# Returns once northd has translated everything and every chassis has installed it.
sync_all() {
  ovn-nbctl --db="unix:$NB_SOCKET" --timeout="$LAB_TIMEOUT" --wait=hv sync
}

# --- processes ----------------------------------------------------------------

# True when PID is alive and is one of ours. A stale pid file may name a stranger by now, so the
# command line must mention the state directory, or the pid must sit in one of the lab's namespaces.
ours() {
  local pid=$1 name
  [[ $pid =~ ^[0-9]+$ && -r /proc/$pid/cmdline ]] || return 1
  tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -qF -- "$LAB_STATE/" && return 0
  name=$(ip netns identify "$pid" 2>/dev/null) || return 1
  [[ $name == "$LAB_PREFIX"-* ]]
}

# A killed child stays a zombie until reaped; it is gone for our purposes.
gone() {
  local state
  state=$(sed 's/.*) //; s/ .*//' "/proc/$1/stat" 2>/dev/null) || return 0
  [[ -z $state || $state == Z ]]
}

# Ask the processes to end, then insist. Bounded: about three seconds.
end_pids() {
  local pid tries
  local -a left=()
  for pid; do ours "$pid" && kill "$pid" 2>/dev/null && left+=("$pid"); done
  for ((tries = 0; tries < 60 && ${#left[@]} > 0; tries++)); do
    local -a still=()
    for pid in "${left[@]}"; do gone "$pid" || still+=("$pid"); done
    left=("${still[@]}")
    ((${#left[@]} == 0)) || sleep 0.05
  done
  for pid in "${left[@]}"; do ours "$pid" && kill -KILL "$pid" 2>/dev/null; done
  return 0
}
