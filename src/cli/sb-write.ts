import { momentText } from "../output/sb-words.js";
import { grouped } from "../output/table.js";
import { shown } from "../text.js";
import { Exit } from "./fault.js";
import { isSound } from "./names.js";
import { openSource, report, type SbSourceOptions } from "./sb-open.js";

/** The verb `sb snapshot`: writes what the southbound says into a file. Returns the exit status. */
export async function sbSnapshot(target: string, options: SbSourceOptions): Promise<number> {
  const inventory = await openSource(options);
  const { snapshotInventory } = await import("./sb-snapshot.js");
  const { bytes } = await snapshotInventory(inventory, target);
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
  const end = latestDate === null ? "" : `to ${momentText(latestDate, true)} UTC`;
  const span = hasHistory ? `history ${begin}${end}` : "one moment, no history";
  await report(`${target === "-" ? "standard output" : shown(target)}: ${counts}; ${span}`);
  return isSound(inventory) ? Exit.done : Exit.failed;
}
