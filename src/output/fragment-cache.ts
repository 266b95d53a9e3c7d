import { putCopy } from "./digits.js";

/** Words of a key at most. */
const MOST_WORDS = 16;
/** Bytes that fragments may take, with their keys and times. Beyond, it starts over. */
const MOST_BYTES = 1 << 24;
/** Bytes and slots at first: few, which stay near the processor. */
const FIRST_BYTES = 1 << 16;
const FIRST_SLOTS = 1 << 10;
/** Bytes of a text that is worth keeping. */
const LONGEST = 4 * 1024;
/** Slots looked at for a key: keys may be made to collide. */
const PROBES = 8;

/*
 * An entry: from and until (doubles); length, mark, number of the key's words, and its hash; the key, padded to
 * whole doubles; the text, padded by at least seven bytes. Where each part begins, in words:
 */
const LENGTH = 4;
const MARK = 5;
const WORDS = 6;
const HASH = 7;
const KEY = 8;
/** Where no entry is, in front of the first, there are zeros: a free slot's number leads there. */
const FIRST_ENTRY = KEY;

/** Pieces of lines as bytes (UTF-8), each under a key of some words and for the time in which it is right. */
export class FragmentCache {
  /** Where whoever calls `put` or `add` puts the key. */
  readonly key = new Int32Array(MOST_WORDS);
  /** Of the fragment that was put last. */
  mark = 0;
  #doubles = new Float64Array(FIRST_BYTES / 8);
  #words = new Int32Array(this.#doubles.buffer);
  #bytes = Buffer.from(this.#doubles.buffer);
  /** Where each entry begins in #doubles; 0 is free. A power of two of them, at most half of them taken. */
  #slots = new Int32Array(FIRST_SLOTS);
  #entries = 0;
  /** Behind the last entry, in doubles. */
  #end = FIRST_ENTRY;

  /** Adds the `bytes` at `start`, four at least, to a key of `count` words, and returns how many it is then. */
  addWords(count: number, view: DataView, start: number, bytes: number): number {
    const { key } = this;
    let next = count;
    for (let at = 0; at < bytes; at += 4) key[next++] = view.getInt32(start + Math.min(at, bytes - 4));
    return next;
  }

  /**
   * Writes the fragment for the first `count` words of `key` that holds at `time` to `out` at `at`. Returns the
   * offset behind, or -1 where there is none.
   */
  put(out: DataView, at: number, count: number, time: number): number {
    const { key } = this;
    const doubles = this.#doubles;
    const words = this.#words;
    const slots = this.#slots;
    const last = slots.length - 1;
    let slot = this.#hash(count) & last;
    for (let probe = 0; probe < PROBES; probe++) {
      const entry = slots[slot];
      const word = 2 * entry;
      let index = words[word + WORDS] === count ? 0 : count + 1;
      while (index < count && words[word + KEY + index] === key[index]) index++;
      if (index === count && time >= doubles[entry] && time < doubles[entry + 1]) {
        this.mark = words[word + MARK];
        return putCopy(out, at, doubles, entry + ((KEY + count + 1) >> 1), words[word + LENGTH]);
      }
      if (entry === 0) return -1;
      slot = (slot + 1) & last;
    }
    return -1;
  }

  /** The same for a key of the two words `a` and `b`, which leaves `key` alone. */
  put2(out: DataView, at: number, a: number, b: number, time: number): number {
    const doubles = this.#doubles;
    const words = this.#words;
    const slots = this.#slots;
    const last = slots.length - 1;
    let slot = mixed(mixed(2, a), b) & last;
    for (let probe = 0; probe < PROBES; probe++) {
      const entry = slots[slot];
      const word = 2 * entry;
      if (
        words[word + KEY] === a &&
        words[word + KEY + 1] === b &&
        words[word + WORDS] === 2 &&
        time >= doubles[entry] &&
        time < doubles[entry + 1]
      ) {
        this.mark = words[word + MARK];
        return putCopy(out, at, doubles, entry + (KEY + 2) / 2, words[word + LENGTH]);
      }
      if (entry === 0) return -1;
      slot = (slot + 1) & last;
    }
    return -1;
  }

  /**
   * Keeps `text` and `mark` for the first `count` words of `key`, from `from` to before `until`, unless it is
   * long.
   */
  add(count: number, text: string, mark: number, from: number, until: number): void {
    // No UTF-16 unit takes more than three bytes.
    const most = 3 * text.length;
    if (most > LONGEST) return;
    const headDoubles = (KEY + count + 1) >> 1;
    this.#reserve(8 * (headDoubles + 1) + most);
    const { key } = this;
    const words = this.#words;
    const entry = this.#end;
    const word = 2 * entry;
    const textAt = entry + headDoubles;
    const hash = this.#hash(count);
    const length = this.#bytes.write(text, 8 * textAt);
    this.#end = textAt + ((length + 15) >> 3);
    this.#doubles[entry] = from;
    this.#doubles[entry + 1] = until;
    words[word + LENGTH] = length;
    words[word + MARK] = mark;
    words[word + WORDS] = count;
    words[word + HASH] = hash;
    for (let index = 0; index < count; index++) words[word + KEY + index] = key[index];
    if (2 * ++this.#entries > this.#slots.length) this.#grow();
    this.#enter(hash, entry);
  }

  /** Forgets all. */
  clear(): void {
    this.#slots = new Int32Array(FIRST_SLOTS);
    this.#entries = 0;
    this.#end = FIRST_ENTRY;
  }

  /** Makes room for an entry, if need be by forgetting all others. */
  #reserve(bytes: number): void {
    const needed = 8 * this.#end + bytes;
    const doubles = this.#doubles;
    if (needed <= 8 * doubles.length) return;
    if (needed > MOST_BYTES) return this.clear();
    this.#doubles = new Float64Array(2 * doubles.length);
    this.#doubles.set(doubles);
    this.#words = new Int32Array(this.#doubles.buffer);
    this.#bytes = Buffer.from(this.#doubles.buffer);
  }

  /** Gives an entry a slot: a free one, or that of another one where PROBES of them are taken. */
  #enter(hash: number, entry: number): void {
    const slots = this.#slots;
    const last = slots.length - 1;
    let slot = hash & last;
    for (let probe = 1; probe < PROBES && slots[slot] !== 0; probe++) slot = (slot + 1) & last;
    slots[slots[slot] === 0 ? slot : hash & last] = entry;
  }

  #grow(): void {
    const slots = this.#slots;
    this.#slots = new Int32Array(2 * slots.length);
    for (const entry of slots) if (entry !== 0) this.#enter(this.#words[2 * entry + HASH], entry);
  }

  #hash(count: number): number {
    const { key } = this;
    let hash = count;
    for (let index = 0; index < count; index++) hash = mixed(hash, key[index]);
    return hash;
  }
}

function mixed(hash: number, word: number): number {
  const product = Math.imul(hash ^ word, 0x9e3779b1);
  return product ^ (product >>> 15);
}
