import type { PacketBatch } from "../capture/batch.js";
import type { FrameBatch } from "../frame/columns.js";
import type { Rewrite } from "./rewrite.js";

/** Cuts packets after so many bytes. Original lengths stay. */
export class Truncation implements Rewrite {
  readonly #bytes: number;

  constructor(bytes: number) {
    this.#bytes = bytes;
  }

  rewrite({ capturedBytes }: PacketBatch, _frames: FrameBatch, rows: Int32Array, count: number): number {
    const bytes = this.#bytes;
    for (let row = 0; row < count; row++) {
      const i = rows[row];
      if (capturedBytes[i] > bytes) capturedBytes[i] = bytes;
    }
    return count;
  }
}
