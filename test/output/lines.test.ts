/* The lines of `decode`, written straight into bytes, against the same put together as strings and objects. */
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Namer } from "../../src/analysis/namer.js";
import type { CaptureSource, PacketBatch } from "../../src/capture/batch.js";
import { openCapture } from "../../src/capture/index.js";
import type { FrameBatch } from "../../src/frame/columns.js";
import { FrameDecoder } from "../../src/frame/decode.js";
import { JsonPrinter } from "../../src/output/decode-json.js";
import { type TextOptions, TextPrinter } from "../../src/output/decode-text.js";
import { JsonNames } from "../../src/output/json-names.js";
import { type NameSources, NO_SOURCES } from "../../src/output/names.js";
import { PacketObjects } from "../../src/output/packet-objects.js";
import { colourStyle, plainStyle } from "../../src/output/table.js";
import { openKnownNames, openSouthbound } from "../../src/southbound/index.js";
import { captures } from "../conformance/captures.js";
import { mutated, noise } from "../frame/arbitrary.js";
import { batchOf, type TestPacket } from "../frame/batch.js";
import { delta, emptyInventory } from "../southbound/by-hand.js";
import { Changes } from "../southbound/changes.js";
import { uuid } from "../southbound/ovsdb.js";
import { packetBytes, packetNames } from "../vectors/packets.js";
import { usualFrames } from "../vectors/shapes.js";
import { PlainText } from "./plain/text.js";
import { decoded, printed, rowsTo } from "./printed.js";

const PLAIN: TextOptions = {
  utc: true,
  verbose: false,
  hex: false,
  names: "logical",
  style: plainStyle,
};

type Source = Pick<CaptureSource, "name" | "interfaces">;
const decoder = new FrameDecoder();

/** Text and JSON of a batch, as printed and as put together packet by packet; and how many are before history. */
class Both {
  readonly #text: TextPrinter;
  readonly #json: JsonPrinter;
  readonly #plain: PlainText;
  readonly #objects: PacketObjects;
  readonly #namer: Namer | null;
  #before = 0;

  constructor(namer: Namer | null, options: Partial<TextOptions> = {}, sources: NameSources = NO_SOURCES) {
    const all = { ...PLAIN, ...options };
    this.#namer = namer;
    this.#text = new TextPrinter(namer, decoder, all);
    this.#json = new JsonPrinter(namer, decoder, sources);
    this.#plain = new PlainText(namer, all);
    this.#objects = new PacketObjects(new JsonNames(namer, sources), decoder);
  }

  startFile(source: Source): void {
    for (const each of [this.#text, this.#json, this.#objects]) each.startFile(source);
  }

  compare(source: Source, packets: PacketBatch, rows = rowsTo(packets.count)): void {
    const frames = decoded(packets, source.interfaces);
    const lines = [...rows].map((i) => this.#plain.line(packets, frames, i));
    const objects = [...rows].map((i) => `${this.#objects.text(packets, frames, i)}\n`);
    // Text has to do with the columns of the keys.
    const text = printed(this.#text, packets, decoded(packets, source.interfaces, true), rows);
    expect(text.split("\n")).toEqual(lines.join("").split("\n"));
    expect(printed(this.#json, packets, frames, rows).split("\n")).toEqual(objects.join("").split("\n"));
    for (const i of rows) if (this.#isBefore(packets, frames, i)) this.#before++;
    expect([this.#text.beforeHistory, this.#json.beforeHistory]).toEqual([this.#before, this.#before]);
  }

  #isBefore(packets: PacketBatch, frames: FrameBatch, i: number): boolean {
    return (frames.flags[i] & 1) !== 0 && this.#namer?.keys(packets, frames, i).beforeHistory === true;
  }
}

/** Compares all packets, in one batch. */
function compare(both: Both, given: readonly TestPacket[], name = "given"): void {
  const { packets, interfaces } = batchOf(given);
  const source = { name, interfaces };
  both.startFile(source);
  both.compare(source, packets);
}

/** Times around the changes that `Changes` and the tests make, in seconds since 1970. */
const FIRST = 1_700_000_000;

describe("every packet of every capture", () => {
  const local = process.env.TZ;
  beforeEach(() => {
    process.env.TZ = "America/St_Johns";
  });
  afterEach(() => {
    if (local === undefined) delete process.env.TZ;
    else process.env.TZ = local;
  });

  /** The packets in the batches they come in. */
  async function compareFile(both: Both, path: string): Promise<void> {
    const source = await openCapture(path, { batchCapacity: 100 });
    both.startFile(source);
    for (let batch = await source.next(); batch !== null; batch = await source.next())
      both.compare(source, batch);
    await source.close();
  }

  test.each(captures)("$title", async ({ path, sb }) => {
    expect(new Date(0).getTimezoneOffset()).toBe(210);
    await compareFile(new Both(null), path);
    const inventory = await openSouthbound(sb);
    const known = await openKnownNames({});
    await compareFile(new Both(new Namer(inventory, null, known)), path);
    const latest = new Namer(inventory, Number.POSITIVE_INFINITY, known);
    await compareFile(new Both(latest, { utc: false, names: "both" }), path);
    const friendly = new Namer(inventory, null, known);
    await compareFile(new Both(friendly, { utc: false, names: "friendly", style: colourStyle }), path);
  });

  test("with the devices of the hosts", async () => {
    const folder = new URL("../../captures/routed-ping/", import.meta.url).pathname;
    const inventory = await openSouthbound(`${folder}sb.db`);
    const known = await openKnownNames({ vswitches: [`${folder}hv1.conf.db`, `${folder}hv2.conf.db`] });
    const sources = { north: true, vswitches: true };
    for (const file of ["hv1.pcap", "hv2.pcap", "hv1.nano.pcap"])
      await compareFile(new Both(new Namer(inventory, null, known), {}, sources), `${folder}${file}`);
  });

  test("whose names are of another database", async () => {
    const folder = new URL("../../captures/", import.meta.url).pathname;
    const inventory = await openSouthbound(`${folder}routed-ping/sb.db`);
    for (const { path } of captures) {
      await compareFile(new Both(new Namer(inventory, null)), path);
      await compareFile(new Both(new Namer(inventory, Number.POSITIVE_INFINITY)), path);
    }
  });
});

/** A usual frame with a few bytes changed. */
const nearlyUsual: fc.Arbitrary<TestPacket> = fc
  .tuple(
    fc.constantFrom(...Object.values(usualFrames)),
    fc.array(fc.tuple(fc.nat(150), fc.nat(255)), { maxLength: 2 }),
  )
  .map(([frame, changes]) => {
    const bytes = frame.slice();
    for (const [offset, value] of changes) if (offset < bytes.length) bytes[offset] = value;
    return { bytes };
  });

/** Packets of all kinds, at any time. */
const anything: fc.Arbitrary<TestPacket> = fc
  .tuple(
    fc.oneof(mutated, nearlyUsual, noise),
    fc.oneof(fc.constantFrom(0, FIRST, 0xffffffff, 1e12), fc.integer({ min: FIRST, max: FIRST + 60 })),
    fc.oneof(
      fc.nat(999_999).map((micros) => micros * 1000),
      fc.nat(999_999_999),
    ),
  )
  .map(([packet, sec, nsec]) => ({ ...packet, sec, nsec }));

describe("any packets", () => {
  test("without names", () => {
    fc.assert(
      fc.property(fc.array(anything, { minLength: 1, maxLength: 20 }), (given) =>
        compare(new Both(null), given),
      ),
      { numRuns: 1500 },
    );
  });

  test("of one shape with any byte of its headers changed to anything", () => {
    const both = new Both(null);
    for (const [name, frame] of Object.entries(usualFrames))
      for (let offset = 12; offset < Math.min(frame.length, 130); offset++) {
        const given = [0, 1, 2, 4, 6, 8, 17, 58, 64, 69, 127, 128, 132, 134, 221, 255].map((value) => {
          const bytes = frame.slice();
          bytes[offset] = value;
          return { bytes, sec: FIRST, nsec: 0 };
        });
        compare(both, given, `${name}, byte ${offset}`);
      }
  });

  test("while the names change, and go on changing", () => {
    fc.assert(
      fc.property(
        fc.nat(1000),
        fc.array(fc.tuple(fc.nat(3), fc.array(keyed(), { minLength: 1, maxLength: 12 })), { maxLength: 12 }),
        (seed, steps) => {
          const inventory = emptyInventory();
          const changes = new Changes(seed);
          const both = new Both(new Namer(inventory, null));
          const latest = new Both(new Namer(inventory, Number.POSITIVE_INFINITY));
          let date = FIRST * 1000;
          // A source that is open has had its first picture.
          inventory.apply(changes.next(date));
          for (const [more, given] of steps) {
            for (let count = 0; count < more; count++) {
              date += 7000;
              inventory.apply(changes.next(date));
            }
            compare(both, given);
            compare(latest, given);
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  /** A frame between the few hosts, networks, ports and addresses of `Changes`. */
  function keyed(): fc.Arbitrary<TestPacket> {
    return fc
      .record({
        frame: fc.constantFrom(...Object.values(usualFrames), packetBytes("arpFlood")),
        host: fc.nat(3),
        vni: fc.nat(4),
        ingress: fc.nat(5),
        egress: fc.constantFrom(0, 1, 2, 3, 4, 40000, 32768),
        source: fc.nat(4),
        reserved: fc.nat({ max: 8 }),
        other: fc.nat({ max: 8 }),
        second: fc.integer({ min: -3, max: 120 }),
      })
      .map(({ frame, host, vni, ingress, egress, source, reserved, other, second }) => {
        const bytes = frame.slice();
        const view = new DataView(bytes.buffer);
        const tag = view.getUint16(12) === 0x8100 ? 4 : 0;
        const isIpv6 = view.getUint16(12 + tag) === 0x86dd;
        if (!isIpv6) bytes.set([192, 168, 0, host, 192, 168, 0, (host + 1) % 3], 26 + tag);
        const geneve = 42 + tag + (isIpv6 ? 20 : 0);
        view.setUint32(geneve + 4, vni << 8);
        view.setUint16(geneve + 12, ingress | (reserved === 0 ? 0x8000 : 0));
        view.setUint16(geneve + 14, egress);
        // Between the same hosts, but not Geneve.
        if (other === 0) view.setUint16(geneve - 6, 53);
        // The MAC that ports have, and one of their IPv4 addresses.
        bytes.set([0x0a, 0, 0, 0, 0, 1], geneve + 16 + (source === 4 ? 0 : 6));
        if (view.getUint16(geneve + 28) === 0x0800) bytes.set([10, 0, 0, source], geneve + 30 + 12);
        return { bytes, sec: FIRST + second, nsec: 0 };
      });
  }
});

test("whose the ends of routed packets are, when the router's other port comes, moves and goes", () => {
  const inventory = emptyInventory();
  const bound = (key: number, name: string, network: number, more: object) =>
    delta("Port_Binding", uuid(2, key), {
      logical_port: name,
      datapath: ["uuid", uuid(1, network)],
      tunnel_key: key,
      ...more,
    });
  const leading = { type: "patch", options: ["map", [["peer", "from-router"]]] };
  const apply = (second: number, ...rows: ReturnType<typeof delta>[]) =>
    inventory.apply({
      offset: null,
      date: (FIRST + second) * 1000,
      comment: null,
      isDifference: false,
      rows,
    });
  const networks = [1, 2, 3].map((key) =>
    delta("Datapath_Binding", uuid(1, key), {
      tunnel_key: key,
      external_ids: ["map", [["name", `n${key}`]]],
    }),
  );
  // Who has the packet's source address is another one in each of the networks behind the router.
  const owners = [2, 3].map((key) => bound(key, `vm${key}`, key, { mac: "0a:00:00:00:00:09 169.254.0.11" }));
  // Neither is said to lead back, nor does the address cross routers: nothing but a name joins the networks.
  apply(0, ...networks, ...owners, bound(1, "to-router", 1, leading));
  apply(10, bound(9, "from-router", 2, {}));
  apply(20, bound(9, "from-router", 3, {}));
  apply(30, delta("Port_Binding", uuid(2, 9), null));
  const both = new Both(new Namer(inventory, null));
  const seconds = [5, 15, 25, 35, 12, 22, 33, 3, 25];
  const bytes = packetBytes("echoRequest");
  bytes.set([169, 254, 0, 11, 169, 254, 0, 12], 84);
  const given = seconds.map((second) => ({ bytes, sec: FIRST + second }));
  compare(both, given);
  const { packets, interfaces } = batchOf(given);
  const printer = new JsonPrinter(new Namer(inventory, null), decoder);
  printer.startFile({ name: "given", interfaces });
  const lines = printed(printer, packets, decoded(packets, interfaces)).trim().split("\n");
  const names = lines.map((line) => JSON.parse(line).ovn.source?.name ?? null);
  expect(names).toEqual([null, "vm2", "vm3", null, "vm2", "vm3", null, null, "vm3"]);
});

describe("names that are hostile", () => {
  const NAMES = [
    "\u001b[31mred\n\r\u0007",
    'quo"te\\',
    "日本 ünï 😀",
    "\ud800 half",
    "\u202e reversed \u2028",
    "",
    "__proto__",
    "long ".repeat(700),
    "longer 日本 ".repeat(20_000),
  ];

  test.each(NAMES.map((name) => [name.slice(0, 20), name]))("%j", (_, name) => {
    const inventory = emptyInventory();
    const rows = [
      delta("Datapath_Binding", uuid(1, 1), { tunnel_key: 1, external_ids: ["map", [["name", name]]] }),
      delta("Encap", uuid(4, 1), { type: "geneve", ip: "192.168.50.100", chassis_name: name }),
      delta("Chassis", uuid(3, 1), { name, encaps: ["uuid", uuid(4, 1)] }),
      ...[1, 2].map((key) =>
        delta("Port_Binding", uuid(2, key), {
          logical_port: `${key}${name}`,
          datapath: ["uuid", uuid(1, 1)],
          tunnel_key: key,
          type: key === 1 ? "patch" : "",
          options: ["map", [["peer", name]]],
          chassis: ["uuid", uuid(3, 1)],
          mac: "0a:00:00:00:00:01 10.0.0.1",
        }),
      ),
    ];
    inventory.apply({ offset: null, date: 1000, comment: null, isDifference: false, rows });
    const given = Array.from({ length: 5 }, () => ({ bytes: packetBytes("echoRequest"), sec: FIRST }));
    compare(new Both(new Namer(inventory, null)), given, name);
    compare(new Both(new Namer(inventory, null), { style: colourStyle }), given, name);
    const bytes = printed(
      new TextPrinter(new Namer(inventory, null), decoder, PLAIN),
      batchOf(given).packets,
      decoded(batchOf(given).packets, batchOf(given).interfaces),
    );
    expect(bytes).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e\u2028]/);
  });
});

test("interfaces with names, packet numbers and lengths of any size", () => {
  const { packets } = batchOf([
    { bytes: packetBytes("echoRequest"), original: 2 ** 32 - 1 },
    { bytes: packetBytes("vlanTcpSyn"), original: 2 ** 31 },
  ]);
  packets.firstNumber = 2 ** 40 + 999_999;
  packets.interfaceIndex[0] = 1;
  const device = { linkType: 1, snapLength: 0 };
  const source = {
    name: 'of \u001b any "name"',
    interfaces: [
      { ...device, name: null },
      { ...device, name: `日本${"\u0001".repeat(65_000)}` },
    ],
  };
  const both = new Both(null);
  both.startFile(source);
  both.compare(source, packets);
});

test("stacks of tags, inside and outside, and more options than fit anywhere else", () => {
  const stacked = (bytes: Uint8Array, at: number, count: number): Uint8Array => {
    const tags = Array.from({ length: count }, (_, tag) => [0x81, 0, 0x10, tag & 0xff]).flat();
    return Uint8Array.from([...bytes.subarray(0, at), ...tags, ...bytes.subarray(at)]);
  };
  const outside = [1, 2, 5, 6, 7, 2000].map((count) => stacked(packetBytes("echoRequest"), 12, count));
  const inside = [1, 2, 5, 6, 7, 12_000].map((count) => {
    const bytes = stacked(packetBytes("echoRequest"), 70, count);
    const view = new DataView(bytes.buffer);
    view.setUint16(16, view.getUint16(16) + 4 * count);
    view.setUint16(38, view.getUint16(38) + 4 * count);
    return bytes;
  });
  compare(
    new Both(null),
    [...outside, ...inside, packetBytes("longOptions"), packetBytes("emptyOptions")].map((bytes) => ({
      bytes,
    })),
  );
});

test("only the rows that are asked for, in the order they have", () => {
  const { packets, interfaces } = batchOf(Object.values(usualFrames).map((bytes) => ({ bytes })));
  const both = new Both(null);
  const source = { name: "some", interfaces };
  both.startFile(source);
  both.compare(source, packets, Int32Array.of(1, 2, 5, 11));
  both.compare(source, packets, new Int32Array(0));
});

test("layers and bytes below the lines of a batch are those of each packet alone", () => {
  const { packets, interfaces } = batchOf(packetNames.map((name) => ({ bytes: packetBytes(name) })));
  const printer = new TextPrinter(null, decoder, { ...PLAIN, verbose: true, hex: true });
  printer.startFile({ name: "all", interfaces });
  const frames = decoded(packets, interfaces);
  const single = [...rowsTo(packets.count)].map((i) => printed(printer, packets, frames, Int32Array.of(i)));
  expect(printed(printer, packets, frames)).toBe(single.join(""));
  expect(single[0]).toContain("\n    Ethernet  52:54:00:13:e0:a2 > 52:54:00:ac:67:5b, type 0x0800\n");
  expect(single[0]).toContain("\n\t0x0000:  5254 00ac 675b");
});
