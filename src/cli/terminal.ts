import { fstatSync } from "node:fs";
import { colourStyle, plainStyle, type Style } from "../output/table.js";

/**
 * Whether the standard stream with this descriptor is a terminal. Node's own answer loads its sockets, so it is
 * asked of devices only.
 */
export function isTerminal(descriptor: 0 | 1 | 2): boolean {
  try {
    if (!fstatSync(descriptor).isCharacterDevice()) return false;
  } catch {
    return false;
  }
  const stream = [() => process.stdin, () => process.stdout, () => process.stderr][descriptor]();
  return stream.isTTY === true;
}

/**
 * How standard output is coloured: on a terminal only, and not where NO_COLOR is set (https://no-color.org) or it
 * is a dumb one.
 */
export function outputStyle(): Style {
  const { NO_COLOR, TERM } = process.env;
  return !NO_COLOR && TERM !== "dumb" && isTerminal(1) ? colourStyle : plainStyle;
}
