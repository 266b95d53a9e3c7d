import type { Analyzer } from "../analysis/analyzer.js";
import type { PacketOptions } from "./options.js";
import type { Run } from "./run.js";
import { outputStyle } from "./terminal.js";

/** Flows listed as text unless `--top` says otherwise. */
const TOP = 20;

/** Flags of verbs that sum up packets. */
export type SumOptions = PacketOptions & { top?: number | undefined };

/**
 * Prints what has been summed up; `passedOver`: packets that did not match the filters. Returns how many packets
 * could not be named because they came before the southbound's history.
 */
export async function showSums(
  { stdout, naming, filter }: Run,
  analyzer: Analyzer,
  options: SumOptions,
  passedOver: number,
): Promise<number> {
  const { sources } = naming;
  const all = options.all === true;
  const top = options.top ?? (options.output === "json" ? Number.POSITIVE_INFINITY : TOP);
  const summary = analyzer.summary(top);
  if (options.output === "json") {
    const { analyzeJson } = await import("../output/analyze-json.js");
    for (const piece of analyzeJson(summary, { all, filteredOut: passedOver, sources })) {
      stdout.write(piece);
      if (stdout.full) await stdout.flush();
      if (stdout.closed) break;
    }
  } else {
    const { analyzeText } = await import("../output/analyze-text.js");
    stdout.write(
      analyzeText(summary, {
        top,
        all,
        filteredOut: filter === null ? null : passedOver,
        utc: options.utc === true,
        named: naming.inventory !== null,
        names: options.names || "logical",
        sources,
        style: outputStyle(),
      }),
    );
  }
  await stdout.flush();
  return summary.beforeHistory;
}
