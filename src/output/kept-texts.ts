import type { Namer } from "../analysis/namer.js";
import { FragmentCache } from "./fragment-cache.js";
import type { LineBuffer } from "./line-buffer.js";

const ALWAYS = { from: Number.NEGATIVE_INFINITY, until: Number.POSITIVE_INFINITY };

/** Pieces of lines that depend on names: put together when they are needed, and kept while they hold. */
export class KeptTexts extends FragmentCache {
  readonly #namer: Namer | null;
  #generation = 0;

  constructor(namer: Namer | null) {
    super();
    this.#namer = namer;
  }

  /** Forgets what was put together from names that may have changed since. */
  keepUp(): void {
    const generation = this.#namer?.generation ?? 0;
    if (generation !== this.#generation) this.clear();
    this.#generation = generation;
  }

  /**
   * Writes `text` to `out` at `at`, and keeps it with `mark` under the first `count` words of `key` while what the
   * namer answered since its `begin` holds. Returns the offset behind.
   */
  keep(out: LineBuffer, at: number, count: number, text: string, mark = 0): number {
    const { from, until } = this.#namer ?? ALWAYS;
    this.add(count, text, mark, from, until);
    out.at = at;
    out.text(text);
    return out.at;
  }
}
