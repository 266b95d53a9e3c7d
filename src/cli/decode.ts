import { filtersOf } from "./filter-values.js";
import { type LineOptions, openLines } from "./lines.js";
import type { CommonOptions } from "./options.js";
import { isCapture, readCaptures } from "./read.js";
import { type FileRun, run } from "./run.js";
import { isTerminal } from "./terminal.js";

/** The verb `decode`: prints packets. Returns the exit status. */
export async function decode(
  files: readonly string[],
  options: CommonOptions & LineOptions,
): Promise<number> {
  return run(files, options, filtersOf(options), (begun) => print(begun, options));
}

async function print(begun: FileRun, options: CommonOptions & LineOptions): Promise<boolean> {
  const { report, files, decoder } = begun;
  const lines = await openLines(begun, options);
  const plan = {
    files,
    reader: options.reader,
    decoder,
    selection: lines.selection,
    keysOnly: lines.keysOnly,
    progress: !isTerminal(1),
  };
  const result = await readCaptures(plan, lines, report);
  await lines.end();
  return isCapture(result, files, report);
}
