/*
 * Packets summed up by (VNI, OVN option word): an open-addressing table over typed arrays, since a Map keyed
 * by a 55-bit number or a string costs several times as much a packet. What every packet touches lies
 * together, and apart from what only a new flow touches, so that many flows fit into a processor's cache.
 *
 * Keys have a validity: from when until when they keep their meaning. A key that changes its meaning has an
 * entry for each, the newest first: packets come about in the order of time.
 */

/*
 * A slot of the table, what every packet touches of its flow: half a cache line of 32-bit words and doubles.
 *
 *   words  0: VNI + 1, or 0 where the slot is free    1: option word    2: packets    3: last, ns
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
const VNI = FLOW.vni;
const KEYS = FLOW.keys;
const PACKETS = FLOW.packets;
const LAST_NSEC = FLOW.lastNsec;
const DOUBLES = FLOW.doubles;
const BYTES = FLOW.bytes;
const LAST_SEC = FLOW.lastSec;

/** Flows held at most: each costs memory here and in the answer, and a capture can hold any number. */
export const MOST_FLOWS = 2 ** 20;

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

export class FlowTable {
  /** A power of two; at most half the slots are taken. */
  #slots: number;
  #count = 0;
  /** The slots, for the kernel's loops; see FLOW. Other arrays take their place when the table grows. */
  words!: Int32Array;
  doubles!: Float64Array;
  /** By slot: the validity of a flow's keys, in milliseconds since 1970; empty where `timed` is false. */
  from!: Float64Array;
  until!: Float64Array;
  /** By slot, too: what only a new flow sets, or a packet out of order. */
  #firstSec!: Float64Array;
  #firstNsec!: Int32Array;
  /** Slots taken of late that may have to change places with older entries of the same keys. */
  #fresh: number[] = [];
  /** Multiples of 2^32 packets, by slot: what the 32-bit counter has lost. */
  #carried = new Map<number, number>();
  readonly #validityOf: ValidityOf | null;

  /** Without `validityOf` keys mean the same at all times. `slots`: twice the flows to start with, a power of two. */
  constructor(validityOf: ValidityOf | null = null, slots = 2048) {
    this.#validityOf = validityOf;
    this.#slots = slots;
    this.#allocate();
  }

  #allocate(): void {
    const slots = this.#slots;
    const memory = new ArrayBuffer(SLOTS_START + slots * DOUBLES * 8);
    this.words = new Int32Array(memory, SLOTS_START);
    this.doubles = new Float64Array(memory, SLOTS_START);
    this.#firstSec = new Float64Array(slots);
    this.#firstNsec = new Int32Array(slots);
    const timed = this.#validityOf === null ? 0 : slots;
    this.from = new Float64Array(timed);
    this.until = new Float64Array(timed);
  }

  /** Packets that opened a flow when the table had MOST_FLOWS, and so are in none. */
  overflow = 0;

  /** Flows in the table. */
  get count(): number {
    return this.#count;
  }

  /** Slots less one: what of a hash is a slot's number. */
  get mask(): number {
    return this.#slots - 1;
  }

  /** Whether what keys mean depends on the time: then a flow's slot is the one whose validity has it. */
  get timed(): boolean {
    return this.#validityOf !== null;
  }

  /**
   * Grows until `flows` more leave half the slots free, as far as MOST_FLOWS allows. Entries may change their
   * slots here, and nowhere else.
   */
  reserve(flows: number): void {
    if (this.#fresh.length > 0) this.#advance();
    while ((this.#count + flows) * 2 > this.#slots && this.#slots < MOST_FLOWS * 2) this.#grow();
  }

  /**
   * What keys mean has changed from some time on, in the datapaths `vnis` (null: any): asks again for those that
   * had no end. What was counted stays where it is.
   */
  revalidate(vnis: ReadonlySet<number> | null): void {
    if (this.#validityOf === null) return;
    for (let slot = 0; slot < this.#slots; slot++) {
      const vni = this.words[slot * WORDS + VNI];
      if (vni === 0 || this.until[slot] !== Number.POSITIVE_INFINITY) continue;
      if (vnis !== null && !vnis.has(vni - 1)) continue;
      const ms = momentMs(this.#firstSec[slot], this.#firstNsec[slot]);
      const validity = this.#validityOf(vni - 1, this.words[slot * WORDS + KEYS], ms);
      this.from[slot] = validity.from;
      this.until[slot] = validity.until;
    }
  }

  /** Puts fresh entries before older ones of the same keys, so that they are found first. */
  #advance(): void {
    const { words, mask } = this;
    for (const slot of this.#fresh) {
      const vni = words[slot * WORDS + VNI];
      const keys = words[slot * WORDS + KEYS];
      let first = flowHash(vni, keys) & mask;
      while (words[first * WORDS + VNI] !== vni || words[first * WORDS + KEYS] !== keys)
        first = (first + 1) & mask;
      if (first !== slot) this.#swap(first, slot);
    }
    this.#fresh = [];
  }

  #swap(a: number, b: number): void {
    for (const [array, width] of [
      [this.words, WORDS],
      [this.#firstSec, 1],
      [this.#firstNsec, 1],
      [this.from, 1],
      [this.until, 1],
    ] as const) {
      for (let index = 0; index < width; index++) {
        const kept = array[a * width + index];
        array[a * width + index] = array[b * width + index];
        array[b * width + index] = kept;
      }
    }
    const [carriedA, carriedB] = [this.#carried.get(a), this.#carried.get(b)];
    this.#carried.delete(a);
    this.#carried.delete(b);
    if (carriedA !== undefined) this.#carried.set(b, carriedA);
    if (carriedB !== undefined) this.#carried.set(a, carriedB);
  }

  /** Counts a packet; `bytes` are original ones, `keys` the option's word. */
  add(vni: number, keys: number, bytes: number, sec: number, nsec: number): void {
    this.reserve(1);
    const slot = this.#find(vni + 1, keys & KEY_BITS, sec, nsec);
    if (slot < 0) return;
    const { words, doubles } = this;
    const packets = (words[slot * WORDS + PACKETS] + 1) | 0;
    words[slot * WORDS + PACKETS] = packets;
    if (packets === 0) this.carry(slot);
    doubles[slot * DOUBLES + BYTES] += bytes;
    const lastSec = doubles[slot * DOUBLES + LAST_SEC];
    if (sec > lastSec || (sec === lastSec && nsec >= words[slot * WORDS + LAST_NSEC])) {
      doubles[slot * DOUBLES + LAST_SEC] = sec;
      words[slot * WORDS + LAST_NSEC] = nsec;
    } else this.notLatest(slot, sec, nsec);
  }

  /** The packet counter of a slot has come round to 0. */
  carry(slot: number): void {
    this.#carried.set(slot, (this.#carried.get(slot) ?? 0) + 2 ** 32);
  }

  /** A packet of the flow that is earlier than its last: perhaps than its first. */
  notLatest(slot: number, sec: number, nsec: number): void {
    const firstSec = this.#firstSec[slot];
    if (sec < firstSec || (sec === firstSec && nsec < this.#firstNsec[slot])) {
      this.#firstSec[slot] = sec;
      this.#firstNsec[slot] = nsec;
    }
  }

  /** The slot of a flow, a new one where there is none, -1 where there is no room. `vni` is one more than it is. */
  #find(vni: number, keys: number, sec: number, nsec: number): number {
    const { words, mask } = this;
    let slot = flowHash(vni, keys) & mask;
    for (let taken = words[slot * WORDS + VNI]; taken !== 0; taken = words[slot * WORDS + VNI]) {
      const same = taken === vni && words[slot * WORDS + KEYS] === keys;
      if (same && (this.#validityOf === null || this.#holds(slot, sec, nsec))) return slot;
      slot = (slot + 1) & mask;
    }
    return this.insert(slot, vni, keys, sec, nsec) ? slot : -1;
  }

  #holds(slot: number, sec: number, nsec: number): boolean {
    const ms = momentMs(sec, nsec);
    return ms >= this.from[slot] && ms < this.until[slot];
  }

  /**
   * Takes a free slot for a flow without packets, whose first is at the time given. `vni` is one more than it
   * is. False, and a packet more in `overflow`, where the table is full.
   */
  insert(slot: number, vni: number, keys: number, sec: number, nsec: number): boolean {
    if (this.#count >= MOST_FLOWS) {
      this.overflow++;
      return false;
    }
    this.#count++;
    this.words[slot * WORDS + VNI] = vni;
    this.words[slot * WORDS + KEYS] = keys;
    this.words[slot * WORDS + LAST_NSEC] = nsec;
    this.doubles[slot * DOUBLES + LAST_SEC] = sec;
    this.#firstSec[slot] = sec;
    this.#firstNsec[slot] = nsec;
    if (this.#validityOf !== null) {
      const validity = this.#validityOf(vni - 1, keys, momentMs(sec, nsec));
      this.from[slot] = validity.from;
      this.until[slot] = validity.until;
      // What holds for all time is the only one of its keys.
      if (validity.from !== Number.NEGATIVE_INFINITY || validity.until !== Number.POSITIVE_INFINITY)
        this.#fresh.push(slot);
    }
    return true;
  }

  #grow(): void {
    const slots = this.#slots;
    const words = this.words;
    const doubles = this.doubles;
    const firstSec = this.#firstSec;
    const firstNsec = this.#firstNsec;
    const from = this.from;
    const until = this.until;
    const carried = this.#carried;
    this.#slots = slots * 2;
    this.#carried = new Map();
    this.#allocate();
    const mask = this.#slots - 1;
    for (let old = 0; old < slots; old++) {
      const vni = words[old * WORDS + VNI];
      if (vni === 0) continue;
      let slot = flowHash(vni, words[old * WORDS + KEYS]) & mask;
      while (this.words[slot * WORDS + VNI] !== 0) slot = (slot + 1) & mask;
      for (let word = 0; word < LAST_NSEC + 1; word++)
        this.words[slot * WORDS + word] = words[old * WORDS + word];
      this.doubles[slot * DOUBLES + BYTES] = doubles[old * DOUBLES + BYTES];
      this.doubles[slot * DOUBLES + LAST_SEC] = doubles[old * DOUBLES + LAST_SEC];
      this.#firstSec[slot] = firstSec[old];
      this.#firstNsec[slot] = firstNsec[old];
      if (this.#validityOf !== null) {
        this.from[slot] = from[old];
        this.until[slot] = until[old];
      }
      const lost = carried.get(old);
      if (lost !== undefined) this.#carried.set(slot, lost);
    }
  }

  /** Every flow, in no order. */
  *entries(): Generator<FlowEntry> {
    for (let slot = 0; slot < this.#slots; slot++) {
      const word = slot * WORDS;
      if (this.words[word + VNI] === 0) continue;
      yield {
        vni: this.words[word + VNI] - 1,
        keys: this.words[word + KEYS],
        packets: (this.words[word + PACKETS] >>> 0) + (this.#carried.get(slot) ?? 0),
        bytes: this.doubles[slot * DOUBLES + BYTES],
        firstSec: this.#firstSec[slot],
        firstNsec: this.#firstNsec[slot],
        lastSec: this.doubles[slot * DOUBLES + LAST_SEC],
        lastNsec: this.words[word + LAST_NSEC],
      };
    }
  }
}

/** Packets of the first day of 1970 have no date: a dump without one, a block without a time. */
const FIRST_DATED_SECOND = 86_400;

/**
 * A packet's time in milliseconds since 1970, the inventory's measure, to the microsecond; without a
 * date, a time later than any, at which the latest state holds.
 */
export function momentMs(sec: number, nsec: number): number {
  // Rounded down to a microsecond: a sum that is rounded up would end in the next millisecond.
  return sec < FIRST_DATED_SECOND ? Number.MAX_VALUE : sec * 1e3 + ((nsec / 1000) | 0) * 1e-3;
}

/** Spreads both words over 32 bits; the multipliers are those of the golden ratio and of Murmur3. */
export function flowHash(vni: number, keys: number): number {
  const h = Math.imul(vni ^ Math.imul(keys, 0x9e3779b1), 0x85ebca6b);
  return h ^ (h >>> 15);
}
