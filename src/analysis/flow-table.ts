/*
 * Packets summed up by (VNI, OVN option word): an open-addressing table over typed arrays, since a Map keyed
 * by a 55-bit number or a string costs several times as much a packet. What every packet touches lies
 * together and apart from what only a new flow touches, so that many flows fit into a processor's cache.
 *
 * Keys have a validity: from when until when they keep their meaning. A key that changes its meaning has an
 * entry for each.
 */
import { ROW, type Rows } from "./rows.js";

/** Doubles per entry of the counters: packets, bytes, last second, and last nanoseconds as 32-bit word. */
const STRIDE = 4;
const PACKETS = 0;
const BYTES = 1;
const LAST_SEC = 2;
/** The same entry in 32-bit words. */
const INT_STRIDE = 8;
const LAST_NSEC = 6;

/** One flow as plain values. Times are seconds since 1970 and nanoseconds. */
export interface FlowEntry {
  vni: number;
  /** The option's data word, unsigned. */
  keys: number;
  packets: number;
  bytes: number;
  firstSec: number;
  firstNsec: number;
  lastSec: number;
  lastNsec: number;
}

/** From when until when keys mean what they mean, in milliseconds since 1970. */
export interface Validity {
  readonly from: number;
  readonly until: number;
}

/** Asked once a new flow, with the time of its packet in milliseconds since 1970. */
export type ValidityOf = (vni: number, keys: number, atMs: number) => Validity;

export class FlowTable {
  #capacity: number;
  #count = 0;
  #mask: number;
  /** Entry number + 1 by hash; 0 is empty. */
  #slots: Int32Array;
  /** VNI and option word of each entry. */
  #keys: Int32Array;
  #counters: Float64Array;
  #counterWords: Int32Array;
  #firstSec: Float64Array;
  #firstNsec: Int32Array;
  #from: Float64Array;
  #until: Float64Array;
  readonly #validityOf: ValidityOf | null;

  /** Without `validityOf` keys mean the same at all times. `capacity`: flows to start with, a power of two. */
  constructor(validityOf: ValidityOf | null = null, capacity = 1024) {
    this.#validityOf = validityOf;
    this.#capacity = capacity;
    this.#mask = capacity * 2 - 1;
    this.#slots = new Int32Array(capacity * 2);
    this.#keys = new Int32Array(capacity * 2);
    this.#counters = new Float64Array(capacity * STRIDE);
    this.#counterWords = new Int32Array(this.#counters.buffer);
    this.#firstSec = new Float64Array(capacity);
    this.#firstNsec = new Int32Array(capacity);
    const timed = validityOf === null ? 0 : capacity;
    this.#from = new Float64Array(timed);
    this.#until = new Float64Array(timed);
  }

  /** Flows in the table. */
  get count(): number {
    return this.#count;
  }

  /**
   * Counts a packet for each row. Two passes, entries first and counters second, so that the memory accesses
   * of many packets are under way at once.
   */
  add(rows: Rows): void {
    this.#find(rows);
    const { count, words, doubles } = rows;
    const counters = this.#counters;
    const counterWords = this.#counterWords;
    for (let i = 0; i < count; i++) {
      const row = i * ROW.words;
      const entry = words[row + ROW.entry];
      const at = entry * STRIDE;
      const lastNsecAt = entry * INT_STRIDE + LAST_NSEC;
      const sec = doubles[i * ROW.doubles + ROW.sec];
      const nsec = words[row + ROW.nsec];
      counters[at + PACKETS]++;
      counters[at + BYTES] += words[row + ROW.bytes] >>> 0;
      const lastSec = counters[at + LAST_SEC];
      if (sec > lastSec || (sec === lastSec && nsec >= counterWords[lastNsecAt])) {
        counters[at + LAST_SEC] = sec;
        counterWords[lastNsecAt] = nsec;
      } else this.#notLatest(entry, sec, nsec);
    }
  }

  /** Only a packet earlier than the last can be earlier than the first. */
  #notLatest(entry: number, sec: number, nsec: number): void {
    const firstSec = this.#firstSec[entry];
    if (sec < firstSec || (sec === firstSec && nsec < this.#firstNsec[entry])) {
      this.#firstSec[entry] = sec;
      this.#firstNsec[entry] = nsec;
    }
  }

  /** Sets each row's entry, a new one where there is none. */
  #find(rows: Rows): void {
    const { count, words, doubles } = rows;
    const timed = this.#validityOf !== null;
    let keys = this.#keys;
    let slots = this.#slots;
    let mask = this.#mask;
    for (let i = 0; i < count; i++) {
      const row = i * ROW.words;
      const vni = words[row + ROW.vni];
      const word = words[row + ROW.keys];
      let slot = hash(vni, word) & mask;
      let number = slots[slot];
      while (number !== 0) {
        const at = (number - 1) * 2;
        if (
          keys[at] === vni &&
          keys[at + 1] === word &&
          (!timed || this.#holds(number - 1, doubles[i * ROW.doubles + ROW.sec], words[row + ROW.nsec]))
        )
          break;
        slot = (slot + 1) & mask;
        number = slots[slot];
      }
      if (number === 0) {
        number = this.#insert(slot, vni, word, doubles[i * ROW.doubles + ROW.sec], words[row + ROW.nsec]);
        keys = this.#keys;
        slots = this.#slots;
        mask = this.#mask;
      }
      words[row + ROW.entry] = number - 1;
    }
  }

  #holds(entry: number, sec: number, nsec: number): boolean {
    const ms = sec * 1e3 + nsec * 1e-6;
    return ms >= this.#from[entry] && ms < this.#until[entry];
  }

  /** Adds an entry without packets, whose first is at the time given; returns its number + 1. */
  #insert(slot: number, vni: number, word: number, sec: number, nsec: number): number {
    if (this.#count === this.#capacity) {
      this.#grow();
      slot = this.#freeSlot(vni, word);
    }
    const entry = this.#count;
    this.#keys[entry * 2] = vni;
    this.#keys[entry * 2 + 1] = word;
    this.#counters[entry * STRIDE + LAST_SEC] = sec;
    this.#counterWords[entry * INT_STRIDE + LAST_NSEC] = nsec;
    this.#firstSec[entry] = sec;
    this.#firstNsec[entry] = nsec;
    if (this.#validityOf !== null) {
      const validity = this.#validityOf(vni, word, sec * 1e3 + nsec * 1e-6);
      this.#from[entry] = validity.from;
      this.#until[entry] = validity.until;
    }
    this.#count = entry + 1;
    this.#slots[slot] = this.#count;
    return this.#count;
  }

  #freeSlot(vni: number, word: number): number {
    let slot = hash(vni, word) & this.#mask;
    while (this.#slots[slot] !== 0) slot = (slot + 1) & this.#mask;
    return slot;
  }

  #grow(): void {
    const capacity = this.#capacity * 2;
    this.#capacity = capacity;
    this.#keys = grown(this.#keys, new Int32Array(capacity * 2));
    this.#counters = grown(this.#counters, new Float64Array(capacity * STRIDE));
    this.#counterWords = new Int32Array(this.#counters.buffer);
    this.#firstSec = grown(this.#firstSec, new Float64Array(capacity));
    this.#firstNsec = grown(this.#firstNsec, new Int32Array(capacity));
    if (this.#validityOf !== null) {
      this.#from = grown(this.#from, new Float64Array(capacity));
      this.#until = grown(this.#until, new Float64Array(capacity));
    }
    this.#mask = capacity * 2 - 1;
    this.#slots = new Int32Array(capacity * 2);
    for (let entry = 0; entry < this.#count; entry++)
      this.#slots[this.#freeSlot(this.#keys[entry * 2], this.#keys[entry * 2 + 1])] = entry + 1;
  }

  /** The flow with number `entry`, 0 to `count - 1`, in order of first appearance. */
  entry(entry: number): FlowEntry {
    return {
      vni: this.#keys[entry * 2],
      keys: this.#keys[entry * 2 + 1] >>> 0,
      packets: this.#counters[entry * STRIDE + PACKETS],
      bytes: this.#counters[entry * STRIDE + BYTES],
      firstSec: this.#firstSec[entry],
      firstNsec: this.#firstNsec[entry],
      lastSec: this.#counters[entry * STRIDE + LAST_SEC],
      lastNsec: this.#counterWords[entry * INT_STRIDE + LAST_NSEC],
    };
  }
}

/** The larger array with the contents of the smaller. */
export function grown<T extends Int32Array | Float64Array>(old: T, fresh: T): T {
  fresh.set(old);
  return fresh;
}

/** Spreads both words over 32 bits (multipliers: golden ratio and Murmur3's finaliser). */
function hash(vni: number, word: number): number {
  let h = Math.imul(vni, 0x9e3779b1) ^ Math.imul(word, 0x85ebca6b);
  h ^= h >>> 15;
  h = Math.imul(h, 0xc2b2ae35);
  return h ^ (h >>> 13);
}
