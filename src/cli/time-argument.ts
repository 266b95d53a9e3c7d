/* Moments as they are given on the command line: dates, seconds since 1970, and how long ago. */
import type { Instant } from "../match/time-term.js";
import { quoted } from "../text.js";
import { CliError } from "./fault.js";

/** ISO 8601 as far as it names a moment: a date, perhaps a time, perhaps a zone. */
const isoDate = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(Z|[+-]\d\d:?\d\d)?)?$/;
/** Seconds since 1970 as date +%s and tcpdump -tt print them. */
const unixTime = /^(\d+)(?:\.(\d+))?$/;
/** Lengths of time as Hubble and Go write them, and days. */
const duration = /^(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+$/;
const MILLISECONDS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
/** The last second of the year 9999: what is later has no date that all understand. */
const LAST_SECOND = Date.UTC(9999, 11, 31, 23, 59, 59) / 1000;

/**
 * `--sb-time` as milliseconds since 1970, Infinity for `latest`, or null for each packet's own time.
 * Undefined: as the source allows.
 */
export function sbTime(text: string | undefined, utc = false): number | null | undefined {
  if (text === undefined) return undefined;
  if (text === "packet") return null;
  if (text === "latest") return Number.POSITIVE_INFINITY;
  const instant = momentOf("--sb-time", text, utc);
  if (instant === null)
    throw new CliError(
      `--sb-time ${quoted(text)} is not a time; give packet, latest, an ISO time such as 2026-11-21T07:20:00Z, or seconds since 1970`,
    );
  return instant.sec * 1000 + instant.nsec / 1e6;
}

/** A length of time as milliseconds, null for what is none. */
export function milliseconds(text: string): number | null {
  if (!duration.test(text)) return null;
  let sum = 0;
  for (const [, count, unit] of text.matchAll(/([\d.]+)(ms|s|m|h|d)/g))
    sum += Number(count) * MILLISECONDS[unit as keyof typeof MILLISECONDS];
  return sum;
}

/** The moment that `flag` of a filter is given: a date or seconds since 1970, or how long before `now` (milliseconds) it was. */
export function filterTime(flag: string, text: string, utc: boolean, now = Date.now()): Instant {
  const ago = milliseconds(text);
  if (ago !== null) {
    const ms = Math.max(0, Math.round(now - ago));
    const sec = Math.floor(ms / 1000);
    return { sec, nsec: (ms - sec * 1000) * 1_000_000 };
  }
  const instant = momentOf(flag, text, utc);
  if (instant === null)
    throw new CliError(
      `${flag} ${quoted(text)} is not a time; give an ISO time such as 2026-11-21T07:20:00Z, seconds since 1970, or how long ago, such as 90s, 5m, 2h`,
    );
  return instant;
}

/**
 * A date or seconds since 1970; null for what is neither. A date or time without a zone is local, or with `utc` in
 * UTC, as times are printed.
 */
function momentOf(flag: string, text: string, utc: boolean): Instant | null {
  const [, seconds, fraction] = unixTime.exec(text) ?? [];
  const instant =
    seconds === undefined ? isoMoment(text, utc) : { sec: Number(seconds), nsec: nanoseconds(fraction) };
  if (instant !== null && instant.sec > LAST_SECOND)
    throw new CliError(
      `${flag} ${quoted(text)} is after the year 9999${seconds === undefined ? "" : "; give seconds since 1970, not milliseconds"}`,
    );
  return instant;
}

/** Null for what is none. Date.parse takes more, rolls the 30th of February over, and a date alone is UTC to it. */
function isoMoment(text: string, utc: boolean): Instant | null {
  const [, year, month, day, hour = "00", minute = "00", second = "00", fraction, zone] =
    isoDate.exec(text) ?? [];
  if (year === undefined || +day > daysOf(+year, +month)) return null;
  // With `T` and a time, no zone means local time.
  const ms = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}${zone ?? (utc ? "Z" : "")}`);
  return Number.isNaN(ms) ? null : { sec: ms / 1000, nsec: nanoseconds(fraction) };
}

/** The digits behind the decimal point, as far as they count. */
function nanoseconds(fraction = ""): number {
  return Number(fraction.slice(0, 9).padEnd(9, "0"));
}

/** Days of a month from 1 to 12; what is no month is Date.parse's to refuse. */
function daysOf(year: number, month: number): number {
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return month === 2 ? (leap ? 29 : 28) : [4, 6, 9, 11].includes(month) ? 30 : 31;
}
