/*
 * What the records of database files hold (ovsdb(5)): a schema, or a transaction
 * {"_date": ..., "_comment": ..., "_is_diff": ..., "<table>": {"<uuid>": {"<column>": value, ...} or null}}.
 * In the log of a cluster both lie deeper than in a standalone file, hence `base`: the depth that they begin at.
 */
import { quoted } from "../../text.js";
import type { ScanHandler, ScanKey, Take } from "./json-scan.js";
import type { Layout, TableLayout } from "./schema.js";
import { type RowDelta, readColumns, readDate, type Transaction } from "./transaction.js";
import { isUuid, type StringPool } from "./value.js";
import type { WarningLog } from "./warnings.js";

/**
 * Whether `transaction` says nothing, not even when. What ovsdb-tool makes of a new cluster begins so, and
 * history begins only after it.
 */
export function isBlank({ date, comment, rows }: Transaction): boolean {
  return date === null && comment === null && rows.length === 0;
}

/** The members of a schema that {@link readSchema} needs. */
const SCHEMA_MEMBERS: readonly string[] = ["name", "version", "tables"];

/** Collects what a transaction says: of its rows only the columns in `layout`. Its members come in any order. */
export class TransactionContent implements ScanHandler {
  readonly #layout: Layout;
  readonly #pool: StringPool;
  readonly #warnings: WarningLog;
  readonly #base: number;
  #date: number | null = null;
  #comment: string | null = null;
  #isDifference = false;
  #table: TableLayout | undefined;
  readonly #rows: RowDelta[] = [];

  constructor(layout: Layout, pool: StringPool, warnings: WarningLog, base = 0) {
    this.#layout = layout;
    this.#pool = pool;
    this.#warnings = warnings;
    this.#base = base;
  }

  /** The transaction of the record at `offset`. */
  transaction(offset: number, replaces = false): Transaction {
    return {
      offset,
      date: this.#date,
      comment: this.#comment,
      isDifference: this.#isDifference && !replaces,
      replaces,
      rows: this.#rows,
    };
  }

  take(depth: number, key: ScanKey): Take {
    if (depth - this.#base > 1) return "row";
    this.#table = this.#layout.get(key as string);
    if (this.#table !== undefined) return "parts";
    return key === "_date" || key === "_comment" || key === "_is_diff" ? "whole" : "skip";
  }

  whole(depth: number, key: ScanKey, json: unknown, offset: number): void {
    if (depth - this.#base > 1) this.#row(key, json, offset);
    else if (key === "_date") this.#date = readDate(json);
    else if (key === "_comment") this.#comment = typeof json === "string" ? json : null;
    else if (key === "_is_diff") this.#isDifference = json === true;
    else this.#warnings.add("bad-value", `byte ${offset}: ${quoted(String(key))} holds no rows; ignored`);
  }

  end(): void {}

  #row(uuid: ScanKey, json: unknown, offset: number): void {
    const table = this.#table;
    if (table === undefined) return;
    if (typeof uuid !== "string" || !isUuid(uuid) || typeof json !== "object" || Array.isArray(json)) {
      this.#warnings.add("bad-value", `byte ${offset}: this is no row of ${quoted(table.name)}; ignored`);
      return;
    }
    const values = json === null ? null : readColumns(table, uuid, json, this.#pool, this.#warnings);
    this.#rows.push({ table, uuid, values });
  }
}

/** Keeps of a schema what is needed to read it. */
export class SchemaContent implements ScanHandler {
  readonly members: Record<string, unknown> = {};

  take(_depth: number, key: ScanKey): Take {
    return SCHEMA_MEMBERS.includes(key as string) ? "whole" : "skip";
  }

  whole(_depth: number, key: ScanKey, json: unknown): void {
    this.members[key] = json;
  }

  end(): void {}
}
