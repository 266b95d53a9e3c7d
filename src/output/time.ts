/* Times as tcpdump and RFC 3339 write them. */

const pad2 = (value: number): string => (value < 10 ? `0${value}` : `${value}`);

/** Nanoseconds as nine digits, or as six where the last three are zero. */
function fraction(nsec: number): string {
  return nsec % 1000 === 0 ? (nsec / 1000).toString().padStart(6, "0") : nsec.toString().padStart(9, "0");
}

/** Seconds east of UTC, remembered per quarter of an hour, the finest step a time zone changes at. */
class ZoneCache {
  #quarter = Number.NaN;
  #offset = 0;

  offset(sec: number): number {
    const quarter = Math.floor(sec / 900);
    if (quarter !== this.#quarter) {
      this.#quarter = quarter;
      const minutes = new Date(sec * 1000).getTimezoneOffset();
      this.#offset = Number.isNaN(minutes) ? 0 : -minutes * 60;
    }
    return this.#offset;
  }
}

const zone = new ZoneCache();

/** `HH:MM:SS.ffffff` in local time, or in UTC. */
export function clockTime(sec: number, nsec: number, utc: boolean): string {
  const day = secondOfDay(sec, utc);
  const hours = Math.floor(day / 3600);
  const minutes = Math.floor(day / 60) % 60;
  return `${pad2(hours)}:${pad2(minutes)}:${pad2(day % 60)}.${fraction(nsec)}`;
}

/** Of the day that a second since 1970 is in, in local time, or in UTC. */
export function secondOfDay(sec: number, utc: boolean): number {
  const local = utc ? sec : sec + zone.offset(sec);
  return ((local % 86400) + 86400) % 86400;
}

/** `YYYY-MM-DD HH:MM:SS.ffffff` in local time, or in UTC. */
export function dateTime(sec: number, nsec: number, utc: boolean): string {
  const local = utc ? sec : sec + zone.offset(sec);
  return `${isoSeconds(local).replace("T", " ")}.${fraction(nsec)}`;
}

/** RFC 3339 in UTC with nine digits: what JSON carries; null for a packet without a time. */
export function isoTime(sec: number, nsec: number): string | null {
  return sec === 0 && nsec === 0 ? null : rfc3339(sec, nsec);
}

/** Milliseconds since 1970 in RFC 3339 like `isoTime`; null for an end that is open or not known. */
export function momentJson(time: number | null): string | null {
  if (time === null || !Number.isFinite(time)) return null;
  const { sec, nsec } = parts(time);
  return rfc3339(sec, nsec);
}

/** Milliseconds since 1970 as `YYYY-MM-DD HH:MM:SS.mmm` in local time, or in UTC. */
export function momentText(time: number, utc: boolean): string {
  const { sec, nsec } = parts(time);
  return dateTime(sec, nsec, utc).slice(0, -3);
}

/** The same with its zone where that is not the local one: for a line that stands alone. */
export function zonedText(time: number, utc: boolean): string {
  return `${momentText(time, utc)}${utc ? " UTC" : ""}`;
}

/** Whole seconds and the whole milliseconds after them in nanoseconds. */
function parts(time: number): { sec: number; nsec: number } {
  const sec = Math.floor(time / 1000);
  return { sec, nsec: Math.floor(time - sec * 1000) * 1_000_000 };
}

function rfc3339(sec: number, nsec: number): string {
  return `${isoSeconds(sec)}.${nsec.toString().padStart(9, "0")}Z`;
}

/** Date and time to the second; years beyond what a Date holds stay readable as seconds. */
export function isoSeconds(sec: number): string {
  const date = new Date(sec * 1000);
  return Number.isNaN(date.getTime()) ? `@${sec}` : date.toISOString().replace(/\.\d+Z$/, "");
}
