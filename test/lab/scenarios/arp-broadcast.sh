# shellcheck shell=bash
title='broadcasts and frames to unknown addresses, delivered to multicast groups'
topology=basic
shows='Egress keys of 32768 and more are multicast groups. vm1 asks for an address nobody has (_MC_flood,
32768), for the router (_MC_flood_l2, 32772), and for vm5, whose addresses OVN was told are unknown: that request
is flooded and its reply comes back to a single port. A frame to a MAC nobody has goes to the ports
with unknown addresses (_MC_unknown, 32769).'

prepare() {
  vm_port network1 vm5 unknown
  plug vm5 hv2 40:44:00:00:00:06 192.168.0.15/24 192.168.0.1
  wait_ports_up vm5
  wait_ping vm1 192.168.0.13
}

play() {
  vm vm1 arping -c 2 -w 2 -I vm1 192.168.0.99 || true # nobody answers
  vm vm3 arping -c 2 -w 2 -I vm3 192.168.0.99 || true
  vm vm1 arping -c 1 -w 2 -I vm1 192.168.0.1
  vm vm1 ping -n -c 2 -i 0.2 192.168.0.15
  vm vm1 ip neigh replace 192.168.0.98 lladdr 40:44:00:00:00:98 dev vm1
  vm vm1 ping -n -c 2 -i 0.2 -W 0.5 192.168.0.98 || true
}

check() {
  expect_some hv2 4 'udp dst port 6081 and udp[22:2] = 32768' # egress key
  expect_some hv2 2 'udp dst port 6081 and udp[22:2] = 32769'
  expect_some hv2 1 'udp dst port 6081 and udp[22:2] = 32772'
}
