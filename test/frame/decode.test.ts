import { describe, expect, test } from "vitest";
import { FrameFlag } from "../../src/frame/columns.js";
import { FrameDecoder } from "../../src/frame/decode.js";
import { type PacketName, packetBytes, packetNames, packets } from "../vectors/packets.js";
import { batchOf, decodeAll, decodeOne } from "./batch.js";

const row = (name: PacketName) => decodeOne({ bytes: packetBytes(name), linkType: packets[name].linkType });
const keysOf = (value: { vni: number; ovnKeys: number }) => ({
  vni: value.vni,
  ingress: (value.ovnKeys >>> 16) & 0x7fff,
  egress: value.ovnKeys & 0xffff,
});

/** The packet with some bytes replaced. */
function patched(name: PacketName, ...patches: [offset: number, ...bytes: number[]][]): Uint8Array {
  const bytes = packetBytes(name);
  for (const [offset, ...values] of patches) bytes.set(values, offset);
  return bytes;
}

describe("published packets", () => {
  test("echo request: every column", () => {
    expect(row("echoRequest")).toEqual({
      status: "ok",
      stop: null,
      flags: FrameFlag.ovn,
      outerIp: 14,
      outerBytes: 142,
      udp: 34,
      geneve: 42,
      vni: 1,
      ovnKeys: 0x00010002,
      tunnel: "geneve",
      inner: 58,
      innerEnd: 156,
      innerType: 0x0800,
      innerNetwork: 72,
      innerProtocol: 1,
      innerTransport: 92,
    });
  });

  test.each([
    ["echoRequest", 1, 1, 2],
    ["echoReply", 1, 2, 1],
    ["routedRequest", 8, 2, 1],
    ["routedReply", 7, 2, 1],
    ["arpFlood", undefined, undefined, 32768],
    ["reservedBits", 16777215, 32767, 65535],
    ["ipv4Options", undefined, undefined, 0],
  ] as const)("%s: its keys", (name, vni, ingress, egress) => {
    const found = row(name);
    const keys = keysOf(found);
    expect(found.status).toBe("ok");
    expect(found.flags & FrameFlag.ovn).toBe(FrameFlag.ovn);
    if (vni !== undefined) expect(keys).toEqual({ vni, ingress, egress });
    expect(keys.egress).toBe(egress);
  });
});

describe("shapes", () => {
  test.each([
    "ipv6Underlay",
    "ipv6NoChecksum",
    "vlanTcpSyn",
    "twoOptions",
    "longOptions",
    "bareIpv4",
    "bareIpv6",
    "cooked",
    "cooked2",
    "loopback",
    "raw",
    "ipv6Chain",
    "ipv6Routing",
    "sctp",
    "routerAdvertisement",
    "packetTooBig",
    "ipv4Options",
  ] as const)("%s is whole", (name) => {
    const found = row(name);
    expect({ status: found.status, stop: found.stop }).toEqual({ status: "ok", stop: null });
    expect(found.geneve).toBeGreaterThan(0);
    expect(found.innerNetwork).toBeGreaterThan(0);
  });

  test("the same packet under four link types gives the same keys and inner offsets", () => {
    const base = row("filledChecksum");
    for (const [name, shift] of [
      ["cooked", 2],
      ["cooked2", 6],
      ["loopback", -10],
      ["raw", -14],
    ] as const) {
      const found = row(name);
      expect(keysOf(found)).toEqual(keysOf(base));
      expect(found.innerTransport).toBe(base.innerTransport + shift);
      expect(found.outerBytes).toBe(base.outerBytes);
    }
  });

  test("tunnel BFD: VNI 0, no option", () => {
    const found = row("bfd");
    expect(found).toMatchObject({ status: "ok", vni: 0, flags: FrameFlag.bfd, innerProtocol: 17 });
  });

  test("VNI 0 without option is BFD for its port alone", () => {
    const bytes = packetBytes("bfd");
    const found = row("bfd");
    bytes.set([0x13, 0x88], found.innerTransport + 2);
    expect(decodeOne(bytes)).toMatchObject({ status: "ok", vni: 0, flags: 0 });
  });

  test("the O bit: keys are read, the payload is not", () => {
    const found = decodeOne(patched("echoRequest", [43, 0xc0]));
    expect(found).toMatchObject({ status: "ok", flags: FrameFlag.ovn | FrameFlag.oam, innerNetwork: -1 });
    expect(found.inner).toBe(58);
  });

  test("fragments: the first has its keys, a later one has no port", () => {
    const first = row("firstFragment");
    expect(first).toMatchObject({ status: "unsupported", stop: "ipv4@14: fragment, not reassembled" });
    expect(first.vni).toBeGreaterThanOrEqual(0);
    expect(first.flags & FrameFlag.fragment).toBe(FrameFlag.fragment);
    const later = row("laterFragment");
    expect(later).toMatchObject({ status: "unsupported", vni: -1, udp: -1, flags: FrameFlag.fragment });
  });

  test("what is not Geneve says at which layer", () => {
    expect(row("sourcePortOnly")).toMatchObject({ status: "not-geneve", vni: -1, geneve: -1 });
    expect(row("sourcePortOnly").stop).toContain("udp@");
    expect(row("llc").status).toBe("not-geneve");
    expect(row("llc").stop).toContain("ethernet@");
    // The inner packet of a vector, which is ICMP.
    expect(decodeOne(packetBytes("echoRequest").subarray(58))).toMatchObject({
      status: "not-geneve",
      stop: "ipv4@14: unknown protocol",
    });
    expect(row("fragmentationNeeded").status).toBe("not-geneve");
  });

  test("ports: only destinations, only those asked for", () => {
    const bytes = packetBytes("echoRequest");
    expect(decodeOne(bytes, [6082]).status).toBe("not-geneve");
    expect(decodeOne(patched("echoRequest", [36, 0x17, 0xc2]), [6081, 6082])).toMatchObject({
      status: "ok",
      vni: 1,
    });
    expect(() => new FrameDecoder([65536])).toThrow(RangeError);
    expect(() => new FrameDecoder([1.5])).toThrow(RangeError);
  });

  test("an unknown link type is said, not guessed", () => {
    expect(decodeOne({ bytes: packetBytes("echoRequest"), linkType: 147 })).toMatchObject({
      status: "unsupported",
      stop: "link@0: unknown link type",
    });
  });

  test("lengths of 0 mean: to the end (segments a card will split)", () => {
    const whole = row("echoRequest");
    const found = decodeOne(patched("echoRequest", [16, 0, 0], [38, 0, 0]));
    expect(found).toMatchObject({ status: "ok", innerTransport: whole.innerTransport, innerEnd: 156 });
  });

  test("Ethernet padding behind the packet is none of its bytes", () => {
    const bytes = new Uint8Array(200);
    bytes.set(packetBytes("echoRequest"));
    expect(decodeOne(bytes)).toMatchObject({ status: "ok", innerEnd: 156, outerBytes: 142 });
    expect(row("padded").geneve).toBeGreaterThan(0);
  });

  test("ten thousand VLAN tags", () => {
    const inner = packetBytes("echoRequest");
    const tags = 10_000;
    const bytes = new Uint8Array(inner.length + tags * 4);
    bytes.set(inner.subarray(0, 12));
    for (let tag = 0; tag < tags; tag++) bytes.set([0x81, 0x00, 0, 1], 12 + tag * 4);
    bytes.set(inner.subarray(12), 12 + tags * 4);
    expect(decodeOne(bytes)).toMatchObject({ status: "ok", vni: 1, outerIp: 14 + tags * 4 });
    // Nothing but tags.
    expect(decodeOne(bytes.subarray(0, 12 + tags * 4))).toMatchObject({ status: "malformed", vni: -1 });
  });
});

describe("five faults of a well-known decoder", () => {
  test("a 7-byte header is malformed", () => {
    expect(row("shortHeader")).toMatchObject({
      status: "malformed",
      stop: "geneve@42: too few bytes for the header",
      vni: -1,
    });
  });
  test("Opt Len 4 with 3 option bytes there is malformed", () => {
    expect(row("shortOptions").status).toBe("malformed");
    expect(row("shortOptions").stop).toContain("geneve@42");
  });
  test("versions 1 and 2 are not read as others", () => {
    for (const name of ["version1", "version2"] as const)
      expect(row(name)).toMatchObject({
        status: "unsupported",
        stop: "geneve@42: unknown version",
        vni: -1,
        geneve: 42,
      });
  });
  test("252 option bytes do not wrap", () => {
    const found = row("longOptions");
    expect(found.inner - found.geneve).toBe(8 + 252);
    expect(found.flags & FrameFlag.ovn).toBe(FrameFlag.ovn);
  });
  test("an option that overruns Opt Len is malformed, and the payload is still found at Opt Len", () => {
    const found = row("optionOverrun");
    expect(found.status).toBe("malformed");
    expect(found.stop).toContain("geneve-option@50");
    expect(found.innerNetwork).toBeGreaterThan(found.inner);
  });
});

describe("contradictions", () => {
  test("an OVN option of the wrong size gives no keys", () => {
    const found = decodeOne(patched("echoRequest", [42, 0x03], [53, 0x02]));
    expect(found.flags & FrameFlag.ovn).toBe(0);
    expect(found).toMatchObject({
      status: "malformed",
      stop: "ovn-option@50: forbidden value or size",
    });
  });
  test.each([
    ["outer total length too long", [16, 0xff, 0xff], "ipv4@14: length field beyond the data"],
    ["outer total length below the header", [16, 0, 10], "ipv4@14: length field below the header"],
    ["UDP length beyond the IP packet", [38, 0xff, 0], "udp@34: length field beyond the data"],
    ["UDP length below the header", [38, 0, 7], "udp@34: length field below the header"],
    ["inner version", [72, 0x65], "inner-ipv4@72: unknown version"],
    ["inner header length", [72, 0x44], "inner-ipv4@72: bad header length"],
    ["inner total length", [74, 1, 0], "inner-ipv4@72: length field beyond the data"],
  ] as const)("%s", (_, patch, stop) => {
    const [offset, ...bytes] = patch;
    expect(decodeOne(patched("echoRequest", [offset, ...bytes]))).toMatchObject({
      status: "malformed",
      stop,
    });
  });
  test("inner UDP and TCP headers that contradict their packet", () => {
    const tcp = packetBytes("vlanTcpSyn");
    const at = row("vlanTcpSyn").innerTransport;
    tcp[at + 12] = 0x10;
    expect(decodeOne(tcp).stop).toBe(`inner-tcp@${at}: bad header length`);
    const udp = packetBytes("bfd");
    const udpAt = row("bfd").innerTransport;
    udp[udpAt + 4] = 0x7f;
    expect(decodeOne(udp).stop).toBe(`inner-udp@${udpAt}: length field beyond the data`);
  });
  test("an unknown payload type is unsupported", () => {
    expect(decodeOne(patched("echoRequest", [44, 0x88, 0x47]))).toMatchObject({
      status: "unsupported",
      stop: "geneve@42: unknown protocol",
      vni: 1,
    });
  });
});

describe("every prefix of every vector", () => {
  test.each(packetNames)("%s", (name) => {
    const bytes = packetBytes(name);
    const linkType = packets[name].linkType;
    const whole = row(name);
    const cuts = Array.from({ length: bytes.length }, (_, length) => ({
      bytes: bytes.subarray(0, length),
      original: bytes.length,
      linkType,
    }));
    decodeAll(cuts).forEach((found, length) => {
      const where = `cut at ${length}`;
      // What was read before the cut is what the whole packet says.
      for (const column of [
        "outerIp",
        "udp",
        "geneve",
        "vni",
        "inner",
        "innerNetwork",
        "innerTransport",
      ] as const)
        if (found[column] !== -1) expect(found[column], `${column}, ${where}`).toBe(whole[column]);
      // Nothing behind the cut was looked at.
      for (const column of ["innerNetwork", "innerTransport", "inner"] as const)
        expect(found[column], `${column}, ${where}`).toBeLessThanOrEqual(length);
      if (whole.status === "ok" && length < whole.outerIp + whole.outerBytes && length < whole.innerEnd)
        expect(found.status, where).toBe("truncated");
      else if (whole.status === "not-geneve")
        expect(["truncated", "not-geneve"], where).toContain(found.status);
    });
    // The same bytes as a packet that was never longer: no byte was cut off, so nothing is `truncated`.
    const shorter = cuts.map(({ bytes: captured }) => ({ bytes: captured, linkType }));
    decodeAll(shorter).forEach((found, length) => {
      expect(found.status, `alone, ${length} bytes`).not.toBe("truncated");
      if (whole.status === "ok" && length < whole.outerIp + whole.outerBytes && length < whole.innerEnd)
        expect(found.status, `alone, ${length} bytes`).not.toBe("ok");
    });
  });
});

test("decodeKeys gives the same keys and statuses without the inner columns", () => {
  const given = packetNames.map((name) => ({ bytes: packetBytes(name), linkType: packets[name].linkType }));
  const { packets: batch, interfaces } = batchOf(given);
  const full = decodeAll(given);
  return import("../../src/frame/columns.js").then(({ FrameBatch }) => {
    const frames = new FrameBatch(batch.capacity);
    new FrameDecoder().decodeKeys(batch, interfaces, frames);
    packetNames.forEach((name, i) => {
      expect(frames.vni[i], name).toBe(full[i].vni);
      expect(frames.ovnKeys[i] >>> 0, name).toBe(full[i].ovnKeys);
      expect(frames.outerBytes[i], name).toBe(full[i].outerBytes);
      expect(frames.flags[i] & ~FrameFlag.usual, name).toBe(full[i].flags);
    });
  });
});

test("columns that are too few are refused before anything is written", () => {
  const { packets: batch, interfaces } = batchOf([
    { bytes: packetBytes("echoRequest") },
    { bytes: packetBytes("echoReply") },
  ]);
  return import("../../src/frame/columns.js").then(({ FrameBatch }) => {
    expect(() => new FrameDecoder().decode(batch, interfaces, new FrameBatch(1))).toThrow(RangeError);
  });
});
