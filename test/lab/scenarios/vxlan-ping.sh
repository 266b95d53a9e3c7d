# shellcheck shell=bash
title='VXLAN tunnels: vm1 pings vm2 and vm3, and asks for an address nobody has'
topology=basic
encap=vxlan
shows='The VNI has two keys: twelve bits of the egress port above twelve of the datapath. There is no ingress key, and
a multicast group keeps the low eleven bits of its key: VNI 0x800001 is _MC_flood (32768) of datapath 1.'

prepare() {
  wait_ping vm1 192.168.1.12
  wait_ping vm1 192.168.0.13
}

play() {
  vm vm1 ping -n -c 3 -i 0.2 192.168.1.12
  vm vm1 ping -n -c 2 -i 0.2 192.168.0.13
  vm vm1 arping -c 2 -w 2 -I vm1 192.168.0.99 || true # nobody answers
}

check() {
  expect_both 12 'udp dst port 4789'
  expect_both 0 'udp dst port 6081'
  expect_both 3 'udp dst port 4789 and udp[12:4] = 0x100200' # VNI 0x001002: egress 1, datapath 2
  expect_both 2 'udp dst port 4789 and udp[12:4] = 0x80000100'
}
