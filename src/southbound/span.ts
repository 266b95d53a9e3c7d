/*
 * How long an answer holds, and whether it still does. An answer is put together from the segments of several
 * timelines; it holds while all of them do. Where one of them is the last of its timeline, nobody knows yet how
 * long that is: such an answer is good until that timeline changes.
 */
import type { Interval } from "./model.js";
import type { OverTime } from "./timeline.js";

/** Narrows the time in which an answer holds, step by step as it is put together. */
export class Span implements Interval {
  from = Number.NEGATIVE_INFINITY;
  until = Number.POSITIVE_INFINITY;
  /** The timelines whose last segments were read. */
  readonly watched: OverTime<unknown>[] = [];
  /** Whether something was looked for that has no timeline yet: any change may bring it. */
  open = false;

  narrow(interval: Interval): void {
    if (interval.from > this.from) this.from = interval.from;
    if (interval.until < this.until) this.until = interval.until;
  }

  /** The value of `timeline` at `time`, and the span narrowed to the time it, or its absence, lasts. */
  read<T>(timeline: OverTime<T> | undefined, time: number): T | null {
    if (timeline === undefined) {
      this.open = true;
      return null;
    }
    if (time >= timeline.lastFrom) {
      if (timeline.lastFrom > this.from) this.from = timeline.lastFrom;
      this.watched.push(timeline);
      return timeline.last;
    }
    const segment = timeline.pastAt(time);
    if (segment !== null) {
      this.narrow(segment);
      return segment.value;
    }
    const { start } = timeline;
    // A timeline that is empty (again) may begin at any time.
    if (start === Number.POSITIVE_INFINITY) this.watched.push(timeline);
    else if (start < this.until) this.until = start;
    return null;
  }

  /** The value of an earlier answer, which this one rests on; null where there is none. */
  use<T extends Interval>(answer: Answer<T> | null): T | null {
    if (answer === null) return null;
    this.narrow(answer.value);
    for (const timeline of answer.watched) this.watched.push(timeline);
    if (answer.open) this.open = true;
    return answer.value;
  }
}

/** A value that was put together, with what it rests on. */
export class Answer<T extends Interval> {
  readonly value: T;
  /** Those of the value. Values have many shapes, and to read a number from any of them allocates one. */
  readonly from: number;
  readonly until: number;
  readonly watched: readonly OverTime<unknown>[];
  readonly open: boolean;
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
    this.watched = lasts && !span.open ? span.watched : NOTHING;
    this.#stamps = this.#sum();
    this.#checkedIn = generation;
  }

  /** Whether the value is still right. Allocates nothing. */
  isGood(generation: number): boolean {
    if (this.#checkedIn === generation) return true;
    if (this.open || this.#sum() !== this.#stamps) return false;
    this.#checkedIn = generation;
    return true;
  }

  #sum(): number {
    let sum = 0;
    for (let index = 0; index < this.watched.length; index++) sum += this.watched[index].stamp;
    return sum;
  }
}

const NOTHING: readonly never[] = Object.freeze([]);

/** Answers to one question that hold for disjoint intervals, in order of time. */
export class Answers<T extends Interval> {
  readonly #items: Answer<T>[] = [];
  #last = 0;

  /** The answer that holds at `time`, or null. Allocates nothing. */
  at(time: number, generation: number): Answer<T> | null {
    const items = this.#items;
    let index = this.#last;
    if (index >= items.length || time < items[index].from || time >= items[index].until) {
      index = this.#upTo(time);
      if (index < 0 || time >= items[index].until) return null;
      this.#last = index;
    }
    if (items[index].isGood(generation)) return items[index];
    items.splice(index, 1);
    return null;
  }

  add(answer: Answer<T>): void {
    this.#items.splice(this.#upTo(answer.from) + 1, 0, answer);
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
