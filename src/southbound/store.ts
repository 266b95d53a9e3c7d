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
  /** While a picture comes that replaces what was known: the rows it has mentioned so far. */
  #mentioned: Map<TableLayout, Set<string>> | null = null;

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
    const replaces = transaction.replaces === true;
    for (const { table: asked, uuid, values } of transaction.rows) {
      // After a reconnection a server's layout is another object with the same positions.
      const table = this.layout.get(asked.name);
      const rows = table && this.#tables.get(table);
      if (table === undefined || rows === undefined) continue;
      if (replaces) this.#mention(table, uuid);
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
      if (before === null || replaces) fill(values, table.defaults);
      const after = before === null ? (values as RowValues) : merge(asked, before, values, transaction);
      if (after === before) continue;
      rows.set(uuid, after);
      note(changes, { table, uuid, before, after });
    }
    if (transaction.partial !== true) {
      if (replaces) this.#removeOthers(changes);
      // A picture that broke off ends with a transaction that replaces nothing: it is forgotten.
      this.#mentioned = null;
    }
    return [...changes.values()].filter(({ before, after }) => before !== after);
  }

  #mention(table: TableLayout, uuid: string): void {
    this.#mentioned ??= new Map();
    const uuids = this.#mentioned.get(table);
    if (uuids === undefined) this.#mentioned.set(table, new Set([uuid]));
    else uuids.add(uuid);
  }

  /** The picture is complete: what it has not mentioned is gone. */
  #removeOthers(changes: Map<string, Mutable<RowChange>>): void {
    for (const [table, rows] of this.#tables) {
      const mentioned = this.#mentioned?.get(table);
      for (const [uuid, before] of rows) {
        if (mentioned?.has(uuid)) continue;
        rows.delete(uuid);
        note(changes, { table, uuid, before, after: null });
      }
    }
  }
}

/** Adds a change, joined with an earlier one of the same row. */
function note(changes: Map<string, Mutable<RowChange>>, change: RowChange): void {
  const earlier = changes.get(change.uuid);
  if (earlier?.table === change.table) earlier.after = change.after;
  else changes.set(earlier === undefined ? change.uuid : `${change.table.name} ${change.uuid}`, change);
}

/** Gives the columns that were not mentioned their defaults. */
function fill(values: (Datum | undefined)[], defaults: readonly Datum[]): void {
  for (let index = 0; index < defaults.length; index++) values[index] ??= defaults[index];
}

/** The row that `values` makes of `before`: the same object where nothing we keep has changed. */
function merge(
  table: TableLayout,
  before: RowValues,
  values: readonly (Datum | undefined)[],
  { isDifference }: Transaction,
): RowValues {
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
