import { KnownNames } from "./known-names.js";
import { Northbound } from "./north.js";
import { NORTHBOUND } from "./north-tables.js";
import type { FollowOptions } from "./ovsdb/follow.js";
import { isRemote } from "./ovsdb/remote.js";
import type { DatabaseSpec } from "./ovsdb/schema.js";
import type { Begin, TransactionSink } from "./ovsdb/sink.js";
import { readDatabaseFile } from "./ovsdb/source.js";
import { VSwitch } from "./vswitch.js";
import { OPEN_VSWITCH } from "./vswitch-tables.js";

/** Where more names than the southbound's are to be had; each source a server or file as for `openSouthbound`. */
export interface NameSources {
  /** The northbound database. */
  readonly north?: string | undefined;
  /** The Open_vSwitch databases of hosts. */
  readonly vswitches?: readonly string[] | undefined;
}

/**
 * Opens the sources and reads them whole; with `options.follow` those that are servers are followed until
 * `options.signal` aborts. Throws a {@link SouthboundError} where one cannot be used.
 */
export async function openKnownNames(
  { north, vswitches = [] }: NameSources,
  options: FollowOptions = {},
): Promise<KnownNames> {
  const open = <S extends TransactionSink>(source: string, spec: DatabaseSpec, begin: Begin<S>) =>
    openDatabase(source, spec, begin, options);
  const northbound =
    north === undefined ? null : await open(north, NORTHBOUND, (description) => new Northbound(description));
  const hosts: VSwitch[] = [];
  for (const source of vswitches)
    hosts.push(await open(source, OPEN_VSWITCH, (description) => new VSwitch(description)));
  return new KnownNames(northbound, hosts);
}

async function openDatabase<S extends TransactionSink>(
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
