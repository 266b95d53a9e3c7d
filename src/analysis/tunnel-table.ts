/*
 * Packets summed up by (outer source, outer destination). Addresses are kept as eight 32-bit words, IPv4
 * mapped into IPv6 (RFC 4291 section 2.5.5.2), in an open-addressing table.
 */
import type { PacketBatch } from "../capture/batch.js";
import { type FrameBatch, FrameFlag } from "../frame/columns.js";
import { FrameStatus } from "../frame/status.js";
import { readIpv4, readIpv6 } from "../wire/address.js";
import { Ipv4Offset } from "../wire/ipv4.js";
import { Ipv6Offset } from "../wire/ipv6.js";
import { grown } from "./grown.js";

/** Words of a key. */
const KEY_WORDS = 8;
const MAPPED = 0xffff;
/** Where the words of an IPv6 header's addresses are. */
const FIRST_SOURCE_WORD = Ipv6Offset.source;
const LAST_SOURCE_WORD = Ipv6Offset.source + 12;
const LAST_DESTINATION_WORD = Ipv6Offset.destination + 12;

/*
 * What is counted of a tunnel: a cache line of doubles and 32-bit words.
 *
 *   doubles  0: packets    1: bytes    2: packets without a tunnel's header    3: fragments    4: last, s
 *   words   10: largest outer IP packet    11: last, ns
 */
export const TUNNEL = {
  doubles: 8,
  packets: 0,
  bytes: 1,
  others: 2,
  fragments: 3,
  lastSec: 4,
  words: 16,
  largest: 10,
  lastNsec: 11,
} as const;
// A module's own constants are compiled in; what is imported, or a property, is looked up at each use.
const DOUBLES = TUNNEL.doubles;
const WORDS = TUNNEL.words;
const FRAGMENT = FrameFlag.fragment;
const OUTER_IPV6 = FrameFlag.outerIpv6;
const UNSUPPORTED = FrameStatus.unsupported;
const IPV4_SOURCE = Ipv4Offset.source;
const IPV4_DESTINATION = Ipv4Offset.destination;

/** Tunnels that are found without the table, as bits of a hash. */
const RECENT_BITS = 10;
const RECENT_SHIFT = 32 - RECENT_BITS;

/** One direction of a tunnel as plain values. */
export interface TunnelEntry {
  /** Outer addresses as text. */
  source: string;
  destination: string;
  packets: number;
  /** Original bytes, link header included. */
  bytes: number;
  /** Largest outer IP packet, in bytes as its length field says. */
  largestOuterBytes: number;
  /** Outer IP fragments among the packets, first and later ones. */
  fragments: number;
  /** Time of the latest packet. */
  lastSec: number;
  lastNsec: number;
  /** Packets with a tunnel's header; an entry without any has seen only later fragments. */
  tunnelled: number;
}

/** What a table consists of, tunnel by tunnel. */
export interface TunnelState {
  readonly count: number;
  /** Eight words each: source and destination. */
  readonly keys: Int32Array;
  readonly values: Float64Array;
}

export class TunnelTable {
  /** The counters by tunnel, for the kernel's loop; see TUNNEL. Other arrays take their place when there are more. */
  values: Float64Array;
  words: Int32Array;
  /** IPv4 tunnels met lately, at recentAt of their addresses: those, and the tunnel's number + 1. */
  readonly recent = new Int32Array(3 << RECENT_BITS);
  /** The number + 1 of IPv6 tunnels met lately. */
  readonly #recentIpv6 = new Int32Array(1 << RECENT_BITS);
  /** The latest time of all packets. */
  latestSec = Number.NEGATIVE_INFINITY;
  latestNsec = 0;
  #capacity: number;
  #count = 0;
  #mask: number;
  #slots: Int32Array;
  #keys: Int32Array;
  readonly #key = new Int32Array(KEY_WORDS);

  constructor(capacity = 64) {
    this.#capacity = capacity;
    this.#mask = capacity * 4 - 1;
    this.#slots = new Int32Array(capacity * 4);
    this.#keys = new Int32Array(capacity * KEY_WORDS);
    this.values = new Float64Array(capacity * DOUBLES);
    this.words = new Int32Array(this.values.buffer);
  }

  get count(): number {
    return this.#count;
  }

  /**
   * Counts the packets of a decoded batch that came through a tunnel, among those whose indices the first `count`
   * of `rows` are: those with a tunnel's header, and later fragments, whose port nobody knows.
   */
  add(packets: PacketBatch, frames: FrameBatch, rows: Int32Array, count: number): void {
    const { view, originalBytes, tsSec, tsNsec } = packets;
    const { status, flags, vni, outerIp, outerBytes } = frames;
    for (let row = 0; row < count; row++) {
      const i = rows[row];
      const flag = flags[i];
      const fragments = (flag & FRAGMENT) === 0 ? 0 : 1;
      const tunnelled = vni[i] < 0 ? 0 : 1;
      if (tunnelled === 0 && (fragments === 0 || status[i] !== UNSUPPORTED)) continue;
      const ip = outerIp[i];
      // A bare frame has lost its tunnel.
      if (ip < 0) continue;
      const tunnel =
        (flag & OUTER_IPV6) === 0
          ? this.ipv4(view.getInt32(ip + IPV4_SOURCE), view.getInt32(ip + IPV4_DESTINATION))
          : this.ipv6(view, ip);
      this.tally(tunnel, 1, originalBytes[i], outerBytes[i], fragments, tunnelled, tsSec[i], tsNsec[i]);
    }
  }

  /** The tunnel between two IPv4 addresses given as signed words, a new one where there is none. */
  ipv4(source: number, destination: number): number {
    const { recent } = this;
    const at = recentAt(source, destination);
    if (recent[at + 2] !== 0 && recent[at] === source && recent[at + 1] === destination)
      return recent[at + 2] - 1;
    const key = this.#key;
    key.fill(0);
    key[2] = MAPPED;
    key[3] = source;
    key[6] = MAPPED;
    key[7] = destination;
    const tunnel = this.#find();
    recent[at] = source;
    recent[at + 1] = destination;
    recent[at + 2] = tunnel + 1;
    return tunnel;
  }

  /** The tunnel between the addresses of the IPv6 header at `ip`, a new one where there is none. */
  ipv6(view: DataView, ip: number): number {
    const keys = this.#keys;
    const recent = this.#recentIpv6;
    const near = recentHash(view.getInt32(ip + LAST_SOURCE_WORD), view.getInt32(ip + LAST_DESTINATION_WORD));
    const at = (recent[near] - 1) * KEY_WORDS;
    let isSame = at >= 0;
    for (let word = 0; isSame && word < KEY_WORDS; word++)
      isSame = keys[at + word] === view.getInt32(ip + FIRST_SOURCE_WORD + word * 4);
    if (isSame) return recent[near] - 1;
    for (let word = 0; word < KEY_WORDS; word++)
      this.#key[word] = view.getInt32(ip + FIRST_SOURCE_WORD + word * 4);
    const tunnel = this.#find();
    recent[near] = tunnel + 1;
    return tunnel;
  }

  /**
   * Adds to the counters of a tunnel: `packets`, of which `tunnelled` have a tunnel's header and the last was at the
   * time given.
   */
  tally(
    index: number,
    packets: number,
    bytes: number,
    outerBytes: number,
    fragments: number,
    tunnelled: number,
    sec: number,
    nsec: number,
  ): void {
    const { values, words } = this;
    const at = index * DOUBLES;
    const word = index * WORDS;
    values[at + TUNNEL.packets] += packets;
    values[at + TUNNEL.bytes] += bytes;
    values[at + TUNNEL.others] += packets - tunnelled;
    values[at + TUNNEL.fragments] += fragments;
    if (outerBytes > words[word + TUNNEL.largest]) words[word + TUNNEL.largest] = outerBytes;
    const lastSec = values[at + TUNNEL.lastSec];
    if (sec > lastSec || (sec === lastSec && nsec > words[word + TUNNEL.lastNsec])) {
      values[at + TUNNEL.lastSec] = sec;
      words[word + TUNNEL.lastNsec] = nsec;
    }
    if (sec > this.latestSec || (sec === this.latestSec && nsec > this.latestNsec)) {
      this.latestSec = sec;
      this.latestNsec = nsec;
    }
  }

  #find(): number {
    const key = this.#key;
    let slot = hash(key, 0) & this.#mask;
    for (let number = this.#slots[slot]; number !== 0; number = this.#slots[slot]) {
      if (this.#matches(number - 1)) return number - 1;
      slot = (slot + 1) & this.#mask;
    }
    if (this.#count === this.#capacity) {
      this.#grow();
      slot = hash(key, 0) & this.#mask;
      while (this.#slots[slot] !== 0) slot = (slot + 1) & this.#mask;
    }
    this.#keys.set(key, this.#count * KEY_WORDS);
    this.values[this.#count * DOUBLES + TUNNEL.lastSec] = Number.NEGATIVE_INFINITY;
    this.#slots[slot] = ++this.#count;
    return this.#count - 1;
  }

  #matches(index: number): boolean {
    for (let word = 0; word < KEY_WORDS; word++)
      if (this.#keys[index * KEY_WORDS + word] !== this.#key[word]) return false;
    return true;
  }

  #grow(): void {
    this.#capacity *= 2;
    this.#keys = grown(this.#keys, new Int32Array(this.#capacity * KEY_WORDS));
    this.values = grown(this.values, new Float64Array(this.#capacity * DOUBLES));
    this.words = new Int32Array(this.values.buffer);
    this.#mask = this.#capacity * 4 - 1;
    this.#slots = new Int32Array(this.#capacity * 4);
    for (let number = 1; number <= this.#count; number++) {
      let slot = hash(this.#keys, (number - 1) * KEY_WORDS) & this.#mask;
      while (this.#slots[slot] !== 0) slot = (slot + 1) & this.#mask;
      this.#slots[slot] = number;
    }
  }

  /** All there is in the table, for another thread. */
  state(): TunnelState {
    const count = this.#count;
    return {
      count,
      keys: this.#keys.slice(0, count * KEY_WORDS),
      values: this.values.slice(0, count * DOUBLES),
    };
  }

  /** Adds what another table has counted. */
  merge({ count, keys, values }: TunnelState): void {
    const words = new Int32Array(values.buffer);
    for (let from = 0; from < count; from++) {
      this.#key.set(keys.subarray(from * KEY_WORDS, (from + 1) * KEY_WORDS));
      const at = from * DOUBLES;
      const packets = values[at + TUNNEL.packets];
      this.tally(
        this.#find(),
        packets,
        values[at + TUNNEL.bytes],
        words[from * WORDS + TUNNEL.largest],
        values[at + TUNNEL.fragments],
        packets - values[at + TUNNEL.others],
        values[at + TUNNEL.lastSec],
        words[from * WORDS + TUNNEL.lastNsec],
      );
    }
  }

  /** Tunnel number `index`, 0 to `count - 1`, in order of first appearance. */
  entry(index: number): TunnelEntry {
    const view = new DataView(new ArrayBuffer(KEY_WORDS * 4));
    for (let word = 0; word < KEY_WORDS; word++)
      view.setInt32(word * 4, this.#keys[index * KEY_WORDS + word]);
    const text = (at: number): string =>
      view.getInt32(at) === 0 && view.getInt32(at + 4) === 0 && view.getInt32(at + 8) === MAPPED
        ? readIpv4(view, at + 12)
        : readIpv6(view, at);
    const at = index * DOUBLES;
    const word = index * WORDS;
    const packets = this.values[at + TUNNEL.packets];
    return {
      source: text(0),
      destination: text(16),
      packets,
      bytes: this.values[at + TUNNEL.bytes],
      largestOuterBytes: this.words[word + TUNNEL.largest],
      fragments: this.values[at + TUNNEL.fragments],
      tunnelled: packets - this.values[at + TUNNEL.others],
      lastSec: this.values[at + TUNNEL.lastSec],
      lastNsec: this.words[word + TUNNEL.lastNsec],
    };
  }
}

/** Where in `recent` the tunnel between two IPv4 addresses is. */
export function recentAt(source: number, destination: number): number {
  return 3 * recentHash(source, destination);
}

function recentHash(source: number, destination: number): number {
  return (Math.imul(source, 0x9e3779b1) ^ Math.imul(destination, 0x85ebca6b)) >>> RECENT_SHIFT;
}

function hash(words: Int32Array, at: number): number {
  let h = 0;
  for (let word = 0; word < KEY_WORDS; word++) {
    h = Math.imul(h ^ words[at + word], 0x9e3779b1);
    h ^= h >>> 15;
  }
  return h;
}
