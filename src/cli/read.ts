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
export interface ReadPlan {
  /** Names as given; `-` is standard input. */
  files: readonly string[];
  /** Of the only file this part alone. */
  part?: FilePart | null;
  reader: "builtin" | "pcap-parser";
  decoder: FrameDecoder;
  /** Which packets the sink gets, and how many. */
  selection: Selection;
  /** The sink needs no more than the keys: see FrameDecoder.decodeKeys. */
  keysOnly: boolean;
  /** Whether a line of progress may be shown while it reads. */
  progress: boolean;
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

/** The files to read: those given, or standard input when it is a pipe or a file. */
export function inputs(files: readonly string[]): string[] {
  const names = files.length > 0 ? [...files] : ["-"];
  // Asked for, Node keeps a pipe from blocking, so that Control-C need not wait for the packets that come next.
  const fromTerminal = names.includes("-") && process.stdin.isTTY;
  if (fromTerminal && files.length === 0)
    throw new CliError("no capture file; name one, or pipe a capture in");
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
  const { selection } = plan;
  const keysOnly = plan.keysOnly && ((selection.filter?.needs ?? 0) & Need.inner) === 0;
  let total = 0;
  let stopped = false;
  let frames: FrameBatch | null = null;
  const progress = new Progress(plan.progress);
  for (const file of plan.files) {
    let source: CaptureSource;
    try {
      source = await openCapture(file, { reader: plan.reader, part: plan.part ?? null });
    } catch (error) {
      progress.clear();
      await report(error instanceof Error ? error.message : String(error));
      sound = false;
      continue;
    }
    try {
      sink.startFile(source);
      // Packets to take the general way before the fast one is tried again: many where it takes few.
      let general = 1;
      let wanted = selection.left > 0;
      while (wanted) {
        const run = sink.records === undefined || selection.filter !== null ? null : source.records();
        if (run !== null && sink.records !== undefined && sink.recordsEnd !== undefined) {
          const taken = sink.records(run, selection.left);
          if (taken > 0) {
            source.pass(sink.recordsEnd(), taken);
            total += taken;
            selection.left -= taken;
            wanted = selection.left > 0;
            progress.update(source.name, total, source.position, source.size);
          }
          general = taken < 64 ? Math.min(general * 2, 512) : 1;
          if (taken >= 64 || !wanted) continue;
        }
        const packets = await source.next(run === null ? undefined : general);
        if (packets === null) break;
        if (frames === null || frames.capacity < packets.capacity) frames = new FrameBatch(packets.capacity);
        if (keysOnly) plan.decoder.decodeKeys(packets, source.interfaces, frames);
        else plan.decoder.decode(packets, source.interfaces, frames);
        total += packets.count;
        const count = selection.select(packets, frames);
        stopped = !(await sink.packets(source, packets, frames, selection.rows, count));
        wanted = !stopped && selection.left > 0;
        progress.update(source.name, total, source.position, source.size);
      }
      progress.clear();
      await sink.endFile(source);
      if (source.odd > 0 && source.format === "hexdump") {
        await report(
          `${shown(file)}: ${places(source.odd)} where a dump breaks off: packets there are cut or lost`,
        );
        sound = false;
      } else if (source.odd > 0)
        await report(
          `${shown(file)}: ${places(source.odd)} where a fraction of a second is out of range, carried over`,
        );
      if (source.damage !== null) {
        const { offset, reason, lostBytes } = source.damage;
        const lost =
          lostBytes === null
            ? ""
            : lostBytes === 1
              ? "; the last byte is lost"
              : `; the last ${lostBytes} bytes are lost`;
        await report(
          `${shown(file)}: damaged at byte ${offset}: ${reason}${lost}; everything before it was read`,
        );
        sound = false;
      }
    } finally {
      progress.clear();
      await source.close();
    }
    // Nobody reads on: that ends it quietly, whatever else there was.
    if (stopped) return { sound: true, packets: total };
    if (selection.left <= 0) break;
  }
  return { sound, packets: total };
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
