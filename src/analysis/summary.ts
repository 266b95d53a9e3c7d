/* From counted keys to named flows, ports, datapaths and tunnels. */
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
  stops: StopTotals[];
  flows: FlowSummary[];
  datapaths: DatapathSummary[];
  ports: PortSummary[];
  tunnels: TunnelSummary[];
}

type Named = FlowSummary & { resolution: Resolution | null };

/** Names what was counted. `at` as in the Analyzer. */
export function summarize(
  totals: Totals,
  flowTable: FlowTable,
  tunnelTable: TunnelTable,
  inventory: Inventory | null,
  at: number | null,
): Summary {
  const flows = namedFlows(flowTable, inventory, at);
  const unresolved = flows.reduce(
    (sum, flow) =>
      flow.datapath === null || flow.inport === null || flow.outport === null ? sum + flow.packets : sum,
    0,
  );
  const lastMs = totals.files.reduce((latest, { lastTime }) => Math.max(latest, ms(lastTime)), -Infinity);
  return {
    files: totals.files,
    packets: totals.packets,
    bytes: totals.bytes,
    geneve: totals.geneve,
    ovn: totals.ovn,
    bfd: totals.bfd,
    oam: totals.oam,
    truncated: totals.byStatus[1],
    malformed: totals.byStatus[2],
    unsupported: totals.byStatus[3],
    notGeneve: totals.byStatus[4],
    unresolved: inventory === null ? null : unresolved,
    stops: totals.stops,
    flows: flows.map(({ resolution: _, ...flow }) => flow),
    datapaths: datapathsOf(flows),
    ports: portsOf(flows),
    tunnels: tunnelsOf(tunnelTable, inventory, at ?? lastMs),
  };
}

/** Milliseconds since 1970 of a moment, -Infinity for none. */
function ms(moment: Moment | null): number {
  return moment === null ? -Infinity : moment.sec * 1e3 + moment.nsec * 1e-6;
}

function before(a: Moment, b: Moment): boolean {
  return a.sec < b.sec || (a.sec === b.sec && a.nsec < b.nsec);
}

/** Table entries with names; entries that mean the same (only a chassis changed between them) become one. */
function namedFlows(table: FlowTable, inventory: Inventory | null, at: number | null): Named[] {
  const flows = new Map<string, Named>();
  for (let index = 0; index < table.count; index++) {
    const entry = table.entry(index);
    const ingressKey = (entry.keys >>> 16) & 0x7fff;
    const egressKey = entry.keys & 0xffff;
    const firstTime = { sec: entry.firstSec, nsec: entry.firstNsec };
    const lastTime = { sec: entry.lastSec, nsec: entry.lastNsec };
    const resolution = inventory?.resolve(entry.vni, ingressKey, egressKey, at ?? ms(lastTime)) ?? null;
    const identity = `${entry.vni} ${ingressKey} ${egressKey} ${resolution?.datapath?.uuid} ${resolution?.inport?.uuid} ${resolution?.outport?.uuid}`;
    const known = flows.get(identity);
    if (known === undefined) {
      flows.set(identity, {
        datapathKey: entry.vni,
        ingressKey,
        egressKey,
        datapath: resolution?.datapath?.name ?? null,
        inport: resolution?.inport?.name ?? null,
        outport: resolution?.outport?.name ?? null,
        packets: entry.packets,
        bytes: entry.bytes,
        firstTime,
        lastTime,
        resolution,
      });
      continue;
    }
    known.packets += entry.packets;
    known.bytes += entry.bytes;
    if (before(firstTime, known.firstTime)) known.firstTime = firstTime;
    if (before(known.lastTime, lastTime)) {
      known.lastTime = lastTime;
      known.resolution = resolution;
      known.datapath = resolution?.datapath?.name ?? null;
      known.inport = resolution?.inport?.name ?? null;
      known.outport = resolution?.outport?.name ?? null;
    }
  }
  return [...flows.values()].sort(
    (a, b) =>
      b.bytes - a.bytes ||
      a.datapathKey - b.datapathKey ||
      a.ingressKey - b.ingressKey ||
      a.egressKey - b.egressKey ||
      ms(a.firstTime) - ms(b.firstTime),
  );
}

function datapathsOf(flows: readonly Named[]): DatapathSummary[] {
  const datapaths = new Map<string, DatapathSummary>();
  for (const { datapathKey, resolution, packets, bytes } of flows) {
    const identity = `${datapathKey} ${resolution?.datapath?.uuid}`;
    let datapath = datapaths.get(identity);
    if (datapath === undefined) {
      datapath = {
        datapathKey,
        name: resolution?.datapath?.name ?? null,
        kind: resolution?.datapath?.kind ?? null,
        packets: 0,
        bytes: 0,
      };
      datapaths.set(identity, datapath);
    }
    datapath.packets += packets;
    datapath.bytes += bytes;
  }
  return [...datapaths.values()].sort((a, b) => b.bytes - a.bytes || a.datapathKey - b.datapathKey);
}

function portsOf(flows: readonly Named[]): PortSummary[] {
  const ports = new Map<string, PortSummary & { seen: number }>();
  const count = (
    flow: Named,
    portKey: number,
    port: Port | MulticastGroup | null,
    transmits: boolean,
  ): void => {
    const identity = `${flow.datapathKey} ${portKey} ${port?.uuid}`;
    let known = ports.get(identity);
    if (known === undefined) {
      known = {
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
        seen: -Infinity,
      };
      ports.set(identity, known);
    }
    if (port !== null && ms(flow.lastTime) >= known.seen) {
      known.seen = ms(flow.lastTime);
      known.name = port.name;
      known.type = port.kind === "multicast" ? "multicast" : port.type;
      known.chassis = port.kind === "multicast" ? null : (port.chassis?.name ?? null);
    }
    known[transmits ? "txPackets" : "rxPackets"] += flow.packets;
    known[transmits ? "txBytes" : "rxBytes"] += flow.bytes;
  };
  for (const flow of flows) {
    count(flow, flow.ingressKey, flow.resolution?.inport ?? null, true);
    count(flow, flow.egressKey, flow.resolution?.outport ?? null, false);
  }
  return [...ports.values()]
    .sort(
      (a, b) =>
        b.rxBytes + b.txBytes - a.rxBytes - a.txBytes ||
        a.datapathKey - b.datapathKey ||
        a.portKey - b.portKey,
    )
    .map(({ seen: _, ...port }) => port);
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
