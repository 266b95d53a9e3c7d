import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  IpProtocol,
  type Ipv6Record,
  Ipv6View,
  ipv6HeaderBytes,
  Reason,
  writeIpv6Header,
} from "../../src/wire/index.js";
import { packetBytes, packetView } from "../vectors/packets.js";
import {
  amidHex,
  bindEachLength,
  bytesWith,
  expectBytesRoundTrip,
  expectRecordRoundTrip,
  expectRefusals,
  ipv6Text,
  refusal,
  uint,
  written,
} from "./helpers.js";

const outer: Ipv6Record = {
  trafficClass: 0,
  flowLabel: 0x12345,
  payloadLength: 110,
  nextHeader: 17,
  hopLimit: 64,
  source: "fd00:50::64",
  destination: "fd00:50::65",
  extensions: new Uint8Array(0),
};

const ADDRESSES = "fd000050000000000000000000000064 fd000050000000000000000000000065";

/** An IPv6 header with the right payload length, extension headers in hexadecimal and what follows. */
function chain(nextHeader: string, rest: string, payloadLength?: number) {
  const length = payloadLength ?? rest.replaceAll(" ", "").length / 2;
  return amidHex(`60000000 ${length.toString(16).padStart(4, "0")} ${nextHeader} 40 ${ADDRESSES} ${rest}`);
}

describe("Ipv6View", () => {
  it("reads an underlay header", () => {
    const view = packetView("ipv6Underlay");
    const ipv6 = new Ipv6View();
    expect(ipv6.bind(view, 14, view.byteLength)).toBe(Reason.ok);
    expect(ipv6.toRecord()).toEqual({ ...outer, payloadLength: view.byteLength - 54 });
    expect([ipv6.protocol, ipv6.payloadStart, ipv6.payloadEnd]).toEqual([17, 54, view.byteLength]);
    expect([ipv6.hasFragment, ipv6.fragmentOffset, ipv6.moreFragments, ipv6.identification]).toEqual([
      false,
      0,
      false,
      0,
    ]);
    expect([ipv6.sourceOffset, ipv6.destinationOffset, ipv6.finalDestinationOffset]).toEqual([22, 38, 38]);
  });

  it("walks routing, fragment and authentication headers to UDP", () => {
    const view = packetView("ipv6Chain");
    const ipv6 = new Ipv6View();
    expect(ipv6.bind(view, 14, view.byteLength)).toBe(Reason.ok);
    expect([ipv6.nextHeader, ipv6.protocol, ipv6.payloadStart]).toEqual([43, 17, 54 + 8 + 8 + 24]);
    expect([ipv6.hasFragment, ipv6.fragmentOffset, ipv6.moreFragments, ipv6.identification]).toEqual([
      true,
      0,
      false,
      0x1234,
    ]);
    expect(ipv6.toRecord().extensions).toHaveLength(40);
    // AH counts in words of four bytes less two, the others in units of eight less one.
    expect(view.getUint16(ipv6.payloadStart + 2)).toBe(6081);
  });

  it("walks hop-by-hop and destination options", () => {
    const { view, start, end } = chain("00", "3c01010c000000000000000000000000 1100010400000000 ABCD");
    const ipv6 = new Ipv6View();
    expect(ipv6.bind(view, start, end)).toBe(Reason.ok);
    expect([ipv6.protocol, ipv6.payloadStart - start]).toEqual([17, 40 + 16 + 8]);
  });

  it("stops at a later fragment: what follows is no header", () => {
    const { view, start, end } = chain("2c", "3c000ff9aabbccdd 1100010400000000");
    const ipv6 = new Ipv6View();
    expect(ipv6.bind(view, start, end)).toBe(Reason.ok);
    expect([ipv6.protocol, ipv6.payloadStart - start]).toEqual([60, 48]);
    expect([ipv6.fragmentOffset, ipv6.moreFragments, ipv6.identification]).toEqual([511, true, 0xaabb_ccdd]);
  });

  it("forgets the fragment header of the packet before", () => {
    const fragment = chain("2c", "3b000ff9aabbccdd");
    const plain = chain("3b", "00");
    const ipv6 = new Ipv6View();
    ipv6.bind(fragment.view, fragment.start, fragment.end);
    ipv6.bind(plain.view, plain.start, plain.end);
    expect([ipv6.hasFragment, ipv6.fragmentOffset]).toEqual([false, 0]);
  });

  it.each([
    ["no next header", "3b", IpProtocol.noNext],
    ["ESP", "32", IpProtocol.esp],
    ["an unknown protocol", "fd", 253],
  ])("ends the walk at %s", (_, next, protocol) => {
    const { view, start, end } = chain(next, "0011223344556677");
    const ipv6 = new Ipv6View();
    expect(ipv6.bind(view, start, end)).toBe(Reason.ok);
    expect([ipv6.protocol, ipv6.payloadStart - start]).toEqual([protocol, 40]);
  });

  it.each([
    ["one byte of a header", "00", "3c", 0, 0],
    ["a header past the payload", "00", "3c01000000000000", 0, 0],
    ["an AH past the payload", "33", "11040000000000010000000100000000", 0, 51],
    ["a fragment header cut", "2c", "11000000123456", 0, 44],
    ["a second header past the payload", "00", "3c00010400000000 1101000000000000", 8, 60],
  ])("badOption: %s; what was whole before stays", (_, next, rest, before, protocol) => {
    const { view, start, end } = chain(next, rest);
    const ipv6 = new Ipv6View();
    expect(ipv6.bind(view, start, end)).toBe(Reason.badOption);
    expect([ipv6.payloadStart - start, ipv6.protocol]).toEqual([40 + before, protocol]);
  });

  it("bounds the walk by the payload length, not by the padding behind it", () => {
    const { view, start, end } = chain("00", "3c00010400000000 1100010400000000", 8);
    const ipv6 = new Ipv6View();
    expect(ipv6.bind(view, start, end)).toBe(Reason.badOption);
    expect([ipv6.payloadStart - start, ipv6.payloadEnd - start, ipv6.protocol]).toEqual([48, 48, 60]);
  });

  it("gives a reason for every length of a packet", () => {
    const ipv6 = new Ipv6View();
    const reasons = bindEachLength(packetBytes("ipv6Chain").slice(14), (view, start, end) =>
      ipv6.bind(view, start, end),
    );
    expect(reasons).toEqual([
      ...Array(40).fill(Reason.short),
      ...Array(40).fill(Reason.badOption),
      ...Array(reasons.length - 1 - 80).fill(Reason.lengthBeyondData),
      Reason.ok,
    ]);
  });

  it("takes payload length 0 as: to the end", () => {
    const { view, start, end } = chain("11", "0011223344556677", 0);
    const ipv6 = new Ipv6View();
    expect(ipv6.bind(view, start, end)).toBe(Reason.ok);
    expect([ipv6.payloadEnd, ipv6.payloadLength]).toEqual([end, 0]);
  });

  it("refuses another version", () => {
    const { view, start, end } = amidHex(`45000000 0000 11 40 ${ADDRESSES}`);
    expect(new Ipv6View().bind(view, start, end)).toBe(Reason.badVersion);
  });

  it.each([
    ["type 0 with segments left", "1102000100000000 fd000000000000000000000000000099", 48],
    ["type 2 with segments left", "1102020100000000 fd000000000000000000000000000099", 48],
    ["type 0 at its last segment", "1102000000000000 fd000000000000000000000000000099", 24],
    ["another type", "1102fd0100000000 fd000000000000000000000000000099", 24],
    ["type 0, the last of two", `1104000200000000 ${"00".repeat(16)} ${"99".repeat(16)}`, 64],
    ["segment routing, the first in the list", `1104040101000000 ${"99".repeat(16)} ${"00".repeat(16)}`, 48],
  ])("finds the final destination behind a routing header: %s", (_, rest, offset) => {
    const { view, start, end } = chain("2b", rest);
    const ipv6 = new Ipv6View();
    expect(ipv6.bind(view, start, end)).toBe(Reason.ok);
    expect(ipv6.finalDestinationOffset - start).toBe(offset);
  });
});

describe("writeIpv6Header", () => {
  it("writes every bit of the first word", () => {
    const record = { ...outer, trafficClass: 0xb9, flowLabel: 0xabcde };
    const bytes = written(40, (view, offset) => writeIpv6Header(view, offset, record));
    expect(Buffer.from(bytes).toString("hex")).toBe(`6b9abcde006e1140${ADDRESSES.replaceAll(" ", "")}`);
  });
  it("refuses what does not fit", () => {
    expectRefusals(
      "ipv6",
      outer,
      [
        ["trafficClass", 0xff, "traffic class"],
        ["flowLabel", 0xfffff, "flow label"],
        ["payloadLength", 0xffff, "payload length"],
        ["nextHeader", 0xff, "next header"],
        ["hopLimit", 0xff, "hop limit"],
      ],
      40,
      writeIpv6Header,
    );
    const bad = { ...outer, destination: "fd00::1::2" };
    expect(refusal(() => writeIpv6Header(new DataView(new ArrayBuffer(40)), 0, bad)).code).toBe(
      "ERR_WIRE_SYNTAX",
    );
  });
});

describe("IPv6 round trips", () => {
  const plain = fc.integer({ min: 61, max: 255 });
  // Destination options, zero to three of them, ending in a protocol that is no extension header.
  const extensions = fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 3 }).chain((sizes) =>
    plain.map((protocol) => {
      const bytes: number[] = [];
      sizes.forEach((size, index) => {
        const next = index === sizes.length - 1 ? protocol : 60;
        bytes.push(next, size, ...Array(8 * size + 6).fill(0xc3));
      });
      return { nextHeader: sizes.length === 0 ? protocol : 60, extensions: new Uint8Array(bytes) };
    }),
  );
  const records = fc
    .record({
      trafficClass: uint(8),
      flowLabel: uint(20),
      hopLimit: uint(8),
      source: ipv6Text,
      destination: ipv6Text,
    })
    .chain((fields) =>
      extensions.map((made) => ({ ...fields, ...made, payloadLength: made.extensions.length })),
    );
  it("record → bytes → record", () => {
    expectRecordRoundTrip(records, ipv6HeaderBytes, writeIpv6Header, new Ipv6View());
  });
  it("bytes → record → bytes", () => {
    const whole = [Reason.lengthBeyondData, Reason.badOption];
    for (const next of [0, 6, 43, 44, 51, 60])
      expectBytesRoundTrip(
        bytesWith(40, 120, { 0: 0x6f, 4: 0, 5: 0, 6: next }),
        writeIpv6Header,
        new Ipv6View(),
        whole,
      );
  });
});
