/* Tests of integers that are words of 32 bits, the highest first. What is tested lies in an array, at an offset. */

/** A test that was made for integers of so many words. */
export interface WordTest {
  /** 1 or 0. */
  holds(words: Int32Array, at: number): number;
}

/** The words of a value of at most 32 bits a word. */
export function wordsOf(value: bigint, count: number): Int32Array {
  return Int32Array.from({ length: count }, (_, word) =>
    Number(BigInt.asIntN(32, value >> BigInt(32 * (count - 1 - word)))),
  );
}

/** An integer of those bits that are set in `mask`; value and mask as wide as what is tested. */
export interface MaskedValue {
  readonly value: bigint;
  readonly mask: bigint;
}

/** The integer is the one given. */
export class Equal implements WordTest {
  readonly value: Int32Array;
  readonly mask: Int32Array;

  constructor({ value, mask }: MaskedValue, count: number) {
    this.value = wordsOf(value, count);
    this.mask = wordsOf(mask, count);
  }

  holds(words: Int32Array, at: number): number {
    const { value, mask } = this;
    let other = 0;
    for (let word = 0; word < mask.length; word++) other |= (words[at + word] & mask[word]) ^ value[word];
    return other === 0 ? 1 : 0;
  }
}

/** Multipliers of a hash: the golden ratio, and that of its end, from Murmur3. */
const HASH_STEP = 0x9e3779b1;
const HASH_END = 0x85ebca6b;

/** Values under one mask, found by their hash. */
class Group {
  readonly #mask: Int32Array;
  /** Slots of as many words as a value has, and which of them are taken. */
  readonly #slots: Int32Array;
  readonly #taken: Uint8Array;
  readonly #shift: number;
  /** The bits of the integer that is looked for. */
  readonly #sought: Int32Array;

  constructor(mask: Int32Array, values: readonly Int32Array[]) {
    // At most half of the slots are taken.
    const bits = Math.ceil(Math.log2(values.length)) + 1;
    this.#mask = mask;
    this.#shift = 32 - bits;
    this.#slots = new Int32Array(mask.length << bits);
    this.#taken = new Uint8Array(1 << bits);
    this.#sought = new Int32Array(mask.length);
    for (const value of values) {
      const slot = this.#find(value, 0);
      this.#slots.set(this.#sought, slot * mask.length);
      this.#taken[slot] = 1;
    }
  }

  holds(words: Int32Array, at: number): number {
    return this.#taken[this.#find(words, at)];
  }

  /** The slot of the integer, or the free one where it belongs. */
  #find(words: Int32Array, at: number): number {
    const mask = this.#mask;
    const sought = this.#sought;
    const size = mask.length;
    let hash = 0;
    for (let word = 0; word < size; word++) {
      sought[word] = words[at + word] & mask[word];
      hash = Math.imul(hash ^ sought[word], HASH_STEP);
      hash ^= hash >>> 15;
    }
    const slots = this.#slots;
    const taken = this.#taken;
    let slot = Math.imul(hash, HASH_END) >>> this.#shift;
    for (; taken[slot] !== 0; slot = (slot + 1) & (taken.length - 1)) {
      let other = 0;
      for (let word = 0; word < size; word++) other |= slots[slot * size + word] ^ sought[word];
      if (other === 0) break;
    }
    return slot;
  }
}

/** The integer is one of those given. */
export class OneOf implements WordTest {
  readonly #groups: readonly Group[];

  constructor(values: readonly MaskedValue[], count: number) {
    const byMask = new Map<bigint, Int32Array[]>();
    for (const { value, mask } of values) {
      const words = wordsOf(value, count);
      const others = byMask.get(mask);
      if (others === undefined) byMask.set(mask, [words]);
      else others.push(words);
    }
    this.#groups = [...byMask].map(([mask, all]) => new Group(wordsOf(mask, count), all));
  }

  holds(words: Int32Array, at: number): number {
    const groups = this.#groups;
    for (let index = 0; index < groups.length; index++) if (groups[index].holds(words, at) !== 0) return 1;
    return 0;
  }
}

/** The bits that are set in `mask` are those of an integer from `least` to `most`. */
export class Within implements WordTest {
  readonly #mask: Int32Array;
  readonly #least: Int32Array;
  readonly #most: Int32Array;

  constructor(mask: bigint, least: bigint, most: bigint, count: number) {
    this.#mask = wordsOf(mask, count);
    this.#least = wordsOf(least, count);
    this.#most = wordsOf(most, count);
  }

  holds(words: Int32Array, at: number): number {
    const mask = this.#mask;
    const least = this.#least;
    const most = this.#most;
    // Whether the words up to here are those of the ends.
    let isLeast = true;
    let isMost = true;
    for (let word = 0; word < mask.length && (isLeast || isMost); word++) {
      const value = (words[at + word] & mask[word]) >>> 0;
      if ((isLeast && value < least[word] >>> 0) || (isMost && value > most[word] >>> 0)) return 0;
      isLeast &&= value === least[word] >>> 0;
      isMost &&= value === most[word] >>> 0;
    }
    return 1;
  }
}
