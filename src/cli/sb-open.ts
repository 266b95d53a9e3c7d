import { stat } from "node:fs/promises";
import type { NameChoice } from "../output/names.js";
import { SbNames } from "../output/sb-names.js";
import { zonedText } from "../output/time.js";
import type { Inventory } from "../southbound/index.js";
import { shown } from "../text.js";
import { CliError } from "./fault.js";
import { isSound, openKnown, reportOddities, sourceOf, tlsFiles } from "./names.js";
import type { NamingOptions, SourceOptions } from "./options.js";
import { writeError } from "./stderr.js";
import { sbTime } from "./time-argument.js";

/** The flags of the verbs of `sb` that print. */
export interface SbOptions extends NamingOptions {
  names: NameChoice;
  output: "text" | "json";
}

/** What the verbs of `sb` that print begin with. */
export interface SbRun {
  inventory: Inventory;
  names: SbNames;
  /** The moment asked for: milliseconds since 1970, Infinity for the latest known. */
  at: number;
  /** False where a source was damaged, by more than a last record that was still being written. */
  sound: boolean;
}

/** Prints one line on standard error. */
export async function report(line: string): Promise<void> {
  writeError(`genevescope: ${line}\n`);
}

/** Opens the southbound that `--sb` or $OVN_SB_DB names. Its oddities and damage are reported, a line each. */
export async function openSource(options: SourceOptions): Promise<Inventory> {
  const source = sourceOf(options);
  if (source === null)
    throw new CliError("no southbound database; give --sb SOURCE (a server or a file), or set OVN_SB_DB");
  const { openSouthbound } = await import("../southbound/open.js");
  const inventory = await openSouthbound(source, tlsFiles(options));
  await reportOddities(inventory, report);
  return inventory;
}

/** Throws where a file to write is the database that it is made of, which would be lost. */
export async function refuseSource(target: string, options: SourceOptions): Promise<void> {
  const identity = (path: string) => stat(path, { bigint: true }).catch(() => null);
  const [written, read] = await Promise.all([target, sourceOf(options) ?? ""].map(identity));
  if (written?.isFile() && written.dev === read?.dev && written.ino === read.ino)
    throw new CliError(`${shown(target)}: is the southbound that is read; name another file to write`);
}

/** Opens the southbound and what adds to its names. */
export async function openSb(options: SbOptions): Promise<SbRun> {
  if (options.sbTime === "packet")
    throw new CliError("--sb-time packet: there are no packets here; give latest, or a time");
  const at = sbTime(options.sbTime, options.utc) ?? Number.POSITIVE_INFINITY;
  const inventory = await openSource(options);
  await reportTime(inventory, at, options.utc === true);
  const { known, sources, sound } = await openKnown(options, report);
  const names = new SbNames(known, options.names, sources, at);
  return { inventory, names, at, sound: isSound(inventory) && sound };
}

/** Says so where the source does not know what was at the moment asked for. */
export async function reportTime(inventory: Inventory, at: number, utc: boolean): Promise<void> {
  const unknown = timeUnknown(inventory, at, utc);
  if (unknown !== null) await report(`${shown(inventory.source)}: ${unknown}`);
}

/** Why the source does not know what was at the moment asked for; null where it does. */
function timeUnknown(inventory: Inventory, at: number, utc: boolean): string | null {
  const { hasHistory, historyStart, latestDate, format } = inventory;
  if (at === Number.POSITIVE_INFINITY) return null;
  if (!hasHistory)
    return `the source is a ${format}, which tells of one moment only, whatever --sb-time says`;
  if (at < historyStart)
    return `what was before its first record (${zonedText(historyStart, utc)}) is unknown`;
  if (latestDate !== null && at > latestDate)
    return `--sb-time is after its last record (${zonedText(latestDate, utc)}); the answer is as of that`;
  return null;
}
