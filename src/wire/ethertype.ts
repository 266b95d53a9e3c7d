/** EtherTypes and IP protocol numbers (IANA registries) that lead from one header of this package to the next. */
export const EtherType = {
  ipv4: 0x0800,
  arp: 0x0806,
  /** Transparent Ethernet bridging: an Ethernet frame inside Geneve (RFC 8926 section 3.4). */
  bridged: 0x6558,
  /** IEEE 802.1Q tag. */
  vlan: 0x8100,
  ipv6: 0x86dd,
  /** IEEE 802.1ad (QinQ) service tag. */
  serviceVlan: 0x88a8,
  /** A QinQ tag older than 802.1ad. */
  legacyVlan: 0x9100,
} as const;

/** Smallest EtherType; what is below counts the bytes of an 802.3 frame's payload. */
export const ETHER_TYPE_MIN = 0x0600;

/** IP protocol numbers; the IPv6 extension headers are among them. */
export const IpProtocol = {
  hopByHop: 0,
  icmp: 1,
  tcp: 6,
  udp: 17,
  routing: 43,
  fragment: 44,
  esp: 50,
  authentication: 51,
  icmpv6: 58,
  noNext: 59,
  destinationOptions: 60,
  sctp: 132,
} as const;
