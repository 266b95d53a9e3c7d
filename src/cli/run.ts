import { fstatSync, statSync } from "node:fs";
import { Analyzer } from "../analysis/analyzer.js";
import { FrameDecoder } from "../frame/decode.js";
import type { Filter } from "../match/filters.js";
import type { Predicate } from "../match/predicate.js";
import { Exit } from "./fault.js";
import { compile } from "./filters.js";
import { type Naming, openNaming } from "./names.js";
import type { TakeOptions } from "./options.js";
import { inputs } from "./read.js";
import { writeError } from "./stderr.js";
import { Stdout } from "./stdout.js";
import { portsOf } from "./tunnel-ports.js";

/** What every verb that takes packets begins with. */
export interface Run {
  stdout: Stdout;
  /** Prints one line on standard error, after everything before it has reached standard output. */
  report: (line: string) => Promise<void>;
  naming: Naming;
  decoder: FrameDecoder;
  /** Null where no filters are given. */
  filter: Predicate | null;
}

/** The same for verbs that read captures. */
export interface FileRun extends Run {
  files: string[];
}

/** Whether packets may come while they are read: from standard input where that is no file, or a named pipe. */
function isStream(name: string): boolean {
  try {
    return !(name === "-" ? fstatSync(0) : statSync(name)).isFile();
  } catch {
    // Whoever opens it says what is wrong.
    return false;
  }
}

/**
 * Takes files, flags and filters to where reading can begin and leaves the rest to `verb`, which says whether the
 * captures were sound. Servers that were followed meanwhile are left, however it ends. Returns the exit status.
 */
export async function run(
  files: readonly string[],
  options: TakeOptions,
  filters: readonly Filter[],
  verb: (run: FileRun) => Promise<boolean>,
): Promise<number> {
  const names = inputs(files);
  return begin(names.some(isStream), options, filters, (begun) => verb({ ...begun, files: names }));
}

/** The same without files; servers are followed where packets are `live`. */
export async function begin(
  live: boolean,
  options: TakeOptions,
  filters: readonly Filter[],
  verb: (run: Run) => Promise<boolean>,
): Promise<number> {
  const stdout = new Stdout();
  const report = async (line: string): Promise<void> => {
    await stdout.flush();
    writeError(`genevescope: ${line}\n`);
  };
  const naming = await openNaming(options, live, report);
  try {
    const decoder = decoderFor(options, naming);
    const filter = await compile(filters, naming, report);
    const sound = await verb({ stdout, report, naming, decoder, filter });
    return sound && naming.sound ? Exit.done : Exit.failed;
  } finally {
    await naming.close();
  }
}

/** An analyzer that names keys as a run does, for `most` flows. */
export function analyzerOf({ naming, decoder }: Pick<Run, "naming" | "decoder">, most: number): Analyzer {
  return new Analyzer(naming.inventory, naming.at, decoder, naming.known, most);
}

/** A decoder for the ports that flags and the southbound tell. */
export function decoderFor(options: TakeOptions, { tunnels }: Naming): FrameDecoder {
  const { geneve, vxlan, stt } = portsOf(options, tunnels.portsOf);
  return new FrameDecoder(geneve, { vxlan, stt, ends: tunnels.ends });
}
