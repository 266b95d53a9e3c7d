import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { SouthboundError } from "./error.js";
import { fileReason } from "./file-error.js";
import { ScanError } from "./json-scan.js";

const CHUNK_BYTES = 1 << 20;
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
      const chunk = await this.next().catch((error) => {
        if (length > 0 && error instanceof ScanError) return null;
        throw error;
      });
      if (chunk === null) break;
      pieces.push(Buffer.from(chunk));
      length += chunk.length;
    }
    this.held = pieces;
    this.offset = 0;
    return Buffer.concat(pieces).subarray(0, HEAD_BYTES);
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
  readonly #file: FileHandle;
  readonly #source: string;
  readonly #seekable: boolean;
  readonly #buffer: Buffer;
  /** Everything read so far from something that cannot be read twice. */
  #replay: Buffer[] | null;
  #replayBytes = 0;

  private constructor(file: FileHandle, source: string, seekable: boolean, chunkBytes: number) {
    super();
    this.#file = file;
    this.#buffer = Buffer.allocUnsafe(chunkBytes);
    this.#source = source;
    this.#seekable = seekable;
    this.#replay = seekable ? null : [];
  }

  static async open(path: string): Promise<FileBytes> {
    let file: FileHandle | null = null;
    try {
      file = await open(path, constants.O_RDONLY);
      const status = await file.stat();
      if (status.isDirectory()) throw Object.assign(new Error("a directory"), { code: "EISDIR" });
      const chunkBytes = status.isFile() ? Math.min(status.size + 1, CHUNK_BYTES) : CHUNK_BYTES;
      return new FileBytes(file, path, status.isFile(), chunkBytes);
    } catch (error) {
      await file?.close();
      throw cannotRead(path, error);
    }
  }

  /** Whether `rewind` is possible. */
  get rewindable(): boolean {
    return this.#seekable || this.#replay !== null;
  }

  rewind(): void {
    this.held = [...(this.#replay ?? [])];
    this.offset = 0;
  }

  forget(): void {
    this.#replay = null;
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  protected async read(): Promise<Buffer | null> {
    let bytesRead: number;
    try {
      ({ bytesRead } = await this.#file.read(
        this.#buffer,
        0,
        this.#buffer.length,
        this.#seekable ? this.offset : null,
      ));
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
}

function cannotRead(source: string, error: unknown): SouthboundError {
  return new SouthboundError("ERR_SB_OPEN", source, `cannot be read: ${fileReason(error, WORDS)}`, error);
}
