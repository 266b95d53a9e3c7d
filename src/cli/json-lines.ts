import { createReadStream } from "node:fs";
import { fileReason } from "../file-reason.js";
import { shown } from "../text.js";
import { CliError } from "./fault.js";

/** Bytes of the longest line that is read. */
const LONGEST_LINE = 16 * 1024 * 1024;
/** Bytes that are asked for at once. */
const READ_BYTES = 256 * 1024;
const LINE_END = 0x0a;

/** A line that is not blank. */
export interface NumberedLine {
  /** From 1, blank lines counted. */
  number: number;
  text: string;
}

/** The lines of a file, `-` for standard input, together as they come; those of one group are never many. */
export async function* lineGroups(file: string): AsyncGenerator<NumberedLine[]> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let number = 0;
  /** Pieces of the line that has not ended yet. */
  let pieces: Buffer[] = [];
  let length = 0;
  const fault = (message: string): CliError => new CliError(`${shown(file)}: line ${number + 1}: ${message}`);
  const finish = (): NumberedLine => {
    try {
      const text = decoder.decode(pieces.length === 1 ? pieces[0] : Buffer.concat(pieces));
      pieces = [];
      length = 0;
      return { number: ++number, text };
    } catch {
      throw fault("is not UTF-8");
    }
  };
  const keep = (piece: Buffer): void => {
    pieces.push(piece);
    length += piece.length;
    if (length > LONGEST_LINE) throw fault(`is longer than ${LONGEST_LINE} bytes`);
  };

  for await (const chunk of chunks(file)) {
    const group: NumberedLine[] = [];
    let failure: unknown = null;
    let start = 0;
    try {
      for (let end = chunk.indexOf(LINE_END); end >= 0; end = chunk.indexOf(LINE_END, start)) {
        keep(chunk.subarray(start, end));
        group.push(finish());
        start = end + 1;
      }
      if (start < chunk.length) keep(chunk.subarray(start));
    } catch (error) {
      // What is before it counts.
      failure = error;
    }
    yield group.filter(({ text }) => text.trim() !== "");
    if (failure !== null) throw failure;
  }
  if (length === 0) return;
  const last = finish();
  if (last.text.trim() !== "") yield [last];
}

async function* chunks(file: string): AsyncGenerator<Buffer> {
  const stream = file === "-" ? process.stdin : createReadStream(file, { highWaterMark: READ_BYTES });
  try {
    yield* stream as AsyncIterable<Buffer>;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    throw new CliError(
      `${shown(file)}: cannot be read: ${fileReason(error, { ENOENT: "there is no such file" })}`,
    );
  }
}
