/** Whatever the bytes: what `readLayers` reads, `writeLayers` writes back byte for byte. */
import { readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { writeLayers } from "../../src/encode/layers.js";
import { type Layer, readLayers, TUNNEL_HEADERS } from "../../src/frame/layers.js";
import { LinkType } from "../../src/wire/index.js";
import { packetBytes, packetNames, packets } from "../vectors/packets.js";
import { FILL } from "../wire/helpers.js";

const linkTypes = [...Object.values(LinkType), 147];

/** Reads `packet` at an odd offset, checks the identity and the layers' places, and returns the layers. */
function roundTrip(packet: Uint8Array, linkType: number): Layer[] {
  const all = new Uint8Array(packet.length + 8).fill(FILL);
  all.set(packet, 3);
  const { layers, stop } = readLayers(new DataView(all.buffer), 3, 3 + packet.length, linkType);
  // The result is a copy: what happens to the buffer afterwards does not reach it.
  all.fill(0);
  const back = writeLayers(layers);
  if (Buffer.compare(back, packet) !== 0) expect(hex(back)).toBe(hex(packet));
  let offset = 0;
  for (const layer of layers) {
    if (layer.offset !== offset) expect(layer).toMatchObject({ offset });
    offset += writeLayers([layer]).length;
  }
  if (stop !== null && (stop.offset < 0 || stop.offset > packet.length || stop.reason === 0))
    expect(stop).toBe("a reason inside the packet");
  return layers;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

describe("readLayers and writeLayers are the identity", () => {
  it("for every prefix of every vector", () => {
    for (const name of packetNames) {
      const bytes = packetBytes(name);
      for (let length = 0; length <= bytes.length; length++)
        roundTrip(bytes.slice(0, length), packets[name].linkType);
    }
  });

  it("for every vector with any one byte replaced by 00, 01, 7f, 80 or ff", () => {
    for (const name of packetNames) {
      const bytes = packetBytes(name);
      for (let at = 0; at < bytes.length; at++) {
        const kept = bytes[at] as number;
        for (const value of [0x00, 0x01, 0x7f, 0x80, 0xff]) {
          bytes[at] = value;
          roundTrip(bytes, packets[name].linkType);
        }
        bytes[at] = kept;
      }
    }
  });

  it("for every vector under every link type", () => {
    for (const name of packetNames) for (const linkType of linkTypes) roundTrip(packetBytes(name), linkType);
  });

  it("for random bytes of any link type", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.constantFrom(...linkTypes), (bytes, linkType) => {
        roundTrip(bytes, linkType);
      }),
      { numRuns: 3000 },
    );
  });

  it("for vectors with several bytes changed, cut and extended", () => {
    const changes = fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { maxLength: 6 });
    fc.assert(
      fc.property(
        fc.constantFrom(...packetNames),
        changes,
        fc.nat(400),
        fc.uint8Array({ maxLength: 24 }),
        (name, edits, keep, tail) => {
          const bytes = packetBytes(name);
          for (const [at, value] of edits) bytes[at % bytes.length] = value;
          const kept = keep >= bytes.length ? bytes : bytes.slice(0, keep);
          roundTrip(new Uint8Array([...kept, ...tail]), packets[name].linkType);
        },
      ),
      { numRuns: 8000 },
    );
  });

  it("for random bytes behind each header that leads on", () => {
    // Random bytes rarely get past the first header; these start right behind one.
    const prefixes = packetNames.flatMap((name) => {
      const bytes = packetBytes(name);
      const view = new DataView(bytes.buffer);
      const { layers } = readLayers(view, 0, bytes.length, packets[name].linkType);
      return layers.map((layer) => ({
        linkType: packets[name].linkType,
        head: bytes.slice(0, layer.offset),
      }));
    });
    fc.assert(
      fc.property(
        fc.constantFrom(...prefixes),
        fc.uint8Array({ maxLength: 120 }),
        ({ linkType, head }, tail) => {
          roundTrip(new Uint8Array([...head, ...tail]), linkType);
        },
      ),
      { numRuns: 8000 },
    );
  });
});

describe("the shipped captures", () => {
  const root = new URL("../../captures/", import.meta.url).pathname;
  const files = readdirSync(root, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".pcap"))
    .sort();

  it("are there", () => {
    expect(files).toContain("routed-ping/hv1.pcap");
  });

  it.each(files)("%s: each packet is written back byte for byte, whole and cut to 64 bytes", (file) => {
    let packetCount = 0;
    for (const { linkType, packet } of pcapPackets(readFileSync(root + file))) {
      roundTrip(packet, linkType);
      roundTrip(packet.slice(0, 64), linkType);
      packetCount++;
    }
    expect(packetCount).toBeGreaterThan(0);
  });

  it.each(files)("%s: fixing what is right changes nothing", (file) => {
    let tunnelled = 0;
    for (const { linkType, packet } of pcapPackets(readFileSync(root + file))) {
      const { layers, stop } = readLayers(new DataView(packet.buffer), 0, packet.length, linkType);
      if (!layers.some((layer) => TUNNEL_HEADERS.has(layer.layer))) continue;
      tunnelled++;
      expect(stop).toBeNull();
      const fixed = writeLayers(layers, { fixLengths: true, fixChecksums: true, keepAbsentUdp: true });
      expect(hex(fixed)).toBe(hex(packet));
    }
    expect(tunnelled).toBeGreaterThan(0);
  });
});

/** The packets of a classic pcap file of either byte order. */
function* pcapPackets(file: Buffer): Generator<{ linkType: number; packet: Uint8Array }> {
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  const little = [0xa1b2c3d4, 0xa1b23c4d].includes(view.getUint32(0, true));
  const linkType = view.getUint32(20, little) & 0xffff;
  for (let at = 24; at < file.length; ) {
    const captured = view.getUint32(at + 8, little);
    yield { linkType, packet: new Uint8Array(file.subarray(at + 16, at + 16 + captured)) };
    at += 16 + captured;
  }
}
