import { expect, test } from "vitest";
import { filterTime, sbTime } from "../../src/cli/time-argument.js";

const NOW = Date.UTC(2026, 10, 21, 12, 0, 0, 250);
const sec = (...date: Parameters<typeof Date.UTC>): number => Date.UTC(...date) / 1000;

test.each([
  ["2026-11-21T07:20:17.646279001Z", { sec: sec(2026, 10, 21, 7, 20, 17), nsec: 646279001 }],
  ["2026-11-21T07:20:17.6Z", { sec: sec(2026, 10, 21, 7, 20, 17), nsec: 600000000 }],
  ["2026-11-21 07:20:17.6462790019+01:00", { sec: sec(2026, 10, 21, 6, 20, 17), nsec: 646279001 }],
  ["2026-11-21T07:20", { sec: sec(2026, 10, 21, 7, 20), nsec: 0 }],
  ["2026-11-21", { sec: sec(2026, 10, 21), nsec: 0 }],
  ["1795245617", { sec: 1795245617, nsec: 0 }],
  // A number of this many digits is not exact as a double.
  ["1795245617.123456789", { sec: 1795245617, nsec: 123456789 }],
  ["0", { sec: 0, nsec: 0 }],
  ["5m", { sec: sec(2026, 10, 21, 11, 55), nsec: 250000000 }],
  ["1h30m", { sec: sec(2026, 10, 21, 10, 30), nsec: 250000000 }],
  ["1.5h", { sec: sec(2026, 10, 21, 10, 30), nsec: 250000000 }],
  ["2d", { sec: sec(2026, 10, 19, 12), nsec: 250000000 }],
  ["250ms", { sec: sec(2026, 10, 21, 12), nsec: 0 }],
  ["1s251ms", { sec: sec(2026, 10, 21, 11, 59, 58), nsec: 999000000 }],
])("%s", (text, expected) => {
  expect(filterTime("--since", text, true, NOW)).toEqual(expected);
});

test.each([
  "",
  "packet",
  "latest",
  "yesterday",
  "-5m",
  "5",
  "5 m",
  "5x",
  "5m3",
  "m",
  "2026-02-30",
  "2026-13-01",
  "1e9",
  "0x10",
  "9".repeat(400),
  `${"9".repeat(400)}d`,
])("%j: a moment, or a line that says why it is none", (text) => {
  try {
    const { sec: seconds, nsec } = filterTime("--since", text, true, NOW);
    expect(Number.isInteger(nsec) && nsec >= 0 && nsec < 1e9).toBe(true);
    expect(Number.isNaN(seconds)).toBe(false);
  } catch (error) {
    expect((error as Error).message).toMatch(/^--since "[^\n]*" is (not a time|after the year 9999)/);
  }
});

test("--sb-time is milliseconds, fractions included", () => {
  expect(sbTime(undefined)).toBe(undefined);
  expect(sbTime("packet")).toBe(null);
  expect(sbTime("latest")).toBe(Number.POSITIVE_INFINITY);
  expect(sbTime("1.5")).toBe(1500);
  expect(sbTime("2026-11-21T07:20:17.6462Z")).toBe(Date.UTC(2026, 10, 21, 7, 20, 17) + 646.2);
  // How long ago is no time of a database.
  expect(() => sbTime("5m")).toThrow(/--sb-time "5m" is not a time/);
});
