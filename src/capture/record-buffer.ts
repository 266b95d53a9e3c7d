import type { PacketBatch } from "./batch.js";

/** Largest captured length of a packet that is written: tools refuse files with larger ones. */
export const LARGEST_WRITTEN_BYTES = 262_144;

/** Bytes gathered before they are handed to the system: more than the largest record. */
const RECORD_BYTES = 512 * 1024;
/** Bytes of a batch that are brought over at once, where a packet does not take more. */
const STAGE_BYTES = 32 * 1024;

/**
 * Records in one piece of memory that is filled, handed on and filled again. Behind them is room into which
 * a stretch of a batch is brought as a whole, so that its packets can be moved within one array: to copy
 * between two of them would cost an object a packet.
 */
export class RecordBuffer {
  readonly bytes = new Uint8Array(RECORD_BYTES + LARGEST_WRITTEN_BYTES);
  readonly view = new DataView(this.bytes.buffer);
  /** Behind the last byte that is to be written. */
  at = 0;
  /** Behind the last byte that records may take, and where a stretch of a batch begins. */
  readonly end = RECORD_BYTES;

  /** The stretch of a batch that has been brought over, as offsets there. */
  #staged = 0;
  #stagedEnd = -1;

  /** Forgets what was brought over: a batch's bytes change. */
  unstage(): void {
    this.#stagedEnd = -1;
  }

  /**
   * Where in `bytes` the `captured` bytes lie that the batch has at `start`: brought over, if they are not there,
   * with those behind them, up to `last`.
   */
  staged(batch: PacketBatch, start: number, captured: number, last: number): number {
    if (start < this.#staged || start + captured > this.#stagedEnd) {
      const end = Math.max(start + captured, Math.min(last, start + STAGE_BYTES));
      this.bytes.set(batch.bytes.subarray(start, end), this.end);
      this.#staged = start;
      this.#stagedEnd = end;
    }
    return this.end + start - this.#staged;
  }
}
