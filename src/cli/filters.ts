/* From the filters that were given to the predicate that packets go through. */
import type { Expression } from "../match/expression.js";
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
    if ("name" in filter)
      await checkName(
        `--${filter.kind} ${quoted(filter.name)}`,
        filter.kind,
        filter.name,
        names,
        naming,
        report,
      );
    else if (filter.kind === "datapath" && names !== null) await checkKey(filter.key, names, report);
  }
  const complete: Filter[] = [];
  for (const filter of filters)
    complete.push(
      filter.kind === "match"
        ? { ...filter, expression: await completed(filter.expression, names, naming, report) }
        : filter,
    );
  const { compileFilters } = await import("../match/filters.js");
  return compileFilters(complete, names);
}

/** An expression whose names are there, with the members of its sets. */
async function completed(
  expression: Expression,
  names: Names | null,
  naming: Naming,
  report: Report,
): Promise<Expression> {
  const { comparisons } = await import("../match/expression.js");
  const all = [...comparisons(expression)];
  for (const each of all)
    if (each.kind === "name")
      for (const name of each.names)
        await checkName(`--match: ${each.symbol} ${quoted(name)}`, each.symbol, name, names, naming, report);
  if (!all.some((each) => (each.kind === "name" ? each.groups : each.sets).length > 0)) return expression;
  const { withSets, SetError } = await import("../match/sets.js");
  const sets = await naming.sets();
  try {
    return withSets(expression, sets);
  } catch (error) {
    if (!(error instanceof SetError)) throw error;
    throw new CliError(`--match: ${error.message}`);
  }
}

/** Of a server that is followed, a thing of the name may come yet. `what`: where the name stands, for messages. */
async function checkName(
  what: string,
  kind: NamedKind,
  name: string,
  names: Names | null,
  { links }: Naming,
  report: Report,
): Promise<void> {
  if (names === null) {
    const instead = what.startsWith("--match") ? "" : kind === "chassis" ? ", or an address" : ", or a key";
    throw new CliError(
      `${what} is a name, and names need a southbound database: give --sb SOURCE, without -n${instead}`,
    );
  }
  const fault = await unknownName(what, kind, name, names);
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
