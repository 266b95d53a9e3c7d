import { type SnapshotSource, saveSnapshot } from "../southbound/snapshot.js";
import { CliError } from "./fault.js";

/**
 * `sb snapshot`: writes what `inventory` knows into the file `target`, or where that is `-` to standard output.
 * Returns how many bytes were written. A reader of standard output that goes away is no fault.
 */
export async function snapshotInventory(
  inventory: SnapshotSource,
  target: string,
): Promise<{ bytes: number }> {
  if (target !== "-") return saveSnapshot(inventory, target);
  if (process.stdout.isTTY)
    throw new CliError("a snapshot is compressed and no sight for a terminal; give a file, or redirect it");
  try {
    return await saveSnapshot(inventory, process.stdout);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EPIPE") return { bytes: 0 };
    throw error;
  }
}
