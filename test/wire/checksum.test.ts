import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  addToSum,
  ChecksumVerdict,
  checksumVerdictText,
  computeChecksum,
  computeIpv4Checksum,
  computeSctpChecksum,
  computeUdpChecksum,
  finishSum,
  foldSum,
  IpProtocol,
  Ipv6View,
  isUnfilledChecksum,
  pseudoSumIpv4,
  pseudoSumIpv6,
  Reason,
  verifyChecksum,
  verifyIpv4Checksum,
  verifyUdpChecksum,
} from "../../src/wire/index.js";
import { packetView } from "../vectors/packets.js";
import { amid, amidHex } from "./helpers.js";

/** RFC 1071 as its text puts it: 16-bit words, end-around carry, one byte at a time. */
function reference(bytes: Uint8Array): number {
  let sum = 0;
  bytes.forEach((byte, index) => {
    sum += index % 2 === 0 ? byte * 256 : byte;
    if (sum > 0xffff) sum -= 0xffff;
  });
  return sum;
}

describe("the Internet checksum", () => {
  it("is that of RFC 1071 section 3", () => {
    const { view, start, end } = amidHex("0001 f203 f4f5 f6f7");
    expect(addToSum(view, start, end)).toBe(0xddf2);
    expect(finishSum(addToSum(view, start, end))).toBe(0x220d);
  });

  it("agrees with a sum byte by byte, at every length, at odd and even offsets", () => {
    const bytes = Uint8Array.from({ length: 70 }, (_, index) => (index * 89 + 200) & 0xff);
    for (let length = 0; length <= bytes.length; length++) {
      const part = bytes.slice(0, length);
      const odd = amid(part);
      expect(addToSum(odd.view, odd.start, odd.end)).toBe(reference(part));
      expect(addToSum(new DataView(part.buffer), 0, length)).toBe(reference(part));
    }
  });

  it("agrees for long and for all-ones data, past every chunk it folds at", () => {
    for (const length of [16_383, 16_384, 16_385, 65_535, 200_001]) {
      const ones = new Uint8Array(length).fill(0xff);
      expect(addToSum(new DataView(ones.buffer), 0, length)).toBe(reference(ones));
      const mixed = Uint8Array.from({ length }, (_, index) => (index * index + 31) & 0xff);
      expect(addToSum(new DataView(mixed.buffer), 0, length)).toBe(reference(mixed));
    }
  });

  it("adds up over parts that start at even places", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(150), (bytes, half) => {
        const { view, start, end } = amid(bytes);
        const middle = Math.min(start + 2 * half, end - (bytes.length % 2));
        const parts = addToSum(view, middle, end, addToSum(view, start, middle));
        expect(parts).toBe(reference(bytes));
      }),
    );
  });

  it("folds any carry", () => {
    expect([0, 0xffff, 0x1_0000, 0x1_ffff, 0x7fff_ffff].map(foldSum)).toEqual([0, 0xffff, 1, 1, 0x7fff]);
  });

  it("verifies what it computes, and no other value, for any data", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 2, maxLength: 80 }),
        fc.nat(0xffff),
        fc.integer({ min: 1, max: 0xfffe }),
        (bytes, pseudo, off) => {
          const { view, start, end } = amid(bytes);
          const field = start + 2 * Math.floor((bytes.length - 2) / 4);
          const checksum = computeChecksum(view, start, end, field, pseudo);
          view.setUint16(field, checksum);
          expect(verifyChecksum(view, start, end, pseudo)).toBe(ChecksumVerdict.good);
          view.setUint16(field, checksum ^ off);
          expect(verifyChecksum(view, start, end, pseudo)).toBe(ChecksumVerdict.bad);
        },
      ),
    );
  });
});

describe("checksums of the published capture", () => {
  it.each([
    ["echoRequest", 0x5a94, 0x1551, 0xc67b],
    ["echoReply", 0x9fdf, 0xb91b, 0xce7b],
  ] as const)("%s: outer IPv4, inner IPv4 and ICMP", (name, outer, inner, icmp) => {
    const view = packetView(name);
    expect(view.getUint16(24)).toBe(outer);
    expect(computeIpv4Checksum(view, 14, 34)).toBe(outer);
    expect(verifyIpv4Checksum(view, 14, 34)).toBe(ChecksumVerdict.good);
    expect(view.getUint16(82)).toBe(inner);
    expect(computeIpv4Checksum(view, 72, 92)).toBe(inner);
    expect(verifyIpv4Checksum(view, 72, 92)).toBe(ChecksumVerdict.good);
    expect(view.getUint16(94)).toBe(icmp);
    expect(computeChecksum(view, 92, 156, 94)).toBe(icmp);
    expect(verifyChecksum(view, 92, 156)).toBe(ChecksumVerdict.good);
    for (const byte of [14, 33, 72, 91]) {
      view.setUint8(byte, view.getUint8(byte) ^ 0x10);
      expect(verifyIpv4Checksum(view, byte < 72 ? 14 : 72, byte < 72 ? 34 : 92)).toBe(ChecksumVerdict.bad);
      view.setUint8(byte, view.getUint8(byte) ^ 0x10);
    }
  });

  it.each(["echoRequest", "echoReply"] as const)(
    "%s: the outer UDP checksum is bad, because it was not filled in yet",
    (name) => {
      const view = packetView(name);
      const pseudo = pseudoSumIpv4(view, 14, IpProtocol.udp, 122);
      expect(verifyUdpChecksum(view, 34, 156, pseudo)).toBe(ChecksumVerdict.bad);
      expect(view.getUint16(40)).toBe(0xe6a5);
      expect(isUnfilledChecksum(0xe6a5, pseudo)).toBe(true);
      expect(isUnfilledChecksum(0xe6a4, pseudo)).toBe(false);
      view.setUint16(40, computeUdpChecksum(view, 34, 156, pseudo));
      expect(verifyUdpChecksum(view, 34, 156, pseudo)).toBe(ChecksumVerdict.good);
    },
  );
});

describe("checksums that tshark finds right", () => {
  it("UDP over IPv4", () => {
    const view = packetView("filledChecksum");
    const pseudo = pseudoSumIpv4(view, 14, IpProtocol.udp, view.byteLength - 34);
    expect(verifyUdpChecksum(view, 34, view.byteLength, pseudo)).toBe(ChecksumVerdict.good);
    expect(computeUdpChecksum(view, 34, view.byteLength, pseudo)).toBe(view.getUint16(40));
    expect(isUnfilledChecksum(view.getUint16(40), pseudo)).toBe(false);
  });

  it("UDP over IPv6, ICMPv6 inside", () => {
    const view = packetView("ipv6Underlay");
    const outer = pseudoSumIpv6(view, 22, 38, IpProtocol.udp, view.byteLength - 54);
    expect(verifyUdpChecksum(view, 54, view.byteLength, outer)).toBe(ChecksumVerdict.good);
    expect(computeUdpChecksum(view, 54, view.byteLength, outer)).toBe(view.getUint16(60));
    const ipv6 = new Ipv6View();
    expect(ipv6.bind(view, 54 + 8 + 16 + 14, view.byteLength)).toBe(Reason.ok);
    const start = ipv6.payloadStart;
    const inner = pseudoSumIpv6(
      view,
      ipv6.sourceOffset,
      ipv6.finalDestinationOffset,
      IpProtocol.icmpv6,
      ipv6.payloadEnd - start,
    );
    expect(verifyChecksum(view, start, ipv6.payloadEnd, inner)).toBe(ChecksumVerdict.good);
    expect(computeChecksum(view, start, ipv6.payloadEnd, start + 2, inner)).toBe(view.getUint16(start + 2));
  });

  it("UDP behind a routing header covers the final destination", () => {
    const view = packetView("ipv6Routing");
    const ipv6 = new Ipv6View();
    expect(ipv6.bind(view, 14, view.byteLength)).toBe(Reason.ok);
    const start = ipv6.payloadStart;
    const verdict = (destination: number) =>
      verifyUdpChecksum(
        view,
        start,
        view.byteLength,
        pseudoSumIpv6(view, ipv6.sourceOffset, destination, IpProtocol.udp, view.byteLength - start),
      );
    expect(verdict(ipv6.finalDestinationOffset)).toBe(ChecksumVerdict.good);
    expect(verdict(ipv6.destinationOffset)).toBe(ChecksumVerdict.bad);
  });

  it("TCP inside", () => {
    const view = packetView("vlanTcpSyn");
    const ip = 22 + 20 + 8 + 16 + 18;
    const pseudo = pseudoSumIpv4(view, ip, IpProtocol.tcp, view.byteLength - ip - 20);
    expect(verifyChecksum(view, ip + 20, view.byteLength, pseudo)).toBe(ChecksumVerdict.good);
    expect(computeChecksum(view, ip + 20, view.byteLength, ip + 36, pseudo)).toBe(view.getUint16(ip + 36));
  });

  it("an odd payload", () => {
    const view = packetView("bareIpv6");
    const ipv6 = new Ipv6View();
    expect(ipv6.bind(view, 50, view.byteLength)).toBe(Reason.ok);
    const length = view.byteLength - ipv6.payloadStart;
    expect(length).toBe(11);
    const pseudo = pseudoSumIpv6(view, 58, 74, IpProtocol.udp, length);
    expect(verifyUdpChecksum(view, ipv6.payloadStart, view.byteLength, pseudo)).toBe(ChecksumVerdict.good);
  });

  it("SCTP's CRC32c, and its standard check value", () => {
    const view = packetView("sctp");
    const start = 14 + 20 + 8 + 16 + 14 + 20;
    expect(computeSctpChecksum(view, start, view.byteLength)).toBe(view.getUint32(start + 8));
    expect(view.getUint32(start + 8)).toBe(0x001a_b096);
    // RFC 3720 appendix B.4: 32 bytes of zeros give aa 36 91 8a, low byte first.
    expect(computeSctpChecksum(new DataView(new ArrayBuffer(32)), 0, 32)).toBe(0xaa36_918a);
  });
});

describe("UDP's zero", () => {
  it("is absent when stored", () => {
    const view = packetView("ipv6NoChecksum");
    const pseudo = pseudoSumIpv6(view, 22, 38, IpProtocol.udp, view.byteLength - 54);
    expect(verifyUdpChecksum(view, 54, view.byteLength, pseudo)).toBe(ChecksumVerdict.absent);
  });
  it("is sent as 0xffff when computed", () => {
    // Source port 0xffee, length 8, and a pseudo sum of 9: the words add up to 0xffff.
    const { view, start, end } = amidHex("ffee 0000 0008 0000");
    expect(computeChecksum(view, start, end, start + 6, 9)).toBe(0);
    expect(computeUdpChecksum(view, start, end, 9)).toBe(0xffff);
    view.setUint16(start + 6, 0xffff);
    expect(verifyUdpChecksum(view, start, end, 9)).toBe(ChecksumVerdict.good);
  });
});

it("verdicts have words", () => {
  expect(Object.values(ChecksumVerdict).map(checksumVerdictText)).toEqual(["absent", "good", "bad"]);
});
