/* What of `live --top` is looked at, and what keys do to it. */
import { TOP_KINDS, type TopKind } from "./top-kinds.js";

/** What rows are sorted by, in the order in which `s` goes through them. */
export const SORTS = ["bit/s", "packets/s", "bytes", "name"] as const;
export type Sort = (typeof SORTS)[number];

/** What is asked of whoever got a key: to end, to stop or go on with the picture, or to show it anew. */
export type Asked = "end" | "pause" | "show" | "nothing";

/** Characters of a filter. */
const LONGEST_FILTER = 100;

export class TopView {
  kind: TopKind = TOP_KINDS[0];
  sort: Sort = "bit/s";
  /** Smallest first, or names from the end of the alphabet. */
  isReversed = false;
  /** What rows must have in their text, in either case; empty: all of them. */
  filter = "";
  /** Whether the filter is being typed. */
  isTyping = false;
  isHelp = false;
  /** Rows above the first one shown; more than there are counts as the end. */
  offset = 0;
  /** Cells that the columns of names have wanted so far. */
  widest: readonly number[] = [];

  /** Takes a key by the name that the terminal library has for it; `isCharacter`: it is what it types. */
  press(key: string, isCharacter: boolean, pageRows: number): Asked {
    if (key === "CTRL_C") return "end";
    if (this.isTyping) return this.#type(key, isCharacter);
    if (this.isHelp) {
      this.isHelp = false;
      return key === "q" ? "end" : "show";
    }
    return this.#command(key) ?? this.#scroll(key, pageRows);
  }

  #type(key: string, isCharacter: boolean): Asked {
    if (key === "ENTER" || key === "KP_ENTER") this.isTyping = false;
    else if (key === "ESCAPE") {
      this.isTyping = false;
      this.filter = "";
    } else if (key === "BACKSPACE") this.filter = [...this.filter].slice(0, -1).join("");
    else if (key === "CTRL_U") this.filter = "";
    else if (isCharacter && this.filter.length < LONGEST_FILTER) this.filter += key;
    else return "nothing";
    this.offset = 0;
    this.widest = [];
    return "show";
  }

  #command(key: string): Asked | null {
    const kind = TOP_KINDS.find((each) => each.key === key);
    if (kind !== undefined) return this.#turnTo(kind);
    switch (key) {
      case "q":
        return "end";
      case "p":
      case " ":
        return "pause";
      case "TAB":
        return this.#turnTo(neighbour(TOP_KINDS, this.kind, 1));
      case "SHIFT_TAB":
        return this.#turnTo(neighbour(TOP_KINDS, this.kind, -1));
      case "s":
      case ">":
        this.sort = neighbour(SORTS, this.sort, 1);
        return "show";
      case "<":
        this.sort = neighbour(SORTS, this.sort, -1);
        return "show";
      case "r":
        this.isReversed = !this.isReversed;
        return "show";
      case "/":
        this.isTyping = true;
        return "show";
      case "ESCAPE":
        this.filter = "";
        return "show";
      case "?":
        this.isHelp = true;
        return "show";
      default:
        return null;
    }
  }

  #turnTo(kind: TopKind): Asked {
    this.kind = kind;
    this.offset = 0;
    this.widest = [];
    return "show";
  }

  #scroll(key: string, pageRows: number): Asked {
    const steps: Readonly<Record<string, number>> = {
      UP: -1,
      DOWN: 1,
      PAGE_UP: -pageRows,
      PAGE_DOWN: pageRows,
      HOME: Number.NEGATIVE_INFINITY,
      END: Number.POSITIVE_INFINITY,
    };
    if (!Object.hasOwn(steps, key)) return "nothing";
    this.offset = Math.max(0, this.offset + steps[key]);
    return "show";
  }
}

/** The element `step` behind `one`, round and round. */
function neighbour<T>(list: readonly T[], one: T, step: number): T {
  return list[(list.indexOf(one) + step + list.length) % list.length];
}
