/*
 * Packets on their way from cap's listener to blocks: records back to back, as blocks have them. cap says how many
 * bytes a packet had only as far as it captured them.
 */
import { BLOCKS_LITTLE_ENDIAN, type NativeFilled } from "../native.js";
import { RECORD_HEADER_BYTES } from "./pcap-source.js";

const HEADER_BYTES = RECORD_HEADER_BYTES;
/** Bytes of records that are handed on at once: some of the longest. */
const CHUNK_BYTES = 256 * 1024;

/** Makes records of what cap announces. */
export class CapRecorder {
  readonly #buffer: Buffer;
  readonly #snapBytes: number;
  readonly #delayMs: number;
  readonly #hand: (records: Buffer, packets: number) => void;
  readonly #chunk = Buffer.alloc(CHUNK_BYTES);
  readonly #view = new DataView(this.#chunk.buffer, this.#chunk.byteOffset, CHUNK_BYTES);
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
    const view = this.#view;
    const at = this.#at;
    const milliseconds = Date.now();
    const seconds = Math.floor(milliseconds / 1000);
    view.setUint32(at, seconds, BLOCKS_LITTLE_ENDIAN);
    view.setUint32(at + 4, (milliseconds - seconds * 1000) * 1_000_000, BLOCKS_LITTLE_ENDIAN);
    view.setUint32(at + 8, captured, BLOCKS_LITTLE_ENDIAN);
    view.setUint32(at + 12, original, BLOCKS_LITTLE_ENDIAN);
    this.#buffer.copy(this.#chunk, at + HEADER_BYTES, 0, captured);
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

  /** Fills a block, which has room for the longest packet, with packets that have come. */
  fill(block: Uint8Array): NativeFilled {
    const filled = { packets: 0, bytes: 0 };
    for (let length = this.#length(); length > 0; length = this.#length()) {
      if (filled.bytes + length > block.length) break;
      this.#bytes.copy(block, filled.bytes, this.#at, this.#at + length);
      this.#at += length;
      filled.bytes += length;
      filled.packets++;
    }
    return filled;
  }

  /** Bytes of the record at `#at`; 0 where there is no whole one. */
  #length(): number {
    for (;;) {
      const bytes = this.#bytes;
      const left = bytes.length - this.#at;
      if (left >= HEADER_BYTES) {
        const at = this.#at + 8;
        const captured = BLOCKS_LITTLE_ENDIAN ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at);
        if (left >= HEADER_BYTES + captured) return HEADER_BYTES + captured;
      }
      const more = this.#next();
      if (more === null) return 0;
      this.#bytes = left === 0 ? more : Buffer.concat([bytes.subarray(this.#at), more]);
      this.#at = 0;
    }
  }
}
