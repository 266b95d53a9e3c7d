/* What bench/southbound.js measures at full size, at a tenth of it: properties, no times. */
import { setImmediate as turn } from "node:timers/promises";
import { GCProfiler } from "node:v8";
import { afterAll, beforeAll, expect, test } from "vitest";
import { GeneratedSouthbound } from "../../bench/southbound-generate.js";
import { PortChanges, SEQUENCE, Writer } from "../../bench/southbound-writer.js";
import {
  type FollowedSouthbound,
  followSouthbound,
  type Inventory,
  openSouthbound,
  saveSnapshot,
} from "../../src/southbound/index.js";
import { describeOvsdb, OvsdbServer } from "./ovsdb.js";
import { dumpTables } from "./picture.js";

const SIZE = { ports: 20_000, datapaths: 200, chassis: 100 };
const LATEST = Number.POSITIVE_INFINITY;
/** Keys asked for again and again. */
const SAMPLE = 5000;

/** Triples of keys spread over all ports: VNI, ingress, egress. */
function* triples(southbound: GeneratedSouthbound, count: number): Generator<[number, number, number]> {
  for (let number = 0; number < count; number++) {
    const [vni, key] = southbound.keysOf(Math.floor((number * southbound.ports) / count));
    yield [vni, key, (key % southbound.portsPerDatapath) + 1];
  }
}

/** A line for each port, as the inventory has it. */
function portsOf(inventory: Inventory): string[] {
  return inventory
    .ports(LATEST)
    .map((port) =>
      [
        port.uuid,
        port.name,
        port.datapathKey,
        port.tunnelKey,
        port.chassis?.name,
        port.chassis?.encaps[0]?.ip,
        port.up,
        port.mac.join(),
        port.externalIds.get("neutron:port_name"),
      ].join(" "),
    )
    .sort();
}

/** The same lines from what ovsdb-client dumps. */
function portsDumped(server: OvsdbServer): string[] {
  const tables = dumpTables(server.dump());
  const id = (cell: unknown) => (cell as string[])[1];
  const byUuid = (table: string) => new Map((tables.get(table) ?? []).map((row) => [id(row._uuid), row]));
  const [datapaths, chassis, encaps] = ["Datapath_Binding", "Chassis", "Encap"].map(byUuid);
  return (tables.get("Port_Binding") ?? [])
    .map((row) => {
      const host = chassis.get(id(row.chassis));
      const ids = new Map((row.external_ids as [string, [string, string][]])[1]);
      return [
        id(row._uuid),
        row.logical_port,
        datapaths.get(id(row.datapath))?.tunnel_key,
        row.tunnel_key,
        host?.name,
        encaps.get(id(host?.encaps))?.ip,
        row.up,
        row.mac,
        ids.get("neutron:port_name"),
      ].join(" ");
    })
    .sort();
}

/** What a sample of keys means, in words. */
function meanings(inventory: Inventory, southbound: GeneratedSouthbound): string[] {
  return [...triples(southbound, 500)].map(([vni, ingress, egress]) => {
    const { datapath, inport, outport } = inventory.resolve(vni, ingress, egress, LATEST);
    if (outport?.kind !== "port") throw new Error(`${vni} ${egress} is no port`);
    const hosts = [inport?.chassis?.name, outport.chassis?.encaps[0]?.ip];
    return [datapath?.name, inport?.name, outport.name, ...hosts].join(" ");
  });
}

describeOvsdb("a southbound of 20,000 ports", () => {
  const southbound = new GeneratedSouthbound(SIZE);
  const server = new OvsdbServer();
  let followed: FollowedSouthbound;

  beforeAll(async () => {
    southbound.write(server.database);
    await server.start();
    followed = await followSouthbound(server.remote);
  });
  afterAll(async () => {
    followed?.link.close();
    await server.stop();
  });

  test("is loaded as ovsdb-client dumps it", () => {
    const { inventory } = followed;
    expect(inventory.warnings).toEqual([]);
    expect(inventory.datapaths(LATEST)).toHaveLength(SIZE.datapaths);
    expect(inventory.chassis(LATEST)).toHaveLength(SIZE.chassis);
    const ports = portsOf(inventory);
    expect(ports).toHaveLength(SIZE.ports);
    expect(ports).toEqual(portsDumped(server));
  });

  test("from its file, the server and a snapshot, a sample of keys means the same", async () => {
    const file = await openSouthbound(server.database);
    const path = server.directory.file("snapshot");
    await saveSnapshot(followed.inventory, path);
    const expected = meanings(file, southbound);
    expect(new Set(expected).size).toBe(500);
    expect(expected[0]).toBe(
      `${file.datapath(1, LATEST)?.name} ${southbound.portName(0)} ${southbound.portName(1)} hv0 192.168.50.101`,
    );
    expect(meanings(followed.inventory, southbound)).toEqual(expected);
    expect(meanings(await openSouthbound(path), southbound)).toEqual(expected);
  });

  test("a resolve that was made before costs no garbage collection in a million", () => {
    const { inventory } = followed;
    // Answers of all kinds, given and given again, as in a process that asks for more than keys.
    for (let time = 0; time < 2; time++) {
      inventory.ports(LATEST);
      inventory.multicastGroups(LATEST, 1);
      inventory.resolveAddress("192.168.50.100", LATEST);
      inventory.global(LATEST);
    }
    const keys = [...triples(southbound, SAMPLE)];
    let named = 0;
    const resolve = (calls: number) => {
      for (let call = 0; call < calls; call++) {
        const [vni, ingress, egress] = keys[call % SAMPLE];
        if (inventory.resolve(vni, ingress, egress, LATEST).outport !== null) named++;
      }
    };
    // Until it is compiled for good.
    resolve(1_000_000);
    const collections = [1, 2, 3].map(() => {
      const profiler = new GCProfiler();
      profiler.start();
      resolve(1_000_000);
      return profiler.stop().statistics.length;
    });
    expect(named).toBe(4_000_000);
    // A number a call would be sixteen million bytes. One that was under way before may end within a round.
    expect(Math.min(...collections)).toBe(0);
  });

  test("a burst of 10,000 changes is followed to its end", async () => {
    const { inventory, link } = followed;
    const writer = await Writer.connect(server.remote.slice("unix:".length));
    const changes = new PortChanges(southbound);
    const transactions = 500;
    const open: Promise<void>[] = [];
    for (let number = 1; number <= transactions; number++) {
      const { operations, committed } = changes.next(20);
      open.push(writer.transact(number, operations).then(committed));
      // What it created ten transactions ago may be changed from now on.
      if (open.length === 10) await open.shift();
    }
    await Promise.all(open);
    await writer.close();
    const sequence = () => Number(inventory.global(LATEST)?.externalIds.get(SEQUENCE));
    while (sequence() < transactions && link.state !== "closed") await turn();
    expect(link.state).toBe("connected");
    expect(inventory.warnings).toEqual([]);
    const ports = portsOf(inventory);
    // Those deleted by the last ten transactions are not there again.
    expect(ports).toHaveLength(SIZE.ports - 20);
    expect(ports).toEqual(portsDumped(server));
  });
});
