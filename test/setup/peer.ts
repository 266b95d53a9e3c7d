/*
 * Tests whose judge is another program. On a developer's machine without it they are reported as skipped,
 * by the peer's name; where results count (CI=true or GENEVESCOPE_REQUIRE_PEERS=1) its absence is a failure.
 */
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { describe, expect, test } from "vitest";

/** Where administrators' programs are, which not every user's PATH names. */
const MORE_PLACES = ["/usr/sbin", "/sbin", "/usr/local/sbin"];

/** The path of an installed command (or of a file given by its path), or null. */
export function findCommand(command: string): string | null {
  const places = command.includes("/")
    ? [""]
    : [...(process.env.PATH ?? "").split(delimiter), ...MORE_PLACES];
  const mode = command.includes("/") ? constants.R_OK : constants.X_OK;
  for (const place of places) {
    const path = place === "" ? command : join(place, command);
    try {
      accessSync(path, mode);
      return path;
    } catch {
      // Look further.
    }
  }
  return null;
}

/** Like vitest's `describe`. */
export type DescribePeer = (title: string, body: () => void) => void;

/**
 * A `describe` for tests against the peer `name`, which needs `commands` (programs looked for in PATH; an
 * entry with a slash is a file that must be readable).
 */
export function peer(name: string, commands: readonly string[]): DescribePeer {
  const missing = commands.filter((command) => findCommand(command) === null);
  if (missing.length === 0) return (title, body) => describe(`${title} [peer: ${name}]`, body);
  const required = process.env.CI === "true" || process.env.GENEVESCOPE_REQUIRE_PEERS === "1";
  // The body is not run: vitest would collect it, and it may call the peer before its first test.
  if (!required)
    return (title) =>
      describe.skip(`${title} [peer: ${name}]`, () => {
        test(`needs ${missing.join(", ")}`, () => {});
      });
  return (title) =>
    describe(`${title} [peer: ${name}]`, () => {
      test(`${name} is installed`, () => {
        expect(missing, "install these, they are required here").toEqual([]);
      });
    });
}
