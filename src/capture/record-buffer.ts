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

  /**
   * Brings over what the batch holds from `start` on: a packet of `captured` bytes and those behind it, up
   * to `last`. Returns the offset in the batch behind the last byte that was brought.
   */
  stage(batch: PacketBatch, start: number, captured: number, last: number): number {
    const end = Math.max(start + captured, Math.min(last, start + STAGE_BYTES));
    this.bytes.set(batch.bytes.subarray(start, end), this.end);
    return end;
  }
}
