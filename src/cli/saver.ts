import {
  type CaptureSource,
  type CaptureWriter,
  createCapture,
  type LiveSource,
  type PacketBatch,
} from "../capture/index.js";
import type { FrameBatch } from "../frame/columns.js";
import { grouped } from "../output/table.js";
import { shown } from "../text.js";
import type { LiveSink } from "./live-sink.js";
import type { PacketOptions } from "./options.js";
import type { Run } from "./run.js";
import { type Selection, selectionOf } from "./selection.js";
import { formatOf, isReaderGone, origin } from "./written-file.js";

/** Flags of what is written where. */
export type SaveOptions = PacketOptions & {
  /** The file; `-` is standard output. */
  write?: string;
  /** Millions of bytes, and milliseconds of packets, after which another file begins; and how many are kept. */
  fileSize?: number;
  rotate?: number;
  fileCount?: number;
};

/** How long packets may wait to be written, in milliseconds. */
const FLUSH_MS = 1000;

/** Writes packets of devices into a capture: a pcap where its name says so, else a pcapng. */
export class Saver implements LiveSink {
  readonly keysOnly = true;
  readonly selection: Selection;
  readonly #run: Run;
  readonly #writer: CaptureWriter;
  readonly #timer: NodeJS.Timeout;
  /** What was wrong when nobody waited for it. */
  #failure: unknown = null;

  private constructor(run: Run, options: SaveOptions, writer: CaptureWriter, source: LiveSource) {
    this.#run = run;
    this.#writer = writer;
    this.selection = selectionOf(options, "take", run.filter);
    this.#timer = setInterval(() => {
      writer.flush().catch((error: unknown) => {
        this.#failure ??= error;
        source.stop();
      });
    }, FLUSH_MS);
  }

  static async open(run: Run, options: SaveOptions, path: string, source: LiveSource): Promise<Saver> {
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
    return new Saver(run, options, writer, source);
  }

  startFile(): void {}

  async packets(
    _source: CaptureSource,
    packets: PacketBatch,
    _frames: FrameBatch,
    rows: Int32Array,
    count: number,
  ): Promise<boolean> {
    try {
      if (this.#failure !== null) throw this.#failure;
      await this.#writer.write(packets, rows, count);
      return true;
    } catch (error) {
      if (isReaderGone(error)) return false;
      throw error;
    }
  }

  async endFile(): Promise<void> {
    this.stop();
    try {
      await this.#writer.close();
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
    const { packets, files, name } = this.#writer;
    const many = files === 1 ? "" : `, ${grouped(files)} files`;
    await this.#run.report(`${grouped(packets)} packets written to ${shown(name)}${many}`);
  }
}
