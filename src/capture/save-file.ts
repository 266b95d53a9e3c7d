/* Files that packets are written to: how they begin, end and go. What the system refuses is thrown as it says it. */
import { type BigIntStats, constants, fstatSync, write } from "node:fs";
import { type FileHandle, lstat, open, stat, unlink } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { Patience } from "../patience.js";
import { systemCode } from "./error.js";

/** Something that is written from its beginning to its end. */
export interface SaveFile {
  /** The path as given, or `-`. */
  readonly path: string;
  /** Appends 1 to `length` of the bytes from `start` on and returns how many, once the system has them. */
  write(bytes: Uint8Array, start: number, length: number): Promise<number>;
  /** Takes back what is behind its first `length` bytes, where that is possible. */
  truncate(length: number): Promise<void>;
  /** Throws EPIPE where it is a pipe that nobody reads any more, which else a write alone would say. */
  checkReader?(): Promise<void>;
  close(): Promise<void>;
  /** Removes it, unless it has gone or its name stands for another file. */
  remove(): Promise<void>;
}

/** Where files begin. */
export interface SaveFiles {
  /**
   * Begins a file; a file that is there stays as it is and is refused with EEXIST. With `orDevice` the path
   * may name a device or a pipe; a pipe is waited for until somebody reads it, for as long as there is `patience`:
   * then it is refused with ERR_UNREAD, as are writes that it does not take.
   */
  create(path: string, orDevice: boolean, patience?: Patience): Promise<SaveFile>;
  /** Whether there is anything of this name. */
  exists(path: string): Promise<boolean>;
}

const { O_WRONLY, O_CREAT, O_EXCL, O_NONBLOCK } = constants;
/** Permissions of a new file, before the umask. */
const NEW_FILE = 0o666;
/** Milliseconds until a pipe that takes nothing is tried again, and one that nobody has opened to read. */
const PAUSE = 1;
const LONG_PAUSE = 50;

/** Files by their paths; `-` is standard output. */
export const diskFiles: SaveFiles = {
  async create(path, orDevice, patience = new Patience()) {
    if (path === "-") return new DescriptorFile(path, 1, patience);
    try {
      const handle = await open(path, O_WRONLY | O_CREAT | O_EXCL, NEW_FILE);
      return new NewFile(path, handle, await handle.stat({ bigint: true }));
    } catch (error) {
      if (!orDevice || systemCode(error) !== "EEXIST") throw error;
      return await device(path, patience, error);
    }
  },

  async exists(path) {
    try {
      await lstat(path);
      return true;
    } catch {
      // Whoever begins a file there says what is wrong.
      return false;
    }
  },
};

/** What is there under this name, if it has no content that could be lost; else throws `refusal`. */
async function device(path: string, patience: Patience, refusal: unknown): Promise<SaveFile> {
  const isFile = await stat(path).then(
    (status) => status.isFile(),
    () => true,
  );
  if (isFile) throw refusal;
  const handle = await openRead(path, patience);
  // It may have become another one since.
  if (!(await handle.stat()).isFile()) return new DescriptorFile(path, handle.fd, patience, handle);
  await handle.close();
  throw refusal;
}

/** Opens what is there, a pipe once somebody reads it. Nothing blocks: a thread that waits could not be ended. */
async function openRead(path: string, patience: Patience): Promise<FileHandle> {
  for (const since = performance.now(); ; ) {
    try {
      return await open(path, O_WRONLY | O_NONBLOCK);
    } catch (error) {
      if (systemCode(error) !== "ENXIO" || !(await stat(path)).isFIFO()) throw error;
    }
    if (patience.isOver(since)) throw unread();
    await sleep(LONG_PAUSE);
  }
}

function unread(): Error {
  return Object.assign(new Error("nobody reads it"), { code: "ERR_UNREAD" });
}

/** A file that was begun here. */
class NewFile implements SaveFile {
  readonly path: string;
  readonly #handle: FileHandle;
  /** Which file it is. */
  readonly #identity: BigIntStats;

  constructor(path: string, handle: FileHandle, identity: BigIntStats) {
    this.path = path;
    this.#handle = handle;
    this.#identity = identity;
  }

  async write(bytes: Uint8Array, start: number, length: number): Promise<number> {
    return (await this.#handle.write(bytes, start, length, null)).bytesWritten;
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  async truncate(length: number): Promise<void> {
    await this.#handle.truncate(length);
  }

  async remove(): Promise<void> {
    const { path } = this;
    const { dev, ino, birthtimeNs } = this.#identity;
    try {
      const there = await lstat(path, { bigint: true });
      // A number of a file that has gone is given to another one; when that was made tells them apart.
      if (there.dev === dev && there.ino === ino && there.birthtimeNs === birthtimeNs) await unlink(path);
    } catch (error) {
      if (systemCode(error) !== "ENOENT") throw error;
    }
  }
}

/** A device or pipe that was there: what it has taken cannot be taken back, and it is not ours to remove. */
class DescriptorFile implements SaveFile {
  readonly path: string;
  readonly #fd: number;
  readonly #patience: Patience;
  readonly #handle: FileHandle | null;

  /** `handle`: whose descriptor it is; none where others have opened it, and go on using it. */
  constructor(path: string, fd: number, patience: Patience, handle: FileHandle | null = null) {
    this.path = path;
    this.#fd = fd;
    this.#patience = patience;
    this.#handle = handle;
  }

  async write(bytes: Uint8Array, start: number, length: number): Promise<number> {
    for (const since = performance.now(); ; ) {
      const taken = await this.#writeOnce(bytes, start, length);
      if (taken > 0) return taken;
      if (this.#patience.isOver(since)) throw unread();
      await sleep(PAUSE);
    }
  }

  /** Bytes taken, 0 where the descriptor does not block and takes none. */
  #writeOnce(bytes: Uint8Array, start: number, length: number): Promise<number> {
    return new Promise((resolve, reject) => {
      write(this.#fd, bytes, start, length, null, (error, taken) => {
        if (!error) resolve(taken);
        else if (systemCode(error) === "EAGAIN") resolve(0);
        else reject(error);
      });
    });
  }

  async checkReader(): Promise<void> {
    if (!fstatSync(this.#fd).isFIFO()) return;
    try {
      await (await open(`/proc/self/fd/${this.#fd}`, O_WRONLY | O_NONBLOCK)).close();
    } catch (error) {
      // Where there are no such names it stays unknown.
      if (systemCode(error) === "ENXIO")
        throw Object.assign(new Error("its reader has gone"), { code: "EPIPE" });
    }
  }

  async close(): Promise<void> {
    await this.#handle?.close();
  }

  async truncate(): Promise<void> {}
  async remove(): Promise<void> {}
}
