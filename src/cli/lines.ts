import type { BareKeys } from "../analysis/bare-keys.js";
import { Namer } from "../analysis/namer.js";
import type { CaptureSource, PacketBatch } from "../capture/index.js";
import type { FrameBatch } from "../frame/columns.js";
import type { FrameDecoder } from "../frame/decode.js";
import type { NameSources } from "../output/names.js";
import type { PacketPrinter } from "../output/printer.js";
import { reportBeforeHistory } from "./names.js";
import type { PacketOptions } from "./options.js";
import type { PacketSink } from "./read.js";
import type { Run } from "./run.js";
import { type Selection, selectionOf } from "./selection.js";
import { outputStyle } from "./terminal.js";

/** Flags of verbs that print packets. */
export type LineOptions = PacketOptions & { verbose?: boolean; hex?: boolean };

/** Prints packets on standard output. */
export class LineSink implements PacketSink {
  readonly selection: Selection;
  readonly #run: Run;
  readonly #printer: PacketPrinter;

  constructor(run: Run, printer: PacketPrinter, selection: Selection) {
    this.#run = run;
    this.#printer = printer;
    this.selection = selection;
  }

  /** Whether what is printed needs no more than the keys. */
  get keysOnly(): boolean {
    return this.#printer.keysOnly;
  }

  startFile(source: CaptureSource): void {
    this.#printer.startFile(source);
  }

  async packets(
    _source: CaptureSource,
    packets: PacketBatch,
    frames: FrameBatch,
    rows: Int32Array,
    count: number,
  ): Promise<boolean> {
    const { stdout } = this.#run;
    let done = 0;
    while (done < count && !stdout.closed) {
      done = this.#printer.write(packets, frames, rows, done, count, stdout.lines);
      if (stdout.full) await stdout.flush();
    }
    // What a pipe or a device has brought is shown before more is waited for.
    await stdout.flush();
    return !stdout.closed;
  }

  async endFile(): Promise<void> {
    await this.#run.stdout.flush();
  }

  stop(): void {}

  /** Says what the lines cannot: that no packet was wanted, or that names are missing for its time. */
  async end(): Promise<void> {
    const { filter, naming, report } = this.#run;
    if (filter !== null && this.selection.taken === 0 && this.selection.passedOver > 0)
      await report("no packet matches the filters");
    await reportBeforeHistory(naming, this.#printer.beforeHistory + (filter?.unknown ?? 0), report);
  }
}

/** What lines of devices have, and those of captures have not. */
export interface DeviceLines {
  /** What fills in the keys of bare frames, if there may be such. */
  bare: BareKeys | null;
  /** Lines name the device: there are several. */
  devices: boolean;
}

/** Gets ready to print packets as `options` say. */
export async function openLines(
  run: Run,
  options: LineOptions,
  live: DeviceLines = { bare: null, devices: false },
): Promise<LineSink> {
  const { naming, decoder, filter } = run;
  const namer = naming.inventory === null ? null : new Namer(naming.inventory, naming.at, naming.known);
  const printer = await printerFor(options, namer, decoder, naming.sources, live);
  const selection = selectionOf(options, "skip", filter);
  return new LineSink(run, printer, selection);
}

async function printerFor(
  options: LineOptions,
  namer: Namer | null,
  decoder: FrameDecoder,
  sources: NameSources,
  { bare, devices }: DeviceLines,
): Promise<PacketPrinter> {
  if (options.output === "json") {
    const { JsonPrinter } = await import("../output/decode-json.js");
    return new JsonPrinter(namer, decoder, sources, bare);
  }
  const { TextPrinter } = await import("../output/decode-text.js");
  return new TextPrinter(namer, decoder, {
    utc: options.utc === true,
    verbose: options.verbose === true,
    hex: options.hex === true,
    names: options.names || "logical",
    style: outputStyle(),
    bare,
    devices,
  });
}
