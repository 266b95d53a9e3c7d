/* From counted keys to named flows, ports, datapaths and tunnels. */

import { momentMs } from "../capture/moment.js";
import { FrameStatus } from "../frame/status.js";
import type { FriendlyName, Inventory, KnownNames, PortNames, Resolution } from "../southbound/index.js";
import { egressOf, ingressOf } from "../wire/ovn-option.js";
import type { FileTotals, Moment, StopTotals, Totals } from "./analyzer.js";
import type { FlowEntry } from "./flow-aside.js";
import { type FlowTable, newEntry } from "./flow-table.js";
import { KeySums } from "./key-sums.js";
import { FirstRows, Listing, type Ordered } from "./order.js";
import type { TunnelTable } from "./tunnel-table.js";

/** One (datapath, ingress, egress); names are null where the inventory has none for the key. */
export interface FlowSummary {
  datapathKey: number;
  ingressKey: number;
  egressKey: number;
  datapath: string | null;
  inport: string | null;
  outport: string | null;
  /** What they are known by besides, as of the last packet; null where that is not asked for, or no port. */
  datapathFriendly: FriendlyName | null;
  inportNames: PortNames | null;
  outportNames: PortNames | null;
  packets: number;
  bytes: number;
  firstTime: Moment;
  lastTime: Moment;
}

export interface DatapathSummary {
  datapathKey: number;
  name: string | null;
  friendly: FriendlyName | null;
  /** `switch`, `router` or `unknown`. */
  kind: string | null;
  packets: number;
  bytes: number;
}

/**
 * A logical port as its owner sees it: tx is what came from it (it was the ingress port), rx what went to it.
 * A multicast group, which only receives, has the type `multicast`.
 */
export interface PortSummary {
  datapathKey: number;
  portKey: number;
  datapath: string | null;
  datapathFriendly: FriendlyName | null;
  name: string | null;
  /** What it is known by besides; null where that is not asked for, and of a multicast group. */
  names: PortNames | null;
  type: string | null;
  /** Where it was bound at its last packet. */
  chassis: string | null;
  rxPackets: number;
  rxBytes: number;
  txPackets: number;
  txBytes: number;
}

export interface TunnelSummary {
  source: string;
  destination: string;
  sourceChassis: string | null;
  destinationChassis: string | null;
  packets: number;
  bytes: number;
  /** Largest outer IP packet. */
  largestOuterBytes: number;
  fragments: number;
}

/**
 * The whole answer of `analyze`. Lists are sorted by bytes, descending, then by keys or addresses. Listings are to
 * be read before more is analyzed.
 */
export interface Summary {
  files: FileTotals[];
  packets: number;
  bytes: number;
  geneve: number;
  vxlan: number;
  stt: number;
  /** Packets of VXLAN that are read as OVN's though nobody says that they are. */
  assumed: number;
  ovn: number;
  bfd: number;
  oam: number;
  /** Bare frames by KeysFrom; null where there were none. */
  bare: readonly number[] | null;
  /** Whether a key 0 of a flow is one that is not known: there were bare frames, or VXLAN, which has no ingress keys. */
  hasGaps: boolean;
  notGeneve: number;
  malformed: number;
  truncated: number;
  unsupported: number;
  /** OVN packets of which the datapath or a port has no name in the inventory; null without one. */
  unresolved: number | null;
  /** OVN packets older than all the inventory knows of: among the unresolved. */
  beforeHistory: number;
  stops: StopTotals[];
  /** How many flows there are; `flows` may have fewer. */
  flowCount: number;
  /** OVN packets that are in none of the flows, because there are more flows than can be held. */
  flowOverflow: number;
  flows: Listing<FlowSummary>;
  datapaths: Listing<DatapathSummary>;
  ports: Listing<PortSummary>;
  tunnels: TunnelSummary[];
}

/** What keys mean; as in the Analyzer. */
export interface Naming {
  readonly inventory: Inventory | null;
  readonly at: number | null;
  readonly known: KnownNames | null;
}

/** Adds up and names what was counted. `top`: flows wanted, the largest ones. */
export function summarize(
  totals: Totals,
  flowTable: FlowTable,
  tunnelTable: TunnelTable,
  naming: Naming,
  top: number,
): Summary {
  const { inventory, at } = naming;
  const bare = totals.bare.some((packets) => packets > 0) ? totals.bare : null;
  const hasGaps = bare !== null || totals.vxlan > 0;
  const sums = new KeySums(naming, hasGaps);
  const flows = new Flows(flowTable, naming, top);
  flows.addTo(sums);
  return {
    files: totals.files,
    packets: totals.packets,
    bytes: totals.bytes,
    geneve: totals.geneve,
    vxlan: totals.vxlan,
    stt: totals.stt,
    assumed: totals.assumed,
    ovn: totals.ovn,
    bfd: totals.bfd,
    oam: totals.oam,
    bare,
    hasGaps,
    truncated: totals.byStatus[FrameStatus.truncated],
    malformed: totals.byStatus[FrameStatus.malformed],
    unsupported: totals.byStatus[FrameStatus.unsupported],
    notGeneve: totals.byStatus[FrameStatus.notGeneve],
    unresolved: inventory !== null ? sums.unresolved : null,
    beforeHistory: sums.beforeHistory,
    stops: totals.stops,
    flowCount: flows.count,
    flowOverflow: flowTable.overflow,
    flows: flows.listing(),
    datapaths: sums.datapaths(),
    ports: sums.ports(),
    tunnels: tunnelsOf(tunnelTable, inventory, at),
  };
}

const UNNAMED: Resolution = {
  datapath: null,
  inport: null,
  outport: null,
  beforeHistory: false,
  from: Number.NEGATIVE_INFINITY,
  until: Number.POSITIVE_INFINITY,
};

/** The flows of a table, those that mean the same as one. A row is a place of the table, or behind them a joined flow. */
class Flows implements Ordered {
  count = 0;
  readonly #table: FlowTable;
  readonly #naming: Naming;
  /** Flows made of those whose keys have several. */
  #joined: FlowEntry[] = [];
  /** Where not all flows are wanted: the first ones. */
  readonly #first: FirstRows | null;
  /** Where all are wanted: their rows. */
  readonly #all: Uint32Array<ArrayBuffer>;

  constructor(table: FlowTable, naming: Naming, top: number) {
    this.#table = table;
    this.#naming = naming;
    this.#first = top < table.count ? new FirstRows(this, top) : null;
    this.#all = new Uint32Array(this.#first === null ? table.count : 0);
  }

  /** Adds each flow to `sums`. */
  addTo(sums: KeySums): void {
    const table = this.#table;
    const several = this.#several();
    const entry = newEntry();
    for (let place = table.next(0); place >= 0; place = table.next(place + 1)) {
      table.read(place, entry);
      const others = several?.get(entry.vni)?.get(entry.keys);
      if (others === undefined) this.#take(place, entry, sums);
      else others.push({ ...entry });
    }
    for (const byKeys of several?.values() ?? [])
      for (const entries of byKeys.values()) this.#joined.push(...this.#join(entries));
    this.#joined.sort((a, b) => a.firstSec - b.firstSec || a.firstNsec - b.firstNsec);
    for (const [index, joined] of this.#joined.entries()) this.#take(table.places + index, joined, sums);
  }

  listing(): Listing<FlowSummary> {
    const rows =
      this.#first === null ? this.#all.subarray(0, this.count) : Uint32Array.from(this.#first.rows());
    const entry = newEntry();
    return new Listing(this, rows, (row) => {
      if (row >= this.#table.places) return namedFlow(this.#joined[row - this.#table.places], this.#naming);
      this.#table.read(row, entry);
      return namedFlow(entry, this.#naming);
    });
  }

  bytesOf(row: number): number {
    const { places } = this.#table;
    return row < places ? this.#table.bytesOf(row) : this.#joined[row - places].bytes;
  }

  vniOf(row: number): number {
    const { places } = this.#table;
    return row < places ? this.#table.vniOf(row) : this.#joined[row - places].vni;
  }

  keysOf(row: number): number {
    const { places } = this.#table;
    return row < places ? this.#table.keysOf(row) : this.#joined[row - places].keys;
  }

  #take(row: number, entry: FlowEntry, sums: KeySums): void {
    sums.add(entry);
    if (this.#first !== null) this.#first.offer(row, entry.bytes);
    else this.#all[this.count] = row;
    this.count++;
  }

  /** By VNI and keys, room for the flows of keys that may have several; null where none have. */
  #several(): Map<number, Map<number, FlowEntry[]>> | null {
    const table = this.#table;
    if (!table.versioned) return null;
    const several = new Map<number, Map<number, FlowEntry[]>>();
    for (let place = table.firstAside; place < table.places; place++) {
      const vni = table.vniOf(place);
      const byKeys = several.get(vni) ?? new Map<number, FlowEntry[]>();
      several.set(vni, byKeys.set(table.keysOf(place), []));
    }
    return several;
  }

  /** Of flows of the same keys, those that belong to the same rows as one. */
  #join(entries: readonly FlowEntry[]): FlowEntry[] {
    const joined = new Map<string, FlowEntry>();
    for (const entry of entries) {
      const { datapath, inport, outport, beforeHistory } = resolutionOf(entry, this.#naming);
      const identity = `${datapath?.uuid} ${inport?.uuid} ${outport?.uuid} ${beforeHistory}`;
      const other = joined.get(identity);
      if (other === undefined) joined.set(identity, entry);
      else addFlow(other, entry);
    }
    return [...joined.values()];
  }
}

/** Adds `flow` to another of the same keys. */
function addFlow(to: FlowEntry, flow: FlowEntry): void {
  to.packets += flow.packets;
  to.bytes += flow.bytes;
  if (flow.firstSec < to.firstSec || (flow.firstSec === to.firstSec && flow.firstNsec < to.firstNsec)) {
    to.firstSec = flow.firstSec;
    to.firstNsec = flow.firstNsec;
  }
  if (flow.lastSec > to.lastSec || (flow.lastSec === to.lastSec && flow.lastNsec > to.lastNsec)) {
    to.lastSec = flow.lastSec;
    to.lastNsec = flow.lastNsec;
  }
}

/** When a flow's names are as of: `at`, or its last packet. */
function timeOf({ lastSec, lastNsec }: FlowEntry, { at }: Naming): number {
  return at ?? momentMs(lastSec, lastNsec);
}

function resolutionOf(entry: FlowEntry, naming: Naming): Resolution {
  const { vni, keys } = entry;
  const time = timeOf(entry, naming);
  return naming.inventory?.resolve(vni, ingressOf(keys), egressOf(keys), time) ?? UNNAMED;
}

/** A flow with its names. */
function namedFlow(entry: FlowEntry, naming: Naming): FlowSummary {
  const { known } = naming;
  const time = timeOf(entry, naming);
  const { datapath, inport, outport } = resolutionOf(entry, naming);
  return {
    datapathKey: entry.vni,
    ingressKey: ingressOf(entry.keys),
    egressKey: egressOf(entry.keys),
    datapath: datapath?.name ?? null,
    inport: inport?.name ?? null,
    outport: outport?.name ?? null,
    datapathFriendly: (datapath && known?.datapath(datapath, time).friendly) ?? null,
    inportNames: (inport && known?.port(inport, time)) ?? null,
    outportNames: (outport?.kind === "port" && known?.port(outport, time)) || null,
    packets: entry.packets,
    bytes: entry.bytes,
    firstTime: { sec: entry.firstSec, nsec: entry.firstNsec },
    lastTime: { sec: entry.lastSec, nsec: entry.lastNsec },
  };
}

/** Tunnels with the chassis as of `at`, or of each tunnel's last packet. */
function tunnelsOf(table: TunnelTable, inventory: Inventory | null, at: number | null): TunnelSummary[] {
  const tunnels: TunnelSummary[] = [];
  const chassis = (address: string, time: number): string | null =>
    inventory?.resolveAddress(address, time).chassis?.name ?? null;
  for (let index = 0; index < table.count; index++) {
    const { tunnelled, ...tunnel } = table.entry(index);
    const time = at ?? momentMs(tunnel.lastSec, tunnel.lastNsec);
    // Fragments between hosts that have no tunnel are somebody else's.
    if (tunnelled === 0) continue;
    tunnels.push({
      source: tunnel.source,
      destination: tunnel.destination,
      sourceChassis: chassis(tunnel.source, time),
      destinationChassis: chassis(tunnel.destination, time),
      packets: tunnel.packets,
      bytes: tunnel.bytes,
      largestOuterBytes: tunnel.largestOuterBytes,
      fragments: tunnel.fragments,
    });
  }
  return tunnels.sort(
    (a, b) => b.bytes - a.bytes || compare(a.source, b.source) || compare(a.destination, b.destination),
  );
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
