import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AddressMap } from "../../src/encode/address-map.js";
import { Anonymization } from "../../src/encode/anonymize.js";
import { writeLayers } from "../../src/encode/layers.js";
import { type Layer, readLayers } from "../../src/frame/layers.js";
import { USUAL_PORTS } from "../../src/frame/other-tunnels.js";
import { foldSum, pseudoSumIpv4 } from "../../src/wire/checksum.js";
import { Ipv4Offset } from "../../src/wire/ipv4.js";
import { mutated, noise } from "../frame/arbitrary.js";
import { decodeAll, type TestPacket } from "../frame/batch.js";
import { packetBytes, packetNames } from "../vectors/packets.js";
import { overIpv6, tagged, usualFrames } from "../vectors/shapes.js";
import { rewritten } from "./rewritten.js";

const map = new AddressMap(Uint8Array.from({ length: 32 }, (_, n) => n * 7));
const ports = USUAL_PORTS;

/** What becomes of a packet; null where it is left out. */
function anonymized(packet: TestPacket): Uint8Array | null {
  const step = new Anonymization(map, ports);
  step.begin([{ linkType: packet.linkType ?? 1, name: "eth0", snapLength: 0 }]);
  const [one] = rewritten(step, [packet]);
  expect(step.unread).toBe(one === undefined ? 1 : 0);
  return one === undefined ? null : Uint8Array.from(one.bytes);
}

function layersOf(bytes: Uint8Array): Layer[] {
  return readLayers(new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 0, bytes.length, 1).layers;
}

const fixed = (bytes: Uint8Array): Uint8Array =>
  writeLayers(layersOf(bytes), { fixChecksums: true, keepAbsentUdp: true });

/** Every address that headers have, in their order. */
function addressesOf(bytes: Uint8Array): string[] {
  return layersOf(bytes).flatMap((layer) =>
    Object.entries(layer).flatMap(([field, value]) =>
      /^(source|destination|sender|target)/.test(field) && typeof value === "string" ? [value] : [],
    ),
  );
}

/** Vectors that readers read to their end, and shapes of the usual frame. */
const whole = [
  ...packetNames.map((name) => [name, packetBytes(name)] as const),
  ...Object.entries(usualFrames),
  ["tagged", tagged(packetBytes("echoReply"))] as const,
  ["over IPv6", overIpv6(packetBytes("echoReply"))] as const,
].filter(([, bytes]) => {
  const { stop } = readLayers(new DataView(bytes.buffer, bytes.byteOffset), 0, bytes.length, 1);
  return stop === null && anonymized({ bytes }) !== null;
});

describe("packets with other addresses", () => {
  test("there are enough of them to say anything", () => {
    expect(whole.length).toBeGreaterThan(15);
  });

  test.each(whole)("%s: each address is that of the map, checksums that were right are right", (_, bytes) => {
    const before = fixed(bytes);
    const after = anonymized({ bytes: before }) as Uint8Array;
    expect(addressesOf(after)).toEqual(addressesOf(before).map((address) => map.text(address)));
    expect(Buffer.from(fixed(after)).toString("hex")).toBe(Buffer.from(after).toString("hex"));
    // One that is wrong stays wrong by as much.
    for (const { offset } of layersOf(before).filter(({ layer }) => layer === "ipv4")) {
      const wrong = before.slice();
      wrong[offset + Ipv4Offset.ttl] ^= 0x55;
      const changed = anonymized({ bytes: wrong }) as Uint8Array;
      changed[offset + Ipv4Offset.ttl] ^= 0x55;
      expect(Buffer.from(changed).toString("hex")).toBe(Buffer.from(after).toString("hex"));
    }
  });

  test.each(whole)(
    "%s, cut anywhere: what is left is the beginning of the whole, and ends in no address",
    (_, bytes) => {
      const all = anonymized({ bytes }) as Uint8Array;
      for (let length = 0; length <= bytes.length; length++) {
        const cut = anonymized({ bytes: bytes.slice(0, length), original: bytes.length }) as Uint8Array;
        // A checksum over what is missing is corrected by what is there.
        expect(cut.length).toBeLessThanOrEqual(length);
        expect(length - cut.length).toBeLessThan(16);
        const partly = Buffer.from(bytes.subarray(0, length)).compare(Buffer.from(cut));
        if (cut.length < length) expect(partly).not.toBe(0);
        for (const address of addressesOf(cut)) expect(addressesOf(all)).toContain(address);
      }
    },
  );

  test("are what they were to the decoder, whatever they are", () => {
    fc.assert(
      fc.property(fc.oneof({ weight: 4, arbitrary: mutated }, noise), (packet) => {
        const bytes = anonymized(packet);
        if (bytes === null || bytes.length < packet.bytes.length) return;
        expect(decodeAll([{ ...packet, bytes }])).toEqual(decodeAll([packet]));
      }),
      { numRuns: 3000 },
    );
  });

  test("that quote another one: its addresses, too, and its checksums", () => {
    const echo = layersOf(packetBytes("echoRequest"));
    const inner = echo.filter(({ depth }) => depth === 1);
    const [ethernet, ip] = inner;
    const quoted = writeLayers(inner.slice(1), { fixChecksums: true });
    const error: Layer[] = [
      ...echo.filter(({ depth }) => depth === 0),
      ethernet,
      ip,
      { layer: "icmp", depth: 1, offset: 0, type: 3, code: 1, checksum: 0, rest: 0 },
      { layer: "payload", depth: 1, offset: 0, bytes: quoted },
    ];
    const bytes = writeLayers(error, { fixLengths: true, fixChecksums: true });
    const after = anonymized({ bytes }) as Uint8Array;
    expect(fixed(after)).toEqual(after);
    const again = anonymized({ bytes: quoted, linkType: 101 }) as Uint8Array;
    expect(Buffer.from(after.subarray(after.length - quoted.length))).toEqual(Buffer.from(again));
  });

  test.each(["echoRequest", "vxlanRequest"] as const)(
    "hosts' messages that quote a tunnel's packet: %s",
    (name) => {
      const packet = packetBytes(name);
      const [ethernet, ip] = layersOf(packet);
      const error: Layer[] = [
        ethernet,
        ip,
        { layer: "icmp", depth: 0, offset: 0, type: 3, code: 3, checksum: 0, rest: 0 },
        { layer: "payload", depth: 0, offset: 0, bytes: packet.subarray(14) },
      ];
      const protocol = error.map((layer) => (layer.layer === "ipv4" ? { ...layer, protocol: 1 } : layer));
      const bytes = writeLayers(protocol, { fixLengths: true, fixChecksums: true });
      const after = anonymized({ bytes }) as Uint8Array;
      expect(fixed(after)).toEqual(after);
      const again = anonymized({ bytes: packet }) as Uint8Array;
      expect(Buffer.from(after.subarray(42))).toEqual(Buffer.from(again.subarray(14)));
      expect(addressesOf(again)).not.toEqual(addressesOf(packet));
    },
  );

  test("a checksum that was left to the network card is left to it again", () => {
    const bytes = usualFrames[Object.keys(usualFrames).find((name) => /tcp/i.test(name)) as string].slice();
    const view = new DataView(bytes.buffer);
    const tcp = 58 + 14 + 20;
    bytes.set([10, 0, 0, 1, 10, 0, 0, 2], tcp - 8);
    const unfilled = (at: DataView): number => foldSum(pseudoSumIpv4(at, 72, 6, at.getUint16(74) - 20));
    view.setUint16(tcp + 16, unfilled(view));
    const after = anonymized({ bytes }) as Uint8Array;
    const changed = new DataView(after.buffer);
    expect(changed.getUint16(tcp + 16)).toBe(unfilled(changed));
    expect(unfilled(changed)).not.toBe(unfilled(view));
  });
});
