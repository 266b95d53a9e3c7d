import { Inventory } from "./inventory.js";
import type { DatabaseLink, FollowOptions } from "./ovsdb/follow.js";
import { isRemote } from "./ovsdb/method.js";
import { readDatabaseFile } from "./ovsdb/source.js";
import { SOUTHBOUND } from "./tables.js";

/** An inventory that a server keeps current. */
export interface FollowedSouthbound {
  readonly inventory: Inventory;
  readonly link: DatabaseLink;
}

/**
 * Opens a southbound database and reads it whole. `source` names servers as ovn-sbctl(8) takes them
 * (`tcp:HOST:PORT`, `ssl:HOST:PORT`, `unix:PATH`, several separated by commas), or is the path of a file: a
 * database file, standalone or of a cluster's member, the output of `ovsdb-client backup` or of
 * `ovsdb-client -f json dump`, or a snapshot of ours, each as it is or compressed with gzip; which, its content
 * says.
 *
 * A file that is damaged or still being written is read as far as it is good: see `Inventory.damage`. Of a
 * server's database the picture is taken and the connection closed, unless `options.follow` is true: then it
 * is followed until `options.signal` aborts; see {@link followSouthbound}. Memory grows with the rows that name
 * things, not with the file. Throws a {@link SouthboundError} where there is nothing to be had.
 */
export async function openSouthbound(source: string, options: FollowOptions = {}): Promise<Inventory> {
  if (!isRemote(source))
    return readDatabaseFile(source, SOUTHBOUND, (description) => new Inventory(description));
  const { inventory } = await followSouthbound(source, { ...options, follow: options.follow ?? false });
  return inventory;
}

/**
 * Connects to the southbound database of the servers `source` and keeps the inventory current: it holds the
 * database as of the connection for all times before, and each change from its arrival on. Resolves with the
 * first picture. When the server is lost, the inventory stays as it was and the link seeks another connection
 * until it is closed. Throws a {@link SouthboundError}.
 */
export async function followSouthbound(
  source: string,
  options: FollowOptions = {},
): Promise<FollowedSouthbound> {
  // Files need none of this, and each module costs a start half a millisecond.
  const { followDatabase } = await import("./ovsdb/follow.js");
  const { sink, link } = await followDatabase(
    source,
    SOUTHBOUND,
    (description) => new Inventory(description),
    options,
  );
  return { inventory: sink, link };
}
