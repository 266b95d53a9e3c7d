/*
 * Values over time. All times are milliseconds since 1970; a value holds from its time to before the next.
 */

/** A stretch of a {@link Timeline}. `value` null: there was none. */
export interface Segment<T> {
  readonly from: number;
  readonly until: number;
  readonly value: T | null;
}

/** What can be asked of values over time. */
export interface OverTime<T> {
  /** When the first segment begins; Infinity where there is none. */
  readonly start: number;
  /** When the last segment begins, and its value. */
  readonly lastFrom: number;
  readonly last: T | null;
  readonly segments: readonly Segment<T>[];
  /** Grows when the last segment ends. */
  readonly stamp: number;
  valueAt(time: number): T | null;
  /** The segment before the last one that `time` lies in, or null before the first. */
  pastAt(time: number): Segment<T> | null;
}

/** A stretch that is over. */
interface Past<T> {
  from: number;
  until: number;
  value: T | null;
}

/**
 * What one key or row was at any time. Grows at its end only: times given to `set`, `claim` and `release`
 * never decrease. Most never change, and there are many: the last segment is kept without an object of its own.
 */
export class Timeline<T> implements OverTime<T> {
  /** The last segment, which lasts to Infinity: its start (Infinity: there is none) and value. */
  #from = Number.POSITIVE_INFINITY;
  #value: T | null = null;
  /** The segments before it, adjoining and in order. */
  #past: Past<T>[] | null = null;
  /** Those that claim the same key but have been overtaken by a later claimant. */
  #overtaken: T[] | null = null;
  /** Counts changes: an answer that rests on the last segment is good until this grows. */
  stamp = 0;

  /** When the last segment begins; Infinity where there is none. */
  get lastFrom(): number {
    return this.#from;
  }

  /** The value now, or null. */
  get last(): T | null {
    return this.#value;
  }

  /** When the first segment begins; Infinity where there is none. */
  get start(): number {
    return this.#past?.[0]?.from ?? this.#from;
  }

  /** The value at `time`, or null. Allocates nothing. */
  valueAt(time: number): T | null {
    return time >= this.#from ? this.#value : (this.pastAt(time)?.value ?? null);
  }

  /** The segment before the last one that `time` lies in, or null before the first. Allocates nothing. */
  pastAt(time: number): Segment<T> | null {
    const past = this.#past;
    if (past === null || past.length === 0 || time < past[0].from) return null;
    let low = 0;
    let high = past.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (past[middle].from <= time) low = middle;
      else high = middle - 1;
    }
    return past[low];
  }

  /** All segments in order, the last one with `until` Infinity. */
  get segments(): readonly Segment<T>[] {
    if (this.#from === Number.POSITIVE_INFINITY) return [];
    const last = { from: this.#from, until: Number.POSITIVE_INFINITY, value: this.#value };
    return this.#past === null ? [last] : [...this.#past, last];
  }

  /** From `time` on the value is `value`. */
  set(time: number, value: T | null): void {
    if (this.#from === Number.POSITIVE_INFINITY) {
      if (value === null) return;
      this.#from = time;
      this.#value = value;
      this.stamp++;
      return;
    }
    if (this.#value === value) return;
    this.stamp++;
    if (this.#from < time) {
      this.#past ??= [];
      this.#past.push({ from: this.#from, until: time, value: this.#value });
      this.#from = time;
      this.#value = value;
      return;
    }
    // Two transactions of one millisecond: what lasted no time is forgotten.
    const previous = this.#past?.at(-1);
    if (previous === undefined) {
      this.#value = value;
      if (value === null) this.#from = Number.POSITIVE_INFINITY;
    } else if (previous.value === value) {
      this.#past?.pop();
      this.#from = previous.from;
      this.#value = value;
    } else this.#value = value;
  }

  /** Forgets the segments that ended by `time`. False where nothing is left; answers rest on it no more then. */
  forgetBefore(time: number): boolean {
    if (this.#past !== null) {
      const kept = this.#past.filter(({ until }) => until > time);
      this.#past = kept.length === 0 ? null : kept;
    }
    const isEmpty = this.#from === Number.POSITIVE_INFINITY;
    if (this.#past !== null || this.#value !== null || (this.#from > time && !isEmpty)) return true;
    this.#from = Number.POSITIVE_INFINITY;
    this.stamp++;
    return false;
  }

  /** `claimant` takes the key. False where it had an owner, which is then overtaken. */
  claim(time: number, claimant: T): boolean {
    const owner = this.#value;
    if (owner !== null) {
      this.#overtaken ??= [];
      this.#overtaken.push(owner);
    }
    this.set(time, claimant);
    return owner === null;
  }

  /** `claimant` gives the key up. If it was the owner, the latest one it had overtaken owns it again. */
  release(time: number, claimant: T): void {
    const overtaken = this.#overtaken;
    if (this.#value === claimant) {
      this.set(time, overtaken?.pop() ?? null);
      return;
    }
    const index = overtaken?.lastIndexOf(claimant) ?? -1;
    if (index >= 0) overtaken?.splice(index, 1);
  }
}
