# shellcheck shell=bash
title='the tunnel itself over IPv6'
topology=basic
underlay=ipv6
shows='The chassis have IPv6 encap addresses; the outer UDP checksum is never zero there. Inside: vm1 pings vm2
through router1 and vm3 on its own switch.'

prepare() {
  wait_ping vm1 192.168.1.12
  wait_ping vm1 192.168.0.13
}

play() {
  vm vm1 ping -n -c 5 -i 0.2 192.168.1.12
  vm vm1 ping -n -c 3 -i 0.2 192.168.0.13
}

check() {
  expect_both 16 'ip6 and udp dst port 6081'
  expect_both 0 'ip and udp dst port 6081'
}
