import { readFileSync } from "node:fs";

/** The program's version, as package.json says. */
export function version(): string {
  known ??= (
    JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as { version: string }
  ).version;
  return known;
}

/** Asked for again, it is not read again. */
let known: string | null = null;
