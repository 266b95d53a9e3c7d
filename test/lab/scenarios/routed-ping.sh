# shellcheck shell=bash
title='vm1 pings vm2 on another switch, through router1'
topology=basic
shows='After routing, the keys are those of the switch behind the router: the request travels on
network2 with the router'"'"'s port (net2-router1) as ingress, the reply on network1 with net1-router1.
The VM that sent a packet is to be found from the inner addresses alone.'
snapshot=full

prepare() { wait_ping vm1 192.168.1.12; }

extra_captures() {
  capture_start hv1 "$out/hv1.nano.pcap" -i eth1 --time-stamp-precision=nano
}

play() { vm vm1 ping -n -c 5 -i 0.2 192.168.1.12; }

# What OVN says of the same packets, and what the two datapaths had cached for them.
extras() {
  {
    trace network1 'inport == "vm1" && eth.src == 40:44:00:00:00:01 && eth.dst == 40:44:00:00:00:03 && ip4.src == 192.168.0.11 && ip4.dst == 192.168.1.12 && ip.ttl == 64 && icmp4.type == 8'
    trace network2 'inport == "vm2" && eth.src == 40:44:00:00:00:02 && eth.dst == 40:44:00:00:00:04 && ip4.src == 192.168.1.12 && ip4.dst == 192.168.0.11 && ip.ttl == 64 && icmp4.type == 0'
  } >"$out/ovn-trace.txt"
  local host
  for host in "${HOSTS[@]}"; do
    ovsdb-client backup "unix:$LAB_STATE/$host/db.sock" Open_vSwitch >"$out/$host.conf.db"
    ovs-appctl -t "$LAB_STATE/$host/ovs-vswitchd.ctl" dpctl/dump-flows -m >"$out/$host.flows.txt"
  done
}

check() {
  expect_both 10 'udp dst port 6081'
  expect hv1 5 'udp dst port 6081 and src host 10.127.0.3'
  [[ $(grep -c 'output to "vm[12]"' "$out/ovn-trace.txt") == 2 ]] || die 'ovn-trace does not deliver'
}
