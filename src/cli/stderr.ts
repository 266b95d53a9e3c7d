let isWatched = false;
/** What is held back, while it is. */
let held: string[] | null = null;

/** Of what is held back the latest is kept. */
const MOST_HELD = 200;

/** Writes to standard error. Nobody to complain to is no fault of the work. */
export function writeError(text: string): void {
  if (held !== null) {
    held.push(text);
    if (held.length > MOST_HELD) held.shift();
    return;
  }
  // The stream is made when it is first spoken of, which most runs need not wait for.
  if (!isWatched) process.stderr.on("error", () => {});
  isWatched = true;
  process.stderr.write(text);
}

/** Holds back what is to be written, or no longer: while something else is on the terminal. */
export function holdErrors(isHeld: boolean): void {
  const texts = held ?? [];
  held = isHeld ? texts : null;
  if (!isHeld) for (const text of texts) writeError(text);
}

/** Forgets what is held back so far. */
export function dropHeld(): void {
  if (held !== null) held = [];
}

/** The last of what is held back; null where there is none. */
export function lastHeld(): string | null {
  return held?.at(-1) ?? null;
}
