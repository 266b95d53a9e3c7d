import type { FollowOptions } from "./ovsdb/follow.js";
import { isRemote } from "./ovsdb/method.js";
import type { DatabaseSpec } from "./ovsdb/schema.js";
import type { Begin, TransactionSink } from "./ovsdb/sink.js";
import { readDatabaseFile } from "./ovsdb/source.js";

/**
 * Reads what is wanted of the database that `source` names, servers or a file, as it is; servers are followed only
 * where `options.follow` is true. Throws a {@link SouthboundError} where there is nothing to be had.
 */
export async function openDatabase<S extends TransactionSink>(
  source: string,
  spec: DatabaseSpec,
  begin: Begin<S>,
  options: FollowOptions,
): Promise<S> {
  if (!isRemote(source)) return readDatabaseFile(source, spec, begin);
  // Files need none of this.
  const { followDatabase } = await import("./ovsdb/follow.js");
  const { sink } = await followDatabase(source, spec, begin, { ...options, follow: options.follow ?? false });
  return sink;
}
