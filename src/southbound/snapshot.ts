import type { Writable } from "node:stream";
import type { Layout } from "./ovsdb/schema.js";
import type { SnapshotOrigin } from "./ovsdb/snapshot.js";
import { writeSnapshot } from "./ovsdb/snapshot-file.js";
import type { Transaction } from "./ovsdb/transaction.js";
import { SOUTHBOUND } from "./tables.js";

/** What of an inventory a snapshot is made of. */
export interface SnapshotSource {
  readonly source: string;
  readonly format: string;
  readonly schemaVersion: string | null;
  readonly layout: Layout;
  /** `-Infinity` where the first picture holds for all times. */
  readonly historyStart: number;
  /** What the inventory itself was made of, where that is a snapshot. */
  readonly snapshot?: SnapshotOrigin | null;
  /** The history that is known: first the picture that it begins with, at last a transaction of the latest date. */
  replay(): Iterable<Transaction>;
}

/**
 * Writes what an inventory knows into a file or stream, to be opened again as a source: with its history, and
 * as of all the same times. A file appears when it is complete, with the permissions of one that it replaces; a
 * process that is ended meanwhile may leave `NAME.UUID.part`. `taken` is when, in milliseconds since 1970;
 * the same inventory and time give the same bytes. Throws a `SouthboundError` (`ERR_SB_WRITE`) where the file
 * cannot be written; what a stream fails with is thrown as it is.
 */
export async function saveSnapshot(
  inventory: SnapshotSource,
  target: string | Writable,
  taken = Date.now(),
): Promise<{ bytes: number }> {
  const { snapshot, schemaVersion, layout } = inventory;
  const origin: SnapshotOrigin = {
    format: snapshot?.format ?? inventory.format,
    source: snapshot?.source ?? inventory.source,
    timeless: inventory.historyStart === Number.NEGATIVE_INFINITY,
    taken,
  };
  const frame = { origin, database: SOUTHBOUND.name, schemaVersion, layout };
  return writeSnapshot(inventory.replay(), frame, target);
}
