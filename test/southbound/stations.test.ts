/* Where frames with a MAC can be, whatever the datapath. */
import { expect, test } from "vitest";
import type { Inventory } from "../../src/southbound/index.js";
import type { RowDelta } from "../../src/southbound/ovsdb/transaction.js";
import { happen, network, port } from "../match/inventory.js";
import { delta, emptyInventory } from "./by-hand.js";
import { pairs, uuid } from "./ovsdb.js";

const MAC = "0a:00:00:00:00:01";
const NOW = Number.POSITIVE_INFINITY;

const router = (number: number): RowDelta =>
  delta("Datapath_Binding", uuid(1, number), {
    tunnel_key: number,
    external_ids: pairs({ "logical-router": uuid(9, number) }),
  });
/** A port of the datapath `of`; its number is its key. */
const bound = (number: number, of: number, name: string, type: string, mac: string, options = {}) =>
  port(number, of, number, name, { type, mac, options: pairs(options) });

function inventoryOf(...rows: RowDelta[]): Inventory {
  const inventory = emptyInventory();
  happen(inventory, 0, rows);
  return inventory;
}

function names(inventory: Inventory, mac = MAC) {
  const { ports, redirects } = inventory.stations(mac, NOW);
  return [ports, redirects].map((list) =>
    list.map(({ name, datapathKey }) => `${datapathKey}:${name}`).join(" "),
  );
}

test("machines' own, in every network, whatever the case", () => {
  const inventory = inventoryOf(
    network(1, "one"),
    network(2, "two"),
    bound(1, 1, "a", "", `${MAC} 10.0.0.1`),
    bound(2, 2, "b", "virtual", MAC),
    bound(3, 2, "c", "", "0a:00:00:00:00:02"),
    bound(4, 2, "metadata", "localport", MAC),
    bound(5, 2, "any", "", "unknown"),
  );
  expect(names(inventory)).toEqual(["1:a 2:b", ""]);
  expect(names(inventory, MAC.toUpperCase())).toEqual(["1:a 2:b", ""]);
  expect(names(inventory, "0a:00:00:00:00:03")).toEqual(["", ""]);
  expect(inventory.stations(MAC, NOW)).toBe(inventory.stations(MAC, NOW));
});

test("a router's port is seen as the port of the switch that it is joined with, once", () => {
  const joined = (mac: string, back: string, forth = "r-s") =>
    inventoryOf(
      network(1, "one"),
      router(9),
      bound(1, 1, "s-r", "patch", mac, { peer: forth }),
      bound(2, 9, "r-s", "patch", `${MAC} 10.0.0.1/24`, { peer: back }),
    );
  expect(names(joined("router", "s-r"))).toEqual(["1:s-r", ""]);
  expect(names(joined(MAC, "s-r"))).toEqual(["1:s-r", ""]);
  expect(names(joined("router", "another"))).toEqual(["", ""]);
  expect(names(joined("router", "s-r", "another"))).toEqual(["", ""]);
});

test("between two routers there is no tunnel", () => {
  const inventory = inventoryOf(
    router(8),
    router(9),
    bound(1, 8, "a-b", "patch", `${MAC} 10.0.0.1/24`, { peer: "b-a" }),
    bound(2, 9, "b-a", "patch", "0a:00:00:00:00:02 10.0.0.2/24", { peer: "a-b" }),
  );
  expect(names(inventory)).toEqual(["", ""]);
});

test("a translated address's MAC is at the switch where it is translated", () => {
  const nat = `${MAC} 203.0.113.4 is_chassis_resident("vm")`;
  const inventory = inventoryOf(
    network(1, "public"),
    router(9),
    port(1, 1, 1, "p-r", {
      type: "patch",
      mac: "router",
      nat_addresses: nat,
      options: pairs({ peer: "r-p" }),
    }),
    bound(2, 9, "r-p", "patch", "0a:00:00:00:00:02 10.0.0.1/24", { peer: "p-r" }),
  );
  expect(names(inventory)).toEqual(["1:p-r", ""]);
});

test("the chassisredirect ports that stand for a router's or a switch's, if they say so themselves", () => {
  const gateway = (distributed: string, type = "chassisredirect") =>
    inventoryOf(
      network(1, "public"),
      router(9),
      bound(1, 1, "p-r", "patch", "router", { peer: "r-p", "chassis-redirect-port": "cr-p-r" }),
      bound(2, 9, "r-p", "patch", `${MAC} 10.0.0.1/24`, { peer: "p-r", "chassis-redirect-port": "cr-r-p" }),
      bound(3, 9, "cr-r-p", type, `${MAC} 10.0.0.1/24`, { "distributed-port": distributed }),
      bound(4, 1, "cr-p-r", "chassisredirect", "router", { "distributed-port": "p-r" }),
    );
  expect(names(gateway("r-p"))).toEqual(["1:p-r", "1:cr-p-r 9:cr-r-p"]);
  expect(names(gateway("other"))).toEqual(["1:p-r", "1:cr-p-r"]);
  expect(names(gateway("r-p", "vtep"))).toEqual(["1:p-r", "1:cr-p-r"]);
});

test("when it is so", () => {
  const inventory = inventoryOf(network(1, "one"), bound(1, 1, "a", "", MAC));
  const [{ from }] = inventory.stations(MAC, NOW).ports;
  happen(inventory, 5, [bound(2, 1, "b", "", MAC)]);
  happen(inventory, 9, [delta("Port_Binding", uuid(2, 1), null)]);
  const at = (seconds: number) => {
    const { ports, from: since, until } = inventory.stations(MAC, from + seconds * 1000);
    return [ports.map(({ name }) => name).join(" "), since - from, until - from];
  };
  expect(at(6)).toEqual(["a b", 5000, 9000]);
  expect(at(9)).toEqual(["b", 9000, NOW]);
  expect(at(4)[0]).toBe("a");
  expect(at(-1)[0]).toBe("");
});
