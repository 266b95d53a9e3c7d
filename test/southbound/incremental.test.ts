/* An inventory that is asked while it grows says what one says that was built at once. */
import { describe, expect, test } from "vitest";
import type { Inventory } from "../../src/southbound/index.js";
import { Northbound } from "../../src/southbound/north.js";
import { NORTHBOUND } from "../../src/southbound/north-tables.js";
import { standardLayout } from "../../src/southbound/ovsdb/schema.js";
import { type RowDelta, readColumns, type Transaction } from "../../src/southbound/ovsdb/transaction.js";
import { StringPool } from "../../src/southbound/ovsdb/value.js";
import { WarningLog } from "../../src/southbound/ovsdb/warnings.js";
import { Timeline } from "../../src/southbound/timeline.js";
import { delta, emptyInventory } from "./by-hand.js";
import { ADDRESSES, Changes } from "./changes.js";
import { uuid } from "./ovsdb.js";
import { picture } from "./picture.js";

const set = (elements: unknown[]) => ["set", elements];

/** All that can be asked. */
function answers(inventory: Inventory, at: number) {
  const found = [];
  for (let vni = 1; vni <= 3; vni++) {
    for (let ingress = 0; ingress <= 4; ingress++)
      for (const egress of [0, 1, 2, 40000, 32768]) {
        const { datapath, inport, outport, from, until } = inventory.resolve(vni, ingress, egress, at);
        found.push([datapath?.uuid, datapath?.name, inport?.uuid, inport?.chassis?.name, outport?.name]);
        found.push([inport?.up, from, until]);
        const hold = inventory.keysHold(vni, ingress, egress, at);
        found.push(hold);
        const keys = [inventory.keyHolds(vni, ingress, at), inventory.keyHolds(vni, egress, at)];
        expect(keys[0].uuid).toBe((ingress === 0 ? datapath : inport)?.uuid ?? null);
        expect(keys[1].uuid).toBe((egress === 0 ? datapath : outport)?.uuid ?? null);
        // Together they hold as long as each.
        expect(Math.max(...keys.map((key) => key.from))).toBe(hold.from);
        expect(Math.min(...keys.map((key) => key.until))).toBe(hold.until);
        if (at < inventory.keysHoldSince) continue;
        expect(hold.from).toBeLessThanOrEqual(inventory.keysHoldSince);
        expect(hold.until).toBe(Number.POSITIVE_INFINITY);
      }
    for (const address of ADDRESSES) {
      const { port, candidates, how, from, until } = inventory.endpoint(address, vni, at);
      found.push([port?.uuid, candidates.map(({ uuid: id }) => id), how]);
      expect(from).toBeLessThanOrEqual(at);
      expect(until).toBeGreaterThan(at);
    }
  }
  for (const mac of ["0a:00:00:00:00:01", "0a:00:00:00:00:09"]) {
    const { ports, redirects, from, until } = inventory.stations(mac, at);
    found.push(
      [ports, redirects].map((list) => list.map((port) => [port.uuid, port.datapathKey, port.name])),
    );
    expect(from).toBeLessThanOrEqual(at);
    expect(until).toBeGreaterThan(at);
  }
  for (let host = 0; host < 3; host++) {
    const { chassis, encap, from, until } = inventory.resolveAddress(`192.168.0.${host}`, at);
    found.push([chassis?.uuid, chassis?.name, encap?.uuid, from, until]);
  }
  return found;
}

describe("an inventory that grows", () => {
  test.each([1, 2, 3, 4, 5, 6])("answers as if it had always known (seed %d)", (seed) => {
    const changes = new Changes(seed);
    const growing = emptyInventory();
    const known: Transaction[] = [];
    for (let step = 0; step < 120; step++) {
      // Some share their millisecond.
      const transaction = changes.next(1_000_000 + Math.floor(step / 2) * 10 + (step % 6));
      known.push(transaction);
      growing.apply(copy(transaction), step === 0);
      const fresh = emptyInventory();
      for (const [index, each] of known.entries()) fresh.apply(copy(each), index === 0);
      const now = 1_000_000 + step * 5 + 20;
      for (const at of [now, Number.POSITIVE_INFINITY, 1_000_000 + step * 2, 1_000_000 + step])
        expect(answers(growing, Number.isFinite(at) ? at : Number.MAX_VALUE)).toEqual(
          answers(fresh, Number.isFinite(at) ? at : Number.MAX_VALUE),
        );
      expect(picture(growing, now)).toEqual(picture(fresh, now));
    }
  });

  test("gives the same object again, though others change", () => {
    const inventory = emptyInventory();
    const datapath = (id: number, key: number) => delta("Datapath_Binding", uuid(1, id), { tunnel_key: key });
    const port = (id: number, up: boolean) =>
      delta("Port_Binding", uuid(2, id), {
        logical_port: `p${id}`,
        datapath: ["uuid", uuid(1, 1)],
        tunnel_key: id,
        up,
      });
    const apply = (date: number, rows: RowDelta[]) =>
      inventory.apply({ offset: null, date, comment: null, isDifference: false, rows });
    apply(1000, [datapath(1, 5), port(1, true), port(2, true), port(3, true)]);
    const first = inventory.resolve(5, 1, 2, Number.MAX_VALUE);
    apply(2000, [port(3, false), datapath(2, 6)]);
    expect(inventory.resolve(5, 1, 2, Number.MAX_VALUE)).toBe(first);
    apply(3000, [port(2, false)]);
    expect(inventory.resolve(5, 1, 2, Number.MAX_VALUE)).toMatchObject({ from: 3000 });
    expect(inventory.resolve(5, 1, 2, 2500)).toMatchObject({ from: 1000, until: 3000 });
    const { keyGeneration } = inventory;
    apply(4000, [port(2, true)]);
    expect(inventory.keyGeneration).toBe(keyGeneration);
    expect(inventory.keysHold(5, 1, 2, 5000)).toEqual({ from: 1000, until: Number.POSITIVE_INFINITY });
  });
});

test("a port is one object whatever it is met with, and says what its row says of that time", () => {
  const inventory = emptyInventory();
  const apply = (date: number, rows: RowDelta[]) =>
    inventory.apply({ offset: null, date, comment: null, isDifference: false, rows });
  const port = (key: number, options: object, ids: object) =>
    delta("Port_Binding", uuid(2, key), {
      logical_port: `p${key}`,
      datapath: ["uuid", uuid(1, 1)],
      tunnel_key: key,
      type: "patch",
      mac: ["set", ["b", "a"]],
      options: ["map", Object.entries(options)],
      external_ids: ["map", Object.entries(ids)],
    });
  const names = { "logical-router": uuid(6, 1), name: "r" };
  apply(1000, [
    delta("Datapath_Binding", uuid(1, 1), { tunnel_key: 5, external_ids: ["map", Object.entries(names)] }),
    ...[1, 2, 3, 4].map((key) => port(key, { peer: "x", "distributed-port": "d" }, { k: "v", name: "n" })),
  ]);
  apply(2000, [port(1, {}, {})]);
  const before = [1, 2, 3, 4].map((key) => inventory.port(5, key, 1500));
  for (const ingress of [1, 2, 3, 4])
    for (const egress of [1, 2, 3, 4]) {
      const { datapath, inport, outport } = inventory.resolve(5, ingress, egress, 1500);
      expect(inport).toBe(before[ingress - 1]);
      expect(outport).toBe(before[egress - 1]);
      expect(datapath).toBe(inport?.datapath);
    }
  const first = inventory.port(5, 1, 1500);
  // What is asked for after the row has changed is as it was.
  expect(first).toMatchObject({
    kind: "port",
    name: "p1",
    type: "patch",
    datapathKey: 5,
    tunnelKey: 1,
    mac: ["a", "b"],
    natAddresses: [],
    peer: "x",
    distributedPort: "d",
    parentPort: null,
    up: null,
    from: 1000,
    until: 2000,
  });
  expect([...(first?.options ?? [])]).toEqual([
    ["distributed-port", "d"],
    ["peer", "x"],
  ]);
  expect(first?.options).toBe(first?.options);
  expect(Object.fromEntries(first?.externalIds ?? [])).toEqual({ k: "v", name: "n" });
  expect(first?.datapath).toMatchObject({ name: "r", kind: "router", northUuid: uuid(6, 1), tunnelKey: 5 });
  expect(Object.fromEntries(first?.datapath?.externalIds ?? [])).toEqual(names);
  expect(inventory.port(5, 1, 2000)).toMatchObject({ peer: null, distributedPort: null });
  expect(inventory.port(5, 1, 2000)?.options.size).toBe(0);
});

/** Values that may be kept and filled. */
function copy(transaction: Transaction): Transaction {
  const rows = transaction.rows.map((row) => ({
    ...row,
    values: row.values === null ? null : [...row.values],
  }));
  return { ...transaction, rows };
}

describe("a picture that replaces another", () => {
  const port = (id: number, name: string) =>
    delta("Port_Binding", uuid(2, id), {
      logical_port: name,
      datapath: ["uuid", uuid(1, 1)],
      tunnel_key: id,
    });
  const datapath = () => delta("Datapath_Binding", uuid(1, 1), { tunnel_key: 5 });
  const common = { offset: null, comment: null, isDifference: false };

  test("in parts: what it lacks is gone, what is the same goes on", () => {
    const inventory = emptyInventory();
    const withUp = delta("Port_Binding", uuid(2, 3), {
      logical_port: "three",
      datapath: ["uuid", uuid(1, 1)],
      tunnel_key: 3,
      up: true,
    });
    const first = [datapath(), port(1, "one"), port(2, "two"), withUp];
    inventory.apply({ ...common, date: 1000, rows: first.slice(0, 2), partial: true }, true);
    inventory.apply({ ...common, date: 1000, rows: first.slice(2) }, true);
    expect(inventory.transactions).toBe(1);
    expect(inventory.hasHistory).toBe(false);
    const one = inventory.resolve(5, 1, 0, 9000);
    inventory.apply({
      ...common,
      date: 2000,
      rows: [port(1, "one"), datapath()],
      replaces: true,
      partial: true,
    });
    inventory.apply({ ...common, date: 2000, rows: [port(3, "three")], replaces: true });
    expect(inventory.resolve(5, 1, 0, 9000)).toBe(one);
    expect(inventory.portByName("two", 1999)?.name).toBe("two");
    expect(inventory.portByName("two", 2000)).toBe(null);
    // A column that is not mentioned has its default again.
    expect([1999, 2000].map((at) => inventory.portByName("three", at)?.up)).toEqual([true, null]);
  });
});

test("a picture of other rows with the same keys is no clash of keys", () => {
  const inventory = emptyInventory();
  const common = { offset: null, comment: null, isDifference: false };
  const rows = (generation: number) => [
    delta("Datapath_Binding", uuid(generation, 1), { tunnel_key: 5 }),
    delta("Port_Binding", uuid(generation, 2), {
      logical_port: "one",
      datapath: ["uuid", uuid(generation, 1)],
      tunnel_key: 1,
    }),
  ];
  inventory.apply({ ...common, date: 1000, rows: rows(1) }, true);
  for (const [index, row] of rows(2).entries())
    inventory.apply({ ...common, date: 2000, rows: [row], replaces: true, partial: index === 0 });
  expect(inventory.warnings).toEqual([]);
  expect([1999, 2000].map((at) => inventory.resolve(5, 1, 0, at).inport?.uuid)).toEqual([
    uuid(1, 2),
    uuid(2, 2),
  ]);
});

test("addresses of the northbound are as of the packet's time", () => {
  const inventory = emptyInventory();
  const port = (key: number) =>
    delta("Port_Binding", uuid(2, key), {
      logical_port: `vm${key}`,
      datapath: ["uuid", uuid(1, 1)],
      tunnel_key: key,
      mac: "dynamic",
    });
  const common = { offset: null, comment: null, isDifference: false };
  const rows = [delta("Datapath_Binding", uuid(1, 1), { tunnel_key: 5 }), port(1), port(2)];
  inventory.apply({ ...common, date: 1, rows }, true);
  const layout = standardLayout(NORTHBOUND);
  const warnings = new WarningLog();
  const north = new Northbound({ source: "nb", format: "journal", schemaVersion: null, layout, warnings });
  const table = layout.get("Logical_Switch_Port");
  if (table === undefined) throw new Error("no table");
  const has = (key: number, address: string | null) => {
    const json = { name: `vm${key}`, addresses: "dynamic", dynamic_addresses: address ?? set([]) };
    const values = readColumns(table, uuid(7, key), json, new StringPool(), warnings);
    return { table, uuid: uuid(7, key), values };
  };
  north.apply({ ...common, date: 100, rows: [has(1, "0a:00:00:00:00:01 10.0.0.5"), has(2, null)] });
  inventory.learnAddresses(north);
  expect(inventory.endpoint("10.0.0.5", 5, 150).port?.name).toBe("vm1");
  north.apply({ ...common, date: 200, rows: [has(1, null), has(2, "0a:00:00:00:00:02 10.0.0.5")] });
  const names = [150, 250, 150, 50].map((at) => inventory.endpoint("10.0.0.5", 5, at).port?.name);
  expect(names).toEqual(["vm1", "vm2", "vm1", undefined]);
});

test("of two rows with one key the later counts, also when the other changes otherwise", () => {
  const inventory = emptyInventory();
  const common = { offset: null, comment: null, isDifference: false };
  const port = (id: number, name: string) =>
    delta("Port_Binding", uuid(2, id), { logical_port: name, datapath: ["uuid", uuid(1, 1)], tunnel_key: 9 });
  inventory.apply({ ...common, date: 1, rows: [delta("Datapath_Binding", uuid(1, 1), { tunnel_key: 5 })] });
  for (const [date, row] of [port(1, "a"), port(2, "b"), port(1, "c")].entries())
    inventory.apply({ ...common, date: 2 + date, rows: [row] });
  expect(inventory.port(5, 9, 100)?.name).toBe("b");
  expect(inventory.portByName("a", 100)).toBe(null);
  expect(inventory.warnings).toMatchObject([{ code: "duplicate-key", count: 1 }]);
});

test("a server that is followed for long takes no more and more memory: old changes are forgotten", () => {
  const changes = new Changes(11);
  const few = emptyInventory(100);
  const all = emptyInventory();
  for (let step = 0; step < 3000; step++) {
    const transaction = changes.next(1_000_000 + step * 10);
    few.apply(copy(transaction), step === 0);
    all.apply(transaction, step === 0);
    // Asking fills the caches.
    if (step % 50 === 0) answers(few, 1_000_000 + step * 10);
  }
  const now = 1_000_000 + 30_000;
  const { historyStart } = few;
  expect(historyStart).toBeGreaterThan(now - 4000);
  expect(few.hasHistory).toBe(true);
  expect(few.warnings.map(({ code }) => code)).toContain("forgotten");
  // When something began may be forgotten.
  const named = (found: ReturnType<typeof answers>) =>
    JSON.stringify(found, (_, value) => (typeof value === "number" ? 0 : value));
  for (const at of [historyStart, historyStart + 100, (historyStart + now) / 2, now])
    expect(named(answers(few, at))).toEqual(named(answers(all, at)));
  expect(picture(few, now)).toEqual(picture(all, now));
  expect(few.resolve(1, 1, 1, historyStart - 1).beforeHistory).toBe(true);
  expect([...few.replay()].length).toBeLessThan(300);
});

test("what lasted no time leaves nothing to remember", () => {
  const timeline = new Timeline<string>();
  timeline.set(5, "a");
  timeline.set(5, null);
  expect(timeline.forgetBefore(10)).toBe(false);
  timeline.set(20, "b");
  expect(timeline.forgetBefore(10)).toBe(true);
  expect(timeline.valueAt(20)).toBe("b");
});

describe("large values that change often", () => {
  test("are right at any time, and do not take the square of memory", () => {
    const inventory = emptyInventory();
    const elements = Array.from({ length: 3000 }, (_, i) => `0a:00:00:00:00:01 10.1.${i >> 8}.${i & 255}`);
    const row = { logical_port: "p", datapath: ["uuid", uuid(1, 1)], tunnel_key: 1 };
    const first = delta("Port_Binding", uuid(2, 1), { ...row, nat_addresses: set(elements) });
    const common = { offset: null, comment: null, isDifference: true };
    inventory.apply({ ...common, date: 1000, rows: [first] });
    for (let step = 1; step <= 3000; step++) {
      const removed = delta("Port_Binding", uuid(2, 1), { nat_addresses: set([elements[step - 1]]) });
      inventory.apply({ ...common, date: 1000 + step, rows: [removed] });
    }
    for (const step of [0, 1, 63, 64, 65, 1500, 2999, 3000]) {
      const natAddresses = inventory.portByName("p", 1000 + step)?.natAddresses ?? [];
      expect([...natAddresses].sort()).toEqual(elements.slice(step).sort());
    }
    // Every version whole would be 4.5 million references.
    expect(process.memoryUsage().heapUsed).toBeLessThan(200e6);
  });
});
