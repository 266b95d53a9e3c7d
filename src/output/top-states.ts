/* How devices and databases are, a line each, for `live --top`. */
import type { LiveGap } from "../capture/live.js";
import { printable, shown } from "../text.js";
import type { InventoryState } from "./metrics.js";
import type { TopState } from "./top-page.js";

/** `said`: what was last said on standard error, but not seen. */
export function stateLines(
  gaps: readonly LiveGap[],
  inventories: readonly InventoryState[],
  said: string | null,
): TopState[] {
  const states: TopState[] = [];
  for (const { device, reason, fromMs, untilMs } of gaps)
    if (untilMs === null)
      states.push({ text: `${shown(device)}: ${reason} for ${age(Date.now() - fromMs)}`, isBad: true });
  for (const inventory of inventories) states.push(inventoryLine(inventory));
  if (inventories.length === 0) states.push({ text: "no southbound", isBad: false });
  const ended = gaps.filter(({ untilMs }) => untilMs !== null);
  const missed = ended.reduce((sum, { fromMs, untilMs }) => sum + ((untilMs ?? fromMs) - fromMs), 0);
  if (ended.length > 0)
    states.push({ text: `gaps: ${ended.length}, ${(missed / 1000).toFixed(1)} s in all`, isBad: true });
  if (said !== null)
    states.push({ text: `said: ${printable(said.trim().replace(/^genevescope: /, ""))}`, isBad: false });
  return states;
}

/** How it is comes first: sources may have long names. */
function inventoryLine({ source, ageMs, connected }: InventoryState): TopState {
  const old = ageMs === null ? "" : age(ageMs);
  const how =
    connected === null
      ? `last record ${old} ago`
      : connected
        ? `connected, heard ${old} ago`
        : `not connected, names ${old} old`;
  return { text: `${how}: ${shown(source)}`, isBad: connected === false };
}

/** A length of time in its largest unit. */
function age(ms: number): string {
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 100) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  if (seconds < 6000) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} days`;
}
