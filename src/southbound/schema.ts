/*
 * The tables and columns of OVN_Southbound (ovn-sb(5)) that this room needs, and what the schema of a source
 * (RFC 7047 section 3.2) says of them. Schemas differ between OVN releases; only what names a packet is
 * insisted on.
 */

import { quoted, shown } from "../text.js";
import { SouthboundError } from "./error.js";
import type { AtomType, Column, Shape } from "./value.js";
import { type Datum, defaultDatum } from "./value.js";
import type { WarningLog } from "./warnings.js";

/** The name the database has in its schema. */
export const DATABASE_NAME = "OVN_Southbound";

/**
 * A column that is `essential` must be there; one that is `recent` came with some release of OVN, so that many
 * databases lack it without anything being wrong.
 */
type ColumnSpec = readonly [name: string, shape: Shape, atom: AtomType, rank?: "essential" | "recent"];

/*
 * Not kept: Multicast_Group.ports (long, and the name is what a packet shows), whatever ovn-northd and
 * ovn-controller count (nb_cfg), and the tables that only northd and controllers use.
 */
const TABLES = {
  SB_Global: [
    ["options", "map", "string"],
    ["external_ids", "map", "string"],
  ],
  Datapath_Binding: [
    ["tunnel_key", "one", "integer", "essential"],
    ["external_ids", "map", "string"],
    ["type", "optional", "string", "recent"],
    ["nb_uuid", "optional", "uuid", "recent"],
  ],
  Port_Binding: [
    ["logical_port", "one", "string", "essential"],
    ["datapath", "one", "uuid", "essential"],
    ["tunnel_key", "one", "integer", "essential"],
    ["type", "one", "string"],
    ["chassis", "optional", "uuid"],
    ["additional_chassis", "set", "uuid", "recent"],
    ["requested_chassis", "optional", "uuid", "recent"],
    ["encap", "optional", "uuid", "recent"],
    ["additional_encap", "set", "uuid", "recent"],
    ["mac", "set", "string"],
    ["nat_addresses", "set", "string"],
    ["parent_port", "optional", "string"],
    ["virtual_parent", "optional", "string", "recent"],
    ["up", "optional", "boolean", "recent"],
    ["options", "map", "string"],
    ["external_ids", "map", "string"],
  ],
  Multicast_Group: [
    ["name", "one", "string"],
    ["datapath", "one", "uuid", "essential"],
    ["tunnel_key", "one", "integer", "essential"],
  ],
  Chassis: [
    ["name", "one", "string"],
    ["hostname", "one", "string"],
    ["encaps", "set", "uuid"],
    ["other_config", "map", "string", "recent"],
  ],
  Encap: [
    ["type", "one", "string"],
    ["ip", "one", "string"],
    ["options", "map", "string"],
    ["chassis_name", "one", "string", "recent"],
  ],
} as const satisfies Record<string, readonly ColumnSpec[]>;

/** A table this room keeps. */
export type TableName = keyof typeof TABLES;

type ColumnName<T extends TableName> = (typeof TABLES)[T][number][0];

/** The tables in the order of {@link Layout}. */
export const TABLE_NAMES = Object.keys(TABLES) as readonly TableName[];

const ABSENT = " is not there";

const ESSENTIAL_TABLES: readonly TableName[] = ["Datapath_Binding", "Port_Binding"];
/** Tables that name nothing: nobody need hear that one is missing. */
export const OPTIONAL_TABLES: readonly TableName[] = ["SB_Global"];

function positions<T extends TableName>(table: T): Readonly<Record<ColumnName<T>, number>> {
  const entries = TABLES[table].map(([name], index) => [name, index]);
  return Object.fromEntries(entries) as Record<ColumnName<T>, number>;
}

/** Where each column of a table lies in a row's values. */
export const ColumnIndex = {
  SB_Global: positions("SB_Global"),
  Datapath_Binding: positions("Datapath_Binding"),
  Port_Binding: positions("Port_Binding"),
  Multicast_Group: positions("Multicast_Group"),
  Chassis: positions("Chassis"),
  Encap: positions("Encap"),
} as const;

/** One table as a source stores it: our columns, in our order, with the source's notion of their size. */
export interface TableLayout {
  readonly name: TableName;
  /** Indexed by {@link ColumnIndex}. */
  readonly columns: readonly Column[];
  /** Where a column of this name is in `columns`. */
  readonly byName: ReadonlyMap<string, number>;
  /** The values of a row that mentions no column. */
  readonly defaults: readonly Datum[];
}

/** The tables of one source. A table it does not have has its layout nevertheless, and no rows. */
export type Layout = ReadonlyMap<string, TableLayout>;

/** A source's schema as far as it concerns us. */
export interface Schema {
  readonly version: string | null;
  readonly layout: Layout;
}

/** The layout of a source that brings no schema: as current OVN has it. */
export function standardLayout(): Layout {
  return buildLayout(() => undefined);
}

/**
 * Reads a schema, as found in the first record of a database file or fetched with `get_schema`. Throws a
 * {@link SouthboundError} where it is another database's (`ERR_SB_DATABASE`), no schema at all
 * (`ERR_SB_FORMAT`) or lacks what no name can be had without (`ERR_SB_SCHEMA`); lesser gaps are warnings.
 */
export function readSchema(json: unknown, source: string, warnings: WarningLog): Schema {
  const tables = member(json, "tables");
  const name = member(json, "name");
  if (typeof name !== "string" || !isObject(tables))
    throw new SouthboundError(
      "ERR_SB_FORMAT",
      source,
      "the first record is no OVSDB schema; give the OVN_Southbound database",
    );
  if (name !== DATABASE_NAME) throw wrongDatabase(source, name);
  const version = member(json, "version");
  const columnsOf = (table: TableName) => member(member(tables, table), "columns");
  for (const table of TABLE_NAMES) {
    if (columnsOf(table) !== undefined) continue;
    if (ESSENTIAL_TABLES.includes(table)) throw missing(source, `table ${table} is not there`);
    if (OPTIONAL_TABLES.includes(table)) continue;
    warnings.add("missing-table", `the schema has no table ${table}`);
  }
  const layout = buildLayout((table, [column, shape, atom]) => {
    const columns = columnsOf(table);
    if (columns === undefined) return undefined;
    const declared = member(columns, column);
    const problem = typeProblem(declared, shape, atom);
    if (problem === null) return isComposite(declared);
    missingColumn(source, table, column, warnings, problem);
    return undefined;
  });
  return { version: typeof version === "string" ? version : null, layout };
}

/**
 * Throws where a column is missing (or `problem` says what else is wrong with it) without which no key has a
 * meaning; otherwise warns, unless the column is merely too recent for the source.
 */
export function missingColumn(
  source: string,
  table: TableName,
  column: string,
  warnings: WarningLog,
  problem = ABSENT,
): void {
  const specs: readonly ColumnSpec[] = TABLES[table];
  const rank = specs.find(([name]) => name === column)?.[3];
  const text = `column ${table}.${column}${problem}`;
  if (rank === "essential") throw missing(source, text);
  if (rank === "recent" && problem === ABSENT) return;
  warnings.add("missing-column", `${text}; its default is used`);
}

/** The error for a database that is not OVN's southbound one. */
export function wrongDatabase(source: string, name: string): SouthboundError {
  return new SouthboundError(
    "ERR_SB_DATABASE",
    source,
    `is ${shown(name)}, not ${DATABASE_NAME}; the southbound database is usually ovnsb_db.db`,
  );
}

function missing(source: string, what: string): SouthboundError {
  return new SouthboundError(
    "ERR_SB_SCHEMA",
    source,
    `${what}, so no key can be named; is this a database of OVN?`,
  );
}

/** What is wrong with a column's declared type for our purpose, or null. */
function typeProblem(declared: unknown, shape: Shape, atom: AtomType): string | null {
  if (declared === undefined) return ABSENT;
  const type = member(declared, "type");
  const key = typeof type === "string" ? type : member(type, "key");
  const base = typeof key === "string" ? key : member(key, "type");
  const isMap = member(type, "value") !== undefined;
  if (base !== atom) return ` is of type ${quoted(String(base), 20)}, not ${atom}`;
  if (isMap !== (shape === "map")) return isMap ? " is a map" : " is no map";
  if (isComposite(declared) && (shape === "one" || shape === "optional")) return " is a set";
  return null;
}

function isComposite(declared: unknown): boolean {
  const max = member(member(declared, "type"), "max");
  return max === "unlimited" || (typeof max === "number" && max > 1);
}

/** Builds the layout; `composite` says what the source declares of a column, undefined where nothing. */
function buildLayout(composite: (table: TableName, spec: ColumnSpec) => boolean | undefined): Layout {
  const layout = new Map<string, TableLayout>();
  for (const name of TABLE_NAMES) {
    const columns = TABLES[name].map((spec: ColumnSpec): Column => {
      const [column, shape, atom] = spec;
      const many = composite(name, spec) ?? (shape === "set" || shape === "map");
      return { name: column, shape, atom, composite: many };
    });
    const byName = new Map(columns.map((column, index) => [column.name, index]));
    layout.set(name, { name, columns, byName, defaults: columns.map(defaultDatum) });
  }
  return layout;
}

function isObject(json: unknown): json is Record<string, unknown> {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}

/** A member of a JSON object itself, never of its prototype; undefined where there is none. */
function member(json: unknown, name: string): unknown {
  return isObject(json) && Object.hasOwn(json, name) ? json[name] : undefined;
}
