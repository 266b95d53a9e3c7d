/*
 * The lines of tcpdump's -x, -xx, -X and -XX:
 *
 *   07:20:17.646279 IP 192.168.50.100.7549 > 192.168.50.101.6081: Geneve, Flags [C], vni 0x1
 *   <tab>0x0000:  4500 008e f9b0 4000 4011 5a94 c0a8 3264  E.....@.@.Z...2d
 *
 * The offset is in hexadecimal; groups of bytes are one space apart; two spaces or a tab end them, and what
 * follows (-X, -XX) is the same bytes as text.
 */

const SPACE = 0x20;
const TAB = 0x09;

/** Most digits of an offset. */
const OFFSET_DIGITS = 8;

/** Value of each character as a hexadecimal digit, -1 for all others. */
const DIGIT = new Int8Array(256).fill(-1);
for (let value = 0; value < 16; value++) {
  DIGIT[value.toString(16).charCodeAt(0)] = value;
  DIGIT[value.toString(16).toUpperCase().charCodeAt(0)] = value;
}

/** One line of hexadecimal bytes, refilled by each `parse`. */
export class HexLine {
  /** Offset in the packet of the line's first byte. */
  offset = 0;
  /** Where in the text the groups of bytes begin. */
  groups = 0;
  /** Bytes read by `read`. */
  count = 0;

  /** True where the text from `start` to `end` is such a line; then `offset` and `groups` are set. */
  parse(text: Uint8Array, start: number, end: number): boolean {
    let at = start;
    // Indentation, and the `>` or `|` of quoted mail and tables.
    while (at < end && (text[at] === SPACE || text[at] === TAB || text[at] === 0x3e || text[at] === 0x7c))
      at++;
    if (at + 3 > end || text[at] !== 0x30 || (text[at + 1] | 0x20) !== 0x78) return false;
    at += 2;
    let offset = 0;
    const digits = at;
    while (at < end && at - digits < OFFSET_DIGITS && DIGIT[text[at]] >= 0)
      offset = offset * 16 + DIGIT[text[at++]];
    if (at === digits || at >= end || text[at] !== 0x3a) return false;
    at++;
    while (at < end && (text[at] === SPACE || text[at] === TAB)) at++;
    this.offset = offset;
    this.groups = at;
    return true;
  }

  /**
   * Writes the line's bytes to `into` from `to` on, as far as they go, sets `count`, and returns false where
   * the line has none or something else stands among them. `into` needs room for half the characters of the line.
   */
  read(text: Uint8Array, end: number, into: Uint8Array, to: number): boolean {
    let at = this.groups;
    let count = 0;
    this.count = 0;
    while (at < end) {
      const group = at;
      while (at + 1 < end && DIGIT[text[at]] >= 0 && DIGIT[text[at + 1]] >= 0) {
        into[to + count++] = DIGIT[text[at]] * 16 + DIGIT[text[at + 1]];
        at += 2;
      }
      this.count = count;
      if (at === end) break;
      // Half a byte, or text where a group was due.
      if (at === group || text[at] !== SPACE) {
        if (at !== group && text[at] === TAB) break;
        return false;
      }
      at++;
      if (at === end || text[at] === SPACE || text[at] === TAB) break;
    }
    return count > 0;
  }
}

/** When a summary line says a packet was captured. */
export interface SummaryTime {
  readonly seconds: number;
  readonly nanoseconds: number;
}

const SUMMARY =
  /^[\s>|#*`-]*(?:\d{1,9}\s{1,4})?(?:(\d{4})-(\d\d)-(\d\d)[ T])?(\d\d):(\d\d):(\d\d)[.,](\d{1,9})(?!\S)/;
const EPOCH = /^[\s>|#*`-]*(?:\d{1,9}\s{1,4})?(\d{9,11})\.(\d{1,9})(?!\S)/;

/**
 * The time at the start of a summary line: `HH:MM:SS.frac` (on 1970-01-01, for the day is not said), with a
 * date before it (`-tttt`), or seconds since 1970 (`-tt`); null where there is none. A date is taken in this
 * machine's zone, as tcpdump prints it.
 */
export function summaryTime(line: string): SummaryTime | null {
  const clock = SUMMARY.exec(line);
  if (clock) {
    const [, year, month, day, hour, minute, second, fraction] = clock;
    if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 60) return null;
    let seconds = Number(hour) * 3600 + Number(minute) * 60 + Number(second);
    if (year !== undefined) {
      if (Number(month) < 1 || Number(month) > 12 || Number(day) < 1 || Number(day) > 31) return null;
      // In this machine's zone, as tcpdump prints it; a leap second is the next minute's first.
      const local = new Date(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute));
      seconds = local.getTime() / 1000 + Number(second);
    }
    return { seconds, nanoseconds: nanosecondsOf(fraction) };
  }
  const epoch = EPOCH.exec(line);
  return epoch ? { seconds: Number(epoch[1]), nanoseconds: nanosecondsOf(epoch[2]) } : null;
}

function nanosecondsOf(fraction: string): number {
  return Number(fraction.padEnd(9, "0"));
}
