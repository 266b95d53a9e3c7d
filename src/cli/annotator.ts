import type { BareKeys } from "../analysis/bare-keys.js";
import type { Namer } from "../analysis/namer.js";
import { WordCache } from "../analysis/word-cache.js";
import type { PacketBatch, PacketComments } from "../capture/batch.js";
import type { AddressName } from "../capture/index.js";
import { momentMs } from "../capture/moment.js";
import { ABSENT, type FrameBatch } from "../frame/columns.js";
import type { FrameDecoder } from "../frame/decode.js";
import {
  isOuterIpv6,
  OUTER_WORDS,
  outerDestinationAt,
  outerSourceAt,
  putOuterWords,
} from "../frame/outer.js";
import { FrameStatus } from "../frame/status.js";
import { TextPrinter } from "../output/decode-text.js";
import { LineBuffer } from "../output/line-buffer.js";
import type { NameChoice } from "../output/names.js";
import { plainStyle } from "../output/table.js";
import { printable } from "../text.js";
import { IPV4_BYTES, IPV6_BYTES } from "../wire/address.js";
import type { PacketOutput } from "./packet-output.js";

/** Bytes of a comment at most: names are foreign text, whose size is not theirs to choose. */
const LONGEST = 4096;
/** Characters of a chassis' name: no more has room in a capture. */
const LONGEST_NAME = 255;
const NEWLINE = 0x0a;
/** Names of addresses that are remembered to have been told. */
const MOST_TOLD = 100_000;

/** The time for which nothing about the addresses of a packet is to be told. */
interface Told {
  readonly from: number;
  readonly until: number;
}

/** Says of packets what `decode` does, apart from their time and what is inside, and whose the outer addresses are. */
export class Annotator {
  readonly #printer: TextPrinter;
  readonly #namer: Namer | null;
  readonly #lines = new LineBuffer();
  readonly #tunnels = new WordCache<Told>(OUTER_WORDS, 10);
  readonly #words = new Int32Array(OUTER_WORDS);
  #generation = 0;
  readonly #told = new Set<string>();

  /** `bare`: what fills in the keys of bare frames, where there may be such. */
  constructor(namer: Namer | null, decoder: FrameDecoder, names: NameChoice, bare: BareKeys | null = null) {
    this.#namer = namer;
    const style = plainStyle;
    const options = { utc: true, verbose: false, hex: false, comments: true, names, style, bare };
    this.#printer = new TextPrinter(namer, decoder, options);
  }

  /** Packets older than all that is known of names. */
  get beforeHistory(): number {
    return this.#printer.beforeHistory;
  }

  /** Writes packets with their comments, and the names of addresses ahead of them. */
  async write(
    output: PacketOutput,
    packets: PacketBatch,
    frames: FrameBatch,
    rows: Int32Array,
    count: number,
  ): Promise<void> {
    for (const known of this.#names(packets, frames, rows, count)) await output.nameAddress(known);
    for (let row = 0; row < count; ) {
      const next = this.#comment(packets, frames, rows, row, count);
      await output.write(packets, frames, rows.subarray(row, next), next - row);
      row = next;
    }
  }

  /**
   * Puts comments on the packets of `rows` from the row `from` on, as many as fit into its memory, and returns the
   * first row that has none. They hold until the next call.
   */
  #comment(packets: PacketBatch, frames: FrameBatch, rows: Int32Array, from: number, count: number): number {
    const lines = this.#lines;
    lines.clear();
    const next = this.#printer.write(packets, frames, rows, from, count, lines);
    const { start, length } = commentsOf(packets, lines.view);
    let at = 0;
    for (let row = from; row < next; row++) {
      const i = rows[row];
      const end = lines.bytes.indexOf(NEWLINE, at);
      // What is no tunnel's has nothing to say. A line begins with a blank.
      start[i] = at + 1;
      length[i] = frames.status[i] === FrameStatus.notGeneve ? 0 : whole(lines.bytes, at + 1, end);
      at = end + 1;
    }
    return next;
  }

  /** The names of outer addresses that have not been told. */
  #names(packets: PacketBatch, frames: FrameBatch, rows: Int32Array, count: number): AddressName[] {
    const namer = this.#namer;
    const found: AddressName[] = [];
    if (namer === null) return found;
    if (namer.generation !== this.#generation) this.#tunnels.clear();
    this.#generation = namer.generation;
    const words = this.#words;
    const { view, tsSec, tsNsec } = packets;
    for (let row = 0; row < count; row++) {
      const i = rows[row];
      if (frames.outerIp[i] === ABSENT || frames.status[i] === FrameStatus.notGeneve) continue;
      const source = outerSourceAt(frames, i);
      const bytes = isOuterIpv6(frames, i) ? IPV6_BYTES : IPV4_BYTES;
      putOuterWords(view, frames, i, words);
      const time = momentMs(tsSec[i], tsNsec[i]);
      const told = this.#tunnels.at(words);
      if (told !== undefined && time >= told.from && time < told.until) continue;
      namer.begin();
      this.#tell(found, packets, source, bytes, namer.sourceChassis(packets, frames, i));
      const destination = outerDestinationAt(frames, i);
      this.#tell(found, packets, destination, bytes, namer.destinationChassis(packets, frames, i));
      this.#tunnels.keep(words, { from: namer.from, until: namer.until });
    }
    return found;
  }

  #tell(
    found: AddressName[],
    { bytes }: PacketBatch,
    at: number,
    length: number,
    chassis: string | null,
  ): void {
    if (chassis === null || this.#told.size > MOST_TOLD) return;
    const address = bytes.slice(at, at + length);
    const name = printable(chassis.slice(0, LONGEST_NAME));
    const identity = `${address.join(".")} ${name}`;
    if (this.#told.has(identity)) return;
    this.#told.add(identity);
    found.push({ address, name });
  }
}

/** The comments of a batch, over these bytes. */
function commentsOf(packets: PacketBatch, view: DataView): PacketComments {
  const { start, length } = packets.comments ?? {
    start: new Int32Array(packets.capacity),
    length: new Int32Array(packets.capacity),
  };
  packets.comments = { view, start, length };
  return packets.comments;
}

/** How many bytes a comment has that ends there, in whole characters. */
function whole(bytes: Uint8Array, start: number, end: number): number {
  if (end - start <= LONGEST) return Math.max(0, end - start);
  let last = start + LONGEST;
  while ((bytes[last] & 0xc0) === 0x80) last--;
  return last - start;
}
