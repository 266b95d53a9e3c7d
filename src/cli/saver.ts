import type { BareKeys } from "../analysis/bare-keys.js";
import { Namer } from "../analysis/namer.js";
import {
  type CaptureSource,
  type CaptureWriter,
  createCapture,
  type LiveSource,
  type PacketBatch,
} from "../capture/index.js";
import type { FrameBatch } from "../frame/columns.js";
import type { Annotator } from "./annotator.js";
import type { LiveSink } from "./live-sink.js";
import { reportBeforeHistory } from "./names.js";
import type { PacketOptions } from "./options.js";
import { OneFile, type PacketOutput } from "./packet-output.js";
import type { Run } from "./run.js";
import { type Selection, selectionOf } from "./selection.js";
import { formatOf, isReaderGone, origin } from "./written-file.js";

/** Flags of what is written where. */
export type SaveOptions = PacketOptions & {
  /** The file; `-` is standard output. */
  write?: string;
  /** Comments on packets. */
  annotate?: boolean;
  /** Millions of bytes, and milliseconds of packets, after which another file begins; and how many are kept. */
  fileSize?: number;
  rotate?: number;
  fileCount?: number;
};

/** How long packets may wait to be written, in milliseconds. */
const FLUSH_MS = 1000;

/** Writes packets of devices into a capture: a pcap where its name says so, else a pcapng. */
export class Saver implements LiveSink {
  /** Comments are without what is inside. */
  readonly keysOnly = true;
  readonly selection: Selection;
  readonly #run: Run;
  readonly #output: PacketOutput;
  readonly #annotator: Annotator | null;
  readonly #timer: NodeJS.Timeout;
  /** What was wrong when nobody waited for it. */
  #failure: unknown = null;

  private constructor(
    run: Run,
    options: SaveOptions,
    writer: CaptureWriter,
    source: LiveSource,
    annotator: Annotator | null,
  ) {
    this.#run = run;
    this.#output = new OneFile(writer);
    this.#annotator = annotator;
    this.selection = selectionOf(options, "take", run.filter);
    this.#timer = setInterval(() => {
      writer.flush().catch((error: unknown) => {
        this.#failure ??= error;
        source.stop();
      });
    }, FLUSH_MS);
  }

  /** `bare`: what fills in the keys of bare frames, where there may be such. */
  static async open(
    run: Run,
    options: SaveOptions,
    path: string,
    source: LiveSource,
    bare: BareKeys | null,
  ): Promise<Saver> {
    const annotator = options.annotate === true ? await annotatorOf(run, options, bare) : null;
    const { fileSize, rotate, fileCount } = options;
    const rotation = {
      ...(fileSize !== undefined && { bytes: fileSize * 1_000_000 }),
      ...(rotate !== undefined && { seconds: rotate / 1000 }),
      ...(fileCount !== undefined && { files: fileCount }),
    };
    const none = { received: 0, dropped: 0, droppedByDevice: 0 };
    const writer = await createCapture(path, {
      format: formatOf(path),
      interfaces: source.interfaces,
      rotation,
      patience: run.stdout.patience,
      counts: () => {
        const counts = source.counts();
        return source.interfaces.map(({ name }) => counts.find(({ device }) => device === name) ?? none);
      },
      origin: origin(),
    });
    return new Saver(run, options, writer, source, annotator);
  }

  startFile(): void {}

  async packets(
    _source: CaptureSource,
    packets: PacketBatch,
    frames: FrameBatch,
    rows: Int32Array,
    count: number,
  ): Promise<boolean> {
    try {
      if (this.#failure !== null) throw this.#failure;
      const output = this.#output;
      if (this.#annotator === null) await output.write(packets, frames, rows, count);
      else await this.#annotator.write(output, packets, frames, rows, count);
      return true;
    } catch (error) {
      if (isReaderGone(error)) return false;
      throw error;
    }
  }

  async endFile(): Promise<void> {
    this.stop();
    try {
      await this.#output.close();
      // Closed after an error, the writer has nothing to say of it.
      if (this.#failure !== null) throw this.#failure;
    } catch (error) {
      if (!isReaderGone(error)) throw error;
    }
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Says what has been written. */
  async end(): Promise<void> {
    const { naming, filter, report } = this.#run;
    await reportBeforeHistory(naming, (filter?.unknown ?? 0) + (this.#annotator?.beforeHistory ?? 0), report);
    await report(this.#output.summary());
  }
}

async function annotatorOf(
  { naming, decoder }: Run,
  { names }: SaveOptions,
  bare: BareKeys | null,
): Promise<Annotator> {
  const { inventory, at, known } = naming;
  const { Annotator } = await import("./annotator.js");
  const namer = inventory === null ? null : new Namer(inventory, at, known);
  return new Annotator(namer, decoder, names || "logical", bare);
}
