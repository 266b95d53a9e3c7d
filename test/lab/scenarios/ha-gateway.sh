# shellcheck shell=bash
title='traffic to the outside by way of a gateway chassis, and the BFD that watches it'
topology=gateway
slack=2
shows='router1 has a gateway port on two chassis, worker1 before worker2, set within the capture: BFD comes up inside
the tunnel (VNI 0, no options). vm2 on worker2 pings the outside: its packets travel on router1 to the
chassisredirect port cr-router1-public on worker1, with the router'"'"'s inner port as ingress; the replies come
back on network2. The outside itself is reached by a localnet port, so no tunnel shows it.'

play() {
  gateway_chassis worker1 20 worker2 10
  wait_bfd_up
  # OVN resolves the outside's MAC with the first packet and may drop that one.
  vm vm2 ping -n -c 5 -i 0.5 198.51.100.10 || true
  vm vm3 ping -n -c 3 -i 0.5 172.24.4.100
}

check() {
  expect_some hv1 6 'udp dst port 6081 and udp[12:4] = 0'      # BFD: VNI 0
  expect_some hv1 7 'udp dst port 6081 and udp[12:4] = 0x300'  # router1
  expect_some hv2 7 'udp dst port 6081 and src host 10.127.0.3 and udp[12:4] != 0'
}
