import { type CaptureSource, type CaptureWriter, createCapture, type PacketBatch } from "../capture/index.js";
import { BatchCopy } from "../encode/rewrite.js";
import type { FrameBatch } from "../frame/columns.js";
import type { WrittenFormat } from "./convert-options.js";
import type { ConvertSteps } from "./convert-steps.js";
import { reportBeforeHistory } from "./names.js";
import { OneFile, type PacketOutput } from "./packet-output.js";
import type { PacketSink } from "./read.js";
import type { Run } from "./run.js";
import type { Selection } from "./selection.js";
import { SplitOutput } from "./split-output.js";
import { isReaderGone, origin } from "./written-file.js";

/** Where packets go, and as what. */
export interface ConvertTarget {
  /** `-` is standard output. */
  path: string;
  format: WrittenFormat;
}

/** Takes packets through the steps and writes them into a capture. */
export class ConvertSink implements PacketSink {
  readonly #run: Run;
  readonly #target: ConvertTarget;
  readonly #steps: ConvertSteps;
  readonly #selection: Selection;
  readonly #copy = new BatchCopy();
  /** Begun with the first packets: a pcap cannot be before its interface is known. */
  #output: PacketOutput | null = null;
  /** Whether nobody reads standard output any more. */
  #isGone = false;

  constructor(run: Run, target: ConvertTarget, steps: ConvertSteps, selection: Selection) {
    this.#run = run;
    this.#target = target;
    this.#steps = steps;
    this.#selection = selection;
  }

  startFile({ interfaces }: CaptureSource): void {
    for (const each of this.#steps.rewrites) each.begin?.(interfaces);
  }

  async packets(
    source: CaptureSource,
    packets: PacketBatch,
    frames: FrameBatch,
    rows: Int32Array,
    count: number,
  ): Promise<boolean> {
    try {
      const { rewrites, annotator } = this.#steps;
      let batch = packets;
      let left = rows;
      let many = count;
      if (rewrites.length > 0 || annotator !== null) {
        batch = this.#copy.packets(packets);
        left = this.#copy.rows(rows, count);
        for (const each of rewrites) many = each.rewrite(batch, frames, left, many);
      }
      this.#output ??= await this.#begin(source);
      if (annotator === null) await this.#output.write(batch, frames, left, many);
      else await annotator.write(this.#output, batch, frames, left, many);
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
      if (this.#interfaces(source).length > 0 || this.#target.format === "pcapng")
        this.#output ??= await this.#begin(source);
      await this.#output?.close();
    } catch (error) {
      this.#isGone ||= isReaderGone(error);
      if (!this.#isGone) throw error;
    }
  }

  /** Ends what was written before an error, as far as that goes. */
  async keep(): Promise<void> {
    await this.#output?.close().catch(() => {});
  }

  /** Says what has been written. */
  async end(): Promise<void> {
    const { filter, naming, report } = this.#run;
    const { annotator } = this.#steps;
    if (this.#output === null || this.#isGone) return;
    if (filter !== null && this.#selection.taken === 0 && this.#selection.passedOver > 0)
      await report("no packet matches the filters");
    for (const line of this.#steps.leftOut()) await report(line);
    await reportBeforeHistory(naming, (filter?.unknown ?? 0) + (annotator?.beforeHistory ?? 0), report);
    await report(this.#output.summary());
  }

  #interfaces(source: CaptureSource): CaptureSource["interfaces"] {
    return this.#steps.interfaces ?? source.interfaces;
  }

  async #begin(source: CaptureSource): Promise<PacketOutput> {
    const { path, format } = this.#target;
    const interfaces = this.#interfaces(source);
    const create = (file: string): Promise<CaptureWriter> =>
      createCapture(file, {
        format,
        interfaces,
        nanoseconds: source.isMicroseconds !== true,
        // Packets of others may be longer than the first's.
        ...(interfaces.length === 1 ? {} : { snapLength: 0 }),
        patience: this.#run.stdout.patience,
        origin: origin(),
      });
    const { split } = this.#steps;
    return split === null ? new OneFile(await create(path)) : new SplitOutput(path, format, split, create);
  }
}
