/*
 * Values over time. All times are milliseconds since 1970; a value holds from its time to before the next.
 */
import type { Interval } from "./model.js";

/** A stretch of a {@link Timeline}. `value` null: there was none. */
export interface Segment<T> {
  from: number;
  until: number;
  value: T | null;
}

/**
 * What one key or row was at any time. Grows at its end only: times given to `set`, `claim` and `release`
 * never decrease.
 */
export class Timeline<T> {
  /** Adjoining and in order; the last lasts to Infinity. */
  #segments: Segment<T>[] = [];
  /** Those that claim the same key but have been overtaken by a later claimant. */
  #overtaken: T[] | null = null;

  /** The segment that `time` lies in, or null before the first. Allocates nothing. */
  at(time: number): Segment<T> | null {
    const segments = this.#segments;
    let high = segments.length - 1;
    if (high < 0 || time < segments[0].from) return null;
    if (time >= segments[high].from) return segments[high];
    let low = 0;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (segments[middle].from <= time) low = middle;
      else high = middle - 1;
    }
    return segments[low];
  }

  /** The value at `time`, or null. Allocates nothing. */
  valueAt(time: number): T | null {
    return this.at(time)?.value ?? null;
  }

  /** When the first segment begins; Infinity where there is none. */
  get start(): number {
    return this.#segments.length === 0 ? Number.POSITIVE_INFINITY : this.#segments[0].from;
  }

  get segments(): readonly Segment<T>[] {
    return this.#segments;
  }

  /** From `time` on the value is `value`. */
  set(time: number, value: T | null): void {
    const segments = this.#segments;
    const last = segments.at(-1);
    if (last === undefined) {
      if (value !== null) this.#segments = [{ from: time, until: Number.POSITIVE_INFINITY, value }];
      return;
    }
    if (last.value === value) return;
    if (last.from < time) {
      last.until = time;
      segments.push({ from: time, until: Number.POSITIVE_INFINITY, value });
      return;
    }
    // Two transactions of one millisecond: what lasted no time is forgotten.
    segments.pop();
    const previous = segments.at(-1);
    if (previous === undefined) this.set(time, value);
    else if (previous.value === value) previous.until = Number.POSITIVE_INFINITY;
    else segments.push({ from: time, until: Number.POSITIVE_INFINITY, value });
  }

  /** `claimant` takes the key. False where it had an owner, which is then overtaken. */
  claim(time: number, claimant: T): boolean {
    const owner = this.#segments.at(-1)?.value ?? null;
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
    if (this.#segments.at(-1)?.value === claimant) {
      this.set(time, overtaken?.pop() ?? null);
      return;
    }
    const index = overtaken?.lastIndexOf(claimant) ?? -1;
    if (index >= 0) overtaken?.splice(index, 1);
  }
}

/** Narrows the time in which an answer holds, step by step as it is put together. */
export class Span {
  from = Number.NEGATIVE_INFINITY;
  until = Number.POSITIVE_INFINITY;

  narrow(interval: Interval | Segment<unknown>): void {
    if (interval.from > this.from) this.from = interval.from;
    if (interval.until < this.until) this.until = interval.until;
  }

  /** The value of `timeline` at `time`, and the span narrowed to the time it, or its absence, lasts. */
  read<T>(timeline: Timeline<T> | undefined, time: number): T | null {
    if (timeline === undefined) return null;
    const segment = timeline.at(time);
    if (segment === null) {
      if (timeline.start < this.until) this.until = timeline.start;
      return null;
    }
    this.narrow(segment);
    return segment.value;
  }
}

/** Answers that hold for disjoint intervals, in order of time. */
export class IntervalList<T extends Interval> {
  readonly #items: T[] = [];
  #last = 0;

  /** The answer that holds at `time`, or null. Allocates nothing. */
  at(time: number): T | null {
    const items = this.#items;
    if (this.#last < items.length) {
      const last = items[this.#last];
      if (last.from <= time && time < last.until) return last;
    }
    const index = this.#upTo(time);
    if (index < 0 || time >= items[index].until) return null;
    this.#last = index;
    return items[index];
  }

  add(item: T): void {
    this.#items.splice(this.#upTo(item.from) + 1, 0, item);
  }

  /** Index of the last item that begins at or before `time`, or -1. */
  #upTo(time: number): number {
    let low = 0;
    let high = this.#items.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#items[middle].from <= time) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}
