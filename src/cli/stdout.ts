import { writeSync } from "node:fs";
import { LineBuffer } from "../output/line-buffer.js";
import { Patience } from "../patience.js";

/**
 * Standard output in large writes, with back-pressure. A reader that goes away (`| head`) is no fault: it
 * sets `closed`, and what follows is dropped.
 */
export class Stdout {
  /** What is pending: write to it, and call `flush` where it is full. */
  readonly lines = new LineBuffer();
  /** True once nobody reads any more: stop working. */
  closed = false;
  /** How long a pipe that nobody reads is waited for. */
  readonly patience = new Patience();
  /** The flush under way: whoever wants another one waits for it. */
  #flushing: Promise<void> | null = null;

  /** Adds text; call `flush` now and then. */
  write(text: string): void {
    this.lines.text(text);
  }

  /** True when enough is pending that a flush pays. */
  get full(): boolean {
    return this.lines.full;
  }

  /** Hands everything pending to the system and waits until it has taken it. */
  async flush(): Promise<void> {
    this.#flushing ??= this.#drain();
    try {
      await this.#flushing;
    } finally {
      this.#flushing = null;
    }
  }

  async #drain(): Promise<void> {
    const { lines } = this;
    let start = 0;
    let taken = performance.now();
    try {
      while (start < lines.at && !this.closed) {
        try {
          start += writeSync(1, lines.bytes, start, lines.at - start);
          taken = performance.now();
        } catch (error) {
          const code = (error as NodeJS.ErrnoException).code;
          if (code === "EPIPE") this.closed = true;
          // A pipe in non-blocking mode that is full: let its reader work.
          else if (code === "EAGAIN" && !this.patience.isOver(taken))
            await new Promise((resolve) => setTimeout(resolve, 1));
          else if (code === "EAGAIN")
            throw new Error("standard output: nobody reads it; the rest is given up");
          else throw new Error(`standard output: ${(error as Error).message}`, { cause: error });
        }
      }
    } finally {
      lines.clear();
    }
  }
}

/** Writes to standard output piece by piece, as fast as it is read. */
export async function print(pieces: Iterable<string>): Promise<void> {
  const stdout = new Stdout();
  for (const piece of pieces) {
    stdout.write(piece);
    if (stdout.full) await stdout.flush();
    if (stdout.closed) return;
  }
  await stdout.flush();
}
