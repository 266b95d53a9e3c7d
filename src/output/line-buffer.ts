/** Bytes gathered before they are handed to the system. */
const FULL_BYTES = 64 * 1024;
/** Bytes that are always there behind the last one. */
const LINE_ROOM = 64 * 1024;
/** Enough for a line with the digits of a packet of 64 KiB, too. */
const USUAL_BYTES = FULL_BYTES + 4 * LINE_ROOM;

/**
 * Lines as bytes (UTF-8) in one piece of memory that is filled, handed on and filled again. A writer takes
 * `view` and `at` into locals, writes a line of 64 KiB at most, and gives `at` back, as long as that is below
 * `limit`. What may be longer goes through `text` or wants `reserve`, which may put other memory under `view`.
 */
export class LineBuffer {
  bytes: Buffer<ArrayBuffer> = Buffer.alloc(0);
  view!: DataView;
  /** Behind the last byte. */
  at = 0;
  /** From here on handing it on pays. */
  readonly limit = FULL_BYTES;

  constructor() {
    this.#take(USUAL_BYTES);
  }

  get full(): boolean {
    return this.at >= this.limit;
  }

  /** Adds text of any length. */
  text(text: string): void {
    // No UTF-16 unit takes more than three bytes.
    this.reserve(3 * text.length);
    this.at += this.bytes.write(text, this.at);
  }

  /** Makes room for `more` bytes than a line usually takes. */
  reserve(more: number): void {
    const needed = this.at + more + LINE_ROOM;
    const { bytes } = this;
    if (needed <= bytes.length) return;
    this.#take(2 * needed);
    this.bytes.set(bytes.subarray(0, this.at));
  }

  /** Empties it; the memory of an extraordinary line is given back. */
  clear(): void {
    this.at = 0;
    if (this.bytes.length > USUAL_BYTES) this.#take(USUAL_BYTES);
  }

  #take(bytes: number): void {
    const memory = new ArrayBuffer(bytes);
    this.bytes = Buffer.from(memory);
    this.view = new DataView(memory);
  }
}
