/* Whether there is, or ever was, anything of a name. Asked once a filter: not for hot paths. */
import type { FilterKind } from "./filters.js";
import type { Names } from "./names.js";
import { nearest } from "./nearest.js";

/** The filters that take names. */
export type NamedKind = Extract<FilterKind, "datapath" | "inport" | "outport" | "port" | "chassis">;

/** Null where something had the name at any time that is known of; else the names that are most like it. */
export function missing(kind: NamedKind, name: string, names: Names): string[] | null {
  const isPort = kind === "inport" || kind === "outport" || kind === "port";
  // Of many ports this saves going through all.
  if (isPort && names.inventory.portEvents(name).length > 0) return null;
  const all = new Set<string>();
  for (const each of namesOf(kind, names)) {
    if (each === name) return null;
    all.add(each);
  }
  return nearest(name, all);
}

/** Every name that a thing of this kind ever had. */
function* namesOf(kind: NamedKind, { inventory, known }: Names): Generator<string> {
  if (kind === "chassis") {
    for (const { name, hostname } of inventory.everyChassis()) yield* [name, hostname];
    return;
  }
  if (kind === "datapath") {
    for (const datapath of inventory.everyDatapath()) yield* known.everyDatapathName(datapath);
    return;
  }
  for (const port of inventory.everyPort()) yield* known.everyPortName(port);
  // No packet comes from a group.
  if (kind !== "inport") for (const { name } of inventory.everyMulticastGroup()) yield name;
}
