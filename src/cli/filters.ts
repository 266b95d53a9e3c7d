/* From the filters that were given to the predicate that packets go through. */
import { comparisons, hasSets } from "../match/expression.js";
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
  for (const named of namesIn(filters)) await checkName(named, names, naming, report);
  for (const filter of filters)
    if (filter.kind === "datapath" && "key" in filter && names !== null)
      await checkKey(filter.key, names, report);
  const { compileFilters } = await import("../match/filters.js");
  return compileFilters(await withMembers(filters, naming), names);
}

/** A name in a filter. */
interface Named {
  readonly kind: NamedKind;
  readonly name: string;
  /** Where it stands, for messages, and what could be given in place of a name. */
  readonly where: string;
  readonly instead: string;
}

function* namesIn(filters: readonly Filter[]): Generator<Named> {
  for (const filter of filters) {
    if ("name" in filter) {
      const { kind, name } = filter;
      const instead = kind === "chassis" ? ", or an address" : ", or a key";
      yield { kind, name, where: `--${kind} ${quoted(name)}`, instead };
    }
    if (filter.kind !== "match") continue;
    for (const comparison of comparisons(filter.expression)) {
      if (comparison.kind !== "name") continue;
      const { symbol: kind, names } = comparison;
      for (const name of names) yield { kind, name, where: `--match: ${kind} ${quoted(name)}`, instead: "" };
    }
  }
}

/** The filters, with the members of the sets and groups that their expressions name. */
async function withMembers(filters: readonly Filter[], naming: Naming): Promise<readonly Filter[]> {
  if (!filters.some((filter) => filter.kind === "match" && hasSets(filter.expression))) return filters;
  const { withSets, SetError } = await import("../match/sets.js");
  const sets = await naming.sets();
  try {
    return filters.map((filter) =>
      filter.kind === "match" ? { ...filter, expression: withSets(filter.expression, sets) } : filter,
    );
  } catch (error) {
    if (!(error instanceof SetError)) throw error;
    throw new CliError(`--match: ${error.message}`);
  }
}

/** Of a server that is followed, a thing of the name may come yet. */
async function checkName(
  { kind, name, where, instead }: Named,
  names: Names | null,
  { links }: Naming,
  report: Report,
): Promise<void> {
  if (names === null)
    throw new CliError(
      `${where} is a name, and names need a southbound database: give --sb SOURCE, without -n${instead}`,
    );
  const fault = await unknownName(where, kind, name, names);
  if (fault === null) return;
  if (links.length === 0) throw new CliError(fault);
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
