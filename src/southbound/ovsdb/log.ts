/*
 * The container of OVSDB database files (ovsdb(5), ovsdb(7)): records one after the other, each a line
 * "OVSDB <kind> <bytes> <SHA-1 of them>" and that many bytes of JSON.
 */
import { createHash, type Hash } from "node:crypto";
import type { ByteSource } from "./byte-source.js";
import { SouthboundError } from "./error.js";
import { JsonScanner, ScanError, type ScanHandler } from "./json-scan.js";
import type { SourceDamage } from "./report.js";

/** Longest line that ovsdb-server takes for a record's header. */
const LONGEST_HEADER = 128;
const HEADER = /^OVSDB ([A-Z]+) ([0-9]{1,15}) ([0-9a-fA-F]{40})\n$/;
const NEWLINE = 0x0a;
const EMPTY = Buffer.alloc(0);

/** What the records of a log are: a standalone database's, or those of a member of a cluster. */
export type LogKind = "JSON" | "CLUSTER";

/** A record that was read whole and whose checksum is right. */
export interface LogRecord {
  /** Byte offset of its header. */
  readonly offset: number;
}

/** Reads the records of a log in order, and stops at the first that is cut or damaged. */
export class LogReader {
  readonly #bytes: ByteSource;
  readonly #kind: LogKind;
  #chunk: Buffer = EMPTY;
  #position = 0;
  #ended = false;
  #damage: SourceDamage | null = null;

  constructor(bytes: ByteSource, kind: LogKind) {
    this.#bytes = bytes;
    this.#kind = kind;
  }

  /** What ended the log before its end, or null. */
  get damage(): SourceDamage | null {
    return this.#damage;
  }

  /**
   * Reads the next record, telling `handler` of its content. Returns null at the end and at damage: what the
   * handler was told of that record is then not to be trusted.
   */
  async next(handler: ScanHandler): Promise<LogRecord | null> {
    if (this.#damage !== null) return null;
    const offset = this.#offset;
    try {
      if (!(await this.#fill())) return null;
      const header = await this.#header();
      await this.#body(handler, +header[2], header[3].toLowerCase());
      return { offset };
    } catch (error) {
      if (!(error instanceof ScanError)) throw error;
      this.#damage = { offset, reason: this.#reason(error, offset), torn: this.#ended };
      return null;
    }
  }

  #reason(error: ScanError, record: number): string {
    const within = error.offset === record ? "" : ` (at byte ${error.offset})`;
    const whose = this.#bytes.unpacked ? "; bytes are counted in the unpacked data" : "";
    return error.message + within + whose;
  }

  get #offset(): number {
    return this.#bytes.offset - this.#chunk.length + this.#position;
  }

  /** Makes sure that there are bytes at `#position`; false at the end. */
  async #fill(): Promise<boolean> {
    if (this.#position < this.#chunk.length) return true;
    this.#chunk = (await this.#bytes.next()) ?? EMPTY;
    this.#position = 0;
    this.#ended = this.#chunk.length === 0;
    return !this.#ended;
  }

  async #header(): Promise<RegExpExecArray> {
    const offset = this.#offset;
    let line = "";
    for (;;) {
      if (!(await this.#fill())) throw new ScanError(offset, "the file ends within a record's header");
      const newline = this.#chunk.indexOf(NEWLINE, this.#position);
      const end = newline < 0 ? this.#chunk.length : newline + 1;
      line += this.#chunk.toString("latin1", this.#position, Math.min(end, this.#position + LONGEST_HEADER));
      this.#position = end;
      if (newline >= 0 || line.length >= LONGEST_HEADER) break;
    }
    const header = HEADER.exec(line);
    if (header === null || +header[2] === 0) throw new ScanError(offset, "no record header begins here");
    if (header[1] !== this.#kind)
      throw new ScanError(offset, `a record of kind ${header[1]} among those of kind ${this.#kind}`);
    return header;
  }

  async #body(handler: ScanHandler, bytes: number, checksum: string): Promise<void> {
    const start = this.#offset;
    const hash = createHash("sha1");
    const scanner = new JsonScanner(handler);
    let broken: ScanError | null = null;
    for (let left = bytes; left > 0; ) {
      if (!(await this.#fill()))
        throw new ScanError(
          start,
          `a record of ${bytes} bytes is cut after ${bytes - left}: damaged, or still being written`,
        );
      const end = Math.min(this.#chunk.length, this.#position + left);
      const part = this.#chunk.subarray(this.#position, end);
      hash.update(part);
      if (broken === null) broken = scan(scanner, part, this.#offset);
      left -= part.length;
      this.#position = end;
    }
    check(hash, checksum, start, bytes);
    if (broken !== null) throw broken;
    if (!scanner.complete || scanner.objects !== 1)
      throw new ScanError(start, "the record is not one JSON object");
  }
}

/** The error for a log whose first record cannot be read. */
export function unreadable(log: LogReader, source: string): SouthboundError {
  const { offset, reason } = log.damage ?? { offset: 0, reason: "there is no record" };
  return new SouthboundError(
    "ERR_SB_FORMAT",
    source,
    `byte ${offset}: ${reason}; not even the schema can be read, take another copy`,
  );
}

/** Feeds `part`; gives back what is wrong, since the checksum says better what happened. */
function scan(scanner: JsonScanner, part: Buffer, offset: number): ScanError | null {
  try {
    scanner.feed(part, offset);
    return null;
  } catch (error) {
    if (error instanceof ScanError) return error;
    throw error;
  }
}

function check(hash: Hash, checksum: string, start: number, bytes: number): void {
  const actual = hash.digest("hex");
  if (actual !== checksum)
    throw new ScanError(
      start,
      `${bytes} bytes have SHA-1 ${actual}, but their header says ${checksum}: damaged`,
    );
}
