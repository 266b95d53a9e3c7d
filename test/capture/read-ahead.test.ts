/* Large files are read ahead, into two blocks that take turns: the same packets must come as from a stream. */
import { createHash } from "node:crypto";
import { createReadStream, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type CaptureSource, openCapture } from "../../src/capture/index.js";

let dir = "";
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "genevescope-ahead-"));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** A pcap of records of the given sizes, filled with what depends on their place. */
function pcap(sizes: readonly number[]): Buffer {
  const total = sizes.reduce((sum, size) => sum + 16 + size, 24);
  const bytes = Buffer.alloc(total);
  bytes.writeUInt32LE(0xa1b2c3d4, 0);
  bytes.writeUInt16LE(2, 4);
  bytes.writeUInt16LE(4, 6);
  bytes.writeUInt32LE(1 << 20, 16);
  bytes.writeUInt32LE(1, 20);
  let at = 24;
  sizes.forEach((size, number) => {
    bytes.writeUInt32LE(number, at);
    bytes.writeUInt32LE(size, at + 8);
    bytes.writeUInt32LE(size, at + 12);
    bytes.fill(number & 0xff, at + 16, at + 16 + size);
    bytes.writeUInt32LE(number, at + 16);
    at += 16 + size;
  });
  return bytes;
}

/** Everything a source delivers, as a digest, by batches or by runs of records in turn. */
async function drained(source: CaptureSource, withRuns: boolean) {
  const hash = createHash("sha1");
  let packets = 0;
  const take = (bytes: Uint8Array, sec: number): void => {
    packets++;
    hash.update(bytes).update(`${sec} `);
  };
  for (let turn = 0; ; turn++) {
    const run = withRuns && turn % 3 !== 0 ? source.records() : null;
    if (run !== null) {
      let at = run.start;
      let taken = 0;
      while (at + 16 <= run.end && at + 16 + run.view.getUint32(at + 8, true) <= run.end) {
        const size = run.view.getUint32(at + 8, true);
        take(new Uint8Array(run.view.buffer, at + 16, size), run.view.getUint32(at, true));
        at += 16 + size;
        taken++;
      }
      source.pass(at, taken);
      if (taken > 0) continue;
    }
    const batch = await source.next(withRuns ? 5 : undefined);
    if (batch === null) break;
    expect(batch.firstNumber).toBe(packets + 1);
    for (let i = 0; i < batch.count; i++) {
      const start = batch.offset[i];
      take(batch.bytes.subarray(start, start + batch.capturedBytes[i]), batch.tsSec[i]);
    }
  }
  await source.close();
  return { packets, digest: hash.digest("hex"), damage: source.damage };
}

const MIB = 1024 * 1024;
const small = (bytes: number): number[] => {
  const sizes: number[] = [];
  for (let sum = 0, i = 0; sum < bytes; i++) {
    sizes.push(40 + ((i * 7919) % 1500));
    sum += sizes[i] + 16;
  }
  return sizes;
};

const cases: [name: string, sizes: number[]][] = [
  ["small records", small(30 * MIB)],
  [
    "records of up to 300 KiB, which fit in front of a block",
    [...small(9 * MIB), ...Array(80).fill(300 * 1024)],
  ],
  [
    "a record that does not, in the middle",
    [...small(12 * MIB), 900 * 1024, ...small(12 * MIB), 700 * 1024, ...small(3 * MIB)],
  ],
];

describe.each(cases)("%s", (_, sizes) => {
  test("come as from a stream", async () => {
    const file = join(dir, "large.pcap");
    writeFileSync(file, pcap(sizes));
    const streamed = await drained(await openCapture(createReadStream(file), { name: file }), false);
    expect(streamed.packets).toBe(sizes.length);
    expect(await drained(await openCapture(file), false)).toEqual(streamed);
    expect(await drained(await openCapture(file), true)).toEqual(streamed);
    expect(await drained(await openCapture(file, { blockBytes: 4096 }), true)).toEqual(streamed);
  });

  test("cut within the last record, the damage is told as from a stream", async () => {
    const file = join(dir, "cut.pcap");
    const bytes = pcap(sizes);
    writeFileSync(file, bytes);
    truncateSync(file, bytes.length - 3);
    const streamed = await drained(await openCapture(createReadStream(file), { name: file }), false);
    expect(streamed.damage).not.toBeNull();
    expect(await drained(await openCapture(file), true)).toEqual(streamed);
  });
});

test("a source closed while a block is being read lets go of the file", async () => {
  const file = join(dir, "closed.pcap");
  writeFileSync(file, pcap(small(30 * MIB)));
  for (let i = 0; i < 20; i++) {
    const source = await openCapture(file);
    await source.next();
    for (let packets = 0; packets < i * 1000; ) packets += (await source.next())?.count ?? 1000;
    await source.close();
    expect(await source.next()).toBeNull();
  }
});
