/* Packets for properties: near to real ones, and not. */
import fc from "fast-check";
import { packetBytes, packetNames, packets } from "../vectors/packets.js";
import type { TestPacket } from "./batch.js";

/** A vector with a few bytes changed, perhaps cut, perhaps captured in part. */
export const mutated: fc.Arbitrary<TestPacket> = fc
  .record({
    name: fc.constantFrom(...packetNames),
    changes: fc.array(fc.tuple(fc.nat(400), fc.integer({ min: 0, max: 255 })), { maxLength: 4 }),
    cut: fc.option(fc.nat(400)),
    kept: fc.option(fc.nat(400)),
  })
  .map(({ name, changes, cut, kept }) => {
    let bytes = packetBytes(name);
    for (const [offset, value] of changes) if (offset < bytes.length) bytes[offset] = value;
    if (cut !== null) bytes = bytes.subarray(0, cut);
    const original = bytes.length;
    if (kept !== null) bytes = bytes.subarray(0, kept);
    return { bytes, original, linkType: packets[name].linkType };
  });

/** Any bytes of any link type. */
export const noise: fc.Arbitrary<TestPacket> = fc
  .record({
    bytes: fc.uint8Array({ maxLength: 300 }),
    original: fc.option(fc.nat(400)),
    linkType: fc.constantFrom(0, 1, 12, 101, 108, 113, 228, 229, 276, 147),
  })
  .map(({ bytes, original, linkType }) => ({ bytes, original: original ?? bytes.length, linkType }));
