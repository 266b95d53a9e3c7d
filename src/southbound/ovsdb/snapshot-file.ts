import { randomUUID } from "node:crypto";
import { createWriteStream } from "node:fs";
import { chmod, open, realpath, rename, rm, stat } from "node:fs/promises";
import { Readable, type Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { fileReason } from "../../file-reason.js";
import { SouthboundError } from "./error.js";
import { type SnapshotFrame, snapshotText } from "./snapshot.js";
import type { Transaction } from "./transaction.js";

/**
 * Writes a snapshot into a file, or into a stream, which it ends. The same input makes the same bytes. A file
 * appears, or takes the place of the one before with that one's permissions, when it is complete: until then
 * it is written beside it, as `<name>.<uuid>.part`, which is left there only where the process is ended
 * meanwhile. Throws a {@link SouthboundError} (`ERR_SB_WRITE`) where it cannot be written; what a stream fails
 * with is thrown as it is.
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
    const { syscall, code } = error as NodeJS.ErrnoException;
    if (syscall === undefined && code !== "ERR_INVALID_ARG_VALUE") throw error;
    throw new SouthboundError(
      "ERR_SB_WRITE",
      target,
      `cannot be written: ${fileReason(error, WORDS)}`,
      error,
    );
  }
}

const WORDS = { ENOENT: "its directory does not exist" };

/** Permissions of a new file, before the umask; and those bits of a file's mode. */
const NEW_FILE = 0o666;
const ONLY_MINE = 0o600;
const PERMISSIONS = 0o777;

async function writeFile(text: Iterable<string>, target: string): Promise<number> {
  const status = await stat(target).catch(() => null);
  // A device or pipe has no content to be kept until the new one is complete.
  if (status !== null && !status.isFile()) return write(text, createWriteStream(target));
  const path = status === null ? target : await realpath(target);
  const beside = `${path}.${randomUUID()}.part`;
  try {
    const file = await open(beside, "wx", status === null ? NEW_FILE : ONLY_MINE);
    const bytes = await write(text, file.createWriteStream());
    if (status !== null) await chmod(beside, status.mode & PERMISSIONS);
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
