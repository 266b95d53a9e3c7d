import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { divide } from "../../src/capture/index.js";
import {
  block,
  collect,
  enhanced,
  interfaceBlock,
  packet,
  pcap,
  pcapHeader,
  pcapng,
  pcapRecord,
  section,
  somePackets,
} from "./helper.js";

const directory = mkdtempSync(join(tmpdir(), "genevescope-divide-"));
afterAll(() => rmSync(directory, { recursive: true }));

function written(bytes: Uint8Array): string {
  const file = join(directory, `${bytes.length}-${Math.floor(performance.now() * 1000)}`);
  writeFileSync(file, bytes);
  return file;
}

/** The packets of all parts together, whether each part ended well, and how many parts there were. */
async function inParts(file: string, count: number) {
  const parts = await divide(file, count);
  if (parts === null) return null;
  const collected = [];
  for (const part of parts) collected.push(await collect(file, { part }));
  return {
    packets: collected.flatMap(({ packets }) => packets),
    damages: collected.map(({ damage }) => damage),
    parts,
  };
}

/** Packets as captures have them: with at least a byte each. */
const many = somePackets(4000).filter(({ data }) => data !== "");

describe("a file in parts", () => {
  it.each([
    ["pcap", pcap(many)],
    ["pcap, nanoseconds", pcap(many, { nano: true })],
    ["pcap, big-endian", pcap(many, { little: false })],
    ["pcapng", pcapng(many)],
    ["pcapng, big-endian", pcapng(many, false)],
  ])("has all its packets once, each part ending where the next begins: %s", async (_name, bytes) => {
    const file = written(bytes);
    for (const count of [2, 3, 7]) {
      const found = await inParts(file, count);
      expect(found?.parts.length).toBe(count);
      expect(found?.parts.at(-1)?.end).toBe(bytes.length);
      expect(found?.packets).toEqual((await collect(file)).packets);
      expect(found?.damages.every((damage) => damage === null)).toBe(true);
    }
  });

  it("ends in damage where the guess was wrong: packets that carry a capture", async () => {
    // Every packet is full of small records, all of which make sense.
    const inside = Buffer.concat(
      somePackets(600).map((each) => pcapRecord(packet(1, 20, { sec: each.sec }))),
    );
    const outer = Array.from({ length: 61 }, (_, index) =>
      packet(index, 1, { data: inside.toString("hex"), original: inside.length }),
    );
    const file = written(pcap(outer));
    const found = await inParts(file, 2);
    expect(found?.damages[0]?.reason).toMatch(/the file ends after \d+ of \d+ bytes/);
  });

  it("is not divided where no beginning is found, or it is something else", async () => {
    const few = somePackets(20);
    for (const bytes of [
      Buffer.alloc(0),
      Buffer.from("not a capture, but some text that is long enough to be looked at"),
      pcapHeader(),
      pcap(few),
      pcap(many, { modified: true }),
      pcap(many, { minor: 3 }),
      pcapng(few),
      Buffer.concat([pcap(few), Buffer.alloc(3_000_000, 0xff)]),
      Buffer.concat([
        section(),
        interfaceBlock(),
        block(5, Buffer.alloc(100_000)),
        ...many.map((one) => enhanced(one)),
      ]),
    ])
      expect(await divide(written(bytes), 2)).toBeNull();
    expect(await divide(join(directory, "absent"), 2)).toBeNull();
    expect(await divide(directory, 2)).toBeNull();
  });
});
