/*
 * The order of answers: by bytes, descending, then by keys. There may be fifty million of them, so what is put in
 * order are row numbers, and the whole of them digit by digit.
 */

/** What rows are ordered by. `keysOf` gives 31 bits, `vniOf` 24, `bytesOf` whole numbers below 2^53. */
export interface Ordered {
  bytesOf(row: number): number;
  vniOf(row: number): number;
  keysOf(row: number): number;
}

/** Negative where row `a` comes before `b`, 0 where neither does. */
function compare(of: Ordered, a: number, b: number): number {
  return of.bytesOf(b) - of.bytesOf(a) || of.vniOf(a) - of.vniOf(b) || of.keysOf(a) - of.keysOf(b);
}

/** Rows gathered beyond twice those that are wanted, before the others are dropped. */
const SLACK = 100;

/** The rows that come first among any number that are offered. */
export class FirstRows {
  readonly #of: Ordered;
  readonly #most: number;
  #rows: number[] = [];
  /** What a row has to come before, once there are enough. */
  #bytes = Number.NEGATIVE_INFINITY;
  #vni = 0;
  #keys = 0;

  /** `most`: rows wanted. */
  constructor(of: Ordered, most: number) {
    this.#of = of;
    this.#most = most;
  }

  /** `bytes` are those of the row. */
  offer(row: number, bytes: number): void {
    if (bytes < this.#bytes) return;
    if (bytes === this.#bytes) {
      const vni = this.#of.vniOf(row);
      if (vni > this.#vni || (vni === this.#vni && this.#of.keysOf(row) >= this.#keys)) return;
    }
    this.#rows.push(row);
    if (this.#rows.length >= 2 * this.#most + SLACK) this.#cut();
  }

  /** In order; those that are equal as they were offered. */
  rows(): readonly number[] {
    this.#cut();
    return this.#rows;
  }

  #cut(): void {
    this.#rows.sort((a, b) => compare(this.#of, a, b));
    if (this.#rows.length < this.#most) return;
    this.#rows.length = this.#most;
    const last = this.#rows[this.#most - 1];
    this.#bytes = this.#of.bytesOf(last);
    this.#vni = this.#of.vniOf(last);
    this.#keys = this.#of.keysOf(last);
  }
}

const DIGIT_BITS = 11;
const DIGITS = 1 << DIGIT_BITS;
/** Numbers of bytes are sorted in halves. */
const HALF_BITS = 27;
const HALF = 2 ** HALF_BITS;

/** Sorts `rows`, in place or into the array returned, of the same size; those that are equal stay as they were. */
function sortRows(of: Ordered, rows: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  let from = rows;
  let to = new Uint32Array(rows.length);
  const digits = new Uint16Array(rows.length);
  const by = (bits: number, numberOf: (row: number) => number): void => {
    for (let shift = 0; shift < bits; shift += DIGIT_BITS) {
      for (let index = 0; index < from.length; index++)
        digits[index] = (numberOf(from[index]) >>> shift) & (DIGITS - 1);
      if (scatter(from, to, digits)) [from, to] = [to, from];
    }
  };
  // What counts least comes first.
  by(31, (row) => of.keysOf(row));
  by(24, (row) => of.vniOf(row));
  by(HALF_BITS, (row) => HALF - 1 - (of.bytesOf(row) % HALF));
  by(HALF_BITS, (row) => HALF - 1 - Math.floor(of.bytesOf(row) / HALF));
  return from;
}

/** Puts rows in the order of their digits; false, and nothing done, where these are all the same. */
function scatter(from: Uint32Array, to: Uint32Array, digits: Uint16Array): boolean {
  const places = new Uint32Array(DIGITS);
  const { length } = from;
  for (let index = 0; index < length; index++) places[digits[index]]++;
  if (places[digits[0]] === length) return false;
  let place = 0;
  for (let digit = 0; digit < DIGITS; digit++) {
    const count = places[digit];
    places[digit] = place;
    place += count;
  }
  for (let index = 0; index < length; index++) to[places[digits[index]]++] = from[index];
  return true;
}

/**
 * A list in that order, whose elements are made one by one as it is read: there may be more of them than memory
 * could hold. It is to be read before what it is made of changes.
 */
export class Listing<T> implements Iterable<T> {
  readonly #of: Ordered;
  readonly #make: (row: number) => T;
  #rows: Uint32Array<ArrayBuffer>;
  #isSorted = false;

  /** `rows` are the listing's to sort; `make` gives the element of a row. */
  constructor(of: Ordered, rows: Uint32Array<ArrayBuffer>, make: (row: number) => T) {
    this.#of = of;
    this.#rows = rows;
    this.#make = make;
  }

  get length(): number {
    return this.#rows.length;
  }

  *[Symbol.iterator](): Generator<T> {
    if (!this.#isSorted) this.#rows = sortRows(this.#of, this.#rows);
    this.#isSorted = true;
    for (const row of this.#rows) yield this.#make(row);
  }

  /** The first `count` elements, or all where there are fewer. */
  first(count: number): T[] {
    if (count >= this.length) return [...this];
    const first = new FirstRows(this.#of, count);
    for (const row of this.#rows) first.offer(row, this.#of.bytesOf(row));
    return first.rows().map(this.#make);
  }
}
