/* Conditions on the addresses of the tunnelled packet. */
import type { PacketBatch } from "../capture/batch.js";
import type { FrameBatch } from "../frame/columns.js";
import { ArpOffset } from "../wire/arp.js";
import { EthernetOffset } from "../wire/ethernet.js";
import { EtherType } from "../wire/ethertype.js";
import { Ipv4Offset } from "../wire/ipv4.js";
import { Ipv6Offset } from "../wire/ipv6.js";
import { ethernetAt } from "./inner-ethernet.js";
import { Need, type Term } from "./term.js";

// A module's own constants are compiled in; what is imported, or a property, is looked up at each use.
const IPV4 = EtherType.ipv4;
const IPV6 = EtherType.ipv6;
const ARP = EtherType.arp;
const IPV4_SOURCE = Ipv4Offset.source;
const IPV4_DESTINATION = Ipv4Offset.destination;
const IPV6_SOURCE = Ipv6Offset.source;
const IPV6_DESTINATION = Ipv6Offset.destination;
const ARP_PROTOCOL = ArpOffset.protocolType;
const ARP_HARDWARE_BYTES = ArpOffset.hardwareLength;
const ARP_PROTOCOL_BYTES = ArpOffset.protocolLength;
const ARP_ADDRESSES = ArpOffset.addresses;
const MAC_DESTINATION = EthernetOffset.destination;
const MAC_SOURCE = EthernetOffset.source;
/** Words of an IPv6 address; a prefix has as many again of mask. */
const IPV6_WORDS = 4;

/** The first `length` bits of an address, given as words: one of IPv4, four of IPv6. Bits behind them are not looked at. */
export interface Prefix {
  readonly words: readonly number[];
  readonly length: number;
}

/** One of the inner packet's addresses, of ARP the sender's or the target's, lies in one of the prefixes. */
export class IpTerm implements Term {
  readonly needs = Need.inner;
  readonly unknown = 0;
  /** Address and mask of each. */
  readonly #ipv4: Int32Array;
  readonly #ipv6: Int32Array;

  constructor(prefixes: readonly Prefix[]) {
    const words = (count: number): number[] =>
      prefixes
        .filter((prefix) => prefix.words.length === count)
        .flatMap(({ words, length }) => [...words, ...words.map((_, word) => mask(length - word * 32))]);
    this.#ipv4 = Int32Array.from(words(1));
    this.#ipv6 = Int32Array.from(words(IPV6_WORDS));
  }

  narrow({ view }: PacketBatch, frames: FrameBatch, from: Int32Array, count: number, to: Int32Array): number {
    const { innerType, innerNetwork } = frames;
    const prefixes = this.#ipv4;
    const value = prefixes[0] | 0;
    const bits = prefixes[1] | 0;
    const isIpv4 = prefixes.length > 0;
    const isOne = prefixes.length <= 2;
    let kept = 0;
    for (let row = 0; row < count; row++) {
      const i = from[row];
      to[kept] = i;
      const at = innerNetwork[i];
      if (at < 0) continue;
      const type = innerType[i];
      let source = 0;
      let destination = 0;
      if (type === IPV4) {
        source = view.getInt32(at + IPV4_SOURCE);
        destination = view.getInt32(at + IPV4_DESTINATION);
      } else if (type === ARP) {
        if (view.getUint16(at + ARP_PROTOCOL) !== IPV4 || view.getUint8(at + ARP_PROTOCOL_BYTES) !== 4)
          continue;
        const hardware = view.getUint8(at + ARP_HARDWARE_BYTES);
        source = view.getInt32(at + ARP_ADDRESSES + hardware);
        destination = view.getInt32(at + ARP_ADDRESSES + hardware + 4 + hardware);
      } else {
        if (type === IPV6) kept += this.#holdsIpv6(view, at);
        continue;
      }
      if (!isIpv4) continue;
      const a = (source ^ value) & bits;
      const b = (destination ^ value) & bits;
      // 1 where neither is 0.
      const missed = ((a | (0 - a)) & (b | (0 - b))) >>> 31;
      kept += isOne ? 1 - missed : this.#holdsIpv4(source, destination);
    }
    return kept;
  }

  #holdsIpv4(source: number, destination: number): number {
    const prefixes = this.#ipv4;
    for (let prefix = 0; prefix < prefixes.length; prefix += 2) {
      const bits = prefixes[prefix + 1];
      const wanted = prefixes[prefix] & bits;
      if ((source & bits) === wanted || (destination & bits) === wanted) return 1;
    }
    return 0;
  }

  #holdsIpv6(view: DataView, at: number): number {
    const prefixes = this.#ipv6;
    for (let prefix = 0; prefix < prefixes.length; prefix += 2 * IPV6_WORDS) {
      let a = 0;
      let b = 0;
      for (let word = 0; word < IPV6_WORDS; word++) {
        const value = prefixes[prefix + word];
        const bits = prefixes[prefix + IPV6_WORDS + word];
        a |= (view.getInt32(at + IPV6_SOURCE + word * 4) ^ value) & bits;
        b |= (view.getInt32(at + IPV6_DESTINATION + word * 4) ^ value) & bits;
      }
      if (a === 0 || b === 0) return 1;
    }
    return 0;
  }
}

/** A word whose first `length` bits are set; any length. */
function mask(length: number): number {
  return length <= 0 ? 0 : length >= 32 ? -1 : -1 << (32 - length);
}

/** One of the inner Ethernet addresses is one of those given, integers of 48 bits. */
export class MacTerm implements Term {
  readonly needs = Need.inner;
  readonly unknown = 0;
  /** The first 16 and the last 32 bits of each. */
  readonly #macs: Int32Array;

  constructor(macs: readonly number[]) {
    this.#macs = Int32Array.from(macs.flatMap((mac) => [Math.floor(mac / 2 ** 32), (mac % 2 ** 32) | 0]));
  }

  narrow({ view }: PacketBatch, frames: FrameBatch, from: Int32Array, count: number, to: Int32Array): number {
    const { flags, geneve, inner, innerEnd } = frames;
    const macs = this.#macs;
    const high = macs[0] | 0;
    const low = macs[1] | 0;
    const isOne = macs.length === 2;
    let kept = 0;
    for (let row = 0; row < count; row++) {
      const i = from[row];
      to[kept] = i;
      const at = ethernetAt(view, flags[i], geneve[i], inner[i], innerEnd[i]);
      if (at < 0) continue;
      const a = (view.getUint16(at + MAC_SOURCE) ^ high) | (view.getInt32(at + MAC_SOURCE + 2) ^ low);
      const b =
        (view.getUint16(at + MAC_DESTINATION) ^ high) | (view.getInt32(at + MAC_DESTINATION + 2) ^ low);
      // 1 where neither is 0.
      const missed = ((a | (0 - a)) & (b | (0 - b))) >>> 31;
      kept += isOne ? 1 - missed : this.#holds(view, at);
    }
    return kept;
  }

  #holds(view: DataView, at: number): number {
    const macs = this.#macs;
    for (let mac = 0; mac < macs.length; mac += 2)
      for (let address = at; address <= at + MAC_SOURCE; address += MAC_SOURCE)
        if (view.getUint16(address) === macs[mac] && view.getInt32(address + 2) === macs[mac + 1]) return 1;
    return 0;
  }
}
