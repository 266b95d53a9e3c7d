# shellcheck shell=bash
# The README of one scenario and the table of all of them. Sourced by make-captures.sh.

packets() { count "$1" ''; }

# Reads the variables of the scenario being made (scenario, title, shows, topology, out); needs the lab up.
scenario_readme() {
  local file
  cat <<TEXT
# $scenario

$title.

$shows

Made on $(date -u +%Y-%m-%d) with $(ovn-nbctl --version | head -1 | sed 's/ovn-nbctl/OVN/') and $(
    ovs-vswitchd --version | head -1 | sed 's/.*(Open vSwitch)/Open vSwitch/') (userspace datapath) by
\`test/lab/make-captures.sh $scenario\`.

## Topology

\`\`\`
$(awk 'NR == 1 { next } !/^#/ { exit } { sub(/^# ?/, ""); print }' "$here/topologies/$topology.sh")
\`\`\`

## Files

| file | content |
|---|---|
TEXT
  for file in "$out"/*; do
    case ${file##*/} in
      *.nano.pcap) printf '| `%s` | the same with nanosecond timestamps, %s packets |\n' "${file##*/}" "$(packets "$file")" ;;
      any-v1.pcap) printf '| `%s` | every device of hv1, Linux cooked v1, %s packets |\n' "${file##*/}" "$(packets "$file")" ;;
      any-v2.pcap) printf '| `%s` | every device of hv2, Linux cooked v2, %s packets |\n' "${file##*/}" "$(packets "$file")" ;;
      hv?.pcap) printf '| `%s` | the underlay device of %s (%s), %s packets, of them %s through tunnels |\n' "${file##*/}" \
        "$(basename "$file" .pcap)" "$(chassis_of_host "$(basename "$file" .pcap)")" "$(packets "$file")" "$(count "$file" "$TUNNELS")" ;;
      sb.db) printf '| `sb.db` | the southbound database as ovsdb-server keeps it: a journal of all changes since the start |\n' ;;
      sb.backup.db) printf '| `sb.backup.db` | `ovsdb-client backup` of the same moment |\n' ;;
      sb.dump.json) printf '| `sb.dump.json` | `ovsdb-client -f json dump` of the same moment |\n' ;;
      ovn-sbctl.json) printf '| `ovn-sbctl.json` | table name to the answer of `ovn-sbctl -f json list`, at the end: what OVN itself says |\n' ;;
      ovn-trace.txt) printf '| `ovn-trace.txt` | ovn-trace of the request and of the reply |\n' ;;
      *.conf.db) printf '| `%s` | the Open_vSwitch database of that host: which device is which logical port |\n' "${file##*/}" ;;
      *.flows.txt) printf '| `%s` | `ovs-appctl dpctl/dump-flows -m` of that host after the traffic |\n' "${file##*/}" ;;
    esac
  done
  printf '\n## Chassis\n\n| chassis | host | encap |\n|---|---|---|\n'
  sb -f csv --no-headings --columns=chassis_name,type,ip list Encap | tr -d '"' | sort |
    awk -F, '{ host = $1; sub(/worker/, "hv", host); printf "| %s | %s | %s %s |\n", $1, host, $2, $3 }'
  printf '\nThe databases (central) are at 10.127.0.2.\n'
  printf '\n## Ports and multicast groups\n\nFrom ovn-sbctl, at the end of the captures.\n\n'
  printf '| name | datapath key | port key | type | chassis |\n|---|---|---|---|---|\n'
  port_table
  printf '\n## What was done\n\n```\n'
  cat "$LAB_TRANSCRIPT"
  printf '```\n'
}

# The table of every scenario that DIRECTORY holds.
captures_readme() {
  local dir=$1 scenario file files line title shows
  cat <<'TEXT'
# Captures

Small captures of a real OVN (two hosts, Geneve tunnels unless the table says otherwise), each beside the southbound
database that names what is in it. Every folder has its own README: topology, commands, the ports' keys as OVN told them.
Both hosts of a scenario were captured in full on their underlay device, so a tunnel packet is in
`hv1.pcap` as well as in `hv2.pcap`, and other traffic of the underlay (OVSDB on TCP port 6642 with
10.127.0.2, ARP, neighbour discovery) is there too. No packet is cut, and every checksum is filled in.
The captures of a scenario begin and end a few milliseconds apart, so a packet at the edge (BFD, the guests' own
multicast) may be in one of them only.

Times of the packets and `_date` (milliseconds) in the journal `sb.db` are of one clock.

| scenario | what it shows | captures (packets) |
|---|---|---|
TEXT
  for scenario in "${SCENARIOS[@]}"; do
    [[ -d $dir/$scenario ]] || continue
    files=
    for file in "$dir/$scenario"/*.pcap; do
      files+="${files:+, }\`${file##*/}\` $(packets "$file")"
    done
    line=$(sed -n 3p "$dir/$scenario/README.md")
    printf '| [%s](%s/) | %s | %s |\n' "$scenario" "$scenario" "${line%.}" "$files"
  done
  cat <<'TEXT'

Each folder also holds `sb.db` (the journal) and `ovn-sbctl.json` (`ovn-sbctl -f json list` of the tables
that carry names); `routed-ping` has the database in every form OVSDB hands it out. `expected.json`, where
present, is the result the analyzer must give.

To make them again (root; needs the packages that `test/lab/README.md` names):

```
test/lab/make-captures.sh                          # all, into captures/
test/lab/make-captures.sh /tmp/out migration       # one, elsewhere
```

Names, addresses and keys come out the same with every run (the topologies see to the order in which
ovn-northd numbers things); times, UUIDs, source ports and the number of bystanding packets do not. So
`expected.json` belongs to one run, and is to be made again together with the captures; `make-captures.sh`
leaves it alone.
TEXT
}
