/*
 * A clustered database file (ovsdb(5), ovsdb(7)): what one member of a Raft cluster knows. The first record is
 * a header with a snapshot, [schema, transaction], as of some index of the log; then come the log's entries
 * with the indexes after it, and records that say up to which index they are committed. Entries that are not
 * committed may yet be overwritten: an entry whose index is there already replaces that one and all behind.
 */
import type { ByteSource } from "./byte-source.js";
import { isBlank, SchemaContent, TransactionContent } from "./content.js";
import { SouthboundError } from "./error.js";
import type { ScanHandler, ScanKey, Take } from "./json-scan.js";
import { LogReader, unreadable } from "./log.js";
import type { SourceDamage } from "./report.js";
import { type DatabaseSpec, type Layout, readSchema, type Schema, wrongDatabase } from "./schema.js";
import type { Begin, TransactionSink } from "./sink.js";
import type { Transaction } from "./transaction.js";
import { StringPool } from "./value.js";
import { WarningLog } from "./warnings.js";

/**
 * Replays the file of a cluster's member as far as its log is committed. Memory grows with the rows that are
 * wanted, and with those of the entries that wait to be committed.
 *
 * Throws a {@link SouthboundError} where the header cannot be read, where it is of another database, or where
 * the member has no data yet. From a record that contradicts the log before it nothing is read on, and
 * `finish` is told so.
 */
export async function readCluster<S extends TransactionSink>(
  bytes: ByteSource,
  source: string,
  spec: DatabaseSpec,
  begin: Begin<S>,
): Promise<S> {
  const warnings = new WarningLog();
  const reader = new ClusterReader(new LogReader(bytes, "CLUSTER"), source, spec, warnings);
  await reader.header();
  const first = await reader.next();
  const second = await reader.next();
  const { schema } = reader;
  if (schema === null)
    throw new SouthboundError(
      "ERR_SB_FORMAT",
      source,
      `is of a member that has no data${reader.isJoining ? ": it has not joined its cluster yet" : ""}; ` +
        "give the database file of another member",
    );
  const { version: schemaVersion, layout } = schema;
  const sink = begin({ source, format: "cluster", schemaVersion, layout, warnings });
  // As with a standalone file: what holds one picture holds the best there is for any time.
  if (first !== null) sink.apply(first, second === null);
  for (let next = second; next !== null; next = await reader.next()) sink.apply(next);
  reader.warnOfUncommitted();
  sink.finish(reader.damage);
  return sink;
}

/** An entry of the log. */
interface Entry {
  /** Byte offset of its record. */
  readonly offset: number;
  /** Where the database was converted, what to; null where the schema stays. */
  readonly schema: Schema | null;
  /** Why that is no schema that can be used, which matters if it is committed; null if it can. */
  readonly error: unknown;
  /** Null where it is about the cluster itself, or a conversion that keeps the rows. */
  readonly transaction: Transaction | null;
}

/** Follows the log of a member, and delivers the transactions that are committed. */
class ClusterReader {
  readonly #log: LogReader;
  readonly #source: string;
  readonly #spec: DatabaseSpec;
  readonly #warnings: WarningLog;
  readonly #pool = new StringPool();
  #damage: SourceDamage | null = null;
  /** Of the first record that has one: the layout of what is delivered first. */
  #first: Schema | null = null;
  /** Of the last entry delivered. */
  #layout: Layout | null = null;
  /** Index of the last entry that is committed. */
  #committed = 0;
  /** The entries behind it: `#committed + 1`, ... */
  #waiting: Entry[] = [];
  /** Transactions of committed entries to be delivered, the next one last. */
  #ready: Transaction[] = [];
  #isFirst = true;
  #isJoining = false;

  constructor(log: LogReader, source: string, spec: DatabaseSpec, warnings: WarningLog) {
    this.#log = log;
    this.#source = source;
    this.#spec = spec;
    this.#warnings = warnings;
  }

  /** The schema that the log begins with; null while none was committed. */
  get schema(): Schema | null {
    return this.#layout === null ? null : this.#first;
  }

  /** Whether the member was made by "ovsdb-tool join-cluster" and has not been let in yet. */
  get isJoining(): boolean {
    return this.#isJoining;
  }

  get damage(): SourceDamage | null {
    return this.#damage ?? this.#log.damage;
  }

  /** Reads the first record. */
  async header(): Promise<void> {
    const content = this.#content();
    const record = await this.#log.next(content);
    if (record === null) throw unreadable(this.#log, this.#source);
    const { name, prev_index: index, remote_addresses: addresses } = content.members;
    if (typeof name === "string" && name !== this.#spec.name)
      throw wrongDatabase(this.#source, name, this.#spec);
    this.#isJoining = addresses !== undefined;
    if (isIndex(index)) this.#committed = index;
    this.#commit([this.#entry(content, record.offset)]);
  }

  /** The next committed transaction, or null at the end of what can be read. */
  async next(): Promise<Transaction | null> {
    for (;;) {
      const transaction = this.#ready.pop();
      if (transaction !== undefined) return transaction;
      if (this.damage !== null) return null;
      const content = this.#content();
      const record = await this.#log.next(content);
      if (record === null) return null;
      const reason = this.#follow(content, record.offset);
      if (reason !== null) this.#damage = { offset: record.offset, reason };
    }
  }

  /** Counts the transactions that may not have happened. */
  warnOfUncommitted(): void {
    const transactions = this.#waiting.filter(({ transaction }) => transaction !== null);
    for (const { offset } of transactions) {
      if (this.#warnings.again("uncommitted")) continue;
      this.#warnings.add(
        "uncommitted",
        `the log ends with transactions, the first at byte ${offset}, that this member did not know to be ` +
          "committed; left out",
      );
    }
  }

  #content(): RecordContent {
    const read = (members: unknown) => {
      const schema = readSchema(members, this.#spec, this.#source, this.#warnings);
      this.#first ??= schema;
      return schema;
    };
    return new RecordContent(read, () => this.#first?.layout ?? null, this.#pool, this.#warnings);
  }

  #entry({ schema, error, transaction }: RecordContent, offset: number): Entry {
    const replaces = schema !== null && this.#first !== schema;
    return { offset, schema, error, transaction: transaction?.transaction(offset, replaces) ?? null };
  }

  /** Takes over a record. Returns why it cannot be, or null. */
  #follow(content: RecordContent, offset: number): string | null {
    const { index, commit_index: commit } = content.members;
    if (commit !== undefined) return this.#commitTo(commit);
    // Votes, terms, leaders and notes.
    if (index === undefined) return null;
    const next = this.#committed + this.#waiting.length + 1;
    if (!isIndex(index) || index > next)
      return `an entry has ${named(index)}, but ${next} comes next: damaged`;
    if (index <= this.#committed)
      return `an entry has ${named(index)}, but all up to ${this.#committed} are committed: damaged`;
    this.#waiting.length = index - this.#committed - 1;
    this.#waiting.push(this.#entry(content, offset));
    return null;
  }

  #commitTo(index: unknown): string | null {
    const last = this.#committed + this.#waiting.length;
    if (!isIndex(index) || index < this.#committed || index > last)
      return `${named(index)} is said to be committed, but ${this.#committed} to ${last} can be: damaged`;
    const entries = this.#waiting.splice(0, index - this.#committed);
    this.#committed = index;
    this.#commit(entries);
    return null;
  }

  #commit(entries: readonly Entry[]): void {
    for (const { schema, error, transaction } of entries) {
      if (error !== null) throw error;
      if (schema !== null) this.#layout = schema.layout;
      if (transaction === null || this.#layout === null) continue;
      const passOver = this.#isFirst && isBlank(transaction);
      this.#isFirst = false;
      if (passOver) continue;
      this.#ready.push(
        this.#layout === this.#first?.layout ? transaction : relaid(transaction, this.#layout),
      );
    }
    this.#ready.reverse();
  }
}

/** The transaction with the tables of a layout that came later; the columns' positions are the same. */
function relaid(transaction: Transaction, layout: Layout): Transaction {
  const rows = transaction.rows.map((row) => ({ ...row, table: layout.get(row.table.name) ?? row.table }));
  return { ...transaction, rows };
}

function isIndex(json: unknown): json is number {
  return Number.isSafeInteger(json) && (json as number) > 0;
}

function named(index: unknown): string {
  return typeof index === "number" ? `index ${index}` : "an index that is no number";
}

/** What of a record is kept as it is. */
const MEMBERS: readonly ScanKey[] = ["name", "prev_index", "index", "commit_index"];
/** What holds a schema, or null, and a transaction, or null. */
const DATA: readonly ScanKey[] = ["prev_data", "data"];
/** Depth of the members of what is in there. */
const BASE = 2;

/** Collects what a record says. Its members come in any order. */
class RecordContent implements ScanHandler {
  readonly members: Record<string, unknown> = Object.create(null);
  schema: Schema | null = null;
  transaction: TransactionContent | null = null;
  /** Why the schema is none; whether the record is whole is not known when it is found. */
  error: unknown = null;
  readonly #readSchema: (members: unknown) => Schema;
  readonly #layout: () => Layout | null;
  readonly #pool: StringPool;
  readonly #warnings: WarningLog;
  #inner: SchemaContent | TransactionContent | null = null;

  constructor(
    readSchema: (members: unknown) => Schema,
    layout: () => Layout | null,
    pool: StringPool,
    warnings: WarningLog,
  ) {
    this.#readSchema = readSchema;
    this.#layout = layout;
    this.#pool = pool;
    this.#warnings = warnings;
  }

  take(depth: number, key: ScanKey): Take {
    if (depth === 1) return this.#member(key);
    if (depth > BASE) return this.#inner?.take(depth, key) ?? "skip";
    this.#inner = this.#element(key);
    return this.#inner === null ? "skip" : "parts";
  }

  whole(depth: number, key: ScanKey, json: unknown, offset: number): void {
    if (depth > BASE) this.#inner?.whole(depth, key, json, offset);
    else if (depth === 1) this.members[key] = json;
  }

  end(depth: number): void {
    if (depth !== BASE + 1) return;
    if (this.#inner instanceof TransactionContent) this.transaction = this.#inner;
    else if (this.#inner !== null) this.#schemaOf(this.#inner);
  }

  #member(key: ScanKey): Take {
    if (DATA.includes(key)) return "parts";
    if (key === "remote_addresses") this.members[key] = true;
    return MEMBERS.includes(key) ? "whole" : "skip";
  }

  #element(key: ScanKey): SchemaContent | TransactionContent | null {
    if (key === 0) return new SchemaContent();
    const layout = this.#layout();
    if (key !== 1 || layout === null || this.error !== null) return null;
    return new TransactionContent(layout, this.#pool, this.#warnings, BASE);
  }

  #schemaOf({ members }: SchemaContent): void {
    try {
      this.schema = this.#readSchema(members);
    } catch (error) {
      this.error = error;
    }
  }
}
