import { createGunzip, type Gunzip } from "node:zlib";
import type { ByteSource } from "./byte-source.js";
import { CaptureError, systemCode } from "./error.js";

/** Compressed bytes handed to zlib at a time. */
const PIECE_BYTES = 64 * 1024;
/** As much from a pipe at most, and less at its start: what comes out of a piece is lost where it is damaged. */
const PIPE_PIECE_BYTES = 4 * 1024;
/** Decompressed bytes zlib hands out at a time. */
const CHUNK_BYTES = 256 * 1024;

/**
 * The content of a gzip file of one or more members, through zlib on the thread pool. Nothing is
 * decompressed before it is asked for.
 *
 * zlib drops what it had decompressed in the step that meets damage. Where the file can be read again it
 * is decompressed a second time up to that step, and from there byte by byte, so that everything before
 * the damage is delivered; from a pipe, what the last few KiB of the file held is lost.
 */
export class GunzipSource implements ByteSource {
  readonly readAhead = null;
  readonly name: string;
  readonly total = null;
  readonly #base: ByteSource;
  /** Whether the file can be read a second time. */
  readonly #again: boolean;
  /** What is being decompressed: `#base`, or the same file once more. */
  #input: ByteSource;
  #gunzip: Gunzip;
  readonly #piece = new Uint8Array(PIECE_BYTES);
  #chunk: Uint8Array = new Uint8Array(0);
  #used = 0;
  /** Decompressed bytes delivered. */
  #delivered = 0;
  /** Decompressed bytes to drop because they have been delivered before. */
  #drop = 0;
  /** Compressed bytes handed to zlib, and those of them before the last piece. */
  #fed = 0;
  #fedBefore = 0;
  /** Offset from which on pieces are single bytes. */
  #careful = Number.POSITIVE_INFINITY;
  /** zlib has not finished with the last piece. */
  #busy = false;
  #ended = false;
  #failure: unknown = null;
  #wake: () => void = () => {};

  constructor(base: ByteSource) {
    this.name = base.name;
    this.#base = base;
    this.#again = base.total !== null;
    this.#input = base;
    this.#gunzip = this.#start();
  }

  get position(): number {
    return this.#base.position;
  }
  get size(): number | null {
    return this.#base.size;
  }

  async read(into: Uint8Array, start: number, length: number): Promise<number> {
    for (;;) {
      const held = this.#chunk.length - this.#used;
      if (held > 0) {
        const got = Math.min(length, held);
        into.set(this.#chunk.subarray(this.#used, this.#used + got), start);
        this.#used += got;
        this.#delivered += got;
        return got;
      }
      const chunk: Uint8Array | null = this.#gunzip.read();
      if (chunk !== null) {
        this.#chunk = chunk;
        this.#used = Math.min(this.#drop, chunk.length);
        this.#drop -= this.#used;
      } else if (this.#failure !== null) {
        if (!this.#startAgain()) throw this.#error();
      } else if (this.#ended) {
        return 0;
      } else if (this.#busy) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      } else {
        await this.#feed();
      }
    }
  }

  again(): null {
    return null;
  }

  async close(): Promise<void> {
    this.#gunzip.destroy();
    await this.#base.close();
  }

  #start(): Gunzip {
    const gunzip = createGunzip({ chunkSize: CHUNK_BYTES });
    // Whatever a stream that has been replaced may still say does not matter.
    const on = (event: string, then: (error: unknown) => void): void => {
      gunzip.on(event, (error) => {
        if (gunzip !== this.#gunzip) return;
        then(error);
        this.#wake();
      });
    };
    on("readable", () => {});
    on("end", () => {
      this.#ended = true;
    });
    on("error", (error) => {
      this.#failure = error;
    });
    return gunzip;
  }

  async #feed(): Promise<void> {
    const before = this.#careful - this.#fed;
    const most = this.#again ? PIECE_BYTES : Math.min(PIPE_PIECE_BYTES, Math.max(64, this.#fed >> 4));
    const piece = before > 0 ? Math.min(most, before) : 1;
    const got = await this.#input.read(this.#piece, 0, piece);
    this.#busy = true;
    if (got === 0) {
      this.#gunzip.end();
      return;
    }
    this.#fedBefore = this.#fed;
    this.#fed += got;
    const gunzip = this.#gunzip;
    gunzip.write(this.#piece.subarray(0, got), () => {
      if (gunzip !== this.#gunzip) return;
      this.#busy = false;
      this.#wake();
    });
  }

  /** The file ended within a member: zlib has handed out all there is. */
  get #isCut(): boolean {
    return systemCode(this.#failure) === "Z_BUF_ERROR";
  }

  /** Begins the second, careful pass over the file; false where there has been one, is no need or no file. */
  #startAgain(): boolean {
    const once = this.#careful === Number.POSITIVE_INFINITY;
    const again = once && !this.#isCut ? this.#base.again() : null;
    if (!again) return false;
    this.#gunzip.destroy();
    this.#input = again;
    this.#drop = this.#delivered;
    this.#careful = this.#fedBefore;
    this.#fed = 0;
    this.#busy = false;
    this.#failure = null;
    this.#gunzip = this.#start();
    return true;
  }

  #error(): CaptureError {
    // zlib's own texts ("incorrect data check") hold nothing of the file's content.
    const detail = this.#failure instanceof Error ? this.#failure.message : "unknown error";
    const reason = this.#isCut
      ? `the gzip data end within a member, at byte ${this.#fed} of the file; copy the file again`
      : `the gzip data are damaged at about byte ${this.#fed} of the file (${detail}); copy the file again`;
    return new CaptureError("ERR_CAPTURE_COMPRESSION", this.name, reason, this.#delivered, this.#failure);
  }
}
