import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { SouthboundError } from "./error.js";
import { ScanError } from "./json-scan.js";

const CHUNK_BYTES = 1 << 20;
/** What is needed to tell what a file is. */
const HEAD_BYTES = 4096;
/** A pipe cannot be read twice, so what may have to be is kept, up to this. */
const LARGEST_PIPE = 2 ** 31;

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
  /** Starts over. `forgetting` says that this is the last time. */
  rewind(forgetting?: boolean): void;
  /** Whatever was read so far will not be needed again. */
  forget(): void;
  close(): Promise<void>;
}

/** The bytes of a file or pipe. Throws `ERR_SB_OPEN` where it cannot be read. */
export class FileBytes implements ByteSource {
  readonly unpacked = false;
  readonly #file: FileHandle;
  readonly #source: string;
  readonly #seekable: boolean;
  readonly #buffer: Buffer;
  /** Read already, to be delivered first. */
  #held: Buffer[] = [];
  /** Everything read so far from something that cannot be read twice. */
  #replay: Buffer[] | null;
  #replayBytes = 0;
  offset = 0;

  private constructor(file: FileHandle, source: string, seekable: boolean, chunkBytes: number) {
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
      if (status.isDirectory()) throw new Error("it is a directory");
      const chunkBytes = status.isFile() ? Math.min(status.size + 1, CHUNK_BYTES) : CHUNK_BYTES;
      return new FileBytes(file, path, status.isFile(), chunkBytes);
    } catch (error) {
      await file?.close();
      throw cannotRead(path, error);
    }
  }

  async head(): Promise<Buffer> {
    this.#held = await readHead(this);
    for (const { length } of this.#held) this.offset -= length;
    return headOf(this.#held);
  }

  async next(): Promise<Buffer | null> {
    const chunk = this.#held.shift() ?? (await this.#read());
    if (chunk !== null) this.offset += chunk.length;
    return chunk;
  }

  /** Whether `rewind` is possible. */
  get rewindable(): boolean {
    return this.#seekable || this.#replay !== null;
  }

  rewind(forgetting = false): void {
    this.#held = this.#replay === null ? [] : [...this.#replay];
    this.offset = 0;
    if (forgetting) this.#replay = null;
  }

  forget(): void {
    this.#replay = null;
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  async #read(): Promise<Buffer | null> {
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

/** Copies of the first chunks of `bytes`: what is needed to tell what they are, where there is as much. */
export async function readHead(bytes: ByteSource): Promise<Buffer[]> {
  const pieces: Buffer[] = [];
  let length = 0;
  while (length < HEAD_BYTES) {
    const chunk = await bytes.next().catch((error) => {
      if (length > 0 && error instanceof ScanError) return null;
      throw error;
    });
    if (chunk === null) break;
    pieces.push(Buffer.from(chunk));
    length += chunk.length;
  }
  return pieces;
}

/** The bytes that `head` answers with. */
export function headOf(pieces: readonly Buffer[]): Buffer {
  return Buffer.concat(pieces).subarray(0, HEAD_BYTES);
}

function cannotRead(source: string, error: unknown): SouthboundError {
  const code = (error as NodeJS.ErrnoException).code;
  const reasons: Record<string, string> = {
    ENOENT: "there is no such file",
    EACCES: "permission denied; the database belongs to ovn-central, try a backup of it or sudo",
  };
  const reason = reasons[code ?? ""] ?? (error instanceof Error ? error.message : String(error));
  return new SouthboundError("ERR_SB_OPEN", source, `cannot be read: ${reason}`, error);
}
