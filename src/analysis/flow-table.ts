/*
 * Packets summed up by (VNI, OVN option word).
 *
 * Keys have a validity: from when until when they keep their meaning. The slot of a key has the flow of the
 * meaning that came last; flows of its other meanings are set aside until a packet of theirs comes.
 */

import type { PacketBatch } from "../capture/batch.js";
import { FIRST_DATED_SECOND, momentMs } from "../capture/moment.js";
import { type FrameBatch, FrameFlag } from "../frame/columns.js";
import { type Aside, type FlowEntry, FlowsAside, type Validity } from "./flow-aside.js";
import {
  BOUNDED,
  FLOW,
  FlowSlots,
  homeSlot,
  KEY_BITS,
  nextSlot,
  type SlotsState,
  slotsMemory,
  VNI_BITS,
} from "./flow-slots.js";

// A module's own constants are compiled in; what is imported, or a property, is looked up at each use.
const WORDS = FLOW.words;
const KEYS = FLOW.keys;
const PACKETS = FLOW.packets;
const LAST_NSEC = FLOW.lastNsec;
const DOUBLES = FLOW.doubles;
const BYTES = FLOW.bytes;
const LAST_SEC = FLOW.lastSec;
const MASK = KEY_BITS;
const OVN = FrameFlag.ovn;

/** Flows held at most, unless told otherwise. */
export const MOST_FLOWS = 50_000_000;

/** Asked once a new flow, and when meanings change, with the time of its first packet in milliseconds since 1970. */
export type ValidityOf = (vni: number, keys: number, atMs: number) => Validity;

const ALWAYS: Validity = { from: Number.NEGATIVE_INFINITY, until: Number.POSITIVE_INFINITY };
const NEVER: Validity = { from: Number.POSITIVE_INFINITY, until: Number.POSITIVE_INFINITY };

/** What a table consists of, for it to go on in another thread. */
export interface FlowState {
  readonly slots: SlotsState;
  readonly aside: readonly Aside[];
  readonly carried: readonly [string, number][];
  readonly overflow: number;
  readonly latestSec: number;
  readonly latestNsec: number;
}

/** No slot: the flow is set aside, or there is no room for it. */
const ASIDE = -1;
const NO_ROOM = -2;

export class FlowTable extends FlowSlots {
  /** The latest time of all packets: one that is not earlier is the last of its flow. */
  latestSec = Number.NEGATIVE_INFINITY;
  latestNsec = 0;
  /** Packets that opened a flow when the table was full, and so are in none. */
  overflow = 0;
  readonly #aside = new FlowsAside();
  /** The flow set aside that the last search found. */
  #found: Aside | null = null;
  /** Multiples of 2^32 packets, by keys and validity: what the 32-bit counter has lost. */
  readonly #carried = new Map<string, number>();
  readonly #validityOf: ValidityOf | null;
  readonly #most: number;
  /** From its beginning on keys keep their meaning. */
  #settled: Validity = NEVER;

  /** Without `validityOf` keys mean the same at all times. `most`: flows held at most. */
  constructor(validityOf: ValidityOf | null = null, most = MOST_FLOWS) {
    super(validityOf !== null, most);
    this.#validityOf = validityOf;
    this.#most = most;
  }

  /** The table that had this state, with the same meanings and room. */
  static of(state: FlowState, validityOf: ValidityOf | null = null, most = MOST_FLOWS): FlowTable {
    const table = new FlowTable(validityOf, most);
    table.takeState(state.slots);
    for (const flow of state.aside) table.#aside.add(flow);
    for (const [name, packets] of state.carried) table.#carried.set(name, packets);
    table.overflow = state.overflow;
    table.latestSec = state.latestSec;
    table.latestNsec = state.latestNsec;
    return table;
  }

  /** Tells a timed table that from then on, in milliseconds since 1970, keys keep their meaning. */
  settle(since: number): void {
    if (since !== this.#settled.from) this.#settled = { from: since, until: Number.POSITIVE_INFINITY };
  }

  /** Flows in the table. */
  get count(): number {
    return this.taken + this.#aside.all.length;
  }

  /** Whether some keys may have several flows, of different meanings. */
  get versioned(): boolean {
    return this.#aside.all.length > 0;
  }

  /** Places where there may be a flow: slots, then those set aside. */
  get places(): number {
    return this.slots + this.#aside.all.length;
  }

  /** The first place of a flow set aside; that of a key's other meanings is among those before. */
  get firstAside(): number {
    return this.slots;
  }

  /**
   * Counts a packet; `bytes` are original ones, `keys` the option's word. Flows may change their slots, and
   * the table its arrays.
   */
  add(vni: number, keys: number, bytes: number, sec: number, nsec: number): void {
    this.#tally(vni, keys & MASK, 1, bytes, sec, nsec, sec, nsec);
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
      const keys = ovnKeys[i] & MASK;
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
    for (let place = other.next(0); place >= 0; place = other.next(place + 1)) {
      other.read(place, entry);
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
      if (isLater(this.firstSec[slot], this.firstNsec[slot], firstSec, firstNsec)) {
        this.firstSec[slot] = firstSec;
        this.firstNsec[slot] = firstNsec;
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
    const from = this.#validityOf === null ? 0 : this.from[slot];
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
        if (timed && !(ms >= this.from[slot] && ms < this.until[slot]))
          return this.#turn(slot, vni, keys, ms, sec, nsec);
        // Times without a date stand for the latest: the next packet's may be earlier.
        if (timed && sec < FIRST_DATED_SECOND) words[slot * WORDS] |= BOUNDED;
        return slot;
      }
      slot = nextSlot(slot);
    }
    this.#found = this.#aside.at(vni, keys, ms);
    if (this.#found !== null) return ASIDE;
    return this.#open(vni, keys, ms, sec, nsec);
  }

  /** A new flow, in a slot of its own where its bucket has room. */
  #open(vni: number, keys: number, ms: number, sec: number, nsec: number): number {
    if (this.count >= this.#most || !this.makeRoom()) return NO_ROOM;
    const slot = this.takeSlot(vni + 1, keys);
    if (slot < 0) {
      this.#found = this.#newAside(vni, keys, ms, sec, nsec);
      this.#aside.add(this.#found);
      return ASIDE;
    }
    const word = slot * WORDS;
    this.words[word + KEYS] = keys;
    this.words[word + PACKETS] = 0;
    this.words[word + LAST_NSEC] = nsec;
    this.doubles[slot * DOUBLES + BYTES] = 0;
    this.doubles[slot * DOUBLES + LAST_SEC] = sec;
    this.firstSec[slot] = sec;
    this.firstNsec[slot] = nsec;
    const { from, until } = this.#meaning(vni, keys, ms);
    this.#setValidity(slot, vni, from, until);
    return slot;
  }

  /** From when until when keys mean what they mean at `ms`; of most packets that needs no asking. */
  #meaning(vni: number, keys: number, ms: number): Validity {
    if (this.#validityOf === null) return ALWAYS;
    return ms >= this.#settled.from ? this.#settled : this.#validityOf(vni, keys, ms);
  }

  /** Writes the first word of a slot, and from when until when its flow's meaning holds. */
  #setValidity(slot: number, vni: number, from: number, until: number): void {
    let bounded = 0;
    if (this.#validityOf !== null) {
      this.from[slot] = from;
      this.until[slot] = until;
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
    this.firstSec[slot] = flow.firstSec;
    this.firstNsec[slot] = flow.firstNsec;
    this.#setValidity(slot, flow.vni, flow.from, flow.until);
    if (flow.packets >= 2 ** 32) this.#carried.set(this.#nameOf(slot), flow.packets - (flow.packets >>> 0));
  }

  /** The slot's flow as an object of its own. */
  #flowIn(slot: number): Aside {
    const timed = this.#validityOf !== null;
    const flow = {
      from: timed ? this.from[slot] : ALWAYS.from,
      until: timed ? this.until[slot] : ALWAYS.until,
    };
    return Object.assign(flow, this.#read(slot, newEntry()));
  }

  /** The keys in `slot` have another meaning at `ms`: its flow makes place for the one of that meaning. */
  #turn(slot: number, vni: number, keys: number, ms: number, sec: number, nsec: number): number {
    const wanted = this.#aside.at(vni, keys, ms);
    if (wanted === null && this.count >= this.#most) return NO_ROOM;
    const flow = wanted ?? this.#newAside(vni, keys, ms, sec, nsec);
    const before = this.#flowIn(slot);
    this.#carried.delete(this.#nameOf(slot));
    this.#write(slot, flow);
    if (wanted === null) this.#aside.add(before);
    else this.#aside.exchange(wanted, before);
    return slot;
  }

  /** A flow without packets yet, whose first is at the time given. */
  #newAside(vni: number, keys: number, ms: number, sec: number, nsec: number): Aside {
    const { from, until } = this.#meaning(vni, keys, ms);
    const times = { firstSec: sec, firstNsec: nsec, lastSec: sec, lastNsec: nsec };
    return { vni, keys, packets: 0, bytes: 0, ...times, from, until };
  }

  /**
   * What keys mean has changed from some time on, in the datapaths `vnis` (null: any): asks again for those that
   * had no end. What was counted stays where it is.
   */
  revalidate(vnis: ReadonlySet<number> | null): void {
    if (this.#validityOf === null) return;
    const { words } = this;
    const slots = this.slots;
    for (let slot = 0; slot < slots; slot++) {
      const vni = (words[slot * WORDS] & VNI_BITS) - 1;
      if (vni < 0 || this.until[slot] !== Number.POSITIVE_INFINITY) continue;
      if (vnis !== null && !vnis.has(vni)) continue;
      const flow = this.#flowIn(slot);
      this.#carried.delete(this.#nameOf(slot));
      this.#write(slot, {
        ...flow,
        ...this.#meaning(vni, flow.keys, momentMs(flow.firstSec, flow.firstNsec)),
      });
    }
    for (const flow of this.#aside.all) {
      if (flow.until !== Number.POSITIVE_INFINITY || (vnis !== null && !vnis.has(flow.vni))) continue;
      Object.assign(flow, this.#meaning(flow.vni, flow.keys, momentMs(flow.firstSec, flow.firstNsec)));
    }
  }

  /** The first place from `place` on where there is a flow; -1 where there is no more. */
  next(place: number): number {
    const { words, slots } = this;
    let next = place;
    while (next < slots && words[next * WORDS] === 0) next++;
    return next < this.places ? next : -1;
  }

  /** Reads the flow in a place where there is one into `entry`. */
  read(place: number, entry: FlowEntry): void {
    if (place >= this.slots) Object.assign(entry, this.#aside.all[place - this.slots]);
    else this.#read(place, entry);
  }

  /** The same of what flows are ordered by. */
  vniOf(place: number): number {
    return place < this.slots
      ? (this.words[place * WORDS] & VNI_BITS) - 1
      : this.#aside.all[place - this.slots].vni;
  }

  keysOf(place: number): number {
    return place < this.slots ? this.words[place * WORDS + KEYS] : this.#aside.all[place - this.slots].keys;
  }

  bytesOf(place: number): number {
    return place < this.slots
      ? this.doubles[place * DOUBLES + BYTES]
      : this.#aside.all[place - this.slots].bytes;
  }

  #read(slot: number, entry: FlowEntry): FlowEntry {
    const word = slot * WORDS;
    const packets = this.words[word + PACKETS] >>> 0;
    entry.vni = (this.words[word] & VNI_BITS) - 1;
    entry.keys = this.words[word + KEYS];
    entry.packets =
      this.#carried.size === 0 ? packets : packets + (this.#carried.get(this.#nameOf(slot)) ?? 0);
    entry.bytes = this.doubles[slot * DOUBLES + BYTES];
    entry.firstSec = this.firstSec[slot];
    entry.firstNsec = this.firstNsec[slot];
    entry.lastSec = this.doubles[slot * DOUBLES + LAST_SEC];
    entry.lastNsec = this.words[word + LAST_NSEC];
    return entry;
  }

  /** Every flow, in no order. */
  *entries(): Generator<FlowEntry> {
    for (let place = this.next(0); place >= 0; place = this.next(place + 1)) {
      const entry = newEntry();
      this.read(place, entry);
      yield entry;
    }
  }

  /** All there is in the table, for another thread. Its memory moves there: this table is used no more. */
  state(): FlowState {
    return {
      slots: this.slotsState(),
      aside: this.#aside.all,
      carried: [...this.#carried],
      overflow: this.overflow,
      latestSec: this.latestSec,
      latestNsec: this.latestNsec,
    };
  }
}

/** What `postMessage` has to move, not copy, of a table's state. */
export function flowMemory({ slots }: FlowState): ArrayBuffer[] {
  return slotsMemory(slots);
}

/** Whether a time is later than another; of both seconds and nanoseconds. */
export function isLater(sec: number, nsec: number, thanSec: number, thanNsec: number): boolean {
  return sec > thanSec || (sec === thanSec && nsec > thanNsec);
}

/** A flow to be read into. */
export function newEntry(): FlowEntry {
  return { vni: 0, keys: 0, packets: 0, bytes: 0, firstSec: 0, firstNsec: 0, lastSec: 0, lastNsec: 0 };
}
