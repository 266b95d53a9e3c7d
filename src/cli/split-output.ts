import { statSync } from "node:fs";
import { join, parse } from "node:path";
import type { AddressName, CaptureWriter, PacketBatch } from "../capture/index.js";
import type { FrameBatch } from "../frame/columns.js";
import { grouped } from "../output/table.js";
import { shown } from "../text.js";
import type { WrittenFormat } from "./convert-options.js";
import { CliError } from "./fault.js";
import type { PacketGroups } from "./packet-groups.js";
import { type PacketOutput, packetCount } from "./packet-output.js";

/** Files at most, the one for all that come then included: each is open, and has some memory. */
export const MOST_FILES = 512;
/** Bytes of a file that wait to be written, and those of a record around its packet, more or less. */
const WAITING_BYTES = 64 * 1024;
const RECORD_BYTES = 128;
/** Characters of a group's name that are kept in that of its file. */
const NAME_LENGTH = 40;

interface Part {
  readonly writer: CaptureWriter;
  /** Its packets of the batch at hand. */
  rows: Int32Array;
  count: number;
  /** Bytes that wait to be written. */
  waiting: number;
}

/** A file for each group of packets. */
export class SplitOutput implements PacketOutput {
  readonly #nameOf: (group: string) => string;
  readonly #groups: PacketGroups;
  readonly #create: (path: string) => Promise<CaptureWriter>;
  /** By the index of the group. */
  readonly #parts: Part[] = [];
  /** File names that are taken, in lower case: some systems do not tell cases apart. */
  readonly #taken = new Set<string>();
  readonly #known: AddressName[] = [];

  /** `path`: a directory, or a file's name into which those of the groups are put. */
  constructor(
    path: string,
    format: WrittenFormat,
    groups: PacketGroups,
    create: (path: string) => Promise<CaptureWriter>,
  ) {
    if (path === "-") throw new CliError("--split writes several files, and standard output is one");
    this.#groups = groups;
    this.#create = create;
    const { dir, name, ext } = parse(path);
    this.#nameOf = isDirectory(path)
      ? (group) => join(path, `${group}.${format}`)
      : (group) => join(dir, `${name}-${group}${ext}`);
  }

  async write(packets: PacketBatch, frames: FrameBatch, rows: Int32Array, count: number): Promise<void> {
    const touched: Part[] = [];
    for (let row = 0; row < count; row++) {
      const i = rows[row];
      const index = this.#groups.of(packets, frames, i);
      const part = this.#parts[index] ?? (await this.#begin(index));
      if (part.count === 0) touched.push(part);
      if (part.count === part.rows.length) part.rows = grown(part.rows);
      part.rows[part.count++] = i;
      part.waiting += packets.capturedBytes[i] + RECORD_BYTES;
    }
    for (const part of touched) {
      await part.writer.write(packets, part.rows, part.count);
      part.count = 0;
      if (part.waiting < WAITING_BYTES) continue;
      await part.writer.flush();
      part.waiting = 0;
    }
  }

  async nameAddress(known: AddressName): Promise<void> {
    this.#known.push(known);
    for (const { writer } of this.#parts) await writer.nameAddress(known);
  }

  async close(): Promise<void> {
    for (const { writer } of this.#parts) await writer.close();
  }

  summary(): string {
    const packets = this.#parts.reduce((sum, { writer }) => sum + writer.packets, 0);
    const files = this.#parts.length === 1 ? "1 file" : `${grouped(this.#parts.length)} files`;
    return `${packetCount(packets)} written to ${files}, ${shown(this.#nameOf("*"))}`;
  }

  /** Begins the file of a group; groups come to be known one by one. */
  async #begin(index: number): Promise<Part> {
    const writer = await this.#create(this.#nameOf(this.#free(fileName(this.#groups.groups[index].name))));
    for (const known of this.#known) await writer.nameAddress(known);
    const part = { writer, rows: new Int32Array(64), count: 0, waiting: 0 };
    this.#parts[index] = part;
    return part;
  }

  /** The name, or, where another group has it, one like it. */
  #free(name: string): string {
    let free = name;
    for (let n = 2; this.#taken.has(free.toLowerCase()); n++) free = `${name}-${n}`;
    this.#taken.add(free.toLowerCase());
    return free;
  }
}

/** A name that any system takes for a file: letters, digits, dots, dashes and underscores. */
export function fileName(name: string): string {
  const safe = name.replace(/[^\p{L}\p{N}._-]+/gu, "_").replace(/^\.+/, "");
  return [...safe].slice(0, NAME_LENGTH).join("") || "_";
}

function isDirectory(path: string): boolean {
  return /[/\\]$/.test(path) || statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

function grown(rows: Int32Array): Int32Array {
  const more = new Int32Array(2 * rows.length);
  more.set(rows);
  return more;
}
