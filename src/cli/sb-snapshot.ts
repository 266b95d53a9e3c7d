import { grouped } from "../output/table.js";
import { momentText, zonedText } from "../output/time.js";
import type { Inventory } from "../southbound/index.js";
import { shown } from "../text.js";
import { CliError, Exit } from "./fault.js";
import { isSound } from "./names.js";
import type { SourceOptions } from "./options.js";
import { openSource, refuseSource, report } from "./sb-open.js";
import { isTerminal } from "./terminal.js";

/** The verb `sb snapshot`: writes what the southbound says into a file. Returns the exit status. */
export async function sbSnapshot(target: string, options: SourceOptions): Promise<number> {
  if (target === "") throw new CliError("sb snapshot: give a file to write, or - for standard output");
  if (target === "-" && isTerminal(1))
    throw new CliError("a snapshot is compressed and no sight for a terminal; give a file, or redirect it");
  await refuseSource(target, options);
  const inventory = await openSource(options);
  const bytes = await save(inventory, target);
  // Nobody reads it any more.
  if (bytes === 0) return Exit.done;
  const { hasHistory, historyStart, latestDate, transactions } = inventory;
  const counts = [
    `${grouped(inventory.datapaths(Number.POSITIVE_INFINITY).length)} datapaths`,
    `${grouped(inventory.ports(Number.POSITIVE_INFINITY).length)} ports`,
    transactions === 1 ? "1 transaction" : `${grouped(transactions)} transactions`,
    `${grouped(bytes)} bytes`,
  ].join(", ");
  const begin = Number.isFinite(historyStart) ? `from ${momentText(historyStart, true)} ` : "";
  const end = latestDate === null ? "" : `to ${zonedText(latestDate, true)}`;
  const span = hasHistory ? `history ${begin}${end}` : "one moment, no history";
  await report(`${target === "-" ? "standard output" : shown(target)}: ${counts}; ${span}`);
  return isSound(inventory) ? Exit.done : Exit.failed;
}

/** How many bytes were written; 0 where the reader of standard output has gone away, which is no fault. */
async function save(inventory: Inventory, target: string): Promise<number> {
  const { saveSnapshot } = await import("../southbound/snapshot.js");
  if (target !== "-") return (await saveSnapshot(inventory, target)).bytes;
  try {
    return (await saveSnapshot(inventory, process.stdout)).bytes;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EPIPE") return 0;
    throw new CliError(`standard output: ${(error as Error).message}`, { cause: error });
  }
}
