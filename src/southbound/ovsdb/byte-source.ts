import { closeSync, fstatSync, open, openSync, read, readSync, statSync } from "node:fs";
import { promisify } from "node:util";
import { fileReason } from "../../file-reason.js";
import { SouthboundError } from "./error.js";
import { ScanError } from "./json-scan.js";

const CHUNK_BYTES = 1 << 18;
/** Files up to this size are read on this thread: to get the pool of threads going takes longer. */
const SMALL_BYTES = 1 << 24;
/** What is needed to tell what a file is. */
const HEAD_BYTES = 4096;
/** A pipe cannot be read twice, so what may have to be is kept, up to this. */
const LARGEST_PIPE = 2 ** 31;

const DENIED = "permission denied; give a copy or a backup of it, or run as a user who may read it";
const WORDS = {
  ENOENT: "there is no such file",
  EACCES: DENIED,
  EPERM: DENIED,
  // Of open(2) where the file is a socket.
  ENXIO: "it is a socket; give unix: and its path",
};

/** The bytes of a source from its beginning, a chunk at a time. */
export interface ByteSource {
  /** Offset of the next chunk. */
  readonly offset: number;
  /** Whether the bytes are those of a compressed file, unpacked: offsets are then not the file's. */
  readonly unpacked: boolean;
  /** The first bytes, up to 4096; they are delivered again by `next`. To be called first. */
  head(): Promise<Buffer>;
  /**
   * The next bytes, valid until the next call, or null at the end. Throws a {@link ScanError} where what holds
   * them is damaged, and a {@link SouthboundError} where they cannot be read.
   */
  next(): Promise<Buffer | null>;
  /** Starts over. */
  rewind(): void;
  /** There will be no further `rewind`: what was kept for that can go. What is still to come stays. */
  forget(): void;
  close(): Promise<void>;
}

/** What sources of bytes have in common: what was read to tell what they are is delivered again. */
export abstract class HeldBytes implements ByteSource {
  abstract readonly unpacked: boolean;
  offset = 0;
  /** Read already, to be delivered first. */
  protected held: Buffer[] = [];

  async head(): Promise<Buffer> {
    const pieces: Buffer[] = [];
    let length = 0;
    while (length < HEAD_BYTES) {
      // To read on may overwrite what was read last.
      const last = pieces.pop();
      if (last !== undefined) pieces.push(Buffer.from(last));
      const chunk = await this.next().catch((error) => {
        if (length > 0 && error instanceof ScanError) return null;
        throw error;
      });
      if (chunk === null) break;
      pieces.push(chunk);
      length += chunk.length;
    }
    this.held = pieces;
    this.offset = 0;
    return Buffer.concat(pieces.map((piece) => piece.subarray(0, HEAD_BYTES))).subarray(0, HEAD_BYTES);
  }

  async next(): Promise<Buffer | null> {
    const chunk = this.held.shift() ?? (await this.read());
    if (chunk !== null) this.offset += chunk.length;
    return chunk;
  }

  abstract rewind(): void;
  abstract forget(): void;
  abstract close(): Promise<void>;
  /** The bytes at `offset`; else as `next`. */
  protected abstract read(): Promise<Buffer | null>;
}

/** The bytes of a file or pipe. Throws `ERR_SB_OPEN` where it cannot be read. */
export class FileBytes extends HeldBytes {
  readonly unpacked = false;
  readonly #descriptor: number;
  readonly #source: string;
  /** Null for what is no regular file, and cannot be read twice. */
  readonly #size: number | null;
  readonly #buffer: Buffer;
  /** Everything read so far from something that cannot be read twice. */
  #replay: Buffer[] | null;
  #replayBytes = 0;

  private constructor(descriptor: number, source: string, size: number | null) {
    super();
    this.#descriptor = descriptor;
    this.#buffer = Buffer.allocUnsafe(size === null ? CHUNK_BYTES : Math.min(size + 1, CHUNK_BYTES));
    this.#source = source;
    this.#size = size;
    this.#replay = size === null ? [] : null;
  }

  static async open(path: string): Promise<FileBytes> {
    let descriptor: number | null = null;
    try {
      // To open a FIFO is to wait for its writer, which another thread has to do.
      descriptor = statSync(path).isFile() ? openSync(path, "r") : await promisify(open)(path, "r");
      const status = fstatSync(descriptor);
      if (status.isDirectory()) throw Object.assign(new Error("a directory"), { code: "EISDIR" });
      return new FileBytes(descriptor, path, status.isFile() ? status.size : null);
    } catch (error) {
      if (descriptor !== null) closeSync(descriptor);
      throw cannotRead(path, error);
    }
  }

  /** Whether `rewind` is possible. */
  get rewindable(): boolean {
    return this.#size !== null || this.#replay !== null;
  }

  rewind(): void {
    this.held = [...(this.#replay ?? [])];
    this.offset = 0;
  }

  forget(): void {
    this.#replay = null;
  }

  async close(): Promise<void> {
    closeSync(this.#descriptor);
  }

  protected async read(): Promise<Buffer | null> {
    let bytesRead: number;
    try {
      bytesRead = await this.#fill();
    } catch (error) {
      throw cannotRead(this.#source, error);
    }
    if (bytesRead === 0) return null;
    const chunk = this.#buffer.subarray(0, bytesRead);
    if (this.#replay === null) return chunk;
    this.#replayBytes += bytesRead;
    if (this.#replayBytes > LARGEST_PIPE)
      throw new SouthboundError(
        "ERR_SB_OPEN",
        this.#source,
        `more than ${LARGEST_PIPE} bytes from a pipe; write them into a file and give that`,
      );
    this.#replay.push(Buffer.from(chunk));
    return chunk;
  }

  #fill(): number | Promise<number> {
    const { length } = this.#buffer;
    const position = this.#size === null ? null : this.offset;
    if (this.#size !== null && this.#size <= SMALL_BYTES)
      return readSync(this.#descriptor, this.#buffer, 0, length, position);
    return new Promise((resolve, reject) => {
      read(this.#descriptor, this.#buffer, 0, length, position, (error, bytesRead) =>
        error ? reject(error) : resolve(bytesRead),
      );
    });
  }
}

function cannotRead(source: string, error: unknown): SouthboundError {
  return new SouthboundError("ERR_SB_OPEN", source, `cannot be read: ${fileReason(error, WORDS)}`, error);
}
