import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { collect, failure, type TestPacket, temporary, zstdRaw } from "./helper.js";

const root = resolve(import.meta.dirname, "../../captures");
const files = readdirSync(root, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .flatMap((entry) => readdirSync(join(root, entry.name)).map((name) => join(entry.name, name)))
  .filter((name) => name.endsWith(".pcap"));

/** A little-endian pcap taken apart in the plainest way. */
function plainly(file: Buffer): TestPacket[] {
  const scale = file.readUInt32LE(0) === 0xa1b23c4d ? 1 : 1000;
  const packets: TestPacket[] = [];
  for (let at = 24; at < file.length; ) {
    const captured = file.readUInt32LE(at + 8);
    packets.push({
      sec: file.readUInt32LE(at),
      nsec: file.readUInt32LE(at + 4) * scale,
      data: file.subarray(at + 16, at + 16 + captured).toString("hex"),
      original: file.readUInt32LE(at + 12),
      interface: 0,
    });
    at += 16 + captured;
  }
  return packets;
}

describe("the real captures", () => {
  it("are there", () => {
    expect(files.length).toBeGreaterThan(10);
    expect(files).toContain(join("routed-ping", "hv2.pcap"));
  });

  it.each(files)("%s: every reader and form agrees", async (name) => {
    const path = join(root, name);
    const file = readFileSync(path);
    const packets = plainly(file);
    expect(packets.length).toBeGreaterThan(0);
    const own = await collect(path);
    expect(own.packets).toEqual(packets);
    expect(own).toMatchObject({ damage: null, odd: 0, format: "pcap" });
    expect(own.interfaces[0].linkType).toBe(file.readUInt32LE(20));
    expect((await collect(path, { blockBytes: 1000, batchCapacity: 3 })).packets).toEqual(packets);
    for (const form of [gzipSync(file), zstdRaw(file, 5000)])
      expect((await collect(temporary(form))).packets).toEqual(packets);
    if (file.readUInt32LE(0) === 0xa1b23c4d)
      expect((await failure(path, { reader: "pcap-parser" })).code).toBe("ERR_CAPTURE_READER");
    else expect((await collect(path, { reader: "pcap-parser" })).packets).toEqual(packets);
  });
});
