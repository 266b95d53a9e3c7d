# shellcheck shell=bash
title='a VTEP gateway beside Geneve: VXLAN whose VNI is a datapath key'
topology=basic
encap=geneve,vxlan
shows='The hosts have end points for Geneve and VXLAN, and use Geneve between them. gw1 is a chassis that is a VTEP
gateway (there is no machine behind its address: central answers that the port is closed), and network1 has a port
on it, rack1. Broadcasts of vm1 go to hv2 and gw1, frames to a MAC nobody has to gw1. The VNI on the way there is
the key of network1, and no port is named.'

prepare() {
  record ovn-sbctl chassis-add gw1 vxlan 10.127.0.100 -- set Chassis gw1 other_config:is-vtep=true
  sb chassis-add gw1 vxlan 10.127.0.100 -- set Chassis gw1 other_config:is-vtep=true
  ip -n "$(netns central)" addr add 10.127.0.100/24 dev ul
  nb --wait=sb lsp-add network1 rack1 -- lsp-set-type rack1 vtep -- lsp-set-addresses rack1 unknown \
    -- lsp-set-options rack1 vtep-physical-switch=gw1 vtep-logical-switch=rack
  record ovn-sbctl lsp-bind rack1 gw1
  sb lsp-bind rack1 gw1
  sync_all
  wait_ping vm1 192.168.0.13
  # The first packets to the gateway wait for its MAC.
  wait_for 'VXLAN to gw1' vxlan_flows
  vm vm1 ip neigh replace 192.168.0.98 lladdr 40:44:00:00:00:98 dev vm1
}

vxlan_flows() {
  in_netns vm1 arping -c 1 -w 1 -I vm1 192.168.0.99 >/dev/null 2>&1 || true
  in_host hv1 ovs-appctl -t "$LAB_STATE/hv1/ovs-vswitchd.ctl" tnl/neigh/show | grep -q '^10.127.0.100 '
}

captures() { capture_start hv1 "$out/hv1.pcap"; }

play() {
  vm vm1 ping -n -c 2 -i 0.2 192.168.0.13
  vm vm1 arping -c 2 -w 2 -I vm1 192.168.0.99 || true # nobody answers
  vm vm1 ping -n -c 2 -i 0.2 -W 0.5 192.168.0.98 || true
}

check() {
  expect hv1 4 'udp dst port 4789 and dst host 10.127.0.100 and udp[12:4] = 0x100' # VNI 1
  expect hv1 4 'udp dst port 4789'
  expect_some hv1 6 'udp dst port 6081'
}
