/* The predicate against a plain reading of each packet by itself. */
import { BlockList } from "node:net";
import { inspect } from "node:util";
import fc from "fast-check";
import { beforeAll, describe, expect, test, vi } from "vitest";
import type { PacketBatch } from "../../src/capture/batch.js";
import { FrameBatch, FrameFlag } from "../../src/frame/columns.js";
import { FrameDecoder } from "../../src/frame/decode.js";
import { readLayers } from "../../src/frame/layers.js";
import { FrameStatus } from "../../src/frame/status.js";
import { compileFilters, type Filter } from "../../src/match/filters.js";
import type { Names } from "../../src/match/names.js";
import { parseExpression } from "../../src/match/parser.js";
import { Need } from "../../src/match/term.js";
import type { Inventory, KnownNames } from "../../src/southbound/index.js";
import { readIpv4, readIpv6, readMac } from "../../src/wire/address.js";
import { mutated, noise } from "../frame/arbitrary.js";
import { batchOf, type TestPacket } from "../frame/batch.js";
import { uuid } from "../southbound/ovsdb.js";
import { type PacketName, packetBytes, packetNames, packets } from "../vectors/packets.js";
import { happen, movingNames, NOON, noFurtherNames, port } from "./inventory.js";

/** A filter, with what it takes to judge it without the code under test. */
interface Case {
  readonly filter: Filter;
  readonly holds: (packet: Plain) => boolean;
}

/** A packet's addresses as text, its keys and its time. */
interface Plain {
  readonly vni: number;
  /** Null without OVN's option. */
  readonly keys: { ingress: number; egress: number } | null;
  readonly outer: readonly string[];
  readonly ips: readonly string[];
  readonly macs: readonly string[];
  readonly nanoseconds: bigint;
  /** As of when its names are. */
  readonly ms: number;
}

let inventory: Inventory;
let known: KnownNames;
beforeAll(async () => {
  inventory = movingNames();
  known = await noFurtherNames();
});

/** Of a packet that is whole, the layer reader, which shares no walk with the columns, must find the same addresses. */
function plainOf(
  columns: PacketBatch,
  frames: FrameBatch,
  i: number,
  linkType: number,
  at: number | null,
): Plain {
  const { view, tsSec, tsNsec } = columns;
  const { outerIp, inner, innerEnd, innerNetwork, innerType, geneve, flags, status } = frames;
  const [sec, nsec] = [tsSec[i], tsNsec[i]];
  const isControl = (flags[i] & FrameFlag.oam) !== 0;
  const isOther = (flags[i] & FrameFlag.otherTunnel) !== 0;
  const isEthernet = inner[i] >= 0 && !isControl && (isOther || view.getUint16(geneve[i] + 2) === 0x6558);
  const word = frames.ovnKeys[i];
  const outerType = (flags[i] & FrameFlag.outerIpv6) !== 0 ? 0x86dd : 0x0800;
  const plain: Plain = {
    vni: frames.vni[i],
    keys:
      (flags[i] & FrameFlag.ovn) === 0 ? null : { ingress: (word >>> 16) & 0x7fff, egress: word & 0xffff },
    outer: outerIp[i] < 0 ? [] : addresses(view, outerIp[i], outerType),
    ips: innerNetwork[i] < 0 ? [] : addresses(view, innerNetwork[i], innerType[i]),
    macs:
      isEthernet && inner[i] + 14 <= innerEnd[i]
        ? [readMac(view, inner[i] + 6), readMac(view, inner[i])]
        : [],
    nanoseconds: BigInt(sec) * 1_000_000_000n + BigInt(nsec),
    ms: at ?? (sec < 86400 ? Number.POSITIVE_INFINITY : sec * 1000 + Math.floor(nsec / 1000) / 1000),
  };
  if (status[i] === FrameStatus.ok && !isControl) {
    const start = columns.offset[i];
    const { layers } = readLayers(view, start, start + columns.capturedBytes[i], linkType);
    const find = (depth: number, ...names: string[]) =>
      layers.find((each) => each.depth === depth && names.includes(each.layer)) as
        | Record<string, string>
        | undefined;
    const ends = (layer: Record<string, string> | undefined) =>
      layer === undefined
        ? []
        : [layer.source ?? layer.senderProtocol, layer.destination ?? layer.targetProtocol];
    expect(plain.outer).toEqual(ends(find(0, "ipv4", "ipv6")));
    expect(plain.macs).toEqual(ends(find(1, "ethernet")));
    const arp = find(1, "arp");
    if (arp === undefined || plain.ips.length > 0)
      expect(plain.ips).toEqual(ends(find(1, "ipv4", "ipv6", "arp")));
  }
  return plain;
}

/** Source and destination of an IP header, or sender and target of an ARP message for IPv4. */
function addresses(view: DataView, at: number, type: number): string[] {
  if (type === 0x0800) return [readIpv4(view, at + 12), readIpv4(view, at + 16)];
  if (type === 0x86dd) return [readIpv6(view, at + 8), readIpv6(view, at + 24)];
  if (type !== 0x0806 || view.getUint16(at + 2) !== 0x0800 || view.getUint8(at + 5) !== 4) return [];
  const hardware = view.getUint8(at + 4);
  return [readIpv4(view, at + 8 + hardware), readIpv4(view, at + 12 + 2 * hardware)];
}

const isDated = ({ nanoseconds }: Plain): boolean => nanoseconds >= 86_400_000_000_000n;

/** Whether what the keys of a packet mean, as it is shown, has the name. */
const isPort = ({ vni, keys, ms }: Plain, side: "inport" | "outport", name: string): boolean => {
  if (keys === null) return false;
  const { [side]: found } = inventory.resolve(vni, keys.ingress, keys.egress, ms);
  if (found === null) return false;
  return found.name === name || (found.kind === "port" && known.port(found, ms).friendly?.name === name);
};

/** Whether the packet is not older than the first record. */
const isKnown = ({ ms }: Plain): boolean => ms >= (NOON - 10) * 1000;

/** A network, as node:net judges it. */
function ipCase(address: string, length: number, version: 4 | 6): Case {
  const list = new BlockList();
  list.addSubnet(address, length, version === 4 ? "ipv4" : "ipv6");
  const groups = version === 4 ? 1 : 4;
  const words = Array.from({ length: groups }, (_, word) => {
    if (version === 4) return address.split(".").reduce((bits, part) => bits * 256 + Number(part), 0);
    const [head, tail = ""] = address.split("::");
    const [left, right] = [head, tail].map((side) => (side === "" ? [] : side.split(":")));
    const all = [...left, ...Array(8 - left.length - right.length).fill("0"), ...right];
    return Number.parseInt(all[word * 2], 16) * 65536 + Number.parseInt(all[word * 2 + 1], 16);
  });
  return {
    filter: { kind: "ip", prefix: { words, length }, negated: false },
    holds: ({ ips }) =>
      ips.some(
        (ip) => ip.includes(".") === (version === 4) && list.check(ip, version === 4 ? "ipv4" : "ipv6"),
      ),
  };
}

const CASES: readonly (() => Case)[] = [
  ...[0, 1, 7, 8, 9, 0xffffff].map((vni) => () => ({
    filter: { kind: "vni", key: vni, negated: false } as const,
    holds: (packet: Plain) => packet.vni === vni,
  })),
  ...[1, 8].map((key) => () => ({
    filter: { kind: "datapath", key, negated: false } as const,
    holds: (packet: Plain) => packet.vni === key,
  })),
  ...["blue", "grey", "gold", "net-7", uuid(1, 5), uuid(9, 8), "nobody"].map((name) => () => ({
    filter: { kind: "datapath", name, negated: false } as const,
    holds: ({ vni, ms }: Plain) => {
      const found = vni < 0 ? null : inventory.datapath(vni, ms);
      if (found === null) return false;
      const friendly = known.datapath(found, ms).friendly?.name;
      return [found.name, found.uuid, found.northUuid, friendly].includes(name);
    },
  })),
  ...[1, 2, 3, 32767].flatMap((key) => [
    () => ({
      filter: { kind: "inport", key, negated: false } as const,
      holds: ({ keys }: Plain) => keys?.ingress === key,
    }),
    () => ({
      filter: { kind: "port", key, negated: false } as const,
      holds: ({ keys }: Plain) => keys?.ingress === key || keys?.egress === key,
    }),
  ]),
  ...[1, 32768, 65535].map((key) => () => ({
    filter: { kind: "outport", key, negated: false } as const,
    holds: ({ keys }: Plain) => keys?.egress === key,
  })),
  ...["alice", "bob", "bob-nic", "erin", "net1-router1", "_MC_flood", "everybody", "nobody"].flatMap(
    (name) => [
      () => ({
        filter: { kind: "inport", name, negated: false } as const,
        holds: (packet: Plain) => isPort(packet, "inport", name),
      }),
      () => ({
        filter: { kind: "outport", name, negated: false } as const,
        holds: (packet: Plain) => isPort(packet, "outport", name),
      }),
      () => ({
        filter: { kind: "port", name, negated: false } as const,
        holds: (packet: Plain) => isPort(packet, "inport", name) || isPort(packet, "outport", name),
      }),
    ],
  ),
  ...["worker1", "worker2.example.org", "nobody"].map((name) => () => ({
    filter: { kind: "chassis", name, negated: false } as const,
    holds: ({ outer, ms }: Plain) =>
      outer.some((ip) => {
        const owner = inventory.chassisByAddress(ip, ms);
        return owner !== null && [owner.name, owner.hostname].includes(name);
      }),
  })),
  ...["192.168.50.100", "fd00:50::65"].map((address) => () => ({
    filter: { kind: "chassis", address, negated: false } as const,
    holds: ({ outer }: Plain) => outer.includes(address),
  })),
  ...(
    [
      ["192.168.0.11", 32],
      ["192.168.0.12", 32],
      ["192.168.0.0", 24],
      ["192.168.0.0", 23],
      ["0.0.0.0", 0],
      ["169.254.1.1", 32],
      ["128.0.0.0", 1],
    ] as const
  ).map(
    ([address, length]) =>
      () =>
        ipCase(address, length, 4),
  ),
  ...(
    [
      ["fd00::12", 128],
      ["fd00::", 16],
      ["fe80::4244:0:0:0", 70],
      ["ff02::1:0:0", 96],
      ["::", 0],
    ] as const
  ).map(
    ([address, length]) =>
      () =>
        ipCase(address, length, 6),
  ),
  ...["40:44:00:00:00:01", "ff:ff:ff:ff:ff:ff", "33:33:ff:00:00:12"].map((mac) => () => ({
    filter: { kind: "mac", mac: Number.parseInt(mac.replaceAll(":", ""), 16), negated: false } as const,
    holds: ({ macs }: Plain) => macs.includes(mac),
  })),
  ...(
    [
      [
        "eth.src == 40:44:00:00:00:01 || 40:44:00:00:00:01 == eth.dst",
        ({ macs }) => macs.includes("40:44:00:00:00:01"),
      ],
      ["ip6.src == fd00::/16 || ip6.dst == fd00::/16", (packet) => ipCase("fd00::", 16, 6).holds(packet)],
      [
        'inport == {"alice", "bob-nic"} || (outport == "everybody" && 1)',
        (packet) =>
          ["alice", "bob-nic"].some((name) => isPort(packet, "inport", name)) ||
          isPort(packet, "outport", "everybody"),
      ],
      [
        'inport != "bob"',
        (packet) => isKnown(packet) && (packet.keys?.ingress ?? 0) !== 0 && !isPort(packet, "inport", "bob"),
      ],
      [
        '!(datapath == {"gold", "blue"})',
        (packet) =>
          isKnown(packet) &&
          packet.vni > 0 &&
          !["gold", "blue"].includes(inventory.datapath(packet.vni, packet.ms)?.name ?? ""),
      ],
    ] as readonly [string, Case["holds"]][]
  ).map(([text, holds]) => () => ({
    filter: { kind: "match", expression: parseExpression(text), negated: false } as const,
    holds,
  })),
];

const some: fc.Arbitrary<Case> = fc.oneof(
  fc.constantFrom(...CASES).map((make) => make()),
  fc
    .record({
      kind: fc.constantFrom("since" as const, "until" as const),
      sec: fc.constantFrom(0, NOON - 1, NOON, NOON + 3),
      nsec: fc.constantFrom(0, 500_000_000, 999_999_999),
    })
    .map(({ kind, sec, nsec }) => ({
      filter: { kind, moment: { sec, nsec }, negated: false },
      holds: (packet: Plain) =>
        isDated(packet) &&
        packet.nanoseconds >= BigInt(sec) * 1_000_000_000n + BigInt(nsec) === (kind === "since"),
    })),
);
const cases = fc.array(fc.record({ each: some, negated: fc.boolean() }), { minLength: 1, maxLength: 6 });

/** Times around those when names change, in order or not; some without a date. */
const when = fc.record({
  sec: fc.oneof({ weight: 9, arbitrary: fc.integer({ min: NOON - 12, max: NOON + 8 }) }, fc.nat(3)),
  nsec: fc.oneof(fc.constantFrom(0, 1, 499_999_999, 500_000_000, 999_999_999), fc.nat(999_999_999)),
});
const whole: fc.Arbitrary<TestPacket> = fc
  .constantFrom(...packetNames)
  .map((name) => ({ bytes: packetBytes(name), linkType: packets[name].linkType }));
const batch = fc.array(
  fc
    .tuple(
      fc.oneof(
        { weight: 5, arbitrary: whole },
        { weight: 4, arbitrary: mutated },
        { weight: 1, arbitrary: noise },
      ),
      when,
    )
    .map(([packet, time]) => ({ ...packet, ...time })),
  { minLength: 1, maxLength: 40, size: "max" },
);

/** Whether the packet matches the filters: of a kind any that is not negated, and none that is. */
function matches(packet: Plain, given: readonly { each: Case; negated: boolean }[]): boolean {
  return [...new Set(given.map(({ each }) => each.filter.kind))].every((kind) => {
    const ofKind = given.filter(({ each }) => each.filter.kind === kind);
    const wanted = ofKind.filter(({ negated }) => !negated);
    const unwanted = ofKind.filter(({ negated }) => negated);
    return (
      (wanted.length === 0 || wanted.some(({ each }) => each.holds(packet))) &&
      !unwanted.some(({ each }) => each.holds(packet))
    );
  });
}

describe("a predicate", () => {
  test.each([
    ["as of each packet's time", null],
    ["as of one time", (NOON + 3) * 1000],
    ["as of the latest", Number.POSITIVE_INFINITY],
  ])("says of packets what a plain reading says of each, %s", (_, at) => {
    const names = (): Names => ({ inventory, known, at });
    let matched = 0;
    let left = 0;
    fc.assert(
      fc.property(cases, fc.array(batch, { minLength: 1, maxLength: 3 }), (given, batches) => {
        // Of since and until the command line allows one.
        const filters = given.filter(
          ({ each: { filter } }, index) =>
            !["since", "until"].includes(filter.kind) ||
            given.findIndex(({ each }) => each.filter.kind === filter.kind) === index,
        );
        const predicate = compileFilters(
          filters.map(({ each, negated }) => ({ ...each.filter, negated })),
          names(),
        );
        for (const each of batches) {
          const { packets: columns, interfaces } = batchOf(each);
          const frames = new FrameBatch(columns.capacity);
          new FrameDecoder().decode(columns, interfaces, frames);
          const rows = new Int32Array(columns.capacity);
          const count = predicate.select(columns, frames, each.length, rows);
          const expected = each.flatMap((packet, i) =>
            matches(plainOf(columns, frames, i, packet.linkType ?? 1, at), filters) ? [i] : [],
          );
          expect([...rows.subarray(0, count)]).toEqual(expected);
          matched += count;
          left += each.length - count;
        }
      }),
      { numRuns: 800 },
    );
    // Both must have been put to the test.
    expect(matched).toBeGreaterThan(5000);
    expect(left).toBeGreaterThan(5000);
  });

  test("says of every vector what a plain reading says, for every filter", () => {
    const given = packetNames.map((name) => ({
      bytes: packetBytes(name),
      linkType: packets[name].linkType,
      sec: NOON,
    }));
    const { packets: columns, interfaces } = batchOf(given);
    const frames = new FrameBatch(columns.capacity);
    new FrameDecoder().decode(columns, interfaces, frames);
    const plain = given.map(({ linkType }, i) => plainOf(columns, frames, i, linkType, null));
    const rows = new Int32Array(given.length);
    for (const { filter, holds } of CASES.map((make) => make()))
      for (const negated of [false, true]) {
        const predicate = compileFilters([{ ...filter, negated }], { inventory, known, at: null });
        const count = predicate.select(columns, frames, given.length, rows);
        const expected = packetNames.filter((_, i) => holds(plain[i]) !== negated);
        const names = [...rows.subarray(0, count)].map((i) => packetNames[i]);
        expect(names, inspect({ ...filter, negated })).toEqual(expected);
      }
  });

  test("reads only the columns that it needs", () => {
    const given = [{ bytes: packetBytes("routedRequest"), sec: NOON }];
    const { packets: columns, interfaces } = batchOf(given);
    const rows = new Int32Array(1);
    for (const { filter } of CASES.map((make) => make())) {
      const frames = new FrameBatch(1);
      new FrameDecoder().decode(columns, interfaces, frames);
      const predicate = compileFilters([filter], { inventory, known, at: null });
      const expected = predicate.select(columns, frames, 1, rows);
      const { needs } = predicate;
      for (const column of [
        ...((needs & Need.keys) === 0 ? [frames.vni, frames.ovnKeys] : []),
        ...((needs & Need.outer) === 0 ? [frames.outerIp] : []),
        ...((needs & Need.inner) === 0
          ? [
              ...[frames.geneve, frames.inner, frames.innerEnd, frames.innerType, frames.innerNetwork],
              ...[frames.innerProtocol, frames.innerTransport],
            ]
          : []),
        ...((needs & Need.time) === 0 ? [columns.tsSec, columns.tsNsec] : []),
        frames.status,
        frames.udp,
      ])
        column[0] = 77;
      expect(predicate.select(columns, frames, 1, rows), inspect(filter)).toBe(expected);
      columns.tsSec[0] = NOON;
      columns.tsNsec[0] = 0;
    }
  });

  test("counts what it leaves out because names are not known, unless that is not wanted", () => {
    const rows = new Int32Array(5);
    const decoded = (name: PacketName) => {
      const given = Array.from({ length: 5 }, (_, i) => ({ bytes: packetBytes(name), sec: NOON - 12 + i }));
      const { packets: columns, interfaces } = batchOf(given);
      const frames = new FrameBatch(columns.capacity);
      new FrameDecoder().decode(columns, interfaces, frames);
      return { columns, frames };
    };
    const asked = (filter: Filter, at: number | null = null, name: PacketName = "echoRequest") => {
      const { columns, frames } = decoded(name);
      const predicate = compileFilters([filter], { inventory, known, at });
      return [predicate.select(columns, frames, 5, rows), predicate.unknown];
    };
    // The first record is of 10 s before NOON: two packets are older.
    expect(asked({ kind: "port", name: "alice", negated: false })).toEqual([3, 2]);
    expect(asked({ kind: "port", name: "alice", negated: true })).toEqual([2, 0]);
    expect(asked({ kind: "datapath", name: "red", negated: false })).toEqual([0, 2]);
    expect(asked({ kind: "chassis", name: "worker2", negated: false })).toEqual([3, 2]);
    expect(asked({ kind: "port", key: 1, negated: false })).toEqual([5, 0]);
    // An expression is true, or not, of some packets that have no names: those count as known.
    const matching = (text: string, negated = false) =>
      asked({ kind: "match", expression: parseExpression(text), negated });
    expect(matching('inport == "alice"')).toEqual([3, 2]);
    expect(matching('inport != "alice"')).toEqual([0, 2]);
    expect(matching('!(inport == "alice")')).toEqual([0, 2]);
    expect(matching('inport == "alice"', true)).toEqual([2, 0]);
    expect(matching('inport == "carol" || outport == "alice" || datapath == "red"')).toEqual([0, 2]);
    expect(matching('inport == "alice" && outport == "carol" && datapath == "blue"')).toEqual([3, 2]);
    expect(matching('inport == "alice" || icmp')).toEqual([5, 0]);
    expect(matching('inport == "alice" && tcp')).toEqual([0, 0]);
    expect(matching('(tcp || inport == "alice") && (icmp || outport == "bob")')).toEqual([3, 2]);
    // Without OVN's option there is nothing to be named.
    expect(asked({ kind: "port", name: "alice", negated: false }, null, "bfd")).toEqual([0, 0]);
    expect(asked({ kind: "port", name: "alice", negated: false }, (NOON - 5) * 1000)).toEqual([5, 0]);
    // Each is counted once, although several filters are by name.
    const { columns, frames } = decoded("echoRequest");
    const both = compileFilters(
      [
        { kind: "port", name: "alice", negated: false },
        { kind: "chassis", name: "worker2", negated: false },
      ],
      { inventory, known, at: null },
    );
    expect([both.select(columns, frames, 5, rows), both.unknown]).toEqual([3, 2]);
  });

  test("asks for the names of a key once, not once a packet", () => {
    const given = Array.from({ length: 40 }, (_, i) => ({
      bytes: packetBytes("echoRequest"),
      sec: NOON - 5 + (i >> 3),
    }));
    const { packets: columns, interfaces } = batchOf(given);
    const frames = new FrameBatch(columns.capacity);
    new FrameDecoder().decode(columns, interfaces, frames);
    const resolve = vi.spyOn(inventory, "resolve");
    for (const at of [null, (NOON - 100) * 1000, (NOON - 3) * 1000, Number.POSITIVE_INFINITY]) {
      const predicate = compileFilters([{ kind: "port", name: "alice", negated: false }], {
        inventory,
        known,
        at,
      });
      resolve.mockClear();
      for (let round = 0; round < 5; round++) predicate.select(columns, frames, 40, new Int32Array(40));
      // Its keys are two.
      expect(resolve.mock.calls.length, `${at}`).toBe(2);
    }
    resolve.mockRestore();
  });

  test("knows at once what a server that is followed has learned", () => {
    const growing = movingNames();
    const { packets: columns, interfaces } = batchOf([{ bytes: packetBytes("echoRequest"), sec: NOON + 20 }]);
    const frames = new FrameBatch(1);
    new FrameDecoder().decode(columns, interfaces, frames);
    const rows = new Int32Array(1);
    const named = (name: string, at: number | null) => {
      const predicate = compileFilters([{ kind: "inport", name, negated: false }], {
        inventory: growing,
        known,
        at,
      });
      return () => predicate.select(columns, frames, 1, rows);
    };
    const [bob, frank, latest] = [named("bob", null), named("frank", null), named("frank", Infinity)];
    expect([bob(), frank(), latest()]).toEqual([1, 0, 0]);
    happen(growing, 15, [port(8, 1, 1, "frank")]);
    expect([bob(), frank(), latest()]).toEqual([0, 1, 1]);
    // The packet is older than this.
    happen(growing, 30, [port(8, 1, 1, "grace")]);
    expect([bob(), frank(), latest()]).toEqual([0, 1, 0]);
  });
});
