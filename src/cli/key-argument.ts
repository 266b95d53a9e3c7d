/* Keys of packets as they are given on the command line. */
import { shown } from "../text.js";
import { CliError } from "./fault.js";

export const LAST_VNI = 0xffffff;
export const LAST_INGRESS = 0x7fff;
export const LAST_EGRESS = 0xffff;

export function isNumber(text: string): boolean {
  return /^(0x[0-9a-f]+|\d+)$/i.test(text);
}

/** NaN for what is no number. */
export function numberArgument(what: string, text: string): number {
  // tcpdump -x prints 16 as 0010, which most people take for 10 and a shell for 8.
  if (/^0\d+$/.test(text))
    throw new CliError(`${what} ${shown(text)} has a leading zero; give ${Number(text)} or 0x${text}`);
  return isNumber(text) ? Number(text) : Number.NaN;
}

/** A number from `low` to `high`, decimal or 0x; `what` is what a message calls it. */
export function keyArgument(what: string, text: string, low: number, high: number): number {
  const value = numberArgument(what, text);
  if (!(value >= low && value <= high))
    throw new CliError(
      `${what} ${shown(text)} is no number from ${low} to ${high} (decimal, or 0x${high.toString(16)} at most)`,
    );
  return value;
}

/** A datapath's tunnel key, as a number. */
export function vniArgument(text: string): number {
  return keyArgument("VNI", text, 1, LAST_VNI);
}

/** An egress key, as a number: up to 32767 a port's, above a multicast group's. */
export function egressArgument(text: string): number {
  return keyArgument("egress key", text, 0, LAST_EGRESS);
}
