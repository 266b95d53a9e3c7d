import type { Analyzer } from "../analysis/analyzer.js";
import type { Filter } from "../match/filters.js";
import { Exit } from "./fault.js";
import { filtersOf } from "./filter-values.js";
import { reportBeforeHistory } from "./names.js";
import type { CommonOptions } from "./options.js";
import { prepareFor } from "./prepare.js";
import { inputs, isCapture, type ReadResult, readCaptures } from "./read.js";
import { analyzerOf, type FileRun, run } from "./run.js";
import { selectionOf } from "./selection.js";
import { isShareable, mostFlows, type Share, shareOut } from "./shares.js";
import { type SumOptions, showSums } from "./show-sums.js";
import { SumSink } from "./sum-sink.js";
import type { Threads } from "./threads.js";

export type AnalyzeOptions = CommonOptions & SumOptions & { workers?: number };

/** Files at a time: the sums of each are held until those before are there. */
const ROUND_FILES = 8;

/** Captures divided among threads, which have begun. */
interface Division {
  readonly names: readonly string[];
  readonly bins: readonly (readonly Share[])[];
  /** Those of the other threads; null where there are none. */
  readonly threads: Threads | null;
}

/** The verb `analyze`: sums up captures. Returns the exit status. */
export async function analyze(files: readonly string[], options: AnalyzeOptions): Promise<number> {
  const filters = filtersOf(options);
  const names = inputs(files);
  if (!isShareable(names, options))
    return run(files, options, filters, (begun) => new Sums(begun, options).serially());
  const divide = (start: number) => divided(names.slice(start, start + ROUND_FILES), options, filters);
  // The other threads begin while this one gets ready.
  let division = await divide(0);
  // With filters packets take the general way.
  if (filters.length === 0) prepareFor(division.bins[0][0].name);
  try {
    return await run(files, options, filters, async (begun) => {
      const sums = new Sums(begun, options);
      for (let start = 0; ; division = await divide(start)) {
        await sums.add(division);
        await division.threads?.close();
        start += ROUND_FILES;
        if (start >= names.length) return sums.end();
      }
    });
  } finally {
    await division.threads?.close();
  }
}

async function divided(
  names: readonly string[],
  options: AnalyzeOptions,
  filters: readonly Filter[],
): Promise<Division> {
  const bins = await shareOut(names, options, filters);
  if (bins.length < 2) return { names, bins, threads: null };
  const { Threads } = await import("./threads.js");
  const tasks = bins.slice(1).map((shares) => {
    return { shares, options, filters, mostFlows: mostFlows(bins.length) };
  });
  return { names, bins, threads: new Threads(tasks) };
}

/** Sums of captures, from reading to showing. */
class Sums {
  readonly #run: FileRun;
  readonly #options: AnalyzeOptions;
  #analyzer: Analyzer;
  #sink: SumSink;
  #ended: Promise<void> | null = null;
  readonly #result: ReadResult = { sound: true, packets: 0 };
  /** Packets the filters passed over; those of them that they did so for want of names. */
  #passedOver = 0;
  #unknown = 0;
  /** Adds to both what the reading under way has passed over. */
  #told: (() => void) | null = null;

  constructor(run: FileRun, options: AnalyzeOptions) {
    this.#run = run;
    this.#options = options;
    this.#analyzer = analyzerOf(run, mostFlows(1));
    this.#sink = new SumSink(this.#analyzer);
  }

  /** Reads one file after the other, and shows the sums. False where something was wrong with a file. */
  async serially(): Promise<boolean> {
    await this.#read(this.#run.files);
    return this.end();
  }

  /** Shows the sums of all that was read. False where something was wrong with a file. */
  async end(): Promise<boolean> {
    this.#ended ??= this.#analyzer.files > 0 ? this.#show() : Promise.resolve();
    await this.#ended;
    return isCapture(this.#result, this.#run.files, this.#run.report);
  }

  async #read(files: readonly string[]): Promise<void> {
    const { reader } = this.#options;
    const { decoder, filter, report } = this.#run;
    const selection = selectionOf(this.#options, "take", filter);
    const before = filter?.unknown ?? 0;
    this.#told = () => {
      this.#passedOver += selection.passedOver;
      this.#unknown += (filter?.unknown ?? 0) - before;
      this.#told = null;
    };
    const plan = { files, reader, decoder, selection, keysOnly: true, progress: true };
    const stop = this.#onInterrupt();
    this.#note(await readCaptures(plan, this.#sink, report));
    this.#told?.();
    stop();
  }

  #note({ sound, packets }: ReadResult): void {
    this.#result.sound &&= sound;
    this.#result.packets += packets;
  }

  /** Reads this thread's shares, and adds them and what the others say of theirs. */
  async add({ names, bins, threads }: Division): Promise<void> {
    const shares = bins.flat().sort((a, b) => a.file - b.file || a.part - b.part);
    if (shares.length === 1) return this.#read(names);
    const { sumShare } = await import("./sum-share.js");
    const { report, naming, decoder, filter } = this.#run;
    const begun = { naming, decoder, filter, progress: true };
    const sum = (share: Share) => sumShare(share, this.#options, begun, mostFlows(bins.length));
    const own = new Map<Share, Awaited<ReturnType<typeof sum>>>();
    // Others are waited for only when this thread has nothing left to do.
    if (threads !== null) for (const share of bins[0]) own.set(share, await sum(share));
    for (const [file, name] of names.entries()) {
      const parts = shares.filter((share) => share.file === file);
      const results = await Promise.all(
        parts.map((share) => own.get(share) ?? threads?.result(share) ?? sum(share)),
      );
      const only = parts.length === 1 ? results[0] : null;
      if (only?.held !== true && !results.every((result) => result?.flawless)) {
        await this.#read([name]);
        continue;
      }
      let packetsBefore = 0;
      for (const [part, result] of results.entries()) {
        if (result === null) continue;
        for (const line of result.lines) await report(line);
        const state = "state" in result ? result.state : result.analyzer.state();
        this.#analyzer.absorb(state, part === 0 ? null : packetsBefore);
        packetsBefore += result.packets;
        this.#note(result);
        this.#passedOver += result.passedOver;
        this.#unknown += result.unknown;
      }
    }
  }

  /** Control-C ends the capture at the other end of a pipe, too: what has come is the answer, as with tcpdump. */
  #onInterrupt(): () => void {
    const { naming } = this.#run;
    const interrupted = (): void => {
      if (this.#ended !== null) return;
      this.#sink.end();
      this.#told?.();
      this.#ended = this.#show();
      this.#ended
        .then(() => naming.close())
        .then(
          () => process.exit(naming.sound ? Exit.done : Exit.failed),
          () => process.exit(Exit.failed),
        );
    };
    process.on("SIGINT", interrupted);
    return () => process.removeListener("SIGINT", interrupted);
  }

  async #show(): Promise<void> {
    const { naming, report } = this.#run;
    const unnamed = await showSums(this.#run, this.#analyzer, this.#options, this.#passedOver);
    await reportBeforeHistory(naming, unnamed + this.#unknown, report);
  }
}
