import { reasonText } from "../wire/reason.js";

/** What became of a packet; the number stands in a frame's `status` column. */
export const FrameStatus = {
  /** Every header down to the inner transport was read and every byte it promises is there. */
  ok: 0,
  /** The capture's snapshot length cut bytes off; what was captured is right as far as it goes. */
  truncated: 1,
  /** A length, version or option contradicts the bytes around it. */
  malformed: 2,
  /** Legal, but not read here: an IP fragment, another Geneve version, an unknown link or payload type. */
  unsupported: 3,
  /** Certainly not a packet to a tunnel's port. */
  notGeneve: 4,
} as const;
export type FrameStatus = (typeof FrameStatus)[keyof typeof FrameStatus];

const statusNames = ["ok", "truncated", "malformed", "unsupported", "not-geneve"] as const;
export type FrameStatusName = (typeof statusNames)[number];

/** The status as JSON and people see it. */
export function statusName(status: number): FrameStatusName {
  return statusNames[status] ?? "unsupported";
}

/** The layer at which decoding stopped; the number stands in a frame's `stopLayer` column. */
export const FrameLayer = {
  none: 0,
  link: 1,
  ethernet: 2,
  sll: 3,
  sll2: 4,
  null: 5,
  ipv4: 6,
  ipv6: 7,
  udp: 8,
  geneve: 9,
  geneveOption: 10,
  ovnOption: 11,
  innerEthernet: 12,
  innerIpv4: 13,
  innerIpv6: 14,
  innerTcp: 15,
  innerUdp: 16,
  innerIcmp: 17,
  innerIcmpv6: 18,
  innerSctp: 19,
  innerArp: 20,
  tcp: 21,
  vxlan: 22,
  stt: 23,
} as const;
export type FrameLayer = (typeof FrameLayer)[keyof typeof FrameLayer];

const layerNames: readonly string[] = [
  "none",
  "link",
  "ethernet",
  "sll",
  "sll2",
  "null",
  "ipv4",
  "ipv6",
  "udp",
  "geneve",
  "geneve-option",
  "ovn-option",
  "inner-ethernet",
  "inner-ipv4",
  "inner-ipv6",
  "inner-tcp",
  "inner-udp",
  "inner-icmp",
  "inner-icmpv6",
  "inner-sctp",
  "inner-arp",
  "tcp",
  "vxlan",
  "stt",
];

/** The layer's name as JSON and people see it. */
export function layerName(layer: number): string {
  return layerNames[layer] ?? `layer ${layer}`;
}

/** Why a packet stopped, in words: a not-geneve packet is told from what its layer carries instead. */
export function stopText(status: number, layer: number, reason: number): string {
  if (status === FrameStatus.notGeneve) {
    if (layer === FrameLayer.udp) return "destination port is not a tunnel's";
    if (layer === FrameLayer.ipv4 || layer === FrameLayer.ipv6) return "not UDP";
    return "not IP";
  }
  return reasonText(reason);
}
