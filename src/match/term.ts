import type { PacketBatch } from "../capture/batch.js";
import type { FrameBatch } from "../frame/columns.js";

/**
 * What of a batch a term reads, as bits: only those columns need be filled.
 * `keys`: flags, vni, ovnKeys. `outer`: flags, outerIp. `inner`: flags, geneve, and those from inner to
 * innerTransport. `time`: tsSec, tsNsec. With `outer` and `inner` go the batch's bytes.
 */
export const Need = { keys: 1, outer: 2, inner: 4, time: 8 } as const;

/** A condition on packets: a loop over columns. */
export interface Term {
  /** Need bits. */
  readonly needs: number;
  /**
   * How many packets it has left out because the names of their time are not known. What is negated leaves none
   * out for that.
   */
  readonly unknown: number;
  /**
   * Of the first `count` of the rows `from` (indices of packets, ascending) writes those whose packets it holds
   * for to the front of `to`, in their order, and returns how many they are. Both may be the same array.
   */
  narrow(packets: PacketBatch, frames: FrameBatch, from: Int32Array, count: number, to: Int32Array): number;
}

/** All of the terms hold, of which there is one at least; each sees what those before it have kept. */
export class AllOf implements Term {
  readonly needs: number;
  readonly #terms: readonly Term[];

  constructor(terms: readonly Term[]) {
    this.#terms = terms;
    this.needs = terms.reduce((needs, term) => needs | term.needs, 0);
  }

  get unknown(): number {
    return this.#terms.reduce((sum, term) => sum + term.unknown, 0);
  }

  narrow(packets: PacketBatch, frames: FrameBatch, from: Int32Array, count: number, to: Int32Array): number {
    let rows = from;
    let kept = count;
    for (const term of this.#terms) {
      kept = term.narrow(packets, frames, rows, kept, to);
      rows = to;
    }
    return kept;
  }
}

/** The term does not hold. */
export class Not implements Term {
  readonly needs: number;
  readonly unknown = 0;
  readonly #term: Term;
  #held = new Int32Array(0);

  constructor(term: Term) {
    this.#term = term;
    this.needs = term.needs;
  }

  narrow(packets: PacketBatch, frames: FrameBatch, from: Int32Array, count: number, to: Int32Array): number {
    if (this.#held.length <= count) this.#held = new Int32Array(frames.capacity + 1);
    const held = this.#held;
    // Behind the last of those it holds for something that is no row.
    held[this.#term.narrow(packets, frames, from, count, held)] = -1;
    let kept = 0;
    let next = 0;
    for (let row = 0; row < count; row++) {
      const i = from[row];
      to[kept] = i;
      const isHeld = held[next] === i ? 1 : 0;
      next += isHeld;
      kept += 1 - isHeld;
    }
    return kept;
  }
}
