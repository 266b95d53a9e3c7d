/* The metrics of live packets, read back by a strict reader; sums made by hand. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { DatapathSummary, PortSummary, Summary, TunnelSummary } from "../../src/analysis/summary.js";
import { LiveMetrics } from "../../src/output/metrics.js";
import { shown } from "../../src/text.js";
import { readMetrics, sumOf, valuesOf } from "./prometheus.js";

interface Sums {
  datapaths?: DatapathSummary[];
  ports?: PortSummary[];
  tunnels?: TunnelSummary[];
  flowOverflow?: number;
  bare?: number[];
}

function summary(sums: Sums): Summary {
  const counts = { packets: 0, truncated: 0, malformed: 0, unsupported: 0, notGeneve: 0, unresolved: 0 };
  const none = { flowOverflow: 0, datapaths: [], ports: [], tunnels: [], bare: null };
  return { ...counts, ...none, ...sums } as unknown as Summary;
}

function add(metrics: LiveMetrics, sums: Sums, ovnBytes = 0, now = 0): void {
  metrics.add({ summary: summary(sums), ovnBytes, notGeneve: 0 }, now);
}

function datapath(datapathKey: number, name: string | null, packets = 1, bytes = 100): DatapathSummary {
  return { datapathKey, name, friendly: null, kind: null, packets, bytes };
}

function port(portKey: number, name: string | null, rxPackets = 1, txPackets = 0): PortSummary {
  const unnamed = { datapathFriendly: null, names: null, type: null, chassis: null };
  const counts = { rxPackets, rxBytes: rxPackets * 100, txPackets, txBytes: txPackets * 100 };
  return { datapathKey: 1, portKey, datapath: "net", name, ...unnamed, ...counts };
}

function tunnel(source: string, sourceChassis: string | null = null): TunnelSummary {
  const counts = { packets: 1, bytes: 100, largestOuterBytes: 0, fragments: 0 };
  return { source, destination: "10.0.0.1", sourceChassis, destinationChassis: "here", ...counts };
}

const some = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index));
const read = async (metrics: LiveMetrics) => readMetrics(await metrics.text());

describe("names", () => {
  const hostile = fc.string({
    unit: fc.constantFrom(
      "a",
      '"',
      "\\",
      "\n",
      "\r",
      "\x1b",
      "\x9b",
      "{",
      "}",
      ",",
      "=",
      "\u202e",
      "\ud800",
      "é",
    ),
    maxLength: 300,
  });

  test("are one label each, without anything a terminal obeys, whatever they are", () =>
    fc.assert(
      fc.asyncProperty(hostile, hostile, hostile, async (network, name, chassis) => {
        const metrics = new LiveMetrics("1.0", true, "logical");
        add(metrics, {
          datapaths: [datapath(1, network)],
          ports: [{ ...port(2, name), datapath: network }],
          tunnels: [tunnel("10.0.0.2", chassis)],
        });
        metrics.setDevices([{ device: name, received: 1, dropped: 0, droppedByDevice: 0, up: true }]);
        metrics.setInventories([{ source: network, ageMs: 1000, connected: true }]);
        const families = await read(metrics);
        const labels = (of: string) => families.get(`genevescope_${of}`)?.samples.map((each) => each.labels);
        expect(labels("datapath_bytes_total")).toEqual([{ datapath_key: "1", datapath: shown(network) }]);
        expect(labels("port_packets_total")).toEqual([
          { datapath_key: "1", datapath: shown(network), port_key: "2", port: shown(name), direction: "rx" },
        ]);
        expect(labels("tunnel_packets_total")).toEqual([{ source: shown(chassis), destination: "here" }]);
        expect(labels("device_up")).toEqual([{ device: shown(name) }]);
        expect(labels("inventory_connected")).toEqual([{ source: shown(network) }]);
      }),
    ));

  test("are never taken for others, whatever is in them", async () => {
    // To who joins labels with commas and colons these are the same.
    const labels = [
      ["y", "h,source:x"],
      ["x,source:y", "h"],
    ];
    const metrics = new LiveMetrics("1.0", true, "logical");
    add(metrics, {
      tunnels: labels.map(([source, destination], index) => {
        return { ...tunnel("10.0.0.2", source), destinationChassis: destination, packets: index + 1 };
      }),
      ports: labels.map(([name, datapath]) => ({ ...port(1, name), datapath: `${datapath},port` })),
    });
    const families = await read(metrics);
    expect(families.get("genevescope_tunnel_packets_total")?.samples).toMatchObject(
      labels.map(([source, destination], index) => ({ labels: { source, destination }, value: index + 1 })),
    );
    expect(families.get("genevescope_port_packets_total")?.samples).toHaveLength(2);
  });

  test("are cut where they are long", async () => {
    const metrics = new LiveMetrics("1.0", true, "logical");
    add(metrics, { datapaths: [datapath(1, "a".repeat(100_000))] });
    expect(valuesOf(await read(metrics), "datapath_packets_total")).toEqual({
      [`1 ${"a".repeat(256)}...`]: 1,
    });
  });

  test("are those that --names asks for", async () => {
    for (const [names, wanted] of [
      ["logical", "uuid"],
      ["friendly", "web"],
      ["both", "web (uuid)"],
    ] as const) {
      const metrics = new LiveMetrics("1.0", true, names);
      add(metrics, {
        datapaths: [
          { ...datapath(1, "uuid"), friendly: { name: "web", source: "neutron", isShared: false } as never },
        ],
      });
      expect(valuesOf(await read(metrics), "datapath_packets_total")).toEqual({ [`1 ${wanted}`]: 1 });
    }
  });
});

describe("counters", () => {
  test("stay and grow, whatever becomes of a name and of its keys", async () => {
    const metrics = new LiveMetrics("1.0", true, "logical");
    const seen: Record<string, number>[] = [];
    for (const name of ["old", "old", "new", "old", null]) {
      add(metrics, { ports: [port(1, name, 2, 1)] });
      seen.push(valuesOf(await read(metrics), "port_packets_total"));
    }
    for (const [index, values] of seen.slice(1).entries())
      for (const [series, value] of Object.entries(seen[index]))
        expect(values[series]).toBeGreaterThanOrEqual(value);
    expect(seen[4]).toEqual({
      "1 net 1 old rx": 6,
      "1 net 1 old tx": 3,
      "1 net 1 new rx": 2,
      "1 net 1 new tx": 1,
      "1 net 1  rx": 2,
      "1 net 1  tx": 1,
    });
  });

  test("of a device add up what it adds, and do not go back with it", async () => {
    const metrics = new LiveMetrics("1.0", false, "logical");
    const state = { device: "eth1", up: true };
    metrics.setDevices([{ ...state, received: 10, dropped: 3, droppedByDevice: 1 }]);
    metrics.setDevices([{ ...state, received: 15, dropped: 3, droppedByDevice: 0 }]);
    metrics.setDevices([{ ...state, up: false, received: 15, dropped: 4, droppedByDevice: 2 }]);
    const families = await read(metrics);
    expect(valuesOf(families, "device_received_packets_total")).toEqual({ eth1: 15 });
    expect(valuesOf(families, "device_dropped_packets_total")).toEqual({
      "eth1 kernel": 4,
      "eth1 device": 3,
    });
    expect(valuesOf(families, "device_up")).toEqual({ eth1: 0 });
  });

  test("of what nobody counts there are none", async () => {
    const metrics = new LiveMetrics("1.0", false, "logical");
    metrics.setDevices([{ device: "eth1", up: true, received: 7, dropped: null, droppedByDevice: null }]);
    const families = await read(metrics);
    expect(valuesOf(families, "device_received_packets_total")).toEqual({ eth1: 7 });
    expect(valuesOf(families, "device_dropped_packets_total")).toEqual({});
  });
});

test("frames without tunnels count by what told their keys", async () => {
  const metrics = new LiveMetrics("1.0", true, "logical");
  add(metrics, {});
  expect(valuesOf(await read(metrics), "without_tunnel_packets_total")).toEqual({});
  add(metrics, { bare: [1, 2, 3, 4, 5] });
  add(metrics, { bare: [10, 0, 0, 0, 0] });
  expect(valuesOf(await read(metrics), "without_tunnel_packets_total")).toEqual({
    nothing: 11,
    several: 2,
    addresses: 3,
    flow: 4,
    underlay: 5,
  });
});

describe("series", () => {
  const count = async (metrics: LiveMetrics) =>
    [...(await read(metrics)).entries()]
      .filter(([name]) => /_(datapath|port|tunnel)_/.test(name))
      .reduce((sum, [, { samples }]) => sum + samples.length, 0);

  test("are 10,000 at most; the rest is one, and all packets are there", async () => {
    const metrics = new LiveMetrics("1.0", true, "logical");
    const sums = {
      datapaths: some(2000, (index) => datapath(index, `net${index}`)),
      ports: some(5000, (index) => port(index, `port${index}`, 1, 1)),
      tunnels: some(5000, (index) => tunnel(`fd00::${index}`, `chassis${index}`)),
    };
    for (let round = 1; round < 3; round++) {
      add(metrics, sums, 200_000);
      const families = await read(metrics);
      // Of ports that have no room the two directions are kept apart.
      expect(await count(metrics)).toBe(10_000 + 2 * 4);
      for (const [family, packets] of Object.entries({ datapath: 2000, port: 10_000, tunnel: 5000 })) {
        expect(sumOf(families, `${family}_packets_total`)).toBe(packets * round);
        expect(sumOf(families, `${family}_bytes_total`)).toBe(packets * round * 100);
      }
      expect(valuesOf(families, "datapath_packets_total")["other other"]).toBe(1500 * round);
      expect(valuesOf(families, "tunnel_packets_total")["other other"]).toBe(3500 * round);
      expect(valuesOf(families, "port_packets_total")).toMatchObject({
        "other other other other tx": 3500 * round,
        "other other other other rx": 3500 * round,
      });
      expect(valuesOf(families, "label_limit_reached")).toEqual({ datapath: 1, port: 1, tunnel: 1 });
    }
  });

  const HOUR = 3_600_000;

  test("that have not changed for an hour make room where there is none, and begin again at nothing", async () => {
    const metrics = new LiveMetrics("1.0", true, "logical");
    const ports = (from: number, count: number, packets = 1) =>
      some(count, (index) => port(from + index, `port${from + index}`, packets));
    const values = async () => valuesOf(await read(metrics), "port_packets_total");
    add(metrics, { ports: ports(0, 3000, 5) });
    add(metrics, { ports: ports(0, 1000) }, 0, 1000);
    // Idle, but nobody wants their room.
    add(metrics, { ports: ports(0, 1) }, 0, 10 * HOUR);
    expect(Object.keys(await values())).toHaveLength(3000);
    // A millisecond early for any to go.
    const early = new LiveMetrics("1.0", true, "logical");
    add(early, { ports: ports(0, 3000) });
    add(early, { ports: ports(3000, 1) }, 0, HOUR - 1);
    expect(valuesOf(await read(early), "port_packets_total")).toMatchObject({
      "1 net 2999 port2999 rx": 1,
      "other other other other rx": 1,
    });
    add(early, { ports: ports(3000, 1) }, 0, HOUR);
    expect(valuesOf(await read(early), "port_packets_total")).toEqual({
      "1 net 3000 port3000 rx": 1,
      "other other other other rx": 1,
    });
    // Of the first 1000 one has changed since.
    add(metrics, { ports: ports(3000, 1) }, 0, 10 * HOUR + 1);
    expect(await values()).toEqual({ "1 net 0 port0 rx": 7, "1 net 3000 port3000 rx": 1 });
    add(metrics, { ports: ports(1, 1, 3) }, 0, 10 * HOUR + 2);
    expect(await values()).toMatchObject({ "1 net 1 port1 rx": 3 });
  });

  test("of what nobody knows do not take the room that idle ones leave to the others", async () => {
    const metrics = new LiveMetrics("1.0", true, "logical");
    add(metrics, { ports: some(3000, (index) => port(index, `port${index}`)) });
    add(metrics, { ports: some(9000, (index) => port(10_000 + index, null)) }, 0, HOUR);
    add(metrics, { ports: some(1500, (index) => port(index, `port${index}`)) }, 0, 2 * HOUR - 1);
    const values = valuesOf(await read(metrics), "port_packets_total");
    expect(values).toMatchObject({ "1 net 1499 port1499 rx": 1, "other other other other rx": 7500 });
    expect(Object.keys(values)).toHaveLength(3001);
  });

  test("of what nobody knows leave room for the others", async () => {
    const metrics = new LiveMetrics("1.0", true, "logical");
    add(metrics, {
      ports: some(9000, (index) => port(index, null)),
      tunnels: some(9000, (index) => tunnel(`10.1.${index >> 8}.${index & 255}`)),
    });
    add(metrics, {
      ports: [port(20_000, "vm1", 7)],
      tunnels: [tunnel("10.2.0.1", "worker1")],
    });
    const families = await read(metrics);
    expect(valuesOf(families, "port_packets_total")).toMatchObject({
      "1 net 20000 vm1 rx": 7,
      "other other other other rx": 7500,
    });
    expect(valuesOf(families, "tunnel_packets_total")["worker1 here"]).toBe(1);
    expect(valuesOf(families, "label_limit_reached")).toEqual({ datapath: 0, port: 1, tunnel: 1 });
  });

  test("without an inventory have keys alone, as many as there is room for", async () => {
    const metrics = new LiveMetrics("1.0", false, "logical");
    add(metrics, { ports: some(3000, (index) => port(index, null)) });
    const families = await read(metrics);
    expect(Object.keys(valuesOf(families, "port_packets_total"))).toHaveLength(3000);
    expect(valuesOf(families, "label_limit_reached")).toMatchObject({ port: 0 });
    expect(families.has("genevescope_unresolved_packets_total")).toBe(false);
  });

  test("called other have what the flow table had no room for, too", async () => {
    const metrics = new LiveMetrics("1.0", true, "logical");
    add(
      metrics,
      { datapaths: [datapath(1, "net", 3, 300)], ports: [port(1, "vm1", 3)], flowOverflow: 5 },
      1000,
    );
    const families = await read(metrics);
    expect(valuesOf(families, "datapath_packets_total")).toEqual({ "1 net": 3, "other other": 5 });
    expect(valuesOf(families, "datapath_bytes_total")).toEqual({ "1 net": 300, "other other": 700 });
    expect(valuesOf(families, "port_bytes_total")).toEqual({
      "1 net 1 vm1 rx": 300,
      "other other other other tx": 700,
      "other other other other rx": 700,
    });
  });
});
