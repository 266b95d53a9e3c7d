/*
 * What `ovsdb-client -f json dump` prints: for each table an object {"caption": "T table", "data": [row...],
 * "headings": [column...]}, a row being the columns' values in OVSDB's notation. The columns come last, and
 * the rows of a big database should not wait for them in memory: hence two passes.
 */

import { quoted, shown } from "../../text.js";
import type { ByteSource } from "./byte-source.js";
import { SouthboundError } from "./error.js";
import { JsonScanner, ScanError, type ScanHandler, type ScanKey, type Take } from "./json-scan.js";
import type { SourceDamage } from "./report.js";
import {
  type DatabaseSpec,
  missingColumn,
  standardLayout,
  type TableLayout,
  wrongDatabase,
} from "./schema.js";
import type { Begin, TransactionSink } from "./sink.js";
import { type RowDelta, readColumns } from "./transaction.js";
import { isUuid, readUuid, StringPool } from "./value.js";
import { WarningLog } from "./warnings.js";

const CAPTION_END = " table";
const UUID = "_uuid";
/** A database has some dozens of tables, and a table as many columns. What has more is no dump. */
const MOST_TABLES = 1000;
const MOST_MEMBERS = 1000;
const MOST_COLUMNS = 1000;
const LONGEST_NAME = 256;
const MEMBERS: readonly string[] = ["caption", "data", "headings"];

/** A table that only one database has, by which a dump of it is known. */
const SIGNATURE_TABLES: readonly [table: string, database: string][] = [
  ["Port_Binding", "OVN_Southbound"],
  ["Logical_Switch", "OVN_Northbound"],
  ["Open_vSwitch", "Open_vSwitch"],
  ["IC_SB_Global", "OVN_IC_Southbound"],
  ["IC_NB_Global", "OVN_IC_Northbound"],
];

/** One table of the dump, as the first pass finds it. */
interface DumpTable {
  readonly name: string;
  /** Where in a row `_uuid` and the wanted columns are that it has. */
  readonly positions: ReadonlyMap<string, number>;
}

/**
 * Reads a dump. Throws a {@link SouthboundError} where it is no dump of the database that is wanted, or was cut
 * before the tables without which it is of no use.
 */
export async function readDump<S extends TransactionSink>(
  bytes: ByteSource,
  source: string,
  spec: DatabaseSpec,
  begin: Begin<S>,
): Promise<S> {
  const warnings = new WarningLog();
  const outline = new Outline(spec);
  const damage = await pass(bytes, outline);
  checkTables(outline, damage, source, spec);
  bytes.rewind();
  bytes.forget();
  const layout = standardLayout(spec);
  for (const table of layout.values()) {
    const found = outline.tables.find(({ name }) => name === table.name);
    if (found === undefined) {
      if (!spec.optional.includes(table.name))
        warnings.add("missing-table", `the dump has no table ${table.name}`);
      continue;
    }
    for (const { name } of table.columns)
      if (!found.positions.has(name)) missingColumn(spec, source, table.name, name, warnings);
  }
  const rows = new Rows(outline.tables, layout, warnings);
  await pass(bytes, rows);
  const sink = begin({ source, format: "dump", schemaVersion: null, layout, warnings });
  sink.apply({ offset: 0, date: null, comment: null, isDifference: false, rows: rows.rows }, true);
  sink.finish(damage);
  return sink;
}

/** Scans all objects up to the end, or to where the text breaks, which is returned. */
async function pass(bytes: ByteSource, handler: ScanHandler): Promise<SourceDamage | null> {
  const scanner = new JsonScanner(handler);
  for (;;) {
    try {
      const { offset } = bytes;
      const chunk = await bytes.next();
      if (chunk !== null) scanner.feed(chunk, offset);
      else if (scanner.complete) return null;
      else
        return { offset: scanner.objectOffset, reason: "the dump is cut within the table that begins here" };
    } catch (error) {
      if (!(error instanceof ScanError)) throw error;
      return { offset: error.offset, reason: error.message };
    }
  }
}

function checkTables(
  { tables, odd }: Outline,
  damage: SourceDamage | null,
  source: string,
  spec: DatabaseSpec,
): void {
  if (odd !== null) throw new SouthboundError("ERR_SB_FORMAT", source, odd);
  const has = (table: string) => tables.some(({ name }) => name === table);
  for (const [table, database] of SIGNATURE_TABLES)
    if (database !== spec.name && has(table)) throw wrongDatabase(source, database, spec);
  for (const table of spec.essential) {
    if (has(table)) continue;
    const dumpAgain = `dump again with ovsdb-client -f json dump unix:SOCKET ${spec.name}`;
    if (damage !== null)
      throw new SouthboundError(
        "ERR_SB_FORMAT",
        source,
        `byte ${damage.offset}: ${damage.reason}, before table ${table}; ${dumpAgain}`,
      );
    throw new SouthboundError("ERR_SB_SCHEMA", source, `the dump has no table ${table}; ${dumpAgain}`);
  }
}

/** First pass: which tables there are, and their columns. */
class Outline implements ScanHandler {
  readonly tables: DumpTable[] = [];
  readonly #spec: DatabaseSpec;
  /** Why this is no dump; null if it is. */
  odd: string | null = null;
  #members = new Map<string, unknown>();

  constructor(spec: DatabaseSpec) {
    this.#spec = spec;
  }

  take(_depth: number, key: ScanKey): Take {
    if (this.#members.size < MOST_MEMBERS && !this.#members.has(key as string))
      this.#members.set(key as string, undefined);
    return key === "caption" || key === "headings" ? "whole" : "skip";
  }

  whole(_depth: number, key: ScanKey, json: unknown): void {
    this.#members.set(key as string, json);
  }

  end(): void {
    const caption = this.#members.get("caption");
    const headings = this.#members.get("headings");
    const keys = [...this.#members.keys()];
    this.#members = new Map();
    if (typeof caption !== "string" || !caption.endsWith(CAPTION_END) || !Array.isArray(headings))
      this.#give(describe(keys, this.#spec));
    else if (this.tables.length === MOST_TABLES)
      this.#give(`has more than ${MOST_TABLES} tables, and is no dump of ${this.#spec.name}`);
    else if (headings.length > MOST_COLUMNS)
      this.#give(`has a table of more than ${MOST_COLUMNS} columns, and is no dump of ${this.#spec.name}`);
    else if (caption.length <= LONGEST_NAME) this.tables.push(this.#table(caption, headings));
    else this.tables.push({ name: "", positions: new Map() });
  }

  #table(caption: string, headings: readonly unknown[]): DumpTable {
    const name = caption.slice(0, -CAPTION_END.length);
    const wanted = Object.hasOwn(this.#spec.tables, name) ? this.#spec.tables[name] : [];
    const positions = new Map<string, number>();
    for (const column of [UUID, ...wanted.map(([column]) => column)]) {
      const position = headings.indexOf(column);
      if (position >= 0) positions.set(column, position);
    }
    return { name, positions };
  }

  /** Nothing further need be read. */
  #give(odd: string): never {
    this.odd = odd;
    throw new ScanError(0, odd);
  }
}

/** What a JSON object with these members probably is, if it is not a table of a dump. */
function describe(keys: readonly string[], spec: DatabaseSpec): string {
  if (keys.includes("tables") && keys.includes("name"))
    return "is an OVSDB schema, not a database; give the database file made from it";
  if (keys.includes("headings") && keys.includes("data"))
    return "is a list of ovn-sbctl or another table without a caption; use ovsdb-client -f json dump";
  const found = keys.slice(0, 4).map((key) => quoted(key, 20));
  const others = keys.filter((key) => !MEMBERS.includes(key)).length > 0 || keys.length === 0;
  return `is JSON with ${others ? found.join(", ") || "no members" : "unexpected members"}, not a dump of ${spec.name}; use ovsdb-client -f json dump`;
}

/** Second pass: the rows of the tables we need. */
class Rows implements ScanHandler {
  readonly rows: RowDelta[] = [];
  readonly #tables: readonly DumpTable[];
  readonly #layout: ReadonlyMap<string, TableLayout>;
  readonly #warnings: WarningLog;
  readonly #pool = new StringPool();
  #index = 0;

  constructor(tables: readonly DumpTable[], layout: ReadonlyMap<string, TableLayout>, warnings: WarningLog) {
    this.#tables = tables;
    this.#layout = layout;
    this.#warnings = warnings;
  }

  take(depth: number, key: ScanKey): Take {
    if (depth > 1) return "whole";
    const table = this.#tables[this.#index];
    return key === "data" && table !== undefined && this.#layout.has(table.name) ? "parts" : "skip";
  }

  whole(depth: number, _key: ScanKey, json: unknown, offset: number): void {
    if (depth === 1) return;
    const { name, positions } = this.#tables[this.#index];
    const table = this.#layout.get(name);
    const uuid = Array.isArray(json) ? readUuid(json[positions.get(UUID) ?? -1]) : null;
    if (table === undefined || uuid === null || !isUuid(uuid)) {
      this.#warnings.add("bad-value", `byte ${offset}: this is no row of ${shown(name)}; ignored`);
      return;
    }
    const columns = Object.create(null) as Record<string, unknown>;
    for (const [column, position] of positions) columns[column] = (json as unknown[])[position];
    this.rows.push({
      table,
      uuid,
      values: readColumns(table, uuid, columns, this.#pool, this.#warnings),
    });
  }

  end(depth: number): void {
    if (depth === 1) this.#index++;
  }
}
