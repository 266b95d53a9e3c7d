import { printable } from "../text.js";
import { safeJson } from "./json.js";
import type { Style } from "./table.js";

/** A part of the program, and whether it works here. */
export interface Part {
  readonly part: string;
  /** `unused`: it is left to the user whether anything begins with it. */
  readonly state: "ok" | "unused" | "missing" | "forbidden";
  /** What it rests on, or what is wrong. */
  readonly detail: string;
  /** What to do; null where there is nothing to do, or nothing that helps. */
  readonly remedy: string | null;
}

export interface Diagnosis {
  readonly version: string;
  readonly node: string;
  readonly platform: string;
  readonly parts: readonly Part[];
}

/** The answer of `doctor` for people: a line a part. */
export function doctorText({ version, node, platform, parts }: Diagnosis, style: Style): string {
  const state = { ok: style.green, unused: style.dim, missing: style.yellow, forbidden: style.yellow };
  const lines = parts.map(({ part, state: is, detail, remedy }) => {
    const hint = remedy === null ? "" : `\n${" ".repeat(11)}${printable(remedy)}`;
    return `${state[is](is)}${" ".repeat(11 - is.length)}${part}: ${printable(detail)}${hint}\n`;
  });
  return `${style.dim(`# genevescope ${version}, Node ${node}, ${platform}`)}\n${lines.join("")}`;
}

/** The answer of `doctor -o json` (docs/cli.md): one object. */
export function doctorJson(diagnosis: Diagnosis): string {
  return `${safeJson(diagnosis)}\n`;
}
