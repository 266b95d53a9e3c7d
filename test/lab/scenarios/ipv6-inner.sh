# shellcheck shell=bash
title='IPv6 inside the tunnel: echo, neighbour discovery, UDP and TCP'
topology=dual-stack
slack=8
shows='vm1 pings vm3 on its switch, vm2 behind the router, and vm5, of which OVN knows no address: the
neighbour solicitation for vm5 is flooded and its advertisement comes back to a single port. Then UDP and TCP from
vm1 to vm2. The guests'"'"' own multicast (router solicitations, MLD reports) is flooded too.'

prepare() {
  wait_ping vm1 fd00:1::13
  wait_ping vm1 fd00:2::12
}

play() {
  vm vm1 ping -n -c 3 -i 0.2 fd00:1::13
  vm vm1 ping -n -c 3 -i 0.2 fd00:2::12
  vm vm1 ping -n -c 2 -i 0.2 fd00:1::15
  vm_start vm2 iperf3 -s
  wait_for 'iperf3 on vm2' listening vm2 5201
  vm vm1 iperf3 -6 -c fd00:2::12 -u -b 1M -l 1000 -n 5000
  vm vm1 iperf3 -6 -c fd00:2::12 -b 2M -l 2000 -n 20000
  end_pids "$VM_PID"
}

check() {
  expect_some hv1 16 'udp dst port 6081 and udp[36:2] = 0x86dd' # inner EtherType
  # A solicitation for fd00:1::15, and an advertisement: inner ICMPv6 types 135 and 136.
  expect_some hv1 1 'udp dst port 6081 and udp[44] = 58 and udp[78] = 135 and udp[22:2] = 32768'
  expect_some hv1 1 'udp dst port 6081 and udp[44] = 58 and udp[78] = 136'
}
