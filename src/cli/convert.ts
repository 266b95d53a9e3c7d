import type { ConvertOptions } from "./convert-options.js";
import { ConvertSink } from "./convert-sink.js";
import { stepsOf } from "./convert-steps.js";
import { filtersOf } from "./filter-values.js";
import { readMerged } from "./merged-read.js";
import { type BareStage, isCapture, type ReadResult } from "./read.js";
import { type FileRun, run } from "./run.js";
import { Selection } from "./selection.js";
import { bareFilters } from "./tunnel-argument.js";
import { formatOf } from "./written-file.js";

/** Frames that are to be put into tunnels have none. */
const BARE: BareStage = { isBare: () => true, fill: () => {} };

/** The verb `convert`: writes the last of `files` from the others. Returns the exit status. */
export async function convert(files: readonly string[], options: ConvertOptions): Promise<number> {
  const isBare = options.encapsulate === true;
  const filters = filtersOf(isBare ? { ...options, filters: bareFilters(options) } : options);
  // What is in a tunnel can match only where there is one; any packet has a time.
  const isInside = filters.some(({ kind }) => kind !== "since" && kind !== "until");
  const others = isInside && options.all !== true ? "skip" : "count";
  const out = files[files.length - 1];
  return run(files.slice(0, -1), options, filters, (begun) =>
    write(begun, options, out, new Selection(options.count, others, begun.filter)),
  );
}

async function write(
  begun: FileRun,
  options: ConvertOptions,
  out: string,
  selection: Selection,
): Promise<boolean> {
  const { files, decoder, report } = begun;
  const { reader } = options;
  const format = options.format ?? formatOf(out);
  const steps = await stepsOf(begun, options, format);
  const sink = new ConvertSink(begun, { path: out, format }, steps, selection);
  const bytesOnly = steps.rewrites.length === 0 && steps.annotator === null && steps.split === null;
  const plan = {
    files,
    reader,
    decoder,
    selection,
    keysOnly: steps.rewrites.length === 0,
    bytesOnly,
    progress: true,
    sort: options.sort === true,
    bare: options.encapsulate === true ? BARE : null,
  };
  let result: ReadResult;
  try {
    result = await readMerged(plan, sink, report);
  } catch (error) {
    await sink.keep();
    throw error;
  }
  await sink.end();
  return isCapture(result, files, report);
}
