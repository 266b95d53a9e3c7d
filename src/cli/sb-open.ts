import type { NameChoice } from "../output/names.js";
import { SbNames } from "../output/sb-names.js";
import type { Inventory } from "../southbound/index.js";
import { shown } from "../text.js";
import { CliError } from "./fault.js";
import { isSound, openKnown, reportOddities } from "./names.js";
import { sbTime } from "./options.js";
import { Stdout } from "./stdout.js";

/** Where the southbound is, as all verbs of `sb` take it. */
export interface SbSourceOptions {
  sb?: string;
  privateKey?: string;
  certificate?: string;
  caCert?: string;
}

/** The flags of the verbs of `sb` that print. */
export interface SbOptions extends SbSourceOptions {
  sbTime?: string;
  nb?: string;
  ovs?: string[];
  names: NameChoice;
  output: "text" | "json";
  utc?: boolean;
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
  process.stderr.write(`genevescope: ${line}\n`);
}

/** Opens the southbound that `--sb` or $OVN_SB_DB names. Its oddities and damage are reported, a line each. */
export async function openSource(options: SbSourceOptions): Promise<Inventory> {
  const source = options.sb ?? process.env.OVN_SB_DB;
  if (source === undefined || source === "")
    throw new CliError("no southbound database; give --sb SOURCE (a server or a file), or set OVN_SB_DB");
  const { openSouthbound } = await import("../southbound/index.js");
  const { privateKey, certificate, caCert } = options;
  const inventory = await openSouthbound(source, { privateKey, certificate, caCert });
  await reportOddities(inventory, report);
  return inventory;
}

/** Opens the southbound and what adds to its names. */
export async function openSb(options: SbOptions): Promise<SbRun> {
  if (options.sbTime === "packet")
    throw new CliError("--sb-time packet: there are no packets here; give latest, or a time");
  const at = sbTime(options.sbTime) ?? Number.POSITIVE_INFINITY;
  const inventory = await openSource(options);
  if (at < inventory.historyStart)
    await report(
      `${shown(inventory.source)}: what was before its first record (${new Date(inventory.historyStart).toISOString()}) is unknown`,
    );
  const { known, sources, sound } = await openKnown(options, report);
  const names = new SbNames(known, options.names, sources, at);
  return { inventory, names, at, sound: isSound(inventory) && sound };
}

/** Writes to standard output piece by piece, as fast as it is read. */
export async function print(pieces: Iterable<string>): Promise<void> {
  const stdout = new Stdout();
  for (const piece of pieces) {
    stdout.write(piece);
    if (stdout.full) await stdout.flush();
    if (stdout.closed) return;
  }
  await stdout.flush();
}
