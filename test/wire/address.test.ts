import { isIP, SocketAddress } from "node:net";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  canonicalAddress,
  copyBytes,
  formatIpv4,
  formatIpv6,
  formatMac,
  ipVersion,
  parseIpv4,
  parseIpv6,
  parseMac,
  putBytes,
  readHex,
  readIpv4,
  readIpv6,
  readMac,
  readMacBits,
  writeHex,
  writeIpv4,
  writeIpv6,
  writeMac,
} from "../../src/wire/index.js";
import { amidHex, refusal, uint, written } from "./helpers.js";

describe("MAC addresses", () => {
  it("are read as lower-case pairs between colons, and as an integer", () => {
    const { view, start } = amidHex("404400AB0c0F");
    expect(readMac(view, start)).toBe("40:44:00:ab:0c:0f");
    expect(readMacBits(view, start)).toBe(0x4044_00ab_0c0f);
  });
  it("are formatted from the integer, all 48 bits of it", () => {
    expect(formatMac(0)).toBe("00:00:00:00:00:00");
    expect(formatMac(0xffff_ffff_ffff)).toBe("ff:ff:ff:ff:ff:ff");
    expect(formatMac(0x0023_2000_0001)).toBe("00:23:20:00:00:01");
    expect(refusal(() => formatMac(2 ** 48)).limit).toBe(2 ** 48 - 1);
  });
  it("are parsed and written in either case", () => {
    expect(parseMac("40:44:00:AB:0c:0F")).toBe(0x4044_00ab_0c0f);
    expect([...written(6, (view, offset) => writeMac(view, offset, "fe:DC:ba:98:76:54"))]).toEqual([
      0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54,
    ]);
  });
  it.each([
    "",
    "40:44:00:ab:0c",
    "40:44:00:ab:0c:0f:11",
    "40-44-00-ab-0c-0f",
    "404400ab0c0f",
    "4:44:00:ab:0c:0f",
    "40:44:00:ab:0c:0g",
    " 40:44:00:ab:0c:0f",
    "40:44:00:ab:0c:0f\n",
  ])("%j is none", (text) => {
    expect(refusal(() => parseMac(text))).toMatchObject({ code: "ERR_WIRE_SYNTAX", field: "mac" });
  });
  it("survive integer, text and bytes", () => {
    fc.assert(
      fc.property(uint(48), (bits) => {
        const text = formatMac(bits);
        expect(parseMac(text)).toBe(bits);
        const view = new DataView(written(6, (target, offset) => writeMac(target, offset, text)).buffer);
        expect(readMac(view, 0)).toBe(text);
        expect(readMacBits(view, 0)).toBe(bits);
      }),
    );
  });
});

describe("IPv4 addresses", () => {
  it("are read, formatted, parsed and written", () => {
    const { view, start } = amidHex("c0a83264");
    expect(readIpv4(view, start)).toBe("192.168.50.100");
    expect(formatIpv4(0xffff_ffff)).toBe("255.255.255.255");
    expect(parseIpv4("192.168.50.100")).toBe(0xc0a8_3264);
    expect([...written(4, (target, offset) => writeIpv4(target, offset, "255.0.1.254"))]).toEqual([
      255, 0, 1, 254,
    ]);
  });
  it.each([
    "",
    "1.2.3",
    "1.2.3.4.5",
    "256.1.1.1",
    "01.2.3.4",
    "1.2.3.04",
    "1.2.3.-4",
    "1.2.3.4 ",
    "0x1.2.3.4",
    "1..2.3",
    "1e1.2.3.4",
  ])("%j is none", (text) => {
    expect(refusal(() => parseIpv4(text))).toMatchObject({ code: "ERR_WIRE_SYNTAX", field: "ipv4" });
  });
  it("survive integer and text", () => {
    fc.assert(fc.property(uint(32), (bits) => parseIpv4(formatIpv4(bits)) === bits));
  });
});

describe("IPv6 addresses", () => {
  // Text (RFC 5952) by bytes; the first five from RFC 5952 sections 1 and 4.
  it.each([
    ["20010db8000000000001000000000001", "2001:db8::1:0:0:1"],
    ["20010db8000000010001000100010001", "2001:db8:0:1:1:1:1:1"],
    ["20010db8000000000000000000020001", "2001:db8::2:1"],
    ["200100000000000100000000000000ab", "2001:0:0:1::ab"],
    ["20010db8aaaabbbbccccddddeeee0001", "2001:db8:aaaa:bbbb:cccc:dddd:eeee:1"],
    ["00000000000000000000000000000000", "::"],
    ["00000000000000000000000000000001", "::1"],
    ["00010000000000000000000000000000", "1::"],
    ["00000001000200030004000500060007", "0:1:2:3:4:5:6:7"],
    ["00010002000300040005000600070000", "1:2:3:4:5:6:7:0"],
    ["00000000000300040005000600070008", "::3:4:5:6:7:8"],
    ["00010002000300040005000600000000", "1:2:3:4:5:6::"],
    ["00000000000100000000000100000000", "::1:0:0:1:0:0"],
    ["fe80000000000000424400fffe000001", "fe80::4244:ff:fe00:1"],
    ["00000000000000000000ffffc0a83264", "::ffff:192.168.50.100"],
    ["0064ff9b0000000000000000c0000221", "64:ff9b::c000:221"],
  ])("%s is %s, both ways", (hex, text) => {
    const { view, start, end } = amidHex(hex);
    expect(readIpv6(view, start)).toBe(text);
    expect(formatIpv6(copyBytes(view, start, end))).toBe(text);
    expect(Buffer.from(parseIpv6(text)).toString("hex")).toBe(hex);
    expect(
      Buffer.from(written(16, (target, offset) => writeIpv6(target, offset, text.toUpperCase()))).toString(
        "hex",
      ),
    ).toBe(hex);
  });
  it.each([
    ["0:0:0:0:0:0:0:0", "::"],
    ["2001:0DB8::0001", "2001:db8::1"],
    ["64:ff9b::192.0.2.33", "64:ff9b::c000:221"],
    ["1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"],
    ["1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"],
  ])("%s is also %s", (text, canonical) => {
    expect(formatIpv6(parseIpv6(text))).toBe(canonical);
  });
  it.each([
    "",
    ":",
    ":::",
    "1::2::3",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7:8::",
    "12345::",
    "g::",
    "fe80::1%eth0",
    "[::1]",
    "::1/64",
    ":1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:",
    "::1.2.3",
    "::1.2.3.256",
    "1.2.3.4",
    "1:2:3:4:5:6:7:1.2.3.4",
    "::1.2.3.4:5",
  ])("%j is none", (text) => {
    expect(refusal(() => parseIpv6(text))).toMatchObject({ code: "ERR_WIRE_SYNTAX", field: "ipv6" });
  });
  it("survive bytes and text, with many zero groups too", () => {
    const group = fc.oneof(fc.constant(0), fc.constant(0xffff), uint(16));
    fc.assert(
      fc.property(fc.array(group, { minLength: 8, maxLength: 8 }), (groups) => {
        const bytes = new Uint8Array(16);
        groups.forEach((value, index) => {
          new DataView(bytes.buffer).setUint16(2 * index, value);
        });
        expect(parseIpv6(formatIpv6(bytes))).toEqual(bytes);
      }),
    );
  });
  it("need 16 bytes", () => {
    expect(refusal(() => formatIpv6(new Uint8Array(15))).code).toBe("ERR_WIRE_RANGE");
  });
});

describe("addresses of either version", () => {
  it("are told as the system tells them", () => {
    const parts = fc.constantFrom(..."0123456789abcdefG:.%: ".split(""), "::", "10.0.0.1", "fe80", "ffff");
    const nearly = fc.array(parts, { maxLength: 12 }).map((list) => list.join(""));
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6(), nearly), (text) => {
        // Of zones the system takes any.
        expect(ipVersion(text)).toBe(text.includes("%") ? 0 : isIP(text));
      }),
      { numRuns: 2000 },
    );
  });
  it("have one spelling", () => {
    fc.assert(
      fc.property(fc.ipV6(), fc.constantFrom("", "%eth0"), (text, zone) => {
        const { address } = new SocketAddress({ address: text, family: "ipv6" });
        // RFC 4291's compatible addresses, which nobody uses, the system writes with dots.
        if (!/^::\d+\./.test(address)) expect(canonicalAddress(text + zone)).toBe(address);
      }),
      { numRuns: 1000 },
    );
    // As packets are shown: only mapped addresses keep their dots.
    expect(canonicalAddress("::1.2.3.4")).toBe("::102:304");
    for (const text of ["10.0.0.1", "0a:00:00:00:00:01", "", "vm:1", "1:2:3:4:5:6:7:8:9", "::x"])
      expect(canonicalAddress(text)).toBe(text);
  });
});

describe("raw bytes", () => {
  it("are read and written as hexadecimal digits", () => {
    const { view, start, end } = amidHex("00ff10");
    expect(readHex(view, start, end)).toBe("00ff10");
    expect([...written(2, (target, offset) => writeHex(target, offset, "Ab01"))]).toEqual([0xab, 1]);
    for (const text of ["a", "0g", " 00"])
      expect(refusal(() => writeHex(view, 0, text)).code).toBe("ERR_WIRE_SYNTAX");
  });
  it("are refused where there is no room", () => {
    const view = new DataView(new ArrayBuffer(8));
    const writes = [
      () => writeMac(view, 3, "00:00:00:00:00:00"),
      () => writeIpv4(view, 5, "0.0.0.0"),
      () => writeIpv6(view, 0, "::"),
      () => writeHex(view, 7, "0000"),
      () => putBytes("test", view, 6, new Uint8Array(3)),
      () => putBytes("test", view, -1, new Uint8Array(1)),
    ];
    for (const write of writes) expect(refusal(write).code).toBe("ERR_WIRE_SPACE");
    expect(copyBytes(view, 0, 8)).toEqual(new Uint8Array(8));
  });
});
