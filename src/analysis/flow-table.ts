/*
 * Packets summed up by (VNI, OVN option word): an open-addressing table over typed arrays, since a Map keyed
 * by a 55-bit number or a string costs several times as much a packet. What every packet touches lies
 * together, and apart from what only a new flow touches, so that many flows fit into a processor's cache.
 *
 * The table grows without a pause, by linear hashing: slots lie in buckets, and as flows come, one bucket
 * after the other is divided into itself and a new one behind the last. Its memory is reserved at once and
 * used as it grows; the system gives pages when they are first written.
 *
 * Keys have a validity: from when until when they keep their meaning. The slot of a key has the flow of the
 * meaning that came last; flows of its other meanings are set aside until a packet of theirs comes.
 */

import type { PacketBatch } from "../capture/batch.js";
import { FIRST_DATED_SECOND, momentMs } from "../capture/moment.js";
import { type FrameBatch, FrameFlag } from "../frame/columns.js";

export { momentMs };

/*
 * A slot of the table, what every packet touches of its flow: half a cache line of 32-bit words and doubles.
 *
 *   words  0: VNI + 1, or 0 where the slot is free, and BOUNDED    1: option word    2: packets    3: last, ns
 *   doubles  2: bytes    3: last, s
 */
export const FLOW = {
  words: 8,
  vni: 0,
  keys: 1,
  packets: 2,
  lastNsec: 3,
  doubles: 4,
  bytes: 2,
  lastSec: 3,
} as const;
// A module's own constants are compiled in; what is imported, or a property, is looked up at each use.
const WORDS = FLOW.words;
const KEYS = FLOW.keys;
const PACKETS = FLOW.packets;
const LAST_NSEC = FLOW.lastNsec;
const DOUBLES = FLOW.doubles;
const BYTES = FLOW.bytes;
const LAST_SEC = FLOW.lastSec;
const OVN = FrameFlag.ovn;

/** Beside the VNI: the flow's meaning has an end, so that each of its packets has to be held against it. */
const BOUNDED = 0x4000_0000;
const VNI_BITS = 0x01ff_ffff;

/** Slots of a bucket. One stays free, which ends every search. */
const BUCKET_BITS = 8;
const BUCKET_SLOTS = 1 << BUCKET_BITS;
const IN_BUCKET = BUCKET_SLOTS - 1;
/** Flows a bucket, on average, from which on the table grows. */
const FULL_BUCKET = 80;

/** Slots for which memory is reserved to begin with, and once those are used up. */
const FIRST_SLOTS = 2 ** 17;
const MOST_SLOTS = 2 ** 27;

/** Flows held at most, unless told otherwise. */
export const MOST_FLOWS = 50_000_000;

/** What of the OVN option's word is keys: all but the reserved bit, which makes no other flow. */
export const KEY_BITS = 0x7fffffff;

/** Where the slots begin, in bytes: large memory starts 16 bytes into a cache line, and slots shall not cross one. */
const SLOTS_START = 48;

/** One flow as plain values. Times are seconds since 1970 and nanoseconds. */
export interface FlowEntry {
  vni: number;
  /** The option's data word without its reserved bit. */
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

/** Asked once a new flow, and when meanings change, with the time of its first packet in milliseconds since 1970. */
export type ValidityOf = (vni: number, keys: number, atMs: number) => Validity;

/** A flow without a slot: of another meaning of its keys, or because its bucket is full. */
interface Aside extends FlowEntry {
  from: number;
  until: number;
}

const ALWAYS: Validity = { from: Number.NEGATIVE_INFINITY, until: Number.POSITIVE_INFINITY };

/** What a table consists of, for it to go on in another thread. */
export interface FlowState {
  readonly memory: ArrayBuffer;
  readonly firstSec: Float64Array;
  readonly firstNsec: Int32Array;
  readonly from: Float64Array;
  readonly until: Float64Array;
  readonly filled: Uint16Array;
  readonly buckets: number;
  readonly aside: readonly FlowEntry[];
  readonly carried: readonly [string, number][];
  readonly overflow: number;
  readonly latestSec: number;
  readonly latestNsec: number;
}

/** No slot: the flow is set aside, or there is no room for it. */
const ASIDE = -1;
const NO_ROOM = -2;

export class FlowTable {
  /** The slots, for the kernel's loop; see FLOW. Other arrays take their place when the table grows. */
  words!: Int32Array;
  doubles!: Float64Array;
  /** Buckets there are, and the least power of two they fit into less one: for homeSlot. Both grow. */
  buckets = 1;
  mask = 0;
  /** The latest time of all packets: one that is not earlier is the last of its flow. */
  latestSec = Number.NEGATIVE_INFINITY;
  latestNsec = 0;
  /** Packets that opened a flow when the table was full, and so are in none. */
  overflow = 0;
  /** By slot: what only a new flow sets, or a packet out of order; and the validity, where it matters. */
  #firstSec!: Float64Array;
  #firstNsec!: Int32Array;
  #from!: Float64Array;
  #until!: Float64Array;
  #reserved = 0;
  /** Flows in slots, in all and by bucket; flows set aside. */
  #count = 0;
  #filled!: Uint16Array;
  readonly #allAside: Aside[] = [];
  /** The same by VNI, then keys; in order of `from`. */
  readonly #aside = new Map<number, Map<number, Aside[]>>();
  /** The flow set aside that the last search found. */
  #found: Aside | null = null;
  /** Multiples of 2^32 packets, by keys and validity: what the 32-bit counter has lost. */
  readonly #carried = new Map<string, number>();
  readonly #validityOf: ValidityOf | null;
  #most: number;

  /** Without `validityOf` keys mean the same at all times. `most`: flows held at most. */
  constructor(validityOf: ValidityOf | null = null, most = MOST_FLOWS) {
    this.#validityOf = validityOf;
    this.#most = most;
    this.#reserve(FIRST_SLOTS);
  }

  /** The table that had this state, with the same meanings and room. */
  static of(state: FlowState, validityOf: ValidityOf | null = null, most = MOST_FLOWS): FlowTable {
    const table = new FlowTable(validityOf, most);
    table.words = new Int32Array(state.memory, SLOTS_START);
    table.doubles = new Float64Array(state.memory, SLOTS_START);
    table.#firstSec = state.firstSec;
    table.#firstNsec = state.firstNsec;
    table.#from = state.from;
    table.#until = state.until;
    table.#filled = state.filled;
    table.#reserved = state.firstSec.length;
    table.#count = state.filled.reduce((sum, filled) => sum + filled, 0);
    table.buckets = state.buckets;
    while (table.mask < state.buckets - 1) table.mask = table.mask * 2 + 1;
    for (const flow of state.aside) table.#setAside(flow as Aside);
    for (const [name, packets] of state.carried) table.#carried.set(name, packets);
    table.overflow = state.overflow;
    table.latestSec = state.latestSec;
    table.latestNsec = state.latestNsec;
    return table;
  }

  /** Flows in the table. */
  get count(): number {
    return this.#count + this.#allAside.length;
  }

  /** Whether some keys may have several flows, of different meanings. */
  get versioned(): boolean {
    return this.#allAside.length > 0;
  }

  /** Places where there may be a flow, for `read`: slots, then those set aside. */
  get places(): number {
    return this.#slots + this.#allAside.length;
  }

  get #slots(): number {
    return this.buckets * BUCKET_SLOTS;
  }

  /** The first place of a flow set aside; that of a key's other meanings is among those before. */
  get firstAside(): number {
    return this.#slots;
  }

  /** Reserves memory for `slots` slots and takes over those in use. Throws a RangeError where there is none. */
  #reserve(slots: number): void {
    const timed = this.#validityOf === null ? 0 : slots;
    const memory = new ArrayBuffer(SLOTS_START + slots * DOUBLES * 8);
    const firstSec = new Float64Array(slots);
    const firstNsec = new Int32Array(slots);
    const from = new Float64Array(timed);
    const until = new Float64Array(timed);
    const filled = new Uint16Array(slots / BUCKET_SLOTS);
    const words = new Int32Array(memory, SLOTS_START);
    if (this.#reserved > 0) {
      // Only what is used: behind it lies the copy of a bucket.
      const used = this.#slots;
      words.set(this.words.subarray(0, used * WORDS));
      firstSec.set(this.#firstSec.subarray(0, used));
      firstNsec.set(this.#firstNsec.subarray(0, used));
      from.set(this.#from.subarray(0, used));
      until.set(this.#until.subarray(0, used));
      filled.set(this.#filled);
    }
    this.words = words;
    this.doubles = new Float64Array(memory, SLOTS_START);
    this.#firstSec = firstSec;
    this.#firstNsec = firstNsec;
    this.#from = from;
    this.#until = until;
    this.#filled = filled;
    this.#reserved = slots;
  }

  /**
   * Counts a packet; `bytes` are original ones, `keys` the option's word. Flows may change their slots, and
   * the table its arrays.
   */
  add(vni: number, keys: number, bytes: number, sec: number, nsec: number): void {
    this.#tally(vni, keys & KEY_BITS, 1, bytes, sec, nsec, sec, nsec);
  }

  /**
   * Counts those packets of a decoded batch that have the OVN option, among those whose indices the first
   * `count` of `rows` are.
   */
  addRows(packets: PacketBatch, frames: FrameBatch, rows: Int32Array, count: number): void {
    const { originalBytes, tsSec, tsNsec } = packets;
    const { flags, vni, ovnKeys } = frames;
    let { words, doubles, mask, buckets } = this;
    let latestSec = this.latestSec;
    let latestNsec = this.latestNsec;
    for (let row = 0; row < count; row++) {
      const i = rows[row];
      if ((flags[i] & OVN) === 0) continue;
      const sec = tsSec[i];
      const nsec = tsNsec[i];
      const key = vni[i] + 1;
      const keys = ovnKeys[i] & KEY_BITS;
      let slot = homeSlot(key, keys, mask, buckets);
      let taken = words[slot * WORDS];
      while (taken !== 0 && (taken !== key || words[slot * WORDS + KEYS] !== keys)) {
        slot = nextSlot(slot);
        taken = words[slot * WORDS];
      }
      const packets = (words[slot * WORDS + PACKETS] + 1) | 0;
      if (taken !== 0 && packets !== 0 && (sec > latestSec || (sec === latestSec && nsec >= latestNsec))) {
        words[slot * WORDS + PACKETS] = packets;
        words[slot * WORDS + LAST_NSEC] = nsec;
        doubles[slot * DOUBLES + BYTES] += originalBytes[i];
        doubles[slot * DOUBLES + LAST_SEC] = sec;
        this.latestSec = latestSec = sec;
        this.latestNsec = latestNsec = nsec;
      } else {
        this.add(vni[i], keys, originalBytes[i], sec, nsec);
        ({ words, doubles, mask, buckets, latestSec, latestNsec } = this);
      }
    }
  }

  /** Adds what another table, in which keys mean the same, has counted. */
  merge(other: FlowTable): void {
    const entry = newEntry();
    for (let place = 0; place < other.places; place++) {
      if (!other.read(place, entry)) continue;
      const { vni, keys, packets, bytes, firstSec, firstNsec, lastSec, lastNsec } = entry;
      // All of it has the meaning of its first packet.
      this.#tally(vni, keys, packets, bytes, firstSec, firstNsec, lastSec, lastNsec);
    }
    this.overflow += other.overflow;
  }

  #tally(
    vni: number,
    keys: number,
    packets: number,
    bytes: number,
    firstSec: number,
    firstNsec: number,
    lastSec: number,
    lastNsec: number,
  ): void {
    if (isLater(lastSec, lastNsec, this.latestSec, this.latestNsec)) {
      this.latestSec = lastSec;
      this.latestNsec = lastNsec;
    }
    const slot = this.#slotOf(vni, keys, firstSec, firstNsec);
    if (slot >= 0) {
      const { words, doubles } = this;
      const word = slot * WORDS;
      const double = slot * DOUBLES;
      const sum = (words[word + PACKETS] >>> 0) + packets;
      words[word + PACKETS] = sum | 0;
      if (sum >= 2 ** 32) this.#carry(slot, sum - (sum >>> 0));
      doubles[double + BYTES] += bytes;
      if (isLater(lastSec, lastNsec, doubles[double + LAST_SEC], words[word + LAST_NSEC])) {
        doubles[double + LAST_SEC] = lastSec;
        words[word + LAST_NSEC] = lastNsec;
      }
      if (isLater(this.#firstSec[slot], this.#firstNsec[slot], firstSec, firstNsec)) {
        this.#firstSec[slot] = firstSec;
        this.#firstNsec[slot] = firstNsec;
      }
      return;
    }
    const aside = this.#found;
    if (slot === NO_ROOM || aside === null) {
      this.overflow += packets;
      return;
    }
    aside.packets += packets;
    aside.bytes += bytes;
    if (isLater(lastSec, lastNsec, aside.lastSec, aside.lastNsec)) {
      aside.lastSec = lastSec;
      aside.lastNsec = lastNsec;
    }
    if (isLater(aside.firstSec, aside.firstNsec, firstSec, firstNsec)) {
      aside.firstSec = firstSec;
      aside.firstNsec = firstNsec;
    }
  }

  /** The packet counter of a slot has come round to 0. */
  carry(slot: number): void {
    this.#carry(slot, 2 ** 32);
  }

  #carry(slot: number, packets: number): void {
    const name = this.#nameOf(slot);
    this.#carried.set(name, (this.#carried.get(name) ?? 0) + packets);
  }

  #nameOf(slot: number): string {
    const from = this.#validityOf === null ? 0 : this.#from[slot];
    return `${this.words[slot * WORDS] & VNI_BITS} ${this.words[slot * WORDS + KEYS]} ${from}`;
  }

  /** The slot of a flow, a new one where there is none; ASIDE, with the flow in #found, or NO_ROOM. */
  #slotOf(vni: number, keys: number, sec: number, nsec: number): number {
    const timed = this.#validityOf !== null;
    const ms = timed ? momentMs(sec, nsec) : 0;
    const { words } = this;
    let slot = homeSlot(vni + 1, keys, this.mask, this.buckets);
    for (let taken = words[slot * WORDS]; taken !== 0; taken = words[slot * WORDS]) {
      if ((taken & VNI_BITS) === vni + 1 && words[slot * WORDS + KEYS] === keys) {
        if (timed && !(ms >= this.#from[slot] && ms < this.#until[slot]))
          return this.#turn(slot, vni, keys, ms, sec, nsec);
        // Times without a date stand for the latest: the next packet's may be earlier.
        if (timed && sec < FIRST_DATED_SECOND) words[slot * WORDS] |= BOUNDED;
        return slot;
      }
      slot = nextSlot(slot);
    }
    this.#found = this.#asideAt(vni, keys, ms);
    if (this.#found !== null) return ASIDE;
    return this.#open(vni, keys, ms, sec, nsec);
  }

  /** A new flow, in a slot of its own where its bucket has room. */
  #open(vni: number, keys: number, ms: number, sec: number, nsec: number): number {
    while (this.#count >= this.buckets * FULL_BUCKET && this.#divide());
    if (this.count >= this.#most) return NO_ROOM;
    const slot = this.#takeSlot(vni + 1, keys);
    if (slot < 0) {
      this.#found = this.#newAside(vni, keys, ms, sec, nsec);
      this.#setAside(this.#found);
      return ASIDE;
    }
    const word = slot * WORDS;
    this.words[word + KEYS] = keys;
    this.words[word + PACKETS] = 0;
    this.words[word + LAST_NSEC] = nsec;
    this.doubles[slot * DOUBLES + BYTES] = 0;
    this.doubles[slot * DOUBLES + LAST_SEC] = sec;
    this.#firstSec[slot] = sec;
    this.#firstNsec[slot] = nsec;
    const { from, until } = this.#validityOf?.(vni, keys, ms) ?? ALWAYS;
    this.#setValidity(slot, vni, from, until);
    return slot;
  }

  /**
   * Takes a free slot in the bucket of keys that have none; -1 where the last free one has to stay. Its first
   * word is the caller's to write, at once.
   */
  #takeSlot(key: number, keys: number): number {
    let slot = homeSlot(key, keys, this.mask, this.buckets);
    const bucket = slot >>> BUCKET_BITS;
    if (this.#filled[bucket] === IN_BUCKET) return -1;
    while (this.words[slot * WORDS] !== 0) slot = nextSlot(slot);
    this.#filled[bucket]++;
    this.#count++;
    return slot;
  }

  /** Writes the first word of a slot, and from when until when its flow's meaning holds. */
  #setValidity(slot: number, vni: number, from: number, until: number): void {
    let bounded = 0;
    if (this.#validityOf !== null) {
      this.#from[slot] = from;
      this.#until[slot] = until;
      // Times without a date stand for the latest: the next packet's may be earlier.
      const undated = this.doubles[slot * DOUBLES + LAST_SEC] < FIRST_DATED_SECOND;
      if (undated || until !== Number.POSITIVE_INFINITY) bounded = BOUNDED;
    }
    this.words[slot * WORDS] = (vni + 1) | bounded;
  }

  /** Puts a flow into a slot that has been taken. */
  #write(slot: number, flow: Aside): void {
    const { words, doubles } = this;
    words[slot * WORDS + KEYS] = flow.keys;
    words[slot * WORDS + PACKETS] = flow.packets | 0;
    words[slot * WORDS + LAST_NSEC] = flow.lastNsec;
    doubles[slot * DOUBLES + BYTES] = flow.bytes;
    doubles[slot * DOUBLES + LAST_SEC] = flow.lastSec;
    this.#firstSec[slot] = flow.firstSec;
    this.#firstNsec[slot] = flow.firstNsec;
    this.#setValidity(slot, flow.vni, flow.from, flow.until);
    if (flow.packets >= 2 ** 32) this.#carried.set(this.#nameOf(slot), flow.packets - (flow.packets >>> 0));
  }

  /** The slot's flow as an object of its own. */
  #flowIn(slot: number): Aside {
    const timed = this.#validityOf !== null;
    const flow = {
      from: timed ? this.#from[slot] : ALWAYS.from,
      until: timed ? this.#until[slot] : ALWAYS.until,
    };
    return Object.assign(flow, this.#read(slot, newEntry()));
  }

  /** The keys in `slot` have another meaning at `ms`: its flow makes place for the one of that meaning. */
  #turn(slot: number, vni: number, keys: number, ms: number, sec: number, nsec: number): number {
    const wanted = this.#asideAt(vni, keys, ms);
    if (wanted === null && this.count >= this.#most) return NO_ROOM;
    const flow = wanted ?? this.#newAside(vni, keys, ms, sec, nsec);
    const before = this.#flowIn(slot);
    this.#carried.delete(this.#nameOf(slot));
    this.#write(slot, flow);
    if (wanted === null) this.#setAside(before);
    else {
      // Its place is the other's now.
      const flows = this.#asideOf(vni, keys);
      flows.splice(flows.indexOf(wanted), 1);
      Object.assign(wanted, before);
      insertByFrom(flows, wanted);
    }
    return slot;
  }

  /** A flow without packets yet, whose first is at the time given. */
  #newAside(vni: number, keys: number, ms: number, sec: number, nsec: number): Aside {
    const { from, until } = this.#validityOf?.(vni, keys, ms) ?? ALWAYS;
    const times = { firstSec: sec, firstNsec: nsec, lastSec: sec, lastNsec: nsec };
    return { vni, keys, packets: 0, bytes: 0, ...times, from, until };
  }

  #asideOf(vni: number, keys: number): Aside[] {
    return this.#aside.get(vni)?.get(keys) ?? [];
  }

  /** The flow set aside whose meaning holds at `ms`, or null. */
  #asideAt(vni: number, keys: number, ms: number): Aside | null {
    if (this.#allAside.length === 0) return null;
    const flows = this.#asideOf(vni, keys);
    const at = lastFrom(flows, ms);
    return at >= 0 && (ms < flows[at].until || this.#validityOf === null) ? flows[at] : null;
  }

  #setAside(flow: Aside): void {
    const byKeys = this.#aside.get(flow.vni) ?? new Map<number, Aside[]>();
    const flows = byKeys.get(flow.keys) ?? [];
    this.#aside.set(flow.vni, byKeys.set(flow.keys, flows));
    insertByFrom(flows, flow);
    this.#allAside.push(flow);
  }

  /**
   * What keys mean has changed from some time on, in the datapaths `vnis` (null: any): asks again for those that
   * had no end. What was counted stays where it is.
   */
  revalidate(vnis: ReadonlySet<number> | null): void {
    const validityOf = this.#validityOf;
    if (validityOf === null) return;
    const { words } = this;
    const slots = this.#slots;
    for (let slot = 0; slot < slots; slot++) {
      const vni = (words[slot * WORDS] & VNI_BITS) - 1;
      if (vni < 0 || this.#until[slot] !== Number.POSITIVE_INFINITY) continue;
      if (vnis !== null && !vnis.has(vni)) continue;
      const flow = this.#flowIn(slot);
      this.#carried.delete(this.#nameOf(slot));
      this.#write(slot, { ...flow, ...validityOf(vni, flow.keys, momentMs(flow.firstSec, flow.firstNsec)) });
    }
    for (const flow of this.#allAside) {
      if (flow.until !== Number.POSITIVE_INFINITY || (vnis !== null && !vnis.has(flow.vni))) continue;
      Object.assign(flow, validityOf(flow.vni, flow.keys, momentMs(flow.firstSec, flow.firstNsec)));
    }
  }

  /** Divides the next bucket in turn; false where there is no memory for another. */
  #divide(): boolean {
    // The last bucket of the memory is for copies.
    if ((this.buckets + 2) * BUCKET_SLOTS > this.#reserved && !this.#reserveMore()) return false;
    if (this.buckets > this.mask) this.mask = this.mask * 2 + 1;
    const bucket = this.buckets - ((this.mask + 1) >>> 1);
    this.buckets++;
    const start = bucket * BUCKET_SLOTS;
    const end = start + BUCKET_SLOTS;
    const copy = this.#reserved - BUCKET_SLOTS;
    const { words } = this;
    const firstSec = this.#firstSec;
    const firstNsec = this.#firstNsec;
    const from = this.#from;
    const until = this.#until;
    const timed = this.#validityOf !== null;
    words.copyWithin(copy * WORDS, start * WORDS, end * WORDS);
    words.fill(0, start * WORDS, end * WORDS);
    for (const array of [firstSec, firstNsec, from, until]) array.copyWithin(copy, start, end);
    this.#count -= this.#filled[bucket];
    this.#filled[bucket] = 0;
    for (let old = copy; old < copy + BUCKET_SLOTS; old++) {
      const first = words[old * WORDS];
      if (first === 0) continue;
      // Either half has at least the room that both had.
      const slot = this.#takeSlot(first & VNI_BITS, words[old * WORDS + KEYS]);
      for (let word = 0; word < WORDS; word++) words[slot * WORDS + word] = words[old * WORDS + word];
      firstSec[slot] = firstSec[old];
      firstNsec[slot] = firstNsec[old];
      if (!timed) continue;
      from[slot] = from[old];
      until[slot] = until[old];
    }
    return true;
  }

  /** All the memory there will ever be, at once: copying more than the first slots would take a while. */
  #reserveMore(): boolean {
    for (let slots = MOST_SLOTS; slots > this.#reserved; slots /= 2) {
      try {
        this.#reserve(slots);
        return true;
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
      }
    }
    // What is there is full, as far as more flows are concerned.
    this.#most = this.count;
    return false;
  }

  /** Reads the flow in place `place`, 0 to `places - 1`, into `entry`; false where there is none. */
  read(place: number, entry: FlowEntry): boolean {
    if (place >= this.#slots) Object.assign(entry, this.#allAside[place - this.#slots]);
    else if (this.words[place * WORDS] === 0) return false;
    else this.#read(place, entry);
    return true;
  }

  /** What flows are ordered by, of the flow in a place where there is one. */
  vniOf(place: number): number {
    return place < this.#slots
      ? (this.words[place * WORDS] & VNI_BITS) - 1
      : this.#allAside[place - this.#slots].vni;
  }

  keysOf(place: number): number {
    return place < this.#slots ? this.words[place * WORDS + KEYS] : this.#allAside[place - this.#slots].keys;
  }

  bytesOf(place: number): number {
    return place < this.#slots
      ? this.doubles[place * DOUBLES + BYTES]
      : this.#allAside[place - this.#slots].bytes;
  }

  #read(slot: number, entry: FlowEntry): FlowEntry {
    const word = slot * WORDS;
    const packets = this.words[word + PACKETS] >>> 0;
    entry.vni = (this.words[word] & VNI_BITS) - 1;
    entry.keys = this.words[word + KEYS];
    entry.packets =
      this.#carried.size === 0 ? packets : packets + (this.#carried.get(this.#nameOf(slot)) ?? 0);
    entry.bytes = this.doubles[slot * DOUBLES + BYTES];
    entry.firstSec = this.#firstSec[slot];
    entry.firstNsec = this.#firstNsec[slot];
    entry.lastSec = this.doubles[slot * DOUBLES + LAST_SEC];
    entry.lastNsec = this.words[word + LAST_NSEC];
    return entry;
  }

  /** Every flow, in no order. */
  *entries(): Generator<FlowEntry> {
    for (let place = 0; place < this.places; place++) {
      const entry = newEntry();
      if (this.read(place, entry)) yield entry;
    }
  }

  /** All there is in the table, for another thread. Its memory moves there: this table is used no more. */
  state(): FlowState {
    return {
      memory: this.words.buffer as ArrayBuffer,
      firstSec: this.#firstSec,
      firstNsec: this.#firstNsec,
      from: this.#from,
      until: this.#until,
      filled: this.#filled,
      buckets: this.buckets,
      aside: this.#allAside,
      carried: [...this.#carried],
      overflow: this.overflow,
      latestSec: this.latestSec,
      latestNsec: this.latestNsec,
    };
  }
}

/** What `postMessage` has to move, not copy, of a table's state. */
export function flowMemory(state: FlowState): ArrayBuffer[] {
  const { memory, firstSec, firstNsec, from, until, filled } = state;
  return [memory, ...[firstSec, firstNsec, from, until, filled].map(({ buffer }) => buffer as ArrayBuffer)];
}

/** The slot where the search for keys begins; `key` is the VNI + 1. `mask`, `buckets`: the table's. */
export function homeSlot(key: number, keys: number, mask: number, buckets: number): number {
  const hash = flowHash(key, keys);
  const bucket = hash & mask;
  // A bucket that is not there yet is still in one with that of half as many. Without a branch, which would
  // be a matter of chance.
  const there = bucket - (((mask + 1) >>> 1) & ~((bucket - buckets) >> 31));
  return there * BUCKET_SLOTS + (hash >>> 24);
}

/** The slot after that, in the same bucket. */
export function nextSlot(slot: number): number {
  return (slot & ~IN_BUCKET) | ((slot + 1) & IN_BUCKET);
}

/** Index of the last of `flows`, which are in order of `from`, whose `from` is `ms` or before; -1 for none. */
function lastFrom(flows: readonly Aside[], ms: number): number {
  let low = 0;
  let high = flows.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (flows[middle].from <= ms) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

function insertByFrom(flows: Aside[], flow: Aside): void {
  flows.splice(lastFrom(flows, flow.from) + 1, 0, flow);
}

/** Whether a time is later than another; of both seconds and nanoseconds. */
export function isLater(sec: number, nsec: number, thanSec: number, thanNsec: number): boolean {
  return sec > thanSec || (sec === thanSec && nsec > thanNsec);
}

/** A flow to be read into. */
export function newEntry(): FlowEntry {
  return { vni: 0, keys: 0, packets: 0, bytes: 0, firstSec: 0, firstNsec: 0, lastSec: 0, lastNsec: 0 };
}

/** Spreads both words over 32 bits; the multipliers are those of the golden ratio and of Murmur3. */
export function flowHash(vni: number, keys: number): number {
  const k = Math.imul(keys, 0x9e3779b1);
  const h = Math.imul(vni ^ k ^ (k >>> 15), 0x85ebca6b);
  return h ^ (h >>> 13);
}
