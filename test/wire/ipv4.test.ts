import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Ipv4Record, Ipv4View, ipv4HeaderBytes, Reason, writeIpv4Header } from "../../src/wire/index.js";
import { packetBytes, packetView } from "../vectors/packets.js";
import {
  amid,
  bindEachLength,
  bytesWith,
  expectBytesRoundTrip,
  expectRecordRoundTrip,
  expectRefusals,
  ipv4Text,
  refusal,
  uint,
  words,
  written,
} from "./helpers.js";

const outer: Ipv4Record = {
  dscp: 0,
  ecn: 0,
  totalLength: 142,
  identification: 0xf9b0,
  reservedFlag: false,
  dontFragment: true,
  moreFragments: false,
  fragmentOffset: 0,
  ttl: 64,
  protocol: 17,
  checksum: 0x5a94,
  source: "192.168.50.100",
  destination: "192.168.50.101",
  options: new Uint8Array(0),
};

/** The echo request's outer header and payload with some bytes changed. */
function changed(
  edits: Record<number, number>,
  length = 142,
): { view: DataView; start: number; end: number } {
  const bytes = packetBytes("echoRequest").slice(14, 14 + length);
  for (const [at, value] of Object.entries(edits)) bytes[Number(at)] = value;
  return amid(bytes);
}

describe("Ipv4View", () => {
  it("reads the published echo request", () => {
    const view = packetView("echoRequest");
    const ipv4 = new Ipv4View();
    expect(ipv4.bind(view, 14, view.byteLength)).toBe(Reason.ok);
    expect(ipv4.toRecord()).toEqual(outer);
    expect([ipv4.ihl, ipv4.payloadStart, ipv4.payloadEnd]).toEqual([5, 34, 156]);
    expect([ipv4.sourceBits, ipv4.destinationBits]).toEqual([0xc0a8_3264, 0xc0a8_3265]);
  });

  it("reads options", () => {
    const view = packetView("ipv4Options");
    const ipv4 = new Ipv4View();
    expect(ipv4.bind(view, 14, view.byteLength)).toBe(Reason.ok);
    expect([ipv4.ihl, ipv4.payloadStart]).toEqual([6, 38]);
    expect(ipv4.toRecord().options).toEqual(new Uint8Array([0x94, 4, 0, 0]));
  });

  it("tells the three flags and the fragment offset apart", () => {
    const ipv4 = new Ipv4View();
    const read = (high: number, low: number) => {
      const { view, start, end } = changed({ 6: high, 7: low });
      expect(ipv4.bind(view, start, end)).toBe(Reason.ok);
      return [ipv4.reservedFlag, ipv4.dontFragment, ipv4.moreFragments, ipv4.fragmentOffset];
    };
    expect(read(0x80, 0)).toEqual([true, false, false, 0]);
    expect(read(0x40, 0)).toEqual([false, true, false, 0]);
    expect(read(0x20, 0)).toEqual([false, false, true, 0]);
    expect(read(0x1f, 0xff)).toEqual([false, false, false, 8191]);
    expect(read(0x00, 0x08)).toEqual([false, false, false, 8]);
  });

  it("tells DSCP and ECN apart", () => {
    const { view, start, end } = changed({ 1: 0b101110_01 });
    const ipv4 = new Ipv4View();
    ipv4.bind(view, start, end);
    expect([ipv4.dscp, ipv4.ecn]).toEqual([46, 1]);
  });

  it("gives a reason for every length of a packet", () => {
    const ipv4 = new Ipv4View();
    const reasons = bindEachLength(packetBytes("ipv4Options").slice(14), (view, start, end) =>
      ipv4.bind(view, start, end),
    );
    expect(reasons).toEqual([
      ...Array(20).fill(Reason.short),
      ...Array(4).fill(Reason.badHeaderLength),
      ...Array(reasons.length - 1 - 24).fill(Reason.lengthBeyondData),
      Reason.ok,
    ]);
  });

  it("names what is wrong with version, IHL and total length", () => {
    const ipv4 = new Ipv4View();
    const reason = (edits: Record<number, number>) => {
      const { view, start, end } = changed(edits);
      return [ipv4.bind(view, start, end), ipv4.payloadStart - start, ipv4.payloadEnd - start];
    };
    expect(reason({ 0: 0x65 })[0]).toBe(Reason.badVersion);
    expect(reason({ 0: 0x44 })[0]).toBe(Reason.badHeaderLength);
    expect(reason({ 2: 0, 3: 19 })).toEqual([Reason.badLength, 20, 142]);
    expect(reason({ 2: 0, 3: 20 })).toEqual([Reason.ok, 20, 20]);
    expect(reason({ 2: 0, 3: 141 })).toEqual([Reason.ok, 20, 141]);
    expect(reason({ 2: 0, 3: 143 })).toEqual([Reason.lengthBeyondData, 20, 142]);
  });

  it("takes total length 0 as: to the end (a segment of more than 65,535 bytes)", () => {
    const { view, start, end } = changed({ 2: 0, 3: 0 });
    const ipv4 = new Ipv4View();
    expect(ipv4.bind(view, start, end)).toBe(Reason.ok);
    expect([ipv4.payloadStart, ipv4.payloadEnd, ipv4.totalLength]).toEqual([start + 20, end, 0]);
  });
});

describe("writeIpv4Header", () => {
  it("writes the published header, checksum as given", () => {
    const bytes = written(20, (view, offset) => writeIpv4Header(view, offset, outer));
    expect(bytes).toEqual(packetBytes("echoRequest").slice(14, 34));
  });
  it("refuses what does not fit", () => {
    expectRefusals(
      "ipv4",
      outer,
      [
        ["dscp", 63, "dscp"],
        ["ecn", 3, "ecn"],
        ["totalLength", 0xffff, "total length"],
        ["identification", 0xffff, "identification"],
        ["fragmentOffset", 0x1fff, "fragment offset"],
        ["ttl", 0xff, "ttl"],
        ["protocol", 0xff, "protocol"],
        ["checksum", 0xffff, "checksum"],
      ],
      20,
      writeIpv4Header,
    );
    const view = new DataView(new ArrayBuffer(100));
    for (const length of [1, 3, 41, 44])
      expect(
        refusal(() => writeIpv4Header(view, 0, { ...outer, options: new Uint8Array(length) })),
      ).toMatchObject({ field: "options", limit: 40 });
    expect(writeIpv4Header(view, 0, { ...outer, options: new Uint8Array(40) })).toBe(60);
    expect(refusal(() => writeIpv4Header(view, 0, { ...outer, source: "1.2.3" }))).toMatchObject({
      code: "ERR_WIRE_SYNTAX",
    });
  });
});

describe("IPv4 round trips", () => {
  const records = fc.record({
    dscp: uint(6),
    ecn: uint(2),
    totalLength: uint(16),
    identification: uint(16),
    reservedFlag: fc.boolean(),
    dontFragment: fc.boolean(),
    moreFragments: fc.boolean(),
    fragmentOffset: uint(13),
    ttl: uint(8),
    protocol: uint(8),
    checksum: uint(16),
    source: ipv4Text,
    destination: ipv4Text,
    options: words(10),
  });
  const whole = [Reason.badLength, Reason.lengthBeyondData];
  it("record → bytes → record", () => {
    expectRecordRoundTrip(
      records,
      ipv4HeaderBytes,
      writeIpv4Header,
      new Ipv4View(),
      (reason) => reason === Reason.ok || whole.some((one) => one === reason),
    );
  });
  it("bytes → record → bytes", () => {
    expectBytesRoundTrip(bytesWith(20, 80, { 0: 0x45 }), writeIpv4Header, new Ipv4View(), whole);
    expectBytesRoundTrip(bytesWith(60, 80, { 0: 0x4f }), writeIpv4Header, new Ipv4View(), whole);
  });
});
