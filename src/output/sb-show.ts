/*
 * What `sb show` prints: the inventory of one moment, for both forms.
 */
import type { Chassis, Datapath, Inventory, MulticastGroup, Port } from "../southbound/index.js";
import type { SbNames } from "./sb-names.js";

/** The inventory as of `at` (milliseconds since 1970; Infinity: the latest known), with its ports sorted out. */
export interface SbPicture {
  readonly inventory: Inventory;
  readonly names: SbNames;
  readonly at: number;
  readonly chassis: readonly Chassis[];
  readonly datapaths: readonly Datapath[];
  readonly portCount: number;
  /** Ports bound to the chassis with this uuid. */
  boundTo(chassis: Chassis): readonly Port[];
  portsOf(datapath: Datapath): readonly Port[];
  groupsOf(datapath: Datapath): readonly MulticastGroup[];
  /** Ports whose datapath's row is missing. */
  readonly strays: readonly Port[];
}

const NONE: readonly never[] = [];

/** Takes the picture. Holds a reference or two for each port. */
export function sbPicture(inventory: Inventory, names: SbNames, at: number): SbPicture {
  const ports = inventory.ports(at);
  const byChassis = new Map<string, Port[]>();
  const byDatapath = new Map<string, Port[]>();
  const strays: Port[] = [];
  for (const port of ports) {
    if (port.chassis !== null) push(byChassis, port.chassis.uuid, port);
    for (const { uuid } of port.additionalChassis)
      if (uuid !== port.chassis?.uuid) push(byChassis, uuid, port);
    if (port.datapath === null) strays.push(port);
    else push(byDatapath, port.datapath.uuid, port);
  }
  return {
    inventory,
    names,
    at,
    chassis: inventory.chassis(at),
    datapaths: inventory.datapaths(at),
    portCount: ports.length,
    boundTo: ({ uuid }) => byChassis.get(uuid) ?? NONE,
    portsOf: ({ uuid }) => byDatapath.get(uuid) ?? NONE,
    groupsOf: ({ tunnelKey }) => inventory.multicastGroups(at, tunnelKey),
    strays,
  };
}

function push(lists: Map<string, Port[]>, key: string, port: Port): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [port]);
  else list.push(port);
}
