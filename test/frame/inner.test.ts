/* Frames without their tunnel must be read as within it. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { FrameDecoder } from "../../src/frame/decode.js";
import { FrameBatch, FrameFlag, FrameLayer, FrameStatus } from "../../src/index.js";
import { usualFrames } from "../vectors/shapes.js";
import { mutated, noise } from "./arbitrary.js";
import { batchOf, rowOf, type TestPacket } from "./batch.js";

/** Bytes of Ethernet, IPv4, UDP and Geneve with OVN's option. */
const OUTER = 58;
const base = Object.values(usualFrames)[0];

/** The frame in a tunnel, whose lengths are those of the frame when it was whole. */
function tunnelled({ bytes, original = bytes.length }: TestPacket): TestPacket {
  const packet = new Uint8Array(OUTER + bytes.length);
  packet.set(base.subarray(0, OUTER));
  packet.set(bytes, OUTER);
  const view = new DataView(packet.buffer);
  view.setUint16(16, OUTER - 14 + original);
  view.setUint16(38, OUTER - 34 + original);
  return { bytes: packet, original: OUTER + original };
}

function decode(given: readonly TestPacket[], way: "decode" | "decodeInner") {
  const { packets, interfaces } = batchOf(given);
  const frames = new FrameBatch(packets.capacity);
  // What an earlier batch has left behind must not be seen.
  for (const column of Object.values(frames))
    if (ArrayBuffer.isView(column) && column !== frames.every) fillOdd(column);
  new FrameDecoder()[way](packets, interfaces, frames);
  return given.map((_, i) => ({ ...rowOf(packets, frames, i), stopOffset: frames.stopOffset[i], frames, i }));
}

function fillOdd(column: ArrayBufferView): void {
  new Uint8Array(column.buffer).fill(0x5a);
}

const inner = fc
  .tuple(fc.oneof({ weight: 4, arbitrary: mutated }, noise), fc.integer({ min: 0, max: 200 }))
  .map(([{ bytes }, cut]): TestPacket => {
    const from = Math.min(OUTER, bytes.length);
    const whole = bytes.slice(from);
    return {
      bytes: whole.slice(0, Math.max(0, whole.length - Math.max(0, cut - 150))),
      original: whole.length,
    };
  });

test("the columns of an inner frame are the same with and without its tunnel", () => {
  let read = 0;
  fc.assert(
    fc.property(fc.array(inner, { minLength: 1, maxLength: 10 }), (given) => {
      const within = decode(given.map(tunnelled), "decode");
      const without = decode(given, "decodeInner");
      const moved = (offset: number) => (offset < 0 ? offset : offset - OUTER);
      without.forEach((row, n) => {
        const { frames, i, ...bare } = row;
        const { frames: _frames, i: _i, ...outer } = within[n];
        if (bare.status === "ok") read++;
        expect(bare).toEqual({
          ...outer,
          flags: FrameFlag.bare,
          vni: -1,
          ovnKeys: 0,
          outerIp: -1,
          outerBytes: 0,
          udp: -1,
          geneve: -1,
          inner: 0,
          innerEnd: given[n].bytes.length,
          innerNetwork: moved(outer.innerNetwork),
          innerTransport: moved(outer.innerTransport),
          stop: outer.stop?.replace(/@\d+/, `@${bare.stopOffset}`) ?? null,
          stopOffset: outer.stop === null ? 0 : moved(outer.stopOffset),
        });
        expect(frames.count).toBe(given.length);
        expect(i).toBe(n);
      });
    }),
    { numRuns: 2000 },
  );
  expect(read).toBeGreaterThan(100);
});

test("other than Ethernet is not read", () => {
  const { packets, interfaces } = batchOf([{ bytes: base, linkType: 113 }]);
  const frames = new FrameBatch(1);
  new FrameDecoder().decodeInner(packets, interfaces, frames);
  expect([frames.status[0], frames.stopLayer[0], frames.inner[0]]).toEqual([
    FrameStatus.unsupported,
    FrameLayer.link,
    -1,
  ]);
});
