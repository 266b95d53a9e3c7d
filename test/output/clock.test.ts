import fc from "fast-check";
import { afterEach, expect, test } from "vitest";
import { ClockWriter, IsoWriter } from "../../src/output/clock.js";
import { clockTime, isoTime } from "../../src/output/time.js";

interface Writer {
  write(out: DataView, at: number, sec: number, nsec: number): number;
}

const memory = Buffer.alloc(100);
const view = new DataView(memory.buffer, memory.byteOffset, memory.length);

function written(writer: Writer, sec: number, nsec: number): string {
  return memory.toString("latin1", 1, writer.write(view, 1, sec, nsec));
}

const nanoseconds = fc.oneof(
  fc.nat(999_999).map((micros) => micros * 1000),
  fc.nat(999_999_999),
  fc.constantFrom(0, 1, 999, 1000, 999_999_000, 999_999_999),
);
const seconds = fc.oneof(
  fc.nat(2 ** 32 - 1),
  fc.constantFrom(0, 1, 59, 60, 3599, 3600, 86_399, 86_400, 1e15),
);

const local = process.env.TZ;
afterEach(() => {
  if (local === undefined) delete process.env.TZ;
  else process.env.TZ = local;
});

/** Hours and minutes of a zone, as the system's own tables have them. */
function wallClock(sec: number, timeZone: string): string {
  return new Date(sec * 1000).toLocaleTimeString("en-GB", { timeZone });
}

test.each([
  ["UTC", 1_793_511_000],
  // Clocks went back at 06:00 UTC on 2026-11-01, and an hour ahead at 07:00 on 2026-03-08.
  ["America/New_York", 1_793_512_800],
  ["America/New_York", 1_772_953_200],
  // By half an hour, at 15:00 UTC on 2026-04-04.
  ["Australia/Lord_Howe", 1_775_314_800],
  ["Asia/Kathmandu", 1_793_512_800],
])("%s around second %i", (zone, change) => {
  process.env.TZ = zone;
  const clock = new ClockWriter(false);
  for (let sec = change - 4000; sec < change + 4000; sec += 97)
    expect(written(clock, sec, 123_456_000)).toBe(`${wallClock(sec, zone)}.123456`);
  // And back again, over the change.
  for (const sec of [change - 1, change, change - 1])
    expect(written(clock, sec, 5)).toBe(`${wallClock(sec, zone)}.000000005`);
});

test("any time, as the texts have it", () => {
  process.env.TZ = "America/St_Johns";
  const writers = { utc: new ClockWriter(true), local: new ClockWriter(false), iso: new IsoWriter() };
  fc.assert(
    fc.property(seconds, nanoseconds, (sec, nsec) => {
      expect(written(writers.utc, sec, nsec)).toBe(clockTime(sec, nsec, true));
      expect(written(writers.local, sec, nsec)).toBe(clockTime(sec, nsec, false));
      expect(written(writers.iso, sec, nsec)).toBe(`,"time":${JSON.stringify(isoTime(sec, nsec))}`);
    }),
    { numRuns: 2000 },
  );
});

test("seconds beyond any calendar are still of a day", () => {
  const clock = new ClockWriter(true);
  for (const sec of [2 ** 53, 2 ** 60, 1.5e18, 2 ** 62, 2 ** 63, -(2 ** 60), -(2 ** 62)]) {
    const day = Number(((BigInt(sec) % 86_400n) + 86_400n) % 86_400n);
    const clockText = new Date(day * 1000).toISOString().slice(11, 19);
    expect(written(clock, sec, 5000), `${sec}`).toBe(`${clockText}.000005`);
  }
});
