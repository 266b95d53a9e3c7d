/*
 * Zstandard, RFC 8878 section 3.1: frames one after the other.
 *
 *  frame       magic fd2fb528 | descriptor 1 | window 0-1 | dictionary 0-4 | content size 0-8 | blocks | checksum 0-4
 *  skippable   magic 184d2a5x | size 4 | content                                   (all little endian)
 *  block       header 3: last 1 bit, type 2 bits, size 21 bits | content
 *
 * The frames are walked here and handed to a decompressor block by block: that bounds the memory a frame
 * can ask for before it gets any, and what one step can produce.
 */
import { BlockBuffer } from "./block-buffer.js";
import type { ByteSource } from "./byte-source.js";
import { CaptureError } from "./error.js";
import { ZSTD_FRAME_MAGIC, ZSTD_SKIPPABLE_MAGIC } from "./recognise.js";
import type { ZstdEngine } from "./zstd-engine.js";
import { isEndlessHuffman } from "./zstd-huffman.js";

const BLOCK_HEADER_BYTES = 3;
const CHECKSUM_BYTES = 4;
const LARGEST_BLOCK_BYTES = 128 * 1024;
const BlockType = { raw: 0, repeated: 1, compressed: 2, reserved: 3 } as const;

/** Bytes of the content size field by its flag; flag 0 has one byte in single-segment frames. */
const CONTENT_SIZE_BYTES = [0, 2, 4, 8];
const DICTIONARY_BYTES = [0, 1, 2, 4];

/** Compressed bytes read at a time. */
const READ_BYTES = 256 * 1024;

/** The content of a zstd file of any number of frames. */
export class ZstdSource implements ByteSource {
  readonly readAhead = null;
  readonly name: string;
  readonly total = null;
  readonly #base: ByteSource;
  readonly #buffer: BlockBuffer;
  readonly #engine: ZstdEngine;
  #out: Uint8Array[] = [];
  #used = 0;
  #delivered = 0;
  /** Header of the frame begun whose first block is still to come. */
  #header: Uint8Array = new Uint8Array(0);
  #inFrame = false;
  #checksum = false;
  #largestBlock = 0;
  /** Thrown once what was decompressed before is delivered. */
  #failure: CaptureError | null = null;
  #ended = false;

  constructor(base: ByteSource, engine: ZstdEngine) {
    this.name = base.name;
    this.#base = base;
    this.#engine = engine;
    this.#buffer = new BlockBuffer(base, READ_BYTES);
  }

  get position(): number {
    return this.#base.position;
  }
  get size(): number | null {
    return this.#base.size;
  }

  async read(into: Uint8Array, start: number, length: number): Promise<number> {
    for (;;) {
      const chunk = this.#out[0];
      if (chunk !== undefined && this.#used < chunk.length) {
        const got = Math.min(length, chunk.length - this.#used);
        into.set(chunk.subarray(this.#used, this.#used + got), start);
        this.#used += got;
        this.#delivered += got;
        return got;
      }
      if (chunk !== undefined) {
        this.#out.shift();
        this.#used = 0;
      } else if (this.#failure) {
        throw this.#failure;
      } else if (this.#ended) {
        return 0;
      } else {
        await this.#step();
      }
    }
  }

  again(): null {
    return null;
  }

  async close(): Promise<void> {
    this.#engine.close();
    await this.#base.close();
  }

  /** Takes the next piece of the file: a frame's header, a block, or a frame to skip. */
  async #step(): Promise<void> {
    try {
      if (this.#inFrame) await this.#block();
      else await this.#frame();
    } catch (error) {
      const reason = error instanceof Error ? error.message : "unknown error";
      this.#failure =
        error instanceof CaptureError
          ? error
          : this.#fault(`are damaged before byte ${this.#buffer.offset} of the file (${reason})`, error);
    }
  }

  async #frame(): Promise<void> {
    const buffer = this.#buffer;
    if (!(await buffer.fill(4))) {
      if (buffer.available > 0 || buffer.failure || buffer.unskipped > 0) throw this.#cut();
      this.#ended = true;
      return;
    }
    const magic = buffer.view.getUint32(buffer.start, true);
    if (magic >>> 4 === ZSTD_SKIPPABLE_MAGIC) {
      await this.#need(8);
      buffer.skip(8 + buffer.view.getUint32(buffer.start + 4, true));
      return;
    }
    if (magic !== ZSTD_FRAME_MAGIC)
      throw this.#fault(`are followed by something else at byte ${buffer.offset}`);
    await this.#need(5);
    const descriptor = buffer.bytes[buffer.start + 4];
    const singleSegment = (descriptor >> 5) & 1;
    const dictionaryBytes = DICTIONARY_BYTES[descriptor & 3];
    const contentFlag = descriptor >> 6;
    const contentBytes = contentFlag === 0 ? singleSegment : CONTENT_SIZE_BYTES[contentFlag];
    const headerBytes = 6 - singleSegment + dictionaryBytes + contentBytes;
    await this.#need(headerBytes);
    const { bytes, start } = buffer;
    if ((descriptor & 8) !== 0) throw this.#fault(`have a reserved bit set at byte ${buffer.offset + 4}`);
    const dictionaryAt = start + 6 - singleSegment;
    for (let at = dictionaryAt; at < dictionaryAt + dictionaryBytes; at++)
      if (bytes[at] !== 0) throw this.#fault("need a dictionary", undefined, "decompress with zstd -D first");
    const window = singleSegment
      ? contentSize(bytes, dictionaryAt + dictionaryBytes, contentBytes)
      : windowSize(bytes[start + 5]);
    if (window > this.#engine.largestWindow)
      throw this.#fault(
        `need a window of ${window} bytes, more than the ${this.#engine.largestWindow} that are granted`,
        undefined,
        "decompress with zstd -d --long=31 first",
      );
    this.#header = bytes.slice(start, start + headerBytes);
    this.#checksum = (descriptor & 4) !== 0;
    this.#largestBlock = Math.min(LARGEST_BLOCK_BYTES, window);
    this.#inFrame = true;
    buffer.start += headerBytes;
  }

  async #block(): Promise<void> {
    const buffer = this.#buffer;
    await this.#need(BLOCK_HEADER_BYTES);
    const { bytes, start } = buffer;
    const header = bytes[start] | (bytes[start + 1] << 8) | (bytes[start + 2] << 16);
    const last = (header & 1) !== 0;
    const type = (header >> 1) & 3;
    const size = header >> 3;
    if (type === BlockType.reserved || size > this.#largestBlock)
      throw this.#fault(
        `have a block of type ${type} and ${size} bytes at byte ${buffer.offset}, not a valid one`,
      );
    const contentBytes = type === BlockType.repeated ? 1 : size;
    const blockBytes = BLOCK_HEADER_BYTES + contentBytes;
    await this.#need(blockBytes);
    const piece = new Uint8Array(this.#header.length + blockBytes);
    piece.set(this.#header);
    piece.set(buffer.bytes.subarray(buffer.start, buffer.start + blockBytes), this.#header.length);
    if (type === BlockType.compressed && isEndlessHuffman(piece, this.#header.length + BLOCK_HEADER_BYTES))
      throw this.#fault(`have a Huffman tree without branches at byte ${buffer.offset}`);
    this.#header = new Uint8Array(0);
    buffer.start += blockBytes;
    if (!last || !this.#checksum) {
      this.#out = await this.#engine.push(piece, last);
      this.#inFrame = !last;
      return;
    }
    this.#out = await this.#engine.push(piece, false);
    // What the last block holds is good even where the checksum behind it is not.
    try {
      await this.#need(CHECKSUM_BYTES);
      const checksum = buffer.bytes.slice(buffer.start, buffer.start + CHECKSUM_BYTES);
      this.#out.push(...(await this.#engine.verify(checksum)));
      buffer.start += CHECKSUM_BYTES;
      this.#inFrame = false;
    } catch (error) {
      this.#failure =
        error instanceof CaptureError ? error : this.#fault("do not match their checksum", error);
    }
  }

  async #need(count: number): Promise<void> {
    if (!(await this.#buffer.fill(count))) throw this.#cut();
  }

  #cut(): CaptureError {
    return (
      this.#buffer.failure ?? this.#fault(`end within a frame, at byte ${this.#base.position} of the file`)
    );
  }

  #fault(what: string, cause?: unknown, advice = "copy the file again"): CaptureError {
    return new CaptureError(
      "ERR_CAPTURE_COMPRESSION",
      this.name,
      `the zstd data ${what}; ${advice}`,
      this.#delivered,
      cause,
    );
  }
}

/** Window size in bytes by its descriptor byte, section 3.1.1.1.2: 1 KiB to 3.75 TiB. */
function windowSize(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >> 3));
  return base + (base / 8) * (descriptor & 7);
}

/** The frame's content size, section 3.1.1.1.4; in single-segment frames it is the window. */
function contentSize(bytes: Uint8Array, at: number, count: number): number {
  let size = count === 2 ? 256 : 0;
  for (let index = count - 1; index >= 0; index--) size += bytes[at + index] * 2 ** (8 * index);
  return size;
}
