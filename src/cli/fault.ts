import { printable } from "../text.js";

/**
 * What goes wrong on the command line. `message` is one safe line without the program's name: what is wrong,
 * and what to do. Every one ends the program with status 2.
 */
export class CliError extends Error {
  override readonly name = "CliError";
}

/** Exit statuses (see the contract in docs/cli.md). */
export const Exit = { done: 0, found: 1, failed: 2 } as const;

/** The one line to show for anything thrown. Names in it cannot drive a terminal, whoever wrote it. */
export function faultLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return `genevescope: ${printable(message.split("\n")[0])}`;
}
