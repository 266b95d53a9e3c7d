import type { CaptureSource, PacketBatch, RecordRun } from "../capture/batch.js";
import { type FilePart, openCapture } from "../capture/index.js";
import { FrameBatch } from "../frame/columns.js";
import type { FrameDecoder } from "../frame/decode.js";
import { Need } from "../match/term.js";
import { shown } from "../text.js";
import { CliError } from "./fault.js";
import { Progress } from "./progress.js";
import type { Selection } from "./selection.js";

/** Files and how far to read them. */
export interface ReadPlan extends SourcePlan {
  /** Names as given; `-` is standard input. */
  files: readonly string[];
  /** Of the only file this part alone. */
  part?: FilePart | null;
  reader: "builtin" | "pcap-parser";
}

/** How packets are read, wherever they come from. */
export interface SourcePlan {
  decoder: FrameDecoder;
  /** Which packets the sink gets, and how many. */
  selection: Selection;
  /** The sink needs no more than the keys: see FrameDecoder.decodeKeys. */
  keysOnly: boolean;
  /** The sink looks at no column of a frame: nothing is decoded but for a filter. */
  bytesOnly?: boolean;
  /** Whether a line of progress may be shown while it reads. */
  progress: boolean;
  /** Which interfaces show bare frames, and what fills in their keys. */
  bare?: BareStage | null;
}

/** What is done with frames that come without their tunnels. */
export interface BareStage {
  isBare(interfaceIndex: number): boolean;
  /** Fills in what can be known of a batch that `FrameDecoder.decodeInner` has decoded. */
  fill(packets: PacketBatch, frames: FrameBatch): void;
}

/** Who takes the packets. */
export interface PacketSink {
  startFile(source: CaptureSource): void;
  /** Takes packets straight from records, and says how many and where the next record lies. */
  records?(run: RecordRun, most: number): number;
  recordsEnd?(): number;
  /**
   * Those packets of a decoded batch whose indices the first `count` of `rows` are, ascending; false ends the
   * reading, of all files.
   */
  packets(
    source: CaptureSource,
    packets: PacketBatch,
    frames: FrameBatch,
    rows: Int32Array,
    count: number,
  ): Promise<boolean>;
  endFile(source: CaptureSource): Promise<void>;
}

/** What came of reading. */
export interface ReadResult {
  sound: boolean;
  /** Packets there were, wanted or not. */
  packets: number;
}

function places(count: number): string {
  return count === 1 ? "1 place" : `${count} places`;
}

/** The files to read: those given, or standard input when it is a pipe or a file; `none` says what is missing. */
export function inputs(
  files: readonly string[],
  none = "no capture file; name one, or pipe a capture in",
): string[] {
  const names = files.length > 0 ? [...files] : ["-"];
  // Asked for, Node keeps a pipe from blocking, so that Control-C need not wait for the packets that come next.
  const fromTerminal = names.includes("-") && process.stdin.isTTY;
  if (fromTerminal && files.length === 0) throw new CliError(none);
  return names;
}

/**
 * Reads every file into the sink. A file that cannot be read, or is damaged, is reported through `report`
 * (one line) and does not keep the others from being read; then the result is not `sound`.
 */
export async function readCaptures(
  plan: ReadPlan,
  sink: PacketSink,
  report: (line: string) => Promise<void>,
): Promise<ReadResult> {
  let sound = true;
  const reader = new SourceReader(plan, sink);
  for (const file of plan.files) {
    let source: CaptureSource;
    try {
      source = await openCapture(file, { reader: plan.reader, part: plan.part ?? null });
    } catch (error) {
      await report(error instanceof Error ? error.message : String(error));
      sound = false;
      continue;
    }
    let stopped: boolean;
    try {
      stopped = await reader.read(source);
      if (!(await reportFaults(file, source, report))) sound = false;
    } finally {
      await source.close();
    }
    // Nobody reads on: that ends it quietly, whatever else there was.
    if (stopped) return { sound: true, packets: reader.packets };
    if (plan.selection.left <= 0) break;
  }
  return { sound, packets: reader.packets };
}

/** Takes packets from sources to a sink. */
export class SourceReader {
  /** Packets of all sources so far, wanted or not. */
  packets = 0;
  readonly #plan: SourcePlan;
  readonly #sink: PacketSink;
  readonly #keysOnly: boolean;
  readonly #progress: Progress;
  #frames: FrameBatch | null = null;

  constructor(plan: SourcePlan, sink: PacketSink) {
    this.#plan = plan;
    this.#sink = sink;
    this.#progress = new Progress(plan.progress);
    this.#keysOnly = plan.keysOnly && ((plan.selection.filter?.needs ?? 0) & Need.inner) === 0;
  }

  /** Reads a source to its end, or until there are as many packets as wanted. True where the sink wants no more. */
  async read(source: CaptureSource): Promise<boolean> {
    const { selection } = this.#plan;
    const sink = this.#sink;
    const progress = this.#progress;
    try {
      sink.startFile(source);
      let stopped = false;
      // A bare frame may look like a tunnel's packet: it may be one, of a guest's own.
      const hasFastWay = sink.records !== undefined && this.#plan.bare == null;
      // Packets to take the general way before the fast one is tried again: many where it takes few.
      let general = 1;
      while (!stopped && selection.left > 0) {
        const run = hasFastWay && selection.filter === null ? source.records() : null;
        if (run !== null && sink.records !== undefined && sink.recordsEnd !== undefined) {
          if (run.start === run.end && (await source.fill?.())) continue;
          const taken = sink.records(run, selection.left);
          if (taken > 0) {
            source.pass(sink.recordsEnd(), taken);
            this.packets += taken;
            selection.left -= taken;
            progress.update(source.name, this.packets, source.position, source.size);
          }
          general = taken < 64 ? Math.min(general * 2, 512) : 1;
          if (taken >= 64 || selection.left <= 0) continue;
        }
        const packets = await source.next(run === null ? undefined : general);
        if (packets === null) break;
        const frames = this.#decoded(packets, source);
        this.packets += packets.count;
        const count = selection.select(packets, frames);
        stopped = !(await sink.packets(source, packets, frames, selection.rows, count));
        progress.update(source.name, this.packets, source.position, source.size);
      }
      progress.clear();
      await sink.endFile(source);
      return stopped;
    } finally {
      progress.clear();
    }
  }

  #decoded(packets: PacketBatch, source: CaptureSource): FrameBatch {
    const { decoder, bare, bytesOnly, selection } = this.#plan;
    if (this.#frames === null || this.#frames.capacity < packets.capacity)
      this.#frames = new FrameBatch(packets.capacity);
    if (bytesOnly && selection.filter === null) return this.#frames;
    // All packets of a batch are of one kind.
    if (bare?.isBare(packets.interfaceIndex[0])) {
      decoder.decodeInner(packets, source.interfaces, this.#frames);
      bare.fill(packets, this.#frames);
    } else if (this.#keysOnly) decoder.decodeKeys(packets, source.interfaces, this.#frames);
    else decoder.decode(packets, source.interfaces, this.#frames);
    return this.#frames;
  }
}

/** Reports what was wrong with a file that has been read; false where something of it may be lost. */
export async function reportFaults(
  file: string,
  { odd, format, damage }: Pick<CaptureSource, "odd" | "format" | "damage">,
  report: (line: string) => Promise<void>,
): Promise<boolean> {
  const isDump = format === "hexdump";
  if (odd > 0)
    await report(
      isDump
        ? `${shown(file)}: ${places(odd)} where a dump breaks off: packets there are cut or lost`
        : `${shown(file)}: ${places(odd)} where a fraction of a second is out of range, carried over`,
    );
  if (damage !== null) {
    const { offset, reason, lostBytes } = damage;
    const lost =
      lostBytes === null
        ? ""
        : lostBytes === 1
          ? "; the last byte is lost"
          : `; the last ${lostBytes} bytes are lost`;
    await report(
      `${shown(file)}: damaged at byte ${offset}: ${reason}${lost}; everything before it was read`,
    );
  }
  return damage === null && !(isDump && odd > 0);
}

/** Reports files that are sound and have no packet between them; returns whether there was one. */
export async function isCapture(
  { sound, packets }: ReadResult,
  files: readonly string[],
  report: (line: string) => Promise<void>,
): Promise<boolean> {
  if (sound && packets === 0) {
    await report(`${files.map((file) => shown(file)).join(", ")}: no packets; nothing captured`);
    return false;
  }
  return sound;
}
