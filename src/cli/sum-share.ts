import type { Analyzer, AnalyzerState } from "../analysis/analyzer.js";
import type { FrameDecoder } from "../frame/decode.js";
import type { Predicate } from "../match/predicate.js";
import type { AnalyzeOptions } from "./analyze.js";
import type { Naming } from "./names.js";
import { readCaptures } from "./read.js";
import { analyzerOf } from "./run.js";
import { selectionOf } from "./selection.js";
import type { Share } from "./shares.js";
import { SumSink } from "./sum-sink.js";

/** What came of a share. */
export interface ShareOutcome {
  /** Lines for standard error. */
  readonly lines: readonly string[];
  readonly sound: boolean;
  readonly packets: number;
  /** Whether a part of a file began and ended as parts must: else it does not count. */
  readonly flawless: boolean;
  /** Whether there was room for all its flows. */
  readonly held: boolean;
  /** Packets the filter passed over; those of them that it did so for want of names. */
  readonly passedOver: number;
  readonly unknown: number;
}

/** What another thread says of a share. */
export interface ShareMessage extends ShareOutcome {
  readonly file: number;
  readonly part: number;
  readonly state: AnalyzerState;
}

/** What reading a share takes. */
interface Begun {
  readonly naming: Naming;
  readonly decoder: FrameDecoder;
  readonly filter: Predicate | null;
  readonly progress: boolean;
}

/** Sums up a share. */
export async function sumShare(
  share: Share,
  options: AnalyzeOptions,
  { naming, decoder, filter, progress }: Begun,
  mostFlows: number,
): Promise<ShareOutcome & { analyzer: Analyzer }> {
  const analyzer = analyzerOf({ naming, decoder }, mostFlows);
  const sink = new SumSink(analyzer, share.range);
  const lines: string[] = [];
  // Captures are divided only where no count is asked for.
  const selection = selectionOf(options, "take", filter);
  const before = filter?.unknown ?? 0;
  const plan = {
    files: [share.name],
    part: share.range,
    reader: options.reader,
    decoder,
    selection,
    keysOnly: true,
    progress,
  };
  const result = await readCaptures(plan, sink, async (line) => {
    lines.push(line);
  });
  const { passedOver } = selection;
  const unknown = (filter?.unknown ?? 0) - before;
  const held = analyzer.flowOverflow === 0;
  return { ...result, analyzer, lines, held, flawless: sink.flawless && held, passedOver, unknown };
}
