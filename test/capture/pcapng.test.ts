import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  block,
  chunks,
  collect,
  enhanced,
  failure,
  interfaceBlock,
  option,
  packet,
  packetsArbitrary,
  pcapng,
  rawEnhanced,
  section,
  simple,
  somePackets,
  temporary,
  Writer,
} from "./helper.js";

const head = Buffer.concat([section(), interfaceBlock()]);

/** A block whose two lengths are as given, whatever there is in between. */
function crooked(type: number, first: number, body: number, second: number): Buffer {
  return new Writer(true).u32(type).u32(first).bytes(Buffer.alloc(body)).u32(second).done();
}

describe("pcapng", () => {
  it.each([true, false])("delivers what was written (little endian: %s)", async (little) => {
    const packets = somePackets(40);
    const got = await collect(pcapng(packets, little));
    expect(got.packets).toEqual(packets);
    expect(got).toMatchObject({ format: "pcapng", damage: null, odd: 0 });
    expect(got.interfaces).toEqual([{ linkType: 1, name: "eth1", snapLength: 0, fcsBytes: 0 }]);
  });

  it.each([true, false])("reads the old Packet Block (little endian: %s)", async (little) => {
    const packets = somePackets(6);
    const file = Buffer.concat([
      section(little),
      interfaceBlock({ little }),
      ...packets.map((one) => enhanced(one, { little, type: 2 })),
    ]);
    expect((await collect(file)).packets).toEqual(packets);
  });

  it("gives a Simple Packet time 0, the first interface and no more than its snapshot length", async () => {
    const one = packet(1, 100);
    const file = Buffer.concat([
      section(),
      interfaceBlock({ snapLength: 64 }),
      interfaceBlock(),
      simple({ ...one, data: one.data.slice(0, 128) }),
      simple(packet(2, 30)),
      section(),
      interfaceBlock(),
      simple(packet(3, 99)),
    ]);
    const got = await collect(file);
    expect(got.damage).toBeNull();
    expect(got.packets).toEqual([
      { sec: 0, nsec: 0, data: one.data.slice(0, 128), original: 100, interface: 0 },
      { ...packet(2, 30), sec: 0, nsec: 0 },
      { ...packet(3, 99), sec: 0, nsec: 0, interface: 2 },
    ]);
  });

  it("keeps several sections of both byte orders and their interfaces apart", async () => {
    const little = [packet(0, 60), packet(1, 61, { interface: 1 })];
    const big = [packet(2, 62), packet(3, 63, { interface: 1 })];
    const file = Buffer.concat([
      section(true),
      interfaceBlock({ name: "a", linkType: 1 }),
      interfaceBlock({ name: "b", linkType: 113, resolution: 9 }),
      enhanced(little[0]),
      enhanced(little[1], { unitsPerSecond: 1_000_000_000n }),
      section(false, 1, 12345n),
      interfaceBlock({ little: false, name: "c", linkType: 101, resolution: 0x80 | 20, snapLength: 96 }),
      enhanced(big[0], { little: false, unitsPerSecond: 2n ** 20n }),
      interfaceBlock({ little: false, name: "d", offset: -1000n }),
      enhanced(big[1], { little: false }),
    ]);
    for (const blockBytes of [1, 50, 100_000]) {
      const got = await collect(file, { blockBytes });
      expect(got.damage).toBeNull();
      expect(got.interfaces.map((one) => [one.name, one.linkType, one.snapLength])).toEqual([
        ["a", 1, 0],
        ["b", 113, 0],
        ["c", 101, 96],
        ["d", 1, 0],
      ]);
      expect(got.packets.map((one) => [one.data, one.interface])).toEqual([
        [little[0].data, 0],
        [little[1].data, 1],
        [big[0].data, 2],
        [big[1].data, 3],
      ]);
      expect(got.packets.map((one) => one.sec)).toEqual([
        1_700_000_000,
        1_700_000_001,
        1_700_000_002,
        1_700_000_003 - 1000,
      ]);
      expect(got.packets[1].nsec).toBe(little[1].nsec);
      // Cut off to 2^-20 seconds when written, and to nanoseconds when read.
      expect(big[0].nsec - got.packets[2].nsec).toBeGreaterThanOrEqual(0);
      expect(big[0].nsec - got.packets[2].nsec).toBeLessThan(955);
    }
  });

  it("reads time stamps of any resolution and offset exactly", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat({ max: 255 }),
        fc.bigInt({ min: -(2n ** 40n), max: 2n ** 40n }),
        fc.array(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), { minLength: 1, maxLength: 5 }),
        fc.boolean(),
        async (resolution, offset, stamps, little) => {
          const file = Buffer.concat([
            section(little),
            interfaceBlock({ little, resolution, offset }),
            ...stamps.map((stamp) => rawEnhanced(packet(0, 4), stamp, { little })),
          ]);
          const got = await collect(file);
          const exponent = BigInt(resolution & 0x7f);
          const perSecond = resolution & 0x80 ? 2n ** exponent : 10n ** exponent;
          expect(got.packets.map((one) => one.nsec)).toEqual(
            stamps.map((stamp) => Number(((stamp % perSecond) * 1_000_000_000n) / perSecond)),
          );
          // Seconds are a double: exact up to 2^53, which is 285 million years.
          for (const [index, stamp] of stamps.entries()) {
            const seconds = stamp / perSecond + offset;
            if (seconds < 2n ** 53n) expect(got.packets[index].sec).toBe(Number(seconds));
            else expect(Math.abs(got.packets[index].sec / Number(seconds) - 1)).toBeLessThan(1e-15);
          }
        },
      ),
      { numRuns: 200 },
    );
  });

  it("passes over blocks without packets, also larger than any buffer", async () => {
    const packets = somePackets(8);
    const large = block(0x0bad, Buffer.alloc(300_000, 0xee));
    const others = [
      block(4, Buffer.alloc(16)),
      block(5, Buffer.alloc(8)),
      block(0x0a, Buffer.alloc(40)),
      block(9, Buffer.from("journal")),
      block(0x4000_0bad, Buffer.alloc(12)),
      block(0x8000_0001, Buffer.alloc(0)),
      large,
    ];
    const file = Buffer.concat([
      head,
      ...packets.flatMap((one, index) => [others[index % others.length], enhanced(one)]),
      large,
    ]);
    for (const blockBytes of [1, 16, 1000, 1_000_000]) {
      const got = await collect(file, { blockBytes });
      expect(got.packets).toEqual(packets);
      expect(got.damage).toBeNull();
    }
    // Cut within the last large block.
    const cut = await collect(file.subarray(0, -1), { blockBytes: 1000 });
    expect(cut.packets).toEqual(packets);
    expect(cut.damage).toMatchObject({ offset: file.length - large.length, lostBytes: large.length - 1 });
  });

  it("notices wrong lengths behind a block it passed over piecewise", async () => {
    const bad = new Writer(true).u32(0x0bad).u32(5012).bytes(Buffer.alloc(5000)).u32(5016).done();
    const got = await collect(Buffer.concat([head, enhanced(packet(0, 60)), bad, enhanced(packet(1, 60))]), {
      blockBytes: 100,
    });
    expect(got.packets).toEqual([packet(0, 60)]);
    expect(got.damage).toMatchObject({
      offset: head.length + 92,
      reason: "a block begins with length 5012 and ends with 5016",
    });
  });

  it("is damaged exactly where it is cut within a block", async () => {
    const packets = somePackets(6);
    const parts = [
      section(),
      interfaceBlock({ name: "x" }),
      ...packets.map((one) => enhanced(one)),
      block(5, Buffer.alloc(8)),
    ];
    const whole = Buffer.concat(parts);
    const ends: number[] = [];
    for (const part of parts) ends.push((ends[ends.length - 1] ?? 0) + part.length);
    for (let length = 1; length <= whole.length; length++) {
      const cut = whole.subarray(0, length);
      if (length < 28) {
        expect((await failure(cut)).code, `cut at ${length}`).toBe("ERR_CAPTURE_FORMAT");
        continue;
      }
      for (const input of [cut, temporary(cut, "cut.pcapng")]) {
        const got = await collect(input, { blockBytes: 64 });
        const complete = ends.filter((end) => end <= length).length;
        expect(got.packets, `cut at ${length}`).toEqual(packets.slice(0, Math.max(0, complete - 2)));
        if (ends.includes(length)) expect(got.damage, `cut at ${length}`).toBeNull();
        else
          expect(got.damage, `cut at ${length}`).toMatchObject({
            offset: ends[complete - 1],
            lostBytes: length - ends[complete - 1],
          });
      }
    }
  });

  it("delivers the same for any block size, batch capacity and chunking", async () => {
    await fc.assert(
      fc.asyncProperty(
        packetsArbitrary,
        fc.integer({ min: 1, max: 600 }),
        fc.integer({ min: 1, max: 9 }),
        fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 5 }),
        fc.boolean(),
        async (packets, blockBytes, batchCapacity, sizes, little) => {
          const got = await collect(chunks(pcapng(packets, little), sizes), { blockBytes, batchCapacity });
          expect(got.packets).toEqual(packets);
          expect(got.damage).toBeNull();
        },
      ),
      { numRuns: 300 },
    );
  });

  const good = enhanced(packet(0, 60));
  const captured = enhanced(packet(1, 60));
  captured.writeUInt32LE(61, 20);
  const trailer = enhanced(packet(1, 60));
  trailer.writeUInt32LE(96, trailer.length - 4);
  const original = simple(packet(1, 60));
  original.writeUInt32LE(61, 8);
  it.each([
    ["length 0", crooked(6, 0, 40, 0), "claims 0 bytes"],
    ["length 11", crooked(6, 11, 40, 11), "claims 11 bytes"],
    ["length not of 4", crooked(0x0bad, 30, 18, 30), "not a multiple of 4"],
    ["length of 4 GiB", crooked(6, 0xffff_fffc, 40, 0), "more than the 16777216"],
    ["interface of 4 GiB", crooked(1, 0xffff_fffc, 40, 0), "more than the 16777216"],
    ["unknown of 4 GiB", crooked(0x0bad, 0xffff_fffc, 40, 0), "ends within a block of 4294967292"],
    ["lengths that differ", trailer, "begins with length 92 and ends with 96"],
    ["captured beyond the block", captured, "packet 2 claims 61 captured bytes, its block has room for 60"],
    ["simple beyond the block", original, "packet 2 needs 61 bytes, its block has room for 60"],
    ["short packet block", crooked(6, 28, 16, 28), "fewer than 32"],
    ["short old packet block", crooked(2, 12, 0, 12), "fewer than 32"],
    ["short simple packet block", crooked(3, 12, 0, 12), "fewer than 16"],
    ["short interface block", crooked(1, 16, 4, 16), "fewer than 20"],
    [
      "unknown interface",
      enhanced(packet(1, 60), { interface: 1 }),
      "packet 2 refers to interface 1, 1 are described",
    ],
    ["far interface", enhanced(packet(1, 60), { interface: 0xffff_ffff }), "refers to interface 4294967295"],
    ["section without interface", Buffer.concat([section(), simple(packet(1, 4))]), "0 are described"],
    ["major version", section(true, 2), "version 2"],
    ["byte-order magic", block(0x0a0d0d0a, Buffer.alloc(16, 0x77)), "byte-order magic 0x77777777"],
    ["cut option", block(1, Buffer.from("0100000000000000020040006162", "hex")), "option 2"],
    [
      "resolution of 2 bytes",
      block(1, Buffer.concat([Buffer.alloc(8), option(9, Buffer.alloc(2))])),
      "tsresol",
    ],
    [
      "offset of 4 bytes",
      block(1, Buffer.concat([Buffer.alloc(8), option(14, Buffer.alloc(4))])),
      "tsoffset",
    ],
    ["FCS of 2 bytes", block(1, Buffer.concat([Buffer.alloc(8), option(13, Buffer.alloc(2))])), "fcslen"],
  ])("delivers what was before damage: %s", async (_, bad, reason) => {
    const file = Buffer.concat([head, good, bad]);
    const behind = Buffer.concat([file, enhanced(packet(9, 60))]);
    const sectionBytes = reason.includes("0 are described") ? 28 : 0;
    for (const input of [file, behind])
      for (const blockBytes of [40, 1_000_000]) {
        const got = await collect(input, { blockBytes });
        expect(got.packets).toEqual([packet(0, 60)]);
        expect(got.damage?.reason).toContain(reason);
        expect(got.damage?.offset).toBe(head.length + good.length + sectionBytes);
      }
  });

  it.each([
    ["byte order", block(0x0a0d0d0a, Buffer.alloc(16, 0x11)), 8],
    ["version", section(true, 2), 8],
    ["cut", section().subarray(0, 27), 27],
  ])("refuses a first section header with bad %s", async (_, file, offset) => {
    expect(await failure(file)).toMatchObject({ code: "ERR_CAPTURE_FORMAT", offset });
  });

  it("bounds a name and cuts it at its NUL, unescaped as data", async () => {
    const names = ["x".repeat(5000), "eth0\0junk", "\u001b[31mred", ""];
    const got = await collect(Buffer.concat([section(), ...names.map((name) => interfaceBlock({ name }))]));
    expect(got.interfaces.map((one) => one.name)).toEqual(["x".repeat(255), "eth0", "\u001b[31mred", ""]);
  });

  it("stops at the 65,537th interface", async () => {
    const one = interfaceBlock();
    const file = Buffer.concat([section(), ...Array(65_537).fill(one)]);
    const got = await collect(file);
    expect(got.interfaces.length).toBe(65_536);
    expect(got.damage?.offset).toBe(28 + 65_536 * one.length);
  });
});
