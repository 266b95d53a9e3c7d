import { randomUUID } from "node:crypto";
import { createWriteStream } from "node:fs";
import { realpath, rename, rm, stat } from "node:fs/promises";
import { Readable, type Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { SouthboundError } from "./error.js";
import { type SnapshotFrame, snapshotText } from "./snapshot.js";
import type { Transaction } from "./transaction.js";

/**
 * Writes a snapshot into a file, or into a stream, which it ends. The same input makes the same bytes. A file
 * appears, or takes the place of the one before, when it is complete. Throws a {@link SouthboundError}
 * (`ERR_SB_WRITE`) where it cannot be written, and nothing is left behind; what a stream fails with is thrown
 * as it is.
 */
export async function writeSnapshot(
  transactions: Iterable<Transaction>,
  frame: SnapshotFrame,
  target: string | Writable,
): Promise<{ bytes: number }> {
  const text = snapshotText(transactions, frame);
  if (typeof target !== "string") return { bytes: await write(text, target) };
  try {
    return { bytes: await writeFile(text, target) };
  } catch (error) {
    const { syscall, message } = error as NodeJS.ErrnoException;
    if (syscall === undefined) throw error;
    throw new SouthboundError("ERR_SB_WRITE", target, `cannot be written: ${message}`, error);
  }
}

async function writeFile(text: Iterable<string>, target: string): Promise<number> {
  const status = await stat(target).catch(() => null);
  // A device or pipe has no content to be kept until the new one is complete.
  if (status !== null && !status.isFile()) return write(text, createWriteStream(target));
  const path = status === null ? target : await realpath(target);
  const beside = `${path}.${randomUUID()}.part`;
  try {
    const bytes = await write(text, createWriteStream(beside, { flags: "wx" }));
    await rename(beside, path);
    return bytes;
  } catch (error) {
    await rm(beside, { force: true });
    throw error;
  }
}

/** Returns how many bytes were written. */
async function write(text: Iterable<string>, target: Writable): Promise<number> {
  let bytes = 0;
  const count = async function* (chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of chunks) {
      bytes += chunk.length;
      yield chunk;
    }
  };
  // zlib writes neither a time nor a name into the header.
  await pipeline(Readable.from(text), createGzip(), count, target);
  return bytes;
}
