import { GENEVE_PORT } from "../wire/geneve.js";
import type { Naming } from "./names.js";
import type { CommonOptions } from "./options.js";
import type { Stdout } from "./stdout.js";

/** Prints one line on standard error, after everything before it has reached standard output. */
export function reporter(stdout: Stdout): (line: string) => Promise<void> {
  return async (line) => {
    await stdout.flush();
    process.stderr.write(`genevescope: ${line}\n`);
  };
}

/** The UDP destination ports taken as Geneve: as told, else 6081 and every one the southbound mentions. */
export function genevePorts(options: CommonOptions, naming: Naming): number[] {
  return options.genevePort ?? [GENEVE_PORT, ...naming.ports];
}
