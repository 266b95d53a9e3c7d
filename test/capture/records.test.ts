import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { openCapture } from "../../src/capture/index.js";
import { chunks, packetsArbitrary, pcap, pcapng, somePackets, type TestPacket } from "./helper.js";

describe("records", () => {
  it("and batches, taken in any mixture, are the packets of the file in order", async () => {
    await fc.assert(
      fc.asyncProperty(
        packetsArbitrary,
        fc.boolean(),
        fc.boolean(),
        fc.array(fc.record({ records: fc.nat({ max: 4 }), most: fc.integer({ min: 1, max: 5 }) }), {
          minLength: 1,
          maxLength: 5,
        }),
        fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 1, max: 600 }),
        async (packets, little, nano, turns, sizes, blockBytes) => {
          const source = await openCapture(chunks(pcap(packets, { little, nano }), sizes), { blockBytes });
          const got: TestPacket[] = [];
          for (let turn = 0; ; turn++) {
            const { records, most } = turns[turn % turns.length];
            const run = source.records();
            if (run === null) throw new Error("a plain pcap has records");
            const { view, end, layout } = run;
            let at = run.start;
            let taken = 0;
            while (taken < records && at + 16 <= end) {
              const next = at + 16 + view.getUint32(at + 8, layout.littleEndian);
              if (next > end) break;
              got.push({
                sec: view.getUint32(at, layout.littleEndian),
                nsec: view.getUint32(at + 4, layout.littleEndian) * layout.nsecPerUnit,
                data: Buffer.from(view.buffer, at + 16, next - at - 16).toString("hex"),
                original: view.getUint32(at + 12, layout.littleEndian),
                interface: 0,
              });
              at = next;
              taken++;
            }
            source.pass(at, taken);
            const batch = await source.next(most);
            if (batch === null) break;
            expect(batch.count).toBeGreaterThan(0);
            expect(batch.count).toBeLessThanOrEqual(most);
            expect(batch.firstNumber).toBe(got.length + 1);
            for (let index = 0; index < batch.count; index++) {
              const start = batch.offset[index];
              got.push({
                sec: batch.tsSec[index],
                nsec: batch.tsNsec[index],
                data: Buffer.from(batch.bytes.subarray(start, start + batch.capturedBytes[index])).toString(
                  "hex",
                ),
                original: batch.originalBytes[index],
                interface: 0,
              });
            }
          }
          expect(got).toEqual(packets);
          expect(source.damage).toBeNull();
          await source.close();
        },
      ),
      { numRuns: 300 },
    );
  });

  it("are there for pcapng and plain pcap of version 2.4 only, and not behind the end", async () => {
    const packets = somePackets(3);
    for (const [file, options] of [
      [pcap(packets, { modified: true }), {}],
      [pcap(packets, { minor: 2 }), {}],
      [pcap(packets, { minor: 3 }), {}],
      [Buffer.from("0x0000:  4500\n"), {}],
      [pcap(packets), { reader: "pcap-parser" }],
    ] as const) {
      const source = await openCapture(chunks(file, [file.length]), options);
      expect(source.records()).toBeNull();
      await source.close();
    }
    const source = await openCapture(chunks(pcap(packets, { nano: true, linkField: 113 }), [1000]));
    expect(source.records()?.layout).toEqual({
      littleEndian: true,
      units: 1_000_000_000,
      nsecPerUnit: 1,
      largest: 262_144,
      linkType: 113,
      blocks: null,
    });
    const blocks = await openCapture(chunks(pcapng(packets), [1000]));
    // The interface has not been read yet.
    expect(blocks.records()?.layout.blocks).toEqual({ interfaces: [], clocks: [], firstInterface: 0 });
    await blocks.close();
    while ((await source.next()) !== null);
    expect(source.records()).toBeNull();
    await source.close();
  });
});
