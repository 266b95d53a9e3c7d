import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type CaptureSource, openCapture } from "../../src/capture/index.js";
import { MergedSource } from "../../src/capture/merged-source.js";
import { SortedSource } from "../../src/capture/sorted-source.js";
import { packet, pcap, type TestPacket, temporary } from "./helper.js";

/** A capture with the packets, in a file of its own. */
function open(packets: readonly TestPacket[], batchCapacity = 3): Promise<CaptureSource> {
  return openCapture(temporary(pcap([...packets], { nano: true })), { batchCapacity });
}

/** All packets of a source. */
async function all(source: CaptureSource, most?: number): Promise<TestPacket[]> {
  const packets: TestPacket[] = [];
  for (let batch = await source.next(most); batch !== null; batch = await source.next(most)) {
    expect(batch.firstNumber).toBe(packets.length + 1);
    for (let i = 0; i < batch.count; i++) {
      const start = batch.offset[i];
      packets.push({
        sec: batch.tsSec[i],
        nsec: batch.tsNsec[i],
        data: Buffer.from(batch.bytes.subarray(start, start + batch.capturedBytes[i])).toString("hex"),
        original: batch.originalBytes[i],
        interface: batch.interfaceIndex[i],
      });
    }
  }
  await source.close();
  return packets;
}

const earlier = (a: TestPacket, b: TestPacket): number => a.sec - b.sec || a.nsec - b.nsec;

/** Packets at few different times, so that many come together, of sizes of which some fill whatever is held. */
const anyPackets = fc.array(
  fc.record({
    sec: fc.integer({ min: 100_000, max: 100_003 }),
    nsec: fc.integer({ min: 0, max: 3 }),
    length: fc.oneof({ weight: 20, arbitrary: fc.nat(80) }, fc.nat(3000)),
  }),
  { maxLength: 40 },
);
let serial = 0;
const made = (list: readonly { sec: number; nsec: number; length: number }[]): TestPacket[] =>
  list.map(({ sec, nsec, length }) => packet(serial++, length, { sec, nsec, interface: 0 }));

describe("merged", () => {
  test("whatever the captures: in the order of time, and of captures where that is the same", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyPackets, { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 1, max: 9 }),
        async (lists, size) => {
          const captures = lists.map((list) => made(list).sort(earlier));
          const source = new MergedSource(await Promise.all(captures.map((list) => open(list, size))));
          const expected = captures
            .flatMap((list, index) => list.map((each) => ({ ...each, interface: index })))
            .sort(earlier);
          expect(await all(source, size === 9 ? undefined : size)).toEqual(expected);
          expect(source.interfaces).toHaveLength(lists.length);
          expect(source.size).toBe(source.position);
        },
      ),
      { numRuns: 100 },
    );
  });

  test("more packets than any memory holds, from more captures than it is divided among", async () => {
    const captures = Array.from({ length: 40 }, (_, c) =>
      Array.from({ length: 400 }, (_, n) =>
        packet(n, 60 + ((n * c) % 1400), { sec: 1000 + n, nsec: (c * 7919) % 41, interface: 0 }),
      ),
    );
    const source = new MergedSource(await Promise.all(captures.map((list) => open(list, 512))));
    const expected = captures
      .flatMap((list, c) => list.map((each) => ({ ...each, interface: c })))
      .sort(earlier);
    expect(await all(source)).toEqual(expected);
  });

  test("a packet that is earlier than the one before it ends it, once those before it were given", async () => {
    const good = made([{ sec: 5, nsec: 0, length: 9 }]);
    const bad = made([5, 6, 6, 7, 6].map((sec) => ({ sec, nsec: 1, length: 10 })));
    const inputs = [await open(good), await open(bad)];
    const source = new MergedSource(inputs);
    expect(await source.next()).toMatchObject({ count: 5 });
    await expect(all(source)).rejects.toMatchObject({
      code: "ERR_CAPTURE_ORDER",
      reason: expect.stringMatching(/^packet 5 is earlier than the one before it/),
    });
    for (const each of inputs) await each.close();
  });
});

describe("sorted", () => {
  test("whatever its order, packets come in that of time; those of one time as they were", async () => {
    await fc.assert(
      fc.asyncProperty(anyPackets, fc.integer({ min: 1, max: 9 }), async (list, size) => {
        const packets = made(list);
        expect(await all(new SortedSource(await open(packets, size)))).toEqual([...packets].sort(earlier));
      }),
      { numRuns: 100 },
    );
  });

  test("more than is held: right where packets are near their places, an error where they are not", async () => {
    // A thousand packets are held: half of them go when it is full.
    const share = 1 / (1 << 20);
    const near = Array.from({ length: 20_000 }, (_, n) =>
      packet(n, 70, { sec: 1e6 + (n ^ 0xff), interface: 0 }),
    );
    expect(await all(new SortedSource(await open(near, 100), share))).toEqual([...near].sort(earlier));
    const far = [...near, packet(0, 70, { sec: 5, interface: 0 })];
    await expect(all(new SortedSource(await open(far, 100), share))).rejects.toMatchObject({
      code: "ERR_CAPTURE_ORDER",
      reason: expect.stringMatching(/^has packets further from their places than the 512 packets or/),
    });
  });

  test("sorted captures merge", async () => {
    const lists = [1, 2, 3].map((c) =>
      Array.from({ length: 50 }, (_, n) =>
        packet(n, 20 + c, { sec: 100 + ((n * 37) % 50), nsec: c, interface: 0 }),
      ),
    );
    const source = new MergedSource(
      await Promise.all(lists.map(async (list) => new SortedSource(await open(list), 1 / 3))),
    );
    const expected = lists.flatMap((list, index) => list.map((each) => ({ ...each, interface: index })));
    expect(await all(source)).toEqual(expected.sort(earlier));
  });
});
