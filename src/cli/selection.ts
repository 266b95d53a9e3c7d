import type { PacketBatch } from "../capture/batch.js";
import type { FrameBatch } from "../frame/columns.js";
import { FrameStatus } from "../frame/status.js";

/** What becomes of packets that are not Geneve: passed over, taken without counting, or counted like others. */
export type OthersChoice = "skip" | "take" | "count";

/**
 * Which packets a verb takes: how many with `-c`, and whether those that are not Geneve are among them. Chooses
 * batch by batch; `rows` holds the indices of the packets taken of the last batch, ascending.
 */
export class Selection {
  /** The first entries, as many as `select` said, are valid until its next call. Not to be written. */
  rows: Int32Array = new Int32Array(0);
  /** How many more packets may be counted. */
  left: number;
  readonly #others: OthersChoice;
  #chosen: Int32Array = new Int32Array(0);

  /** `most`: stop after so many packets; undefined: never. */
  constructor(most: number | undefined, others: OthersChoice) {
    this.left = most ?? Number.POSITIVE_INFINITY;
    this.#others = others;
  }

  /** Chooses among a decoded batch's packets and returns how many are taken. */
  select(packets: PacketBatch, frames: FrameBatch): number {
    const { count } = packets;
    if (this.#chosen.length < count) this.#chosen = new Int32Array(packets.capacity);
    this.rows = frames.every;
    const all = this.#others === "skip" ? this.#geneve(frames, count) : count;
    return this.left === Number.POSITIVE_INFINITY ? all : this.#first(frames, all);
  }

  #geneve({ status }: FrameBatch, count: number): number {
    const chosen = this.#chosen;
    let taken = 0;
    for (let i = 0; i < count; i++) if (status[i] !== FrameStatus.notGeneve) chosen[taken++] = i;
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
