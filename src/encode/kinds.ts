/* What tunnels frames can be in, what they can carry, and how they can be wrong: names, and words for people. */

/** Kinds of tunnels, with what messages call them. */
export const encapKinds = { geneve: "Geneve", vxlan: "VXLAN", stt: "STT" } as const;
export type EncapKind = keyof typeof encapKinds;

/** Inner frames that can be made without a guest that sends them. */
export const innerKinds = {
  arp: "an ARP request",
  "arp-reply": "an ARP reply",
  icmp: "an ICMP or ICMPv6 echo request",
  "icmp-reply": "an echo reply",
  udp: "a UDP datagram",
  "tcp-syn": "the TCP segment that opens a connection",
} as const;
export type InnerKind = keyof typeof innerKinds;

/** Ways for a frame to be wrong. */
export const corruptKinds = {
  version: "Geneve's version is 1",
  "opt-len": "Opt Len is a word less than the options take, so that the last one overruns it",
  "opt-len-beyond": "Opt Len is a word more than there is: the datagram ends behind the options",
  "option-length": "the last option says that it has 31 words of data, more than Opt Len has room for",
  "ovn-option": "OVN's option has two words of data",
  "critical-flag": "C says the opposite of what the options say",
  "reserved-bits": "all reserved bits are set, the options' too",
  "protocol-type": "Geneve carries a protocol that nobody knows, 0x88b5",
  "inner-truncated": "the inner frame ends within its network header, and all lengths outside say so",
  "udp-length": "UDP's length is 8 bytes more than IP has",
  "ip-length": "the outer IP header's length is 8 bytes more than the frame has",
  "udp-checksum": "the outer UDP checksum is wrong",
  "ip-checksum": "the outer IPv4 header's checksum is wrong",
} as const;
export type CorruptKind = keyof typeof corruptKinds;
