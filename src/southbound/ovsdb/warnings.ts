import type { SourceWarning, WarningCode } from "./report.js";

/** Counts what was odd, and keeps the first case of each kind in words. */
export class WarningLog {
  readonly #kinds = new Map<WarningCode, { count: number; text: string }>();

  /** `text` must be one line and safe to print. */
  add(code: WarningCode, text: string): void {
    const kind = this.#kinds.get(code);
    if (kind === undefined) this.#kinds.set(code, { count: 1, text });
    else kind.count++;
  }

  /** Counts again without a new text; for loops that would build one text a row. */
  again(code: WarningCode): boolean {
    const kind = this.#kinds.get(code);
    if (kind !== undefined) kind.count++;
    return kind !== undefined;
  }

  list(): readonly SourceWarning[] {
    return [...this.#kinds].map(([code, { count, text }]) => ({ code, count, text }));
  }
}
