import type { Inventory } from "../southbound/index.js";
import { shown } from "../text.js";
import { type CommonOptions, sbTime } from "./options.js";

/** The inventory to name keys with, and the time to name them as of (see Namer). */
export interface Naming {
  inventory: Inventory | null;
  /** False where the source was damaged, by more than a last record that was still being written. */
  sound: boolean;
  at: number | null;
  /** UDP ports that tunnels of the southbound use besides 6081. */
  ports: readonly number[];
}

const NAMELESS: Naming = { inventory: null, sound: true, at: Number.POSITIVE_INFINITY, ports: [] };

/** Opens what `--sb` (or $OVN_SB_DB) names. Oddities and damage of the source go to `report`, a line each. */
export async function openNaming(
  options: CommonOptions,
  report: (line: string) => Promise<void>,
): Promise<Naming> {
  const when = sbTime(options.sbTime);
  const source = options.sb ?? process.env.OVN_SB_DB;
  if (source === undefined || source === "") return NAMELESS;
  const { openSouthbound } = await import("../southbound/index.js");
  let inventory: Inventory;
  try {
    inventory = await openSouthbound(source);
  } catch (error) {
    // What was asked for by flag must work; an environment set up for ovn-sbctl need not.
    if (options.sb !== undefined) throw error;
    await report(`$OVN_SB_DB: ${(error as Error).message}; going on without names`);
    return NAMELESS;
  }
  // Without names its tunnel ports still count.
  const ports = inventory.genevePorts();
  if (!options.names) return { ...NAMELESS, ports };
  if (inventory.damage !== null)
    await report(
      `${shown(source)}: damaged at byte ${inventory.damage.offset}: ${inventory.damage.reason}; names are as of what is before it`,
    );
  for (const { text, count } of inventory.warnings)
    await report(`${shown(source)}: ${text}${count > 1 ? ` (and ${count - 1} more)` : ""}`);
  return {
    inventory,
    sound: inventory.damage === null || (inventory.damage.torn === true && inventory.transactions > 0),
    ports,
    at: when === undefined ? (inventory.hasHistory ? null : Infinity) : when,
  };
}

/** Says once how many packets are older than what the source remembers. */
export async function reportBeforeHistory(
  { inventory }: Naming,
  packets: number,
  report: (line: string) => Promise<void>,
): Promise<void> {
  if (inventory === null || packets === 0) return;
  const start = new Date(inventory.historyStart).toISOString();
  await report(
    `${shown(inventory.source)}: ${packets === 1 ? "1 packet is" : `${packets} packets are`} older than its first record (${start}), names unknown; --sb-time latest takes the newest known ones`,
  );
}
