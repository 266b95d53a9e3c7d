import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TimestampClock } from "../../src/capture/pcapng-time.js";

/** The same in BigInt: the units of a second, cut off to nanoseconds. */
function exact(resolution: number, stamp: bigint): { seconds: bigint; nanoseconds: number } {
  const exponent = BigInt(resolution & 0x7f);
  const perSecond = (resolution & 0x80) !== 0 ? 2n ** exponent : 10n ** exponent;
  const seconds = stamp / perSecond;
  return { seconds, nanoseconds: Number(((stamp - seconds * perSecond) * 1_000_000_000n) / perSecond) };
}

function compare(clock: TimestampClock, resolution: number, stamp: bigint, offset = 0n): void {
  clock.convert(Number(stamp >> 32n), Number(stamp & 0xffffffffn));
  const { seconds, nanoseconds } = exact(resolution, stamp);
  expect(clock.nanoseconds).toBe(nanoseconds);
  // A double: exact up to 2^53 seconds, which is 285 million years.
  if (seconds + offset < 2n ** 53n) expect(clock.seconds).toBe(Number(seconds + offset));
  else expect(Math.abs(clock.seconds / Number(seconds + offset) - 1)).toBeLessThan(1e-15);
}

const stamps = fc.oneof(
  fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn }),
  fc.bigInt({ min: 0n, max: 0x1_0000_0000n }),
  fc.constantFrom(0n, 0xffff_ffffn, 0x1_0000_0000n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n),
);

describe("TimestampClock", () => {
  it("agrees with BigInt for every resolution and any time stamp", () => {
    fc.assert(
      fc.property(
        fc.nat({ max: 255 }),
        fc.array(stamps, { minLength: 1, maxLength: 6 }),
        (resolution, all) => {
          const clock = new TimestampClock(resolution);
          for (const stamp of all) compare(clock, resolution, stamp);
        },
      ),
      { numRuns: 3000 },
    );
  });

  it("agrees with BigInt where time stamps follow each other closely", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.constantFrom(6, 9, 3, 0, 12, 15, 16, 0x80 | 20, 0x80 | 23, 0x80 | 24),
          fc.nat({ max: 255 }),
        ),
        fc.bigInt({ min: 0n, max: 2n ** 64n - 2n ** 54n }),
        fc.array(fc.bigInt({ min: -(2n ** 21n), max: 2n ** 50n }), { maxLength: 20 }),
        (resolution, start, steps) => {
          const clock = new TimestampClock(resolution);
          compare(clock, resolution, start);
          for (const step of steps) if (start + step >= 0n) compare(clock, resolution, start + step);
        },
      ),
      { numRuns: 2000 },
    );
  });

  it("stays exact across the borders of seconds", () => {
    for (const resolution of [3, 6, 7, 9, 12, 15, 0x80 | 10, 0x80 | 23]) {
      const clock = new TimestampClock(resolution);
      const exponent = BigInt(resolution & 0x7f);
      const perSecond = resolution & 0x80 ? 2n ** exponent : 10n ** exponent;
      for (let second = 1_700_000_000n; second < 1_700_000_003n; second++)
        for (const step of [-2n, -1n, 0n, 1n, perSecond / 2n])
          if (second * perSecond < 2n ** 63n) compare(clock, resolution, second * perSecond + step);
    }
  });

  it("cuts off, and never rounds up, just below a nanosecond", () => {
    for (let exponent = 10; exponent <= 64; exponent++) {
      // The fraction whose product with 5^9 is -1 modulo 2^(exponent - 9): as near below as can be.
      const modulus = 1n << BigInt(exponent - 9);
      let inverse = 1n;
      for (let step = 0; step < 7; step++) inverse = (inverse * (2n - 1_953_125n * inverse)) & (modulus - 1n);
      const clock = new TimestampClock(0x80 | exponent);
      const second = exponent < 60 ? 7n << BigInt(exponent) : 0n;
      compare(clock, 0x80 | exponent, second);
      for (let part = 0n; part < 512n; part += 37n)
        compare(clock, 0x80 | exponent, second + part * modulus + ((modulus - inverse) & (modulus - 1n)));
    }
  });

  it("adds if_tsoffset, also a negative one", () => {
    for (const offset of [5n, -5n, -1_700_000_001n, 2n ** 40n, -(2n ** 40n)]) {
      const clock = new TimestampClock(9, Number(offset));
      for (const stamp of [7n, 999_999_999n, 1_700_000_000_123_456_789n, 1_700_000_000_923_456_789n, 3n])
        compare(clock, 9, stamp, offset);
    }
  });
});
