import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AddressMap } from "../../src/encode/address-map.js";
import { CryptoPan } from "../../src/encode/crypto-pan.js";
import { formatIpv4, formatMac, parseIpv4, parseMac } from "../../src/wire/address.js";
import { ipv6Text, uint } from "../wire/helpers.js";

/** The key and addresses of the sample that comes with Crypto-PAn 1.0. */
const KEY = Uint8Array.of(
  ...[21, 34, 23, 141, 51, 164, 207, 128, 19, 10, 91, 22, 73, 144, 125, 16],
  ...[216, 152, 143, 131, 121, 121, 101, 39, 98, 87, 76, 45, 42, 132, 34, 2],
);
const SAMPLE = {
  "128.11.68.132": "135.242.180.132",
  "129.118.74.4": "134.136.186.123",
  "130.132.252.244": "133.68.164.234",
  "141.223.7.43": "141.167.8.160",
  "141.233.145.108": "141.129.237.235",
  "152.163.225.39": "151.140.114.167",
  "156.29.3.236": "147.225.12.42",
  "165.247.96.84": "162.9.99.234",
  "166.107.77.190": "160.132.178.185",
  "192.102.249.13": "252.138.62.131",
  "192.215.32.125": "252.43.47.189",
  "192.233.80.103": "252.25.108.8",
  "192.41.57.43": "252.222.221.184",
  "193.150.244.223": "253.169.52.216",
  "195.205.63.100": "255.186.223.5",
  "198.200.171.101": "249.199.68.213",
  "24.0.250.221": "100.15.198.226",
  "38.15.67.68": "64.3.66.187",
  "4.3.88.225": "124.60.155.63",
  "63.14.55.111": "95.9.215.7",
  "64.39.15.238": "0.219.7.41",
};

const bytesOf = (bits: number): Uint8Array => Uint8Array.of(bits >>> 24, bits >>> 16, bits >>> 8, bits);

describe("Crypto-PAn", () => {
  test.each(Object.entries(SAMPLE))("%s is %s, as published", (address, expected) => {
    const bytes = bytesOf(parseIpv4(address));
    new CryptoPan(KEY).anonymize(bytes, new Uint8Array(32));
    expect(formatIpv4(new DataView(bytes.buffer).getUint32(0))).toBe(expected);
  });

  test("of 16 bytes it turns the first four as of four that have them", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (address) => {
        const long = address.slice();
        new CryptoPan(KEY).anonymize(long, new Uint8Array(128));
        const short = address.slice(0, 4);
        new CryptoPan(KEY).anonymize(short, new Uint8Array(32));
        expect(long.slice(0, 4)).toEqual(short);
      }),
    );
  });
});

const map = new AddressMap(KEY);
const text = (address: string): string => map.text(address) as string;
/** Bits that two addresses, hexadecimal digits, have in common at their beginning. */
function common(a: bigint, b: bigint, bits: number): number {
  let length = 0;
  while (length < bits && (a ^ b) >> BigInt(bits - 1 - length) === 0n) length++;
  return length;
}
const near = (bits: number): fc.Arbitrary<[bigint, bigint]> =>
  fc
    .tuple(fc.bigInt(0n, (1n << BigInt(bits)) - 1n), fc.nat(bits), fc.bigInt(0n, (1n << BigInt(bits)) - 1n))
    .map(([a, shared, b]) => {
      const low = (1n << BigInt(bits - shared)) - 1n;
      return [a, (a & ~low) | (b & low)];
    });

describe("addresses that are shared", () => {
  test("have as many first bits in common as before: IPv4", () => {
    fc.assert(
      fc.property(near(32), ([a, b]) => {
        const [x, y] = [a, b].map((each) => BigInt(map.ipv4(Number(each))));
        // Multicast groups stay as they are, and all else stays out of them.
        expect(common(x, y, 32)).toBe(common(a, b, 32));
      }),
      { numRuns: 2000 },
    );
  });

  test("have as many first bits in common as before: IPv6", () => {
    const mapped = (bits: bigint): bigint => {
      const view = new DataView(new ArrayBuffer(16));
      view.setBigUint64(0, bits >> 64n);
      view.setBigUint64(8, bits & 0xffff_ffff_ffff_ffffn);
      return BigInt(`0x${Buffer.from(map.ipv6(view, 0)).toString("hex")}`);
    };
    fc.assert(
      fc.property(near(128), ([a, b]) => {
        expect(common(mapped(a), mapped(b), 128)).toBe(common(a, b, 128));
      }),
      { numRuns: 500 },
    );
  });

  test("and MACs of a vendor stay together, each its own; local ones stay local, groups stay", () => {
    fc.assert(
      fc.property(near(48), ([a, b]) => {
        const [x, y] = [a, b].map((each) => map.mac(Number(each)));
        for (const [before, after] of [
          [a, x],
          [b, y],
        ] as const)
          expect(Number((BigInt(after) >> 40n) & 3n)).toBe(Number((before >> 40n) & 3n));
        const isGroup = ((a >> 40n) & 1n) === 1n || ((b >> 40n) & 1n) === 1n;
        if (!isGroup) expect(common(BigInt(x), BigInt(y), 48)).toBe(common(a, b, 48));
      }),
      { numRuns: 1000 },
    );
    for (const stays of ["ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:fb", "33:33:00:00:00:01", "00:00:00:00:00:00"])
      expect(text(stays)).toBe(stays);
    expect(text("52:54:00:12:34:56")).not.toBe("52:54:00:12:34:56");
  });

  test.each(["0.0.0.0", "255.255.255.255", "224.0.0.251", "239.1.2.3", "::", "::1", "ff02::1", "ff02::fb"])(
    "%s says nothing of anybody and stays",
    (address) => {
      expect(text(address)).toBe(address);
    },
  );

  test("link-local and loopback ones stay such", () => {
    fc.assert(
      fc.property(uint(16), uint(24), ipv6Text, (low, host, any) => {
        expect(text(formatIpv4(((169 << 24) | (254 << 16) | low) >>> 0))).toMatch(/^169\.254\./);
        expect(text(formatIpv4(((127 << 24) | host) >>> 0))).toMatch(/^127\./);
        expect(text(`fe80::${low.toString(16)}`)).toMatch(/^fe80::/);
        // A first word such as 00ff is written without its zeros.
        const isKept = /^(ff[0-9a-f]{2}|fe80):/;
        expect(isKept.test(text(any))).toBe(isKept.test(any));
      }),
    );
  });

  test("a solicited-node group and its MAC have the same last bytes, not those before", () => {
    fc.assert(
      fc.property(uint(24), (low) => {
        const hex = low.toString(16).padStart(6, "0");
        const group = text(`ff02::1:ff${hex.slice(0, 2)}:${hex.slice(2)}`);
        const mac = text(`33:33:ff:${hex.slice(0, 2)}:${hex.slice(2, 4)}:${hex.slice(4)}`);
        const parsed = Number.parseInt(mac.slice(9).replaceAll(":", ""), 16);
        expect(mac.slice(0, 9)).toBe("33:33:ff:");
        expect(group).toBe(text(`ff02::1:ff${hex.slice(0, 2)}:${hex.slice(2)}`));
        const [, a, b] = /^ff02::1:ff([0-9a-f]{2}):([0-9a-f]{1,4})$/.exec(group) ?? [];
        expect((Number.parseInt(a, 16) << 16) | Number.parseInt(b, 16)).toBe(parsed);
      }),
    );
  });

  test("as text they are what they are as numbers; what is no address is none", () => {
    expect(text("10.0.0.1")).toBe(formatIpv4(map.ipv4(parseIpv4("10.0.0.1"))));
    expect(text("52:54:0:A:b:C")).toBe(formatMac(map.mac(parseMac("52:54:00:0a:0b:0c"))));
    for (const none of ["", "unknown", "dynamic", "10.0.0", "10.0.0.256", "a:b", "::g", "1:2:3:4:5:6:7"])
      expect(map.text(none)).toBeNull();
  });
});
