import type { CaptureInterface, PacketBatch } from "./batch.js";
import type { RecordBuffer } from "./record-buffer.js";

/** What an interface has counted since its capture began. */
export interface InterfaceCounts {
  /** Packets received. */
  readonly received: number;
  /** Packets that the system dropped because nobody took them in time; null where nobody counts them. */
  readonly dropped: number | null;
  /** Packets that the device or its driver dropped; null where nobody counts them. */
  readonly droppedByDevice: number | null;
}

/** An address, 4 or 16 bytes, and what it is called. */
export interface AddressName {
  readonly address: Uint8Array;
  readonly name: string;
}

/** Which packets the records that are being written may take. */
export interface Bounds {
  /** Offset in the buffer that no record may cross. */
  end: number;
  /** First and last second, since 1970, that a packet may have been captured in. */
  earliest: number;
  latest: number;
}

/** How packets lie in a file. What is written goes into the buffer, which has room for it. */
export interface SaveFormat {
  /** Last second since 1970 that a time can be in; the first is 0. */
  readonly latest: number;
  /** Bytes of an interface's counts, 0 where the format has no place for them. */
  readonly countsBytes: number;
  /** Bytes of an address's name at most, 0 where the format has no place for it. */
  readonly nameBytes: number;
  /** Writes what a file begins with. */
  begin(out: RecordBuffer): void;
  /** Writes the file's next interface, in 1 KiB at most. Returns why that cannot be, or null. */
  describe(out: RecordBuffer, one: CaptureInterface): string | null;
  /** Bytes of the record of a packet with this captured length and bytes of a comment, 0 without. */
  recordBytes(captured: number, comment: number): number;
  /**
   * Writes the packets whose indices are in `rows` from `from` up to `to`, as far as they are within the
   * bounds and not larger than any that is written. Returns the first row that was not written.
   */
  packets(
    out: RecordBuffer,
    batch: PacketBatch,
    rows: Int32Array,
    from: number,
    to: number,
    bounds: Bounds,
  ): number;
  /** Writes what interface `index` has counted until `milliseconds` since 1970. */
  counts(out: RecordBuffer, index: number, counts: InterfaceCounts, milliseconds: number): void;
  /** Writes what an address is called, where the format has a place for it. */
  names(out: RecordBuffer, known: AddressName): void;
  /** Of the buffer's first `length` bytes, which begin with a record, those that are whole records. */
  wholeBytes(out: RecordBuffer, length: number): number;
}
