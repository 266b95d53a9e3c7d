import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  chunks,
  collect,
  failure,
  packet,
  packetsArbitrary,
  pcap,
  pcapHeader,
  pcapRecord,
  somePackets,
  temporary,
  Writer,
} from "./helper.js";

const variants = [true, false].flatMap((little) => [
  { little },
  { little, nano: true },
  { little, modified: true },
  { little, minor: 3 },
  { little, minor: 2 },
]);

describe("pcap", () => {
  it.each(variants)("delivers what was written: %o", async (variant) => {
    const packets = somePackets(50).map((one) => ({ ...one, original: one.original + 9 }));
    if (variant.nano) for (const one of packets) one.nsec += 7;
    const got = await collect(pcap(packets, { ...variant, snapLength: 1500, linkField: 113 }));
    expect(got.packets).toEqual(packets);
    expect(got.numbers).toEqual(packets.map((_, index) => index + 1));
    expect(got).toMatchObject({ format: "pcap", damage: null, odd: 0 });
    expect(got.interfaces).toEqual([{ linkType: 113, name: null, snapLength: 1500, fcsBytes: 0 }]);
  });

  it("sorts the lengths of version 2.3, which was written both ways", async () => {
    const swapped = pcapRecord(packet(1, 60, { original: 99 }), { minor: 2 });
    const straight = pcapRecord(packet(2, 60, { original: 99 }));
    const got = await collect(Buffer.concat([pcapHeader({ minor: 3 }), swapped, straight]));
    expect(got.packets.map((one) => [one.data.length / 2, one.original])).toEqual([
      [60, 99],
      [60, 99],
    ]);
  });

  it("takes the link type apart from the FCS bits and the reserved ones", async () => {
    const [shown] = (await collect(pcap([], { linkField: 0x27ff_0001 }))).interfaces;
    expect(shown).toMatchObject({ linkType: 1, fcsBytes: 4 });
    // Without the f bit the length means nothing.
    const [unsaid] = (await collect(pcap([], { linkField: 0x2000_0071 }))).interfaces;
    expect(unsaid).toMatchObject({ linkType: 113, fcsBytes: 0 });
  });

  it.each([
    [false, 1_000_000, 1, 0],
    [false, 0xffff_ffff, 4294, 967_295_000],
    [false, 999_999, 0, 999_999_000],
    [true, 1_000_000_000, 1, 0],
    [true, 0xffff_ffff, 4, 294_967_295],
    [true, 999_999_999, 0, 999_999_999],
  ])("carries a fraction beyond its second (nano %s, %i)", async (nano, fraction, carried, nsec) => {
    const header = pcapHeader({ nano });
    const record = new Writer(true).u32(0xffff_ffff).u32(fraction).u32(1).u32(1).u8(0xab).done();
    const got = await collect(Buffer.concat([header, record]));
    expect(got.packets).toEqual([
      { sec: 0xffff_ffff + carried, nsec, data: "ab", original: 1, interface: 0 },
    ]);
    expect(got.odd).toBe(carried > 0 ? 1 : 0);
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
          const file = pcap(packets, { little });
          const got = await collect(chunks(file, sizes), { blockBytes, batchCapacity });
          expect(got.packets).toEqual(packets);
          expect(got.damage).toBeNull();
          expect(Math.max(0, ...got.batches)).toBeLessThanOrEqual(batchCapacity);
        },
      ),
      { numRuns: 300 },
    );
  });

  it("delivers the same from a file for every block size from 1", async () => {
    const packets = somePackets(30);
    const path = temporary(pcap(packets));
    for (let blockBytes = 1; blockBytes < 700; blockBytes += blockBytes < 60 ? 1 : 13) {
      const got = await collect(path, { blockBytes });
      expect(got.packets, `block of ${blockBytes}`).toEqual(packets);
      expect(got.damage).toBeNull();
    }
  });

  it.each([{}, { modified: true }])(
    "is damaged exactly where it is cut within a record: %o",
    async (variant) => {
      const packets = somePackets(7);
      const whole = pcap(packets, variant);
      const ends = [24];
      for (const one of packets) ends.push(ends[ends.length - 1] + pcapRecord(one, variant).length);
      for (let length = 1; length <= whole.length; length++) {
        const cut = whole.subarray(0, length);
        if (length < 24) {
          expect((await failure(cut)).code, `cut at ${length}`).toBe("ERR_CAPTURE_FORMAT");
          continue;
        }
        for (const input of [cut, temporary(cut, "cut.pcap")]) {
          const got = await collect(input, { blockBytes: 128 });
          const complete = ends.filter((end) => end <= length).length - 1;
          expect(got.packets, `cut at ${length}`).toEqual(packets.slice(0, complete));
          if (ends.includes(length)) expect(got.damage).toBeNull();
          else
            expect(got.damage).toMatchObject({ offset: ends[complete], lostBytes: length - ends[complete] });
        }
      }
    },
  );

  it.each([0xffff_ffff, 0x8000_0000, 262_145])("stops at a captured length of %i", async (captured) => {
    const packets = somePackets(5);
    const good = pcap(packets);
    const bad = new Writer(true).u32(1).u32(2).u32(captured).u32(captured).bytes(Buffer.alloc(100)).done();
    const file = Buffer.concat([good, bad]);
    for (const [input, lostBytes] of [
      [temporary(file), bad.length],
      [chunks(file, [file.length]), null],
    ] as const) {
      const got = await collect(input);
      expect(got.packets).toEqual(packets);
      expect(got.damage).toEqual({
        offset: good.length,
        lostBytes,
        reason: `packet 6 claims ${captured} captured bytes, more than the 262144 this file can hold`,
      });
    }
  });

  it("believes larger packets in a file with a larger snapshot length, up to 16 MiB", async () => {
    const large = packet(1, 300_000);
    const got = await collect(pcap([packet(0, 60), large, packet(2, 60)], { snapLength: 1_000_000 }), {
      blockBytes: 4096,
    });
    expect(got.packets.map((one) => one.data.length / 2)).toEqual([60, 300_000, 60]);
    expect(got.packets[1].data === large.data).toBe(true);
    const header = pcapHeader({ snapLength: 0xffff_ffff });
    const bad = new Writer(true)
      .u32(1)
      .u32(2)
      .u32(16 * 1024 * 1024 + 1)
      .u32(1)
      .done();
    expect((await collect(Buffer.concat([header, bad]))).damage?.offset).toBe(24);
  });

  it("takes a file in the wrong byte order for damage, not for packets", async () => {
    const file = Buffer.concat([pcapHeader({ little: false }), pcapRecord(packet(0, 60), { little: true })]);
    const got = await collect(file);
    expect(got.packets).toEqual([]);
    expect(got.damage?.offset).toBe(24);
  });

  it.each([
    [1, 4],
    [3, 0],
    [2, 5],
    [543, 0],
  ])("refuses version %i.%i", async (major, minor) => {
    const error = await failure(pcap(somePackets(2), { major, minor }));
    expect(error).toMatchObject({ code: "ERR_CAPTURE_FORMAT", offset: 4 });
    expect(error.message).toContain(`${major}.${minor}`);
  });

  it("reads a file of no packets", async () => {
    expect(await collect(pcap([]))).toMatchObject({ packets: [], damage: null });
  });
});
