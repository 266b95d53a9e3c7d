#!/usr/bin/env node
/* Where the program starts. It is built as CommonJS (rolldown.config.js), which cannot await here. */
import { Exit, faultLine } from "./fault.js";
import { writeError } from "./stderr.js";
import { print } from "./stdout.js";
import { version } from "./version.js";

/** Runs the program with `args` (without node and script) and returns its exit status. */
async function main(args: readonly string[]): Promise<number> {
  try {
    if (args.length !== 1 || (args[0] !== "--version" && args[0] !== "-V")) {
      const { runProgram } = await import("./program.js");
      return await runProgram(args);
    }
    await print([`${version()}\n`]);
    return Exit.done;
  } catch (error) {
    writeError(`${faultLine(error)}\n`);
    return Exit.failed;
  }
}

main(process.argv.slice(2)).then((status) => {
  process.exitCode ??= status;
});
