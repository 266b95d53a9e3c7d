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

const WORDS = 8;
const MAPPED = 0xffff;
/** IPv4 tunnels that are found without the table, a power of two. */
const RECENT = 256;

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
  /** Packets to a Geneve port; an entry without any has seen only later fragments. */
  geneve: number;
}

/** What a table consists of, tunnel by tunnel. */
export interface TunnelState {
  readonly count: number;
  /** Eight words each: source and destination. */
  readonly keys: Int32Array;
  readonly packets: Float64Array;
  readonly bytes: Float64Array;
  readonly largest: Int32Array;
  readonly fragments: Float64Array;
  readonly geneve: Float64Array;
  readonly lastSec: Float64Array;
  readonly lastNsec: Int32Array;
}

export class TunnelTable {
  #capacity: number;
  #count = 0;
  #mask: number;
  #slots: Int32Array;
  #keys: Int32Array;
  #packets: Float64Array;
  #bytes: Float64Array;
  #largest: Int32Array;
  #fragments: Float64Array;
  #geneve: Float64Array;
  #lastSec: Float64Array;
  #lastNsec: Int32Array;
  readonly #key = new Int32Array(WORDS);
  #last = -1;
  /** Source, destination and number + 1 of IPv4 tunnels met lately, by a hash of the addresses. */
  readonly #recent = new Int32Array(RECENT * 3);

  constructor(capacity = 64) {
    this.#capacity = capacity;
    this.#mask = capacity * 4 - 1;
    this.#slots = new Int32Array(capacity * 4);
    this.#keys = new Int32Array(capacity * WORDS);
    this.#packets = new Float64Array(capacity);
    this.#bytes = new Float64Array(capacity);
    this.#largest = new Int32Array(capacity);
    this.#fragments = new Float64Array(capacity);
    this.#geneve = new Float64Array(capacity);
    this.#lastSec = new Float64Array(capacity);
    this.#lastNsec = new Int32Array(capacity);
  }

  get count(): number {
    return this.#count;
  }

  /**
   * Counts the packets of a decoded batch that came through a tunnel, among those whose indices the first `count`
   * of `rows` are: those with a Geneve header, and later fragments, whose port nobody knows.
   */
  add(packets: PacketBatch, frames: FrameBatch, rows: Int32Array, count: number): void {
    const { view, originalBytes, tsSec, tsNsec } = packets;
    const { status, flags, vni, outerIp, outerBytes } = frames;
    for (let row = 0; row < count; row++) {
      const i = rows[row];
      const flag = flags[i];
      const fragments = (flag & FrameFlag.fragment) !== 0 ? 1 : 0;
      const geneve = vni[i] >= 0 ? 1 : 0;
      if (geneve === 0 && (fragments === 0 || status[i] !== FrameStatus.unsupported)) continue;
      const ip = outerIp[i];
      const tunnel =
        (flag & FrameFlag.outerIpv6) !== 0
          ? this.ipv6(view, ip)
          : this.ipv4(view.getInt32(ip + Ipv4Offset.source), view.getInt32(ip + Ipv4Offset.destination));
      this.tally(tunnel, 1, originalBytes[i], outerBytes[i], fragments, geneve, tsSec[i], tsNsec[i]);
    }
  }

  /** The tunnel between two IPv4 addresses given as signed words, a new one where there is none. */
  ipv4(source: number, destination: number): number {
    const recent = this.#recent;
    const at = ((source ^ (source >>> 16) ^ Math.imul(destination, 31)) & (RECENT - 1)) * 3;
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
    const at = this.#last * WORDS;
    let same = this.#last >= 0;
    for (let word = 0; word < WORDS; word++) {
      const value = view.getInt32(ip + Ipv6Offset.source + word * 4);
      this.#key[word] = value;
      if (same && keys[at + word] !== value) same = false;
    }
    return same ? this.#last : this.#find();
  }

  /**
   * Adds to the counters of a tunnel: `packets`, of which `geneve` have a Geneve header and the last was at the
   * time given.
   */
  tally(
    index: number,
    packets: number,
    bytes: number,
    outerBytes: number,
    fragments: number,
    geneve: number,
    sec: number,
    nsec: number,
  ): void {
    this.#packets[index] += packets;
    this.#bytes[index] += bytes;
    if (outerBytes > this.#largest[index]) this.#largest[index] = outerBytes;
    this.#fragments[index] += fragments;
    this.#geneve[index] += geneve;
    const lastSec = this.#lastSec[index];
    if (sec < lastSec || (sec === lastSec && nsec < this.#lastNsec[index])) return;
    this.#lastSec[index] = sec;
    this.#lastNsec[index] = nsec;
  }

  #find(): number {
    const key = this.#key;
    let slot = hash(key, 0) & this.#mask;
    for (let number = this.#slots[slot]; number !== 0; number = this.#slots[slot]) {
      if (this.#matches(number - 1)) {
        this.#last = number - 1;
        return this.#last;
      }
      slot = (slot + 1) & this.#mask;
    }
    if (this.#count === this.#capacity) {
      this.#grow();
      slot = hash(key, 0) & this.#mask;
      while (this.#slots[slot] !== 0) slot = (slot + 1) & this.#mask;
    }
    this.#keys.set(key, this.#count * WORDS);
    this.#last = this.#count;
    this.#slots[slot] = ++this.#count;
    return this.#last;
  }

  #matches(index: number): boolean {
    for (let word = 0; word < WORDS; word++)
      if (this.#keys[index * WORDS + word] !== this.#key[word]) return false;
    return true;
  }

  #grow(): void {
    this.#capacity *= 2;
    this.#keys = grown(this.#keys, new Int32Array(this.#capacity * WORDS));
    this.#packets = grown(this.#packets, new Float64Array(this.#capacity));
    this.#bytes = grown(this.#bytes, new Float64Array(this.#capacity));
    this.#largest = grown(this.#largest, new Int32Array(this.#capacity));
    this.#fragments = grown(this.#fragments, new Float64Array(this.#capacity));
    this.#geneve = grown(this.#geneve, new Float64Array(this.#capacity));
    this.#lastSec = grown(this.#lastSec, new Float64Array(this.#capacity));
    this.#lastNsec = grown(this.#lastNsec, new Int32Array(this.#capacity));
    this.#mask = this.#capacity * 4 - 1;
    this.#slots = new Int32Array(this.#capacity * 4);
    for (let number = 1; number <= this.#count; number++) {
      let slot = hash(this.#keys, (number - 1) * WORDS) & this.#mask;
      while (this.#slots[slot] !== 0) slot = (slot + 1) & this.#mask;
      this.#slots[slot] = number;
    }
  }

  /** All there is in the table, for another thread. */
  state(): TunnelState {
    const count = this.#count;
    return {
      count,
      keys: this.#keys.slice(0, count * WORDS),
      packets: this.#packets.slice(0, count),
      bytes: this.#bytes.slice(0, count),
      largest: this.#largest.slice(0, count),
      fragments: this.#fragments.slice(0, count),
      geneve: this.#geneve.slice(0, count),
      lastSec: this.#lastSec.slice(0, count),
      lastNsec: this.#lastNsec.slice(0, count),
    };
  }

  /** Adds what another table has counted. */
  merge(other: TunnelState): void {
    for (let from = 0; from < other.count; from++) {
      this.#key.set(other.keys.subarray(from * WORDS, (from + 1) * WORDS));
      this.tally(
        this.#find(),
        other.packets[from],
        other.bytes[from],
        other.largest[from],
        other.fragments[from],
        other.geneve[from],
        other.lastSec[from],
        other.lastNsec[from],
      );
    }
  }

  /** Tunnel number `index`, 0 to `count - 1`, in order of first appearance. */
  entry(index: number): TunnelEntry {
    const view = new DataView(new ArrayBuffer(WORDS * 4));
    for (let word = 0; word < WORDS; word++) view.setInt32(word * 4, this.#keys[index * WORDS + word]);
    const text = (at: number): string =>
      view.getInt32(at) === 0 && view.getInt32(at + 4) === 0 && view.getInt32(at + 8) === MAPPED
        ? readIpv4(view, at + 12)
        : readIpv6(view, at);
    return {
      source: text(0),
      destination: text(16),
      packets: this.#packets[index],
      bytes: this.#bytes[index],
      largestOuterBytes: this.#largest[index],
      fragments: this.#fragments[index],
      geneve: this.#geneve[index],
      lastSec: this.#lastSec[index],
      lastNsec: this.#lastNsec[index],
    };
  }
}

/** The larger array with the contents of the smaller. */
function grown<T extends Int32Array | Float64Array>(old: T, fresh: T): T {
  fresh.set(old);
  return fresh;
}

function hash(words: Int32Array, at: number): number {
  let h = 0;
  for (let word = 0; word < WORDS; word++) {
    h = Math.imul(h ^ words[at + word], 0x9e3779b1);
    h ^= h >>> 15;
  }
  return h;
}
