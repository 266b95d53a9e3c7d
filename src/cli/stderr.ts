let isWatched = false;

/** Writes to standard error. Nobody to complain to is no fault of the work. */
export function writeError(text: string): void {
  // The stream is made when it is first spoken of, which most runs need not wait for.
  if (!isWatched) process.stderr.on("error", () => {});
  isWatched = true;
  process.stderr.write(text);
}
