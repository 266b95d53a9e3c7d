import type { ByteSource } from "./byte-source.js";
import { CaptureError } from "./error.js";

/** Room in front of the place blocks are read to, for what is left of the block before. */
const HEAD_BYTES = 64 * 1024;
/**
 * Blocks are read to the middle of a memory page. Large memory begins 16 bytes into one, and copying whole
 * pages of a file to just behind a page's start takes twice the time on AMD Zen.
 */
const PAGE_MIDDLE_BYTES = 2048;

/**
 * The one block of memory a reader parses from. `bytes` and `view` show the same memory; the unread input
 * lies from `start` to `end`. Fresh bytes always follow unread ones: a record cut by the end of a block is
 * moved in front of the next block, so a record is contiguous once it is complete, and nothing else is
 * ever copied. Memory changes only in `more()` and `reserve()`; what they return to stays put in between.
 */
export class BlockBuffer {
  readonly source: ByteSource;
  bytes: Uint8Array;
  view: DataView;
  /** First unread byte; the reader advances it. */
  start: number;
  /** Behind the last byte there is. */
  end: number;
  /** True once the source has no more. */
  ended = false;
  /** Why the source ended early, or null. */
  failure: CaptureError | null = null;
  /** Offset in the input of `bytes[0]`; negative while nothing has been passed. */
  #origin: number;
  /** Bytes still to be dropped unseen before the next byte is delivered. */
  #skip = 0;
  readonly #blockBytes: number;

  constructor(source: ByteSource, blockBytes: number) {
    const head = Math.min(HEAD_BYTES, blockBytes) + PAGE_MIDDLE_BYTES;
    this.source = source;
    this.#blockBytes = blockBytes;
    this.bytes = new Uint8Array(head + blockBytes);
    this.view = new DataView(this.bytes.buffer);
    this.start = head;
    this.end = head;
    this.#origin = -head;
  }

  /** Offset in the (decompressed) input of the byte at `index` of `bytes`. */
  offsetOf(index: number): number {
    return this.#origin + index;
  }

  /** Offset in the input of the first unread byte. */
  get offset(): number {
    return this.#origin + this.start;
  }

  /** Unread bytes there are. */
  get available(): number {
    return this.end - this.start;
  }

  /** Bytes passed by `skip` that have not come yet; where the input has ended, they are missing. */
  get unskipped(): number {
    return this.#skip;
  }

  /**
   * Bytes of the input from `offset` on, none of which will be used: known where the end has been seen or
   * the source knows its total, else null.
   */
  lostFrom(offset: number): number | null {
    if (this.failure) return null;
    if (this.ended) return this.#origin + this.end - offset;
    const total = this.source.total;
    return total === null ? null : Math.max(total, this.#origin + this.end) - offset;
  }

  /** Makes room for a record of `needed` bytes from `start` on; only a record larger than all memory costs a new one. */
  reserve(needed: number): void {
    if (needed <= this.bytes.length) return;
    let size = this.bytes.length;
    while (size < needed) size *= 2;
    const larger = new Uint8Array(size);
    larger.set(this.bytes.subarray(this.start, this.end));
    this.#origin += this.start;
    this.end -= this.start;
    this.start = 0;
    this.bytes = larger;
    this.view = new DataView(larger.buffer);
  }

  /** Passes `count` bytes, however many of them have been read yet. */
  skip(count: number): void {
    const here = Math.min(count, this.end - this.start);
    this.start += here;
    this.#skip = count - here;
  }

  /** Reads on: true where there is at least one more unread byte than before, false at the end of the input. */
  more(): boolean | Promise<boolean> {
    if (this.ended) return false;
    this.#makeRoom();
    if (this.end === this.bytes.length) throw new Error("BlockBuffer: more() without room; reserve() first");
    try {
      const got = this.source.read(this.bytes, this.end, this.bytes.length - this.end);
      return typeof got === "number" ? this.#received(got) : this.#wait(got);
    } catch (error) {
      return this.#failed(error);
    }
  }

  /** True once `count` unread bytes are there, false where the input ends before. */
  async fill(count: number): Promise<boolean> {
    this.reserve(count);
    while (this.end - this.start < count) if (!(await this.more())) return false;
    return true;
  }

  async #wait(pending: Promise<number>): Promise<boolean> {
    let got: number;
    try {
      got = await pending;
    } catch (error) {
      return this.#failed(error);
    }
    return this.#received(got);
  }

  #received(got: number): boolean | Promise<boolean> {
    if (got === 0) {
      this.ended = true;
      return false;
    }
    this.end += got;
    if (this.#skip === 0) return true;
    this.skip(this.#skip);
    return this.start < this.end ? true : this.more();
  }

  #failed(error: unknown): boolean {
    if (!(error instanceof CaptureError)) throw error;
    this.failure = error;
    this.ended = true;
    return false;
  }

  /** Leaves room behind `end`: in place while there is plenty (a trickling pipe), else with the rest moved in front of a whole block. */
  #makeRoom(): void {
    const left = this.end - this.start;
    const room = this.bytes.length - this.end;
    if (left > 0 && room >= this.#blockBytes / 2) return;
    const to = Math.max(0, this.bytes.length - this.#blockBytes - left);
    if (to === this.start) return;
    this.bytes.copyWithin(to, this.start, this.end);
    this.#origin += this.start - to;
    this.start = to;
    this.end = to + left;
  }
}
