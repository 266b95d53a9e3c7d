import type { Inventory, KnownNames } from "../southbound/index.js";
import { type Decide, type Decision, Verdict } from "./verdicts.js";

/** What names are looked up in. */
export interface Names {
  readonly inventory: Inventory;
  /** As of when: milliseconds since 1970, Infinity for the latest known, null for each packet's own time. */
  readonly at: number | null;
  /** What ports and datapaths are known by besides their logical names. */
  readonly known: KnownNames;
}

/** Grows when what has a name may have changed; never, of files. */
export function generationOf(names: Names | null): number {
  return names === null ? 0 : names.inventory.generation + names.known.generation;
}

/** Whether verdicts are a matter of the packet's time. */
export function isTimed(names: Names | null): boolean {
  return names !== null && names.at === null;
}

/** `decide` as of the packet's time, or of the one time for all. */
export function asOf(names: Pick<Names, "at"> | null, decide: Decide): Decide {
  const at = names?.at ?? null;
  return at === null ? decide : (_, a, b, c, d) => ({ ...decide(at, a, b, c, d), ...ALWAYS });
}

const ALWAYS = { from: Number.NEGATIVE_INFINITY, until: Number.POSITIVE_INFINITY };
export const NO: Decision = { verdict: Verdict.no, ...ALWAYS };
export const YES: Decision = { verdict: Verdict.yes, ...ALWAYS };
