# shellcheck shell=bash
# The basic topology and a way out: a switch `public` with a localnet port on the physical network
# physnet1, which both hosts reach by br-ex, and on it the machine `outside`.
# The gateway port has no chassis yet: a scenario gives it one, or two (gateway_chassis).
#
#   router1-public 172.24.4.1/24 ── public ── br-ex (eth2) ── outside 172.24.4.100, 198.51.100.10

topology_gateway() {
  local host
  netns_add outside
  bridge_add outside ext 172.24.4.100/24
  ip -n "$(netns outside)" addr add 198.51.100.10/32 dev lo
  for host in "${HOSTS[@]}"; do
    link_to_bridge "$host" eth2 outside ext
    record "$host\$" ovs-vsctl add-br br-ex -- add-port br-ex eth2 \
      -- set Open_vSwitch . external-ids:ovn-bridge-mappings=physnet1:br-ex
    vs "$host" -- add-br br-ex -- set Bridge br-ex datapath_type=netdev -- add-port br-ex eth2 \
      -- set Open_vSwitch . external-ids:ovn-bridge-mappings=physnet1:br-ex
  done
  topology_basic
  nb --wait=sb ls-add public
  nb --wait=sb lsp-add public ln-public -- lsp-set-type ln-public localnet \
    -- lsp-set-addresses ln-public unknown -- lsp-set-options ln-public network_name=physnet1
  router_port public router1 40:44:00:00:00:07 172.24.4.1/24
  nb --wait=sb lr-nat-add router1 snat 172.24.4.1 192.168.0.0/16 \
    -- lr-route-add router1 0.0.0.0/0 172.24.4.100
  sync_all
}

# gateway_chassis CHASSIS PRIORITY [CHASSIS PRIORITY]: with two, they watch each other by BFD.
gateway_chassis() {
  while (($# > 0)); do
    nb --wait=sb lrp-set-gateway-chassis router1-public "$1" "$2"
    shift 2
  done
  sync_all
}

# The tunnel's BFD session is up, seen from each host.
wait_bfd_up() {
  local host
  for host in "${HOSTS[@]}"; do wait_for "BFD on $host" bfd_up "$host"; done
}
bfd_up() { vs "$1" --bare --columns=bfd_status find Interface type=geneve | grep -q 'state=up'; }
