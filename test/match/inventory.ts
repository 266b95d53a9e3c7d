/* A southbound where names move: for filters that ask what a key meant when a packet came. */
import { type Inventory, type KnownNames, openKnownNames } from "../../src/southbound/index.js";
import type { RowDelta } from "../../src/southbound/ovsdb/transaction.js";
import { delta, emptyInventory } from "../southbound/by-hand.js";
import { uuid } from "../southbound/ovsdb.js";

/** The second around which all of it happens. */
export const NOON = 1_700_000_000;

const map = (pairs: Record<string, string>) => ["map", Object.entries(pairs)];
const ref = (id: string) => ["uuid", id];

export const network = (number: number, name: string): RowDelta =>
  delta("Datapath_Binding", uuid(1, number), {
    tunnel_key: number,
    external_ids: map({ name, "logical-switch": uuid(9, number), name2: `net-${number}` }),
  });
export const port = (number: number, of: number, key: number, name: string, more: object = {}): RowDelta =>
  delta("Port_Binding", uuid(2, number), {
    datapath: ref(uuid(1, of)),
    tunnel_key: key,
    logical_port: name,
    external_ids: map({ "neutron:port_name": `${name}-nic` }),
    ...more,
  });
const group = (number: number, of: number, key: number, name: string): RowDelta =>
  delta("Multicast_Group", uuid(3, number), { datapath: ref(uuid(1, of)), tunnel_key: key, name });
const host = (number: number, name: string, ...ips: string[]): RowDelta[] => [
  ...ips.map((ip, index) =>
    delta("Encap", uuid(5, number * 10 + index), { type: "geneve", ip, chassis_name: name }),
  ),
  delta("Chassis", uuid(4, number), {
    name,
    hostname: `${name}.example.org`,
    encaps: ["set", ips.map((_, index) => ref(uuid(5, number * 10 + index)))],
  }),
];

/** Gives the inventory a transaction of `seconds` after NOON. */
export function happen(
  inventory: Inventory,
  seconds: number,
  rows: readonly RowDelta[],
  timeless = false,
): void {
  const date = (NOON + seconds) * 1000;
  inventory.apply({ offset: null, date, comment: null, isDifference: false, rows: [...rows] }, timeless);
}

/**
 * From 10 s before NOON on: networks 1, 5, 7 and 8 with ports, groups and hosts for the keys and addresses of the
 * vectors. At NOON key 1 of network 1 goes from alice to bob; 2.5 s later network 8 is renamed; 4 s later the hosts
 * change their addresses; 6 s later alice is back with key 3 of network 5.
 */
export function movingNames(): Inventory {
  const inventory = emptyInventory();
  happen(inventory, -10, [
    network(1, "blue"),
    network(5, "red"),
    network(7, "green"),
    network(8, "grey"),
    port(1, 1, 1, "alice"),
    port(2, 1, 2, "carol"),
    port(3, 7, 2, "net1-router1", { type: "patch" }),
    port(4, 7, 1, "dave"),
    port(5, 8, 2, "net2-router1", { type: "patch" }),
    port(6, 8, 1, "erin"),
    port(7, 5, 4, "_MC_flood"),
    group(1, 1, 32768, "_MC_flood"),
    group(2, 5, 32768, "everybody"),
    ...host(1, "worker1", "192.168.50.100", "fd00:50::64"),
    ...host(2, "worker2", "192.168.50.101", "fd00:50::65"),
  ]);
  happen(inventory, 0, [delta("Port_Binding", uuid(2, 1), null), port(8, 1, 1, "bob")]);
  happen(inventory, 2.5, [network(8, "gold")]);
  happen(inventory, 4, [
    ...host(1, "worker1", "192.168.50.101", "fd00:50::64"),
    ...host(2, "worker2", "192.168.50.100", "fd00:50::65"),
  ]);
  happen(inventory, 6, [port(9, 5, 3, "alice")]);
  inventory.finish(null);
  return inventory;
}

/** Nothing but what the southbound's rows say themselves. */
export function noFurtherNames(): Promise<KnownNames> {
  return openKnownNames({ north: undefined, vswitches: undefined });
}
