import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Decapsulation } from "../../src/encode/decapsulate.js";
import { layerBytes } from "../../src/encode/layers.js";
import { readLayers } from "../../src/frame/layers.js";
import { mutated, noise } from "../frame/arbitrary.js";
import type { TestPacket } from "../frame/batch.js";
import { packetBytes } from "../vectors/packets.js";
import { overIpv6, tagged } from "../vectors/shapes.js";
import { rewritten } from "./rewritten.js";

/** What is left of packets, and why others were left out. */
function decapsulated(given: readonly TestPacket[]) {
  const step = new Decapsulation();
  return { left: rewritten(step, given), leftOut: step.leftOut };
}

/** A packet with bytes changed at some offsets. */
function changed(bytes: Uint8Array, changes: Record<number, number>): Uint8Array {
  const copy = bytes.slice();
  for (const [at, value] of Object.entries(changes)) copy[Number(at)] = value;
  return copy;
}

const echo = packetBytes("echoRequest");
const INNER = 58;

describe("inner frames", () => {
  test.each([
    ["plain", echo, INNER],
    ["with a tag outside", tagged(echo), INNER + 4],
    ["over IPv6", overIpv6(echo), INNER + 20],
  ])("%s, whole or cut anywhere: the original length is what was on the wire", (_, bytes, at) => {
    for (let length = at + 1; length <= bytes.length; length++) {
      const { left, leftOut } = decapsulated([{ bytes: bytes.subarray(0, length), original: bytes.length }]);
      expect(left).toEqual([
        { row: 0, bytes: Buffer.from(bytes.subarray(at, length)), original: bytes.length - at },
      ]);
      expect(leftOut).toEqual([]);
    }
    for (let length = 0; length <= at; length++)
      expect(decapsulated([{ bytes: bytes.subarray(0, length), original: bytes.length }])).toEqual({
        left: [],
        leftOut: [
          { packets: 1, why: expect.stringMatching(/^(cut before the inner frame|not in a tunnel)$/) },
        ],
      });
  });

  test("what is behind the datagram belongs to no inner frame", () => {
    const padded = Uint8Array.from([...echo, 0, 0, 0, 0]);
    const [whole] = decapsulated([{ bytes: padded }]).left;
    expect(whole).toEqual({
      row: 0,
      bytes: Buffer.from(echo.subarray(INNER)),
      original: echo.length - INNER,
    });
    const [cut] = decapsulated([{ bytes: padded.subarray(0, 100), original: padded.length }]).left;
    expect(cut).toMatchObject({ original: echo.length - INNER });
  });

  test.each(["vxlanRequest", "sttRequest"] as const)(
    "what is behind a whole packet of another tunnel: %s",
    (name) => {
      const bytes = packetBytes(name);
      const [plain] = decapsulated([{ bytes }]).left;
      expect(plain.original).toBe(plain.bytes.length);
      expect(decapsulated([{ bytes: Uint8Array.from([...bytes, 0, 0, 0, 0]) }]).left).toEqual([plain]);
    },
  );

  test("what has none is counted by its reason", () => {
    const given = [
      echo,
      // Another port; a first and a later fragment; the O bit; another version; IPv4 inside; an IHL of 4.
      changed(echo, { 37: 0xc2 }),
      changed(echo, { 20: 0x20 }),
      changed(echo, { 20: 0x20, 21: 0x10 }),
      changed(echo, { 43: 0xc0 }),
      changed(echo, { 42: 0x42 }),
      changed(echo, { 44: 0x08, 45: 0x00 }),
      changed(echo, { 14: 0x44 }),
    ].map((bytes) => ({ bytes }));
    const { left, leftOut } = decapsulated(given);
    expect(left.map(({ row }) => row)).toEqual([0]);
    expect(leftOut).toEqual([
      { packets: 1, why: "not in a tunnel" },
      { packets: 2, why: "fragments of tunnel packets" },
      { packets: 1, why: "control packets (OAM)" },
      { packets: 1, why: "malformed before the inner frame" },
      { packets: 1, why: "of a kind that is not read" },
      { packets: 1, why: "with something other than an Ethernet frame inside" },
    ]);
  });

  test("as the layer reader finds them, of any bytes; nobody is lost", () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof({ weight: 4, arbitrary: mutated }, noise), { minLength: 1, maxLength: 10 }),
        (given) => {
          const { left, leftOut } = decapsulated(given);
          expect(left.length + leftOut.reduce((sum, { packets }) => sum + packets, 0)).toBe(given.length);
          for (const { row, bytes, original } of left) {
            expect(original).toBeGreaterThanOrEqual(bytes.length);
            const { bytes: outer, linkType = 1 } = given[row];
            const view = new DataView(outer.buffer, outer.byteOffset, outer.byteLength);
            const { layers, stop } = readLayers(view, 0, outer.length, linkType);
            if (stop !== null) continue;
            const inside = layers.filter(
              ({ depth, layer }, index) =>
                depth === 1 && (layer !== "trailer" || layers[index - 1]?.depth === 1),
            );
            expect(bytes.length).toBe(inside.reduce((sum, layer) => sum + layerBytes(layer), 0));
            if ((given[row].original ?? 0) <= outer.length) expect(original).toBe(bytes.length);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });
});
