/* Inner frames without their tunnels: read as what the tunnel said, or as anything that includes it. */
import { describe, expect, test } from "vitest";
import { Correlator } from "../../src/analysis/correlator.js";
import { Namer } from "../../src/analysis/namer.js";
import { type Inventory, openSouthbound } from "../../src/southbound/index.js";
import type { RowDelta } from "../../src/southbound/ovsdb/transaction.js";
import { captures } from "../conformance/captures.js";
import { happen, NOON, network, port } from "../match/inventory.js";
import { delta, emptyInventory } from "../southbound/by-hand.js";
import { pairs, uuid } from "../southbound/ovsdb.js";
import { bareBatch, innerFrames } from "./inner-only.js";

/** Frames whose MACs leave more than one way to read them, by capture; of all others there is one. */
const AMBIGUOUS = new Map([
  ["ha-gateway/hv1.pcap", 9],
  ["ha-gateway/hv2.pcap", 9],
]);

describe.each(captures)("$title", ({ title, path, sb }) => {
  test("every frame is read as its tunnel said, and as nothing else unless that is possible, too", async () => {
    const inventory = await openSouthbound(sb);
    const correlator = new Correlator(inventory, null, new Namer(inventory, null));
    const inner = await innerFrames(path);
    expect(inner.length).toBeGreaterThan(0);
    const { packets, frames } = bareBatch(inner);
    let ambiguous = 0;
    inner.forEach(({ vni, ingress, egress, sec, nsec }, i) => {
      const time = sec * 1000 + nsec / 1e6;
      const inport = inventory.port(vni, ingress, time)?.name;
      const outport = inventory.port(vni, egress, time)?.name;
      const { readings, count, byMacs } = correlator.find(packets, frames, i);
      expect(readings.length).toBe(count);
      expect(count).toBeLessThanOrEqual(byMacs);
      if (count > 1) ambiguous++;
      const right = readings.filter(
        (each) =>
          each.datapath.tunnelKey === vni &&
          (ingress === 0 || [null, inport].includes(each.inport?.name ?? null)) &&
          (egress === 0 || [null, outport].includes(each.outport?.name ?? null)) &&
          (each.inport !== null || each.outport !== null),
      );
      expect(right.length, `${title} ${i}: ${vni} ${inport} > ${outport}`).toBe(1);
    });
    expect(ambiguous).toBe(AMBIGUOUS.get(title) ?? 0);
  });
});

test("a capture's routed pings: both VMs behind the router's MACs", async () => {
  const { path, sb } = captures.find(({ title }) => title === "routed-ping/hv2.pcap") as {
    path: string;
    sb: string;
  };
  const inventory = await openSouthbound(sb);
  const correlator = new Correlator(inventory, null, new Namer(inventory, null));
  const inner = await innerFrames(path);
  const { packets, frames } = bareBatch(inner);
  const seen = inner.map((_, i) => {
    const [reading] = correlator.find(packets, frames, i).readings;
    const { source, destination } = correlator.ends(packets, frames, i, reading);
    return `${reading.inport?.name}/${source?.port?.name}/${source?.by} > ${destination?.port?.name}/${destination?.by}`;
  });
  expect(new Set(seen)).toEqual(
    new Set(["net2-router1/vm1/address > vm2/key", "net1-router1/vm2/address > vm1/key"]),
  );
});

/** An Ethernet frame: IPv4 between the addresses given, or of an unknown type without. */
function frame(source: string, destination: string, ips?: [string, string], seconds = 1) {
  const mac = (text: string) => text.split(":").map((each) => Number.parseInt(each, 16));
  const ip = (text: string) => text.split(".").map(Number);
  const packet = ips && [
    0x45,
    0,
    0,
    28,
    0,
    0,
    0,
    0,
    64,
    1,
    0,
    0,
    ...ip(ips[0]),
    ...ip(ips[1]),
    8,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
  ];
  const bytes = [
    ...mac(destination),
    ...mac(source),
    ...(packet ? [0x08, 0, ...packet] : [0x88, 0xb5, 1, 2]),
  ];
  return { bytes: Uint8Array.from(bytes), sec: NOON + seconds, nsec: 0 };
}

/** The readings of frames in words, and how many there are by MACs alone. */
function read(inventory: Inventory, ...given: ReturnType<typeof frame>[]): string[] {
  const correlator = new Correlator(inventory, null, new Namer(inventory, null));
  return words(correlator, ...given);
}

function words(correlator: Correlator, ...given: ReturnType<typeof frame>[]): string[] {
  const { packets, frames } = bareBatch(given);
  return given.map((_, i) => {
    const { readings, count, byMacs } = correlator.find(packets, frames, i);
    const list = readings.map(
      ({ datapath, inport, outport }) => `${datapath.name}:${inport?.name ?? "?"}>${outport?.name ?? "?"}`,
    );
    return `${list.join(" or ")} (${count}/${byMacs})`;
  });
}

const A = "0a:00:00:00:00:01";
const B = "0a:00:00:00:00:02";
const ROUTER = "0a:00:00:00:00:fe";
const STRANGER = "0a:00:00:00:00:99";
const ALL = "ff:ff:ff:ff:ff:ff";
const vm = (number: number, of: number, name: string, ...mac: string[]): RowDelta =>
  port(number, of, number, name, { mac: ["set", mac] });

/** Tenants red and blue, each with the same two MACs. */
function twins(red: [string, string], blue: [string, string]): Inventory {
  const inventory = emptyInventory();
  happen(inventory, 0, [
    network(1, "red"),
    network(2, "blue"),
    vm(11, 1, "red-a", red[0]),
    vm(12, 1, "red-b", red[1]),
    vm(21, 2, "blue-a", blue[0]),
    vm(22, 2, "blue-b", blue[1]),
  ]);
  return inventory;
}

describe("the same MACs in two networks", () => {
  const both = "red:red-a>red-b or blue:blue-a>blue-b";

  test("IP addresses tell which, and only they", () => {
    const inventory = twins([`${A} 10.0.0.1`, `${B} 10.0.0.2`], [`${A} 10.9.0.1`, `${B} 10.9.0.2`]);
    expect(
      read(
        inventory,
        frame(A, B, ["10.0.0.1", "10.0.0.2"]),
        frame(A, B, ["10.9.0.1", "10.9.0.2"]),
        frame(A, B),
        frame(A, B, ["10.7.0.1", "10.7.0.2"]),
        // One address of each: neither is left.
        frame(A, B, ["10.0.0.1", "10.9.0.2"]),
      ),
    ).toEqual([
      "red:red-a>red-b (1/2)",
      "blue:blue-a>blue-b (1/2)",
      `${both} (2/2)`,
      `${both} (2/2)`,
      `${both} (2/2)`,
    ]);
  });

  test("the same IP addresses, or none known: both are kept", () => {
    const ips: [string, string] = ["10.0.0.1", "10.0.0.2"];
    const alike = twins([`${A} 10.0.0.1`, `${B} 10.0.0.2`], [`${A} 10.0.0.1`, `${B} 10.0.0.2`]);
    expect(read(alike, frame(A, B, ips))).toEqual([`${both} (2/2)`]);
    const unknown = twins([`${A} 10.0.0.1`, `${B} 10.0.0.2`], [A, B]);
    expect(read(unknown, frame(A, B, ips))).toEqual([`${both} (2/2)`]);
  });

  test("of more owners of an address than are told, each may have sent it", () => {
    const ip: [string, string] = ["10.0.0.1", "10.0.0.2"];
    const inventory = twins([`${A} ${ip[0]}`, `${B} ${ip[1]}`], [`${A} ${ip[0]}`, `${B} ${ip[1]}`]);
    const others = Array.from({ length: 20 }, (_, n) =>
      vm(100 + n, 1, `other${n}`, `0a:00:00:00:01:${n + 10} ${ip[0]}`),
    );
    happen(inventory, 0, others);
    expect(read(inventory, frame(A, B, ip))).toEqual([`${both} (2/2)`]);
  });

  test("a frame to a group is any sender's; a stranger's is his who hears it", () => {
    const inventory = twins([A, B], [A, "0a:00:00:00:00:03"]);
    expect(
      read(
        inventory,
        frame(A, ALL),
        frame(A, B),
        frame(STRANGER, B),
        frame(A, STRANGER),
        frame(STRANGER, ALL),
      ),
    ).toEqual([
      "red:red-a>? or blue:blue-a>? (2/2)",
      "red:red-a>red-b (1/1)",
      "red:?>red-b (1/1)",
      "red:red-a>? or blue:blue-a>? (2/2)",
      " (0/0)",
    ]);
  });

  test("no network with both: each that has one", () => {
    const inventory = emptyInventory();
    happen(inventory, 0, [network(1, "red"), network(2, "blue"), vm(11, 1, "a", A), vm(21, 2, "b", B)]);
    expect(read(inventory, frame(A, B))).toEqual(["red:a>? or blue:?>b (2/2)"]);
  });
});

test("one MAC at two ports of a network: either", () => {
  const inventory = emptyInventory();
  happen(inventory, 0, [
    network(1, "red"),
    vm(1, 1, "a", A),
    vm(2, 1, "a2", A),
    vm(3, 1, "b", `${B} 10.0.0.2`),
  ]);
  expect(read(inventory, frame(A, B), frame(B, A))).toEqual([
    "red:a>b or red:a2>b (2/2)",
    "red:b>a or red:b>a2 (2/2)",
  ]);
});

test("a router with one MAC in many networks: the network is the other end's", () => {
  const inventory = emptyInventory();
  const rows: RowDelta[] = [routers(100)];
  for (let number = 1; number <= 40; number++) {
    rows.push(
      network(number, `net${number}`),
      vm(200 + number, number, `vm${number}`, `0a:00:00:00:01:${number + 10}`),
    );
    rows.push(...patch(number, 100));
  }
  happen(inventory, 0, rows);
  expect(read(inventory, frame(ROUTER, "0a:00:00:00:01:17"), frame("0a:00:00:00:01:22", ROUTER))).toEqual([
    "net7:s7>vm7 (1/1)",
    "net12:vm12>s12 (1/1)",
  ]);
  const [all] = read(inventory, frame(ROUTER, ALL));
  expect(all).toMatch(/^net1:s1>\? or net2:s2>\? or .* or net16:s16>\? \(40\/40\)$/);
});

/** A router with the key `number`, and a patch that leads from a network to it. */
const routers = (number: number): RowDelta =>
  delta("Datapath_Binding", uuid(1, number), {
    tunnel_key: number,
    external_ids: pairs({ name: "router", "logical-router": uuid(8, number) }),
  });
const patch = (of: number, router: number): RowDelta[] => [
  port(300 + of, of, 300 + of, `s${of}`, {
    type: "patch",
    mac: "router",
    options: pairs({ peer: `r${of}` }),
  }),
  port(400 + of, router, 400 + of, `r${of}`, {
    type: "patch",
    mac: `${ROUTER} 10.0.${of}.1/24`,
    options: pairs({ peer: `s${of}` }),
  }),
];

test("as of the packet's time, also while the database changes", () => {
  const inventory = emptyInventory();
  const correlator = new Correlator(inventory, null, new Namer(inventory, null));
  const at = (seconds: number) => frame(A, B, undefined, seconds);
  expect(words(correlator, at(1))).toEqual([" (0/0)"]);
  happen(inventory, 0, [network(1, "red"), vm(1, 1, "a", A), vm(2, 1, "b", B)]);
  expect(words(correlator, at(1), at(5))).toEqual(["red:a>b (1/1)", "red:a>b (1/1)"]);
  happen(inventory, 3, [delta("Port_Binding", uuid(2, 1), null), vm(3, 1, "successor", A)]);
  expect(words(correlator, at(1), at(5), at(2))).toEqual([
    "red:a>b (1/1)",
    "red:successor>b (1/1)",
    "red:a>b (1/1)",
  ]);
  happen(inventory, 4, [network(2, "blue"), vm(4, 2, "c", A), vm(5, 2, "d", B)]);
  expect(words(correlator, at(3.5), at(5))).toEqual([
    "red:successor>b (1/1)",
    "red:successor>b or blue:c>d (2/2)",
  ]);
});

test("addresses that only the northbound tells count, too", () => {
  const inventory = emptyInventory();
  happen(inventory, 0, [network(1, "red"), vm(1, 1, "a", "dynamic"), vm(2, 1, "b", B)]);
  expect(read(inventory, frame(A, B))).toEqual(["red:?>b (1/1)"]);
  inventory.learnAddresses({ generation: 1, ownersOf: (address) => (address === A ? ["a"] : []) });
  expect(read(inventory, frame(A, B))).toEqual(["red:a>b (1/1)"]);
});

describe("a device of a known port", () => {
  const at = (inventory: Inventory, name: string, ...given: ReturnType<typeof frame>[]) =>
    words(new Correlator(inventory, null, new Namer(inventory, null), name), ...given);

  test("is in the port's network, whoever else has the MACs", () => {
    const inventory = twins([A, B], [A, B]);
    for (const [name, reading] of [
      ["red-a", "red:red-a>red-b (1/1)"],
      ["red-b", "red:red-a>red-b (1/1)"],
      ["blue-a", "blue:blue-a>blue-b (1/1)"],
    ])
      expect(at(inventory, name, frame(A, B))).toEqual([reading]);
    expect(at(inventory, "blue-b", frame(A, ALL), frame(STRANGER, B), frame(STRANGER, ALL))).toEqual([
      "blue:blue-a>? (1/1)",
      "blue:?>blue-b (1/1)",
      "blue:?>? (1/1)",
    ]);
    expect(at(inventory, "nobody", frame(A, B))).toEqual(["red:red-a>red-b or blue:blue-a>blue-b (2/2)"]);
  });

  test("of two ports with one MAC it is the device's own", () => {
    const inventory = emptyInventory();
    happen(inventory, 0, [network(1, "red"), vm(1, 1, "a", A), vm(2, 1, "a2", A), vm(3, 1, "b", B)]);
    expect(at(inventory, "a2", frame(A, B), frame(B, A))).toEqual(["red:a2>b (1/1)", "red:b>a2 (1/1)"]);
    expect(at(inventory, "b", frame(A, B))).toEqual(["red:a>b or red:a2>b (2/2)"]);
  });

  test("for as long as the port is that one", () => {
    const inventory = twins([A, B], [A, B]);
    happen(inventory, 3, [vm(11, 2, "red-a", A), delta("Port_Binding", uuid(2, 21), null)]);
    happen(inventory, 6, [delta("Port_Binding", uuid(2, 11), null)]);
    const seconds = [1, 4, 7].map((second) => frame(A, B, undefined, second));
    expect(at(inventory, "red-a", ...seconds)).toEqual([
      "red:red-a>red-b (1/1)",
      "blue:red-a>blue-b (1/1)",
      "red:?>red-b or blue:?>blue-b (2/2)",
    ]);
  });
});

test("one answer for as long as it holds; a cut frame has none", () => {
  const inventory = twins([`${A} 10.0.0.1`, B], [`${A} 10.9.0.1`, B]);
  const correlator = new Correlator(inventory, null, new Namer(inventory, null));
  const whole = frame(A, B, ["10.0.0.1", "10.0.0.2"]);
  const { packets, frames } = bareBatch([whole, whole, { ...whole, bytes: whole.bytes.slice(0, 13) }]);
  const first = correlator.find(packets, frames, 0);
  expect(first.count).toBe(1);
  expect(correlator.find(packets, frames, 1)).toBe(first);
  expect(correlator.find(packets, frames, 2)).toMatchObject({ readings: [], count: 0 });
});

test("ten thousand networks that all have both MACs, and frames with any address between them", () => {
  const inventory = emptyInventory();
  const rows: RowDelta[] = [];
  for (let number = 1; number <= 10_000; number++)
    rows.push(
      network(number, `n${number}`),
      port(number, number, 1, `a${number}`, { mac: A }),
      port(number + 10_000, number, 2, `b${number}`, { mac: `${B} 10.0.0.2` }),
    );
  happen(inventory, 0, rows);
  const correlator = new Correlator(inventory, null, new Namer(inventory, null));
  const given = Array.from({ length: 2000 }, (_, n) =>
    frame(A, B, [`10.1.${n >> 8}.${n & 255}`, "10.0.0.2"]),
  );
  const { packets, frames } = bareBatch(given);
  const start = performance.now();
  for (let i = 0; i < packets.count; i++)
    expect(correlator.find(packets, frames, i)).toMatchObject({ count: 10_000, byMacs: 10_000 });
  expect(performance.now() - start).toBeLessThan(5000);
});
