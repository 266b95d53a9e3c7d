# shellcheck shell=bash
title='vm1 pings vm3 on the same switch'
topology=basic
shows='One datapath both ways, and the keys swap: ingress vm1, egress vm3, and back. No ARP crosses:
OVN answers it on the sender'"'"'s host, for it knows the address of vm3.'

prepare() {
  wait_ping vm1 192.168.0.13
  ip -n "$(netns vm1)" neigh flush dev vm1 # so that vm1 asks for vm3 again, within the capture
}

play() { vm vm1 ping -n -c 5 -i 0.2 192.168.0.13; }

check() { expect_both 10 'udp dst port 6081'; }
