/*
 * A standalone database file (ovsdb(5)): the schema, then a record for each transaction. `ovsdb-client backup`
 * writes the same with a single record that holds everything, and so does a snapshot of ours, with a comment
 * that says what it was made of.
 */
import type { ByteSource } from "./byte-source.js";
import { isBlank, SchemaContent, TransactionContent } from "./content.js";
import { LogReader, unreadable } from "./log.js";
import type { SourceFormat } from "./report.js";
import { type DatabaseSpec, type Layout, readSchema } from "./schema.js";
import type { Begin, TransactionSink } from "./sink.js";
import { readOrigin } from "./snapshot.js";
import type { Transaction } from "./transaction.js";
import { StringPool } from "./value.js";
import { WarningLog } from "./warnings.js";

const BACKUP_COMMENT = 'produced by "ovsdb-client backup"';

/** Replays a database file or backup. Throws a `SouthboundError` where not even its schema can be read. */
export async function readJournal<S extends TransactionSink>(
  bytes: ByteSource,
  source: string,
  spec: DatabaseSpec,
  begin: Begin<S>,
): Promise<S> {
  const warnings = new WarningLog();
  const log = new LogReader(bytes, "JSON");
  const content = new SchemaContent();
  if ((await log.next(content)) === null) throw unreadable(log, source);
  const schema = readSchema(content.members, spec, source, warnings);
  const reader = new TransactionReader(log, schema.layout, warnings);
  const first = await reader.next();
  const second = await reader.next();
  const snapshot = readOrigin(first?.comment ?? null, source);
  let format: SourceFormat = "journal";
  if (snapshot !== null) format = "snapshot";
  else if (second === null && first?.comment === BACKUP_COMMENT) format = "backup";
  const { version: schemaVersion, layout } = schema;
  const sink = begin({ source, format, schemaVersion, layout, warnings, snapshot });
  // A single record is a picture, not a history: it is the best there is for any time.
  if (first !== null) sink.apply(first, snapshot?.timeless ?? second === null);
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
  #isFirst = true;

  constructor(log: LogReader, layout: Layout, warnings: WarningLog) {
    this.#log = log;
    this.#layout = layout;
    this.#warnings = warnings;
  }

  async next(): Promise<Transaction | null> {
    const content = new TransactionContent(this.#layout, this.#pool, this.#warnings);
    const record = await this.#log.next(content);
    if (record === null) return null;
    const transaction = content.transaction(record.offset);
    const passOver = this.#isFirst && isBlank(transaction);
    this.#isFirst = false;
    return passOver ? this.next() : transaction;
  }
}
