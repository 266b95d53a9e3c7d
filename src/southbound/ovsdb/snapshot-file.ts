import { Readable, type Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { fileReason } from "../../file-reason.js";
import { WRITE_WORDS, writeWhole } from "../../whole-file.js";
import { SouthboundError } from "./error.js";
import { type SnapshotFrame, snapshotText } from "./snapshot.js";
import type { Transaction } from "./transaction.js";

/**
 * Writes a snapshot into a file (see {@link writeWhole}), or into a stream, which it ends. The same input makes the
 * same bytes. Throws a {@link SouthboundError} (`ERR_SB_WRITE`) where a file cannot be written; what a stream fails
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
    return { bytes: await writeWhole(target, (stream) => write(text, stream)) };
  } catch (error) {
    const { syscall, code } = error as NodeJS.ErrnoException;
    if (syscall === undefined && code !== "ERR_INVALID_ARG_VALUE") throw error;
    throw new SouthboundError(
      "ERR_SB_WRITE",
      target,
      `cannot be written: ${fileReason(error, WRITE_WORDS)}`,
      error,
    );
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
