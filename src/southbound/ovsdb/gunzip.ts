import { createGunzip, type Gunzip } from "node:zlib";
import { type FileBytes, HeldBytes } from "./byte-source.js";
import { ScanError } from "./json-scan.js";

/** Compressed bytes handed to zlib at a time; so many are gone through one by one where they are damaged. */
const PIECE_BYTES = 16 * 1024;
/** Unpacked bytes zlib hands out at a time. */
const CHUNK_BYTES = 256 * 1024;

/**
 * The content of a gzip file (RFC 1952) of one or more members, unpacked as it is asked for.
 *
 * zlib drops what it had unpacked in the step that meets damage. Where the file can be read again it is
 * unpacked a second time up to that step, and from there byte by byte, so that everything before the damage is
 * delivered.
 */
export class GunzipBytes extends HeldBytes {
  readonly unpacked = true;
  readonly #base: FileBytes;
  #gunzip: Gunzip;
  /** What of the base's last chunk zlib has not had yet. */
  #input: Buffer = Buffer.alloc(0);
  /** Compressed bytes handed to zlib, and those of them before the last piece. */
  #fed = 0;
  #fedBefore = 0;
  /** Unpacked bytes that zlib has given, and how many of them to drop because they were delivered before. */
  #given = 0;
  #drop = 0;
  /** Compressed offset from which on pieces are single bytes. */
  #careful = Number.POSITIVE_INFINITY;
  /** zlib has not finished with the last piece. */
  #busy = false;
  #ended = false;
  #failure: NodeJS.ErrnoException | null = null;
  #wake: () => void = () => {};

  constructor(base: FileBytes) {
    super();
    this.#base = base;
    this.#gunzip = this.#start();
  }

  /** Where the data are damaged is known then, and gone up to with care. */
  rewind(): void {
    this.offset = 0;
    this.held = [];
    this.#startAgain(0);
  }

  forget(): void {
    this.#base.forget();
  }

  async close(): Promise<void> {
    this.#gunzip.destroy();
    await this.#base.close();
  }

  protected async read(): Promise<Buffer | null> {
    for (;;) {
      const chunk: Buffer | null = this.#gunzip.read();
      if (chunk !== null) {
        this.#given += chunk.length;
        const dropped = Math.min(this.#drop, chunk.length);
        this.#drop -= dropped;
        if (dropped < chunk.length) return chunk.subarray(dropped);
      } else if (this.#failure !== null) {
        if (!this.#beCareful()) throw this.#error();
      } else if (this.#ended) {
        return null;
      } else if (this.#busy) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      } else {
        await this.#feed();
      }
    }
  }

  #start(): Gunzip {
    const gunzip = createGunzip({ chunkSize: CHUNK_BYTES });
    // Whatever a stream that has been replaced may still say does not matter.
    const on = (event: string, then: (error: NodeJS.ErrnoException) => void): void => {
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

  #startAgain(drop: number): void {
    this.#gunzip.destroy();
    this.#base.rewind();
    this.#input = Buffer.alloc(0);
    this.#fed = 0;
    this.#given = 0;
    this.#drop = drop;
    this.#busy = false;
    this.#ended = false;
    this.#failure = null;
    this.#gunzip = this.#start();
  }

  async #feed(): Promise<void> {
    if (this.#input.length === 0) this.#input = (await this.#base.next()) ?? this.#input;
    this.#busy = true;
    if (this.#input.length === 0) {
      this.#gunzip.end();
      return;
    }
    const before = this.#careful - this.#fed;
    const piece = this.#input.subarray(0, before > 0 ? Math.min(PIECE_BYTES, before) : 1);
    this.#input = this.#input.subarray(piece.length);
    this.#fedBefore = this.#fed;
    this.#fed += piece.length;
    const gunzip = this.#gunzip;
    gunzip.write(piece, () => {
      if (gunzip !== this.#gunzip) return;
      this.#busy = false;
      this.#wake();
    });
  }

  /** The file ended within a member: zlib has handed out all there is. */
  get #isCut(): boolean {
    return this.#failure?.code === "Z_BUF_ERROR";
  }

  /** Begins the second, careful pass over the file; false where there has been one, is no need or no file. */
  #beCareful(): boolean {
    if (this.#isCut || this.#careful !== Number.POSITIVE_INFINITY || !this.#base.rewindable) return false;
    this.#careful = this.#fedBefore;
    this.#startAgain(this.#given);
    return true;
  }

  #error(): ScanError {
    // zlib's own texts ("incorrect data check") hold nothing of the file's content.
    const reason = this.#isCut
      ? `the gzip data end within a member, at byte ${this.#fed} of the file`
      : `the gzip data are damaged at about byte ${this.#fed} of the file (${this.#failure?.message})`;
    return new ScanError(this.offset, reason);
  }
}
