/** Frames that are built: every field as decoded again, what is refused, and every way to be wrong. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { buildFrame, type GeneveContents, type OuterHeaders } from "../../src/encode/build.js";
import { entropyPort } from "../../src/encode/entropy.js";
import { buildInner, type InnerFields } from "../../src/encode/inner.js";
import { type CorruptKind, corruptKinds, type InnerKind } from "../../src/encode/kinds.js";
import { type HeaderName, type Layer, readLayers } from "../../src/frame/layers.js";
import { ChecksumVerifier } from "../../src/frame/verify.js";
import type { GeneveOptionRecord } from "../../src/wire/index.js";
import { decodeOne } from "../frame/batch.js";
import { packetBytes } from "../vectors/packets.js";
import { refusal } from "../wire/helpers.js";
import { contents, inners, outers } from "./arbitrary.js";

const OUTER: OuterHeaders = {
  sourceMac: "52:54:00:13:e0:a2",
  destinationMac: "52:54:00:ac:67:5b",
  tags: [],
  source: "192.168.50.100",
  destination: "192.168.50.101",
  sourcePort: null,
  destinationPort: 6081,
  ttl: 64,
  dscp: 0,
  dontFragment: true,
  checksum: true,
};
const OUTER_V6: OuterHeaders = { ...OUTER, source: "fd00::3", destination: "fd00::4" };
const CONTENTS: GeneveContents = { vni: 1, keys: { ingress: 1, egress: 2 }, options: [], oam: false };
const INNER: InnerFields = {
  sourceMac: "40:44:00:00:00:01",
  destinationMac: "40:44:00:00:00:02",
  tags: [],
  source: "192.168.0.11",
  destination: "192.168.0.12",
  ttl: 64,
  dscp: 0,
  dontFragment: true,
  identifier: 7,
  sequence: 1,
  sourcePort: 1000,
  destinationPort: 2000,
  size: 56,
};
const ECHO = buildInner("icmp", INNER);
const option = (words: number, type = 1): GeneveOptionRecord => ({
  optionClass: 0x0103,
  type,
  reserved: 0,
  data: new Uint8Array(4 * words).fill(0xab),
});

function layersOf(frame: Uint8Array): readonly Layer[] {
  const { layers, stop } = readLayers(new DataView(frame.buffer), 0, frame.length, 1);
  expect(stop).toBeNull();
  return layers;
}

function find(layers: readonly Layer[], name: HeaderName, depth = 0) {
  return layers.find((layer) => layer.layer === name && layer.depth === depth);
}

function verdicts(frame: Uint8Array): (string | null)[] {
  const view = new DataView(frame.buffer);
  const { layers } = readLayers(view, 0, frame.length, 1);
  return new ChecksumVerifier().layers(view, 0, layers, frame.length, frame.length);
}

describe("buildFrame", () => {
  it("gives what is decoded again, field by field, with right lengths and checksums", () => {
    fc.assert(
      fc.property(outers, contents, inners, (outer, geneve, { kind, ...fields }) => {
        const inner = buildInner(kind, fields);
        const frame = buildFrame(outer, geneve, inner);
        const { status, vni, ovnKeys, flags, inner: start } = decodeOne(frame);
        expect(status).toBe("ok");
        expect(vni).toBe(geneve.vni);
        expect(ovnKeys).toBe(geneve.keys === null ? 0 : geneve.keys.ingress * 0x10000 + geneve.keys.egress);
        expect((flags & 1) !== 0).toBe(geneve.keys !== null);
        expect(frame.subarray(start)).toEqual(inner);

        const layers = layersOf(frame);
        const { tags, sourceMac, destinationMac, source, destination } = outer;
        expect(find(layers, "ethernet")).toMatchObject({
          tags,
          source: sourceMac,
          destination: destinationMac,
        });
        const isV6 = source.includes(":");
        expect(find(layers, isV6 ? "ipv6" : "ipv4")).toMatchObject({
          source,
          destination,
          ...(isV6
            ? { hopLimit: outer.ttl, trafficClass: outer.dscp * 4 }
            : {
                ttl: outer.ttl,
                dscp: outer.dscp,
                ecn: 0,
                dontFragment: outer.dontFragment,
                identification: 0,
              }),
        });
        expect(find(layers, "udp")).toMatchObject({
          source: outer.sourcePort ?? entropyPort(inner),
          destination: 6081,
        });
        const critical = geneve.keys !== null || geneve.options.some(({ type }) => type >= 0x80);
        const { options: own, oam } = geneve;
        expect(find(layers, "geneve")).toMatchObject({
          version: 0,
          oam,
          critical,
          reservedBits: 0,
          reserved: 0,
        });
        const found = (find(layers, "geneve") as { options: unknown[] }).options;
        expect(found.slice(geneve.keys === null ? 0 : 1)).toEqual(own);

        expect(find(layers, "ethernet", 1)).toMatchObject({
          tags: fields.tags,
          source: fields.sourceMac,
          destination: fields.destinationMac,
        });
        expect(innerSeen(layers)).toEqual(innerMeant(kind, fields));
        const words = verdicts(frame).filter((word) => word !== null);
        const absent = outer.checksum ? 0 : 1;
        expect(words.filter((word) => word === "absent")).toHaveLength(absent);
        expect(words.filter((word) => word !== "absent" && word !== "good")).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  it("makes the bytes that OVN sent", () => {
    // The first published packet: its outer id is that of the kernel that sent it, and its checksum was never filled in.
    const real = packetBytes("echoRequest");
    const frame = buildFrame({ ...OUTER, sourcePort: 7549 }, CONTENTS, real.subarray(58));
    const withoutIds = (bytes: Uint8Array) =>
      Buffer.from(bytes).fill(0, 18, 20).fill(0, 24, 26).fill(0, 40, 42);
    expect(withoutIds(frame).toString("hex")).toBe(withoutIds(real).toString("hex"));
  });

  it.each([
    ["a VNI over 24 bits", { vni: 0x1000000 }, "geneve vni", 0xffffff],
    ["an ingress key over 15 bits", { keys: { ingress: 0x8000, egress: 1 } }, "ovn-option ingress", 0x7fff],
    ["an egress key over 16 bits", { keys: { ingress: 1, egress: 0x10000 } }, "ovn-option egress", 0xffff],
    [
      "data that is not words",
      { options: [{ ...option(1), data: new Uint8Array(5) }] },
      "geneve options",
      252,
    ],
    ["data over 124 bytes", { options: [option(32)] }, "geneve option data", 124],
    ["a header over 260 bytes", { options: [option(31), option(30)] }, "geneve options", 252],
    [
      "an option's class over 16 bits",
      { options: [{ ...option(1), optionClass: 0x10000 }] },
      "geneve option class",
      0xffff,
    ],
  ])("refuses %s", (_, wrong, field, limit) => {
    const error = refusal(() => buildFrame(OUTER, { ...CONTENTS, ...wrong }, ECHO));
    expect(`${error.layer} ${error.field}`).toBe(field);
    expect(error.limit).toBe(limit);
    expect(error.message).toContain(String(limit));
  });

  it("takes the largest header, 260 bytes", () => {
    const frame = buildFrame(OUTER, { ...CONTENTS, keys: null, options: [option(31), option(30)] }, ECHO);
    expect(find(layersOf(frame), "ethernet", 1)?.offset).toBe(42 + 260);
  });

  it("takes a frame up to what the length fields can say, and refuses one more byte", () => {
    const most = 0xffff - 20 - 8 - 16;
    expect(decodeOne(buildFrame(OUTER, CONTENTS, new Uint8Array(most))).outerBytes).toBe(0xffff);
    const error = refusal(() => buildFrame(OUTER, CONTENTS, new Uint8Array(most + 1)));
    expect([error.layer, error.field, error.limit]).toEqual(["ipv4", "total length", 0xffff]);
    expect(decodeOne(buildFrame(OUTER_V6, CONTENTS, new Uint8Array(most + 20))).outerBytes).toBe(0xffff + 40);
    const v6 = refusal(() => buildFrame(OUTER_V6, CONTENTS, new Uint8Array(most + 21)));
    expect([v6.layer, v6.field, v6.limit]).toEqual(["ipv6", "payload length", 0xffff]);
  });

  it.each([
    [
      "addresses of two versions",
      () => buildFrame({ ...OUTER, source: "fd00::1" }, CONTENTS, ECHO),
      "outer addresses",
    ],
    ["a DSCP over 63", () => buildFrame({ ...OUTER_V6, dscp: 64 }, CONTENTS, ECHO), "ipv6 dscp"],
    [
      "ARP of IPv6",
      () => buildInner("arp", { ...INNER, source: "fd00::1", destination: "fd00::2" }),
      "arp addresses",
    ],
    [
      "an inner frame that no length can say",
      () => buildInner("udp", { ...INNER, size: 0x10000 }),
      "inner size",
    ],
    [
      "an identifier over 16 bits",
      () => buildInner("icmp", { ...INNER, identifier: 0x10000 }),
      "icmp identifier",
    ],
  ])("refuses %s", (_, build, field) => {
    const error = refusal(build);
    expect(`${error.layer} ${error.field}`).toBe(field);
  });
});

/** What the layers inside the tunnel say, behind Ethernet. */
function innerSeen(layers: readonly Layer[]): unknown[] {
  return layers
    .filter(({ depth, layer }) => depth === 1 && layer !== "ethernet")
    .map((layer) => {
      switch (layer.layer) {
        case "ipv4":
        case "ipv6": {
          const { source, destination } = layer;
          const own =
            layer.layer === "ipv4"
              ? {
                  ttl: layer.ttl,
                  dscp: layer.dscp,
                  dontFragment: layer.dontFragment,
                  protocol: layer.protocol,
                }
              : {
                  ttl: layer.hopLimit,
                  dscp: layer.trafficClass / 4,
                  dontFragment: null,
                  protocol: layer.nextHeader,
                };
          return { source, destination, ...own };
        }
        case "arp": {
          const { operation, senderHardware, senderProtocol, targetHardware, targetProtocol } = layer;
          return { operation, senderHardware, senderProtocol, targetHardware, targetProtocol };
        }
        case "icmp":
        case "icmpv6":
          return { type: layer.type, code: layer.code, rest: layer.rest };
        case "udp":
          return { source: layer.source, destination: layer.destination };
        case "tcp":
          return { source: layer.source, destination: layer.destination, flags: layer.flags };
        case "payload":
        case "trailer":
          return layer.bytes.length;
        default:
          return layer.layer;
      }
    });
}

/** The same of the description. */
function innerMeant(kind: InnerKind, fields: InnerFields): unknown[] {
  const { source, destination, sourceMac, destinationMac, ttl, dscp, size } = fields;
  const payload = size === 0 ? [] : [size];
  if (kind === "arp" || kind === "arp-reply")
    return [
      {
        operation: kind === "arp" ? 1 : 2,
        senderHardware: sourceMac,
        senderProtocol: source,
        targetHardware: kind === "arp" ? "00:00:00:00:00:00" : destinationMac,
        targetProtocol: destination,
      },
      ...payload,
    ];
  const isV6 = source.includes(":");
  const protocol = { icmp: isV6 ? 58 : 1, "icmp-reply": isV6 ? 58 : 1, udp: 17, "tcp-syn": 6 }[kind];
  const ip = { source, destination, ttl, dscp, dontFragment: isV6 ? null : fields.dontFragment, protocol };
  const ports = { source: fields.sourcePort, destination: fields.destinationPort };
  const echo = isV6 ? [128, 129] : [8, 0];
  const rest = ((fields.identifier << 16) | fields.sequence) >>> 0;
  const above = {
    icmp: { type: echo[0], code: 0, rest },
    "icmp-reply": { type: echo[1], code: 0, rest },
    udp: ports,
    "tcp-syn": { ...ports, flags: 2 },
  }[kind];
  return [ip, above, ...payload];
}

describe("entropyPort", () => {
  it("is one for all packets of a flow, and tells flows apart over the whole range", () => {
    const ports = new Set<number>();
    for (let flow = 0; flow < 2000; flow++) {
      const fields = { ...INNER, sourcePort: flow };
      const found = entropyPort(buildInner("udp", fields));
      expect(entropyPort(buildInner("udp", { ...fields, size: 900, ttl: 3 }))).toBe(found);
      expect(found).toBeGreaterThanOrEqual(32768);
      expect(found).toBeLessThan(61000);
      ports.add(found);
    }
    expect(ports.size).toBeGreaterThan(1850);
    expect(Math.max(...ports) - Math.min(...ports)).toBeGreaterThan(27_000);
  });

  it("does not look at ports in a fragment, so that all fragments of a packet go one way", () => {
    const whole = buildInner("udp", INNER);
    const fragment = (offset: number, more: boolean) => {
      const bytes = whole.slice();
      new DataView(bytes.buffer).setUint16(20, offset | (more ? 0x2000 : 0));
      return entropyPort(bytes);
    };
    expect(fragment(0, true)).toBe(fragment(3, false));
  });

  it.each([
    [
      "behind VLAN tags",
      { tags: [5, 6].map((vlan) => ({ tpid: 0x8100, priority: 0, dropEligible: false, vlan })) },
    ],
    ["of IPv6", { source: "fd00::1", destination: "fd00::2" }],
  ])("tells ports apart %s, and frames that are cut before them by their addresses", (_, more) => {
    const of = (change: Partial<typeof INNER>, end?: number) =>
      entropyPort(buildInner("udp", { ...INNER, ...more, ...change }).subarray(0, end));
    const found = of({});
    expect(of({ destinationPort: 9 })).not.toBe(found);
    expect(of({ ttl: 9, size: 100 })).toBe(found);
    const before = -INNER.size - 8;
    expect(of({ destinationPort: 9 }, before)).toBe(of({}, before));
    const other = "source" in more ? "fd00::3" : "192.168.0.99";
    expect(of({ destination: other }, before)).not.toBe(of({}, before));
  });

  it("finds the ports behind options of IPv4", () => {
    const withOptions = (sourcePort: number): number => {
      const plain = buildInner("udp", { ...INNER, sourcePort });
      const bytes = Uint8Array.from([...plain.subarray(0, 34), 1, 1, 1, 1, ...plain.subarray(34)]);
      bytes[14] = 0x46;
      return entropyPort(bytes);
    };
    expect(withOptions(1)).not.toBe(withOptions(2));
  });

  it("takes any bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        const found = entropyPort(bytes);
        return found >= 32768 && found < 61000;
      }),
    );
  });
});

describe("corruptions", () => {
  const expected: Record<CorruptKind, [status: string, stop: string | null]> = {
    version: ["unsupported", "geneve@42: unknown version"],
    "opt-len": ["malformed", "geneve-option@50: option overruns its space"],
    "opt-len-beyond": ["malformed", "geneve@42: bad header length"],
    "option-length": ["malformed", "geneve-option@50: option overruns its space"],
    "ovn-option": ["malformed", "ovn-option@50: forbidden value or size"],
    "critical-flag": ["ok", null],
    "reserved-bits": ["ok", null],
    "protocol-type": ["unsupported", "geneve@42: unknown protocol"],
    "inner-truncated": ["malformed", "inner-ipv4@72: too few bytes for the header"],
    "udp-length": ["malformed", "udp@34: length field beyond the data"],
    "ip-length": ["malformed", "ipv4@14: length field beyond the data"],
    "udp-checksum": ["ok", null],
    "ip-checksum": ["ok", null],
  };

  it.each(Object.entries(expected))("%s: decoded as %j", (kind, [status, stop]) => {
    const frame = buildFrame(OUTER, CONTENTS, ECHO, kind as CorruptKind);
    expect(decodeOne(frame)).toMatchObject({ status, stop });
  });

  it("has them all", () => {
    expect(Object.keys(corruptKinds).sort()).toEqual(Object.keys(expected).sort());
  });

  it("is wrong in that way only: the checksums are right unless they are what is wrong", () => {
    for (const kind of Object.keys(corruptKinds) as CorruptKind[]) {
      const frame = buildFrame(OUTER, CONTENTS, ECHO, kind);
      const [, ip, udp] = verdicts(frame);
      expect(ip, kind).toBe(kind === "ip-checksum" ? "bad" : "good");
      const isUnknown = kind === "udp-length" || kind === "ip-length";
      expect(udp, kind).toBe(kind === "udp-checksum" ? "bad" : isUnknown ? "unverified" : "good");
    }
  });

  it("shows in the fields of the header", () => {
    const geneve = (kind: CorruptKind) => {
      const frame = buildFrame(OUTER, CONTENTS, ECHO, kind);
      return find(layersOf(frame), "geneve");
    };
    expect(geneve("critical-flag")).toMatchObject({ critical: false });
    expect(geneve("reserved-bits")).toMatchObject({ reservedBits: 0x3f, reserved: 0xff });
    expect(geneve("reserved-bits")).toMatchObject({ options: [{ reserved: 7 }] });
  });

  it("of IPv6 and without a checksum", () => {
    const frame = (kind: CorruptKind) =>
      decodeOne(buildFrame({ ...OUTER_V6, checksum: false }, CONTENTS, ECHO, kind));
    expect(frame("ip-length").stop).toBe("ipv6@14: length field beyond the data");
    expect(frame("opt-len-beyond").stop).toBe("geneve@62: bad header length");
  });

  it.each([
    ["opt-len", { ...CONTENTS, keys: null }],
    ["option-length", { ...CONTENTS, keys: null }],
    ["option-length", { ...CONTENTS, options: [option(31)] }],
    ["ovn-option", { ...CONTENTS, keys: null }],
    ["opt-len-beyond", { ...CONTENTS, options: [option(31), option(28)] }],
  ] as const)("refuses %s where it cannot be", (kind, geneve) => {
    expect(refusal(() => buildFrame(OUTER, geneve, ECHO, kind)).field).toBe(kind);
  });

  it.each([
    ["udp-checksum", () => buildFrame({ ...OUTER, checksum: false }, CONTENTS, ECHO, "udp-checksum")],
    ["ip-checksum", () => buildFrame(OUTER_V6, CONTENTS, ECHO, "ip-checksum")],
    ["inner-truncated", () => buildFrame(OUTER, CONTENTS, ECHO.subarray(0, 18), "inner-truncated")],
    ["ip-length", () => buildFrame(OUTER, CONTENTS, new Uint8Array(65_490), "ip-length")],
  ])("refuses %s where there is nothing to be wrong", (kind, build) => {
    expect(refusal(build).field).toBe(kind);
  });
});
