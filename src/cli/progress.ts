import { grouped } from "../output/table.js";
import { printable } from "../text.js";
import { writeError } from "./stderr.js";
import { isTerminal } from "./terminal.js";

/**
 * One line on standard error that is rewritten while work goes on: only on a terminal, only once a second
 * has passed, and never left standing.
 */
export class Progress {
  readonly #wanted: boolean;
  readonly #started = Date.now();
  #shown = 0;
  #visible = false;

  /** `wanted` false: nothing is shown, since what is printed meanwhile is progress enough. */
  constructor(wanted: boolean) {
    this.#wanted = wanted && isTerminal(2);
  }

  /** `position` and `size` in bytes of the input; `size` null where unknown. */
  update(name: string, packets: number, position: number, size: number | null): void {
    if (!this.#wanted) return;
    const now = Date.now();
    if (now - this.#started < 1000 || now - this.#shown < 200) return;
    this.#shown = now;
    this.#visible = true;
    const share =
      size !== null && size > 0
        ? `${Math.min(100, Math.floor((position / size) * 100))}%`
        : `${grouped(Math.floor(position / 1e6))} MB`;
    const width = Math.max(20, (process.stderr.columns ?? 80) - 1);
    const line = `${printable(name)}: ${share}, ${grouped(packets)} packets`;
    writeError(`\r\u001b[K${line.slice(0, width)}`);
  }

  /** Wipes the line, before anything else is shown. */
  clear(): void {
    if (this.#visible) writeError("\r\u001b[K");
    this.#visible = false;
  }
}
