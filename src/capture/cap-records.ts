/*
 * Packets on their way from cap's listener to blocks, as records back to back, little-endian:
 *
 *  +---------------------------------------+
 *  | milliseconds since 1970, a double     |  0
 *  | captured bytes                        |  8
 *  | original bytes, as far as cap says    | 12
 *  | captured bytes of the packet          | 16
 *  +---------------------------------------+
 */
import type { NativeBlock } from "../native.js";

const HEADER_BYTES = 16;
/** Bytes of records that are handed on at once: some of the longest. */
const CHUNK_BYTES = 256 * 1024;

/** Makes records of what cap announces. */
export class CapRecorder {
  readonly #buffer: Buffer;
  readonly #snapBytes: number;
  readonly #delayMs: number;
  readonly #hand: (records: Buffer, packets: number) => void;
  readonly #chunk = Buffer.alloc(CHUNK_BYTES);
  #at = 0;
  #packets = 0;
  #timer: NodeJS.Timeout | null = null;

  /**
   * Packets are in `buffer`, and `snapBytes` of each are kept. `hand` gets records, which are overwritten
   * afterwards, once there are many or the first of them has waited for `delayMs`.
   */
  constructor(
    buffer: Buffer,
    snapBytes: number,
    delayMs: number,
    hand: (records: Buffer, packets: number) => void,
  ) {
    this.#buffer = buffer;
    this.#snapBytes = snapBytes;
    this.#delayMs = delayMs;
    this.#hand = hand;
  }

  /** The listener of a Cap. */
  readonly take = (original: number): void => {
    const captured = Math.min(original, this.#snapBytes);
    if (this.#at + HEADER_BYTES + captured > CHUNK_BYTES) this.flush();
    const chunk = this.#chunk;
    const at = this.#at;
    chunk.writeDoubleLE(Date.now(), at);
    chunk.writeUInt32LE(captured, at + 8);
    chunk.writeUInt32LE(original, at + 12);
    this.#buffer.copy(chunk, at + HEADER_BYTES, 0, captured);
    this.#at = at + HEADER_BYTES + captured;
    this.#packets++;
    this.#timer ??= setTimeout(() => this.flush(), this.#delayMs);
  };

  flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const packets = this.#packets;
    if (packets === 0) return;
    const records = this.#chunk.subarray(0, this.#at);
    this.#at = 0;
    this.#packets = 0;
    this.#hand(records, packets);
  }
}

/** Fills blocks with records. */
export class CapRecords {
  readonly #next: () => Buffer | null;
  #bytes: Buffer = Buffer.alloc(0);
  #at = 0;

  /** `next` gives bytes of records, cut anywhere; null where none have come. */
  constructor(next: () => Buffer | null) {
    this.#next = next;
  }

  /** Fills a block, which has room for the longest packet, with packets that have come; returns how many. */
  fill(block: NativeBlock): number {
    const { bytes, offset, capturedBytes, originalBytes, tsSec, tsNsec } = block;
    let count = 0;
    let filled = 0;
    while (count < offset.length && this.#ready()) {
      const from = this.#bytes;
      const at = this.#at;
      const captured = from.readUInt32LE(at + 8);
      if (filled + captured > bytes.length) break;
      const milliseconds = from.readDoubleLE(at);
      const seconds = Math.floor(milliseconds / 1000);
      this.#at = at + HEADER_BYTES + captured;
      from.copy(bytes, filled, at + HEADER_BYTES, this.#at);
      offset[count] = filled;
      capturedBytes[count] = captured;
      originalBytes[count] = from.readUInt32LE(at + 12);
      tsSec[count] = seconds;
      tsNsec[count] = (milliseconds - seconds * 1000) * 1_000_000;
      filled += captured;
      count++;
    }
    return count;
  }

  /** Whether there is a whole record at `#at`. */
  #ready(): boolean {
    for (;;) {
      const left = this.#bytes.length - this.#at;
      if (left >= HEADER_BYTES && left >= HEADER_BYTES + this.#bytes.readUInt32LE(this.#at + 8)) return true;
      const more = this.#next();
      if (more === null) return false;
      this.#bytes = left === 0 ? more : Buffer.concat([this.#bytes.subarray(this.#at), more]);
      this.#at = 0;
    }
  }
}
