/*
 * Makes transactions of what a server sends of its rows, over all connections to it and its fellows: the first
 * picture, the changes, and after a lost connection what has changed meanwhile or the whole picture again.
 */

import { quoted, shown } from "../../text.js";
import type { RowReceiver, UpdatesFrame } from "./frame.js";
import { type DatabaseSpec, type Layout, readSchema } from "./schema.js";
import type { Begin, TransactionSink } from "./sink.js";
import { type RowDelta, readColumns } from "./transaction.js";
import { type Datum, isObject, isUuid, StringPool } from "./value.js";
import { WarningLog } from "./warnings.js";

/** The requests to monitor, the best first. Servers of OVS before 2.12, and before 2.6, lack the better ones. */
export const MONITOR_METHODS = ["monitor_cond_since", "monitor_cond", "monitor"] as const;
export type MonitorMethod = (typeof MONITOR_METHODS)[number];

/** The `<last-txn-id>` of one who knows nothing. */
const NO_TRANSACTION = "00000000-0000-0000-0000-000000000000";
/** Rows handed on at once: a reply of hundreds of thousands never exists whole. */
const ROWS_AT_ONCE = 2000;

/** What a `<row-update>` says: the row's columns (null: it is gone), or undefined where it is malformed. */
type ReadRow = (update: object) => object | null | undefined;

export class Replica<S extends TransactionSink> implements RowReceiver {
  readonly #spec: DatabaseSpec;
  readonly #source: string;
  readonly #begin: Begin<S>;
  readonly #pool = new StringPool();
  #warnings = new WarningLog();
  #sink: S | null = null;
  /** Whether the first picture is complete. */
  #isComplete = false;
  /** Of the server at hand. Positions are the same in each, by the spec. */
  #layout: Layout = new Map();
  #columns = "";
  #method: MonitorMethod = MONITOR_METHODS[0];
  #readRow: ReadRow = newRow;
  #lastTransaction = NO_TRANSACTION;
  #rows: RowDelta[] = [];
  /** The message at hand is a picture of everything, and how much of it was handed on already. */
  #frame: UpdatesFrame | null = null;
  #isPicture = false;
  #hasParts = false;
  #date = 0;
  #clockIsBack = false;

  constructor(source: string, spec: DatabaseSpec, begin: Begin<S>) {
    this.#source = source;
    this.#spec = spec;
    this.#begin = begin;
  }

  get database(): string {
    return this.#spec.name;
  }

  /** The receiver, once the first picture is complete. */
  get sink(): S {
    if (this.#sink === null) throw new Error("nothing has been received");
    return this.#sink;
  }

  /** Takes the schema of a server that has just been connected to. Throws as {@link readSchema} does. */
  prepare(json: unknown, remote: string): void {
    // What is missing has been said of the first server; a picture that broke off is begun anew.
    const warnings = new WarningLog();
    const { version, layout } = readSchema(json, this.#spec, remote, warnings);
    this.#layout = layout;
    const columns = JSON.stringify(this.monitorRequests());
    // A difference knows nothing of columns that were not asked for before.
    if (columns !== this.#columns) this.#lastTransaction = NO_TRANSACTION;
    this.#columns = columns;
    if (this.#isComplete) return;
    this.#warnings = warnings;
    this.#sink = this.#begin({
      source: this.#source,
      format: "server",
      schemaVersion: version,
      layout,
      warnings,
    });
  }

  /** `<monitor-requests>`: the wanted columns that the server has. */
  monitorRequests(): Record<string, { columns: string[] }[]> {
    const requests: Record<string, { columns: string[] }[]> = {};
    for (const { name, columns, present } of this.#layout.values()) {
      const wanted = columns.filter((_, index) => present[index]).map((column) => column.name);
      if (wanted.length > 0) requests[name] = [{ columns: wanted }];
    }
    return requests;
  }

  /** The `params` of the request by `method`; what comes now is in its form. */
  monitorParams(method: MonitorMethod, monitor: string): unknown[] {
    this.#method = method;
    this.#readRow = method === "monitor" ? newRow : changedRow;
    const params = [this.#spec.name, monitor, this.monitorRequests()];
    return method === "monitor_cond_since" ? [...params, this.#lastTransaction] : params;
  }

  wants(table: string): boolean {
    if (this.#layout.has(table)) return true;
    this.#odd(() => `rows of ${quoted(table)} come, which were not asked for`);
    return false;
  }

  malformed(table: string): void {
    this.#odd(() => `what comes for ${quoted(table)} are no rows`);
  }

  row(frame: UpdatesFrame, tableName: string, uuid: string, update: unknown): void {
    if (this.#frame !== frame) this.#open(frame);
    const table = this.#layout.get(tableName);
    const isRow = typeof update === "object" && update !== null && isUuid(uuid);
    const json = isRow ? this.#readRow(update) : undefined;
    if (table === undefined || json === undefined)
      return this.#odd(() => `${shown(tableName)} ${shown(uuid, 40)}: this is no change of a row`);
    let values: (Datum | undefined)[] | null = null;
    if (json !== null) values = readColumns(table, uuid, json, this.#pool, this.#warnings);
    if (this.#rows.length === ROWS_AT_ONCE) this.#deliver(true);
    this.#rows.push({ table, uuid, values });
  }

  complete(frame: UpdatesFrame): void {
    if (this.#frame !== frame) this.#open(frame);
    const isFirst = !this.#isComplete;
    if (this.#isPicture || this.#hasParts || this.#rows.length > 0) this.#deliver(false);
    this.#frame = null;
    this.#hasParts = false;
    this.#isComplete = true;
    const last = this.#method === "monitor_cond_since" ? frame.head[1] : undefined;
    this.#lastTransaction = typeof last === "string" && isUuid(last) ? last : NO_TRANSACTION;
    if (isFirst) this.#sink?.finish(null);
  }

  /**
   * The connection is lost. Where half a message was handed on, that half stands until a whole picture
   * replaces it: differences must not be applied twice.
   */
  interrupted(): void {
    this.#rows = [];
    if (this.#hasParts) {
      this.#lastTransaction = NO_TRANSACTION;
      this.#isPicture = false;
      if (this.#isComplete) this.#deliver(false);
    }
    this.#frame = null;
    this.#hasParts = false;
  }

  #open(frame: UpdatesFrame): void {
    this.#frame = frame;
    this.#isPicture = frame.isReply && frame.head[0] !== true;
    this.#date = this.#now();
  }

  #deliver(partial: boolean): void {
    const rows = this.#rows;
    this.#rows = [];
    this.#hasParts = true;
    this.#sink?.apply(
      {
        offset: null,
        date: this.#date,
        comment: null,
        isDifference: this.#method !== "monitor" && !this.#isPicture,
        replaces: this.#isPicture && this.#isComplete,
        partial,
        rows,
      },
      !this.#isComplete,
    );
  }

  /** The time, which never runs backwards. */
  #now(): number {
    const now = Date.now();
    const isBack = now < this.#date;
    if (isBack && !this.#clockIsBack)
      this.#warnings.add("clock-backwards", `this host's clock was set back by ${this.#date - now} ms`);
    this.#clockIsBack = isBack;
    return isBack ? this.#date : now;
  }

  #odd(text: () => string): void {
    if (!this.#warnings.again("bad-value")) this.#warnings.add("bad-value", `${text()}; ignored`);
  }
}

/** Of a `<row-update>`, RFC 7047 section 4.1.6: the whole row as it is now. */
function newRow(update: object): object | null | undefined {
  const { new: row, old } = update as Record<string, unknown>;
  if (row === undefined) return isObject(old) ? null : undefined;
  return isObject(row) ? row : undefined;
}

/** Of a `<row-update2>`, ovsdb-server(7) 4.1.14: a new row without its defaults, or what differs. */
function changedRow(update: object): object | null | undefined {
  const { initial, insert, modify } = update as Record<string, unknown>;
  if (Object.hasOwn(update, "delete")) return null;
  const row = initial ?? insert ?? modify;
  return isObject(row) ? row : undefined;
}
