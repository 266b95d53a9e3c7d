import { writeSync } from "node:fs";

/** Text gathered before it is handed to the system. */
const FLUSH_CHARACTERS = 64 * 1024;

/**
 * Standard output in large writes, with back-pressure. A reader that goes away (`| head`) is no fault: it
 * sets `closed`, and what follows is dropped.
 */
export class Stdout {
  #pending = "";
  /** True once nobody reads any more: stop working. */
  closed = false;

  /** Adds text; call `flush` now and then (it resolves at once while little is pending). */
  write(text: string): void {
    this.#pending += text;
  }

  /** True when enough is pending that a flush pays. */
  get full(): boolean {
    return this.#pending.length >= FLUSH_CHARACTERS;
  }

  /** Hands everything pending to the system and waits until it has taken it. */
  async flush(): Promise<void> {
    if (this.#pending === "") return;
    const bytes = Buffer.from(this.#pending, "utf8");
    this.#pending = "";
    let at = 0;
    while (at < bytes.length && !this.closed) {
      try {
        at += writeSync(1, bytes, at);
      } catch (error) {
        const code = (error as NodeJS.ErrnoException).code;
        if (code === "EPIPE") this.closed = true;
        // A pipe in non-blocking mode that is full: let its reader work.
        else if (code === "EAGAIN") await new Promise((resolve) => setTimeout(resolve, 1));
        else throw new Error(`standard output: ${(error as Error).message}`, { cause: error });
      }
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
