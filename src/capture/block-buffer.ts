import type { ByteSource } from "./byte-source.js";
import { CaptureError } from "./error.js";

/** Room in front of the place blocks are read to, for what is left of the block before. */
const HEAD_BYTES = 64 * 1024;
/**
 * Blocks are read to the middle of a memory page. Large memory begins 16 bytes into one, and copying whole
 * pages of a file to just behind a page's start takes twice the time on AMD Zen.
 */
const PAGE_MIDDLE_BYTES = 2048;

/** Bytes of a block where blocks are read ahead: enough work to hide a round trip to the thread pool behind. */
const AHEAD_BLOCK_BYTES = 1024 * 1024;
/** Room in front of such a block; a record that may not fit in there ends the reading ahead. */
const AHEAD_HEAD_BYTES = 320 * 1024 + PAGE_MIDDLE_BYTES;
/** One of two such blocks with its room, whole pages. */
const HALF_BYTES = AHEAD_HEAD_BYTES + AHEAD_BLOCK_BYTES + PAGE_MIDDLE_BYTES;

/**
 * The block of memory a reader parses from. `bytes` and `view` show the same memory; the unread input
 * lies from `start` to `end`. Fresh bytes always follow unread ones: a record cut by the end of a block is
 * moved in front of the next block, so a record is contiguous once it is complete, and nothing else is
 * ever copied. Memory changes only in `more()` and `reserve()`; what they return to stays put in between.
 *
 * From a source that reads ahead, there are two such blocks in one memory: the system fills one while the
 * reader takes the other apart.
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
  /** Whether reading ahead is worth a try. */
  #mayReadAhead = true;
  /** The read under way, and where in `bytes` it goes to. */
  #ahead: Promise<number> | null = null;
  #aheadAt = 0;

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
    if (needed > AHEAD_HEAD_BYTES) this.#mayReadAhead = false;
    // While a read is under way its memory stays: more() makes the room.
    if (needed <= this.bytes.length || this.#ahead !== null) return;
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
    // Bytes to be skipped may fill any number of blocks.
    for (;;) {
      if (this.ended) return false;
      if (this.#ahead !== null) return this.#nextBlock();
      if (this.#mayReadAhead && this.source.readAhead !== null && this.#beginAhead())
        return this.#nextBlock();
      this.#makeRoom();
      if (this.end === this.bytes.length)
        throw new Error("BlockBuffer: more() without room; reserve() first");
      try {
        const got = this.source.read(this.bytes, this.end, this.bytes.length - this.end);
        if (typeof got !== "number") return this.#wait(got);
        if (this.#received(got)) return true;
      } catch (error) {
        return this.#failed(error);
      }
    }
  }

  /** Takes memory for two blocks and starts the first read into it; false where what is unread does not fit. */
  #beginAhead(): boolean {
    if (this.available > AHEAD_HEAD_BYTES) return false;
    const bytes = new Uint8Array(2 * HALF_BYTES);
    const start = AHEAD_HEAD_BYTES - this.available;
    bytes.set(this.bytes.subarray(this.start, this.end), start);
    this.#origin += this.start - start;
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer);
    this.start = start;
    this.end = AHEAD_HEAD_BYTES;
    this.#readAhead(AHEAD_HEAD_BYTES);
    return true;
  }

  #readAhead(at: number): void {
    const { readAhead } = this.source;
    if (readAhead === null) return;
    this.#aheadAt = at;
    this.#ahead = readAhead(this.bytes, at, AHEAD_BLOCK_BYTES);
    // Whoever waits for it hears of a failure; until then it is no unhandled one.
    this.#ahead.catch(() => {});
  }

  /** Waits for the read under way, moves what is unread in front of its block, and starts the next read. */
  async #nextBlock(): Promise<boolean> {
    let got: number;
    try {
      got = (await this.#ahead) ?? 0;
    } catch (error) {
      return this.#failed(error);
    } finally {
      this.#ahead = null;
    }
    const at = this.#aheadAt;
    const left = this.available;
    if (!this.#mayReadAhead || left > AHEAD_HEAD_BYTES) {
      this.#leaveAhead(at, got);
      return this.#received(got) || this.more();
    }
    const start = at - left;
    this.bytes.copyWithin(start, this.start, this.end);
    this.#origin += this.start - start;
    this.start = start;
    this.end = at;
    if (got > 0) this.#readAhead(at === AHEAD_HEAD_BYTES ? HALF_BYTES + AHEAD_HEAD_BYTES : AHEAD_HEAD_BYTES);
    return this.#received(got) || this.more();
  }

  /** Goes on without reading ahead: what is unread and the block at `at`, in one piece, with room behind. */
  #leaveAhead(at: number, got: number): void {
    this.#mayReadAhead = false;
    const left = this.available;
    const bytes = new Uint8Array(left + Math.max(got, this.#blockBytes) + this.#blockBytes);
    bytes.set(this.bytes.subarray(this.start, this.end));
    bytes.set(this.bytes.subarray(at, at + got), left);
    this.#origin += this.start;
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer);
    this.start = 0;
    this.end = left;
  }

  /** Ends the read under way and closes the source. */
  async close(): Promise<void> {
    await this.#ahead?.catch(() => {});
    this.#ahead = null;
    await this.source.close();
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
    return this.#received(got) || this.more();
  }

  /** Takes in what was read; false where that leaves nothing unread: at the end, or while bytes are skipped. */
  #received(got: number): boolean {
    if (got === 0) {
      this.ended = true;
      return false;
    }
    this.end += got;
    if (this.#skip === 0) return true;
    this.skip(this.#skip);
    return this.start < this.end;
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
