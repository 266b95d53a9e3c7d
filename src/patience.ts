/*
 * How long a pipe that takes nothing is waited for: without an end until somebody wants to end. Whoever writes asks;
 * whoever ends says so.
 */
export class Patience {
  /** When it began to have an end, by performance.now(), and how many milliseconds it lasts from then on. */
  #began = 0;
  #most = Number.POSITIVE_INFINITY;

  /** From this moment on `most` milliseconds in which a pipe takes nothing are too long. */
  limit(most: number): void {
    if (Number.isFinite(this.#most)) return;
    this.#began = performance.now();
    this.#most = most;
  }

  /** Whether a pipe that has taken nothing since `since`, by performance.now(), is waited for no more. */
  isOver(since: number): boolean {
    return performance.now() - Math.max(since, this.#began) > this.#most;
  }
}
