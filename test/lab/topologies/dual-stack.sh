# shellcheck shell=bash
# The basic topology with IPv6 beside IPv4 (same names, MACs and keys), and vm5, of which OVN
# knows the MAC alone, so that neighbour discovery for it has to cross the tunnel.
#
#   network1 fd00:1::/64 ── router1 ── network2 fd00:2::/64
#     vm1 ::11 (hv1)                     vm2 ::12 (hv2)
#     vm3 ::13 (hv2)
#     vm5 ::15 (hv2)

topology_dual_stack() {
  nb --wait=sb ls-add network1
  nb --wait=sb ls-add network2
  nb --wait=sb lr-add router1
  vm_port network1 vm1 '40:44:00:00:00:01 192.168.0.11 fd00:1::11'
  vm_port network2 vm2 '40:44:00:00:00:02 192.168.1.12 fd00:2::12'
  vm_port network1 vm3 '40:44:00:00:00:05 192.168.0.13 fd00:1::13'
  router_port network1 router1 40:44:00:00:00:03 192.168.0.1/24 fd00:1::1/64
  router_port network2 router1 40:44:00:00:00:04 192.168.1.1/24 fd00:2::1/64
  vm_port network1 vm5 40:44:00:00:00:06
  cloud_names
  plug vm1 hv1 40:44:00:00:00:01 192.168.0.11/24,fd00:1::11/64 192.168.0.1,fd00:1::1
  plug vm2 hv2 40:44:00:00:00:02 192.168.1.12/24,fd00:2::12/64 192.168.1.1,fd00:2::1
  plug vm3 hv2 40:44:00:00:00:05 192.168.0.13/24,fd00:1::13/64 192.168.0.1,fd00:1::1
  plug vm5 hv2 40:44:00:00:00:06 192.168.0.15/24,fd00:1::15/64 192.168.0.1,fd00:1::1
  wait_ports_up vm1 vm2 vm3 vm5
}
