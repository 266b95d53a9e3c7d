/**
 * Lines of `ovs-appctl dpctl/dump-flows` (Open vSwitch 3.1.0, OVN 23.03) of the lab's topologies gateway and dual-stack
 * after pings between their VMs and to the machine outside: see test/lab/README.md. As printed.
 */
export const flowLines = {
  /** A frame from a tunnel; of the destination only whether it is a group is looked at. */
  received:
    "tunnel(tun_id=0x1,src=10.127.0.4,dst=10.127.0.3,geneve({class=0x102,type=0x80,len=4,0x30001/0x7fffffff}),flags(-df+csum+key)),ct_mark(0/0x2),recirc_id(0),in_port(4),packet_type(ns=0,id=0),eth(src=40:44:00:00:00:03,dst=40:44:00:00:00:01/01:00:00:00:00:00),eth_type(0x0800),ipv4(frag=no), packets:3, bytes:294, used:0.007s, actions:7",
  /** The same flow with `--names`: ports by their names. */
  receivedWithNames:
    "tunnel(tun_id=0x1,src=10.127.0.4,dst=10.127.0.3,geneve({class=0x102,type=0x80,len=4,0x30001/0x7fffffff}),flags(-df+csum+key)),ct_mark(0/0x2),recirc_id(0),in_port(genev_sys_6081),packet_type(ns=0,id=0),eth(src=40:44:00:00:00:03,dst=40:44:00:00:00:01/01:00:00:00:00:00),eth_type(0x0800),ipv4(frag=no), packets:3, bytes:294, used:0.011s, actions:vm1",
  /** The same flow with `-m`: all fields, those that are not looked at with a mask of 0. */
  receivedVerbose:
    "ufid:809339ce-029c-4ada-8ed1-fd8351119942, skb_priority(0/0),tunnel(tun_id=0x1,src=10.127.0.4,dst=10.127.0.3,ttl=64/0,tp_src=48498/0,tp_dst=6081/0,geneve({class=0x102,type=0x80,len=4,0x30001/0x7fffffff}),flags(-df+csum+key)),skb_mark(0/0),ct_state(0/0),ct_zone(0/0),ct_mark(0/0x2),ct_label(0/0),recirc_id(0),dp_hash(0/0),in_port(genev_sys_6081),packet_type(ns=0,id=0),eth(src=40:44:00:00:00:03,dst=40:44:00:00:00:01/01:00:00:00:00:00),eth_type(0x0800),ipv4(src=172.24.4.100/0.0.0.0,dst=192.168.0.11/0.0.0.0,proto=1/0,tos=0/0,ttl=63/0,frag=no),icmp(type=0/0,code=0/0), packets:3, bytes:294, used:0.015s, dp:ovs, actions:vm1, dp-extra-info:miniflow_bits(11,1)",
  /** On the gateway, where no MAC is looked at. */
  receivedNoMacs:
    "tunnel(tun_id=0x3,src=10.127.0.3,dst=10.127.0.4,geneve({class=0x102,type=0x80,len=4,0x10004/0x7fffffff}),flags(-df+csum+key)),ct_mark(0/0x2),recirc_id(0),in_port(4),packet_type(ns=0,id=0),eth_type(0x0800),ipv4(src=192.168.0.11/255.255.0.0,dst=172.24.4.100/255.255.255.192,frag=no), packets:1, bytes:98, used:2.371s, actions:ct(commit,zone=7,nat(src=172.24.4.1)),recirc(0x5)",
  /** The second round of a frame, whose MACs and addresses may have been changed; `geneve({})`: any option. */
  receivedAgain:
    "tunnel(tun_id=0x3,src=10.127.0.3,dst=10.127.0.4,geneve({}),flags(-df+csum+key)),ct_mark(0/0x2),recirc_id(0x5),in_port(4),packet_type(ns=0,id=0),eth(src=40:44:00:00:00:07,dst=26:b6:c9:f1:34:49),eth_type(0x0800),ipv4(dst=172.24.4.100/255.255.255.192,frag=no), packets:1, bytes:98, used:2.371s, actions:ct_clear,6",
  /** A group that is looked at as such only. */
  receivedArp:
    "tunnel(tun_id=0x1,src=10.127.0.3,dst=10.127.0.4,geneve({class=0x102,type=0x80,len=4,0x18000/0x7fffffff}),flags(-df+csum+key)),ct_mark(0/0x2),recirc_id(0),in_port(4),packet_type(ns=0,id=0),eth(src=40:44:00:00:00:01,dst=ff:ff:ff:ff:ff:ff/01:00:00:00:00:00),eth_type(0x0806), packets:1, bytes:42, used:1.036s, actions:8",
  /** An underlay of IPv6, and an inner IPv6 address of which a part is looked at. */
  receivedIpv6:
    "ufid:b86abf81-a725-4f3b-a13a-27b2045a8cdd, skb_priority(0/0),tunnel(tun_id=0x1,ipv6_src=fd00:127::4,ipv6_dst=fd00:127::3,ttl=64/0,tp_src=49783/0,tp_dst=6081/0,geneve({class=0x102,type=0x80,len=4,0x30001/0x7fffffff}),flags(-df+csum+key)),skb_mark(0/0),ct_state(0/0),ct_zone(0/0),ct_mark(0/0),ct_label(0/0),recirc_id(0),dp_hash(0/0),in_port(genev_sys_6081),packet_type(ns=0,id=0),eth(src=40:44:00:00:00:03,dst=40:44:00:00:00:01/01:00:00:00:00:00),eth_type(0x86dd),ipv6(src=fd00:2::12/ffc0::,dst=fd00:1::11,label=0x89e40/0,proto=58,tclass=0/0,hlimit=63,frag=no),icmpv6(type=129/0,code=0/0), packets:2, bytes:236, used:0.649s, dp:ovs, actions:vm1, dp-extra-info:miniflow_bits(14,4)",
  /** A frame to a tunnel of the datapath in user space. */
  sent: "recirc_id(0),in_port(7),packet_type(ns=0,id=0),eth(src=40:44:00:00:00:01,dst=40:44:00:00:00:05),eth_type(0x0800),ipv4(tos=0/0x3,frag=no), packets:2, bytes:196, used:0.967s, actions:tnl_push(tnl_port(4),header(size=58,type=5,eth(dst=52:54:00:00:00:02,src=52:54:00:00:00:01,dl_type=0x0800),ipv4(src=10.127.0.3,dst=10.127.0.4,proto=17,tos=0,ttl=64,frag=0x4000),udp(src=0,dst=6081,csum=0xffff),geneve(crit,vni=0x1,options({class=0x102,type=0x80,len=4,0x10002}))),out_port(1)),2",
  /** One that is routed first: other MACs than those that it came with. */
  sentRouted:
    "ct_mark(0/0x2),recirc_id(0),in_port(7),packet_type(ns=0,id=0),eth(src=40:44:00:00:00:01,dst=40:44:00:00:00:03),eth_type(0x0800),ipv4(src=192.168.0.11/255.255.255.248,dst=172.24.4.100,proto=1,tos=0/0x3,ttl=64,frag=no), packets:2, bytes:196, used:0.007s, actions:set(eth(src=40:44:00:00:00:07,dst=26:b6:c9:f1:34:49)),set(ipv4(ttl=63)),tnl_push(tnl_port(4),header(size=58,type=5,eth(dst=52:54:00:00:00:02,src=52:54:00:00:00:01,dl_type=0x0800),ipv4(src=10.127.0.3,dst=10.127.0.4,proto=17,tos=0,ttl=64,frag=0x4000),udp(src=0,dst=6081,csum=0xffff),geneve(crit,vni=0x3,options({class=0x102,type=0x80,len=4,0x10004}))),out_port(1)),2",
  /** One that is measured first. */
  sentBranched:
    "ct_mark(0/0x2),recirc_id(0),in_port(7),packet_type(ns=0,id=0),eth(src=40:44:00:00:00:01,dst=40:44:00:00:00:03),eth_type(0x0800),ipv4(src=192.168.0.11/255.255.255.248,dst=172.24.4.100,proto=1,tos=0/0x3,ttl=64,frag=no), packets:2, bytes:196, used:2.367s, actions:set(eth(src=40:44:00:00:00:07,dst=26:b6:c9:f1:34:49)),set(ipv4(ttl=63)),check_pkt_len(size=1414,gt(userspace(pid=0,controller(reason=1,dont_send=0,continuation=0,recirc_id=3,rule_cookie=0xa914c0e5,controller_id=0,max_len=65535))),le(clone(tnl_push(tnl_port(4),header(size=58,type=5,eth(dst=52:54:00:00:00:02,src=52:54:00:00:00:01,dl_type=0x0800),ipv4(src=10.127.0.3,dst=10.127.0.4,proto=17,tos=0,ttl=64,frag=0x4000),udp(src=0,dst=6081,csum=0xffff),geneve(crit,vni=0x3,options({class=0x102,type=0x80,len=4,0x10004}))),out_port(1)),2)))",
  /** One that is sent in its second round, in which its addresses are the right ones already. */
  sentAgain:
    "ct_mark(0/0x2),recirc_id(0x7),in_port(6),packet_type(ns=0,id=0),eth(src=26:b6:c9:f1:34:49,dst=40:44:00:00:00:07),eth_type(0x0800),ipv4(dst=192.168.0.11,proto=1,tos=0/0x3,ttl=64,frag=no), packets:1, bytes:98, used:2.370s, actions:ct_clear,set(eth(src=40:44:00:00:00:03,dst=40:44:00:00:00:01)),set(ipv4(ttl=63)),tnl_push(tnl_port(4),header(size=58,type=5,eth(dst=52:54:00:00:00:01,src=52:54:00:00:00:02,dl_type=0x0800),ipv4(src=10.127.0.4,dst=10.127.0.3,proto=17,tos=0,ttl=64,frag=0x4000),udp(src=0,dst=6081,csum=0xffff),geneve(crit,vni=0x1,options({class=0x102,type=0x80,len=4,0x30001}))),out_port(1)),2",
  /** A group, to a tunnel and to ports. */
  sentCloned:
    "ufid:b3aa5c7e-54e2-4ba1-9bb4-f1a6d7cd7f5e, skb_priority(0/0),skb_mark(0/0),ct_state(0/0),ct_zone(0/0),ct_mark(0/0),ct_label(0/0),recirc_id(0),dp_hash(0/0),in_port(vm3),packet_type(ns=0,id=0),eth(src=40:44:00:00:00:05,dst=33:33:00:00:00:16),eth_type(0x86dd),ipv6(src=::/ffc0::,dst=ff02::16,label=0/0,proto=58,tclass=0/0x3,hlimit=1,frag=no),icmpv6(type=143,code=0/0), packets:1, bytes:110, used:0.527s, dp:ovs, actions:clone(tnl_push(tnl_port(genev_sys_6081),header(size=78,type=5,eth(dst=52:54:00:00:00:01,src=52:54:00:00:00:02,dl_type=0x86dd),ipv6(src=fd00:127::4,dst=fd00:127::3,label=0,proto=17,tclass=0x0,hlimit=64),udp(src=0,dst=6081,csum=0xffff),geneve(crit,vni=0x1,options({class=0x102,type=0x80,len=4,0x28000}))),out_port(br-ul)),eth1),vm5, dp-extra-info:miniflow_bits(5,5)",
  /** Routed, over IPv6. */
  sentIpv6:
    "ufid:e139814e-19b9-4ee6-9812-9c724a5506db, skb_priority(0/0),skb_mark(0/0),ct_state(0/0),ct_zone(0/0),ct_mark(0/0),ct_label(0/0),recirc_id(0),dp_hash(0/0),in_port(vm1),packet_type(ns=0,id=0),eth(src=40:44:00:00:00:01,dst=40:44:00:00:00:03),eth_type(0x86dd),ipv6(src=fd00:1::11/ffff:ffff:ffff:ffff::,dst=fd00:2::12,label=0xe2823/0,proto=58,tclass=0/0x3,hlimit=64,frag=no),icmpv6(type=128/0,code=0/0), packets:2, bytes:236, used:0.649s, dp:ovs, actions:set(eth(src=40:44:00:00:00:04,dst=40:44:00:00:00:02)),set(ipv6(hlimit=63)),tnl_push(tnl_port(genev_sys_6081),header(size=78,type=5,eth(dst=52:54:00:00:00:02,src=52:54:00:00:00:01,dl_type=0x86dd),ipv6(src=fd00:127::3,dst=fd00:127::4,label=0,proto=17,tclass=0x0,hlimit=64),udp(src=0,dst=6081,csum=0xffff),geneve(crit,vni=0x2,options({class=0x102,type=0x80,len=4,0x20001}))),out_port(br-ul)),eth1, dp-extra-info:miniflow_bits(5,4)",
  /** ARP. */
  arpSent:
    "ct_mark(0/0x2),recirc_id(0),in_port(7),packet_type(ns=0,id=0),eth(src=40:44:00:00:00:01,dst=ff:ff:ff:ff:ff:ff),eth_type(0x0806),arp(sip=192.168.0.11,tip=192.168.0.77,op=1,sha=40:44:00:00:00:01), packets:1, bytes:42, used:1.032s, actions:tnl_push(tnl_port(4),header(size=58,type=5,eth(dst=52:54:00:00:00:02,src=52:54:00:00:00:01,dl_type=0x0800),ipv4(src=10.127.0.3,dst=10.127.0.4,proto=17,tos=0,ttl=64,frag=0x4000),udp(src=0,dst=6081,csum=0xffff),geneve(crit,vni=0x1,options({class=0x102,type=0x80,len=4,0x18000}))),out_port(1)),2",
  /** Nothing to do with tunnels. */
  local:
    "recirc_id(0),in_port(2),packet_type(ns=0,id=0),eth(src=72:fe:46:20:a9:71,dst=ff:ff:ff:ff:ff:ff),eth_type(0x0806),arp(sip=10.127.0.2,tip=10.127.0.3,op=1), packets:0, bytes:0, used:never, actions:1",
  /** The form of a kernel, put into the datapath with `dpctl/add-flow`, printed by it: the MACs are changed behind `set(tunnel(...))`, and the first output is the tunnel. */
  setTunnel:
    "recirc_id(0),in_port(7),eth(src=40:44:00:00:00:01,dst=40:44:00:00:00:05),eth_type(0x0800),ipv4(frag=no), packets:0, bytes:0, used:never, actions:set(tunnel(tun_id=0x1,dst=10.127.0.4,ttl=64,tp_dst=6081,geneve({class=0x102,type=0x80,len=4,0x10002}),flags(df|csum|key))),set(eth(src=40:44:00:00:00:03,dst=40:44:00:00:00:01)),set(ipv4(ttl=63)),4,7",
  /** The same with a tag that is put on before. */
  setTunnelVlan:
    "ufid:5e9c265c-72e8-4fd8-a4a7-870b933698b9, skb_priority(0/0),skb_mark(0/0),ct_state(0/0),ct_zone(0/0),ct_mark(0/0),ct_label(0/0),recirc_id(0),dp_hash(0/0),in_port(7),packet_type(ns=0/0,id=0/0),eth(src=40:44:00:00:00:01,dst=40:44:00:00:00:09),eth_type(0x0800),ipv4(src=0.0.0.0/0.0.0.0,dst=0.0.0.0/0.0.0.0,proto=0/0,tos=0/0,ttl=0/0,frag=no), packets:0, bytes:0, used:never, dp:ovs, actions:push_vlan(vid=5,pcp=0),set(tunnel(tun_id=0x1,dst=10.127.0.4,ttl=64,tp_dst=6081,geneve({class=0x102,type=0x80,len=4,0x10002}),flags(df|csum|key))),genev_sys_6081, dp-extra-info:miniflow_bits(4,1)",
} as const;
