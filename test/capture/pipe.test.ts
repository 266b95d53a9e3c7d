import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, mkdtempSync, openSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openCapture } from "../../src/capture/index.js";
import {
  block,
  collect,
  enhanced,
  interfaceBlock,
  packet,
  pcap,
  pcapHeader,
  pcapRecord,
  section,
  somePackets,
  temporary,
  temporaryPath,
  Writer,
  zstdRaw,
  zstdRepeated,
} from "./helper.js";

const root = resolve(import.meta.dirname, "../..");
const directory = mkdtempSync(join(tmpdir(), "genevescope-pipe-"));

/** Reads the capture named by argv[2], prints a line a batch and one at the end. */
const READER = `
import { openCapture } from "./dist/capture/index.js";
const { name, options, touch, batches } = JSON.parse(process.argv[2]);
if (touch) process.stdin.pause();
const source = await openCapture(name, options);
let packets = 0;
let count = 0;
for (let batch; (batch = await source.next()) !== null; ) {
  packets += batch.count;
  if (batches) console.log(JSON.stringify({ batch: batch.count, first: batch.firstNumber }));
  if (batches && ++count === batches) break;
}
await source.close();
console.log(JSON.stringify({ packets, damage: source.damage, odd: source.odd, rss: process.resourceUsage().maxRSS * 1024 }));
`;

beforeAll(() => {
  // Other rooms may not compile at the moment; what matters is emitted all the same.
  const tsc = join(root, "node_modules/.bin/tsc");
  spawnSync(tsc, ["-p", join(root, "tsconfig.build.json"), "--outDir", join(directory, "dist")], {
    cwd: root,
  });
  expect(existsSync(join(directory, "dist/capture/index.js"))).toBe(true);
  writeFileSync(join(directory, "package.json"), '{"type":"module"}');
  writeFileSync(join(directory, "read.js"), READER);
  symlinkSync(join(root, "node_modules"), join(directory, "node_modules"));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

interface Job {
  name?: string;
  options?: object;
  /** Uses process.stdin first, which makes the descriptor non-blocking. */
  touch?: boolean;
  /** Prints a line a batch and stops after so many. */
  batches?: number;
}

function reader(job: Job, stdin: "pipe" | number = "pipe"): ChildProcess {
  const argument = JSON.stringify({ name: "-", ...job });
  return spawn(process.execPath, [join(directory, "read.js"), argument], {
    stdio: [stdin, "pipe", "inherit"],
  });
}

interface Line {
  batch?: number;
  first?: number;
  packets: number;
  damage: { offset: number } | null;
  rss: number;
}

/** The lines the reader prints, one at a time. */
function lines(child: ChildProcess): () => Promise<Line> {
  const iterator = createInterface({ input: child.stdout as Readable })[Symbol.asyncIterator]();
  return async () => {
    const { value, done } = await iterator.next();
    if (done) throw new Error("the reader printed no more");
    return JSON.parse(value) as Line;
  };
}

/** Writes `times` times `part`, waiting for the pipe each time. */
async function pump(child: ChildProcess, start: Buffer, part: Buffer, times: number): Promise<void> {
  const { stdin } = child;
  if (!stdin) throw new Error("no pipe");
  stdin.on("error", () => {});
  stdin.write(start);
  for (let time = 0; time < times; time++) if (!stdin.write(part)) await once(stdin, "drain");
  stdin.end();
}

describe("standard input", () => {
  it.each([false, true])("delivers each packet as it comes (non-blocking: %s)", async (touch) => {
    const child = reader({ batches: 1000, touch });
    const line = lines(child);
    const packets = somePackets(4);
    child.stdin?.write(pcapHeader());
    for (const [index, one] of packets.entries()) {
      const record = pcapRecord(one);
      // In two pieces, so that the reader comes for the second while there is none.
      child.stdin?.write(record.subarray(0, 9));
      await new Promise((done) => setTimeout(done, 30));
      child.stdin?.write(record.subarray(9));
      expect(await line()).toEqual({ batch: 1, first: index + 1 });
    }
    child.stdin?.end();
    expect(await line()).toMatchObject({ packets: 4, damage: null });
  });

  it("reads a file redirected, and a cut one up to its cut", async () => {
    const file = pcap(somePackets(12));
    for (const [path, packets, offset] of [
      [temporary(file), 12, undefined],
      [temporary(file.subarray(0, -1)), 11, file.length - 316],
    ] as const) {
      const fd = openSync(path, "r");
      const got = await lines(reader({}, fd))();
      closeSync(fd);
      expect(got.packets).toBe(packets);
      expect(got.damage?.offset).toBe(offset);
    }
  });

  it("lets the process end where the reader stops early and the pipe stays open", async () => {
    const child = reader({ batches: 1 });
    child.stdin?.on("error", () => {});
    child.stdin?.write(pcap(somePackets(3)));
    const [code] = await once(child, "exit");
    expect(code).toBe(0);
  });
});

describe("a FIFO", () => {
  it("is opened without blocking this process and read to its end", async () => {
    const path = temporaryPath("fifo");
    execFileSync("mkfifo", [path]);
    const packets = somePackets(500);
    const source = temporary(pcap(packets));
    const opening = openCapture(path, { batchCapacity: 100 });
    // Only now does a writer come.
    spawn("sh", ["-c", 'cat "$1" > "$2"', "sh", source, path]);
    const opened = await opening;
    let count = 0;
    for (let batch = await opened.next(); batch !== null; batch = await opened.next()) count += batch.count;
    expect(count).toBe(500);
    expect(opened).toMatchObject({ damage: null, size: null, position: pcap(packets).length });
    await opened.close();
  });
});

describe("memory", () => {
  const MIB = 1024 * 1024;
  const zeros = Buffer.alloc(MIB);
  // Zeros are packets of no bytes, 16 bytes each.
  const member = gzipSync(zeros);
  const repeated = Buffer.concat(Array(8).fill(zstdRepeated(0, 128 * 1024)));
  // Whole blocks of zeros, none of them the frame's last: the frame ends with its blocks, cut.
  const raw = new Writer(true)
    .u16(0)
    .u8(0x10)
    .bytes(Buffer.alloc(128 * 1024))
    .done();
  const begun = new Writer(true)
    .u32(0xfd2fb528)
    .u8(0)
    .u8(56)
    .u8(24 << 3)
    .u16(0)
    .bytes(pcapHeader())
    .done();
  const records = Buffer.concat(Array.from({ length: 6096 }, (_, index) => pcapRecord(packet(index, 156))));
  const blocks = Buffer.concat(Array.from({ length: 5000 }, (_, index) => enhanced(packet(index, 156))));
  const unknown = new Writer(true)
    .u32(0x0bad)
    .u32(3 * 1024 * MIB)
    .done();
  const endless = new Writer(true)
    .u32(1)
    .u32(2)
    .u32(16 * MIB + 16)
    .u32(60)
    .done();
  const huge = new Writer(true)
    .u32(1)
    .u32(2)
    .u32(16 * MIB)
    .u32(60)
    .done();
  const text = Buffer.from(
    "07:20:17.646279 IP\n\t0x0000:  4500 0014 0000 0000 4011 0000 0a00 0001\n\t0x0010:  0a00 0002\n".repeat(
      9000,
    ),
  );
  const cases: readonly (readonly [string, Job, Buffer, Buffer, number, number, boolean])[] = [
    ["300 MiB of pcap", {}, pcapHeader(), records, 300, 300 * 6096, false],
    ["200 MiB of pcapng", {}, Buffer.concat([section(), interfaceBlock()]), blocks, 200, 200 * 5000, false],
    ["200 MiB of gzip bomb", {}, gzipSync(pcapHeader()), member, 200, (200 * MIB) / 16, false],
    ["200 MiB of zstd bomb", {}, zstdRaw(pcapHeader()), repeated, 200, (200 * MIB) / 16, false],
    ["200 MiB of zstd", {}, begun, Buffer.concat(Array(8).fill(raw)), 200, (200 * MIB) / 16, true],
    ["30 MiB of hex dump", {}, Buffer.alloc(0), text, 40, 40 * 9000, false],
    [
      "100 MiB of an unknown block",
      {},
      Buffer.concat([section(), interfaceBlock(), block(0x0bad, zeros), unknown]),
      zeros,
      100,
      0,
      true,
    ],
    [
      "100 MiB behind a record that claims too much",
      {},
      Buffer.concat([pcapHeader(), endless]),
      zeros,
      100,
      0,
      true,
    ],
    [
      "100 MiB of records of 16 MiB",
      {},
      pcapHeader({ snapLength: 0x7fff_ffff }),
      Buffer.concat([huge, ...Array(16).fill(zeros)]),
      6,
      6,
      false,
    ],
    [
      "30 MiB of pcap for pcap-parser",
      { options: { reader: "pcap-parser" } },
      pcapHeader(),
      records,
      30,
      30 * 6096,
      false,
    ],
  ];
  it.each(cases)("stays bounded over %s", async (_, job, start, part, times, packets, damaged) => {
    const child = reader(job);
    const line = lines(child);
    const pumped = pump(child, start, part, times);
    const got = await line();
    child.stdin?.destroy();
    await Promise.race([pumped, once(child, "exit")]);
    expect(got.packets).toBe(packets);
    expect(got.damage !== null).toBe(damaged);
    // Node itself takes some 50 MiB.
    expect(got.rss).toBeLessThan(128 * MIB);
  });

  it("does not read ahead of its caller", async () => {
    let taken = 0;
    async function* endlessly(): AsyncGenerator<Uint8Array> {
      yield pcapHeader();
      for (;;) {
        taken++;
        yield records;
      }
    }
    for (const [input, most] of [
      [endlessly(), 3],
      [gzipped(endlessly()), 40],
    ] as const) {
      taken = 0;
      const source = await openCapture(input);
      await source.next();
      await new Promise((done) => setTimeout(done, 50));
      expect(taken).toBeLessThanOrEqual(most);
      await source.close();
    }
  });

  it("delivers a large file whole, whatever its form", async () => {
    const packets = somePackets(20_000);
    const file = pcap(packets);
    for (const form of [file, gzipSync(file, { level: 1 }), zstdRaw(file)]) {
      const got = await collect(temporary(form));
      expect(got.packets.length).toBe(packets.length);
      expect(got.packets.every((one, index) => one.data === packets[index].data)).toBe(true);
      expect(got.numbers[19_999]).toBe(20_000);
    }
  });
});

/** Each chunk as a gzip member of its own. */
async function* gzipped(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) yield gzipSync(chunk, { level: 1 });
}
