import type { Analyzer } from "../analysis/analyzer.js";
import { train } from "../analysis/training.js";
import type { CaptureSource, LiveSource, PacketBatch, RecordRun } from "../capture/index.js";
import type { FrameBatch } from "../frame/columns.js";
import type { LiveSink } from "./live-sink.js";
import { reportBeforeHistory } from "./names.js";
import { analyzerOf, type Run } from "./run.js";
import { type Selection, selectionOf } from "./selection.js";
import { mostFlows } from "./shares.js";
import { type SumOptions, showSums } from "./show-sums.js";

/** Sums packets up, and prints the sums now and then, each beginning anew. */
export class Summaries implements LiveSink {
  readonly keysOnly = true;
  readonly selection: Selection;
  readonly #run: Run;
  readonly #options: SumOptions;
  readonly #every: number;
  readonly #live: LiveSource;
  #analyzer: Analyzer;
  #source: CaptureSource | null = null;
  #timer: NodeJS.Timeout | null = null;
  #showing: Promise<void> | null = null;
  /** What was wrong when nobody waited for it. */
  #failure: unknown = null;
  #passedOver = 0;
  #unnamed = 0;
  #shown = 0;

  constructor(run: Run, options: SumOptions, every: number, live: LiveSource) {
    this.#run = run;
    this.#options = options;
    this.#every = every;
    this.#live = live;
    this.selection = selectionOf(options, "take", run.filter);
    this.#analyzer = analyzerOf(run, mostFlows(1));
    if (run.filter === null) train(false);
  }

  startFile(source: CaptureSource): void {
    this.#source = source;
    this.#analyzer.startFile(source.name);
    this.#timer = setInterval(() => {
      this.#showing ??= this.#showNow().finally(() => {
        this.#showing = null;
      });
    }, this.#every);
  }

  /** Shows what nobody waits for; where that is of no use any more the capture ends, packets or not. */
  async #showNow(): Promise<void> {
    try {
      await this.#show();
    } catch (error) {
      this.#failure ??= error;
    }
    if (this.#failure !== null || this.#run.stdout.closed) this.#live.stop();
  }

  records(run: RecordRun, most: number): number {
    return this.#analyzer.takeRecords(run, most);
  }

  recordsEnd(): number {
    return this.#analyzer.recordsEnd;
  }

  async packets(
    _source: CaptureSource,
    packets: PacketBatch,
    frames: FrameBatch,
    rows: Int32Array,
    count: number,
  ): Promise<boolean> {
    this.#analyzer.add(packets, frames, rows, count);
    return !this.#run.stdout.closed;
  }

  async endFile(): Promise<void> {
    this.stop();
    await this.#showing;
    if (this.#failure !== null) throw this.#failure;
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
  }

  /** Prints what has come since the last sums. */
  async end(): Promise<void> {
    await this.#show();
    const { naming, filter, report } = this.#run;
    await reportBeforeHistory(naming, this.#unnamed + (filter?.unknown ?? 0), report);
  }

  async #show(): Promise<void> {
    const analyzer = this.#analyzer;
    if (this.#source !== null) analyzer.endFile(this.#source);
    this.#analyzer = analyzerOf(this.#run, mostFlows(1));
    if (this.#source !== null) this.#analyzer.startFile(this.#source.name);
    const { passedOver } = this.selection;
    const since = passedOver - this.#passedOver;
    this.#passedOver = passedOver;
    if (this.#shown++ > 0 && this.#options.output === "text") this.#run.stdout.write("\n");
    this.#unnamed += await showSums(this.#run, analyzer, this.#options, since);
  }
}
