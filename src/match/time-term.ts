/* Conditions on when a packet came. */
import type { PacketBatch } from "../capture/batch.js";
import { FIRST_DATED_SECOND } from "../capture/moment.js";
import type { FrameBatch } from "../frame/columns.js";
import { Need, type Term } from "./term.js";

/** A moment: seconds since 1970, UTC, rounded down, and nanoseconds 0 to 999,999,999. */
export interface Instant {
  readonly sec: number;
  readonly nsec: number;
}

const FIRST: Instant = { sec: FIRST_DATED_SECOND, nsec: 0 };
const LAST: Instant = { sec: Number.POSITIVE_INFINITY, nsec: 0 };

/** The packet has a date, and came at `since` or later and before `until`; null: no matter how early or late. */
export class TimeTerm implements Term {
  readonly needs = Need.time;
  readonly unknown = 0;
  readonly #since: Instant;
  readonly #until: Instant;

  constructor(since: Instant | null, until: Instant | null) {
    this.#since = since !== null && since.sec >= FIRST.sec ? since : FIRST;
    this.#until = until ?? LAST;
  }

  narrow(
    { tsSec, tsNsec }: PacketBatch,
    _: FrameBatch,
    from: Int32Array,
    count: number,
    to: Int32Array,
  ): number {
    const sinceSec = +this.#since.sec;
    const sinceNsec = this.#since.nsec | 0;
    const untilSec = +this.#until.sec;
    const untilNsec = this.#until.nsec | 0;
    let kept = 0;
    for (let row = 0; row < count; row++) {
      const i = from[row];
      to[kept] = i;
      const sec = tsSec[i];
      if (sec > sinceSec && sec < untilSec) kept++;
      else if (sec >= sinceSec && sec <= untilSec) {
        const isEarly = sec === sinceSec && tsNsec[i] < sinceNsec;
        const isLate = sec === untilSec && tsNsec[i] >= untilNsec;
        if (!isEarly && !isLate) kept++;
      }
    }
    return kept;
  }
}
