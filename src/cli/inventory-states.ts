import type { InventoryState } from "../output/metrics.js";
import type { Naming } from "./names.js";

/** How the databases are that names come from: servers that are followed, or a file. */
export function inventoryStates({ inventory, links }: Naming): InventoryState[] {
  const now = Date.now();
  const servers = links.map(({ source, link }) => {
    return { source, ageMs: now - link.lastCurrent, connected: link.state === "connected" };
  });
  const date = inventory?.format === "server" ? null : (inventory?.latestDate ?? null);
  if (inventory === null || date === null) return servers;
  return [...servers, { source: inventory.source, ageMs: now - date, connected: null }];
}
