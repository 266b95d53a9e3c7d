import { afterEach, beforeEach, expect, test } from "vitest";
import { type Rotation, SaveNames } from "../../src/capture/save-names.js";
import { run } from "../cli/run.js";
import { findCommand, peer } from "../setup/peer.js";

/** 2023-03-05 06:07:09 UTC. */
const SECOND = 1_677_996_429;
let zone: string | undefined;

beforeEach(() => {
  zone = process.env.TZ;
  process.env.TZ = "UTC";
});
afterEach(() => {
  if (zone === undefined) delete process.env.TZ;
  else process.env.TZ = zone;
});

function names(pattern: string, rotation: Rotation, seconds: readonly number[]): string[] {
  const source = new SaveNames(pattern, rotation);
  return seconds.map((second) => source.next(second));
}

const same = (count: number) => Array.from({ length: count }, () => SECOND);

test("one file has the name as given, conversions or not", () => {
  expect(names("50%.pcap", {}, [SECOND])).toEqual(["50%.pcap"]);
});

test("by size: numbers from 1 on; a ring's from 0 on, as many digits as the last has, and again", () => {
  expect(names("f", { bytes: 1 }, same(12)).slice(0, 3)).toEqual(["f", "f1", "f2"]);
  expect(names("f%d", { bytes: 1 }, same(12)).at(-1)).toBe("f%d11");
  expect(names("f", { bytes: 1, files: 3 }, same(4))).toEqual(["f0", "f1", "f2", "f0"]);
  expect(names("f", { bytes: 1, files: 11 }, same(12))).toEqual([
    ..."0123456789".split("").map((digit) => `f0${digit}`),
    "f10",
    "f00",
  ]);
  expect(names("f", { bytes: 1, files: 1 }, same(2))).toEqual(["f", "f"]);
});

test("by time: the pattern, and a number where that is no other name", () => {
  expect(names("%Y%m%d-%H%M%S", { seconds: 5 }, [SECOND, SECOND + 5])).toEqual([
    "20230305-060709",
    "20230305-060714",
  ]);
  expect(names("f-%H", { seconds: 5 }, [SECOND, SECOND + 5, SECOND + 3600])).toEqual([
    "f-06",
    "f-061",
    "f-07",
  ]);
  expect(names("f", { seconds: 5, files: 2 }, same(3))).toEqual(["f", "f1", "f2"]);
  expect(names("f-%H-", { seconds: 5, bytes: 1, files: 20 }, [...same(2), SECOND + 3600])).toEqual([
    "f-06-00",
    "f-06-01",
    "f-07-00",
  ]);
});

test("the names of a ring are known beforehand, those with a time are not", () => {
  expect([...new SaveNames("f", { bytes: 1, files: 3 }).ring()]).toEqual(["f0", "f1", "f2"]);
  expect([...new SaveNames("f", { bytes: 1 }).ring()]).toEqual([]);
  expect([...new SaveNames("f", { bytes: 1, seconds: 1, files: 3 }).ring()]).toEqual([]);
});

test.each<[string, Rotation, RegExp]>([
  ["f%q", { seconds: 1 }, /^f%q: %q in the name stands for no part of a time; there are %Y /],
  ["f%", { seconds: 1 }, /: % in the name stands for/],
  ["f%\u001b[2J", { seconds: 1 }, /^f%\\x1b\[2J: %\\x1b in the name/],
  ["f%\u{1f600}", { seconds: 1 }, /in the name stands for/],
  ["f%constructor", { seconds: 1 }, /: %c in the name/],
  ["f", { bytes: 0 }, /bytes is 0, not an integer from 1 to/],
  ["f", { seconds: 1.5 }, /seconds is 1.5, not/],
  ["f", { files: 3 }, /neither a size nor a time/],
  ["f", { bytes: 1, files: 100_001 }, /files is 100001, not an integer from 1 to 100000/],
])("%j with %j makes no sense", (pattern, rotation, message) => {
  expect(() => new SaveNames(pattern, rotation)).toThrow(message);
});

peer("date", ["date"])("conversions", () => {
  const pattern = "%Y %y %m %d %H %M %S %j %F %T %s %z %%";
  // The leap day of a leap year, a day after a change of the clock, half an hour's zone, the last day of a year.
  test.each([
    ["UTC", 1_709_164_799],
    ["Europe/Berlin", 1_711_929_600],
    ["Asia/Kolkata", SECOND],
    ["America/St_Johns", 1_704_067_199],
    ["America/New_York", 0],
  ])("in %s as date(1) has them", async (place, second) => {
    process.env.TZ = place;
    const { stdout } = await run(findCommand("date") ?? "date", [`-d@${second}`, `+${pattern}`], {
      env: { TZ: place },
    });
    expect(new SaveNames(pattern, { seconds: 1 }).next(second)).toBe(stdout.trimEnd());
  });
});
