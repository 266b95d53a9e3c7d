import { afterAll, describe, expect, test } from "vitest";
import { type Inventory, openSouthbound, type Port } from "../../src/southbound/index.js";
import { databaseFile, pairs, ref, TempDirectory, uuid } from "./ovsdb.js";

const directory = new TempDirectory();
afterAll(() => directory.dispose());

let files = 0;
async function journal(...transactions: object[]): Promise<Inventory> {
  return openSouthbound(directory.file(`${files++}.db`, databaseFile(transactions)));
}

const T = 1_700_000_000_000;
const NET1 = uuid(1, 1);
const VM1 = uuid(2, 1);
const VM2 = uuid(2, 2);
const HV1 = uuid(3, 1);
const HV2 = uuid(3, 2);
const ENCAP1 = uuid(4, 1);
const ENCAP2 = uuid(4, 2);

const switchRow = (key: number, name: string) => ({
  tunnel_key: key,
  external_ids: pairs({ "logical-switch": uuid(9, key), name }),
});
const portRow = (name: string, key: number, more: object = {}) => ({
  logical_port: name,
  datapath: ref(NET1),
  tunnel_key: key,
  ...more,
});
const encapRow = (ip: string, chassis: string, type = "geneve") => ({ type, ip, chassis_name: chassis });
const chassisRow = (name: string, encap: string) => ({
  name,
  hostname: `${name}.example`,
  encaps: ref(encap),
});

/** Two chassis, one switch, one port on the first chassis. */
const START = {
  _date: T,
  _is_diff: true,
  Datapath_Binding: { [NET1]: switchRow(7, "net1") },
  Encap: { [ENCAP1]: encapRow("10.0.0.1", "hv1"), [ENCAP2]: encapRow("10.0.0.2", "hv2") },
  Chassis: { [HV1]: chassisRow("hv1", ENCAP1), [HV2]: chassisRow("hv2", ENCAP2) },
  Port_Binding: { [VM1]: portRow("vm1", 1, { chassis: ref(HV1) }), [VM2]: portRow("vm2", 2) },
};

describe("a port that migrates", () => {
  const migrate = (date: number, chassis: string) => ({
    _date: date,
    _is_diff: true,
    Port_Binding: { [VM1]: { chassis: ref(chassis) } },
  });

  test("is on the chassis it was on at each millisecond", async () => {
    const inventory = await journal(START, migrate(T + 1000, HV2), migrate(T + 5000, HV1));
    const chassisAt = (at: number) => inventory.port(7, 1, at)?.chassis?.name;
    expect(inventory.hasHistory).toBe(true);
    expect(inventory.port(7, 1, T - 0.001)).toBe(null);
    expect(chassisAt(T)).toBe("hv1");
    expect(chassisAt(T + 999.999)).toBe("hv1");
    expect(chassisAt(T + 1000)).toBe("hv2");
    expect(chassisAt(T + 4999.999)).toBe("hv2");
    expect(chassisAt(T + 5000)).toBe("hv1");
    expect(chassisAt(Number.POSITIVE_INFINITY)).toBe("hv1");
    expect(inventory.port(7, 1, T + 2000)).toMatchObject({ from: T + 1000, until: T + 5000 });
    expect(inventory.portByName("vm1", T + 2000)).toBe(inventory.port(7, 1, T + 2000));
  });

  test("is resolved to one object for as long as nothing changes, and to another afterwards", async () => {
    const inventory = await journal(START, migrate(T + 1000, HV2), migrate(T + 5000, HV1));
    const resolve = (at: number) => inventory.resolve(7, 2, 1, at);
    const first = resolve(T + 500);
    expect(first).toMatchObject({ from: T, until: T + 1000, beforeHistory: false });
    expect(resolve(T)).toBe(first);
    expect(resolve(T + 999.999)).toBe(first);
    const second = resolve(T + 1000);
    expect(second).toMatchObject({ from: T + 1000, until: T + 5000 });
    expect((second.outport as Port).chassis?.name).toBe("hv2");
    expect(resolve(T + 6000)).toMatchObject({ from: T + 5000, until: Number.POSITIVE_INFINITY });
    // Going back in time gives the objects of before.
    expect(resolve(T + 10)).toBe(first);
    expect(resolve(T + 4000)).toBe(second);
    expect(resolve(Number.NaN)).toBe(resolve(Number.POSITIVE_INFINITY));
    expect(resolve(T - 1)).toMatchObject({ beforeHistory: true, outport: null, until: T });
  });

  test("an update that changes nothing we keep makes no version", async () => {
    const inventory = await journal(
      START,
      { _date: T + 10, _is_diff: true, Chassis: { [HV1]: { nb_cfg: 5 } } },
      { _date: T + 20, _is_diff: true, Port_Binding: { [VM1]: { chassis: ref(HV1) } } },
      { _date: T + 30, _is_diff: true, Logical_Flow: { [uuid(8, 1)]: { match: "1" } } },
    );
    expect(inventory.port(7, 1, T + 40)).toMatchObject({ from: T, until: Number.POSITIVE_INFINITY });
    expect(inventory.chassisByName("hv1", T + 40)).toMatchObject({ from: T });
    expect(inventory.latestDate).toBe(T + 30);
    expect(inventory.transactions).toBe(4);
  });
});

describe("a tunnel key that is used again", () => {
  test("means what it meant at the time", async () => {
    const inventory = await journal(
      START,
      { _date: T + 100, _is_diff: true, Port_Binding: { [VM1]: null } },
      { _date: T + 200, _is_diff: true, Port_Binding: { [uuid(2, 3)]: portRow("vm3", 1) } },
    );
    const nameAt = (at: number) => inventory.port(7, 1, at)?.name ?? null;
    expect([T + 99, T + 100, T + 199, T + 200].map(nameAt)).toEqual(["vm1", null, null, "vm3"]);
    expect(inventory.resolve(7, 1, 2, T + 150)).toMatchObject({
      from: T + 100,
      until: T + 200,
      inport: null,
    });
    expect(inventory.portByName("vm1", T + 150)).toBe(null);
    expect(inventory.warnings).toEqual([]);
  });

  test("may pass from row to row within one transaction, whatever the order of its rows", async () => {
    const swap = { [VM1]: { tunnel_key: 2 }, [VM2]: { tunnel_key: 1 } };
    const inventory = await journal(START, { _date: T + 100, _is_diff: true, Port_Binding: swap });
    expect(inventory.port(7, 1, T + 99)?.name).toBe("vm1");
    expect(inventory.port(7, 1, T + 100)?.name).toBe("vm2");
    expect(inventory.port(7, 2, T + 100)?.name).toBe("vm1");
    expect(inventory.warnings).toEqual([]);
  });

  test("a datapath's key too", async () => {
    const other = uuid(1, 2);
    const inventory = await journal(START, {
      _date: T + 100,
      _is_diff: true,
      Datapath_Binding: { [NET1]: null, [other]: switchRow(7, "net2") },
      Port_Binding: {
        [VM1]: null,
        [VM2]: null,
        [uuid(2, 4)]: { ...portRow("vm4", 1), datapath: ref(other) },
      },
    });
    expect(inventory.resolve(7, 0, 1, T + 99)).toMatchObject({
      datapath: { name: "net1" },
      outport: { name: "vm1" },
      until: T + 100,
    });
    expect(inventory.resolve(7, 0, 1, T + 100)).toMatchObject({
      datapath: { name: "net2" },
      outport: { name: "vm4" },
      from: T + 100,
    });
  });

  test("two rows with it at once: the later counts until it goes, and that is a warning", async () => {
    const inventory = await journal(
      START,
      { _date: T + 100, _is_diff: true, Port_Binding: { [uuid(2, 3)]: portRow("late", 1) } },
      { _date: T + 200, _is_diff: true, Port_Binding: { [uuid(2, 3)]: null } },
    );
    const nameAt = (at: number) => inventory.port(7, 1, at)?.name;
    expect([T + 99, T + 100, T + 200].map(nameAt)).toEqual(["vm1", "late", "vm1"]);
    expect(inventory.warnings).toMatchObject([{ code: "duplicate-key", count: 1 }]);
  });
});

describe("a chassis whose address changes", () => {
  const move = { _date: T + 100, _is_diff: true, Encap: { [ENCAP1]: { ip: "10.9.9.9" } } };

  test("is found by the address it had, and its ports' resolutions end with it", async () => {
    const inventory = await journal(START, move);
    expect(inventory.chassisByAddress("10.0.0.1", T + 99)?.name).toBe("hv1");
    expect(inventory.chassisByAddress("10.0.0.1", T + 100)).toBe(null);
    expect(inventory.chassisByAddress("10.9.9.9", T + 99)).toBe(null);
    expect(inventory.encapByAddress("10.9.9.9", T + 100)).toMatchObject({ uuid: ENCAP1, type: "geneve" });
    expect(inventory.resolveAddress("10.0.0.1", T + 50)).toMatchObject({ from: T, until: T + 100 });
    expect(inventory.resolveAddress("10.0.0.1", T + 60)).toBe(inventory.resolveAddress("10.0.0.1", T));
    expect(inventory.resolve(7, 0, 1, T + 50)).toMatchObject({ until: T + 100 });
    expect(inventory.resolve(7, 0, 1, T + 150)).toMatchObject({
      from: T + 100,
      outport: { chassis: { encaps: [{ ip: "10.9.9.9" }] } },
    });
    // A port that is not on that chassis is not concerned.
    expect(inventory.resolve(7, 0, 2, T + 50)).toMatchObject({ until: Number.POSITIVE_INFINITY });
    expect(inventory.resolveAddress("10.0.0.1", T - 1)).toMatchObject({ beforeHistory: true, chassis: null });
  });

  test("a chassis that is deleted leaves its ports without one", async () => {
    const inventory = await journal(START, { _date: T + 100, _is_diff: true, Chassis: { [HV1]: null } });
    expect(inventory.port(7, 1, T + 99)?.chassis?.name).toBe("hv1");
    expect(inventory.port(7, 1, T + 100)?.chassis).toBe(null);
    expect(inventory.warnings).toMatchObject([{ code: "unknown-row", count: 1 }]);
  });

  test("an IPv6 end point is found however it is spelled", async () => {
    const inventory = await journal(START, {
      _date: T + 1,
      _is_diff: true,
      Encap: { [ENCAP2]: { ip: "FD00:0:0::0a" } },
    });
    expect(inventory.chassisByAddress("fd00::a", T + 1)?.name).toBe("hv2");
    expect(inventory.chassisByAddress("fd00:0:0:0:0:0:0:a", T + 1)?.name).toBe("hv2");
    expect(inventory.chassisByAddress("no address", T + 1)).toBe(null);
  });

  test("of two end points with one address the Geneve one is told", async () => {
    const inventory = await journal(START, {
      _date: T + 1,
      _is_diff: true,
      Encap: { [ENCAP2]: { ip: "10.0.0.1", type: "vxlan" } },
    });
    expect(inventory.resolveAddress("10.0.0.1", T + 1)).toMatchObject({
      chassis: { name: "hv1" },
      encap: { type: "geneve" },
    });
  });

  test("tunnelPorts collects the ports of end points of a type, of all times", async () => {
    const option = (port: string) => ({ options: pairs({ csum: "true", dst_port: port }) });
    const inventory = await journal(
      START,
      { _date: T + 1, _is_diff: true, Encap: { [ENCAP1]: option("6082") } },
      { _date: T + 2, _is_diff: true, Encap: { [ENCAP1]: { options: pairs({ dst_port: "7000" }) } } },
      { _date: T + 3, _is_diff: true, Encap: { [ENCAP2]: { type: "vxlan", ...option("4790") } } },
      { _date: T + 4, _is_diff: true, Encap: { [ENCAP1]: { options: pairs({ dst_port: "70000" }) } } },
    );
    expect(inventory.tunnelPorts("geneve")).toEqual([6082, 7000]);
    expect(inventory.tunnelPorts("vxlan")).toEqual([4790]);
    expect(inventory.tunnelPorts("stt")).toEqual([]);
    expect(inventory.encapByAddress("10.0.0.1", T + 4)?.options.get("dst_port")).toBe("70000");
  });
});

describe("multicast groups", () => {
  const group = (name: string, key: number) => ({ name, datapath: ref(NET1), tunnel_key: key });
  const later = {
    _date: T + 100,
    _is_diff: true,
    Multicast_Group: { [uuid(5, 1)]: group("_MC_flood", 32768), [uuid(5, 2)]: group("239.1.1.1", 32773) },
  };

  test("have the name of their row, else the one OVN gives the key", async () => {
    const inventory = await journal(START, later);
    const egress = (key: number, at: number) => inventory.egress(7, key, at);
    expect(egress(32768, T)).toMatchObject({ kind: "multicast", name: "_MC_flood", wellKnown: true });
    expect(egress(32768, T + 100)).toMatchObject({ name: "_MC_flood", wellKnown: false, from: T + 100 });
    expect(egress(32773, T)).toBe(null);
    expect(egress(32773, T + 100)).toMatchObject({ name: "239.1.1.1" });
    expect([32769, 32770, 32771, 32772].map((key) => egress(key, T)?.name)).toEqual([
      "_MC_unknown",
      "_MC_mrouter_flood",
      "_MC_static",
      "_MC_flood_l2",
    ]);
    expect(egress(1, T)).toMatchObject({ kind: "port", name: "vm1" });
    expect(egress(0, T)).toBe(null);
  });

  test("a resolution ends where a row takes the place of a convention", async () => {
    const inventory = await journal(START, later);
    expect(inventory.resolve(7, 1, 32768, T)).toMatchObject({ until: T + 100, outport: { wellKnown: true } });
    expect(inventory.resolve(7, 1, 32773, T)).toMatchObject({ until: T + 100, outport: null });
    expect(inventory.resolve(99, 1, 32769, T)).toMatchObject({
      datapath: null,
      inport: null,
      outport: { name: "_MC_unknown" },
      until: Number.POSITIVE_INFINITY,
    });
  });
});

describe("dates", () => {
  test("that go backwards are taken as not before the record ahead", async () => {
    const inventory = await journal(
      START,
      { _date: T + 100, _is_diff: true, Port_Binding: { [VM1]: { logical_port: "b" } } },
      { _date: T + 40, _is_diff: true, Port_Binding: { [VM1]: { logical_port: "c" } } },
      { _date: T + 200, _is_diff: true, Port_Binding: { [VM1]: { logical_port: "d" } } },
    );
    const nameAt = (at: number) => inventory.port(7, 1, at)?.name;
    expect([T, T + 99, T + 100, T + 199, T + 200].map(nameAt)).toEqual(["vm1", "vm1", "c", "c", "d"]);
    expect(inventory.portByName("b", T + 100)).toBe(null);
    expect(inventory.warnings).toMatchObject([
      { code: "clock-backwards", count: 1, text: expect.stringContaining("60 ms") },
    ]);
    expect(inventory.latestDate).toBe(T + 200);
  });

  test("that are missing or nonsense count as of the record ahead", async () => {
    const inventory = await journal(
      START,
      { _is_diff: true, Port_Binding: { [VM1]: { logical_port: "b" } } },
      { _date: "soon", _is_diff: true, Port_Binding: { [VM1]: { type: "patch" } } },
      { _date: 1e300, _is_diff: true, Port_Binding: { [VM1]: { type: "virtual" } } },
    );
    expect(inventory.port(7, 1, T)).toMatchObject({ name: "b", type: "virtual" });
    expect(inventory.warnings).toMatchObject([{ code: "undated", count: 3 }]);
  });
});

describe("what a lookup gives", () => {
  test("null for what is not there, whatever it is asked", async () => {
    const inventory = await journal(START, { _date: T + 1 });
    for (const odd of [0, -1, 3.5, 2 ** 24, 2 ** 40, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(inventory.datapath(odd, T)).toBe(null);
      expect(inventory.port(odd, 1, T)).toBe(null);
      expect(inventory.port(7, odd, T)).toBe(null);
      expect(inventory.resolve(odd, 1, 1, T)).toMatchObject({ datapath: null, inport: null, outport: null });
      expect(inventory.resolve(7, odd, 2, T)).toMatchObject({ inport: null });
      expect(inventory.resolve(7, 1, odd, T).outport).toBe(null);
    }
    expect(inventory.resolve(7, 1, 2, T)).toMatchObject({
      inport: { name: "vm1" },
      outport: { name: "vm2" },
    });
    for (const name of ["__proto__", "constructor", ""]) {
      expect(inventory.portByName(name, T)).toBe(null);
      expect(inventory.chassisByAddress(name, T)).toBe(null);
    }
  });

  test("lists in order", async () => {
    const inventory = await journal(START, {
      _date: T + 1,
      _is_diff: true,
      Datapath_Binding: {
        [uuid(1, 2)]: { tunnel_key: 3, external_ids: pairs({ "logical-router": "r-uuid" }) },
      },
      Port_Binding: { [uuid(2, 9)]: { ...portRow("r1", 5), datapath: ref(uuid(1, 2)), type: "patch" } },
    });
    expect(inventory.datapaths(T + 1).map(({ name, kind }) => [name, kind])).toEqual([
      ["r-uuid", "router"],
      ["net1", "switch"],
    ]);
    expect(inventory.ports(T + 1).map(({ name }) => name)).toEqual(["r1", "vm1", "vm2"]);
    expect(inventory.ports(T + 1, 7).map(({ name }) => name)).toEqual(["vm1", "vm2"]);
    expect(inventory.ports(T).map(({ name }) => name)).toEqual(["vm1", "vm2"]);
    expect(inventory.chassis(T).map(({ name }) => name)).toEqual(["hv1", "hv2"]);
  });

  test("further changes, as a live source will bring them, replace what was resolved before", async () => {
    const inventory = await journal(START, { _date: T + 1 });
    const before = inventory.resolve(7, 0, 1, T + 50);
    const { generation } = inventory;
    const table = inventory.layout.get("Port_Binding");
    if (table === undefined) throw new Error("no table");
    const values = table.columns.map(({ name }) => (name === "chassis" ? HV2 : undefined));
    const rows = [{ table, uuid: VM1, values }];
    inventory.apply({ offset: 0, date: T + 40, comment: null, isDifference: true, rows });
    expect(inventory.generation).toBe(generation + 1);
    const after = inventory.resolve(7, 0, 1, T + 50);
    expect(after).not.toBe(before);
    expect(after).toMatchObject({ from: T + 40, outport: { chassis: { name: "hv2" } } });
    expect(inventory.resolve(7, 0, 1, T + 39)).toMatchObject({ until: T + 40 });
  });
});
