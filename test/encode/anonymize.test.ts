import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AddressMap } from "../../src/encode/address-map.js";
import { Anonymization } from "../../src/encode/anonymize.js";
import { ethernetLayer, etherTypeOf, ipLayer } from "../../src/encode/headers.js";
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

  test("tunnels at the usual ports, whatever others there are", () => {
    for (const name of ["echoRequest", "vxlanRequest"] as const) {
      const bytes = packetBytes(name);
      for (const other of [
        { geneve: new Set([7777]), vxlan: new Set([8888]), stt: new Set([9999]) },
        { geneve: ports.geneve, vxlan: new Set([8888]), stt: ports.stt },
        { geneve: new Set([7777]), vxlan: ports.vxlan, stt: ports.stt },
      ]) {
        const step = new Anonymization(map, other);
        step.begin([{ linkType: 1, name: null, snapLength: 0 }]);
        const [one] = rewritten(step, [{ bytes }]);
        expect(Buffer.from(one.bytes)).toEqual(Buffer.from(anonymized({ bytes }) as Uint8Array));
      }
    }
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

  /** An Ethernet frame of an IP packet that carries these bytes. */
  function carrying(protocol: number, digits: string, version: 4 | 6 = 4): Uint8Array {
    const [source, destination] = version === 4 ? ["10.0.0.1", "10.0.0.2"] : ["2001:db8::1", "2001:db8::2"];
    const link = { sourceMac: "02:00:00:00:00:01", destinationMac: "02:00:00:00:00:02", tags: [] };
    const ip = { source, destination, ttl: 64, dscp: 0, dontFragment: true };
    const bytes = new Uint8Array(Buffer.from(digits.replaceAll(" ", ""), "hex"));
    return writeLayers(
      [
        ethernetLayer(0, link, etherTypeOf(version)),
        ipLayer(0, ip, protocol),
        { layer: "payload", depth: 0, offset: 0, bytes },
      ],
      { fixLengths: true },
    );
  }

  const address = "0a4d5863";
  const tcp = "0001 0050 00000000 00000000 7010 ffff 0000 0000";
  const sctp = "0001 0002 00000000 00000000";
  const quoted = Buffer.from(carrying(17, "0001 0002 0008 0000").subarray(14)).toString("hex");
  test.each<[what: string, protocol: number, digits: string, version?: 4 | 6]>([
    ["a query of multicast sources", 2, `11000000 ef010101 02010001 ${address}`],
    ["a report of multicast sources", 2, `22000000 00000001 01000001 ef010101 ${address}`],
    ["a trace of multicast", 2, `1f010000 ef010101 ${address} ${address} 00000000`],
    ["an advertisement of routers", 1, `09000000 01020708 ${address} 00000000`],
    [
      "an error with the address of an interface",
      1,
      `0b000000 00200000 ${quoted} 20000000 000c0284 ${address}`,
    ],
    ["an echo that asks for an interface", 1, `2a000000 00010001 20000000 000c0303 00010400 ${address}`],
    ["another address of multipath TCP", 6, `${tcp} 1e083402 ${address}`],
    ["the address of a load balancer's client", 6, `${tcp} fe081f90 ${address}`],
    ["BGP", 6, `0001 00b3 00000000 00000000 5010 ffff 0000 0000 ${address}`],
    [
      "the beginning of an SCTP association",
      132,
      `${sctp} 0100001c 00000001 00000000 00010001 00000000 00050008 ${address}`,
    ],
    ["other addresses of an SCTP association", 132, `${sctp} c1000010 00000001 00050008 ${address}`],
    ["SCTP with nonsense", 132, `${sctp} 00000000 ${address}`],
    ["VXLAN at Linux's port", 17, `0001 2118 0014 0000 08000000 00000100 ${address}`],
    ["GTP-U", 17, `0868 0868 0014 0000 30ff0004 00000001 ${address}`],
    ["RIP", 17, `0208 0208 000c 0000 ${address}`],
    [
      "the home address of a mobile host",
      60,
      `1102 0104 00000000 c910 20010db8007700880000000000000099 0104 00000000 0001000200080000`,
      6,
    ],
  ])("%s: left out, for it has addresses that are not read", (_, protocol, digits, version) => {
    const bytes = carrying(protocol, digits, version);
    expect(anonymized({ bytes })).toBeNull();
    // Its headers alone have none.
    const headers = bytes.subarray(0, version === 6 ? 54 : 34);
    expect(anonymized({ bytes: headers, original: bytes.length })).not.toBeNull();
  });

  test.each<[what: string, protocol: number, digits: string, version?: 4 | 6]>([
    ["a query for groups", 2, "1164ee9b 00000000"],
    ["a query of version 3 without sources", 2, "11640000 ef010101 02010000"],
    [
      "usual options of TCP",
      6,
      "0001 0050 00000000 00000000 a002 ffff 0000 0000 020405b4 0402 080a 0000000100000002 01 030307",
    ],
    ["multipath TCP's beginning", 6, `${tcp} 1e080081 00000000`],
    [
      "data of SCTP, and the end of an association",
      132,
      `${sctp} 00030011 00000001 00010000 00000000 61000000 0e000004`,
    ],
    ["an acknowledgment to BGP", 6, "0001 00b3 00000000 00000000 5010 ffff 0000 0000"],
    ["a router alert", 0, "3a00 0502 0000 0100 8000 0000 00010001", 6],
  ])("%s: not left out", (_, protocol, digits, version) => {
    expect(anonymized({ bytes: carrying(protocol, digits, version) })).not.toBeNull();
  });
});
