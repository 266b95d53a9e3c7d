/* From counted keys to named flows, ports, datapaths and tunnels. */

import { FrameStatus } from "../frame/status.js";
import type { AddressResolution, Inventory, MulticastGroup, Port, Resolution } from "../southbound/index.js";
import type { FileTotals, Moment, StopTotals, Totals } from "./analyzer.js";
import type { FlowTable } from "./flow-table.js";
import type { TunnelTable } from "./tunnel-table.js";

/** One (datapath, ingress, egress); names are null where the inventory has none for the key. */
export interface FlowSummary {
  datapathKey: number;
  ingressKey: number;
  egressKey: number;
  datapath: string | null;
  inport: string | null;
  outport: string | null;
  packets: number;
  bytes: number;
  firstTime: Moment;
  lastTime: Moment;
}

export interface DatapathSummary {
  datapathKey: number;
  name: string | null;
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
  name: string | null;
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

/** Names what was counted. `at` as in the Analyzer. */
export function summarize(
  totals: Totals,
  flowTable: FlowTable,
  tunnelTable: TunnelTable,
  inventory: Inventory | null,
  at: number | null,
): Summary {
  const flows = namedFlows(flowTable, inventory, at);
  const named = inventory !== null;
  let unresolved = 0;
  let beforeHistory = 0;
  for (const { flow, resolution } of flows) {
    if (flow.datapath === null || flow.inport === null || flow.outport === null) unresolved += flow.packets;
    if (resolution.beforeHistory) beforeHistory += flow.packets;
  }
  const lastMs = totals.files.reduce((latest, { lastTime }) => Math.max(latest, ms(lastTime)), -Infinity);
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
    unresolved: named ? unresolved : null,
    beforeHistory,
    stops: totals.stops,
    flows: flows.map(({ flow }) => flow),
    datapaths: datapathsOf(flows),
    ports: portsOf(flows),
    tunnels: tunnelsOf(tunnelTable, inventory, at ?? lastMs),
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
  return moment === null ? -Infinity : moment.sec * 1e3 + moment.nsec * 1e-6;
}

function before(a: Moment, b: Moment): boolean {
  return a.sec < b.sec || (a.sec === b.sec && a.nsec < b.nsec);
}

/**
 * Table entries with names. Where keys change their meaning over time, entries that mean the same (only a
 * chassis changed between them) become one; otherwise every entry is a flow.
 */
function namedFlows(table: FlowTable, inventory: Inventory | null, at: number | null): Named[] {
  const named: Named[] = [];
  const known = inventory !== null && at === null ? new Map<string, Named>() : null;
  for (let index = 0; index < table.count; index++) {
    const { vni, keys, packets, bytes, firstSec, firstNsec, lastSec, lastNsec } = table.entry(index);
    const ingressKey = (keys >>> 16) & 0x7fff;
    const egressKey = keys & 0xffff;
    const firstTime = { sec: firstSec, nsec: firstNsec };
    const lastTime = { sec: lastSec, nsec: lastNsec };
    const resolution = inventory?.resolve(vni, ingressKey, egressKey, at ?? ms(lastTime)) ?? UNNAMED;
    const { datapath, inport, outport } = resolution;
    const identity =
      known === null ? "" : `${vni} ${keys} ${datapath?.uuid} ${inport?.uuid} ${outport?.uuid}`;
    const same = known?.get(identity);
    if (same === undefined) {
      const flow: FlowSummary = {
        datapathKey: vni,
        ingressKey,
        egressKey,
        datapath: datapath?.name ?? null,
        inport: inport?.name ?? null,
        outport: outport?.name ?? null,
        packets,
        bytes,
        firstTime,
        lastTime,
      };
      const entry = { flow, resolution };
      known?.set(identity, entry);
      named.push(entry);
      continue;
    }
    const { flow } = same;
    flow.packets += packets;
    flow.bytes += bytes;
    if (before(firstTime, flow.firstTime)) flow.firstTime = firstTime;
    if (!before(flow.lastTime, lastTime)) continue;
    flow.lastTime = lastTime;
    same.resolution = resolution;
    // The same rows may have been renamed.
    flow.datapath = datapath?.name ?? null;
    flow.inport = inport?.name ?? null;
    flow.outport = outport?.name ?? null;
  }
  return named.sort(
    ({ flow: a }, { flow: b }) =>
      b.bytes - a.bytes ||
      a.datapathKey - b.datapathKey ||
      a.ingressKey - b.ingressKey ||
      a.egressKey - b.egressKey ||
      ms(a.firstTime) - ms(b.firstTime),
  );
}

function datapathsOf(flows: readonly Named[]): DatapathSummary[] {
  // By row where there is one, else by key.
  const datapaths = new Map<string | number, DatapathSummary>();
  for (const { flow, resolution } of flows) {
    const { datapath } = resolution;
    const identity = datapath?.uuid ?? flow.datapathKey;
    let summary = datapaths.get(identity);
    if (summary === undefined) {
      summary = {
        datapathKey: flow.datapathKey,
        name: datapath?.name ?? null,
        kind: datapath?.kind ?? null,
        packets: 0,
        bytes: 0,
      };
      datapaths.set(identity, summary);
    }
    summary.packets += flow.packets;
    summary.bytes += flow.bytes;
  }
  return [...datapaths.values()].sort((a, b) => b.bytes - a.bytes || a.datapathKey - b.datapathKey);
}

/** A port being summed up, and the time of the last packet of the flow that described it. */
interface Counted {
  port: PortSummary;
  seen: number;
}

function portsOf(flows: readonly Named[]): PortSummary[] {
  // By row where there is one, else by both keys; well-known groups have no row of their own.
  const ports = new Map<string | number, Counted>();
  for (const { flow, resolution } of flows) {
    const seen = ms(flow.lastTime);
    const sender = counted(ports, flow, flow.ingressKey, resolution.inport, seen);
    sender.txPackets += flow.packets;
    sender.txBytes += flow.bytes;
    const receiver = counted(ports, flow, flow.egressKey, resolution.outport, seen);
    receiver.rxPackets += flow.packets;
    receiver.rxBytes += flow.bytes;
  }
  return [...ports.values()]
    .map(({ port }) => port)
    .sort(
      (a, b) =>
        b.rxBytes + b.txBytes - a.rxBytes - a.txBytes ||
        a.datapathKey - b.datapathKey ||
        a.portKey - b.portKey,
    );
}

/** The account of a port, opened where it is new, described as of the latest flow. */
function counted(
  ports: Map<string | number, Counted>,
  flow: FlowSummary,
  portKey: number,
  found: Port | MulticastGroup | null,
  seen: number,
): PortSummary {
  const identity = found?.uuid ?? flow.datapathKey * 0x10000 + portKey;
  let known = ports.get(identity);
  if (known === undefined) {
    const port = {
      datapathKey: flow.datapathKey,
      portKey,
      datapath: flow.datapath,
      name: null,
      type: null,
      chassis: null,
      rxPackets: 0,
      rxBytes: 0,
      txPackets: 0,
      txBytes: 0,
    };
    known = { port, seen: Number.NEGATIVE_INFINITY };
    ports.set(identity, known);
  }
  const { port } = known;
  if (found !== null && seen >= known.seen) {
    known.seen = seen;
    port.name = found.name;
    port.type = found.kind === "multicast" ? "multicast" : found.type;
    port.chassis = found.kind === "multicast" ? null : (found.chassis?.name ?? null);
  }
  return port;
}

function tunnelsOf(table: TunnelTable, inventory: Inventory | null, at: number): TunnelSummary[] {
  const tunnels: TunnelSummary[] = [];
  const chassis = (address: string): string | null => {
    const resolution: AddressResolution | undefined = inventory?.resolveAddress(address, at);
    return resolution?.chassis?.name ?? null;
  };
  for (let index = 0; index < table.count; index++) {
    const { geneve, ...tunnel } = table.entry(index);
    // Fragments between hosts that have no tunnel are somebody else's.
    if (geneve === 0) continue;
    tunnels.push({
      source: tunnel.source,
      destination: tunnel.destination,
      sourceChassis: chassis(tunnel.source),
      destinationChassis: chassis(tunnel.destination),
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
