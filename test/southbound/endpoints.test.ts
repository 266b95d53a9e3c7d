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
    map(port.peer === undefined ? {} : { peer: port.peer }),
  ]);
  const table = (caption: string, headings: string[], data: unknown[]) =>
    JSON.stringify({ caption: `${caption} table`, headings, data });
  return [
    table("Datapath_Binding", ["_uuid", "tunnel_key", "external_ids"], rows),
    table(
      "Port_Binding",
      ["_uuid", "logical_port", "datapath", "tunnel_key", "type", "mac", "options"],
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
  expect(inventory.endpoint(ip, 2, Infinity)?.name).toBe("theirs");
  expect(inventory.endpoint(ip, 1, Infinity)).toBeNull();
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
  for (const datapath of [1, 2, 3]) expect(inventory.endpoint(ip, datapath, Infinity)?.name).toBe("ours");
  for (const datapath of [4, 5, 6]) expect(inventory.endpoint(ip, datapath, Infinity)?.name).toBe("theirs");
  expect(inventory.endpoint("fd00:0::11", 3, Infinity)?.name).toBe("ours");
  expect(inventory.endpoint("192.168.0.12", 3, Infinity)).toBeNull();
});

test("two owners in one network: none is named", async () => {
  const inventory = await inventoryOf(3, [
    vm("one", 1),
    vm("two", 3),
    ...joined(1, 2, 10),
    ...joined(3, 2, 11),
  ]);
  for (const datapath of [1, 2, 3]) expect(inventory.endpoint(ip, datapath, Infinity)).toBeNull();
});

test("a port that is no VIF owns no address", async () => {
  const inventory = await inventoryOf(1, [{ ...vm("router-side", 1), type: "patch" }]);
  expect(inventory.endpoint(ip, 1, Infinity)).toBeNull();
});

test("an address is found among many tenants without trying them all for long", async () => {
  const ports = Array.from({ length: 3000 }, (_, i) => ({ ...vm(`vm${i + 1}`, 1), datapath: i + 1 }));
  const inventory = await inventoryOf(3000, ports);
  for (let datapath = 1; datapath <= 3000; datapath += 299)
    expect(inventory.endpoint(ip, datapath, Infinity)?.name).toBe(`vm${datapath}`);
});
