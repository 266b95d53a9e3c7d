#!/bin/bash
# Make the captures again: make-captures.sh [OUTDIR] [SCENARIO...]
# OUTDIR defaults to the repository's captures/, SCENARIO to all of scenarios/. A fresh lab each.
set -euo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)

# A lab of its own, beside one that somebody may be working in.
export GENEVESCOPE_LAB=${GENEVESCOPE_CAPTURE_LAB:-${TMPDIR:-/tmp}/genevescope-captures}
export GENEVESCOPE_LAB_PREFIX=${GENEVESCOPE_CAPTURE_LAB_PREFIX:-gnvcap}

for file in lib/common.sh lib/hosts.sh lib/vms.sh lib/capture.sh lib/report.sh topologies/*.sh; do
  for path in "$here"/$file; do
    # shellcheck source=/dev/null
    source "$path"
  done
done

# In the order of the table in captures/README.md.
SCENARIOS=(
  routed-ping switched-ping arp-broadcast ipv6-inner ipv6-underlay
  ha-gateway migration tcp-transfer cooked vxlan-ping vtep-gateway
)

is_scenario() { [[ " ${SCENARIOS[*]} " == *" $1 "* ]]; }

outdir=$here/../../captures
if (($# > 0)) && ! is_scenario "$1"; then
  outdir=$1
  shift
fi
mkdir -p "$outdir"
outdir=$(cd -- "$outdir" && pwd)
for name; do is_scenario "$name" || die "no scenario '$name'; there are: ${SCENARIOS[*]}"; done
chosen=("$@")
((${#chosen[@]} > 0)) || chosen=("${SCENARIOS[@]}")

require_root
require_packages

# ovn-trace with its command line above its answer, for ovn-trace.txt. Unfriendly names are those of
# the logical ports and switches; friendly ones would be Neutron's.
trace() {
  printf '$ ovn-trace --no-friendly-names %s '"'%s'"'\n' "$1" "$2"
  ovn-trace --no-friendly-names --db="unix:$SB_SOCKET" "$1" "$2"
  printf '\n'
}

# count FILE FILTER: packets of a capture that pass. Of some tcpdump prints several lines, one with the time.
count() { tcpdump -ttnr "$1" "$2" 2>/dev/null | grep -c '^[0-9]*\.[0-9]* ' || true; }

# expect HOST NUMBER FILTER: exactly NUMBER packets in that host's capture.
expect() {
  local seen
  seen=$(count "$out/$1.pcap" "$3")
  [[ $seen == "$2" ]] || die "$scenario: $1.pcap has $seen packets of '$3', not $2"
}

expect_some() {
  local seen
  seen=$(count "$out/$1.pcap" "$3")
  ((seen >= $2)) || die "$scenario: $1.pcap has $seen packets of '$3', fewer than $2"
}

expect_both() { expect hv1 "$@" && expect hv2 "$@"; }

# Both hosts saw the same tunnel packets, but for `slack` of them: what a scenario does not itself send
# (BFD, the guests' own multicast) may pass between the starts of two captures, or between their ends.
TUNNELS='udp dst port 6081 or udp dst port 4789'
expect_equal_ends() {
  local one two
  one=$(count "$out/hv1.pcap" "$TUNNELS")
  two=$(count "$out/hv2.pcap" "$TUNNELS")
  ((one > 0 && two > 0 && one - two <= slack && two - one <= slack)) ||
    die "$scenario: hv1 saw $one tunnel packets, hv2 $two"
}

run_scenario() (
  scenario=$1
  out=$work/$scenario
  mkdir "$out"
  LAB_TRANSCRIPT=$work/$scenario.transcript

  # A scenario file sets these and may replace these functions.
  title='' shows='' topology=basic underlay=ipv4 encap=geneve snapshot='' slack=0
  prepare() { :; }
  captures() { capture_start hv1 "$out/hv1.pcap" && capture_start hv2 "$out/hv2.pcap"; }
  extra_captures() { :; }
  play() { die "$scenario plays nothing"; }
  extras() { :; }
  check() { :; }
  # shellcheck source=/dev/null
  source "$here/scenarios/$scenario.sh"

  say "$scenario: $title"
  lab_down
  lab_up "$underlay" "encap=$encap"
  record_note "lab.sh up $underlay$([[ $encap == geneve ]] || printf ' encap=%s' "$encap")"
  "topology_${topology//-/_}"
  prepare
  captures
  extra_captures
  # The transcript has the commands; their output would carry nothing that the captures do not.
  play >"$work/$scenario.out" 2>&1 || die "$scenario: $(cat "$work/$scenario.out")"
  capture_stop
  snapshot "$out" "$snapshot"
  extras
  [[ ! -e $out/hv2.pcap ]] || expect_equal_ends
  check
  scenario_readme >"$out/README.md"
  lab_down
)

work=$(mktemp -d)
finish() {
  local status=$?
  trap - EXIT
  lab_down
  rm -rf "$work"
  exit "$status"
}
set -E
trap '[[ $BASH_COMMAND == "("* ]] || say "failed at ${BASH_SOURCE[0]##*/}:$LINENO: $BASH_COMMAND"' ERR
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

for name in "${chosen[@]}"; do
  run_scenario "$name"
  # Replace what this script makes, and only once the scenario has passed its checks;
  # other files of the folder (expected results) stay.
  mkdir -p "$outdir/$name"
  chmod 644 "$work/$name"/*
  cp "$work/$name"/* "$outdir/$name/"
done
captures_readme "$outdir" >"$work/README.md"
cp "$work/README.md" "$outdir/README.md"
say "captures are in $outdir"
