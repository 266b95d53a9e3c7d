/* Timelines of ports and keys, from journals made by hand and from the lab's migration. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { type Inventory, openSouthbound, type PortEvent } from "../../src/southbound/index.js";
import { databaseFile, pairs, ref, TempDirectory, uuid } from "./ovsdb.js";

const directory = new TempDirectory();
afterAll(() => directory.dispose());

let files = 0;
async function journal(...transactions: object[]): Promise<Inventory> {
  return openSouthbound(directory.file(`${files++}.db`, databaseFile(transactions)));
}

const T = 1_700_000_000_000;
const NET1 = uuid(1, 1);
const NET2 = uuid(1, 2);
const [A, B, C] = [uuid(2, 1), uuid(2, 2), uuid(2, 3)];
const [HV1, HV2] = [uuid(3, 1), uuid(3, 2)];
const [ENCAP1, ENCAP2, ENCAP3] = [uuid(4, 1), uuid(4, 2), uuid(4, 3)];
const unset = ["set", []];

const switchRow = (key: number, name: string) => ({ tunnel_key: key, external_ids: pairs({ name }) });
const portRow = (name: string, key: number, more: object = {}) => ({
  logical_port: name,
  datapath: ref(NET1),
  tunnel_key: key,
  ...more,
});
const encapRow = (ip: string, chassis: string) => ({ type: "geneve", ip, chassis_name: chassis });
const change = (after: number, tables: object) => ({ _date: T + after, _is_diff: true, ...tables });
const ports = (after: number, rows: object) => change(after, { Port_Binding: rows });

/** Two networks and two chassis, without ports. */
const START = change(0, {
  Datapath_Binding: { [NET1]: switchRow(7, "net1"), [NET2]: switchRow(8, "net2") },
  Encap: { [ENCAP1]: encapRow("10.0.0.1", "hv1"), [ENCAP2]: encapRow("10.0.0.2", "hv2") },
  Chassis: {
    [HV1]: { name: "hv1", hostname: "hv1", encaps: ref(ENCAP1) },
    [HV2]: { name: "hv2", hostname: "hv2", encaps: ref(ENCAP2) },
  },
});

/** What is told of an event: its time since T, its name and what it is about. */
function told(events: readonly PortEvent[]): unknown[] {
  return events.map(({ time, event, chassis, lastBinding, holder }) => [
    time - T,
    event,
    ...(chassis === null ? [] : [chassis.name]),
    ...(lastBinding === null ? [] : [`was ${lastBinding.chassis.name} until ${lastBinding.until - T}`]),
    ...(holder === null ? [] : [`holder ${holder.owner.name}`]),
  ]);
}

describe("a port", () => {
  test("is created, bound, moved with and without a pause, unbound and deleted", async () => {
    const inventory = await journal(
      START,
      ports(10, { [A]: portRow("a", 1, { up: false }) }),
      ports(20, { [A]: { chassis: ref(HV1) } }),
      ports(21, { [A]: { up: true } }),
      ports(30, { [A]: { chassis: ref(HV2) } }),
      ports(40, { [A]: { chassis: unset, up: false } }),
      ports(50, { [A]: { chassis: ref(HV1) } }),
      ports(60, { [A]: { chassis: unset } }),
      ports(70, { [A]: { chassis: ref(HV1) } }),
      ports(80, { [A]: null }),
    );
    expect(told(inventory.portEvents("a"))).toEqual([
      [10, "created"],
      [20, "bound", "hv1"],
      [21, "up"],
      [30, "moved", "hv2", "was hv1 until 30"],
      [40, "unbound", "hv2"],
      [40, "down"],
      [50, "moved", "hv1", "was hv2 until 40"],
      [60, "unbound", "hv1"],
      [70, "bound", "hv1", "was hv1 until 60"],
      [80, "deleted"],
    ]);
  });

  test("that was there when the record begins is known, with its chassis, not created", async () => {
    const inventory = await journal(
      { ...START, Port_Binding: { [A]: portRow("a", 1, { chassis: ref(HV1) }) } },
      ports(10, { [A]: { chassis: ref(HV2) } }),
    );
    const events = inventory.portEvents("a");
    expect(told(events)).toEqual([
      [0, "known"],
      [10, "moved", "hv2", "was hv1 until 10"],
    ]);
    expect(events[0].subject).toMatchObject({ kind: "port", chassis: { name: "hv1" } });
  });

  test("that is created bound tells both", async () => {
    const inventory = await journal(START, ports(5, { [A]: portRow("a", 1, { chassis: ref(HV1) }) }));
    expect(told(inventory.portEvents("a"))).toEqual([
      [5, "created"],
      [5, "bound", "hv1"],
    ]);
  });

  test("on two chassis while it migrates", async () => {
    const inventory = await journal(
      START,
      ports(10, { [A]: portRow("a", 1, { chassis: ref(HV1) }) }),
      ports(20, { [A]: { additional_chassis: ref(HV2) } }),
      ports(30, { [A]: { chassis: ref(HV2), additional_chassis: ref(HV2) } }),
    );
    expect(told(inventory.portEvents("a")).slice(2)).toEqual([
      [20, "also-bound", "hv2"],
      [30, "moved", "hv2", "was hv1 until 30"],
      [30, "also-unbound", "hv2"],
    ]);
  });

  test("whose type, addresses, name and keys change", async () => {
    const inventory = await journal(
      START,
      ports(10, { [A]: portRow("a", 1, { mac: "00:00:00:00:00:01 10.0.0.1" }) }),
      ports(20, { [A]: { type: "virtual" } }),
      ports(30, { [A]: { mac: ["set", ["00:00:00:00:00:01 10.0.0.1", "00:00:00:00:00:01 10.0.0.9"]] } }),
      ports(40, { [A]: { tunnel_key: 4 } }),
      ports(50, { [A]: { datapath: ref(NET2) } }),
      ports(60, { [A]: { logical_port: "b" } }),
      ports(70, { [A]: { options: pairs({ "requested-tnl-key": "4" }) } }),
    );
    const events = inventory.portEvents("a");
    expect(told(events)).toEqual([
      [10, "created"],
      [20, "type-changed"],
      [30, "addresses-changed"],
      [40, "key-changed"],
      [50, "key-changed"],
      [60, "renamed"],
    ]);
    expect(events[3]).toMatchObject({ before: { tunnelKey: 1 }, subject: { tunnelKey: 4 } });
    expect(events[4]).toMatchObject({ before: { datapathKey: 7 }, subject: { datapathKey: 8 } });
    expect(events[5]).toMatchObject({ before: { name: "a" }, subject: { name: "b" } });
    expect(told(inventory.portEvents("b"))).toEqual([[60, "renamed"]]);
  });

  test("whose chassis gets another tunnel address, or goes away", async () => {
    const inventory = await journal(
      START,
      ports(10, { [A]: portRow("a", 1, { chassis: ref(HV1) }) }),
      change(20, { Encap: { [ENCAP1]: { ip: "10.0.0.11" } } }),
      change(30, { Chassis: { [HV1]: { nb_cfg: 7 } } }),
      change(40, {
        Encap: { [ENCAP3]: encapRow("10.0.0.12", "hv1"), [ENCAP1]: null },
        Chassis: { [HV1]: { encaps: ["set", [ref(ENCAP1), ref(ENCAP3)]] } },
      }),
      change(50, { Chassis: { [HV1]: null } }),
    );
    const events = inventory.portEvents("a").slice(2);
    expect(told(events)).toEqual([
      [20, "tunnel-changed", "hv1"],
      [40, "tunnel-changed", "hv1"],
      [50, "unbound", "hv1"],
    ]);
    const ips = events.map(({ chassis }) => chassis?.encaps.map(({ ip }) => ip));
    expect(ips).toEqual([["10.0.0.11"], ["10.0.0.12"], ["10.0.0.12"]]);
  });

  test("that is deleted and made again is one timeline of two rows", async () => {
    const inventory = await journal(
      START,
      ports(10, { [A]: portRow("a", 1) }),
      ports(20, { [A]: null }),
      ports(30, { [B]: portRow("a", 2) }),
      // In one transaction, too.
      ports(40, { [B]: null, [C]: portRow("a", 2) }),
    );
    expect(
      inventory.portEvents("a").map(({ time, event, subject }) => [time - T, event, subject.uuid]),
    ).toEqual([
      [10, "created", A],
      [20, "deleted", A],
      [30, "created", B],
      [40, "deleted", B],
      [40, "created", C],
    ]);
  });

  test("whose key went to another tells who has it, and who had it before", async () => {
    const inventory = await journal(
      START,
      ports(10, { [A]: portRow("a", 1) }),
      ports(20, { [A]: null }),
      ports(30, { [B]: portRow("b", 1) }),
      ports(40, { [B]: { tunnel_key: 2 } }),
      ports(50, { [C]: portRow("c", 1) }),
    );
    expect(told(inventory.portEvents("a"))).toEqual([
      [10, "created"],
      [20, "deleted"],
      [30, "key-reused", "holder b"],
    ]);
    expect(told(inventory.portEvents("b"))).toEqual([
      [30, "created", "holder a"],
      [40, "key-changed"],
      [50, "key-reused", "holder c"],
    ]);
    expect(told(inventory.portEvents("c"))).toEqual([[50, "created", "holder b"]]);
  });

  test("of two rows with one name at a time is told by the later one, as long as that exists", async () => {
    const inventory = await journal(
      START,
      ports(10, { [A]: portRow("a", 1) }),
      ports(20, { [B]: portRow("a", 2) }),
      ports(30, { [B]: null }),
    );
    expect(
      inventory.portEvents("a").map(({ time, event, subject }) => [time - T, event, subject.uuid]),
    ).toEqual([
      [10, "created", A],
      [20, "replaced", A],
      [20, "created", B],
      [30, "deleted", B],
      [30, "replaced", A],
    ]);
  });

  test("that never was, and names that objects have", async () => {
    const inventory = await journal(START);
    for (const name of ["a", "", "__proto__", "constructor"]) expect(inventory.portEvents(name)).toEqual([]);
  });
});

describe("a key", () => {
  const holders = (inventory: Inventory, datapathKey: number, key: number) =>
    inventory.keyHolders(datapathKey, key).map(({ owner, from, until }) => [owner.name, from - T, until - T]);

  test("has its holders in the order of time, each with what happened to it meanwhile", async () => {
    const inventory = await journal(
      START,
      ports(10, { [A]: portRow("a", 1) }),
      ports(20, { [A]: { chassis: ref(HV1) } }),
      ports(30, { [A]: { tunnel_key: 2 }, [B]: portRow("b", 1) }),
      ports(40, { [A]: { chassis: ref(HV2) } }),
      ports(50, { [B]: null }),
      ports(60, { [A]: { tunnel_key: 1 } }),
    );
    expect(holders(inventory, 7, 1)).toEqual([
      ["a", 10, 30],
      ["b", 30, 50],
      ["a", 60, Number.POSITIVE_INFINITY],
    ]);
    expect(told(inventory.keyEvents(7, 1))).toEqual([
      [10, "created"],
      [20, "bound", "hv1"],
      [30, "key-changed"],
      [30, "created", "holder a"],
      [50, "deleted"],
      [60, "key-changed", "holder b"],
    ]);
    expect(holders(inventory, 7, 3)).toEqual([]);
    expect(holders(inventory, 9, 1)).toEqual([]);
  });

  test("means another port where the datapath's own key is reused", async () => {
    const inventory = await journal(
      START,
      ports(10, { [A]: portRow("a", 1), [B]: portRow("b", 1, { datapath: ref(NET2) }) }),
      change(20, {
        Datapath_Binding: { [NET1]: null, [NET2]: { tunnel_key: 7 } },
        Port_Binding: { [A]: null },
      }),
    );
    expect(holders(inventory, 7, 1)).toEqual([
      ["a", 10, 20],
      ["b", 20, Number.POSITIVE_INFINITY],
    ]);
    expect(told(inventory.portEvents("a"))).toEqual([
      [10, "created"],
      [20, "deleted"],
      [20, "key-reused", "holder b"],
    ]);
    expect(told(inventory.portEvents("b"))).toEqual([
      [10, "created"],
      [20, "key-changed", "holder a"],
    ]);
  });

  test("of a multicast group", async () => {
    const group = (name: string) => ({ name, datapath: ref(NET1), tunnel_key: 32773 });
    const inventory = await journal(
      START,
      change(10, { Multicast_Group: { [A]: group("239.1.1.1") } }),
      change(20, { Multicast_Group: { [A]: null } }),
      change(30, { Multicast_Group: { [B]: group("239.2.2.2") } }),
    );
    expect(holders(inventory, 7, 32773)).toEqual([
      ["239.1.1.1", 10, 20],
      ["239.2.2.2", 30, Number.POSITIVE_INFINITY],
    ]);
    expect(told(inventory.keyEvents(7, 32773))).toEqual([
      [10, "created"],
      [20, "deleted"],
      [30, "created"],
    ]);
  });
});

describe("what is told of many changes takes time in proportion to them", () => {
  const many = (count: number, rows: (i: number) => object) =>
    journal(START, ...Array.from({ length: count }, (_, i) => ports(10 + i, rows(i))));

  /** How much longer it takes to tell of sixteen times as many. */
  async function growth(
    rows: (i: number) => object,
    ask: (inventory: Inventory) => unknown,
  ): Promise<number> {
    const times: number[] = [];
    for (const count of [400, 6400]) {
      const inventory = await many(count, rows);
      let best = Number.POSITIVE_INFINITY;
      for (let run = 0; run < 9; run++) {
        const start = performance.now();
        ask(inventory);
        best = Math.min(best, performance.now() - start);
        // Enough is known.
        if (best > 2000) break;
      }
      times.push(best);
    }
    return times[1] / times[0];
  }

  const again = (i: number) => ({
    ...(i > 0 ? { [uuid(2, 100 + i - 1)]: null } : {}),
    [uuid(2, 100 + i)]: portRow("a", 1),
  });
  const flips = (i: number) => ({ [A]: i === 0 ? portRow("a", 1) : { tunnel_key: 1 + (i % 2) } });
  const renames = (i: number) => ({
    [A]: i === 0 ? portRow("a", 1) : { logical_port: i % 2 === 0 ? "a" : "b" },
  });
  const swaps = (i: number) => ({
    [A]: i === 0 ? portRow("a", 1) : { tunnel_key: 1 + (i % 2) },
    [B]: i === 0 ? portRow("b", 2) : { tunnel_key: 2 - (i % 2) },
  });
  test.each([
    ["a port that is made again", again, "a"],
    ["a key that changes and changes back", flips, "a"],
    ["a name that changes and changes back", renames, "b"],
    ["two ports that change places", swaps, "a"],
  ])(
    "%s",
    async (_, rows, name) => {
      // In proportion it is 16 times, in square 256 times as long; a busy machine makes much of little.
      expect(await growth(rows, (inventory) => inventory.portEvents(name))).toBeLessThan(80);
      expect(await growth(rows, (inventory) => inventory.keyEvents(7, 1))).toBeLessThan(80);
      expect(await growth(rows, (inventory) => inventory.keyHolders(7, 1))).toBeLessThan(80);
    },
    120_000,
  );
});

describe("captures", () => {
  const captures = join(import.meta.dirname, "../../captures");

  test("migration: vm4 goes to the other host and comes back", async () => {
    const inventory = await openSouthbound(join(captures, "migration/sb.db"));
    const events = inventory.portEvents("vm4");
    expect(events.map(({ event, chassis }) => [event, chassis?.name ?? null])).toEqual([
      ["created", null],
      ["bound", "worker1"],
      ["up", null],
      ["unbound", "worker1"],
      ["down", null],
      ["moved", "worker2"],
      ["up", null],
      ["unbound", "worker2"],
      ["down", null],
      ["moved", "worker1"],
      ["up", null],
    ]);
    // Each is in force at its time and not before.
    for (const { time, event, chassis } of events)
      if (event === "moved") {
        expect(inventory.port(1, 4, time)?.chassis?.name).toBe(chassis?.name);
        expect(inventory.port(1, 4, time - 1)?.chassis).toBe(null);
      }
  });

  const scenarios = readdirSync(captures).filter((name) => existsSync(join(captures, name, "sb.db")));
  test.each(scenarios)(
    "%s: after each event a port is as the inventory has it at that time",
    async (name) => {
      const inventory = await openSouthbound(join(captures, name, "sb.db"));
      const ports = inventory.ports(Number.POSITIVE_INFINITY);
      expect(ports.length).toBeGreaterThan(0);
      for (const port of ports) {
        const events = inventory.portEvents(port.name);
        expect(events[0].event).toBe("created");
        for (const { time, subject } of events) {
          const then = inventory.portByName(port.name, time);
          expect(subject).toMatchObject({
            uuid: then?.uuid,
            tunnelKey: then?.tunnelKey,
            chassis: then?.chassis === null ? null : { name: then?.chassis?.name },
            up: then?.up,
            mac: then?.mac,
          });
          expect(inventory.keyHolders(port.datapathKey, port.tunnelKey).at(-1)?.owner.name).toBe(port.name);
        }
        const { chassis, up } = events[events.length - 1].subject as typeof port;
        expect({ chassis: chassis?.name, up }).toEqual({ chassis: port.chassis?.name, up: port.up });
      }
    },
  );

  test("a dump has no history: all is just known", async () => {
    const inventory = await openSouthbound(join(captures, "routed-ping/sb.dump.json"));
    expect(inventory.portEvents("vm1").map(({ time, event }) => [time, event])).toEqual([
      [Number.NEGATIVE_INFINITY, "known"],
    ]);
    expect(inventory.keyHolders(1, 1)).toMatchObject([
      { from: Number.NEGATIVE_INFINITY, until: Number.POSITIVE_INFINITY, owner: { name: "vm1" } },
    ]);
  });
});
