/* From the filters that were given to the predicate that packets go through. */
import type { Filter } from "../match/filters.js";
import type { NamedKind } from "../match/look-up.js";
import type { Names } from "../match/names.js";
import type { Predicate } from "../match/predicate.js";
import { quoted, shown } from "../text.js";
import { CliError } from "./fault.js";
import type { Report } from "./following.js";
import type { Naming } from "./names.js";

/** What filters by name look for. */
const THINGS: Readonly<Record<NamedKind, string>> = {
  datapath: "datapath",
  inport: "port",
  outport: "port or multicast group",
  port: "port or multicast group",
  chassis: "chassis",
};

/** The predicate that filters come to; null where there are none. Throws a CliError for a name that nothing has. */
export async function compile(
  filters: readonly Filter[],
  naming: Naming,
  report: Report,
): Promise<Predicate | null> {
  if (filters.length === 0) return null;
  const { inventory, known, at } = naming;
  const names = inventory === null || known === null ? null : { inventory, known, at };
  for (const filter of filters) {
    if ("name" in filter) await checkName(filter.kind, filter.name, names, naming.links.length > 0, report);
    else if (filter.kind === "datapath" && names !== null) await checkKey(filter.key, names, report);
  }
  const { compileFilters } = await import("../match/filters.js");
  return compileFilters(filters, names);
}

/** Of a server that is followed, a thing of the name may come yet. */
async function checkName(
  kind: NamedKind,
  name: string,
  names: Names | null,
  isFollowed: boolean,
  report: Report,
): Promise<void> {
  const flag = `--${kind} ${quoted(name)}`;
  if (names === null)
    throw new CliError(
      `${flag} is a name, and names need a southbound database: give --sb SOURCE, without -n, or ${kind === "chassis" ? "an address" : "a key"}`,
    );
  const fault = await unknownName(flag, kind, name, names);
  if (fault === null) return;
  if (!isFollowed) throw new CliError(fault);
  await report(`${fault}; going on, in case there comes one`);
}

/** That nothing ever had the name, and which ones are most like it; null where something had it. */
export async function unknownName(
  flag: string,
  kind: NamedKind,
  name: string,
  names: Names,
): Promise<string | null> {
  const { missing } = await import("../match/look-up.js");
  const nearest = missing(kind, name, names);
  if (nearest === null) return null;
  const alike = nearest.length === 0 ? "" : `; nearest: ${nearest.map((each) => quoted(each)).join(", ")}`;
  return `${flag}: ${shown(names.inventory.source)} has had no ${THINGS[kind]} of that name${alike}`;
}

/** A number is a key; that a network is named so, too, is said. */
async function checkKey(key: number, names: Names, report: Report): Promise<void> {
  const { missing } = await import("../match/look-up.js");
  if (missing("datapath", `${key}`, names) === null)
    await report(
      `--datapath ${key} is taken for a key; that there is a datapath of that name, too, does not count: give its uuid or its key`,
    );
}
