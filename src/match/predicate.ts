import type { PacketBatch } from "../capture/batch.js";
import type { FrameBatch } from "../frame/columns.js";
import type { Term } from "./term.js";

/** Which packets are wanted: a term, applied to whole batches before anything is formatted or counted. */
export class Predicate {
  /** Need bits: the columns that must be filled. */
  readonly needs: number;
  readonly #term: Term;

  constructor(term: Term) {
    this.#term = term;
    this.needs = term.needs;
  }

  /** Packets left out so far because the names of their time are not known. */
  get unknown(): number {
    return this.#term.unknown;
  }

  /**
   * Writes the indices of those of the first `count` packets that match to `rows`, ascending, and returns how
   * many they are. `rows` has room for `count`.
   */
  select(packets: PacketBatch, frames: FrameBatch, count: number, rows: Int32Array): number {
    return this.#term.narrow(packets, frames, frames.every, count, rows);
  }
}
