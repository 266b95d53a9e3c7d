/* What is summed up, against sums over the packets one by one. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FlowTable } from "../../src/analysis/flow-table.js";
import { FirstRows, Listing, type Ordered } from "../../src/analysis/order.js";
import {
  type DatapathSummary,
  type FlowSummary,
  type Naming,
  type PortSummary,
  type Summary,
  summarize,
} from "../../src/analysis/summary.js";
import { TunnelTable } from "../../src/analysis/tunnel-table.js";
import { momentMs } from "../../src/capture/moment.js";
import type { Inventory, Resolution } from "../../src/southbound/index.js";
import { egressOf, ingressOf } from "../../src/wire/ovn-option.js";
import { emptyInventory } from "../southbound/by-hand.js";
import { Changes } from "../southbound/changes.js";

interface Packet {
  vni: number;
  keys: number;
  bytes: number;
  sec: number;
  nsec: number;
}

const TOTALS = {
  files: [],
  packets: 0,
  bytes: 0,
  byStatus: [0, 0, 0, 0, 0],
  geneve: 0,
  vxlan: 0,
  stt: 0,
  assumed: 0,
  ovn: 0,
  bfd: 0,
  oam: 0,
  bare: [],
  stops: [],
};

/** What the analyzer makes of the packets. */
function summed(packets: readonly Packet[], naming: Naming, top = Number.POSITIVE_INFINITY): Summary {
  const { inventory, at } = naming;
  const table =
    inventory !== null && at === null
      ? new FlowTable((vni, keys, ms) => inventory.keysHold(vni, ingressOf(keys), egressOf(keys), ms))
      : new FlowTable();
  if (inventory !== null) table.settle(inventory.keysHoldSince);
  for (const { vni, keys, bytes, sec, nsec } of packets) table.add(vni, keys, bytes, sec, nsec);
  return summarize(TOTALS, table, new TunnelTable(), naming, top);
}

/** Everything of a summary that is counted or named. */
function plain({ flows, datapaths, ports, flowCount, unresolved, beforeHistory }: Summary) {
  return {
    flows: [...flows],
    datapaths: [...datapaths],
    ports: [...ports],
    flowCount,
    unresolved,
    beforeHistory,
  };
}

const NOBODY = { datapath: null, inport: null, outport: null, beforeHistory: false };
const byTime = (a: Packet, b: Packet) => a.sec - b.sec || a.nsec - b.nsec;
const byNumbers = (a: readonly number[], b: readonly number[]) =>
  a.map((number, index) => number - b[index]).find((difference) => difference !== 0) ?? 0;

/** The same of the packets one by one, each named as of its own time, or of one for all. */
function expected(packets: readonly Packet[], { inventory, at }: Naming) {
  const inOrder = [...packets].sort(byTime);
  const flows = new Map<string, { summary: FlowSummary; isNamed: boolean; beforeHistory: boolean }>();
  const datapaths = new Map<string, DatapathSummary>();
  const ports = new Map<string, PortSummary>();
  for (const { vni, keys, bytes, sec, nsec } of inOrder) {
    const [ingressKey, egressKey] = [ingressOf(keys), egressOf(keys)];
    const resolution: Pick<Resolution, keyof typeof NOBODY> =
      inventory?.resolve(vni, ingressKey, egressKey, at ?? momentMs(sec, nsec)) ?? NOBODY;
    const { datapath, inport, outport, beforeHistory } = resolution;
    const identity = [vni, keys, datapath?.uuid, inport?.uuid, outport?.uuid, beforeHistory].join();
    const flow = flows.get(identity)?.summary;
    const names = {
      datapath: datapath?.name ?? null,
      inport: inport?.name ?? null,
      outport: outport?.name ?? null,
      datapathFriendly: null,
      inportNames: null,
      outportNames: null,
    };
    flows.set(identity, {
      summary: {
        datapathKey: vni,
        ingressKey,
        egressKey,
        ...names,
        packets: (flow?.packets ?? 0) + 1,
        bytes: (flow?.bytes ?? 0) + bytes,
        firstTime: flow?.firstTime ?? { sec, nsec },
        lastTime: { sec, nsec },
      },
      isNamed: names.datapath !== null && inport !== null && (outport !== null || egressKey === 0),
      beforeHistory,
    });
    const ofDatapath = datapath?.uuid ?? `${vni}`;
    const known = datapaths.get(ofDatapath);
    // What is met again goes to the end: the order of last packets.
    datapaths.delete(ofDatapath);
    datapaths.set(ofDatapath, {
      datapathKey: vni,
      name: names.datapath,
      friendly: null,
      kind: datapath?.kind ?? null,
      packets: (known?.packets ?? 0) + 1,
      bytes: (known?.bytes ?? 0) + bytes,
    });
    for (const [portKey, found, sent] of [
      [ingressKey, inport, 1],
      [egressKey, outport, 0],
    ] as const) {
      const ofPort = found?.uuid ?? `${vni} ${portKey}`;
      const before = ports.get(ofPort);
      ports.delete(ofPort);
      ports.set(ofPort, {
        datapathKey: vni,
        portKey,
        datapath: names.datapath,
        datapathFriendly: null,
        name: found?.name ?? null,
        names: null,
        type: found === null ? null : found.kind === "port" ? found.type : "multicast",
        chassis: found?.kind === "port" ? (found.chassis?.name ?? null) : null,
        rxPackets: (before?.rxPackets ?? 0) + 1 - sent,
        rxBytes: (before?.rxBytes ?? 0) + (1 - sent) * bytes,
        txPackets: (before?.txPackets ?? 0) + sent,
        txBytes: (before?.txBytes ?? 0) + sent * bytes,
      });
    }
  }
  const all = [...flows.values()];
  const count = (list: typeof all) => list.reduce((sum, { summary }) => sum + summary.packets, 0);
  const order = ({ bytes, datapathKey, ingressKey, egressKey, firstTime }: FlowSummary) => [
    -bytes,
    datapathKey,
    ingressKey,
    egressKey,
    firstTime.sec,
    firstTime.nsec,
  ];
  const portOrder = ({ rxBytes, txBytes, datapathKey, portKey }: PortSummary) => [
    -rxBytes - txBytes,
    datapathKey,
    portKey,
  ];
  return {
    flows: all.map(({ summary }) => summary).sort((a, b) => byNumbers(order(a), order(b))),
    datapaths: [...datapaths.values()].sort((a, b) =>
      byNumbers([-a.bytes, a.datapathKey], [-b.bytes, b.datapathKey]),
    ),
    ports: [...ports.values()].sort((a, b) => byNumbers(portOrder(a), portOrder(b))),
    flowCount: flows.size,
    unresolved: inventory === null ? null : count(all.filter(({ isNamed }) => !isNamed)),
    beforeHistory: count(all.filter((flow) => flow.beforeHistory)),
  };
}

/** Milliseconds since 1970 of the first change. */
const START = 1_000_000_000;

/** Packets from shortly before that on, no two at one time: what describes a port is its last. */
const packets = fc
  .array(
    fc.record({
      vni: fc.integer({ min: 1, max: 2 }),
      keys: fc
        .tuple(fc.integer({ min: 0, max: 2 }), fc.constantFrom(0, 1, 2, 40_000, 32_768))
        .map(([ingress, egress]) => (ingress << 16) | egress),
      bytes: fc.constantFrom(60, 100, 1500, 2 ** 31),
      ms: fc.integer({ min: -50, max: 650 }),
    }),
    { maxLength: 200 },
  )
  .map((list) =>
    list.map(({ ms, ...packet }, index): Packet => {
      const us = (START + ms) * 1000 + index;
      return { ...packet, sec: Math.floor(us / 1e6), nsec: (us % 1e6) * 1000 };
    }),
  );

/** An inventory where keys change hands all the time. */
function changing(seed: number): Inventory {
  const inventory = emptyInventory();
  const changes = new Changes(seed);
  for (let step = 0; step < 120; step++) inventory.apply(changes.next(START + step * 5));
  return inventory;
}

describe("a summary", () => {
  test.each([1, 2, 3])("is that of the packets one by one, whatever changes meanwhile (seed %d)", (seed) => {
    const inventory = changing(seed);
    for (const naming of [
      { inventory, at: null, known: null },
      { inventory, at: Number.POSITIVE_INFINITY, known: null },
      { inventory, at: START + 300, known: null },
      { inventory: null, at: null, known: null },
    ])
      fc.assert(
        fc.property(packets, (list) => {
          expect(plain(summed(list, naming))).toEqual(expected(list, naming));
        }),
        { numRuns: 100 },
      );
  });

  test("of some flows lists those that come first, and counts all", () => {
    const naming = { inventory: changing(4), at: null, known: null };
    fc.assert(
      fc.property(packets, fc.integer({ min: 1, max: 30 }), (list, top) => {
        const all = plain(summed(list, naming));
        const some = summed(list, naming, top);
        expect(plain(some)).toEqual({ ...all, flows: all.flows.slice(0, top) });
        expect(some.flows.length).toBe(Math.min(top, all.flowCount));
        expect(some.ports.first(top)).toEqual(all.ports.slice(0, top));
        expect(some.datapaths.first(1)).toEqual(all.datapaths.slice(0, 1));
      }),
      { numRuns: 100 },
    );
  });

  test("of many flows makes no more of them than are read", () => {
    const table = new FlowTable();
    const flows = 300_000;
    for (let flow = 0; flow < flows; flow++)
      table.add(1 + (flow >>> 8), ((flow & 15) << 16) | ((flow >>> 4) & 15), 100 + (flow % 3), 1000, flow);
    const naming = { inventory: null, at: Number.POSITIVE_INFINITY, known: null };
    const before = process.memoryUsage().heapUsed;
    const summary = summarize(TOTALS, table, new TunnelTable(), naming, Number.POSITIVE_INFINITY);
    let last: FlowSummary | null = null;
    let read = 0;
    for (const flow of summary.flows) {
      if (last !== null && flow.bytes === last.bytes && flow.datapathKey === last.datapathKey)
        expect(flow.ingressKey * 16 + flow.egressKey).toBeGreaterThan(last.ingressKey * 16 + last.egressKey);
      else if (last !== null) expect(flow.bytes).toBeLessThanOrEqual(last.bytes);
      last = flow;
      if (++read === 1000) break;
    }
    // An object for each would be a hundred bytes and more.
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(flows * 20);
    expect(summary.flowCount).toBe(flows);
    expect(summary.flows.length).toBe(flows);
    expect(summary.datapaths.length).toBe(Math.ceil(flows / 256));
    expect([...summary.flows].reduce((sum, { packets: count }) => sum + count, 0)).toBe(flows);
  });
});

describe("the order of rows", () => {
  const row = fc.record({
    bytes: fc.oneof(fc.constantFrom(0, 1, 2 ** 27, 2 ** 53 - 1), fc.maxSafeNat()),
    vni: fc.constantFrom(0, 1, 2047, 2048, 0xffffff),
    keys: fc.constantFrom(0, 1, 2047, 2048, 0x10000, 0x7fffffff),
  });
  const orderOf = (rows: { bytes: number; vni: number; keys: number }[]): Ordered => ({
    bytesOf: (index) => rows[index].bytes,
    vniOf: (index) => rows[index].vni,
    keysOf: (index) => rows[index].keys,
  });

  test("is by bytes, descending, then by keys; rows that are equal stay as they are", () => {
    fc.assert(
      fc.property(fc.array(row, { maxLength: 200 }), fc.integer({ min: 1, max: 250 }), (rows, most) => {
        const wanted = rows
          .map((each, index) => ({ ...each, index }))
          .sort((a, b) => byNumbers([b.bytes, a.vni, a.keys], [a.bytes, b.vni, b.keys]))
          .map(({ index }) => index);
        const of = orderOf(rows);
        const listing = new Listing(of, Uint32Array.from(rows.keys()), (index) => index);
        expect([...listing]).toEqual(wanted);
        expect([...listing]).toEqual(wanted);
        const unsorted = new Listing(of, Uint32Array.from(rows.keys()), (index) => index);
        expect(unsorted.first(most)).toEqual(wanted.slice(0, most));
      }),
    );
  });

  test("the first of many, in whatever order they come", () => {
    const bytes = [...Array(20_000).keys()].map((index) => (index * 7919) % 5000);
    const of = orderOf(bytes.map((each) => ({ bytes: each, vni: 1, keys: 1 })));
    for (const direction of [1, -1]) {
      const order = [...bytes.keys()].sort((a, b) => direction * (bytes[a] - bytes[b]) || a - b);
      const first = new FirstRows(of, 30);
      for (const index of order) first.offer(index, bytes[index]);
      const wanted = [...bytes.keys()].sort((a, b) => bytes[b] - bytes[a] || a - b).slice(0, 30);
      expect(first.rows()).toEqual(wanted);
    }
  });
});
