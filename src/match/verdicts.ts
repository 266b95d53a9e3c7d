/*
 * Verdicts on what packets carry again and again: keys, outer addresses. Each is reached once, remembered, and
 * given again while it holds. What is remembered is bounded: of a capture with more of them than there is room for
 * some are decided on again.
 */
import { FIRST_DATED_SECOND, momentMs } from "../capture/moment.js";

/** Bits of a verdict; 0 stands for none. */
export const Verdict = {
  yes: 1,
  /** Not known: the names of that time are not. */
  unknown: 2,
  no: 4,
} as const;

/** A verdict and the time it holds, from `from` to before `until`, milliseconds since 1970. */
export interface Decision {
  readonly verdict: number;
  readonly from: number;
  readonly until: number;
}

/** Decides on up to four words as of a time in milliseconds since 1970. */
export type Decide = (ms: number, a: number, b: number, c: number, d: number) => Decision;

/** Words in a slot, and what a hash is shifted by to make the number of one. */
const SLOT_WORDS = 4;
const SLOT_SHIFT = 18;
/** Multipliers of a hash: the golden ratio, and those of Murmur3 and xxHash. */
const HASH_A = 0x9e3779b1;
const HASH_B = 0x85ebca6b;
const HASH_C = 0xc2b2ae35;
const HASH_D = 0x27d4eb2f;
const SLOTS = 1 << (32 - SLOT_SHIFT);
/** Slots from its hash on in which a verdict is looked for: what collisions, crafted or not, cost at most. */
const REACH = 8;
/** Fills free slots. Of keys no first word is that, of IPv4 addresses no second one. */
const FREE = -2;

/** A table of verdicts that all hold for the seconds from `#since` to before `#before`. */
export class Verdicts {
  readonly #words = new Int32Array(SLOTS * SLOT_WORDS).fill(FREE);
  readonly #verdicts = new Uint8Array(SLOTS);
  /** Whole seconds since 1970. */
  #since = Number.NEGATIVE_INFINITY;
  #before = Number.POSITIVE_INFINITY;
  readonly #decide: Decide;
  readonly #generation: () => number;
  #decidedIn = -1;

  /** `generation`: a number that grows when what was decided may have changed. */
  constructor(decide: Decide, generation: () => number) {
    this.#decide = decide;
    this.#generation = generation;
  }

  /** To be called before a batch of questions: what was decided under an earlier generation is forgotten. */
  refresh(): void {
    const generation = this.#generation();
    if (generation === this.#decidedIn) return;
    this.#decidedIn = generation;
    this.#clear();
  }

  /** The verdict on two words as of a time: whole seconds since 1970 and nanoseconds. */
  on(sec: number, nsec: number, a: number, b: number): number {
    const words = this.#words;
    const slot = homeOf(a, b);
    return words[slot * SLOT_WORDS] === a &&
      words[slot * SLOT_WORDS + 1] === b &&
      sec >= this.#since &&
      sec < this.#before
      ? this.#verdicts[slot]
      : this.#find(sec, nsec, slot, a, b, 0, 0);
  }

  /** The same on four words. */
  onFour(sec: number, nsec: number, a: number, b: number, c: number, d: number): number {
    const hash = Math.imul(a, HASH_A) ^ Math.imul(b, HASH_B) ^ Math.imul(c, HASH_C) ^ Math.imul(d, HASH_D);
    return this.#find(sec, nsec, hash >>> SLOT_SHIFT, a, b, c, d);
  }

  #find(sec: number, nsec: number, home: number, a: number, b: number, c: number, d: number): number {
    const words = this.#words;
    const verdicts = this.#verdicts;
    const isOther = sec < this.#since || sec >= this.#before;
    let slot = home;
    for (let step = 0; step < REACH && !isOther; step++) {
      const at = (home + step) & (SLOTS - 1);
      const word = at * SLOT_WORDS;
      if (verdicts[at] === 0) {
        slot = at;
        break;
      }
      if (words[word] === a && words[word + 1] === b && words[word + 2] === c && words[word + 3] === d)
        return verdicts[at];
    }
    const { verdict, from, until } = this.#decide(momentMs(sec, nsec), a, b, c, d);
    const always = from === Number.NEGATIVE_INFINITY && until === Number.POSITIVE_INFINITY;
    // In the second of a change nothing is remembered; nor of packets without a date, which come after all.
    const since = always ? from : Math.max(Math.ceil(from / 1000), FIRST_DATED_SECOND);
    const before = Math.floor(until / 1000);
    if (sec < since || sec >= before) return verdict;
    if (isOther) this.#clear();
    if (since > this.#since) this.#since = since;
    if (before < this.#before) this.#before = before;
    words[slot * SLOT_WORDS] = a;
    words[slot * SLOT_WORDS + 1] = b;
    words[slot * SLOT_WORDS + 2] = c;
    words[slot * SLOT_WORDS + 3] = d;
    verdicts[slot] = verdict;
    return verdict;
  }

  #clear(): void {
    this.#words.fill(FREE);
    this.#verdicts.fill(0);
    this.#since = Number.NEGATIVE_INFINITY;
    this.#before = Number.POSITIVE_INFINITY;
  }
}

/** The slot where the search for two words begins. */
export function homeOf(a: number, b: number): number {
  return (Math.imul(a, HASH_A) ^ Math.imul(b, HASH_B)) >>> SLOT_SHIFT;
}
