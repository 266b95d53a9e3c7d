import { Analyzer } from "../analysis/analyzer.js";
import { Exit } from "./fault.js";
import { filtersOf } from "./filter-values.js";
import { reportBeforeHistory } from "./names.js";
import type { CommonOptions } from "./options.js";
import { inputs, isCapture, type ReadResult, readCaptures } from "./read.js";
import { type Run, run } from "./run.js";
import { Selection } from "./selection.js";
import { mostFlows, type Share, shareOut } from "./shares.js";
import { SumSink } from "./sum-sink.js";
import { outputStyle } from "./terminal.js";
import type { Threads } from "./threads.js";

/** Flows listed as text unless `--top` says otherwise. */
const TOP = 20;

export type AnalyzeOptions = CommonOptions & { top?: number; workers?: number };

/** Captures divided among threads, which have begun. */
interface Division {
  readonly bins: readonly (readonly Share[])[];
  readonly threads: Threads;
}

/** The verb `analyze`: sums up captures. Returns the exit status. */
export async function analyze(files: readonly string[], options: AnalyzeOptions): Promise<number> {
  const filters = filtersOf(options);
  const bins = await shareOut(inputs(files), options, filters);
  if (bins === null) return run(files, options, filters, (begun) => new Sums(begun, options).serially());
  const { Threads } = await import("./threads.js");
  const tasks = bins.slice(1).map((shares) => {
    return { shares, options, filters, mostFlows: mostFlows(bins.length) };
  });
  const threads = new Threads(tasks);
  try {
    return await run(files, options, filters, (begun) =>
      new Sums(begun, options).inShares({ bins, threads }),
    );
  } finally {
    await threads.close();
  }
}

/** Sums of captures, from reading to showing. */
class Sums {
  readonly #run: Run;
  readonly #options: AnalyzeOptions;
  #analyzer: Analyzer;
  #sink: SumSink;
  #ended: Promise<void> | null = null;
  /** Packets the filters passed over; those of them that they did so for want of names. */
  #passedOver = 0;
  #unknown = 0;
  /** Adds to both what the reading under way has passed over. */
  #told: (() => void) | null = null;

  constructor(run: Run, options: AnalyzeOptions) {
    this.#run = run;
    this.#options = options;
    const { naming, decoder } = run;
    this.#analyzer = new Analyzer(naming.inventory, naming.at, decoder, naming.known, mostFlows(1));
    this.#sink = new SumSink(this.#analyzer);
  }

  /** Reads one file after the other, and shows the sums. False where something was wrong with a file. */
  async serially(): Promise<boolean> {
    const { files, report } = this.#run;
    const stop = this.#onInterrupt();
    const result = await this.#read(files, report);
    await this.#finish();
    stop();
    return isCapture(result, files, report);
  }

  async #read(files: readonly string[], report: Run["report"]): Promise<ReadResult> {
    const { count, all, reader } = this.#options;
    const { decoder, filter } = this.#run;
    const selection = new Selection(count, all === true ? "count" : "take", filter);
    const before = filter?.unknown ?? 0;
    this.#told = () => {
      this.#passedOver += selection.passedOver;
      this.#unknown += (filter?.unknown ?? 0) - before;
      this.#told = null;
    };
    const plan = { files, reader, decoder, selection, keysOnly: true, progress: true };
    const result = await readCaptures(plan, this.#sink, report);
    this.#told?.();
    return result;
  }

  /** Reads this thread's shares, takes the others' sums, and shows all. */
  async inShares({ bins, threads }: Division): Promise<boolean> {
    const { sumShare } = await import("./sum-share.js");
    const { files, report, naming, decoder, filter } = this.#run;
    const begun = { naming, decoder, filter, progress: true };
    const sum = (share: Share) => sumShare(share, this.#options, begun, mostFlows(bins.length));
    const own = new Map<Share, Awaited<ReturnType<typeof sum>>>();
    // Others are waited for only when this thread has nothing left to do.
    if (bins.length > 1) for (const share of bins[0]) own.set(share, await sum(share));
    let sound = true;
    let packets = 0;
    const shares = bins.flat().sort((a, b) => a.file - b.file || a.part - b.part);
    for (const file of files.keys()) {
      const parts = shares.filter((share) => share.file === file);
      const results = await Promise.all(
        parts.map((share) => own.get(share) ?? (bins.length > 1 ? threads.result(share) : sum(share))),
      );
      const whole =
        results.every((result) => result?.flawless) || (parts.length === 1 && results[0] !== null);
      if (whole) {
        for (const [part, result] of results.entries()) {
          if (result === null) continue;
          for (const line of result.lines) await report(line);
          this.#analyzer.absorb("state" in result ? result.state : result.analyzer.state(), part > 0);
          sound &&= result.sound;
          packets += result.packets;
          this.#passedOver += result.passedOver;
          this.#unknown += result.unknown;
        }
        continue;
      }
      const result = await this.#read([files[file]], report);
      sound &&= result.sound;
      packets += result.packets;
    }
    await this.#finish();
    return isCapture({ sound, packets }, files, report);
  }

  #finish(): Promise<void> {
    this.#ended ??= this.#analyzer.files > 0 ? this.#show() : Promise.resolve();
    return this.#ended;
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
    const { stdout, report, naming } = this.#run;
    const options = this.#options;
    const top = options.top ?? (options.output === "json" ? Number.POSITIVE_INFINITY : TOP);
    const summary = this.#analyzer.summary(top);
    if (options.output === "json") {
      const { analyzeJson } = await import("../output/analyze-json.js");
      for (const piece of analyzeJson(summary, {
        all: options.all === true,
        filteredOut: this.#passedOver,
        sources: naming.sources,
      })) {
        stdout.write(piece);
        if (stdout.full) await stdout.flush();
        if (stdout.closed) break;
      }
    } else {
      const { analyzeText } = await import("../output/analyze-text.js");
      stdout.write(
        analyzeText(summary, {
          top,
          all: options.all === true,
          filteredOut: this.#run.filter === null ? null : this.#passedOver,
          utc: options.utc === true,
          named: naming.inventory !== null,
          names: options.names || "logical",
          sources: naming.sources,
          style: outputStyle(),
        }),
      );
    }
    await stdout.flush();
    await reportBeforeHistory(naming, summary.beforeHistory + this.#unknown, report);
  }
}
