/**
 * Places in a row: 32-bit words, and one double. A row has eight words, so a cache line holds two.
 * `bytes` is an unsigned number of original bytes; `entry` belongs to the flow table.
 */
export const ROW = { words: 8, vni: 0, keys: 1, bytes: 2, nsec: 3, entry: 6, doubles: 4, sec: 2 } as const;

/** What of the OVN option's word is keys: all but the reserved bit, which makes no other flow. */
export const KEY_BITS = 0x7fffffff;

/**
 * Packets on their way into the flow table: what it counts of each, row by row in one block of memory. Two
 * views over one block keep the loops that fill and read it short of pointers; a column each would not.
 */
export class Rows {
  /** Rows that are filled. */
  count = 0;
  readonly capacity: number;
  readonly words: Int32Array;
  /** The same memory as doubles. */
  readonly doubles: Float64Array;

  constructor(capacity: number) {
    this.capacity = capacity;
    this.doubles = new Float64Array(capacity * ROW.doubles);
    this.words = new Int32Array(this.doubles.buffer);
  }

  /** Adds a row; the caller has checked the capacity. */
  push(vni: number, keys: number, bytes: number, sec: number, nsec: number): void {
    const row = this.count * ROW.words;
    this.words[row + ROW.vni] = vni;
    this.words[row + ROW.keys] = keys & KEY_BITS;
    this.words[row + ROW.bytes] = bytes;
    this.words[row + ROW.nsec] = nsec;
    this.doubles[this.count * ROW.doubles + ROW.sec] = sec;
    this.count++;
  }
}
