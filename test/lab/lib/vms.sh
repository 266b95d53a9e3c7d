# shellcheck shell=bash
# A VM is a namespace with one device, an OVS internal port of its host's br-int.

# What fits a 1500-byte underlay: 1500 less the 58 bytes that Geneve takes over IPv4, or 78 over IPv6.
vm_mtu() { cat "$LAB_STATE/vm-mtu"; }

# plug NAME HOST MAC ADDRESS/LEN[,ADDRESS/LEN...] [GATEWAY[,GATEWAY...]]
# NAME is the namespace, the device and the logical port (iface-id). IPv6 noise (router and
# neighbour discovery, MLD) comes only from VMs that have an IPv6 address.
plug() {
  local name=$1 host=$2 mac=$3 addresses=$4 gateways=${5:-} ns address gateway
  ns=$(netns "$name")
  record_note "$name starts on $host ($(chassis_of_host "$host")): $mac $addresses"
  record "$host\$" ovs-vsctl add-port br-int "$name" -- set Interface "$name" type=internal \
    "external_ids:iface-id=$name"
  netns_add "$name"
  vs "$host" --may-exist add-port br-int "$name" -- set Interface "$name" type=internal \
    "external_ids:iface-id=$name" "external_ids:attached-mac=\"$mac\"" \
    "external_ids:vm-id=$(cat /proc/sys/kernel/random/uuid)"
  ip -n "$(netns "$host")" link set "$name" netns "$ns"
  [[ $addresses == *::* ]] || ip -n "$ns" link set "$name" addrgenmode none
  ip -n "$ns" link set "$name" address "$mac" mtu "$(vm_mtu)"
  in_netns "$name" ethtool -K "$name" tx off >/dev/null 2>&1
  ip -n "$ns" link set "$name" up
  for address in ${addresses//,/ }; do
    if [[ $address == *:* ]]; then
      ip -n "$ns" addr add "$address" dev "$name" nodad
    else
      ip -n "$ns" addr add "$address" dev "$name"
    fi
  done
  for gateway in ${gateways//,/ }; do ip -n "$ns" route add default via "$gateway"; done
}

unplug() {
  local name=$1 host=$2
  record_note "$name leaves $host ($(chassis_of_host "$host"))"
  record "$host\$" ovs-vsctl del-port br-int "$name"
  ip netns del "$(netns "$name")"
  vs "$host" --if-exists --with-iface del-port br-int "$name"
}

# The logical ports are claimed by a chassis, and every chassis has the flows.
wait_ports_up() {
  local port
  for port; do
    ovn-nbctl --db="unix:$NB_SOCKET" --timeout="$LAB_TIMEOUT" wait-until Logical_Switch_Port "$port" up=true ||
      die "port $port did not come up"
  done
  sync_all
}

# The binding has reached the southbound database. A port that moves stays `up` for a while on its
# old chassis, so after a migration this, not `up`, is what to wait for.
wait_bound() {
  local port=$1 host=$2
  wait_for "$port to be bound to $host" bound "$port" "$host"
  sync_all
}
bound() {
  [[ $(sb --bare --columns=_uuid list Chassis "$(chassis_of_host "$2")") == \
    $(sb --bare --columns=chassis find Port_Binding "logical_port=$1" up=true) ]]
}

# Run in a VM, recorded as `vm1$ ping ...`.
vm() {
  local name=$1
  shift
  record "$name\$" "$@"
  in_netns "$name" "$@"
}

# Start in a VM in the background, recorded; its pid goes to the variable VM_PID and to the list
# that `down` ends. Output goes to the state directory.
vm_start() {
  local name=$1
  shift
  record "$name\$" "$@" '&'
  ip netns exec "$(netns "$name")" "$@" >"$LAB_STATE/run/$name.${1##*/}.out" 2>&1 &
  VM_PID=$!
  printf '%s\n' "$VM_PID" >"$LAB_STATE/run/$name.${1##*/}.$VM_PID.pid"
}

# Not recorded: warm the path up, so that caches are full and a capture starts in steady state.
wait_ping() {
  local name=$1 target=$2
  wait_for "$name to reach $target" in_netns "$name" ping -c1 -W1 -q "$target"
}

listening() { in_netns "$1" ss -Hltn "sport = :$2" | grep -q .; }
