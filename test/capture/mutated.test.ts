import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CaptureError, type OpenOptions } from "../../src/capture/index.js";
import {
  block,
  type Collected,
  chunks,
  collect,
  enhanced,
  interfaceBlock,
  packet,
  pcap,
  section,
  simple,
  somePackets,
  zstdRaw,
  zstdSkippable,
} from "./helper.js";

const packets = somePackets(12);
const mixed = Buffer.concat([
  section(),
  interfaceBlock({ name: "eth0", resolution: 9, offset: 3n }),
  ...packets.slice(0, 4).map((one) => enhanced(one)),
  block(5, Buffer.alloc(20)),
  simple(packet(5, 33)),
  section(false),
  interfaceBlock({ little: false, resolution: 0x8a }),
  ...packets.slice(4, 8).map((one) => enhanced(one, { little: false, type: 2 })),
]);
const text = Buffer.from(
  "07:20:17.6 IP\n\t0x0000:  4500 0014 0000 0000 4011 0000 0a00 0001  E.......\n\t0x0010:  0a00 0002\n".repeat(
    6,
  ),
);
const seeds: readonly (readonly [string, Buffer])[] = [
  ["pcap", pcap(packets)],
  ["modified pcap", pcap(packets, { modified: true, little: false })],
  ["pcapng", mixed],
  ["hex dump", text],
  ["gzip", gzipSync(pcap(packets))],
  ["gzip members", Buffer.concat([gzipSync(mixed.subarray(0, 100)), gzipSync(mixed.subarray(100))])],
  ["zstd", Buffer.concat([zstdSkippable(Buffer.alloc(5)), zstdRaw(pcap(packets), 300), zstdRaw(text)])],
];

type Outcome = { got: Collected } | { code: string; offset: number | null };

async function outcome(file: Uint8Array, sizes: number[], options: OpenOptions): Promise<Outcome> {
  try {
    return { got: await collect(chunks(file, sizes), options) };
  } catch (error) {
    // Anything but a CaptureError is a fault of the reader.
    if (!(error instanceof CaptureError)) throw error;
    expect(error.message).not.toMatch(/[^\x20-\x7e]/);
    return { code: error.code, offset: error.offset };
  }
}

const mutations = fc.array(
  fc.record({
    kind: fc.constantFrom("set", "insert", "remove", "large", "swap"),
    at: fc.nat({ max: 10_000 }),
    value: fc.nat({ max: 255 }),
  }),
  { minLength: 1, maxLength: 4 },
);

function mutate(seed: Buffer, how: { kind: string; at: number; value: number }[]): Buffer {
  let bytes = Buffer.from(seed);
  for (const { kind, at, value } of how) {
    const place = at % bytes.length;
    if (kind === "set") bytes[place] = value;
    else if (kind === "swap") bytes[place] ^= 1 << (value & 7);
    else if (kind === "large") bytes.fill(0xff, place, Math.min(bytes.length, place + 4));
    else if (kind === "insert")
      bytes = Buffer.concat([
        bytes.subarray(0, place),
        Buffer.alloc(value & 15, value),
        bytes.subarray(place),
      ]);
    else bytes = Buffer.concat([bytes.subarray(0, place), bytes.subarray(place + 1 + (value & 15))]);
    if (bytes.length === 0) bytes = Buffer.from(seed);
  }
  return bytes;
}

describe.each(seeds)("mutated %s", (name, seed) => {
  it("never throws anything but CaptureError, never hangs, and does not depend on blocks and chunks", async () => {
    await fc.assert(
      fc.asyncProperty(
        mutations,
        fc.integer({ min: 1, max: 400 }),
        fc.integer({ min: 1, max: 5 }),
        fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 3 }),
        async (how, blockBytes, batchCapacity, sizes) => {
          const file = mutate(seed, how);
          const whole = await outcome(file, [file.length], {});
          const pieces = await outcome(file, sizes, { blockBytes, batchCapacity });
          if (name.startsWith("gzip")) {
            // How much of what is before damage a pipe's zlib hands out depends on its chunks.
            if (!("got" in whole && "got" in pieces)) return;
            const shorter = Math.min(whole.got.packets.length, pieces.got.packets.length);
            expect(pieces.got.packets.slice(0, shorter)).toEqual(whole.got.packets.slice(0, shorter));
            return;
          }
          if (!("got" in whole) || !("got" in pieces)) {
            expect(pieces).toEqual(whole);
            return;
          }
          expect(pieces.got.packets).toEqual(whole.got.packets);
          expect(pieces.got.odd).toBe(whole.got.odd);
          expect(pieces.got.interfaces).toEqual(whole.got.interfaces);
          expect(pieces.got.damage?.offset).toBe(whole.got.damage?.offset);
          expect(pieces.got.damage?.reason).toBe(whole.got.damage?.reason);
        },
      ),
      { numRuns: name.startsWith("gzip") ? 100 : 300 },
    );
  });
});

describe("mutated pcap", () => {
  it("means the same to pcap-parser's reader, damage included, where that opens it", async () => {
    await fc.assert(
      fc.asyncProperty(mutations, fc.integer({ min: 1, max: 50 }), async (how, batchCapacity) => {
        const file = mutate(seeds[0][1], how);
        const other = await outcome(file, [file.length], { reader: "pcap-parser", batchCapacity });
        const own = await outcome(file, [file.length], {});
        if (!("got" in other)) return;
        if (!("got" in own)) throw new Error("only pcap-parser reads it");
        expect(other.got.packets).toEqual(own.got.packets);
        expect(other.got.damage?.offset).toBe(own.got.damage?.offset);
        expect(other.got.odd).toBe(own.got.odd);
      }),
      { numRuns: 400 },
    );
  });
});

describe("arbitrary bytes", () => {
  it.each([
    "",
    "d4c3b2a1",
    "4d3cb2a1",
    "0a0d0d0a1c0000004d3c2b1a01000000",
    "1f8b0800",
    "28b52ffd0038",
    "30783030303a",
  ])("behind %s are packets, damage or a CaptureError", async (start) => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
        const file = Buffer.concat([Buffer.from(start, "hex"), bytes]);
        const result = await outcome(file, [file.length], {});
        if ("code" in result) expect(result.code).toMatch(/^ERR_CAPTURE_/);
      }),
      { numRuns: 150 },
    );
  });
});
