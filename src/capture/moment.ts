/** Packets of the first day of 1970 have no date: a dump without one, a block without a time. */
export const FIRST_DATED_SECOND = 86_400;

/**
 * A packet's time in milliseconds since 1970, the inventory's measure, to the microsecond; without a
 * date, a time later than any, at which the latest state holds.
 */
export function momentMs(sec: number, nsec: number): number {
  // Rounded down to a microsecond: a sum that is rounded up would end in the next millisecond.
  return isDated(sec) ? sec * 1e3 + ((nsec / 1000) | 0) * 1e-3 : Number.MAX_VALUE;
}

/** Whether a packet of this second has a date. */
export function isDated(sec: number): boolean {
  return sec >= FIRST_DATED_SECOND;
}
