/** What the layers of a frame are, where reading stops, and what the fix flags of `writeLayers` set right. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { layerBytes, writeLayers } from "../../src/encode/layers.js";
import { type HeaderLayer, type HeaderName, type Layer, readLayers } from "../../src/frame/layers.js";
import { LinkType, ovnOption, Reason } from "../../src/wire/index.js";
import { type PacketName, packetBytes, packetNames, packets } from "../vectors/packets.js";
import { refusal } from "../wire/helpers.js";

function read(name: PacketName, length = Number.POSITIVE_INFINITY) {
  const bytes = packetBytes(name);
  return readLayers(new DataView(bytes.buffer), 0, Math.min(length, bytes.length), packets[name].linkType);
}

/** Names of the layers, those inside Geneve with a dot before them. */
function names(layers: readonly Layer[]): string {
  return layers.map((layer) => (layer.depth === 1 ? `.${layer.layer}` : layer.layer)).join(" ");
}

/** The one layer of this name and depth. */
function pick<Name extends HeaderName>(layers: readonly Layer[], name: Name, depth = 0): HeaderLayer<Name> {
  const found = layers.filter((layer) => layer.layer === name && layer.depth === depth);
  expect(found).toHaveLength(1);
  return found[0] as unknown as HeaderLayer<Name>;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

describe("readLayers", () => {
  it.each([
    ["echoRequest", "ethernet ipv4 udp geneve .ethernet .ipv4 .icmp .payload"],
    ["bfd", "ethernet ipv4 udp geneve .ethernet .ipv4 .udp .bfd"],
    ["arpFlood", "ethernet ipv4 udp geneve .ethernet .arp .trailer"],
    ["ipv6Underlay", "ethernet ipv6 udp geneve .ethernet .ipv6 .icmpv6"],
    ["vlanTcpSyn", "ethernet ipv4 udp geneve .ethernet .ipv4 .tcp"],
    ["emptyOptions", "ethernet ipv4 udp geneve .ethernet .ipv4 .icmp .payload"],
    ["longOptions", "ethernet ipv4 udp geneve .ethernet .ipv4 .icmp .payload"],
    ["bareIpv4", "ethernet ipv4 udp geneve .ipv4 .udp .payload"],
    ["bareIpv6", "ethernet ipv4 udp geneve .ipv6 .udp .payload"],
    ["cooked", "sll ipv4 udp geneve .ethernet .ipv4 .icmp .payload"],
    ["cooked2", "sll2 ipv4 udp geneve .ethernet .ipv4 .icmp .payload"],
    ["loopback", "null ipv4 udp geneve .ethernet .ipv4 .icmp .payload"],
    ["raw", "ipv4 udp geneve .ethernet .ipv4 .icmp .payload"],
    ["sctp", "ethernet ipv4 udp geneve .ethernet .ipv4 .sctp .payload"],
    ["fragmentationNeeded", "ethernet ipv4 icmp payload"],
    ["ipv6Chain", "ethernet ipv6 udp geneve .ethernet .ipv6 .icmpv6"],
    ["sourcePortOnly", "ethernet ipv4 udp payload"],
    ["vxlanRequest", "ethernet ipv4 udp vxlan .ethernet .ipv4 .icmp .payload"],
    ["vxlanFlood", "ethernet ipv4 udp vxlan .ethernet .arp"],
    ["vxlanIpv6", "ethernet ipv6 udp vxlan .ethernet .ipv4 .icmp .payload"],
    ["vxlanBfd", "ethernet ipv4 udp vxlan .ethernet .ipv4 .udp .bfd"],
    ["sttRequest", "ethernet ipv4 tcp stt .ethernet .ipv4 .icmp .payload"],
    ["sttOther", "ethernet ipv4 tcp stt .ethernet .ipv4 .icmp .payload"],
  ] as const)("%s: %s, read to its end", (name, expected) => {
    const { layers, stop } = read(name);
    expect(names(layers)).toBe(expected);
    expect(stop).toBeNull();
  });

  it("gives the fields of each layer", () => {
    const { layers } = read("echoRequest");
    expect(layers.map(({ offset }) => offset)).toEqual([0, 14, 34, 42, 58, 72, 92, 100]);
    expect(pick(layers, "geneve")).toMatchObject({ vni: 1, critical: true });
    expect(pick(layers, "geneve").options).toEqual([ovnOption({ reserved: 0, ingress: 1, egress: 2 })]);
    expect(pick(layers, "ethernet", 1)).toMatchObject({ source: "40:44:00:00:00:01" });
    expect(pick(layers, "ipv4", 1)).toMatchObject({ source: "192.168.0.11", destination: "192.168.0.12" });
    expect(pick(layers, "icmp", 1)).toMatchObject({ type: 8, rest: 0x04e3_1af1 });
  });

  it.each([
    ["shortHeader", "geneve", 42, Reason.short, "ethernet ipv4 udp payload"],
    ["shortOptions", "geneve", 42, Reason.badHeaderLength, "ethernet ipv4 udp payload"],
    ["version1", "geneve", 58, Reason.badVersion, "ethernet ipv4 udp geneve payload"],
    ["version2", "geneve", 58, Reason.badVersion, "ethernet ipv4 udp geneve payload"],
    [
      "optionOverrun",
      "geneve",
      42,
      Reason.badOption,
      "ethernet ipv4 udp geneve .ethernet .ipv4 .icmp .payload",
    ],
    ["firstFragment", "icmp", 92, Reason.short, "ethernet ipv4 udp geneve .ethernet .ipv4 .payload"],
    ["laterFragment", "ipv4", 34, Reason.fragment, "ethernet ipv4 payload"],
    ["llc", "ethernet", 14, Reason.unknownProtocol, "ethernet payload trailer"],
    ["vxlanNoVni", "vxlan", 42, Reason.badValue, "ethernet ipv4 udp vxlan .ethernet .ipv4 .icmp .payload"],
    ["sttFirst", "tcp", 34, Reason.fragment, "ethernet ipv4 tcp stt .ethernet .ipv4 .icmp .payload"],
    ["sttLater", "tcp", 54, Reason.fragment, "ethernet ipv4 tcp payload"],
    ["sttPadded", "tcp", 34, Reason.badValue, "ethernet ipv4 tcp stt .ethernet .ipv4 .icmp .payload"],
    ["padded", "ethernet", 50, Reason.short, "ethernet ipv4 udp geneve trailer"],
  ] as const)("%s: stops at %s, offset %i, reason %i", (name, layer, offset, reason, expected) => {
    const { layers, stop } = read(name);
    expect(stop).toEqual({ layer, offset, reason });
    expect(names(layers)).toBe(expected);
  });

  it("names the first flaw of a packet that is cut in its payload", () => {
    const { layers, stop } = read("echoRequest", 128);
    expect(names(layers)).toBe("ethernet ipv4 udp geneve .ethernet .ipv4 .icmp .payload");
    expect(stop).toEqual({ layer: "ipv4", offset: 14, reason: Reason.lengthBeyondData });
  });

  it("stops at lengths that are below their header, and keeps the header", () => {
    const bytes = packetBytes("echoRequest");
    const view = new DataView(bytes.buffer);
    view.setUint16(38, 7);
    expect(readLayers(view, 0, 156, LinkType.ETHERNET).stop).toEqual({
      layer: "udp",
      offset: 42,
      reason: Reason.badLength,
    });
    view.setUint16(16, 19);
    const { layers, stop } = readLayers(view, 0, 156, LinkType.ETHERNET);
    expect(names(layers)).toBe("ethernet ipv4 payload");
    expect(stop).toEqual({ layer: "ipv4", offset: 34, reason: Reason.badLength });
  });

  it("keeps apart the trailers of each length field, innermost first", () => {
    const bytes = packetBytes("padded");
    const view = new DataView(bytes.buffer);
    const plain = readLayers(view, 0, bytes.length, LinkType.ETHERNET).layers.at(-1);
    expect(plain).toMatchObject({ layer: "trailer", of: "ipv4", depth: 0, offset: 50 });
    expect((plain as { bytes: Uint8Array }).bytes).toHaveLength(14);
    // IPv4 now claims four bytes of the padding, UDP does not.
    view.setUint16(16, 40);
    const trailers = readLayers(view, 0, bytes.length, LinkType.ETHERNET).layers.slice(4);
    expect(trailers).toMatchObject([
      { layer: "trailer", of: "udp", offset: 50 },
      { layer: "trailer", of: "ipv4", offset: 54 },
    ]);
  });

  it("takes Geneve by the ports given, of the destination only", () => {
    const bytes = packetBytes("sourcePortOnly");
    const view = new DataView(bytes.buffer);
    const at = (...ports: number[]) =>
      names(
        readLayers(view, 0, bytes.length, LinkType.ETHERNET, { ports: { geneve: new Set(ports) } }).layers,
      );
    expect(at(6081)).toBe("ethernet ipv4 udp payload");
    expect(at(6081, 5000)).toBe("ethernet ipv4 udp geneve .ethernet .ipv4 .icmp .payload");
    expect(at()).toBe("ethernet ipv4 udp payload");
  });

  it("reads Geneve inside Geneve as payload", () => {
    // Geneve for bare IPv4, and in it a whole tunnel packet, whose layers are one deeper there.
    const outer = read("bareIpv4").layers.slice(0, 4);
    const inner = writeLayers(read("raw").layers);
    const whole: Layer[] = [...outer, { layer: "payload", depth: 1, offset: 0, bytes: inner }];
    const bytes = writeLayers(whole, { fixLengths: true, fixChecksums: true });
    const { layers, stop } = readLayers(new DataView(bytes.buffer), 0, bytes.length, LinkType.ETHERNET);
    expect(names(layers)).toBe("ethernet ipv4 udp geneve .ipv4 .udp .payload");
    expect(pick(layers, "udp", 1).destination).toBe(6081);
    expect(stop).toBeNull();
  });

  it("gives up on unknown link types and on nothing at all", () => {
    const view = new DataView(new ArrayBuffer(4));
    expect(readLayers(view, 0, 4, 147)).toEqual({
      layers: [{ layer: "payload", depth: 0, offset: 0, bytes: new Uint8Array(4) }],
      stop: { layer: "link", offset: 0, reason: Reason.unknownLinkType },
    });
    for (const linkType of Object.values(LinkType)) {
      const { layers, stop } = readLayers(view, 2, 2, linkType);
      expect([layers, stop?.reason]).toEqual([[], Reason.short]);
    }
  });
});

/** Vectors whose lengths and checksums are all right and which are read to their end. */
const sound = packetNames.filter(
  (name) => !["echoRequest", "echoReply", "vxlanNoChecksum"].includes(name) && read(name).stop === null,
);

/** The layers with every length and checksum that the flags set replaced by nonsense. */
function spoiled(layers: readonly Layer[]): Layer[] {
  return layers.map((layer) => {
    switch (layer.layer) {
      case "ipv4":
        return { ...layer, totalLength: 1, checksum: 0xdead };
      case "ipv6":
        return { ...layer, payloadLength: 1 };
      case "udp":
        return { ...layer, length: 1, checksum: 0xdead };
      case "tcp":
        // In front of STT the upper half is a length.
        if (layer.depth === 0 && layer.destination === 7471)
          return { ...layer, checksum: 0xdead, sequence: 0xffff0000 + (layer.sequence & 0xffff) };
        return { ...layer, checksum: 0xdead };
      case "icmp":
      case "icmpv6":
      case "sctp":
        return { ...layer, checksum: 0xdead };
      default:
        return layer;
    }
  });
}

describe("writeLayers with fix flags", () => {
  it("has vectors to try", () => {
    expect(sound.length).toBeGreaterThan(20);
  });

  it.each(sound.filter((name) => name !== "ipv6NoChecksum"))(
    "%s: makes lengths and checksums right again",
    (name) => {
      const { layers } = read(name);
      expect(hex(writeLayers(spoiled(layers)))).not.toBe(hex(packetBytes(name)));
      expect(hex(writeLayers(spoiled(layers), { fixLengths: true, fixChecksums: true }))).toBe(
        hex(packetBytes(name)),
      );
    },
  );

  it("sets the length of an STT frame, and no other sequence number", () => {
    const { layers } = read("sttRequest");
    pick(layers, "tcp").sequence = 0xffff0007;
    const fixed = new DataView(writeLayers(layers, { fixLengths: true }).buffer);
    // Upper half: from the STT header to the end. Lower half: what was before, which is not a length.
    expect(fixed.getUint32(38)).toBe(((packetBytes("sttRequest").length - 54) << 16) + 7);
    const { layers: tcp } = read("vlanTcpSyn");
    expect(hex(writeLayers(tcp, { fixLengths: true }))).toBe(hex(writeLayers(tcp)));
    // Alone, so that no other length is too small first.
    const bytes = new Uint8Array(0x10000 - 18);
    const long = [
      pick(layers, "tcp"),
      pick(layers, "stt"),
      { layer: "payload", depth: 1, offset: 0, bytes } as Layer,
    ];
    expect(refusal(() => writeLayers(long, { fixLengths: true }))).toMatchObject({
      layer: "stt",
      field: "frame length",
      limit: 0xffff,
    });
  });

  it("sets the length of an 802.3 frame", () => {
    const { layers } = read("llc");
    (layers[0] as HeaderLayer<"ethernet">).etherType = 3;
    expect(hex(writeLayers(layers, { fixLengths: true }))).toBe(hex(packetBytes("llc")));
    const long = [
      layers[0] as Layer,
      { layer: "payload", depth: 0, offset: 0, bytes: new Uint8Array(1501) } as Layer,
    ];
    expect(refusal(() => writeLayers(long, { fixLengths: true }))).toMatchObject({
      layer: "ethernet",
      limit: 1500,
    });
  });

  it("fills in what the sender left to its network card", () => {
    const { layers } = read("echoRequest");
    const fixed = writeLayers(layers, { fixChecksums: true });
    const expected = packetBytes("echoRequest");
    // Computed by hand from RFC 768: the sum of pseudo header and datagram, complemented.
    let sum = 0xc0a8 + 0x3264 + 0xc0a8 + 0x3265 + 17 + 122;
    const view = new DataView(expected.buffer);
    view.setUint16(40, 0);
    for (let at = 34; at < 156; at += 2) sum += view.getUint16(at);
    view.setUint16(40, 0xffff - (sum % 0xffff));
    expect(hex(fixed)).toBe(hex(expected));
  });

  it("fixes only what is asked for", () => {
    const { layers } = read("filledChecksum");
    const broken = spoiled(layers);
    const lengths = new DataView(writeLayers(broken, { fixLengths: true }).buffer);
    expect([lengths.getUint16(16), lengths.getUint16(24)]).toEqual([
      packetBytes("filledChecksum").length - 14,
      0xdead,
    ]);
    const sums = new DataView(writeLayers(broken, { fixChecksums: true }).buffer);
    expect(sums.getUint16(16)).toBe(1);
    expect(sums.getUint16(24)).not.toBe(0xdead);
  });

  it("computes an absent UDP checksum, or keeps it absent", () => {
    const { layers } = read("ipv6NoChecksum");
    const kept = writeLayers(layers, { fixChecksums: true, keepAbsentUdp: true });
    expect(hex(kept)).toBe(hex(packetBytes("ipv6NoChecksum")));
    const filled = writeLayers(layers, { fixChecksums: true });
    expect(new DataView(filled.buffer).getUint16(60)).not.toBe(0);
    // With a checksum to replace, the flag has no say.
    pick(layers, "udp").checksum = 1;
    expect(hex(writeLayers(layers, { fixChecksums: true, keepAbsentUdp: true }))).toBe(hex(filled));
  });

  it.each(["firstFragment", "laterFragment"] as const)("%s: leaves what covers other packets", (name) => {
    const { layers } = read(name);
    expect(hex(writeLayers(layers, { fixLengths: true, fixChecksums: true }))).toBe(hex(packetBytes(name)));
  });

  it("carries a longer payload through every length, from the inside out", () => {
    const { layers } = read("filledChecksum");
    const longer = layers.map((layer) =>
      layer.layer === "payload" ? { ...layer, bytes: new Uint8Array([...layer.bytes, 1, 2, 3]) } : layer,
    );
    const bytes = writeLayers(longer, { fixLengths: true, fixChecksums: true });
    const again = readLayers(new DataView(bytes.buffer), 0, bytes.length, LinkType.ETHERNET);
    expect(again.stop).toBeNull();
    const size = packetBytes("filledChecksum").length + 3;
    expect([
      bytes.length,
      pick(again.layers, "ipv4").totalLength,
      pick(again.layers, "udp").length,
      pick(again.layers, "ipv4", 1).totalLength,
    ]).toEqual([size, size - 14, size - 34, size - 72]);
    expect(hex(writeLayers(again.layers, { fixChecksums: true }))).toBe(hex(bytes));
    expect(pick(again.layers, "icmp", 1).checksum).not.toBe(pick(layers, "icmp", 1).checksum);
  });

  it("keeps trailers out of the lengths they lie behind", () => {
    const { layers } = read("padded");
    const bytes = writeLayers(spoiled(layers), { fixLengths: true, fixChecksums: true });
    expect(hex(bytes)).toBe(hex(packetBytes("padded")));
    const view = new DataView(bytes.buffer);
    view.setUint16(16, 40);
    const split = readLayers(view, 0, bytes.length, LinkType.ETHERNET).layers;
    const fixed = new DataView(writeLayers(spoiled(split), { fixLengths: true }).buffer);
    expect([fixed.getUint16(16), fixed.getUint16(38)]).toEqual([40, 16]);
  });

  it("refuses a length that the field cannot say, but keeps a GSO segment's 0", () => {
    const big: Layer = { layer: "payload", depth: 0, offset: 0, bytes: new Uint8Array(70_000) };
    const ip = pick(read("raw").layers, "ipv4");
    expect(refusal(() => writeLayers([ip, big], { fixLengths: true }))).toMatchObject({
      layer: "ipv4",
      field: "total length",
      limit: 0xffff,
    });
    const kept = writeLayers([{ ...ip, totalLength: 0 }, big], { fixLengths: true });
    expect(new DataView(kept.buffer).getUint16(2)).toBe(0);
  });

  it("refuses what the layers do not tell", () => {
    const udp = pick(read("raw").layers, "udp");
    expect(refusal(() => writeLayers([udp], { fixChecksums: true }))).toMatchObject({ layer: "udp" });
    const trailer: Layer = { layer: "trailer", of: "ipv6", depth: 0, offset: 0, bytes: new Uint8Array(1) };
    expect(writeLayers([udp, trailer])).toHaveLength(9);
    expect(refusal(() => writeLayers([udp, trailer], { fixLengths: true }))).toMatchObject({
      layer: "trailer",
    });
    const wrong = { ...pick(read("raw").layers, "geneve"), vni: 2 ** 24 };
    expect(refusal(() => writeLayers([wrong]))).toMatchObject({ layer: "geneve", field: "vni" });
  });

  it("is the same done twice, for any payload in any of the sound frames", () => {
    fc.assert(
      fc.property(fc.constantFrom(...sound), fc.uint8Array({ maxLength: 90 }), (name, bytes) => {
        const layers = read(name).layers.map((layer) =>
          layer.layer === "payload" ? { ...layer, bytes } : layer,
        );
        const once = writeLayers(layers, { fixLengths: true, fixChecksums: true });
        const again = readLayers(new DataView(once.buffer), 0, once.length, packets[name].linkType);
        const twice = writeLayers(again.layers, { fixLengths: true, fixChecksums: true });
        expect(hex(twice)).toBe(hex(once));
        expect(again.stop).toBeNull();
      }),
    );
  });
});

it("layerBytes says how many bytes a layer takes", () => {
  for (const name of packetNames) {
    const { layers } = read(name);
    const sum = layers.reduce((bytes, layer) => bytes + layerBytes(layer), 0);
    expect(sum).toBe(packetBytes(name).length);
  }
});
