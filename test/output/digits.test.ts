import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  Literal,
  putAscii,
  putHexBytes,
  putIpv4,
  putIpv6,
  putLiteral,
  putMac,
  putNumber,
  putSix,
  putThree,
  putUint32,
} from "../../src/output/digits.js";
import { readHex, readIpv4, readIpv6, readMac } from "../../src/wire/address.js";

const AT = 3;

/** What `put` writes at an odd offset of memory that holds something else; it says where it ends. */
function written(put: (out: DataView, at: number) => number): string {
  const bytes = Buffer.alloc(2048, 0x7e);
  const end = put(new DataView(bytes.buffer, bytes.byteOffset, bytes.length), AT);
  expect(bytes.toString("latin1", 0, AT)).toBe("~~~");
  expect(bytes.toString("latin1", end + 16)).toMatch(/^~*$/);
  return bytes.toString("utf8", AT, end);
}

const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

describe("numbers", () => {
  const ends = [0, 9, 10, 99, 100, 999, 1000, 9999, 65535, 999_999, 1_000_000, 999_999_999, 1_000_000_000];

  test("at the ends of each length, and any others", () => {
    const check = (value: number): void => {
      expect(written((out, at) => putNumber(out, at, value))).toBe(`${value}`);
    };
    for (const value of [...ends, 2 ** 31 - 1, 2 ** 32 - 1, 1e12 - 1, 1e12, 2 ** 53 - 1]) check(value);
    fc.assert(fc.property(fc.oneof(fc.nat(70_000), fc.nat(), fc.maxSafeNat()), check));
  });

  test("of 32 bits, with leading zeros, in hexadecimal", () => {
    fc.assert(
      fc.property(fc.oneof(fc.constantFrom(...ends), fc.nat(0xffffffff)), (value) => {
        const view = new DataView(new ArrayBuffer(8));
        view.setUint32(1, value);
        expect(written((out, at) => putUint32(out, at, view, 1))).toBe(`${value}`);
        expect(written((out, at) => putHexBytes(out, at, view, 1, 4))).toBe(readHex(view, 1, 5));
        const six = value % 1_000_000;
        expect(written((out, at) => putSix(out, at, six))).toBe(`${six}`.padStart(6, "0"));
        expect(written((out, at) => putThree(out, at, six % 1000))).toBe(`${six % 1000}`.padStart(3, "0"));
      }),
    );
  });
});

test("bytes in hexadecimal, any number of them from anywhere", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), fc.nat(5), (bytes, start) => {
      const view = viewOf(bytes);
      const from = Math.min(start, bytes.length);
      const digits = written((out, at) => putHexBytes(out, at, view, from, bytes.length - from));
      expect(digits).toBe(Buffer.from(bytes.subarray(from)).toString("hex"));
    }),
  );
});

describe("addresses, as they are read", () => {
  test("MAC and IPv4", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 6, maxLength: 6 }), (bytes) => {
        const view = viewOf(bytes);
        expect(written((out, at) => putMac(out, at, view, 0))).toBe(readMac(view, 0));
        expect(written((out, at) => putIpv4(out, at, view, 1))).toBe(readIpv4(view, 1));
      }),
    );
  });

  test("IPv6: zeros anywhere, mapped IPv4, any other", () => {
    const group = fc.oneof(
      { weight: 3, arbitrary: fc.constant(0) },
      fc.constantFrom(1, 0xf, 0x10, 0xff, 0x100, 0xfff, 0x1000, 0xffff),
      fc.nat(0xffff),
    );
    const mapped = fc.tuple(group, group).map((last) => [0, 0, 0, 0, 0, 0xffff, ...last]);
    const any = fc.array(group, { minLength: 8, maxLength: 8 });
    fc.assert(
      fc.property(fc.oneof(any, mapped), (groups) => {
        const view = new DataView(new ArrayBuffer(16));
        for (const [place, value] of groups.entries()) view.setUint16(2 * place, value);
        expect(written((out, at) => putIpv6(out, at, view, 0))).toBe(readIpv6(view, 0));
      }),
      { numRuns: 3000 },
    );
  });
});

test("texts of any length", () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 70, unit: "grapheme" }), (text) => {
      expect(written((out, at) => putLiteral(out, at, new Literal(text)))).toBe(text);
    }),
  );
  fc.assert(
    fc.property(fc.string({ maxLength: 70, unit: "binary-ascii" }), (text) => {
      expect(written((out, at) => putAscii(out, at, text))).toBe(text);
    }),
  );
});
