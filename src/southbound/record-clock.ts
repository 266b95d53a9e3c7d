/*
 * The dates of a source's transactions, made fit for history: they never decrease.
 */
import type { Transaction } from "./ovsdb/transaction.js";
import type { WarningLog } from "./ovsdb/warnings.js";

/** Times are milliseconds since 1970. */
export class RecordClock {
  readonly #warnings: WarningLog;
  /** Transactions so far; the parts of one count once, with the last. */
  transactions = 0;
  /** From when on something is known: -Infinity where the first picture holds for all times before. */
  start = Number.NEGATIVE_INFINITY;
  /** When the last transaction counts as of. */
  time = Number.NEGATIVE_INFINITY;
  /** The dates of the first and the latest transaction; null where the source does not say. */
  firstDate: number | null = null;
  latestDate: number | null = null;

  constructor(warnings: WarningLog) {
    this.#warnings = warnings;
  }

  /** Takes the next transaction, and says when it counts as of. True where it is the source's first. */
  tick(transaction: Transaction, timeless: boolean): boolean {
    const { date, partial = false } = transaction;
    const isFirst = this.transactions === 0;
    if (!partial) this.transactions++;
    if (date !== null && (this.latestDate === null || date > this.latestDate)) this.latestDate = date;
    this.time = timeless ? Number.NEGATIVE_INFINITY : this.#after(transaction);
    if (isFirst) {
      this.firstDate = date;
      this.start = this.time;
    }
    return isFirst;
  }

  #after({ date, offset }: Transaction): number {
    const what = offset === null ? "an update" : `the record at byte ${offset}`;
    if (date === null) this.#warnings.add("undated", `${what} has no date`);
    else if (date < this.time)
      this.#warnings.add(
        "clock-backwards",
        `${what} is dated ${this.time - date} ms before an earlier one, and counts as of ${new Date(this.time).toISOString()} like that`,
      );
    return Math.max(date ?? this.time, this.time);
  }
}
