# shellcheck shell=bash
# Two switches joined by a router; vm1 on hv1, vm2 and vm3 on hv2.
#
#   network1 192.168.0.0/24 ── router1 ── network2 192.168.1.0/24
#     vm1 .11 (hv1)                         vm2 .12 (hv2)
#     vm3 .13 (hv2)

# ovn-northd numbers what it finds new, in no particular order. Each --wait=sb lets it number one
# thing at a time, so that the keys come out the same in every lab: network1 1, network2 2, router1 3;
# on network1 vm1 1, vm3 2, net1-router1 3; on network2 vm2 1, net2-router1 2.

# router_port SWITCH ROUTER MAC ADDRESS...: both ends of a patch, named net1-router1 and router1-net1.
router_port() {
  local switch=$1 router=$2 mac=$3 net=${1/network/net}
  shift 3
  nb --wait=sb lrp-add "$router" "$router-$net" "$mac" "$@" \
    -- lsp-add "$switch" "$net-$router" \
    -- lsp-set-type "$net-$router" router \
    -- lsp-set-addresses "$net-$router" "$mac" \
    -- lsp-set-options "$net-$router" "router-port=$router-$net"
}

vm_port() {
  nb --wait=sb lsp-add "$1" "$2" -- lsp-set-addresses "$2" "$3"
}

# Names as a cloud gives them; ovn-northd copies them to the southbound database.
cloud_names() {
  nb --wait=sb set Logical_Switch network1 'external_ids:neutron\:network_name=frontend' \
    -- set Logical_Switch network2 'external_ids:neutron\:network_name=backend' \
    -- set Logical_Switch_Port vm1 'external_ids:neutron\:port_name=web-1' \
    -- set Logical_Switch_Port vm2 'external_ids:neutron\:port_name=db-1'
}

topology_basic() {
  nb --wait=sb ls-add network1
  nb --wait=sb ls-add network2
  nb --wait=sb lr-add router1
  vm_port network1 vm1 '40:44:00:00:00:01 192.168.0.11'
  vm_port network2 vm2 '40:44:00:00:00:02 192.168.1.12'
  vm_port network1 vm3 '40:44:00:00:00:05 192.168.0.13'
  router_port network1 router1 40:44:00:00:00:03 192.168.0.1/24
  router_port network2 router1 40:44:00:00:00:04 192.168.1.1/24
  cloud_names
  plug vm1 hv1 40:44:00:00:00:01 192.168.0.11/24 192.168.0.1
  plug vm2 hv2 40:44:00:00:00:02 192.168.1.12/24 192.168.1.1
  plug vm3 hv2 40:44:00:00:00:05 192.168.0.13/24 192.168.0.1
  wait_ports_up vm1 vm2 vm3
}
