/* What few packets have and no column says: looked up packet by packet. */
import { ABSENT, type FrameBatch } from "../frame/columns.js";
import { IpReader } from "../frame/ip-reader.js";
import { isExtension } from "../frame/protocols.js";
import { EtherType, IpProtocol } from "../wire/ethertype.js";
import { Icmpv6Offset, Icmpv6Type, NdOptionOffset, NdOptionType } from "../wire/icmpv6.js";
import { Ipv4Mask, Ipv4Offset } from "../wire/ipv4.js";
import { IPV6_HEADER_BYTES, Ipv6Offset } from "../wire/ipv6.js";

/** Bits of OVN's ip.frag, as in Open vSwitch: of any fragment, and of one that is not the first. */
const FRAGMENT = 1;
const LATER = 2;
/** Bytes of a neighbor solicitation or advertisement before its options, and of one with an Ethernet address. */
const NEIGHBOR_BYTES = 24;
const OPTION_UNIT = 8;
/** The hop limit of what was sent on the same link. */
const SAME_LINK = 255;

const reader = new IpReader();

/** FRAGMENT and LATER of packet `i`, whose inner IP header is there. */
export function fragmentBits(
  view: DataView,
  { innerType, innerNetwork, innerEnd }: FrameBatch,
  i: number,
): number {
  const at = innerNetwork[i];
  if (innerType[i] === EtherType.ipv4) {
    const field = view.getUint16(at + Ipv4Offset.fragment);
    if ((field & Ipv4Mask.fragmentOffset) !== 0) return FRAGMENT | LATER;
    return (field & Ipv4Mask.moreFragments) !== 0 ? FRAGMENT : 0;
  }
  if (isExtension[view.getUint8(at + Ipv6Offset.nextHeader)] === 0) return 0;
  reader.ipv6(view, at, innerEnd[i], innerEnd[i]);
  return reader.fragment === 2 ? FRAGMENT | LATER : reader.fragment;
}

/**
 * Where packet `i`, where that is a neighbor solicitation or advertisement (RFC 4861), has its target (`option` 0),
 * or the Ethernet address of the option: in OVN the source's of a solicitation, the target's of an advertisement.
 * ABSENT where there is none.
 */
export function neighborAt(view: DataView, frames: FrameBatch, i: number, option: number): number {
  const at = frames.innerTransport[i];
  const ip = frames.innerNetwork[i];
  if (at < 0 || frames.innerType[i] !== EtherType.ipv6 || frames.innerProtocol[i] !== IpProtocol.icmpv6)
    return ABSENT;
  // A length of 0 is that of a packet too long for the field.
  const length = view.getUint16(ip + Ipv6Offset.payloadLength);
  const end =
    length === 0 ? frames.innerEnd[i] : Math.min(frames.innerEnd[i], ip + IPV6_HEADER_BYTES + length);
  const type = view.getUint8(at + Icmpv6Offset.type);
  const isWanted =
    (type === Icmpv6Type.neighborSolicitation && option !== NdOptionType.targetLinkLayer) ||
    (type === Icmpv6Type.neighborAdvertisement && option !== NdOptionType.sourceLinkLayer);
  if (!isWanted || view.getUint8(at + Icmpv6Offset.code) !== 0 || at + NEIGHBOR_BYTES > end) return ABSENT;
  if (view.getUint8(ip + Ipv6Offset.hopLimit) !== SAME_LINK) return ABSENT;
  return option === 0 ? at + Icmpv6Offset.target : optionAt(view, at + NEIGHBOR_BYTES, end, option);
}

/** The data of the first option of this type with room for an Ethernet address, up to one that makes no sense. */
function optionAt(view: DataView, start: number, end: number, type: number): number {
  for (let at = start; at + OPTION_UNIT <= end; ) {
    const bytes = view.getUint8(at + NdOptionOffset.length) * OPTION_UNIT;
    if (bytes === 0 || at + bytes > end) return ABSENT;
    if (view.getUint8(at) === type && bytes === OPTION_UNIT) return at + NdOptionOffset.data;
    at += bytes;
  }
  return ABSENT;
}
