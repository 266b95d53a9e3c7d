/*
 * The rows as they are now: applies transactions one after the other and says what each row was and became.
 */

import { shown } from "../text.js";
import type { Layout, TableLayout } from "./ovsdb/schema.js";
import type { Transaction } from "./ovsdb/transaction.js";
import { applyDifference, type Datum, sameDatum } from "./ovsdb/value.js";
import type { WarningLog } from "./ovsdb/warnings.js";

/** A row's values, by column position; never changed once made. */
export type RowValues = readonly Datum[];

/** A row that is no longer what it was. At least one of `before` and `after` is not null. */
export interface RowChange {
  readonly table: TableLayout;
  readonly uuid: string;
  readonly before: RowValues | null;
  readonly after: RowValues | null;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export class RowStore {
  readonly layout: Layout;
  readonly #warnings: WarningLog;
  readonly #tables = new Map<TableLayout, Map<string, RowValues>>();

  constructor(layout: Layout, warnings: WarningLog) {
    this.layout = layout;
    this.#warnings = warnings;
    for (const table of layout.values()) this.#tables.set(table, new Map());
  }

  /** The rows of a table by uuid, as of the last transaction. */
  rows(table: TableLayout): ReadonlyMap<string, RowValues> {
    return this.#tables.get(table) ?? new Map();
  }

  /** Applies a transaction. Returns the rows that changed in a column we keep, each once. */
  apply(transaction: Transaction): RowChange[] {
    const changes = new Map<string, Mutable<RowChange>>();
    for (const { table, uuid, values } of transaction.rows) {
      const rows = this.#tables.get(table);
      if (rows === undefined) continue;
      const before = rows.get(uuid) ?? null;
      if (values === null) {
        if (before === null) {
          this.#warnings.add("unknown-row", `${table.name} ${shown(uuid)} is deleted but was never inserted`);
          continue;
        }
        rows.delete(uuid);
        note(changes, { table, uuid, before, after: null });
        continue;
      }
      const after = merge(table, before, values, transaction.isDifference);
      if (after === before) continue;
      rows.set(uuid, after);
      note(changes, { table, uuid, before, after });
    }
    return [...changes.values()].filter(({ before, after }) => before !== after);
  }
}

/** Adds a change, joined with an earlier one of the same row. */
function note(changes: Map<string, Mutable<RowChange>>, change: RowChange): void {
  const earlier = changes.get(change.uuid);
  if (earlier?.table === change.table) earlier.after = change.after;
  else changes.set(earlier === undefined ? change.uuid : `${change.table.name} ${change.uuid}`, change);
}

/** The row that `values` makes of `before`: the same object where nothing we keep has changed. */
function merge(
  table: TableLayout,
  before: RowValues | null,
  values: readonly (Datum | undefined)[],
  isDifference: boolean,
): RowValues {
  if (before === null) return table.defaults.map((value, index) => values[index] ?? value);
  let after: Datum[] | null = null;
  for (let index = 0; index < values.length; index++) {
    const value = values[index];
    if (value === undefined) continue;
    const old = before[index];
    const next = isDifference ? applyDifference(table.columns[index], old, value) : value;
    if (sameDatum(old, next)) continue;
    after ??= [...before];
    after[index] = next;
  }
  return after ?? before;
}
