/* From counted keys to named flows, ports, datapaths and tunnels. */

import { FrameStatus } from "../frame/status.js";
import type {
  FriendlyName,
  Inventory,
  KnownNames,
  MulticastGroup,
  Port,
  PortNames,
  Resolution,
} from "../southbound/index.js";
import { egressOf, ingressOf } from "../wire/ovn-option.js";
import type { FileTotals, Moment, StopTotals, Totals } from "./analyzer.js";
import { type FlowEntry, type FlowTable, momentMs } from "./flow-table.js";
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

/** The whole answer of `analyze`. Lists are sorted by bytes, descending, then by keys or addresses. */
export interface Summary {
  files: FileTotals[];
  packets: number;
  bytes: number;
  geneve: number;
  ovn: number;
  bfd: number;
  oam: number;
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
  /** OVN packets that are in none of the flows, because there are more flows than MOST_FLOWS. */
  flowOverflow: number;
  flows: FlowSummary[];
  datapaths: DatapathSummary[];
  ports: PortSummary[];
  tunnels: TunnelSummary[];
}

/** A flow and what its keys mean. */
interface Named {
  flow: FlowSummary;
  resolution: Resolution;
}

/** What keys mean; as in the Analyzer. */
interface Naming {
  readonly inventory: Inventory | null;
  readonly at: number | null;
  readonly known: KnownNames | null;
}

/** Names what was counted. `top`: flows wanted, the largest ones. */
export function summarize(
  totals: Totals,
  flowTable: FlowTable,
  tunnelTable: TunnelTable,
  naming: Naming,
  top: number,
): Summary {
  const { inventory, at } = naming;
  const sums = new Sums(top);
  // Only where the meaning of keys is a matter of time can two entries be one flow.
  if (inventory !== null && at === null) for (const flow of mergedFlows(flowTable, naming)) sums.add(flow);
  else for (const entry of flowTable.entries()) sums.add(namedFlow(entry, naming));
  return {
    files: totals.files,
    packets: totals.packets,
    bytes: totals.bytes,
    geneve: totals.geneve,
    ovn: totals.ovn,
    bfd: totals.bfd,
    oam: totals.oam,
    truncated: totals.byStatus[FrameStatus.truncated],
    malformed: totals.byStatus[FrameStatus.malformed],
    unsupported: totals.byStatus[FrameStatus.unsupported],
    notGeneve: totals.byStatus[FrameStatus.notGeneve],
    unresolved: inventory !== null ? sums.unresolved : null,
    beforeHistory: sums.beforeHistory,
    stops: totals.stops,
    flowCount: sums.flowCount,
    flowOverflow: flowTable.overflow,
    flows: sums.flows(),
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

/** Milliseconds since 1970 of a moment, -Infinity for none. */
function ms(moment: Moment | null): number {
  return moment === null ? -Infinity : momentMs(moment.sec, moment.nsec);
}

function before(a: Moment, b: Moment): boolean {
  return a.sec < b.sec || (a.sec === b.sec && a.nsec < b.nsec);
}

/** A table entry with names, as of `at` or of its last packet. */
function namedFlow(entry: FlowEntry, { inventory, at, known }: Naming): Named {
  const ingressKey = ingressOf(entry.keys);
  const egressKey = egressOf(entry.keys);
  const lastTime = { sec: entry.lastSec, nsec: entry.lastNsec };
  const time = at ?? ms(lastTime);
  const resolution = inventory?.resolve(entry.vni, ingressKey, egressKey, time) ?? UNNAMED;
  const { datapath, inport, outport } = resolution;
  const flow = {
    datapathKey: entry.vni,
    ingressKey,
    egressKey,
    datapath: datapath?.name ?? null,
    inport: inport?.name ?? null,
    outport: outport?.name ?? null,
    datapathFriendly: (datapath && known?.datapath(datapath, time).friendly) ?? null,
    inportNames: (inport && known?.port(inport, time)) ?? null,
    outportNames: (outport?.kind === "port" && known?.port(outport, time)) || null,
    packets: entry.packets,
    bytes: entry.bytes,
    firstTime: { sec: entry.firstSec, nsec: entry.firstNsec },
    lastTime,
  };
  return { flow, resolution };
}

/** Entries that mean the same, between which only a chassis changed, as one flow; described as of its last packet. */
function mergedFlows(table: FlowTable, naming: Naming): Iterable<Named> {
  const merged = new Map<string, Named>();
  for (const entry of table.entries()) {
    const named = namedFlow(entry, naming);
    const { flow } = named;
    const { datapath, inport, outport } = named.resolution;
    const { beforeHistory } = named.resolution;
    const identity = `${entry.vni} ${entry.keys} ${datapath?.uuid} ${inport?.uuid} ${outport?.uuid} ${beforeHistory}`;
    const other = merged.get(identity);
    if (other === undefined) {
      merged.set(identity, named);
      continue;
    }
    const later = before(other.flow.lastTime, flow.lastTime) ? named : other;
    const first = before(flow.firstTime, other.flow.firstTime) ? flow.firstTime : other.flow.firstTime;
    later.flow.packets = flow.packets + other.flow.packets;
    later.flow.bytes = flow.bytes + other.flow.bytes;
    later.flow.firstTime = first;
    merged.set(identity, later);
  }
  return merged.values();
}

function byBytes(a: FlowSummary, b: FlowSummary): number {
  return (
    b.bytes - a.bytes ||
    a.datapathKey - b.datapathKey ||
    a.ingressKey - b.ingressKey ||
    a.egressKey - b.egressKey ||
    ms(a.firstTime) - ms(b.firstTime)
  );
}

/** A port being summed up, and the time of the last packet of the flow that described it. */
interface CountedPort {
  port: PortSummary;
  seen: number;
}

/** The same of a datapath. */
interface CountedDatapath {
  datapath: DatapathSummary;
  seen: number;
}

/** Takes flows one by one, and keeps of them no more than is asked for. */
class Sums {
  flowCount = 0;
  unresolved = 0;
  beforeHistory = 0;
  readonly #top: number;
  #flows: FlowSummary[] = [];
  // By row where there is one, else by keys; well-known groups have no row of their own.
  readonly #datapaths = new Map<string | number, CountedDatapath>();
  readonly #ports = new Map<string | number, CountedPort>();

  constructor(top: number) {
    this.#top = top;
  }

  add({ flow, resolution }: Named): void {
    this.flowCount++;
    // Egress 0 is legal, and no port's.
    if (flow.datapath === null || flow.inport === null || (flow.outport === null && flow.egressKey !== 0))
      this.unresolved += flow.packets;
    if (resolution.beforeHistory) this.beforeHistory += flow.packets;
    this.#flows.push(flow);
    if (this.#flows.length > 2 * this.#top + 1000) this.#flows = this.flows();
    const seen = ms(flow.lastTime);
    this.#addDatapath(flow, resolution, seen);
    const sender = this.#port(flow, flow.ingressKey, resolution.inport, flow.inportNames, seen);
    sender.txPackets += flow.packets;
    sender.txBytes += flow.bytes;
    const receiver = this.#port(flow, flow.egressKey, resolution.outport, flow.outportNames, seen);
    receiver.rxPackets += flow.packets;
    receiver.rxBytes += flow.bytes;
  }

  #addDatapath(
    { datapathKey, datapathFriendly, packets, bytes }: FlowSummary,
    { datapath }: Resolution,
    seen: number,
  ): void {
    const identity = datapath?.uuid ?? datapathKey;
    let counted = this.#datapaths.get(identity);
    if (counted === undefined) {
      const unnamed = { name: null, friendly: null, kind: null };
      counted = {
        datapath: { datapathKey, ...unnamed, packets: 0, bytes: 0 },
        seen: Number.NEGATIVE_INFINITY,
      };
      this.#datapaths.set(identity, counted);
    }
    const summary = counted.datapath;
    if (seen >= counted.seen) {
      counted.seen = seen;
      summary.datapathKey = datapathKey;
      summary.name = datapath?.name ?? null;
      summary.friendly = datapathFriendly;
      summary.kind = datapath?.kind ?? null;
    }
    summary.packets += packets;
    summary.bytes += bytes;
  }

  /** The account of a port, opened where it is new, described as of the latest flow. */
  #port(
    { datapathKey, datapath, datapathFriendly }: FlowSummary,
    portKey: number,
    found: Port | MulticastGroup | null,
    known: PortNames | null,
    seen: number,
  ): PortSummary {
    const identity = found?.uuid ?? datapathKey * 0x10000 + portKey;
    let counted = this.#ports.get(identity);
    if (counted === undefined) {
      // One literal: objects spread into one another are slow to make and to use.
      const port: PortSummary = {
        datapathKey,
        portKey,
        datapath,
        datapathFriendly,
        name: null,
        names: null,
        type: null,
        chassis: null,
        rxPackets: 0,
        rxBytes: 0,
        txPackets: 0,
        txBytes: 0,
      };
      counted = { port, seen: Number.NEGATIVE_INFINITY };
      this.#ports.set(identity, counted);
    }
    const { port } = counted;
    if (found !== null && seen >= counted.seen) {
      counted.seen = seen;
      port.datapathKey = datapathKey;
      port.portKey = portKey;
      port.datapath = datapath;
      port.datapathFriendly = datapathFriendly;
      port.name = found.name;
      port.names = known;
      port.type = found.kind === "multicast" ? "multicast" : found.type;
      port.chassis = found.kind === "multicast" ? null : (found.chassis?.name ?? null);
    }
    return port;
  }

  /** The largest flows, in order. */
  flows(): FlowSummary[] {
    return this.#flows.sort(byBytes).slice(0, this.#top);
  }

  datapaths(): DatapathSummary[] {
    const datapaths = [...this.#datapaths.values()].map(({ datapath }) => datapath);
    return datapaths.sort((a, b) => b.bytes - a.bytes || a.datapathKey - b.datapathKey);
  }

  ports(): PortSummary[] {
    const ports = [...this.#ports.values()].map(({ port }) => port);
    return ports.sort(
      (a, b) =>
        b.rxBytes + b.txBytes - a.rxBytes - a.txBytes ||
        a.datapathKey - b.datapathKey ||
        a.portKey - b.portKey,
    );
  }
}

/** Tunnels with the chassis as of `at`, or of each tunnel's last packet. */
function tunnelsOf(table: TunnelTable, inventory: Inventory | null, at: number | null): TunnelSummary[] {
  const tunnels: TunnelSummary[] = [];
  const chassis = (address: string, time: number): string | null =>
    inventory?.resolveAddress(address, time).chassis?.name ?? null;
  for (let index = 0; index < table.count; index++) {
    const { geneve, ...tunnel } = table.entry(index);
    const time = at ?? momentMs(tunnel.lastSec, tunnel.lastNsec);
    // Fragments between hosts that have no tunnel are somebody else's.
    if (geneve === 0) continue;
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
