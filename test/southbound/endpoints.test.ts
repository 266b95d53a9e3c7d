/* The owner of an inner address, where several tenants use the same addresses. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openSouthbound } from "../../src/southbound/index.js";

let dir = "";
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "genevescope-endpoints-"));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const id = (number: number): string => `00000000-0000-0000-0000-${String(number).padStart(12, "0")}`;
const map = (pairs: Record<string, string>) => ["map", Object.entries(pairs)];

interface TestPort {
  name: string;
  datapath: number;
  key: number;
  type?: string;
  mac?: string[];
  peer?: string;
  nat?: string[];
  options?: Record<string, string>;
}

/** A dump of datapaths 1 to `datapaths` and the ports given. */
function dump(datapaths: number, ports: TestPort[]): string {
  const rows = Array.from({ length: datapaths }, (_, i) => [
    ["uuid", id(i + 1)],
    i + 1,
    map({ name: `dp${i + 1}`, "logical-switch": id(900 + i) }),
  ]);
  const bindings = ports.map((port, i) => [
    ["uuid", id(100 + i)],
    port.name,
    ["uuid", id(port.datapath)],
    port.key,
    port.type ?? "",
    ["set", port.mac ?? []],
    ["set", port.nat ?? []],
    map({ ...(port.peer === undefined ? {} : { peer: port.peer }), ...port.options }),
  ]);
  const table = (caption: string, headings: string[], data: unknown[]) =>
    JSON.stringify({ caption: `${caption} table`, headings, data });
  return [
    table("Datapath_Binding", ["_uuid", "tunnel_key", "external_ids"], rows),
    table(
      "Port_Binding",
      ["_uuid", "logical_port", "datapath", "tunnel_key", "type", "mac", "nat_addresses", "options"],
      bindings,
    ),
  ].join("\n");
}

async function inventoryOf(datapaths: number, ports: TestPort[]) {
  const file = join(dir, "sb.json");
  writeFileSync(file, dump(datapaths, ports));
  return openSouthbound(file);
}

const ip = "192.168.0.11";
const vm = (name: string, datapath: number): TestPort => ({
  name,
  datapath,
  key: 1,
  mac: [`40:44:00:00:00:0${datapath} ${ip} fd00::11`],
});
/** A switch and a router joined by a pair of patch ports. */
const joined = (network: number, router: number, key: number): TestPort[] => [
  { name: `s${network}-r${router}`, datapath: network, key, type: "patch", peer: `r${router}-s${network}` },
  { name: `r${router}-s${network}`, datapath: router, key, type: "patch", peer: `s${network}-r${router}` },
];

test("an address that only an unconnected tenant uses is nobody's here", async () => {
  const inventory = await inventoryOf(2, [vm("theirs", 2)]);
  expect(inventory.endpoint(ip, 2, Infinity).port?.name).toBe("theirs");
  expect(inventory.endpoint(ip, 1, Infinity).port).toBeNull();
});

test("each tenant's own VM, although both use the address", async () => {
  // 1 and 3 are networks behind router 2; 4 and 6 behind router 5.
  const inventory = await inventoryOf(6, [
    vm("ours", 1),
    ...joined(1, 2, 10),
    ...joined(3, 2, 11),
    vm("theirs", 4),
    ...joined(4, 5, 10),
    ...joined(6, 5, 11),
  ]);
  for (const datapath of [1, 2, 3])
    expect(inventory.endpoint(ip, datapath, Infinity).port?.name).toBe("ours");
  for (const datapath of [4, 5, 6])
    expect(inventory.endpoint(ip, datapath, Infinity).port?.name).toBe("theirs");
  expect(inventory.endpoint("fd00:0::11", 3, Infinity).port?.name).toBe("ours");
  expect(inventory.endpoint("192.168.0.12", 3, Infinity).port).toBeNull();
});

test("two owners in one network: none is named", async () => {
  const inventory = await inventoryOf(3, [
    vm("one", 1),
    vm("two", 3),
    ...joined(1, 2, 10),
    ...joined(3, 2, 11),
  ]);
  for (const datapath of [1, 2, 3]) {
    expect(inventory.endpoint(ip, datapath, Infinity).port).toBeNull();
    const { port, candidates, how } = inventory.endpoint(ip, datapath, Infinity);
    expect([port, candidates.map(({ name }) => name), how]).toEqual([null, ["one", "two"], "address"]);
  }
});

test("tenants whose routers meet on a network that leads outside are still two", async () => {
  // Networks 1 and 3, routers 2 and 4, the public network 5 with a physical one behind it.
  const inventory = await inventoryOf(5, [
    vm("ours", 1),
    ...joined(1, 2, 10),
    vm("theirs", 3),
    ...joined(3, 4, 10),
    ...joined(5, 2, 20),
    ...joined(5, 4, 21),
    { name: "provider", datapath: 5, key: 30, type: "localnet", mac: ["unknown"] },
    { name: "public", datapath: 5, key: 31, mac: ["40:44:00:00:00:55 203.0.113.9"] },
  ]);
  const owner = (datapath: number) => inventory.endpoint(ip, datapath, Infinity);
  for (const datapath of [1, 2]) expect(owner(datapath).port?.name).toBe("ours");
  for (const datapath of [3, 4]) expect(owner(datapath).port?.name).toBe("theirs");
  // What comes from outside may have any address; only the routers there are known.
  expect(owner(5)).toMatchObject({ port: null, candidates: [], how: null });
  for (const datapath of [1, 2, 3, 4, 5])
    expect(inventory.endpoint("203.0.113.9", datapath, Infinity).port?.name).toBe("public");
});

test("translated addresses belong to the port they are bound to, or to the router that translates", async () => {
  const resident = 'is_chassis_resident("vm")';
  const gateway = 'is_chassis_resident("cr-router")';
  const inventory = await inventoryOf(3, [
    { ...vm("vm", 1) },
    ...joined(1, 2, 10),
    {
      name: "public-router",
      datapath: 3,
      key: 11,
      type: "patch",
      peer: "router-public",
      mac: ["router"],
      nat: [
        `0a:00:00:00:00:01 203.0.113.4 ${resident}`,
        `0a:00:00:00:00:02 203.0.113.1 203.0.113.5 203.0.113.6 ${gateway}`,
        "0a:00:00:00:00:03 203.0.113.7",
      ],
    },
    {
      name: "router-public",
      datapath: 2,
      key: 11,
      type: "patch",
      peer: "public-router",
      mac: ["0a:00:00:00:00:02 203.0.113.1/24 2001:db8::1/64"],
    },
    {
      name: "cr-router",
      datapath: 2,
      key: 12,
      type: "chassisredirect",
      options: { "distributed-port": "router-public" },
    },
  ]);
  const found = (address: string) => {
    const { port, how } = inventory.endpoint(address, 3, Infinity);
    return [port?.name, how];
  };
  expect(found("203.0.113.4")).toEqual(["vm", "nat"]);
  expect(found("203.0.113.5")).toEqual(["router-public", "nat"]);
  expect(found("203.0.113.6")).toEqual(["router-public", "nat"]);
  expect(found("203.0.113.7")).toEqual(["public-router", "nat"]);
  expect(found("203.0.113.1")).toEqual(["router-public", "router"]);
  expect(found("2001:DB8:0::1")).toEqual(["router-public", "router"]);
  expect(found("203.0.113.8")).toEqual([undefined, null]);
  expect(inventory.portByName("cr-router", Infinity)?.distributedPort).toBe("router-public");
  expect(inventory.portByName("public-router", Infinity)?.peer).toBe("router-public");
});

test("every type of port that a machine is behind, several addresses, and words that are none", async () => {
  const inventory = await inventoryOf(1, [
    {
      name: "vif",
      datapath: 1,
      key: 1,
      mac: ["0A:00:00:00:00:01 10.0.0.1 10.0.0.2", "0a:00:00:00:00:11 fd00::1"],
    },
    { name: "virtual", datapath: 1, key: 2, type: "virtual", options: { "virtual-ip": "10.0.0.3" } },
    { name: "external", datapath: 1, key: 3, type: "external", mac: ["0a:00:00:00:00:04 10.0.0.4"] },
    { name: "remote", datapath: 1, key: 4, type: "remote", mac: ["0a:00:00:00:00:05 10.0.0.5"] },
    { name: "free", datapath: 1, key: 5, mac: ["unknown", "dynamic"] },
    { name: "metadata", datapath: 1, key: 6, type: "localport", mac: ["0a:00:00:00:00:06 10.0.0.6"] },
  ]);
  const found = (address: string) => inventory.endpoint(address, 1, Infinity).port?.name;
  expect(["10.0.0.1", "10.0.0.2", "fd00::1", "0a:00:00:00:00:01", "0A:00:00:00:00:11"].map(found)).toEqual(
    Array(5).fill("vif"),
  );
  expect(["10.0.0.3", "10.0.0.4", "10.0.0.5"].map(found)).toEqual(["virtual", "external", "remote"]);
  for (const word of ["unknown", "dynamic", "router", "", "10.0.0.6"]) expect(found(word)).toBe(undefined);
});

test("an address of a router's port is the router's", async () => {
  const inventory = await inventoryOf(1, [{ ...vm("router-side", 1), type: "patch" }]);
  expect(inventory.endpoint(ip, 1, Infinity)).toMatchObject({ port: { name: "router-side" }, how: "router" });
});

test("an address is found among many tenants without trying them all for long", async () => {
  const ports = Array.from({ length: 3000 }, (_, i) => ({ ...vm(`vm${i + 1}`, 1), datapath: i + 1 }));
  const inventory = await inventoryOf(3000, ports);
  for (let datapath = 1; datapath <= 3000; datapath += 299)
    expect(inventory.endpoint(ip, datapath, Infinity).port?.name).toBe(`vm${datapath}`);
});

test("MACs and link-local addresses are looked for in the packet's own network only", async () => {
  const inventory = await inventoryOf(3, [
    { name: "one", datapath: 1, key: 1, mac: ["0a:00:00:00:00:01 10.0.0.1 fe80::5 169.254.0.9"] },
    ...joined(1, 2, 10),
    ...joined(3, 2, 11),
  ]);
  const found = (address: string) =>
    [1, 3].map((key) => inventory.endpoint(address, key, Infinity).port?.name);
  expect(found("10.0.0.1")).toEqual(["one", "one"]);
  for (const local of ["0a:00:00:00:00:01", "fe80::5", "169.254.0.9"])
    expect(found(local)).toEqual(["one", undefined]);
});

test("a peer that is not named in return joins nothing", async () => {
  const inventory = await inventoryOf(2, [
    vm("there", 2),
    { name: "a", datapath: 1, key: 2, type: "patch", peer: "b" },
    { name: "b", datapath: 2, key: 2, type: "patch", peer: "c" },
  ]);
  expect(inventory.endpoint(ip, 1, Infinity).port).toBeNull();
});

test("a router with thousands of switches keeps one list of them", async () => {
  const switches = Array.from({ length: 3000 }, (_, i) => i + 2);
  const inventory = await inventoryOf(3001, [
    vm("here", 2),
    ...switches.flatMap((network) => joined(network, 1, network)),
  ]);
  const before = process.memoryUsage().heapUsed;
  for (const network of switches) expect(inventory.endpoint(ip, network, Infinity).port?.name).toBe("here");
  // A list each would be nine million entries.
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(100e6);
});
