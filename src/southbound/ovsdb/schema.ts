/*
 * The tables and columns that are wanted of a database, and what the schema of a source (RFC 7047 section 3.2)
 * says of them. Schemas differ between releases; only what a database is useless without is insisted on.
 */

import { quoted, shown } from "../../text.js";
import { SouthboundError } from "./error.js";
import type { AtomType, Column, Shape } from "./value.js";
import { type Datum, defaultDatum, isObject } from "./value.js";
import type { WarningLog } from "./warnings.js";

/**
 * A column that is `essential` must be there; one that is `recent` came with some release, so that many
 * databases lack it without anything being wrong.
 */
export type ColumnSpec = readonly [name: string, shape: Shape, atom: AtomType, rank?: "essential" | "recent"];

/** What is wanted of one kind of database. */
export interface DatabaseSpec {
  /** The name in its schema. */
  readonly name: string;
  /** What its file is usually called, for messages. */
  readonly usualFile: string;
  readonly tables: Readonly<Record<string, readonly ColumnSpec[]>>;
  /** Tables without which it is of no use. */
  readonly essential: readonly string[];
  /** Tables that nobody need hear are missing. */
  readonly optional: readonly string[];
  /** What cannot be done without the essential, for messages: "no key can be named". */
  readonly loss: string;
}

/** Where each column of each table lies in a row's values. */
export type ColumnIndexOf<T extends Readonly<Record<string, readonly ColumnSpec[]>>> = {
  readonly [K in keyof T]: { readonly [C in T[K][number][0]]: number };
};

export function columnIndex<const T extends Readonly<Record<string, readonly ColumnSpec[]>>>(
  tables: T,
): ColumnIndexOf<T> {
  const entries = Object.entries(tables).map(([table, columns]) => [
    table,
    Object.fromEntries(columns.map(([name], index) => [name, index])),
  ]);
  return Object.fromEntries(entries);
}

/** One table as a source stores it: the wanted columns, in our order, with the source's notion of their size. */
export interface TableLayout {
  readonly name: string;
  /** Indexed as by {@link columnIndex}. */
  readonly columns: readonly Column[];
  /** Where a column of this name is in `columns`. */
  readonly byName: ReadonlyMap<string, number>;
  /** The values of a row that mentions no column. */
  readonly defaults: readonly Datum[];
  /** By column: whether the source has it (and of the right type). */
  readonly present: readonly boolean[];
}

/** The tables of one source. A table it does not have has its layout nevertheless, and no rows. */
export type Layout = ReadonlyMap<string, TableLayout>;

/** A source's schema as far as it concerns us. */
export interface Schema {
  readonly version: string | null;
  readonly layout: Layout;
}

const ABSENT = " is not there";

/** The layout of a source that brings no schema: as current releases have it. */
export function standardLayout(spec: DatabaseSpec): Layout {
  return buildLayout(spec, () => undefined);
}

/**
 * Reads a schema, as found in the first record of a database file or fetched with `get_schema`. Throws a
 * {@link SouthboundError} where it is another database's (`ERR_SB_DATABASE`), no schema at all
 * (`ERR_SB_FORMAT`) or lacks what is essential (`ERR_SB_SCHEMA`); lesser gaps are warnings.
 */
export function readSchema(json: unknown, spec: DatabaseSpec, source: string, warnings: WarningLog): Schema {
  const tables = member(json, "tables");
  const name = member(json, "name");
  if (typeof name !== "string" || !isObject(tables))
    throw new SouthboundError(
      "ERR_SB_FORMAT",
      source,
      `the first record is no OVSDB schema; give the ${spec.name} database`,
    );
  if (name !== spec.name) throw wrongDatabase(source, name, spec);
  const version = member(json, "version");
  const columnsOf = (table: string) => member(member(tables, table), "columns");
  for (const table of Object.keys(spec.tables)) {
    if (columnsOf(table) !== undefined) continue;
    if (spec.essential.includes(table)) throw missing(source, `table ${table} is not there`, spec);
    if (spec.optional.includes(table)) continue;
    warnings.add("missing-table", `the schema has no table ${table}`);
  }
  const layout = buildLayout(spec, (table, [column, shape, atom]) => {
    const columns = columnsOf(table);
    if (columns === undefined) return undefined;
    const declared = member(columns, column);
    const problem = typeProblem(declared, shape, atom);
    if (problem === null) return isComposite(declared);
    missingColumn(spec, source, table, column, warnings, problem);
    return undefined;
  });
  return { version: typeof version === "string" ? version : null, layout };
}

/**
 * Throws where a column is missing (or `problem` says what else is wrong with it) that is essential; otherwise
 * warns, unless the column is merely too recent for the source.
 */
export function missingColumn(
  spec: DatabaseSpec,
  source: string,
  table: string,
  column: string,
  warnings: WarningLog,
  problem = ABSENT,
): void {
  const rank = spec.tables[table]?.find(([name]) => name === column)?.[3];
  const text = `column ${table}.${column}${problem}`;
  if (rank === "essential") throw missing(source, text, spec);
  if (rank === "recent" && problem === ABSENT) return;
  warnings.add("missing-column", `${text}; its default is used`);
}

/** The error for a database that is not the one that is wanted. */
export function wrongDatabase(source: string, name: string, spec: DatabaseSpec): SouthboundError {
  return new SouthboundError(
    "ERR_SB_DATABASE",
    source,
    `is ${shown(name)}, not ${spec.name}; that database is usually ${spec.usualFile}`,
  );
}

function missing(source: string, what: string, spec: DatabaseSpec): SouthboundError {
  return new SouthboundError("ERR_SB_SCHEMA", source, `${what}, so ${spec.loss}; is this a database of OVN?`);
}

/** What is wrong with a column's declared type for our purpose, or null. */
function typeProblem(declared: unknown, shape: Shape, atom: AtomType): string | null {
  if (declared === undefined) return ABSENT;
  const type = member(declared, "type");
  const key = typeof type === "string" ? type : member(type, "key");
  const base = typeof key === "string" ? key : member(key, "type");
  const isMap = member(type, "value") !== undefined;
  if (base !== atom)
    return ` is of type ${quoted(typeof base === "string" ? base : "none", 20)}, not ${atom}`;
  if (isMap !== (shape === "map")) return isMap ? " is a map" : " is no map";
  if (isComposite(declared) && (shape === "one" || shape === "optional")) return " is a set";
  return null;
}

function isComposite(declared: unknown): boolean {
  const max = member(member(declared, "type"), "max");
  return max === "unlimited" || (typeof max === "number" && max > 1);
}

/**
 * Builds the layout; `composite` says what the source declares of a column, undefined where it has none that
 * can be used.
 */
function buildLayout(
  spec: DatabaseSpec,
  composite: (table: string, column: ColumnSpec) => boolean | undefined,
): Layout {
  const layout = new Map<string, TableLayout>();
  for (const [name, specs] of Object.entries(spec.tables)) {
    const present: boolean[] = [];
    const columns = specs.map((column): Column => {
      const [columnName, shape, atom] = column;
      const declared = composite(name, column);
      present.push(declared !== undefined);
      return { name: columnName, shape, atom, composite: declared ?? (shape === "set" || shape === "map") };
    });
    const byName = new Map(columns.map((column, index) => [column.name, index]));
    layout.set(name, { name, columns, byName, defaults: columns.map(defaultDatum), present });
  }
  return layout;
}

/** A member of a JSON object itself, never of its prototype; undefined where there is none. */
function member(json: unknown, name: string): unknown {
  return isObject(json) && Object.hasOwn(json, name) ? json[name] : undefined;
}
