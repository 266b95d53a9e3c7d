# shellcheck shell=bash
title='the routed ping captured on all devices at once, in both Linux cooked formats'
topology=basic
shows='Linux cooked v1 and v2 (`tcpdump -i any -y LINUX_SLL`, `-y LINUX_SLL2`), both on hv1 at the same time and
so of the same packets. A packet may appear once for each device that it crosses.'

prepare() { wait_ping vm1 192.168.1.12; }

captures() {
  capture_start hv1 "$out/any-v1.pcap" -i any -y LINUX_SLL
  capture_start hv1 "$out/any-v2.pcap" -i any -y LINUX_SLL2
}

play() { vm vm1 ping -n -c 5 -i 0.2 192.168.1.12; }

check() {
  local file
  for file in any-v1 any-v2; do
    (($(count "$out/$file.pcap" 'udp dst port 6081') >= 10)) || die "cooked: $file.pcap lacks tunnel packets"
  done
}
