/*
 * Between the readers, which know how rows are stored or sent, and those who know what they mean.
 */
import type { SourceDamage, SourceFormat } from "./report.js";
import type { Layout } from "./schema.js";
import type { SnapshotOrigin } from "./snapshot.js";
import type { Transaction } from "./transaction.js";
import type { WarningLog } from "./warnings.js";

/** What a source says of itself before its first row. */
export interface SourceDescription {
  /** As the caller named it. */
  readonly source: string;
  readonly format: SourceFormat;
  /** Of the schema, as in "20.33.0"; null where the source has none. */
  readonly schemaVersion: string | null;
  /** The tables and columns that its transactions are made of. */
  readonly layout: Layout;
  /** Where reader and receiver note what is odd. */
  readonly warnings: WarningLog;
  /** What a snapshot was made of; null or absent where it is none. */
  readonly snapshot?: SnapshotOrigin | null;
}

/** Takes the rows of one source. */
export interface TransactionSink {
  /** The next transaction, in the order of the source. `timeless`: it is a picture that holds for all times. */
  apply(transaction: Transaction, timeless?: boolean): void;
  /** All that the source holds (for a server: held when it was asked) has been applied. */
  finish(damage: SourceDamage | null): void;
}

/** Makes the receiver, once the source is known to be what is wanted. */
export type Begin<S extends TransactionSink> = (description: SourceDescription) => S;
