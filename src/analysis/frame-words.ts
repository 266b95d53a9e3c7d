/*
 * What Open vSwitch's flows match of an inner frame, as words: a flow is then a value and a mask of as many.
 *
 *   0 to 2   destination and source MAC, as they stand in the frame
 *   3        EtherType behind VLAN tags; above it one bit for a tag, above that the outermost tag's VLAN
 *   4 to 7   source IP address, of ARP the sender's; an IPv4 address is word 4
 *   8 to 11  destination IP address, of ARP the target's
 *   12       IP protocol, behind extension headers
 */
import type { FrameBatch } from "../frame/columns.js";
import { ArpOffset } from "../wire/arp.js";
import { EtherType } from "../wire/ethertype.js";
import { Ipv4Offset } from "../wire/ipv4.js";
import { Ipv6Offset } from "../wire/ipv6.js";
import { isTpid } from "../wire/vlan.js";

export const FRAME_WORDS = 13;
export const TYPE_WORD = 3;
export const SOURCE_WORD = 4;
export const DESTINATION_WORD = 8;
export const PROTOCOL_WORD = 12;

/** In the word of the EtherType: the bit for a tag, and how far left the VLAN is. */
export const TAGGED = 0x10000;
export const VLAN_SHIFT = 17;

const IPV4 = EtherType.ipv4;
const IPV6 = EtherType.ipv6;
const ARP = EtherType.arp;
const IPV4_SOURCE = Ipv4Offset.source;
const IPV4_DESTINATION = Ipv4Offset.destination;
const IPV6_SOURCE = Ipv6Offset.source;
const IPV6_DESTINATION = Ipv6Offset.destination;
const ARP_PROTOCOL = ArpOffset.protocolType;
/** Protocol type 0x0800, six bytes of hardware address, four of protocol address; and where those lie. */
const ARP_ETHERNET_IPV4 = 0x08000604;
const ARP_SENDER = ArpOffset.addresses + 6;
const ARP_TARGET = ARP_SENDER + 10;

/** Writes the words of packet `i` to `words`; false where its headers are not all there. */
export function readFrameWords(view: DataView, frames: FrameBatch, i: number, words: Int32Array): boolean {
  const at = frames.inner[i];
  const network = frames.innerNetwork[i];
  if (at < 0 || network < 0) return false;
  const type = frames.innerType[i];
  words[0] = view.getInt32(at);
  words[1] = view.getInt32(at + 4);
  words[2] = view.getInt32(at + 8);
  words[3] = type;
  if (isTpid(view.getUint16(at + 12)))
    words[3] = type | TAGGED | ((view.getUint16(at + 14) & 0xfff) << VLAN_SHIFT);
  for (let word = 4; word < PROTOCOL_WORD; word++) words[word] = 0;
  words[PROTOCOL_WORD] = frames.innerProtocol[i];
  if (type === IPV4) {
    words[4] = view.getInt32(network + IPV4_SOURCE);
    words[8] = view.getInt32(network + IPV4_DESTINATION);
  } else if (type === IPV6) {
    for (let word = 0; word < 4; word++) {
      words[4 + word] = view.getInt32(network + IPV6_SOURCE + word * 4);
      words[8 + word] = view.getInt32(network + IPV6_DESTINATION + word * 4);
    }
  } else if (type === ARP && view.getInt32(network + ARP_PROTOCOL) === ARP_ETHERNET_IPV4) {
    words[4] = view.getInt32(network + ARP_SENDER);
    words[8] = view.getInt32(network + ARP_TARGET);
  }
  return true;
}
