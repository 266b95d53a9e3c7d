/** What was found for some words, remembered by their hash: of words with the same hash the last. */
export class WordCache<T> {
  readonly #count: number;
  readonly #shift: number;
  /** The words in the slots, and what was found for them; undefined: the slot is free. */
  readonly #words: Int32Array;
  readonly #found: (T | undefined)[];

  /** Room for 2^`bits` times `count` words. */
  constructor(count: number, bits: number) {
    this.#count = count;
    this.#shift = 32 - bits;
    this.#words = new Int32Array(count << bits);
    this.#found = new Array(1 << bits).fill(undefined);
  }

  /** What was kept for the words; undefined where that is nothing, or forgotten. */
  at(words: Int32Array): T | undefined {
    const slot = this.#slotOf(words);
    const known = this.#words;
    const start = slot * this.#count;
    for (let word = 0; word < this.#count; word++) if (known[start + word] !== words[word]) return undefined;
    return this.#found[slot];
  }

  keep(words: Int32Array, found: T): void {
    const slot = this.#slotOf(words);
    this.#words.set(words, slot * this.#count);
    this.#found[slot] = found;
  }

  clear(): void {
    this.#found.fill(undefined);
  }

  #slotOf(words: Int32Array): number {
    let hash = 0;
    for (let word = 0; word < this.#count; word++) hash = (Math.imul(hash, 31) ^ words[word]) | 0;
    return Math.imul(hash, 0x9e3779b1) >>> this.#shift;
  }
}
