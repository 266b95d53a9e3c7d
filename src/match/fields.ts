/* The fields of OVN's match language that packets have, and how they are read: a column at a time. */
import type { PacketBatch } from "../capture/batch.js";
import { ABSENT, type FrameBatch } from "../frame/columns.js";
import { ArpOffset } from "../wire/arp.js";
import { ETHERNET_HEADER_BYTES, EthernetOffset } from "../wire/ethernet.js";
import { EtherType, IpProtocol } from "../wire/ethertype.js";
import { IcmpOffset } from "../wire/icmp.js";
import { Icmpv6Offset, NdOptionType } from "../wire/icmpv6.js";
import { Ipv4Offset } from "../wire/ipv4.js";
import { Ipv6Offset } from "../wire/ipv6.js";
import { SctpOffset } from "../wire/sctp.js";
import { TcpOffset } from "../wire/tcp.js";
import { UdpOffset } from "../wire/udp.js";
import { isTpid, VLAN_TAG_BYTES } from "../wire/vlan.js";
import { ethernetAt } from "./inner-ethernet.js";
import { fragmentBits, neighborAt } from "./rare-fields.js";

// A module's own constants are compiled in; what is imported, or a property, is looked up at each use.
const IPV4 = EtherType.ipv4;
const IPV6 = EtherType.ipv6;
const ETHERNET_TYPE = EthernetOffset.type;
const ETHERNET_BYTES = ETHERNET_HEADER_BYTES;
const ARP_BYTES = 28;
/** Ethernet and IPv4, with addresses of 6 and 4 bytes: from the protocol type on. */
const ARP_KIND = 0x0800_0604;
const ARP_PROTOCOL = ArpOffset.protocolType;
/** Stands in OVN's vlan.tci, as in Open vSwitch, where there is a tag. */
const TAG_PRESENT = 0x1000;
/** Bits of IPv6's first word behind its traffic class, of those in the first two bytes. */
const CLASS_SHIFT = 4;

/** Words that a field has at most. */
export const MOST_WORDS = 4;

/** What was read of a field: entry `row` for the packet that row is about. */
export interface Loaded {
  /** Negative where the packet lacks the field. */
  readonly at: Int32Array;
  /** Words of 32 bits, the highest first, as many a packet as the field has; undefined where it is lacking. */
  readonly words: Int32Array;
}

/** Reads the field of the packets whose indices the first `count` of `rows` are. */
export type Load = (
  packets: PacketBatch,
  frames: FrameBatch,
  rows: Int32Array,
  count: number,
  to: Loaded,
) => void;

/** A field of an integer: the `bits` of what is loaded that begin `shift` bits above the lowest one. */
export interface Field {
  readonly bits: number;
  readonly shift: number;
  /** Words a packet. */
  readonly words: 1 | 2 | 4;
  readonly load: Load;
}

/** Finds the bytes of a field; as Load. */
type Locate = (
  packets: PacketBatch,
  frames: FrameBatch,
  rows: Int32Array,
  count: number,
  at: Int32Array,
) => void;

/** A field of 1, 2, 4, 6 or 16 bytes, or some bits of them. */
function inBytes(bytes: number, locate: Locate, bits = bytes * 8, shift = 0): Field {
  const load: Load = (packets, frames, rows, count, { at, words }) => {
    locate(packets, frames, rows, count, at);
    readBytes(packets.view, bytes, at, count, words);
  };
  return { bits, shift, words: bytes <= 4 ? 1 : bytes === 6 ? 2 : 4, load };
}

function readBytes(view: DataView, bytes: number, at: Int32Array, count: number, words: Int32Array): void {
  switch (bytes) {
    case 1:
      for (let row = 0; row < count; row++) if (at[row] >= 0) words[row] = view.getUint8(at[row]);
      return;
    case 2:
      for (let row = 0; row < count; row++) if (at[row] >= 0) words[row] = view.getUint16(at[row]);
      return;
    case 4:
      for (let row = 0; row < count; row++) if (at[row] >= 0) words[row] = view.getInt32(at[row]);
      return;
    case 6:
      for (let row = 0; row < count; row++) {
        if (at[row] < 0) continue;
        words[row * 2] = view.getUint16(at[row]);
        words[row * 2 + 1] = view.getInt32(at[row] + 2);
      }
      return;
    default:
      for (let row = 0; row < count; row++) {
        if (at[row] < 0) continue;
        for (let word = 0; word < 4; word++) words[row * 4 + word] = view.getInt32(at[row] + word * 4);
      }
  }
}

/** At `offset` of the Ethernet header. */
function ethernet(offset: number): Locate {
  return ({ view }, { flags, geneve, inner, innerEnd }, rows, count, at) => {
    for (let row = 0; row < count; row++) {
      const i = rows[row];
      const start = ethernetAt(view, flags[i], geneve[i], inner[i], innerEnd[i]);
      at[row] = start < 0 ? ABSENT : start + offset;
    }
  };
}

/** The control information of the first VLAN tag. */
const tag: Locate = ({ view }, { flags, geneve, inner, innerEnd }, rows, count, at) => {
  for (let row = 0; row < count; row++) {
    const i = rows[row];
    const start = ethernetAt(view, flags[i], geneve[i], inner[i], innerEnd[i]);
    const isTagged =
      start >= 0 &&
      start + ETHERNET_BYTES + VLAN_TAG_BYTES <= innerEnd[i] &&
      isTpid(view.getUint16(start + ETHERNET_TYPE));
    at[row] = isTagged ? start + ETHERNET_BYTES : ABSENT;
  }
};

const etherTypeBytes = ethernet(ETHERNET_TYPE);

/** That of any Ethernet frame: 0 of one without a tag. */
const tci: Field = {
  bits: 16,
  shift: 0,
  words: 1,
  load: (packets, frames, rows, count, { at, words }) => {
    etherTypeBytes(packets, frames, rows, count, at);
    const { view } = packets;
    const { innerEnd } = frames;
    for (let row = 0; row < count; row++) {
      const type = at[row];
      words[row] = 0;
      if (type < 0 || !isTpid(view.getUint16(type))) continue;
      if (type + 2 + VLAN_TAG_BYTES <= innerEnd[rows[row]])
        words[row] = view.getUint16(type + 2) | TAG_PRESENT;
      else at[row] = ABSENT;
    }
  },
};

/** At an offset of the IP header, by its version; negative where that has no such field. */
function ip(offset4: number, offset6: number): Locate {
  return (_, { innerType, innerNetwork }, rows, count, at) => {
    for (let row = 0; row < count; row++) {
      const i = rows[row];
      const type = innerType[i];
      const offset = type === IPV4 ? offset4 : type === IPV6 ? offset6 : ABSENT;
      at[row] = offset < 0 || innerNetwork[i] < 0 ? ABSENT : innerNetwork[i] + offset;
    }
  };
}

/** At `offset` of an ARP message for Ethernet and IPv4, or one of RARP. */
function arp(type: number, offset: number): Locate {
  return ({ view }, { innerType, innerNetwork, innerEnd }, rows, count, at) => {
    for (let row = 0; row < count; row++) {
      const i = rows[row];
      const start = innerNetwork[i];
      const isThere =
        innerType[i] === type &&
        start >= 0 &&
        start + ARP_BYTES <= innerEnd[i] &&
        view.getUint16(start) === 1 &&
        view.getInt32(start + ARP_PROTOCOL) === ARP_KIND;
      at[row] = isThere ? start + offset : ABSENT;
    }
  };
}

/** At `offset` of the header of an IP protocol; `type`: of the only version of IP that it goes with, 0: of both. */
function transport(protocol: number, offset: number, type = 0): Locate {
  return (_, { innerType, innerProtocol, innerTransport }, rows, count, at) => {
    for (let row = 0; row < count; row++) {
      const i = rows[row];
      const isThere =
        innerTransport[i] >= 0 && innerProtocol[i] === protocol && (type === 0 || innerType[i] === type);
      at[row] = isThere ? innerTransport[i] + offset : ABSENT;
    }
  };
}

/** The target of a neighbor solicitation or advertisement, or the address in an option of one. */
function neighbor(option: number): Locate {
  return ({ view }, frames, rows, count, at) => {
    for (let row = 0; row < count; row++) at[row] = neighborAt(view, frames, rows[row], option);
  };
}

/** Bits of what IPv4 calls type of service and IPv6 traffic class. */
function service(bits: number, shift: number): Field {
  const both = inBytes(2, ip(Ipv4Offset.versionIhl, Ipv6Offset.versionClassFlow), bits, shift);
  const load: Load = (packets, frames, rows, count, to) => {
    both.load(packets, frames, rows, count, to);
    const { innerType } = frames;
    const { words } = to;
    for (let row = 0; row < count; row++) if (innerType[rows[row]] === IPV6) words[row] >>= CLASS_SHIFT;
  };
  return { ...both, load };
}

const etherType: Field = {
  bits: 16,
  shift: 0,
  words: 1,
  load: (_, { innerType }, rows, count, { at, words }) => {
    for (let row = 0; row < count; row++) {
      words[row] = innerType[rows[row]];
      at[row] = words[row] === 0 ? ABSENT : 0;
    }
  },
};

const ipHeader = ip(0, 0);

const protocol: Field = {
  bits: 8,
  shift: 0,
  words: 1,
  load: (packets, frames, rows, count, { at, words }) => {
    ipHeader(packets, frames, rows, count, at);
    const { innerProtocol } = frames;
    for (let row = 0; row < count; row++) words[row] = innerProtocol[rows[row]];
  },
};

const fragment: Field = {
  bits: 2,
  shift: 0,
  words: 1,
  load: (packets, frames, rows, count, { at, words }) => {
    ipHeader(packets, frames, rows, count, at);
    for (let row = 0; row < count; row++)
      if (at[row] >= 0) words[row] = fragmentBits(packets.view, frames, rows[row]);
  },
};

/** The addresses behind the header of ARP, or RARP. */
function arpFields(name: string, type: number): [string, Field][] {
  const addresses = ArpOffset.addresses;
  return [
    [`${name}.op`, inBytes(2, arp(type, ArpOffset.operation))],
    [`${name}.sha`, inBytes(6, arp(type, addresses))],
    [`${name}.spa`, inBytes(4, arp(type, addresses + 6))],
    [`${name}.tha`, inBytes(6, arp(type, addresses + 10))],
    [`${name}.tpa`, inBytes(4, arp(type, addresses + 16))],
  ];
}

/** By their names. */
export const FIELDS: ReadonlyMap<string, Field> = new Map<string, Field>([
  ["eth.src", inBytes(6, ethernet(EthernetOffset.source))],
  ["eth.dst", inBytes(6, ethernet(EthernetOffset.destination))],
  // The bit of a group in the first byte.
  ["eth.mcast", inBytes(6, ethernet(EthernetOffset.destination), 1, 40)],
  ["eth.type", etherType],
  ["vlan.tci", tci],
  ["vlan.vid", inBytes(2, tag, 12)],
  ["vlan.pcp", inBytes(2, tag, 3, 13)],
  ["ip.proto", protocol],
  ["ip.dscp", service(6, 2)],
  ["ip.ecn", service(2, 0)],
  ["ip.ttl", inBytes(1, ip(Ipv4Offset.ttl, Ipv6Offset.hopLimit))],
  ["ip.frag", fragment],
  ["ip4.src", inBytes(4, ip(Ipv4Offset.source, ABSENT))],
  ["ip4.dst", inBytes(4, ip(Ipv4Offset.destination, ABSENT))],
  ["ip6.src", inBytes(16, ip(ABSENT, Ipv6Offset.source))],
  ["ip6.dst", inBytes(16, ip(ABSENT, Ipv6Offset.destination))],
  ["ip6.label", inBytes(4, ip(ABSENT, Ipv6Offset.versionClassFlow), 20)],
  ...arpFields("arp", EtherType.arp),
  ...arpFields("rarp", 0x8035),
  ["tcp.src", inBytes(2, transport(IpProtocol.tcp, TcpOffset.source))],
  ["tcp.dst", inBytes(2, transport(IpProtocol.tcp, TcpOffset.destination))],
  ["tcp.flags", inBytes(2, transport(IpProtocol.tcp, TcpOffset.dataOffsetFlags), 12)],
  ["udp.src", inBytes(2, transport(IpProtocol.udp, UdpOffset.source))],
  ["udp.dst", inBytes(2, transport(IpProtocol.udp, UdpOffset.destination))],
  ["sctp.src", inBytes(2, transport(IpProtocol.sctp, SctpOffset.source))],
  ["sctp.dst", inBytes(2, transport(IpProtocol.sctp, SctpOffset.destination))],
  ["icmp4.type", inBytes(1, transport(IpProtocol.icmp, IcmpOffset.type, IPV4))],
  ["icmp4.code", inBytes(1, transport(IpProtocol.icmp, IcmpOffset.code, IPV4))],
  ["icmp6.type", inBytes(1, transport(IpProtocol.icmpv6, Icmpv6Offset.type, IPV6))],
  ["icmp6.code", inBytes(1, transport(IpProtocol.icmpv6, Icmpv6Offset.code, IPV6))],
  ["nd.target", inBytes(16, neighbor(0))],
  ["nd.sll", inBytes(6, neighbor(NdOptionType.sourceLinkLayer))],
  ["nd.tll", inBytes(6, neighbor(NdOptionType.targetLinkLayer))],
]);
