/*
 * Bytes from files, pipes and streams, pulled by the reader: nothing is read before it is asked for, so
 * memory and back-pressure are the reader's alone.
 */

import { close, fstat, open, read, readSync, type Stats } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { shown } from "../text.js";
import { CaptureError, systemCode } from "./error.js";

/** Bytes in order, once. */
export interface ByteSource {
  /** Name for messages: the path as given, or `-`. */
  readonly name: string;
  /** Bytes taken so far from the file or pipe at the very bottom, before any decompression. */
  readonly position: number;
  /** Size in bytes of that file where known, else null. */
  readonly size: number | null;
  /** Bytes this source will deliver in all where that is known beforehand, else null. */
  readonly total: number | null;
  /**
   * Puts between 1 and `length` bytes into `into` from `start` on and returns how many; 0 is the end.
   * A short count means "no more for now": what is there is delivered without waiting for the rest.
   * Regular files answer at once with a number, everything else with a promise.
   * Throws a {@link CaptureError}. Only one call may be under way.
   */
  read(into: Uint8Array, start: number, length: number): number | Promise<number>;
  /**
   * As `read`, on the thread pool, for large regular files: the system copies one block while the one before
   * it is taken apart. Null where that does not pay.
   */
  readonly readAhead: ((into: Uint8Array, start: number, length: number) => Promise<number>) | null;
  /** A second source over the same bytes from the first one on, where they can be read again, else null. */
  again(): ByteSource | null;
  /** Closing twice does no harm. */
  close(): Promise<void>;
}

/** A part of a file, offsets in bytes: it is read as if it were what lies before `prelude` and `start` to `end`. */
export interface FilePart {
  readonly prelude: number;
  /** Interfaces that are described there. */
  readonly interfaces: number;
  readonly start: number;
  readonly end: number;
}

/** A failed read as the error to report. */
export function readFailure(name: string, position: number, cause: unknown): CaptureError {
  if (cause instanceof CaptureError) return cause;
  const code = systemCode(cause);
  const what = code || (cause instanceof Error ? shown(cause.message) : "unknown error");
  return new CaptureError(
    "ERR_CAPTURE_READ",
    name,
    code === "EISDIR"
      ? "is a directory; name a capture file in it"
      : `reading failed after byte ${position} (${what}); check the disk, or copy the file and read the copy`,
    position,
    cause,
  );
}

/** Files from this size on are read ahead: below, the thread pool's round trips cost more than they hide. */
const READ_AHEAD_BYTES = 16 * 1024 * 1024;

/**
 * A regular file, read synchronously: out of the page cache that takes less than a round trip to the
 * thread pool, unless there is work to do meanwhile (`readAhead`).
 */
class FileSource implements ByteSource {
  readonly name: string;
  readonly size: number;
  readonly total: number | null;
  position = 0;
  readonly #fd: number;
  /** Files opened here are read by position and can be read again; a descriptor given keeps its own position. */
  readonly #owned: boolean;
  readonly #part: FilePart | null;
  #closed = false;

  /** `part`: of a file that is owned. */
  constructor(name: string, fd: number, size: number, owned: boolean, part: FilePart | null = null) {
    this.name = name;
    this.#fd = fd;
    this.size = size;
    this.#part = part;
    this.total = owned && part === null ? size : null;
    this.#owned = owned;
  }

  get readAhead(): ByteSource["readAhead"] {
    return this.#owned && this.#part === null && this.size >= READ_AHEAD_BYTES ? this.#readOnPool : null;
  }

  readonly #readOnPool = (into: Uint8Array, start: number, length: number): Promise<number> =>
    new Promise((resolve, reject) => {
      read(this.#fd, into, start, length, this.position, (error, got) => {
        if (error) return reject(readFailure(this.name, this.position, error));
        this.position += got;
        resolve(got);
      });
    });

  read(into: Uint8Array, start: number, length: number): number {
    const most = this.#part === null ? length : Math.min(length, this.#leftOf(this.#part));
    try {
      const got = readSync(this.#fd, into, start, most, this.#owned ? this.position : null);
      this.position += got;
      return got;
    } catch (error) {
      throw readFailure(this.name, this.position, error);
    }
  }

  /** Bytes of the part that lie in one piece from the position on, which is set behind the prelude's end. */
  #leftOf({ prelude, start, end }: FilePart): number {
    if (this.position < prelude) return prelude - this.position;
    if (this.position < start) this.position = start;
    return end - this.position;
  }

  again(): ByteSource | null {
    return this.#owned ? new Borrowed(new FileSource(this.name, this.#fd, this.size, true)) : null;
  }

  async close(): Promise<void> {
    const closed = this.#closed;
    this.#closed = true;
    if (this.#owned && !closed) await closeDescriptor(this.#fd);
  }
}

/** A second reader of somebody else's descriptor: closing it leaves the descriptor open. */
class Borrowed implements ByteSource {
  readonly #source: ByteSource;
  constructor(source: ByteSource) {
    this.#source = source;
  }
  get name(): string {
    return this.#source.name;
  }
  get position(): number {
    return this.#source.position;
  }
  get size(): number | null {
    return this.#source.size;
  }
  get total(): number | null {
    return this.#source.total;
  }
  get readAhead(): ByteSource["readAhead"] {
    return this.#source.readAhead;
  }
  read(into: Uint8Array, start: number, length: number): number | Promise<number> {
    return this.#source.read(into, start, length);
  }
  again(): ByteSource | null {
    return null;
  }
  async close(): Promise<void> {}
}

/** Longest pause in milliseconds between two tries of a non-blocking descriptor that has nothing yet. */
const LONGEST_PAUSE = 20;

/** A pipe, socket, terminal or device, read on the thread pool; a read waits for the first byte only. */
class DescriptorSource implements ByteSource {
  readonly name: string;
  readonly size = null;
  readonly total = null;
  readonly readAhead = null;
  position = 0;
  readonly #fd: number;
  readonly #owned: boolean;
  #closed = false;

  constructor(name: string, fd: number, owned: boolean) {
    this.name = name;
    this.#fd = fd;
    this.#owned = owned;
  }

  async read(into: Uint8Array, start: number, length: number): Promise<number> {
    for (let pause = 1; !this.#closed; pause = Math.min(LONGEST_PAUSE, pause * 2)) {
      const got = await this.#readOnce(into, start, length);
      if (got >= 0) {
        this.position += got;
        return got;
      }
      await sleep(pause);
    }
    return 0;
  }

  /** Bytes read, or -1 where the descriptor does not block and has none. */
  #readOnce(into: Uint8Array, start: number, length: number): Promise<number> {
    return new Promise((resolve, reject) => {
      read(this.#fd, into, start, length, null, (error, got) => {
        if (!error) return resolve(got);
        const code = systemCode(error);
        if (code === "EAGAIN" || code === "EWOULDBLOCK" || code === "EINTR") return resolve(-1);
        // Windows reports the end of a pipe as an error.
        if (code === "EOF") return resolve(0);
        reject(readFailure(this.name, this.position, error));
      });
    });
  }

  again(): null {
    return null;
  }

  async close(): Promise<void> {
    const closed = this.#closed;
    this.#closed = true;
    if (this.#owned && !closed) await closeDescriptor(this.#fd);
  }
}

/** Chunks of a Node stream or of any async iterable; one chunk is held until it is used up. */
class IterableSource implements ByteSource {
  readonly name: string;
  readonly size = null;
  readonly total = null;
  readonly readAhead = null;
  position = 0;
  readonly #iterator: AsyncIterator<Uint8Array>;
  #chunk: Uint8Array = new Uint8Array(0);
  #used = 0;

  constructor(name: string, chunks: AsyncIterable<Uint8Array>) {
    this.name = name;
    this.#iterator = chunks[Symbol.asyncIterator]();
  }

  async read(into: Uint8Array, start: number, length: number): Promise<number> {
    while (this.#used === this.#chunk.length) {
      const step = await this.#step();
      if (step.done) return 0;
      if (!(step.value instanceof Uint8Array))
        throw new CaptureError(
          "ERR_CAPTURE_READ",
          this.name,
          `the stream delivers ${typeof step.value}, not bytes, after byte ${this.position}; open it without an encoding`,
          this.position,
        );
      this.#chunk = step.value;
      this.#used = 0;
    }
    const got = Math.min(length, this.#chunk.length - this.#used);
    into.set(this.#chunk.subarray(this.#used, this.#used + got), start);
    this.#used += got;
    this.position += got;
    return got;
  }

  async #step(): Promise<IteratorResult<Uint8Array>> {
    try {
      return await this.#iterator.next();
    } catch (error) {
      throw readFailure(this.name, this.position, error);
    }
  }

  again(): null {
    return null;
  }

  async close(): Promise<void> {
    await this.#iterator.return?.();
  }
}

/**
 * Opens bytes by name (`-` is standard input), by descriptor (left open by `close`) or from a Node
 * stream or async iterable of chunks (destroyed by `close`). `part`: of a named file. Throws a {@link CaptureError}.
 */
export async function openBytes(
  input: string | number | AsyncIterable<Uint8Array>,
  name: string,
  part: FilePart | null = null,
): Promise<ByteSource> {
  if (typeof input === "object") return new IterableSource(name, input);
  const owned = typeof input === "string" && input !== "-";
  const fd = owned ? await openDescriptor(input, name) : input === "-" ? 0 : Number(input);
  try {
    const stats = await statDescriptor(fd);
    if (stats.isDirectory())
      throw new CaptureError("ERR_CAPTURE_OPEN", name, "is a directory; name a capture file in it");
    // Files of /proc and the like have a size of 0 and content all the same: read them like a pipe.
    if (stats.isFile() && stats.size > 0)
      return new FileSource(name, fd, stats.size, owned, owned ? part : null);
    return new DescriptorSource(name, fd, owned);
  } catch (error) {
    if (owned) await closeDescriptor(fd);
    if (error instanceof CaptureError) throw error;
    throw openFailure(name, error);
  }
}

/** A failed open as the error to report, with what to do about it. */
function openFailure(name: string, cause: unknown): CaptureError {
  const code = systemCode(cause);
  const advice: Record<string, string> = {
    ENOENT: "no such file; check the path",
    ENOTDIR: "no such file, a part of the path is no directory; check the path",
    EACCES: "permission denied; run as a user who may read it, or change its mode",
    EPERM: "permission denied; run as a user who may read it",
    EMFILE: "too many open files; open fewer captures at once or raise `ulimit -n`",
    ELOOP: "too many symbolic links; check the path",
    EBADF: "no open file behind this descriptor; check the redirection",
    ENAMETOOLONG: "the name is too long for the file system; check the path",
  };
  const reason =
    advice[code] ??
    `cannot be opened (${code || shown(cause instanceof Error ? cause.message : String(cause))}); check the path`;
  return new CaptureError("ERR_CAPTURE_OPEN", name, reason, null, cause);
}

/** Opening a FIFO waits for its writer, so it happens on the thread pool. */
function openDescriptor(path: string, name: string): Promise<number> {
  return new Promise((resolve, reject) => {
    try {
      open(path, "r", (error, fd) => (error ? reject(openFailure(name, error)) : resolve(fd)));
    } catch (error) {
      // A name with a NUL byte is refused before the system sees it.
      reject(openFailure(name, error));
    }
  });
}

function statDescriptor(fd: number): Promise<Stats> {
  return new Promise((resolve, reject) => {
    fstat(fd, (error, stats) => (error ? reject(error) : resolve(stats)));
  });
}

function closeDescriptor(fd: number): Promise<void> {
  return new Promise((resolve) => {
    close(fd, () => resolve());
  });
}
