import { Analyzer } from "../analysis/analyzer.js";
import type { CaptureSource } from "../capture/batch.js";
import { Exit } from "./fault.js";
import { reportBeforeHistory } from "./names.js";
import type { CommonOptions } from "./options.js";
import { readCaptures } from "./read.js";
import { type Run, run } from "./run.js";
import { styleFor } from "./style.js";

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
          style: styleFor(process.stdout),
        }),
      );
    }
    await stdout.flush();
    await reportBeforeHistory(naming, summary.beforeHistory, report);
  };
  // Control-C ends the capture at the other end of a pipe, too: what has come is the answer, as with tcpdump.
  const interrupted = (): void => {
    if (current !== null) analyzer.endFile(current);
    show()
      .then(() => naming.close())
      .then(
        () => process.exit(Exit.done),
        () => process.exit(Exit.failed),
      );
  };
  process.once("SIGINT", interrupted);
  const sound = await readCaptures(
    {
      files,
      reader: options.reader,
      decoder,
      count: options.count,
      all: options.all === true,
      keysOnly: true,
      progress: true,
    },
    {
      startFile: (source) => {
        opened++;
        current = source;
        analyzer.startFile(source.name);
      },
      records: (run, most) => analyzer.takeRecords(run, most),
      recordsEnd: () => analyzer.recordsEnd,
      packets: async (_source, packets, frames, count) => {
        analyzer.add(packets, frames, count);
        return true;
      },
      endFile: async (source) => {
        current = null;
        analyzer.endFile(source);
      },
    },
    report,
  );
  process.removeListener("SIGINT", interrupted);
  if (opened > 0) await show();
  return sound;
}
