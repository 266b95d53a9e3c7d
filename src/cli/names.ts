import type { VxlanEnds } from "../frame/other-tunnels.js";
import type { NameSources } from "../output/names.js";
import type {
  FollowOptions,
  Inventory,
  KnownNames,
  SouthboundDamage,
  SouthboundWarning,
} from "../southbound/index.js";
import type { NamedSets } from "../southbound/named-sets.js";
import { shown } from "../text.js";
import { CliError } from "./fault.js";
import { type FollowedServer, Following, moment, type Report } from "./following.js";
import type { TakeOptions } from "./options.js";
import { sbTime } from "./time-argument.js";

/** The inventory to name keys with, and the time to name them as of (see Namer). */
export interface Naming {
  inventory: Inventory | null;
  /** What ports and datapaths are known by besides; null without an inventory. */
  known: KnownNames | null;
  /** Which further sources there are. */
  sources: NameSources;
  /** False where a source was damaged, by more than a last record that was still being written. */
  sound: boolean;
  at: number | null;
  /** Servers that are followed: what is not there may come. */
  links: readonly FollowedServer[];
  /** What the southbound says of tunnels, with `-n` too. */
  tunnels: SouthboundTunnels;
  /** Reads the address sets and port groups of the southbound, as they are now. */
  sets(): Promise<NamedSets>;
  /** Ends what follows servers, and says so where the names are old. */
  close(): Promise<void>;
}

/** What a southbound tells of tunnels. */
export interface SouthboundTunnels {
  /** Destination ports that a type of tunnel uses besides its usual one. */
  portsOf(type: "geneve" | "vxlan" | "stt"): readonly number[];
  /** Who is at the ends of VXLAN; null without a southbound. */
  readonly ends: VxlanEnds | null;
}

export const NAMELESS: Naming = {
  inventory: null,
  known: null,
  sources: { north: false, vswitches: false },
  sound: true,
  at: Number.POSITIVE_INFINITY,
  links: [],
  tunnels: { portsOf: () => [], ends: null },
  sets: () =>
    Promise.reject(
      new CliError("address sets and port groups need a southbound database: give --sb SOURCE, without -n"),
    ),
  close: async () => {},
};

/**
 * Opens what `--sb` (or $OVN_SB_DB), `--nb` and `--ovs` name. Oddities and damage go to `report`, a line each.
 * With `live`, servers are followed until `close`.
 */
export async function openNaming(options: TakeOptions, live: boolean, report: Report): Promise<Naming> {
  const when = sbTime(options.sbTime, options.utc);
  const source = sourceOf(options);
  if (source === null) {
    if (options.names !== false && (options.nb !== undefined || options.ovs !== undefined))
      throw new CliError("--nb and --ovs add to the names of a southbound database; give --sb, too");
    return NAMELESS;
  }
  const following = new Following(live && options.names !== false, report);
  try {
    return await openWith(source, when, options, following, report);
  } catch (error) {
    await following.close();
    throw error;
  }
}

async function openWith(
  source: string,
  when: number | null | undefined,
  options: TakeOptions,
  following: Following,
  report: Report,
): Promise<Naming> {
  const { openSouthbound } = await import("../southbound/open.js");
  let inventory: Inventory;
  try {
    inventory = await openSouthbound(source, { ...tlsFiles(options), ...following.options });
  } catch (error) {
    // What was asked for by flag must work; an environment set up for ovn-sbctl need not.
    if (options.sb !== undefined) throw error;
    await report(`$OVN_SB_DB: ${(error as Error).message}; going on without names`);
    return NAMELESS;
  }
  const { ChassisEnds } = await import("../analysis/chassis-ends.js");
  const asOf = () => {
    const timed = inventory.hasHistory || following.links.length > 0;
    const at = when === undefined ? (timed ? null : Number.POSITIVE_INFINITY) : when;
    const portsOf: SouthboundTunnels["portsOf"] = (type) => inventory.tunnelPorts(type);
    return { at, tunnels: { portsOf, ends: new ChassisEnds(inventory, at) } };
  };
  const told = await reportOddities(inventory, report);
  // Without names its tunnels still count.
  if (options.names === false) return { ...NAMELESS, tunnels: asOf().tunnels, sound: isSound(inventory) };
  const { sound, ...names } = await openKnown(options, report, following.options);
  if (names.known.north !== null) inventory.learnAddresses(names.known.north);
  return {
    inventory,
    ...names,
    sound: isSound(inventory) && sound,
    ...asOf(),
    links: following.links,
    sets: async () => {
      const { openNamedSets } = await import("../southbound/named-sets.js");
      return openNamedSets(source, tlsFiles(options));
    },
    close: async () => {
      // A server goes on while packets come, and so may its oddities.
      try {
        await reportWarnings(inventory, report, told);
      } finally {
        await following.close();
      }
    },
  };
}

/** Where the southbound is, by flag or environment; null where nothing says. */
export function sourceOf({ sb }: Pick<TakeOptions, "sb">): string | null {
  return (sb ?? process.env.OVN_SB_DB) || null;
}

/** What the flags say of servers that speak TLS. */
export function tlsFiles({ privateKey, certificate, caCert }: TlsOptions) {
  return { privateKey, certificate, caCert };
}

type TlsOptions = Pick<TakeOptions, "privateKey" | "certificate" | "caCert">;
type FurtherSources = TlsOptions & Pick<TakeOptions, "nb" | "ovs">;

/** Opens what `--nb` and `--ovs` name; oddities and damage go to `report`. */
export async function openKnown(
  options: FurtherSources,
  report: Report,
  following: FollowOptions = {},
): Promise<{ known: KnownNames; sources: NameSources; sound: boolean }> {
  const { openKnownNames } = await import("../southbound/open-names.js");
  const known = await openKnownNames(
    { north: options.nb, vswitches: options.ovs },
    { ...tlsFiles(options), ...following },
  );
  const { north, vswitches } = known;
  const all = north === null ? vswitches : [north, ...vswitches];
  for (const each of all) await reportOddities(each, report);
  for (const vswitch of vswitches)
    if (!vswitch.isNamed)
      await report(
        `${shown(vswitch.source)}: does not say which chassis it is of, so its devices stay unknown; set external_ids:system-id of its Open_vSwitch row`,
      );
  const sources = { north: north !== null, vswitches: vswitches.length > 0 };
  return { known, sources, sound: all.every(isSound) };
}

/** What any source says of how it was read. */
interface Read {
  readonly source: string;
  readonly damage: SouthboundDamage | null;
  readonly warnings: readonly SouthboundWarning[];
  readonly transactions: number;
}

/** Kinds of oddities, and how often each was met. */
type Told = ReadonlyMap<string, number>;

/** Says what was odd about a source, a line each. */
export async function reportOddities(read: Read, report: Report): Promise<Told> {
  const { source, damage } = read;
  if (damage !== null)
    await report(
      `${shown(source)}: damaged at byte ${damage.offset}: ${damage.reason}; names are as of what is before it`,
    );
  return reportWarnings(read, report);
}

/** Says what was odd, but for the kinds that were told already. */
async function reportWarnings(
  { source, warnings }: Read,
  report: Report,
  told: Told = new Map(),
): Promise<Told> {
  for (const { code, text, count } of warnings)
    if (!told.has(code))
      await report(`${shown(source)}: ${text}${count > 1 ? ` (and ${count - 1} more)` : ""}`);
  return new Map(warnings.map(({ code, count }) => [code, count]));
}

/** Whether a source was whole, but for a last record that was still being written. */
export function isSound({ damage, transactions }: Read): boolean {
  return damage === null || (damage.torn === true && transactions > 0);
}

/** Says once how many packets are older than what the sources remember. */
export async function reportBeforeHistory(
  { inventory, known }: Naming,
  packets: number,
  report: Report,
): Promise<void> {
  if (inventory !== null && packets > 0) {
    const forgotten = inventory.warnings.some(({ code }) => code === "forgotten");
    const what = forgotten ? "what is remembered of it" : "its first record";
    await report(
      `${shown(inventory.source)}: ${packets === 1 ? "1 packet is" : `${packets} packets are`} older than ${what} (${moment(inventory.historyStart)}), names unknown; --sb-time latest takes the newest known ones`,
    );
  }
  for (const each of [known?.north, ...(known?.vswitches ?? [])])
    if (each?.askedBeforeStart)
      await report(
        `${shown(each.source)}: some packets are older than its first record (${moment(each.historyStart)}), what it adds to their names is unknown; --sb-time latest takes the newest known`,
      );
}
