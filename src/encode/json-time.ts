import type { Moment } from "./packet.js";

const RFC3339 =
  /^((?:\d{4}|[+-]\d{6})-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(?:Z|([+-])([01]\d|2[0-3]):([0-5]\d))$/;
/** How `decode` writes years that no date has. */
const SECONDS = /^@(\d{1,16})\.(\d{9})Z$/;

/** The moment that an RFC 3339 time to the nanosecond is, or null where it is none. */
export function parseMoment(text: string): Moment | null {
  const seconds = SECONDS.exec(text);
  if (seconds !== null) return { sec: Number(seconds[1]), nsec: Number(seconds[2]) };
  const match = RFC3339.exec(text);
  if (match === null) return null;
  const [, date, time, fraction = "", sign, hours, minutes] = match;
  const milliseconds = Date.parse(`${date}T${time}Z`);
  // A day that its month does not have is taken as one of the next.
  if (Number.isNaN(milliseconds) || !new Date(milliseconds).toISOString().startsWith(`${date}T${time}`))
    return null;
  const east = sign === undefined ? 0 : Number(`${sign}1`) * (Number(hours) * 3600 + Number(minutes) * 60);
  return { sec: milliseconds / 1000 - east, nsec: Number(fraction.padEnd(9, "0")) };
}
