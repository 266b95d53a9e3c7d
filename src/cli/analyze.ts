import { Analyzer } from "../analysis/analyzer.js";
import type { CaptureSource } from "../capture/batch.js";
import { Exit } from "./fault.js";
import { reportBeforeHistory } from "./names.js";
import type { CommonOptions } from "./options.js";
import { readCaptures } from "./read.js";
import { type Run, run } from "./run.js";
import { Selection } from "./selection.js";
import { outputStyle } from "./terminal.js";

/** Flows listed as text unless `--top` says otherwise. */
const TOP = 20;

type AnalyzeOptions = CommonOptions & { top?: number };

/** The verb `analyze`: sums up captures. Returns the exit status. */
export function analyze(files: readonly string[], options: AnalyzeOptions): Promise<number> {
  return run(files, options, (begun) => sumUp(begun, options));
}

async function sumUp(
  { stdout, report, files, naming, decoder }: Run,
  options: AnalyzeOptions,
): Promise<boolean> {
  const analyzer = new Analyzer(naming.inventory, naming.at, decoder, naming.known);
  let current: CaptureSource | null = null;
  let opened = 0;
  const show = async (): Promise<void> => {
    const top = options.top ?? (options.output === "json" ? Number.POSITIVE_INFINITY : TOP);
    const summary = analyzer.summary(top);
    if (options.output === "json") {
      const { analyzeJson } = await import("../output/analyze-json.js");
      for (const piece of analyzeJson(summary, { all: options.all === true, sources: naming.sources })) {
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
          utc: options.utc === true,
          named: naming.inventory !== null,
          names: options.names || "logical",
          sources: naming.sources,
          style: outputStyle(),
        }),
      );
    }
    await stdout.flush();
    await reportBeforeHistory(naming, summary.beforeHistory, report);
  };
  // Control-C ends the capture at the other end of a pipe, too: what has come is the answer, as with tcpdump.
  let ended: Promise<void> | null = null;
  const interrupted = (): void => {
    if (ended !== null) return;
    if (current !== null) analyzer.endFile(current);
    ended = show();
    ended
      .then(() => naming.close())
      .then(
        () => process.exit(naming.sound ? Exit.done : Exit.failed),
        () => process.exit(Exit.failed),
      );
  };
  process.on("SIGINT", interrupted);
  const sound = await readCaptures(
    {
      files,
      reader: options.reader,
      decoder,
      selection: new Selection(options.count, options.all === true ? "count" : "take"),
      keysOnly: true,
      progress: true,
    },
    {
      startFile: (source) => {
        if (ended !== null) return;
        opened++;
        current = source;
        analyzer.startFile(source.name);
      },
      records: (run, most) => (ended === null ? analyzer.takeRecords(run, most) : 0),
      recordsEnd: () => analyzer.recordsEnd,
      packets: async (_source, packets, frames, rows, count) => {
        if (ended !== null) return false;
        analyzer.add(packets, frames, rows, count);
        return true;
      },
      endFile: async (source) => {
        if (ended !== null) return;
        current = null;
        analyzer.endFile(source);
      },
    },
    report,
  );
  ended ??= opened > 0 ? show() : Promise.resolve();
  await ended;
  process.removeListener("SIGINT", interrupted);
  return sound;
}
