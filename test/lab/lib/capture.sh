# shellcheck shell=bash
# Captures of the hosts, and what the databases said at the same time.

# capture_start HOST FILE [TCPDUMP-OPTION...]: returns once tcpdump is listening.
# Defaults to the underlay device, whole packets.
capture_start() {
  local host=$1 file=$2 id log pid
  shift 2
  (($# > 0)) || set -- -i eth1
  id=capture-$host-${file##*/}
  log=$LAB_STATE/run/$id.log
  record_note "on $host, until the captures end: tcpdump $* -s 65535 -w ${file##*/}"
  # --immediate-mode and -U: a packet is in the file as soon as it was seen, so stopping loses none.
  # It also makes libpcap give every packet a slot of the whole snapshot length, hence a big buffer (-B, KiB).
  # -Z root: the output directory need not be writable for tcpdump's unprivileged user.
  ip netns exec "$(netns "$host")" tcpdump "$@" -s 65535 -B 65536 -U --immediate-mode -Z root -w "$file" \
    </dev/null >/dev/null 2>"$log" &
  pid=$!
  printf '%s\n' "$pid" >"$LAB_STATE/run/$id.pid"
  wait_for "tcpdump on $host" grep -q 'listening on' "$log"
}

# Stop every capture. Fails if tcpdump says the kernel dropped packets: such a capture is no truth.
capture_stop() {
  local file
  local -a pids=()
  sleep 0.3 # the last packet crosses the userspace datapaths; there is no event to wait for
  record_note "captures end"
  for file in "$LAB_STATE"/run/capture-*.pid; do
    [[ ! -e $file ]] || pids+=("$(cat "$file")")
  done
  ((${#pids[@]} > 0)) || die "no capture runs"
  end_pids "${pids[@]}" # at once, so that the captures end together
  for file in "$LAB_STATE"/run/capture-*.log; do
    grep -q '^0 packets dropped by kernel' "$file" || die "capture lost packets: $(cat "$file")"
    rm -f "$file" "${file%.log}.pid"
  done
}

# Tables whose rows name what is seen in the captures.
TRUTH_TABLES=(
  SB_Global Chassis Encap Datapath_Binding Port_Binding Multicast_Group
  Gateway_Chassis HA_Chassis_Group HA_Chassis MAC_Binding FDB BFD
)

# One JSON object: table name -> what `ovn-sbctl -f json list TABLE` printed.
snapshot_truth() {
  local table separator=
  printf '{'
  for table in "${TRUTH_TABLES[@]}"; do
    printf '%s\n"%s": %s' "$separator" "$table" "$(sb -f json list "$table")"
    separator=,
  done
  printf '\n}\n'
}

# snapshot DIRECTORY [full]: sb.db (the journal) and ovn-sbctl.json; with `full` also
# sb.backup.db and sb.dump.json. All of one moment: taken again if the journal grew meanwhile.
snapshot() {
  local dir=$1 full=${2:-} size tries
  ! clustered || die "no journal to copy: the southbound is a cluster"
  sync_all
  for ((tries = 0; tries < 10; tries++)); do
    size=$(stat -c %s "$LAB_STATE/central/sb.db")
    cp "$LAB_STATE/central/sb.db" "$dir/sb.db"
    snapshot_truth >"$dir/ovn-sbctl.json"
    if [[ $full == full ]]; then
      ovsdb-client backup "unix:$SB_SOCKET" OVN_Southbound >"$dir/sb.backup.db"
      ovsdb-client -f json dump "unix:$SB_SOCKET" OVN_Southbound >"$dir/sb.dump.json"
    fi
    if [[ $(stat -c %s "$LAB_STATE/central/sb.db") == "$size" ]]; then
      ovsdb-tool show-log "$dir/sb.db" >/dev/null || die "$dir/sb.db is not a whole journal"
      return 0
    fi
    sleep 0.5
  done
  die "the southbound database does not come to rest"
}

# Markdown rows `| name | datapath-key | port-key | type | chassis |`, as ovn-sbctl tells them.
port_table() {
  {
    sb -f csv --no-headings --columns=_uuid,tunnel_key,external_ids list Datapath_Binding | sed 's/^/D,/'
    sb -f csv --no-headings --columns=_uuid,name list Chassis | sed 's/^/C,/'
    sb -f csv --no-headings --columns=datapath,tunnel_key,type,chassis,logical_port list Port_Binding | sed 's/^/P,/'
    sb -f csv --no-headings --columns=datapath,tunnel_key,name list Multicast_Group | sed 's/^/M,/'
  } | tr -d '"' | awk -F, '
    $1 == "D" { key[$2] = $3; name[$2] = $0; sub(/.*[{ ]name=/, "", name[$2]); sub(/[,}].*/, "", name[$2]) }
    $1 == "C" { chassis[$2] = $3 }
    $1 == "P" { printf "%d %d | %s | %s | %d (%s) | %d | %s | %s |\n", key[$2], $3, "", $6, key[$2], name[$2], $3,
                ($4 == "" ? "vif" : $4), ($5 in chassis ? chassis[$5] : "") }
    $1 == "M" { printf "%d %d | %s | %s | %d (%s) | %d | multicast group | |\n", key[$2], $3, "", $4, key[$2], name[$2], $3 }
  ' | sort -n -k1,1 -k2,2 | sed 's/^[0-9]* [0-9]* |  //'
}
