import { type CaptureInterface, PacketBatch } from "../capture/batch.js";
import type { FrameBatch } from "../frame/columns.js";

/** A change that packets go through on their way from one capture into another. */
export interface Rewrite {
  /** Packets to come are on these interfaces, the source's own list. */
  begin?(interfaces: readonly CaptureInterface[]): void;
  /**
   * Changes the packets whose indices the first `count` of `rows` are. `packets` is a copy of what the source gave,
   * in its columns and not in its bytes; `frames` is what was decoded of that. Packets that it leaves out are taken
   * out of `rows`; returns how many remain.
   */
  rewrite(packets: PacketBatch, frames: FrameBatch, rows: Int32Array, count: number): number;
}

/** A batch with columns of its own over a source's bytes. */
export class BatchCopy {
  #copy = new PacketBatch(0);
  #rows = new Int32Array(0);

  /** The packets of a batch, to be changed; they hold as long as the batch. */
  packets(batch: PacketBatch): PacketBatch {
    if (this.#copy.capacity !== batch.capacity) this.#copy = new PacketBatch(batch.capacity);
    const copy = this.#copy;
    copy.bytes = batch.bytes;
    copy.view = batch.view;
    copy.count = batch.count;
    copy.firstNumber = batch.firstNumber;
    copy.offset.set(batch.offset);
    copy.capturedBytes.set(batch.capturedBytes);
    copy.originalBytes.set(batch.originalBytes);
    copy.tsSec.set(batch.tsSec);
    copy.tsNsec.set(batch.tsNsec);
    copy.interfaceIndex.set(batch.interfaceIndex);
    return copy;
  }

  /** The first `count` of `rows`, to be changed. */
  rows(rows: Int32Array, count: number): Int32Array {
    if (this.#rows.length < count) this.#rows = new Int32Array(rows.length);
    for (let row = 0; row < count; row++) this.#rows[row] = rows[row];
    return this.#rows;
  }
}
