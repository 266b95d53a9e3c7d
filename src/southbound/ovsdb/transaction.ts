/*
 * What every kind of source delivers: dated transactions of rows. ("modify" of an OVSDB `update2` is a
 * difference like those of a journal.)
 */

import { shown } from "../../text.js";
import type { TableLayout } from "./schema.js";
import { type Datum, readDatum, type StringPool } from "./value.js";
import type { WarningLog } from "./warnings.js";

/** What a transaction says of one row. */
export interface RowDelta {
  readonly table: TableLayout;
  readonly uuid: string;
  /**
   * By the table's column positions; undefined where a column is not mentioned. Null: the row is deleted. The
   * receiver may keep and fill the array.
   */
  readonly values: (Datum | undefined)[] | null;
}

/** Rows that changed together. */
export interface Transaction {
  /** Byte offset of its record in a file; null from a server. */
  readonly offset: number | null;
  /** Milliseconds since 1970, or null where the source does not say. */
  readonly date: number | null;
  readonly comment: string | null;
  /** Whether sets and maps of rows that exist already are given as differences. */
  readonly isDifference: boolean;
  /**
   * What came over again after a lost connection: rows that are not mentioned, here or in the `partial`
   * transactions just before, are gone, and columns that are not mentioned have their defaults.
   */
  readonly replaces?: boolean;
  /** The same transaction goes on in the next one: a large picture need not be held whole. */
  readonly partial?: boolean;
  readonly rows: readonly RowDelta[];
}

/** The latest date that a Date can hold, in milliseconds; later ones are nonsense. */
const LAST_DATE = 8.64e15;

/** `json` as a date in milliseconds since 1970, or null. */
export function readDate(json: unknown): number | null {
  return typeof json === "number" && json >= 0 && json <= LAST_DATE ? json : null;
}

/**
 * The columns we keep of a row in OVSDB's notation (`{column: value, ...}`). A value of the wrong type is a
 * warning and left out.
 */
export function readColumns(
  table: TableLayout,
  uuid: string,
  json: object,
  pool: StringPool,
  warnings: WarningLog,
): (Datum | undefined)[] {
  const { columns } = table;
  const values: (Datum | undefined)[] = new Array(columns.length).fill(undefined);
  for (let index = 0; index < columns.length; index++) {
    const column = columns[index];
    if (!Object.hasOwn(json, column.name)) continue;
    const value = readDatum(column, (json as Record<string, unknown>)[column.name], pool);
    if (value !== undefined) values[index] = value;
    else if (!warnings.again("bad-value"))
      warnings.add(
        "bad-value",
        `${table.name} ${shown(uuid)}: ${column.name} is not of type ${column.atom}; ignored`,
      );
  }
  return values;
}
