import { type CaptureSource, type CaptureWriter, createCapture, type PacketBatch } from "../capture/index.js";
import type { FrameBatch } from "../frame/columns.js";
import { grouped } from "../output/table.js";
import { shown } from "../text.js";
import type { ConvertOptions } from "./convert-options.js";
import { reportBeforeHistory } from "./names.js";
import type { PacketSink } from "./read.js";
import type { Run } from "./run.js";
import type { Selection } from "./selection.js";
import { version } from "./version.js";
import { formatOf, isReaderGone } from "./written-file.js";

/** Writes packets into a capture. */
export class ConvertSink implements PacketSink {
  readonly #run: Run;
  readonly #options: ConvertOptions;
  readonly #path: string;
  readonly #selection: Selection;
  /** Begun with the first packets: a pcap cannot be before its interface is known. */
  #writer: CaptureWriter | null = null;
  /** Whether nobody reads standard output any more. */
  #isGone = false;

  constructor(run: Run, options: ConvertOptions, path: string, selection: Selection) {
    this.#run = run;
    this.#options = options;
    this.#path = path;
    this.#selection = selection;
  }

  startFile(): void {}

  async packets(
    source: CaptureSource,
    packets: PacketBatch,
    _frames: FrameBatch,
    rows: Int32Array,
    count: number,
  ): Promise<boolean> {
    try {
      this.#writer ??= await this.#create(source);
      await this.#writer.write(packets, rows, count);
      return true;
    } catch (error) {
      this.#isGone = isReaderGone(error);
      if (this.#isGone) return false;
      throw error;
    }
  }

  async endFile(source: CaptureSource): Promise<void> {
    try {
      // Without a packet, too, there is a capture; a pcap only where it is known of what.
      if (source.interfaces.length > 0) this.#writer ??= await this.#create(source);
      await this.#writer?.close();
    } catch (error) {
      this.#isGone ||= isReaderGone(error);
      if (!this.#isGone) throw error;
    }
  }

  /** Says what has been written. */
  async end(): Promise<void> {
    const { filter, naming, report } = this.#run;
    if (this.#writer === null || this.#isGone) return;
    const { packets, name } = this.#writer;
    if (filter !== null && this.#selection.taken === 0 && this.#selection.passedOver > 0)
      await report("no packet matches the filters");
    await reportBeforeHistory(naming, filter?.unknown ?? 0, report);
    await report(`${grouped(packets)} packets written to ${shown(name)}`);
  }

  #create({ interfaces }: CaptureSource): Promise<CaptureWriter> {
    return createCapture(this.#path, {
      format: this.#options.format ?? formatOf(this.#path),
      interfaces,
      patience: this.#run.stdout.patience,
      origin: { application: `genevescope ${version()}` },
    });
  }
}
