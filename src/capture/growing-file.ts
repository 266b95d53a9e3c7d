import { fileReason } from "../file-reason.js";
import type { CaptureInterface, PacketBatch } from "./batch.js";
import { CaptureError } from "./error.js";
import type { RecordBuffer } from "./record-buffer.js";
import type { SaveFile } from "./save-file.js";
import type { AddressName, Bounds, InterfaceCounts, SaveFormat } from "./save-format.js";

/** Bytes of the longest description of an interface. */
const DESCRIPTION_BYTES = 1024;

/** What systems say of files that are written, where it is not what they say of others. */
const WORDS = {
  ENOENT: "its directory does not exist",
  EEXIST: "it exists, and what exists is not written over",
  ERR_UNREAD: "nobody reads it",
};

/** Why a file cannot be written. */
export function writeFailure(path: string, cause: unknown): CaptureError {
  const reason = `cannot be written: ${fileReason(cause, WORDS)}`;
  return new CaptureError("ERR_CAPTURE_WRITE", path, reason, null, cause);
}

/** One file of a capture while it grows. What the system has of it is its beginning and whole records. */
export class GrowingFile {
  /** Packets in it, those in the buffer included. */
  packets = 0;
  /** Whether it is one to keep, however it ends: for its owner to say. */
  isBegun = false;
  /** Interfaces that are described in it. */
  described = 0;
  readonly file: SaveFile;
  readonly #format: SaveFormat;
  readonly #interfaces: readonly CaptureInterface[];
  readonly #out: RecordBuffer;
  /** Bytes that the system has. */
  #bytes = 0;

  /** `out`: taken over empty. */
  constructor(
    file: SaveFile,
    format: SaveFormat,
    interfaces: readonly CaptureInterface[],
    out: RecordBuffer,
  ) {
    this.file = file;
    this.#format = format;
    this.#interfaces = interfaces;
    this.#out = out;
  }

  /** Bytes it has, those in the buffer included. */
  get bytes(): number {
    return this.#bytes + this.#out.at;
  }

  async begin(): Promise<void> {
    this.#format.begin(this.#out);
    await this.describe();
    await this.flush();
  }

  /** Describes the interfaces that are not described in it. */
  async describe(): Promise<void> {
    for (; this.described < this.#interfaces.length; this.described++) {
      await this.#reserve(DESCRIPTION_BYTES);
      const reason = this.#format.describe(this.#out, this.#interfaces[this.described]);
      if (reason !== null) throw new CaptureError("ERR_CAPTURE_UNFIT", this.file.path, reason);
    }
  }

  async name(known: AddressName): Promise<void> {
    await this.#reserve(this.#format.nameBytes);
    this.#format.names(this.#out, known);
  }

  /** Takes packets as far as bounds and buffer have room, and returns the first row that was not taken. */
  take(batch: PacketBatch, rows: Int32Array, from: number, to: number, bounds: Bounds): number {
    const next = this.#format.packets(this.#out, batch, rows, from, to, bounds);
    this.packets += next - from;
    return next;
  }

  /** Adds what the interfaces have counted until now. */
  async count(all: readonly InterfaceCounts[]): Promise<void> {
    const milliseconds = Date.now();
    for (let index = 0; index < all.length; index++) {
      await this.#reserve(this.#format.countsBytes);
      this.#format.counts(this.#out, index, all[index], milliseconds);
    }
  }

  async #reserve(bytes: number): Promise<void> {
    if (this.#out.at + bytes > this.#out.end) await this.flush();
  }

  /** Hands the buffer to the system, or sees whether a pipe is still read where it is empty. Of a record that it takes a part of nothing stays. */
  async flush(): Promise<void> {
    const { file } = this;
    const out = this.#out;
    const length = out.at;
    out.at = 0;
    let done = 0;
    try {
      if (length === 0) await file.checkReader?.();
      while (done < length) done += await file.write(out.bytes, done, length - done);
    } catch (error) {
      const whole = this.#format.wholeBytes(out, done);
      if (whole < done) await file.truncate(this.#bytes + whole).catch(() => {});
      throw writeFailure(file.path, error);
    }
    this.#bytes += length;
  }

  async close(): Promise<void> {
    try {
      await this.file.close();
    } catch (error) {
      throw writeFailure(this.file.path, error);
    }
  }
}
