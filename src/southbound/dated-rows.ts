/*
 * The rows of a database over time, found by uuid or by a key of their own: what is read from the sources that
 * add names to those of the southbound.
 */

import { entryOf } from "./entry.js";
import type { SourceDamage, SourceWarning } from "./ovsdb/report.js";
import type { Layout } from "./ovsdb/schema.js";
import type { SourceDescription, TransactionSink } from "./ovsdb/sink.js";
import type { Transaction } from "./ovsdb/transaction.js";
import type { WarningLog } from "./ovsdb/warnings.js";
import { RecordClock } from "./record-clock.js";
import type { Span } from "./span.js";
import { RowStore, type RowValues } from "./store.js";
import { Timeline } from "./timeline.js";

/** By table: the key its rows are looked up by, or null for a row that nobody looks for. */
export type RowKeys = Readonly<Record<string, (values: RowValues) => string | null>>;

/** One row, and what it was when. */
class DatedRow {
  readonly versions = new Timeline<RowValues>();
}

/** Every row that ever had a key, and how many there were when. */
class Bearers {
  readonly rows = new Set<DatedRow>();
  readonly count = new Timeline<number>();
}

/** Times are milliseconds since 1970; a change is in force from the millisecond of its transaction on. */
export class DatedRows implements TransactionSink {
  /** As the caller named it. */
  readonly source: string;
  readonly layout: Layout;
  /** Grows with every change. */
  generation = 0;
  /** Whether anything was asked of a time before the first record, of which nothing is known. */
  askedBeforeStart = false;
  readonly #warnings: WarningLog;
  readonly #clock: RecordClock;
  readonly #store: RowStore;
  readonly #keys: RowKeys;
  /** By table, then uuid. */
  readonly #rows = new Map<string, Map<string, DatedRow>>();
  /** By table, then key. */
  readonly #bearers = new Map<string, Map<string, Bearers>>();
  #damage: SourceDamage | null = null;

  constructor(description: SourceDescription, keys: RowKeys) {
    this.source = description.source;
    this.layout = description.layout;
    this.#warnings = description.warnings;
    this.#clock = new RecordClock(description.warnings);
    this.#store = new RowStore(description.layout, description.warnings);
    this.#keys = keys;
    for (const table of description.layout.keys()) {
      this.#rows.set(table, new Map());
      this.#bearers.set(table, new Map());
    }
  }

  /**
   * The date of the first record; `-Infinity` where the first picture holds for all times before, too: of a
   * server, a backup, a dump.
   */
  get historyStart(): number {
    return this.#clock.start;
  }

  get transactions(): number {
    return this.#clock.transactions;
  }

  /** Where the source was cut or damaged; null if it was whole. */
  get damage(): SourceDamage | null {
    return this.#damage;
  }

  /** What was odd, by kind. */
  get warnings(): readonly SourceWarning[] {
    return this.#warnings.list();
  }

  apply(transaction: Transaction, timeless = false): void {
    this.#clock.tick(transaction, timeless);
    for (const { table, uuid, after } of this.#store.apply(transaction)) {
      this.generation++;
      this.#change(table.name, uuid, this.#clock.time, after);
    }
  }

  finish(damage: SourceDamage | null): void {
    this.#damage = damage;
  }

  /** The values at `time` of the row with this uuid, the span narrowed to the time they hold. */
  protected byUuid(table: string, uuid: string, span: Span, time: number): RowValues | null {
    return span.read(this.#rows.get(table)?.get(uuid)?.versions, time);
  }

  /** The values at `time` of the rows that had `key` then, the span narrowed to the time they hold. */
  protected byKey(table: string, key: string, span: Span, time: number): RowValues[] {
    if (time < this.#clock.start) this.askedBeforeStart = true;
    const found: RowValues[] = [];
    const bearers = this.#bearers.get(table)?.get(key);
    span.read(bearers?.count, time);
    for (const row of bearers?.rows ?? []) {
      const values = span.read(row.versions, time);
      if (values !== null && this.#keys[table](values) === key) found.push(values);
    }
    return found;
  }

  /** A row of `table` has become `after`; for what is looked up otherwise. */
  protected became(_table: string, _after: RowValues): void {}

  #change(table: string, uuid: string, time: number, after: RowValues | null): void {
    const rows = this.#rows.get(table);
    const bearers = this.#bearers.get(table);
    if (rows === undefined || bearers === undefined) return;
    const row = entryOf(rows, uuid, () => new DatedRow());
    row.versions.set(time, after);
    if (after !== null) this.became(table, after);
    const key = after === null ? null : (this.#keys[table]?.(after) ?? null);
    if (key === null) return;
    const own = entryOf(bearers, key, () => new Bearers());
    own.rows.add(row);
    own.count.set(time, own.rows.size);
  }
}
