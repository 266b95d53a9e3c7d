import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Analyzer } from "../../src/analysis/analyzer.js";
import { FlowTable } from "../../src/analysis/flow-table.js";
import { Kernel } from "../../src/analysis/kernel.js";
import { TunnelTable } from "../../src/analysis/tunnel-table.js";
import { openCapture } from "../../src/capture/index.js";
import { FrameBatch } from "../../src/frame/columns.js";
import { FrameDecoder } from "../../src/frame/decode.js";
import { openSouthbound } from "../../src/southbound/index.js";
import { block, enhanced, interfaceBlock, pcap, section } from "../capture/helper.js";
import { packetBytes, packetNames } from "../vectors/packets.js";
import { usualFrames } from "../vectors/shapes.js";

/** Sums up a capture with the fast way where it goes (`fast`), or the general way alone; `chunk` cuts its bytes. */
async function summed(bytes: Uint8Array, fast: boolean, chunk: number, most = Number.POSITIVE_INFINITY) {
  const chunks = async function* () {
    for (let at = 0; at < bytes.length; at += chunk) yield bytes.subarray(at, at + chunk);
  };
  const decoder = new FrameDecoder();
  const analyzer = new Analyzer(null, Number.POSITIVE_INFINITY, decoder);
  const source = await openCapture(chunks(), { name: "generated", blockBytes: 4096 });
  analyzer.startFile("generated");
  let frames: FrameBatch | null = null;
  let direct = 0;
  for (;;) {
    const run = fast ? source.records() : null;
    const taken = run === null ? 0 : analyzer.takeRecords(run, most);
    if (taken > 0) {
      source.pass(analyzer.recordsEnd, taken);
      direct += taken;
      continue;
    }
    const packets = await source.next(fast ? 1 : undefined);
    if (packets === null) break;
    frames ??= new FrameBatch(packets.capacity);
    decoder.decodeKeys(packets, source.interfaces, frames);
    analyzer.add(packets, frames);
  }
  analyzer.endFile(source);
  await source.close();
  const { flows, datapaths, ports, ...others } = analyzer.summary();
  const summary = { ...others, flows: [...flows], datapaths: [...datapaths], ports: [...ports] };
  return { summary, direct };
}

interface Record {
  bytes: Uint8Array;
  sec: number;
  fraction: number;
  original: number;
}

/** A capture file of these records: a pcap, or a pcapng with two interfaces and blocks that are no packets. */
function captureOf(records: readonly Record[], { nano, little, isPcapng }: Form): Uint8Array {
  const packets = records.map(({ bytes, sec, fraction, original }, index) => ({
    sec,
    nsec: fraction * (nano ? 1 : 1000),
    data: Buffer.from(bytes).toString("hex"),
    original,
    interface: isPcapng ? (index % 7) >> 2 : 0,
  }));
  if (!isPcapng) return pcap(packets, { nano, little });
  const unitsPerSecond = nano ? 1_000_000_000n : 1_000_000n;
  return Buffer.concat([
    section(little),
    interfaceBlock({ little, resolution: nano ? 9 : 6 }),
    interfaceBlock({ little, resolution: nano ? 9 : 6 }),
    ...packets.flatMap((packet, index) => [
      enhanced(packet, { little, unitsPerSecond, type: index % 11 === 10 ? 2 : 6 }),
      ...(index % 13 === 12 ? [block(5, Buffer.alloc(20), little)] : []),
    ]),
  ]);
}

interface Form {
  nano: boolean;
  little: boolean;
  isPcapng: boolean;
}

const PCAP: Form = { nano: false, little: true, isPcapng: false };

const record: fc.Arbitrary<Record> = fc
  .record({
    packet: fc.oneof(
      { weight: 9, arbitrary: fc.constantFrom(...Object.values(usualFrames)) },
      fc.constantFrom(...packetNames).map(packetBytes),
    ),
    changes: fc.oneof(
      { weight: 6, arbitrary: fc.constant([] as [number, number][]) },
      fc.array(fc.tuple(fc.nat(160), fc.integer({ min: 0, max: 255 })), { maxLength: 2 }),
    ),
    sec: fc.integer({ min: 1_700_000_000, max: 1_700_000_003 }),
    // Sometimes beyond its unit.
    fraction: fc.oneof({ weight: 9, arbitrary: fc.nat(999_999) }, fc.constant(1_000_001)),
    more: fc.constantFrom(0, 0, 0, 0, 0, 0, 100, -20),
    keys: fc.nat(3),
  })
  .map(({ packet, changes, sec, fraction, more, keys }) => {
    const bytes = packet.slice();
    for (const [offset, value] of changes) if (offset < bytes.length) bytes[offset] = value;
    if (bytes.length > 58 && changes.length === 0) bytes[57] = keys;
    return { bytes, sec, fraction, original: Math.max(0, bytes.length + more) };
  });

describe("the kernel and the general way", () => {
  test("give the same answer, whatever the packets and however the bytes come", async () => {
    let direct = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(record, { maxLength: 60, size: "max" }),
        fc.record({
          nano: fc.boolean(),
          little: fc.constantFrom(true, true, true, false),
          isPcapng: fc.boolean(),
        }),
        fc.constantFrom(1, 100, 1000, 100_000, 100_000, 100_000),
        fc.constantFrom(1, 3, 1000),
        async (records, form, chunk, most) => {
          const bytes = captureOf(records, form);
          const general = await summed(bytes, false, 100_000);
          const fast = await summed(bytes, true, chunk, most);
          expect(fast.summary).toEqual(general.summary);
          expect(general.direct).toBe(0);
          direct += fast.direct;
        },
      ),
      { numRuns: 300 },
    );
    // The fast way has been gone, not only offered.
    expect(direct).toBeGreaterThan(1000);
  });

  test("a damaged record ends both at the same byte", async () => {
    const records = Array.from({ length: 50 }, (_, i) => ({
      bytes: packetBytes("echoRequest"),
      sec: i,
      fraction: 0,
      original: 156,
    }));
    const bytes = captureOf(records, PCAP);
    for (const [offset, value] of [
      [24 + 172 * 30 + 11, 0x7f],
      [24 + 172 * 30 + 8, 0xff],
    ]) {
      const damaged = bytes.slice();
      damaged[offset] = value;
      expect((await summed(damaged, true, 100_000)).summary).toEqual(
        (await summed(damaged, false, 100_000)).summary,
      );
    }
    for (const cut of [1, 15, 16, 17, 100, 171]) {
      const short = bytes.subarray(0, bytes.length - cut);
      expect((await summed(short, true, 100_000)).summary).toEqual(
        (await summed(short, false, 100_000)).summary,
      );
    }
  });

  const captures = new URL("../../captures/", import.meta.url);
  const files = readdirSync(captures, { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".pcap"),
  );
  test.each(files)("%s: the same answer both ways", async (name) => {
    const bytes = readFileSync(join(captures.pathname, name));
    const general = await summed(bytes, false, 1_000_000);
    const fast = await summed(bytes, true, 1_000_000);
    expect(fast.summary).toEqual(general.summary);
    expect(general.summary.packets).toBeGreaterThan(0);
  });
});

test("keys that change their meaning every second: the kernel parts flows as the table alone does", async () => {
  const validity = (_vni: number, _keys: number, ms: number) => {
    const second = Math.floor(ms / 1000) * 1000;
    return { from: second, until: second + 1000 };
  };
  const records = Array.from({ length: 2000 }, (_, i) => {
    const bytes = packetBytes("echoRequest");
    bytes[57] = i % 7;
    // Forwards, with some packets of a second ago among them.
    return {
      bytes,
      sec: 1_700_000_000 + Math.floor(i / 100) - (i % 13 === 0 ? 1 : 0),
      fraction: i * 400,
      original: 156,
    };
  });
  const bytes = captureOf(records, PCAP);
  const stream = (async function* () {
    yield bytes;
  })();
  const capture = await openCapture(stream, { name: "generated" });
  const first = await capture.next(1);
  expect(first?.count).toBe(1);
  const run = capture.records();
  if (run === null) throw new Error("no run");
  const isPort = new Uint8Array(65536);
  isPort[6081] = 1;
  const byKernel = new FlowTable(validity);
  const kernel = new Kernel(isPort, byKernel, new TunnelTable());
  expect(kernel.take(run, Number.POSITIVE_INFINITY)).toBe(1999);
  const alone = new FlowTable(validity);
  for (const { bytes: frame, sec, fraction } of records.slice(1))
    alone.add(1, new DataView(frame.buffer).getInt32(54), 156, sec, fraction * 1000);
  const sorted = (table: FlowTable) =>
    [...table.entries()].sort(
      (a, b) => a.keys - b.keys || a.firstSec - b.firstSec || a.firstNsec - b.firstNsec,
    );
  expect(sorted(byKernel)).toEqual(sorted(alone));
  expect(byKernel.count).toBeGreaterThan(7 * 20);
  await capture.close();
});

test("flows that only a chassis change divides are one; a key that changes its meaning is two", async () => {
  const captures = new URL("../../captures/migration/", import.meta.url).pathname;
  const inventory = await openSouthbound(join(captures, "sb.db"));
  const decoder = new FrameDecoder();
  const analyzer = new Analyzer(inventory, null, decoder);
  const source = await openCapture(join(captures, "hv1.pcap"));
  analyzer.startFile("hv1.pcap");
  for (let packets = await source.next(); packets !== null; packets = await source.next()) {
    const frames = new FrameBatch(packets.capacity);
    decoder.decodeKeys(packets, source.interfaces, frames);
    analyzer.add(packets, frames);
  }
  analyzer.endFile(source);
  await source.close();
  const { flows, ports } = analyzer.summary();
  const identities = [...flows].map((flow) => `${flow.datapathKey} ${flow.ingressKey} ${flow.egressKey}`);
  expect(new Set(identities).size).toBe(identities.length);
  // vm4 was on worker2 in between; its last packets found it on worker1.
  expect([...ports].find((port) => port.name === "vm4")?.chassis).toBe("worker1");
});

test("more flows than fit into a cache are counted as the general way does", async () => {
  const frame = packetBytes("echoRequest");
  const count = 200_000;
  const bytes = new Uint8Array(24 + count * (16 + frame.length));
  bytes.set(captureOf([], PCAP));
  const view = new DataView(bytes.buffer);
  for (let index = 0; index < count; index++) {
    const at = 24 + index * (16 + frame.length);
    view.setUint32(at, 1_700_000_000 + (index >> 10), true);
    view.setUint32(at + 4, index & 1023, true);
    view.setUint32(at + 8, frame.length, true);
    view.setUint32(at + 12, frame.length, true);
    bytes.set(frame, at + 16);
    // Each flow twice; now and then a frame that is not usual.
    const flow = index % 100_000;
    view.setUint32(at + 16 + 54, ((flow >> 8) << 16) | (flow & 0xff));
    if (index % 999 === 998) view.setUint8(at + 16 + 20, 0x20);
  }
  const general = await summed(bytes, false, 1 << 20);
  const fast = await summed(bytes, true, 1 << 20);
  expect(fast.summary.flowCount).toBeGreaterThan(99_000);
  expect(fast.direct).toBeGreaterThan(190_000);
  expect(fast.summary).toEqual(general.summary);
});

test("blocks that claim what cannot be are damage, as the general way says", async () => {
  const packets = Array.from({ length: 3 }, (_, index) => ({
    sec: index,
    nsec: 0,
    data: Buffer.from(packetBytes("echoRequest")).toString("hex"),
    original: 156,
    interface: 0,
  }));
  const head = Buffer.concat([section(), interfaceBlock()]);
  const blocks = packets.map((each) => enhanced(each));
  for (const words of [
    [
      [4, 0x80000020],
      [20, 0x80000000],
    ],
    [[4, 0xfffffff0]],
    [[20, 0xffffff00]],
    [[24, 0x80000000]],
    [[8, 0xffffffff]],
    [[8, 0xfffffffe]],
    [[8, 1]],
  ]) {
    const bad = Buffer.from(blocks[1]);
    for (const [at, word] of words) bad.writeUInt32LE(word, at);
    const bytes = Buffer.concat([head, blocks[0], bad, blocks[2]]);
    expect((await summed(bytes, true, 100_000)).summary, `${words}`).toEqual(
      (await summed(bytes, false, 100_000)).summary,
    );
  }
});
