import type { Writable } from "node:stream";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { fileReason } from "../file-reason.js";
import type { NameChoice } from "../output/names.js";
import { momentText } from "../output/time.js";
import { colorRules, DISSECTOR } from "../output/wireshark-dissector.js";
import { type ScriptNames, scriptNames } from "../output/wireshark-names.js";
import { shown } from "../text.js";
import { WRITE_WORDS, writeWhole } from "../whole-file.js";
import { CliError, Exit } from "./fault.js";
import { isSound, openKnown } from "./names.js";
import type { NamingOptions, PortOptions } from "./options.js";
import { openSource, refuseSource, report, reportTime } from "./sb-open.js";
import { print } from "./stdout.js";
import { sbTime } from "./time-argument.js";
import { portsOf } from "./tunnel-ports.js";
import { version } from "./version.js";

export interface WiresharkOptions extends NamingOptions, PortOptions {
  names: NameChoice;
  /** The file; `-` is standard output. */
  write?: string;
  /** Rules for colours in the place of the script. */
  colors?: boolean;
}

/** The verb `wireshark`: writes what lets Wireshark show and filter by logical names. Returns the exit status. */
export async function wireshark(options: WiresharkOptions): Promise<number> {
  const { write: target = "-" } = options;
  if (options.colors === true) {
    await put([colorRules()], target);
    return Exit.done;
  }
  const when = sbTime(options.sbTime, options.utc);
  await refuseSource(target, options);
  const inventory = await openSource(options);
  if (typeof when === "number") await reportTime(inventory, when, options.utc === true);
  const { known, sound } = await openKnown(options, report);
  if (known.north !== null) inventory.learnAddresses(known.north);
  const { hasHistory, source } = inventory;
  const at = when === undefined ? (hasHistory ? null : Number.POSITIVE_INFINITY) : when;
  const ports = portsOf(options, (type) => inventory.tunnelPorts(type));
  await put(script({ inventory, known, choice: options.names, at, ports }, source), target);
  return isSound(inventory) && sound ? Exit.done : Exit.failed;
}

/** The script, piece by piece. */
function* script(names: ScriptNames, source: string): Generator<string> {
  const { at } = names;
  const moment =
    at === null
      ? "as of each packet's time"
      : at === Number.POSITIVE_INFINITY
        ? "as of the latest known"
        : `as of ${momentText(at, true)} UTC`;
  yield `-- OVN's names for Wireshark, by genevescope ${version()}: ${shown(source)}, ${moment}.\n`;
  yield* scriptNames(names);
  yield DISSECTOR;
}

/** Writes into a file, which appears when it is complete, or to standard output. */
async function put(pieces: Iterable<string>, target: string): Promise<void> {
  if (target === "-") return print(pieces);
  try {
    await writeWhole(target, (stream: Writable) => pipeline(Readable.from(pieces), stream));
  } catch (error) {
    const { syscall, code } = error as NodeJS.ErrnoException;
    if (syscall === undefined && code !== "ERR_INVALID_ARG_VALUE") throw error;
    throw new CliError(`${shown(target)}: cannot be written: ${fileReason(error, WRITE_WORDS)}`, {
      cause: error,
    });
  }
}
