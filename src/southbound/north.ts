/*
 * What the northbound database adds: ovn-northd copies external_ids and options of a Logical_Switch_Port to its
 * Port_Binding (northd.c), but not the addresses it assigned itself, nor the DHCP options, nor the external_ids
 * of switches and routers.
 */
import { addressesIn } from "./address.js";
import { DatedRows } from "./dated-rows.js";
import type { AddressSource } from "./endpoints.js";
import { entryOf } from "./entry.js";
import { NorthColumn } from "./north-tables.js";
import type { SourceDescription } from "./ovsdb/sink.js";
import { pairsOf, pairValue } from "./ovsdb/value.js";
import type { Span } from "./span.js";
import type { RowValues } from "./store.js";

const PORT = NorthColumn.Logical_Switch_Port;
const DHCP = NorthColumn.DHCP_Options;

const NOBODY: readonly string[] = Object.freeze([]);

/** What the northbound says of a logical switch port. */
export interface NorthPort {
  readonly externalIds: ReadonlyMap<string, string>;
  /** Entries of "MAC [IP...]"; those that ovn-northd assigned in place of `dynamic`. */
  readonly addresses: readonly string[];
  /** What DHCPv4 tells the guest to be called, with the domain where one is told, too; null for nothing. */
  readonly hostName: string | null;
}

/** The northbound database over time. */
export class Northbound extends DatedRows implements AddressSource {
  /** Ports (by name) that were ever assigned the address. */
  readonly #assigned = new Map<string, Set<string>>();

  constructor(description: SourceDescription) {
    super(description, { Logical_Switch_Port: (values) => values[PORT.name] as string });
  }

  /** The Logical_Switch_Port of this name at `time`; null where there is none, or more than one. */
  switchPort(name: string, span: Span, time: number): NorthPort | null {
    const found = this.byKey("Logical_Switch_Port", name, span, time);
    if (found.length !== 1) return null;
    const [values] = found;
    return {
      externalIds: pairsOf(values[PORT.external_ids]),
      addresses: addressesOf(values),
      hostName: this.#hostName(values, span, time),
    };
  }

  /** The ports that ovn-northd had assigned the address (MAC or IP, canonical text) at `time`. */
  ownersOf(address: string, span: Span, time: number): readonly string[] {
    const names = this.#assigned.get(address);
    if (names === undefined) return NOBODY;
    const has = (name: string): boolean => {
      const port = this.switchPort(name, span, time);
      return port?.addresses.some((entry) => addressesIn(entry).includes(address)) ?? false;
    };
    return [...names].filter(has);
  }

  protected override became(table: string, after: RowValues): void {
    if (table !== "Logical_Switch_Port") return;
    const assigned = after[PORT.dynamic_addresses];
    if (typeof assigned !== "string") return;
    for (const address of addressesIn(assigned)) {
      entryOf(this.#assigned, address, () => new Set<string>()).add(after[PORT.name] as string);
    }
  }

  /** The external_ids of the Logical_Switch or Logical_Router with this uuid at `time`; null where it is unknown. */
  datapath(uuid: string, span: Span, time: number): ReadonlyMap<string, string> | null {
    const onSwitch = this.byUuid("Logical_Switch", uuid, span, time);
    if (onSwitch !== null) return pairsOf(onSwitch[NorthColumn.Logical_Switch.external_ids]);
    const onRouter = this.byUuid("Logical_Router", uuid, span, time);
    return onRouter === null ? null : pairsOf(onRouter[NorthColumn.Logical_Router.external_ids]);
  }

  /** ovn-nb(5): a port's own options:hostname takes precedence over that of its DHCP_Options. */
  #hostName(port: RowValues, span: Span, time: number): string | null {
    const uuid = port[PORT.dhcpv4_options];
    const row = typeof uuid === "string" ? this.byUuid("DHCP_Options", uuid, span, time) : null;
    const dhcp = (key: string) => (row === null ? null : unquoted(pairValue(row[DHCP.options], key)));
    const host = unquoted(pairValue(port[PORT.options], "hostname")) ?? dhcp("hostname");
    const domain = dhcp("domain_name");
    return host === null || domain === null || host.includes(".") ? host : `${host}.${domain}`;
  }
}

function addressesOf(port: RowValues): readonly string[] {
  const configured = port[PORT.addresses] as readonly string[];
  const assigned = port[PORT.dynamic_addresses];
  if (typeof assigned !== "string") return configured;
  return [...configured.filter((entry) => !/\bdynamic\b/.test(entry)), assigned];
}

/** An option's text: it goes into an OVN action as it is, so that strings are stored with their quotes. */
function unquoted(text: string | undefined): string | null {
  const bare = text?.replace(/^"(.*)"$/s, "$1") ?? "";
  return bare === "" ? null : bare;
}
