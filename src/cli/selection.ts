import type { PacketBatch } from "../capture/batch.js";
import type { FrameBatch } from "../frame/columns.js";
import { FrameStatus } from "../frame/status.js";
import type { Predicate } from "../match/predicate.js";

/** What becomes of packets that are no tunnel's: passed over, taken without counting, or counted like others. */
export type OthersChoice = "skip" | "take" | "count";

/**
 * The selection that flags ask for: with `--all` packets that are no tunnel's are like others, without it they are
 * what `others` says.
 */
export function selectionOf(
  { count, all }: { count?: number; all?: boolean },
  others: Exclude<OthersChoice, "count">,
  filter: Predicate | null,
): Selection {
  return new Selection(count, all === true ? "count" : others, filter);
}

/**
 * Which packets a verb takes: those that the filters match, as many as `-c` says, and whether those that are not
 * Geneve are among them. Chooses batch by batch; `rows` holds the indices of the packets taken of the last batch,
 * ascending.
 */
export class Selection {
  /** The first entries, as many as `select` said, are valid until its next call. Not to be written. */
  rows: Int32Array = new Int32Array(0);
  /** How many more packets may be counted. */
  left: number;
  /** Packets taken, and those passed over among and before them. */
  taken = 0;
  passedOver = 0;
  readonly filter: Predicate | null;
  readonly #others: OthersChoice;
  #chosen: Int32Array = new Int32Array(0);

  /** `most`: stop after so many packets; undefined: never. */
  constructor(most: number | undefined, others: OthersChoice, filter: Predicate | null) {
    this.filter = filter;
    this.left = most ?? Number.POSITIVE_INFINITY;
    this.#others = others;
  }

  /** Chooses among a decoded batch's packets and returns how many are taken. */
  select(packets: PacketBatch, frames: FrameBatch): number {
    const { count } = packets;
    if (this.#chosen.length < count) this.#chosen = new Int32Array(packets.capacity);
    const chosen = this.#chosen;
    let taken = count;
    this.rows = frames.every;
    if (this.filter !== null) {
      taken = this.filter.select(packets, frames, taken, chosen);
      this.rows = chosen;
    }
    if (this.#others === "skip") taken = this.#geneve(frames, taken);
    let seen = count;
    if (this.left !== Number.POSITIVE_INFINITY) {
      taken = this.#first(frames, taken);
      if (this.left === 0) seen = this.rows[taken - 1] + 1;
    }
    this.taken += taken;
    this.passedOver += seen - taken;
    return taken;
  }

  /** Of the first `count` rows those of Geneve packets. */
  #geneve({ status }: FrameBatch, count: number): number {
    const { rows } = this;
    const chosen = this.#chosen;
    let taken = 0;
    for (let row = 0; row < count; row++) {
      const i = rows[row];
      if (status[i] !== FrameStatus.notGeneve) chosen[taken++] = i;
    }
    this.rows = chosen;
    return taken;
  }

  /** Of the first `count` rows those up to the last that may be counted. */
  #first({ status }: FrameBatch, count: number): number {
    const { rows } = this;
    const every = this.#others !== "take";
    let taken = 0;
    while (taken < count && this.left > 0) {
      if (every || status[rows[taken]] !== FrameStatus.notGeneve) this.left--;
      taken++;
    }
    return taken;
  }
}
