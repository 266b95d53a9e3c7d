/*
 * A standalone database file (ovsdb(5)): the schema, then a record for each transaction. `ovsdb-client backup`
 * writes the same with a single record that holds everything.
 */

import { quoted } from "../../text.js";
import type { ByteSource } from "./byte-source.js";
import { SouthboundError } from "./error.js";
import type { ScanHandler, ScanKey, Take } from "./json-scan.js";
import { LogReader } from "./log.js";
import { type DatabaseSpec, type Layout, readSchema, type TableLayout } from "./schema.js";
import type { Begin, TransactionSink } from "./sink.js";
import { isUuid, type RowDelta, readColumns, readDate, type Transaction } from "./transaction.js";
import { StringPool } from "./value.js";
import { WarningLog } from "./warnings.js";

const BACKUP_COMMENT = 'produced by "ovsdb-client backup"';
const SCHEMA_MEMBERS: readonly string[] = ["name", "version", "tables"];

/** Replays a database file or backup. Throws a {@link SouthboundError} where not even its schema can be read. */
export async function readJournal<S extends TransactionSink>(
  bytes: ByteSource,
  source: string,
  spec: DatabaseSpec,
  begin: Begin<S>,
): Promise<S> {
  const warnings = new WarningLog();
  const log = new LogReader(bytes);
  const content = new WholeMembers(SCHEMA_MEMBERS);
  if ((await log.next(content)) === null) {
    const { offset, reason } = log.damage ?? { offset: 0, reason: "there is no record" };
    throw new SouthboundError(
      "ERR_SB_FORMAT",
      source,
      `byte ${offset}: ${reason}; not even the schema can be read, take another copy`,
    );
  }
  const schema = readSchema(content.members, spec, source, warnings);
  const reader = new TransactionReader(log, schema.layout, warnings);
  const first = await reader.next();
  const second = await reader.next();
  const sink = begin({
    source,
    format: second === null && first?.comment === BACKUP_COMMENT ? "backup" : "journal",
    schemaVersion: schema.version,
    layout: schema.layout,
    warnings,
  });
  // A single record is a picture, not a history: it is the best there is for any time.
  if (first !== null) sink.apply(first, second === null);
  for (let next = second; next !== null; next = await reader.next()) sink.apply(next);
  sink.finish(log.damage);
  return sink;
}

/** Reads the transactions of a log one by one, keeping no more of a record than the rows we need. */
class TransactionReader {
  readonly #log: LogReader;
  readonly #layout: Layout;
  readonly #warnings: WarningLog;
  readonly #pool = new StringPool();

  constructor(log: LogReader, layout: Layout, warnings: WarningLog) {
    this.#log = log;
    this.#layout = layout;
    this.#warnings = warnings;
  }

  async next(): Promise<Transaction | null> {
    const content = new TransactionContent(this.#layout, this.#pool, this.#warnings);
    const record = await this.#log.next(content);
    if (record === null) return null;
    const { date, comment, isDifference, rows } = content;
    return { offset: record.offset, date, comment, isDifference, rows };
  }
}

/** Collects what a transaction's record says. Its members come in any order. */
class TransactionContent implements ScanHandler {
  date: number | null = null;
  comment: string | null = null;
  isDifference = false;
  readonly rows: RowDelta[] = [];
  readonly #layout: Layout;
  readonly #pool: StringPool;
  readonly #warnings: WarningLog;
  #table: TableLayout | undefined;

  constructor(layout: Layout, pool: StringPool, warnings: WarningLog) {
    this.#layout = layout;
    this.#pool = pool;
    this.#warnings = warnings;
  }

  take(depth: number, key: ScanKey): Take {
    if (depth > 1) return "whole";
    this.#table = this.#layout.get(key as string);
    if (this.#table !== undefined) return "parts";
    return key === "_date" || key === "_comment" || key === "_is_diff" ? "whole" : "skip";
  }

  whole(depth: number, key: ScanKey, json: unknown, offset: number): void {
    if (depth > 1) this.#row(key, json, offset);
    else if (key === "_date") this.date = readDate(json);
    else if (key === "_comment") this.comment = typeof json === "string" ? json : null;
    else if (key === "_is_diff") this.isDifference = json === true;
    else this.#warnings.add("bad-value", `byte ${offset}: ${quoted(String(key))} holds no rows; ignored`);
  }

  #row(uuid: ScanKey, json: unknown, offset: number): void {
    const table = this.#table;
    if (table === undefined) return;
    if (typeof uuid !== "string" || !isUuid(uuid) || typeof json !== "object" || Array.isArray(json)) {
      this.#warnings.add("bad-value", `byte ${offset}: this is no row of ${quoted(table.name)}; ignored`);
      return;
    }
    const values = json === null ? null : readColumns(table, uuid, json, this.#pool, this.#warnings);
    this.rows.push({ table, uuid, values });
  }

  end(): void {}
}

/** Keeps some members of an object whole. */
export class WholeMembers implements ScanHandler {
  readonly members: Record<string, unknown> = {};
  readonly #wanted: readonly string[];

  constructor(wanted: readonly string[]) {
    this.#wanted = wanted;
  }

  take(_depth: number, key: ScanKey): Take {
    return this.#wanted.includes(key as string) ? "whole" : "skip";
  }

  whole(_depth: number, key: ScanKey, json: unknown): void {
    this.members[key] = json;
  }

  end(): void {}
}
