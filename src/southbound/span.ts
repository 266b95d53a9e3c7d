/*
 * How long an answer holds, and whether it still does. An answer is put together from the segments of several
 * timelines; it holds while all of them do. Where one of them is the last of its timeline, nobody knows yet how
 * long that is: such an answer is good until that timeline changes.
 */
import type { Interval } from "./model.js";
import type { OverTime } from "./timeline.js";

/** The time in which values of timelines hold together, narrowed with each that is read. */
export class Hold implements Interval {
  from: number;
  until = Number.POSITIVE_INFINITY;

  constructor(from = Number.NEGATIVE_INFINITY) {
    this.from = from;
  }

  narrow(interval: Interval): void {
    if (interval.from > this.from) this.from = interval.from;
    if (interval.until < this.until) this.until = interval.until;
  }

  /** The value of `timeline` at `time`, and the hold narrowed to the time it, or its absence, lasts. */
  read<T>(timeline: OverTime<T> | undefined, time: number): T | null {
    if (timeline === undefined) return null;
    if (time >= timeline.lastFrom) {
      if (timeline.lastFrom > this.from) this.from = timeline.lastFrom;
      return timeline.last;
    }
    const segment = timeline.pastAt(time);
    if (segment !== null) {
      this.narrow(segment);
      return segment.value;
    }
    if (timeline.start < this.until) this.until = timeline.start;
    return null;
  }
}

/** Narrows the time in which an answer holds, and notes what it rests on, step by step as it is put together. */
export class Span extends Hold {
  /** The timelines whose last segments were read. */
  readonly watched: OverTime<unknown>[] = [];
  /** The answers that were used and have no end yet. */
  readonly used: Answer<Interval>[] = [];
  /** Whether something was looked for that has no timeline yet: any change may bring it. */
  open = false;

  override read<T>(timeline: OverTime<T> | undefined, time: number): T | null {
    if (timeline === undefined) this.open = true;
    // A timeline that is empty (again) may begin at any time.
    else if (time >= timeline.lastFrom || timeline.start === Number.POSITIVE_INFINITY)
      this.watched.push(timeline);
    return super.read(timeline, time);
  }

  /** The value of an earlier answer, which this one rests on; null where there is none. */
  use<T extends Interval>(answer: Answer<T> | null): T | null {
    if (answer === null) return null;
    this.narrow(answer);
    if (answer.open) this.open = true;
    else if (answer.until === Number.POSITIVE_INFINITY) this.used.push(answer);
    return answer.value;
  }
}

const NOTHING: readonly never[] = Object.freeze([]);

/** A value that was put together, with what it rests on. */
export class Answer<T extends Interval> implements Interval {
  readonly value: T;
  /** Those of the value. Values have many shapes, and to read a number from any of them allocates one. */
  readonly from: number;
  readonly until: number;
  /** Any change may end it. */
  readonly open: boolean;
  readonly #watched: readonly OverTime<unknown>[];
  readonly #used: readonly Answer<Interval>[];
  readonly #stamps: number;
  #checkedIn: number;

  /** `generation`: that of the history the value was read from. */
  constructor(value: T, span: Span, generation: number) {
    this.value = value;
    this.from = value.from;
    this.until = value.until;
    // What has an end does not change any more.
    const lasts = span.until === Number.POSITIVE_INFINITY;
    this.open = lasts && span.open;
    this.#watched = lasts && !span.open ? trimmed(span.watched) : NOTHING;
    this.#used = lasts && !span.open ? trimmed(span.used) : NOTHING;
    this.#stamps = stamps(this.#watched);
    this.#checkedIn = generation;
  }

  /** Whether the value is still right. Allocates nothing. */
  isGood(generation: number): boolean {
    return this.#checkedIn === generation || this.#check(generation);
  }

  #check(generation: number): boolean {
    if (this.open || stamps(this.#watched) !== this.#stamps) return false;
    for (let index = 0; index < this.#used.length; index++)
      if (!this.#used[index].isGood(generation)) return false;
    this.#checkedIn = generation;
    return true;
  }
}

/** A copy without the room that a list which grew has left. */
function trimmed<T>(list: readonly T[]): readonly T[] {
  return list.length === 0 ? NOTHING : list.slice();
}

function stamps(timelines: readonly OverTime<unknown>[]): number {
  let sum = 0;
  for (let index = 0; index < timelines.length; index++) sum += timelines[index].stamp;
  return sum;
}

/** Answers to one question that hold for disjoint intervals. */
export class Answers<T extends Interval> {
  /** The one that was found or added last; null where there is none. */
  #last: Answer<T> | null = null;
  /** All in order of time, where there are several, which is seldom. */
  #items: Answer<T>[] | null = null;

  /** The answer that holds at `time`, or null. Allocates nothing. */
  at(time: number, generation: number): Answer<T> | null {
    // Short, so that it becomes part of whatever asks: where it is called, the time becomes an object.
    const last = this.#last;
    return last !== null && time >= last.from && time < last.until && last.isGood(generation)
      ? last
      : this.#search(time, generation);
  }

  #search(time: number, generation: number): Answer<T> | null {
    const items = this.#items ?? (this.#last === null ? NOTHING : [this.#last]);
    const found = items[upTo(items, time)];
    if (found === undefined || time >= found.until) return null;
    if (!found.isGood(generation)) {
      this.#remove(found);
      return null;
    }
    this.#last = found;
    return found;
  }

  add(answer: Answer<T>): void {
    if (this.#last !== null) {
      this.#items ??= [this.#last];
      this.#items.splice(upTo(this.#items, answer.from) + 1, 0, answer);
    }
    this.#last = answer;
  }

  #remove(answer: Answer<T>): void {
    const items = this.#items ?? [answer];
    items.splice(items.indexOf(answer), 1);
    this.#last = items[0] ?? null;
    if (items.length <= 1) this.#items = null;
  }
}

/** Index of the last of `items` that begins at or before `time`, or -1. */
function upTo(items: readonly Interval[], time: number): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (items[middle].from <= time) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
