import { shown } from "../text.js";
import { Inventory } from "./inventory.js";
import { SouthboundError } from "./ovsdb/error.js";
import { readDatabaseFile } from "./ovsdb/source.js";
import { SOUTHBOUND } from "./tables.js";

/** How ovn-sbctl(8) names servers; anything else is a file. */
const REMOTE = /^(tcp|ssl|unix|ptcp|pssl|punix):/;

/**
 * Opens a southbound database and reads it whole. `source` is the path of a standalone database file, of the
 * output of `ovsdb-client backup` or of that of `ovsdb-client -f json dump`; which, its content says.
 *
 * A file that is damaged or still being written is read as far as it is good: see `Inventory.damage`. Memory
 * grows with the rows that name things, not with the file. Throws a {@link SouthboundError} where there is
 * nothing to be had.
 */
export async function openSouthbound(source: string): Promise<Inventory> {
  if (REMOTE.test(source)) return openServer(source);
  return readDatabaseFile(source, SOUTHBOUND, (description) => new Inventory(description));
}

/*
 * The place of the live client: it will fetch the schema, monitor the tables of its layout and hand each
 * update to Inventory.apply as a transaction dated with the time of its arrival.
 */
async function openServer(source: string): Promise<Inventory> {
  const server = shown(source.split(",")[0], 100);
  throw new SouthboundError(
    "ERR_SB_UNSUPPORTED",
    source,
    `live servers come with a later version; use ovsdb-client backup ${server} OVN_Southbound > FILE and give FILE`,
  );
}
