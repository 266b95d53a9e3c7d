import { fstatSync } from "node:fs";
import { colourStyle, plainStyle, type Style } from "../output/table.js";

/**
 * Whether standard output (1) or standard error (2) is a terminal. Node's own answer loads its sockets, so it is
 * asked of devices only.
 */
export function isTerminal(descriptor: 1 | 2): boolean {
  try {
    if (!fstatSync(descriptor).isCharacterDevice()) return false;
  } catch {
    return false;
  }
  return (descriptor === 1 ? process.stdout : process.stderr).isTTY === true;
}

/**
 * How standard output is coloured: on a terminal only, and not where NO_COLOR is set (https://no-color.org) or it
 * is a dumb one.
 */
export function outputStyle(): Style {
  const { NO_COLOR, TERM } = process.env;
  return !NO_COLOR && TERM !== "dumb" && isTerminal(1) ? colourStyle : plainStyle;
}

/** Whether there is a terminal whose whole screen can be used, and whose keys. */
export function hasScreen(): boolean {
  const { TERM } = process.env;
  return (
    isTerminal(1) && process.stdin.isTTY === true && TERM !== undefined && TERM !== "" && TERM !== "dumb"
  );
}
