/*
 * Our snapshots: the tables and columns that are wanted, with what is known of their history, from any source.
 * A snapshot is a standalone database file (ovsdb(5)) compressed with gzip, so that ovsdb-tool and ovsdb-server
 * can read it unpacked. The comment of its first transaction is "genevescope snapshot <version> " and a JSON
 * object that says what it was made of.
 */
import { createHash } from "node:crypto";
import { SouthboundError } from "./error.js";
import type { Layout, TableLayout } from "./schema.js";
import { type RowDelta, readDate, type Transaction } from "./transaction.js";
import { type Column, type Datum, isObject, sameDatum, writeDatum } from "./value.js";

const VERSION = 1;
const COMMENT = /^genevescope snapshot (\d{1,9}) (.*)$/s;

/** What a snapshot was made of. Of a file that was read, its text is not to be trusted. */
export interface SnapshotOrigin {
  /** The kind of source, one of `SourceFormat` or a later one. */
  readonly format: string;
  /** The source as it was named. */
  readonly source: string;
  /** When the snapshot was made, milliseconds since 1970. */
  readonly taken: number;
  /** Whether the first transaction is a picture that holds for all times. */
  readonly timeless: boolean;
}

/** What a snapshot says beside its transactions. */
export interface SnapshotFrame {
  readonly origin: SnapshotOrigin;
  /** The name in the schema. */
  readonly database: string;
  /** As in "20.33.0"; null where the source did not say. */
  readonly schemaVersion: string | null;
  readonly layout: Layout;
}

/**
 * What a first transaction's comment says of the snapshot; null where the file is none. Throws a
 * {@link SouthboundError} where the snapshot is of a later version (`ERR_SB_UNSUPPORTED`) or says nothing that
 * makes sense (`ERR_SB_FORMAT`).
 */
export function readOrigin(comment: string | null, source: string): SnapshotOrigin | null {
  const found = COMMENT.exec(comment ?? "");
  if (found === null) return null;
  const version = Number(found[1]);
  if (version > VERSION)
    throw new SouthboundError(
      "ERR_SB_UNSUPPORTED",
      source,
      `is a snapshot of version ${version}, written by a later version of genevescope (this one reads ` +
        `${VERSION}); update it, or take the snapshot again with this one`,
    );
  const json = parse(found[2]);
  const { format, taken, timeless } = json;
  const date = readDate(typeof taken === "string" ? Date.parse(taken) : null);
  if (typeof format !== "string" || typeof timeless !== "boolean" || date === null || version === 0)
    throw new SouthboundError(
      "ERR_SB_FORMAT",
      source,
      "is a snapshot that does not say what it was made of; take it again",
    );
  return { format, timeless, taken: date, source: typeof json.source === "string" ? json.source : "" };
}

function parse(text: string): Record<string, unknown> {
  try {
    const json: unknown = JSON.parse(text);
    return isObject(json) ? json : {};
  } catch {
    return {};
  }
}

/**
 * The text of a snapshot, unpacked, in pieces. Each transaction is gone through twice and kept no longer than
 * that; none but the first may be one that `replaces`. Dates must be whole milliseconds.
 */
export function* snapshotText(transactions: Iterable<Transaction>, frame: SnapshotFrame): Generator<string> {
  const { taken, ...origin } = frame.origin;
  const description = { ...origin, taken: new Date(taken).toISOString() };
  const comment = `genevescope snapshot ${VERSION} ${JSON.stringify(description)}`;
  yield* record(() => [JSON.stringify(schemaOf(frame))]);
  let isFirst = true;
  for (const transaction of joined(transactions)) {
    if (transaction.replaces && !isFirst)
      throw new Error("a transaction that replaces all rows cannot be part of a snapshot");
    const [before, said] = isFirst ? [true, comment] : [false, transaction.comment];
    yield* record(() => transactionText(transaction, said, before));
    isFirst = false;
  }
  if (isFirst) yield* record(() => [JSON.stringify({ _comment: comment })]);
}

/** Transactions that came in parts, each as one. */
function* joined(transactions: Iterable<Transaction>): Generator<Transaction> {
  let rows: RowDelta[] = [];
  for (const transaction of transactions) {
    if (transaction.partial) {
      for (const row of transaction.rows) rows.push(row);
    } else if (rows.length === 0) {
      yield transaction;
    } else {
      for (const row of transaction.rows) rows.push(row);
      yield { ...transaction, rows };
      rows = [];
    }
  }
}

/** A record whose text `pieces` makes, each time it is called: its length and checksum come before it. */
function* record(pieces: () => Iterable<string>): Generator<string> {
  const hash = createHash("sha1");
  let bytes = 1;
  for (const piece of gathered(pieces())) {
    hash.update(piece);
    bytes += Buffer.byteLength(piece);
  }
  yield `OVSDB JSON ${bytes} ${hash.update("\n").digest("hex")}\n`;
  yield* gathered(pieces());
  yield "\n";
}

/** Text gathered before it goes on. */
const PIECE_CHARACTERS = 64 * 1024;

function* gathered(pieces: Iterable<string>): Generator<string> {
  let text = "";
  for (const piece of pieces) {
    text += piece;
    if (text.length < PIECE_CHARACTERS) continue;
    yield text;
    text = "";
  }
  if (text !== "") yield text;
}

/**
 * A schema (RFC 7047 section 3.2) of what the snapshot holds. All tables are roots and no column is a
 * reference, or a server would remove rows for want of others that are not here. Columns that the source lacks
 * are in it nevertheless: a later part of its history may have them.
 */
function schemaOf({ database, schemaVersion, layout }: SnapshotFrame): object {
  const tables: Record<string, object> = {};
  for (const { name, columns } of layout.values())
    tables[name] = {
      columns: Object.fromEntries(columns.map((column) => [column.name, { type: typeOf(column) }])),
      isRoot: true,
    };
  return { name: database, ...(schemaVersion === null ? {} : { version: schemaVersion }), tables };
}

function typeOf({ shape, atom, composite }: Column): object {
  if (shape === "one") return { key: atom };
  if (shape === "optional") return { key: atom, min: 0 };
  const max = composite ? "unlimited" : 1;
  return shape === "map" ? { key: atom, value: "string", min: 0, max } : { key: atom, min: 0, max };
}

/** `isPicture`: there were no rows before, so columns that have their default need not be mentioned. */
function* transactionText(
  { date, isDifference, rows }: Transaction,
  comment: string | null,
  isPicture: boolean,
): Generator<string> {
  const head = {
    _date: date ?? undefined,
    _comment: comment ?? undefined,
    _is_diff: isDifference || undefined,
  };
  const text = JSON.stringify(head).slice(0, -1);
  yield text;
  let comma = text === "{" ? "" : ",";
  for (const [table, deltas] of byTable(rows)) {
    yield `${comma}${JSON.stringify(table.name)}:{`;
    comma = ",";
    let separator = "";
    for (const { uuid, values } of deltas) {
      const row = values === null ? null : rowOf(table, values, isPicture);
      yield `${separator}${JSON.stringify(uuid)}:${JSON.stringify(row)}`;
      separator = ",";
    }
    yield "}";
  }
  yield "}";
}

function byTable(rows: readonly RowDelta[]): Map<TableLayout, RowDelta[]> {
  const tables = new Map<TableLayout, RowDelta[]>();
  for (const row of rows) {
    const list = tables.get(row.table);
    if (list === undefined) tables.set(row.table, [row]);
    else list.push(row);
  }
  return tables;
}

function rowOf(
  { columns, defaults }: TableLayout,
  values: readonly (Datum | undefined)[],
  isPicture: boolean,
): object {
  const row: Record<string, unknown> = {};
  for (let index = 0; index < columns.length; index++) {
    const value = values[index];
    if (value === undefined || (isPicture && sameDatum(value, defaults[index]))) continue;
    row[columns[index].name] = writeDatum(columns[index], value);
  }
  return row;
}
