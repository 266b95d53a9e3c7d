import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { layerBytes } from "../../src/encode/layers.js";
import { PayloadStrip } from "../../src/encode/strip.js";
import { readLayers } from "../../src/frame/layers.js";
import { USUAL_PORTS } from "../../src/frame/other-tunnels.js";
import { Reason } from "../../src/wire/reason.js";
import { mutated, noise } from "../frame/arbitrary.js";
import type { TestPacket } from "../frame/batch.js";
import { packetBytes, packetNames } from "../vectors/packets.js";
import { usualFrames } from "../vectors/shapes.js";
import { rewritten } from "./rewritten.js";

const ports = USUAL_PORTS;

/** What is left of a packet. */
function stripped(packet: TestPacket): { bytes: Buffer; original: number } {
  const step = new PayloadStrip(ports);
  step.begin([{ linkType: packet.linkType ?? 1, name: null, snapLength: 0 }]);
  return rewritten(step, [packet])[0];
}

/** Bytes of the headers, as the layer reader finds them in the whole packet. */
function headerBytes({ bytes, linkType = 1 }: TestPacket): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { layers, stop } = readLayers(view, 0, bytes.length, linkType);
  const isCut = stop?.reason === Reason.short;
  const headers = layers.filter(({ layer }) => layer !== "trailer" && (isCut || layer !== "payload"));
  return headers.reduce((sum, layer) => sum + layerBytes(layer), 0);
}

describe("packets without payload", () => {
  test.each([
    ...Object.entries(usualFrames),
    ...packetNames.map((name) => [name, packetBytes(name)] as const),
  ])("%s, whole or cut anywhere", (_, bytes) => {
    for (let length = 0; length <= bytes.length; length++) {
      const packet = { bytes: bytes.slice(0, length), original: bytes.length };
      const { bytes: left, original } = stripped(packet);
      expect(left).toEqual(Buffer.from(bytes.subarray(0, headerBytes(packet))));
      expect(original).toBe(bytes.length);
    }
  });

  test("of any bytes", () => {
    fc.assert(
      fc.property(fc.oneof({ weight: 4, arbitrary: mutated }, noise), (packet) => {
        const { bytes, original } = stripped(packet);
        expect(bytes.length).toBe(headerBytes(packet));
        expect(original).toBe(packet.original ?? packet.bytes.length);
      }),
      { numRuns: 3000 },
    );
  });
});
