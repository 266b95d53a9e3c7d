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
  pcapng,
  pcapRecord,
  somePackets,
  Writer,
} from "./helper.js";

const reader = "pcap-parser" as const;

describe("the pcap-parser reader", () => {
  it("agrees with the builtin one on any file both can read, cut anywhere", async () => {
    await fc.assert(
      fc.asyncProperty(
        packetsArbitrary,
        fc.boolean(),
        fc.nat({ max: 100 }),
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 600 }),
        fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 4 }),
        async (packets, little, cut, batchCapacity, blockBytes, sizes) => {
          const whole = pcap(packets, { little, linkField: 0x2400_0071 });
          const file = whole.subarray(0, Math.max(24, whole.length - cut));
          const own = await collect(chunks(file, sizes), { batchCapacity, blockBytes });
          const other = await collect(chunks(file, sizes), { reader, batchCapacity, blockBytes });
          expect(other.packets).toEqual(own.packets);
          expect(other.numbers).toEqual(own.numbers);
          expect(other.interfaces).toEqual(own.interfaces);
          expect(other.damage === null).toBe(own.damage === null);
          expect(other.damage?.offset).toBe(own.damage?.offset);
          expect(other.damage?.lostBytes).toBe(own.damage?.lostBytes);
          expect(Math.max(0, ...other.batches)).toBeLessThanOrEqual(batchCapacity);
        },
      ),
      { numRuns: 200 },
    );
  });

  it("fills batches to their capacity at most with packets of no bytes", async () => {
    const packets = Array.from({ length: 3000 }, (_, index) => packet(index, 0));
    for (const batchCapacity of [1, 2, 3, 50, 4096]) {
      const got = await collect(pcap(packets), { reader, batchCapacity });
      expect(got.packets).toEqual(packets);
      expect(Math.max(...got.batches)).toBeLessThanOrEqual(batchCapacity);
    }
  });

  it("carries and counts fractions beyond a second", async () => {
    const record = new Writer(true).u32(5).u32(2_000_001).u32(1).u32(1).u8(9).done();
    const got = await collect(Buffer.concat([pcapHeader(), record]), { reader });
    expect(got.packets).toEqual([{ sec: 7, nsec: 1000, data: "09", original: 1, interface: 0 }]);
    expect(got.odd).toBe(1);
  });

  it("reports a cut file, about which pcap-parser says nothing", async () => {
    const packets = somePackets(6);
    const whole = pcap(packets);
    for (let cut = 1; cut < 16 + 300; cut += 9) {
      const got = await collect(whole.subarray(0, whole.length - cut), { reader });
      expect(got.packets).toEqual(packets.slice(0, 5));
      expect(got.damage).toMatchObject({
        offset: whole.length - 316,
        lostBytes: 316 - cut,
      });
    }
  });

  it("stops at a captured length that pcap-parser would buffer for ever", async () => {
    const packets = somePackets(6);
    const good = pcap(packets);
    const bad = new Writer(true).u32(1).u32(2).u32(0xffff_fff0).u32(60).done();
    let taken = 0;
    async function* endless(): AsyncGenerator<Uint8Array> {
      yield Buffer.concat([good, bad]);
      for (;;) {
        taken++;
        yield Buffer.alloc(65_536);
      }
    }
    const got = await collect(endless(), { reader });
    expect(got.packets).toEqual(packets);
    expect(got.damage).toMatchObject({ offset: good.length, lostBytes: null });
    expect(got.damage?.reason).toContain("claims 4294967280 captured bytes");
    expect(taken).toBeLessThan(3);
  });

  it.each([
    ["nanoseconds", pcap(somePackets(2), { nano: true })],
    ["modified pcap", pcap(somePackets(2), { modified: true })],
    ["pcapng", pcapng(somePackets(2))],
    ["a hex dump", Buffer.from("0x0000:  4500\n")],
    ["version 2.2", pcap(somePackets(2), { minor: 2 })],
    ["version 3.3", pcap(somePackets(2), { major: 3, minor: 3 })],
  ])("refuses %s", async (_, file) => {
    const error = await failure(file, { reader });
    expect(error.code).toBe("ERR_CAPTURE_READER");
    expect(error.message).toContain("builtin reader");
  });

  it("takes large packets apart", async () => {
    const packets = [packet(0, 60), packet(1, 200_000), packet(2, 60)];
    const got = await collect(pcap(packets), { reader });
    expect(got.packets.map((one) => one.data.length)).toEqual([120, 400_000, 120]);
    expect(got.packets[1].data === packets[1].data).toBe(true);
  });

  it("refuses a header that is cut", async () => {
    expect((await failure(pcapHeader().subarray(0, 20), { reader })).code).toBe("ERR_CAPTURE_FORMAT");
    expect(await collect(Buffer.concat([pcapHeader(), pcapRecord(packet(0, 1))]), { reader })).toMatchObject({
      packets: [packet(0, 1)],
      damage: null,
    });
  });
});
