import { KnownNames } from "./known-names.js";
import type { Northbound } from "./north.js";
import { openDatabase } from "./open-database.js";
import type { FollowOptions } from "./ovsdb/follow.js";
import type { SourceDescription } from "./ovsdb/sink.js";
import type { VSwitch } from "./vswitch.js";

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
  // Most have neither, and each module costs a start half a millisecond.
  let northbound: Northbound | null = null;
  if (north !== undefined) {
    const [{ Northbound }, { NORTHBOUND }] = await Promise.all([
      import("./north.js"),
      import("./north-tables.js"),
    ]);
    northbound = await openDatabase(north, NORTHBOUND, (description) => new Northbound(description), options);
  }
  const hosts: VSwitch[] = [];
  if (vswitches.length > 0) {
    const [{ VSwitch }, { OPEN_VSWITCH }] = await Promise.all([
      import("./vswitch.js"),
      import("./vswitch-tables.js"),
    ]);
    const begin = (description: SourceDescription) => new VSwitch(description);
    for (const source of vswitches) hosts.push(await openDatabase(source, OPEN_VSWITCH, begin, options));
  }
  return new KnownNames(northbound, hosts);
}
