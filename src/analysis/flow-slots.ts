/*
 * The memory of a flow table: slots, found by a hash of (VNI, OVN option word), in typed arrays, since a Map keyed
 * by a 55-bit number or a string costs several times as much a packet. What every packet touches lies together,
 * and apart from what only a new flow touches, so that many flows fit into a processor's cache.
 *
 * It grows without a pause, by linear hashing: slots lie in buckets, and as flows come, one bucket after the
 * other is divided into itself and a new one behind the last. Memory is reserved beforehand and used as it grows;
 * the system gives pages when they are first written.
 */

/*
 * A slot, what every packet touches of its flow: half a cache line of 32-bit words and doubles.
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
const DOUBLES = FLOW.doubles;

/** Beside the VNI: the flow's meaning has an end, so that each of its packets has to be held against it. */
export const BOUNDED = 0x4000_0000;
export const VNI_BITS = 0x01ff_ffff;
/** What of the OVN option's word is keys: all but the reserved bit, which makes no other flow. */
export const KEY_BITS = 0x7fffffff;

/** Slots of a bucket. One stays free, which ends every search. */
const BUCKET_BITS = 8;
const BUCKET_SLOTS = 1 << BUCKET_BITS;
const IN_BUCKET = BUCKET_SLOTS - 1;
/** Flows a bucket, on average, from which on there are more; and that there may be where there is no memory for more. */
const FULL_BUCKET = 80;
const LAST_RESORT = 150;

/** Slots for which memory is reserved to begin with, and once those are used up. */
const FIRST_SLOTS = 2 ** 17;
const MOST_SLOTS = 2 ** 27;
/** Buckets to begin with: dividing them is slow until that is compiled, when much else is slow, too. */
const FIRST_BUCKETS = 256;
/** Fewer flows than this need no more slots than that. */
const FEW_FLOWS = 256;
const FEW_SLOTS = 16 * BUCKET_SLOTS;
/** Where the slots begin, in bytes: large memory starts 16 bytes into a cache line, and slots shall not cross one. */
const SLOTS_START = 48;

/** The arrays, for another thread. */
export interface SlotsState {
  readonly memory: ArrayBuffer;
  readonly firstSec: Float64Array;
  readonly firstNsec: Int32Array;
  readonly from: Float64Array;
  readonly until: Float64Array;
  readonly filled: Uint16Array;
  readonly buckets: number;
}

export class FlowSlots {
  /** The slots, for hot loops; see FLOW. Other arrays take their place when there are more. */
  words!: Int32Array;
  doubles!: Float64Array;
  /** Buckets there are, and the least power of two they fit into less one: for homeSlot. Both grow. */
  buckets!: number;
  mask!: number;
  /** By slot: what only a new flow sets, or a packet out of order; and, of a timed table, the validity of the keys. */
  protected firstSec!: Float64Array;
  protected firstNsec!: Int32Array;
  protected from!: Float64Array;
  protected until!: Float64Array;
  /** Slots taken, in all and by bucket. */
  protected taken = 0;
  #filled!: Uint16Array;
  readonly #timed: boolean;
  #reserved = 0;
  /** There is no memory for more. */
  #atEnd = false;

  /** `most`: flows there will be at most. */
  constructor(timed: boolean, most: number) {
    this.#timed = timed;
    const isSmall = most < FEW_FLOWS;
    this.#reserve(isSmall ? FEW_SLOTS : FIRST_SLOTS);
    this.#setBuckets(isSmall ? 1 : FIRST_BUCKETS);
  }

  protected get slots(): number {
    return this.buckets * BUCKET_SLOTS;
  }

  /** Reserves memory for `slots` slots and takes over those in use. Throws a RangeError where there is none. */
  #reserve(slots: number): void {
    const timed = this.#timed ? slots : 0;
    const memory = new ArrayBuffer(SLOTS_START + slots * DOUBLES * 8);
    const state = {
      memory,
      firstSec: new Float64Array(slots),
      firstNsec: new Int32Array(slots),
      from: new Float64Array(timed),
      until: new Float64Array(timed),
      filled: new Uint16Array(slots / BUCKET_SLOTS),
    };
    if (this.#reserved > 0) {
      // Only what is used: behind it lies the copy of a bucket.
      const used = this.slots;
      new Int32Array(memory, SLOTS_START).set(this.words.subarray(0, used * WORDS));
      state.firstSec.set(this.firstSec.subarray(0, used));
      state.firstNsec.set(this.firstNsec.subarray(0, used));
      state.from.set(this.from.subarray(0, used));
      state.until.set(this.until.subarray(0, used));
      state.filled.set(this.#filled);
    }
    this.#take(state);
  }

  #take({ memory, firstSec, firstNsec, from, until, filled }: Omit<SlotsState, "buckets">): void {
    this.words = new Int32Array(memory, SLOTS_START);
    this.doubles = new Float64Array(memory, SLOTS_START);
    this.firstSec = firstSec;
    this.firstNsec = firstNsec;
    this.from = from;
    this.until = until;
    this.#filled = filled;
    this.#reserved = firstSec.length;
  }

  protected slotsState(): SlotsState {
    const { firstSec, firstNsec, from, until, buckets } = this;
    const memory = this.words.buffer as ArrayBuffer;
    return { memory, firstSec, firstNsec, from, until, filled: this.#filled, buckets };
  }

  protected takeState(state: SlotsState): void {
    this.#take(state);
    this.taken = state.filled.reduce((sum, filled) => sum + filled, 0);
    this.#setBuckets(state.buckets);
  }

  #setBuckets(buckets: number): void {
    this.buckets = buckets;
    this.mask = 2 ** (32 - Math.clz32(buckets - 1)) - 1;
  }

  /** Makes room for another flow; false where there is none. Flows may change their slots. */
  protected makeRoom(): boolean {
    while (!this.#atEnd && this.taken >= this.buckets * FULL_BUCKET) this.#divide();
    return this.taken < this.buckets * (this.#atEnd ? LAST_RESORT : BUCKET_SLOTS);
  }

  /**
   * Takes a free slot in the bucket of keys that have none; -1 where the last free one has to stay. Its first
   * word is the caller's to write, at once. `key` is the VNI + 1.
   */
  protected takeSlot(key: number, keys: number): number {
    let slot = homeSlot(key, keys, this.mask, this.buckets);
    const bucket = slot >>> BUCKET_BITS;
    if (this.#filled[bucket] === IN_BUCKET) return -1;
    while (this.words[slot * WORDS] !== 0) slot = nextSlot(slot);
    this.#filled[bucket]++;
    this.taken++;
    return slot;
  }

  /** Divides the next bucket in turn. */
  #divide(): void {
    // The last bucket of the memory is for copies.
    if ((this.buckets + 2) * BUCKET_SLOTS > this.#reserved && !this.#reserveMore()) return;
    if (this.buckets > this.mask) this.mask = this.mask * 2 + 1;
    const bucket = this.buckets - ((this.mask + 1) >>> 1);
    this.buckets++;
    const start = bucket * BUCKET_SLOTS;
    const end = start + BUCKET_SLOTS;
    const copy = this.#reserved - BUCKET_SLOTS;
    const { words, firstSec, firstNsec, from, until } = this;
    const timed = this.#timed;
    words.copyWithin(copy * WORDS, start * WORDS, end * WORDS);
    words.fill(0, start * WORDS, end * WORDS);
    for (const array of [firstSec, firstNsec, from, until]) array.copyWithin(copy, start, end);
    this.taken -= this.#filled[bucket];
    this.#filled[bucket] = 0;
    for (let old = copy; old < copy + BUCKET_SLOTS; old++) {
      const first = words[old * WORDS];
      if (first === 0) continue;
      // Either half has at least the room that both had.
      const slot = this.takeSlot(first & VNI_BITS, words[old * WORDS + KEYS]);
      for (let word = 0; word < WORDS; word++) words[slot * WORDS + word] = words[old * WORDS + word];
      firstSec[slot] = firstSec[old];
      firstNsec[slot] = firstNsec[old];
      if (!timed) continue;
      from[slot] = from[old];
      until[slot] = until[old];
    }
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
    this.#atEnd = true;
    return false;
  }
}

/** What `postMessage` has to move, not copy, of a table's state. */
export function slotsMemory(state: SlotsState): ArrayBuffer[] {
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

/** Spreads both words over 32 bits; the multipliers are those of the golden ratio and of Murmur3. */
export function flowHash(key: number, keys: number): number {
  const k = Math.imul(keys, 0x9e3779b1);
  const h = Math.imul(key ^ k ^ (k >>> 15), 0x85ebca6b);
  return h ^ (h >>> 13);
}
