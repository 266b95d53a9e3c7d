/*
 * History as transactions again: what a snapshot is written from.
 */
import type { History, RowHistory, RowVersion } from "./history.js";
import type { Layout, TableLayout } from "./ovsdb/schema.js";
import type { RowDelta, Transaction } from "./ovsdb/transaction.js";
import { applyDifference, type Datum } from "./ovsdb/value.js";
import type { RecordClock } from "./record-clock.js";
import type { TableName } from "./tables.js";

/** A row that became something else. */
interface Event {
  readonly time: number;
  readonly table: TableLayout;
  readonly row: RowHistory;
  readonly before: RowVersion | null;
  readonly after: RowVersion | null;
}

/** Rows of a picture that come in one transaction. */
const PART = 2000;

/**
 * Everything that is known, as transactions of differences in the order of time. The first holds what was known
 * from the beginning (`start`: -Infinity for a picture that holds for all times before; its record was dated
 * `date`), in parts; it may have no rows. The last is dated `latest`, though it may change nothing.
 */
export function* replay(
  history: History,
  layout: Layout,
  { start, firstDate: date, latestDate: latest }: RecordClock,
): Generator<Transaction> {
  const picture: Event[] = [];
  const events: Event[] = [];
  for (const [table, row] of allRows(history, layout)) {
    let before: RowVersion | null = null;
    for (const { from, value } of row.versions.segments) {
      const event = { time: from, table, row, before, after: value };
      if (from <= start) picture.push(event);
      else events.push(event);
      before = value;
    }
  }
  for (let index = PART; index < picture.length; index += PART)
    yield { ...transactionOf(date, picture.slice(index - PART, index)), partial: true };
  const rest = picture.length === 0 ? 0 : (Math.ceil(picture.length / PART) - 1) * PART;
  yield transactionOf(date, picture.slice(rest));
  events.sort((a, b) => a.time - b.time);
  let last = date;
  for (let index = 0; index < events.length; ) {
    const { time } = events[index];
    let end = index;
    while (end < events.length && events[end].time === time) end++;
    yield transactionOf(time, events.slice(index, end));
    last = time;
    index = end;
  }
  if (latest !== null && (last === null || latest > last)) yield transactionOf(latest, []);
}

function* allRows(history: History, layout: Layout): Generator<[TableLayout, RowHistory]> {
  for (const table of layout.values())
    for (const row of history.rows[table.name as TableName].values()) yield [table, row];
}

function transactionOf(date: number | null, events: readonly Event[]): Transaction {
  return { offset: null, date, comment: null, isDifference: true, rows: events.map(deltaOf) };
}

function deltaOf({ table, row, before, after }: Event): RowDelta {
  const { uuid } = row;
  if (after === null) return { table, uuid, values: null };
  const { values } = after;
  if (before === null) return { table, uuid, values: [...values] };
  const old = before.values;
  const changed = table.columns.map((column, index): Datum | undefined => {
    if (old[index] === values[index]) return undefined;
    return column.composite ? applyDifference(column, old[index], values[index]) : values[index];
  });
  return { table, uuid, values: changed };
}
