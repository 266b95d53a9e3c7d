/* Text in the cells of a terminal, where some characters take two and some none. */
import terminalKit from "terminal-kit";
import type { Column } from "./table.js";

const CUT = "…";

/** Cells that safe, plain text takes. */
export const widthOf: (text: string) => number = terminalKit.stringWidth;

/** The text in `width` cells at most; where that is not all of it, it ends in an ellipsis. */
export function cut(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  return width <= 0 ? "" : terminalKit.truncateString(text, width - 1) + CUT;
}

/** The text in exactly `width` cells. */
export function fitted(text: string, width: number, align: Column["align"]): string {
  const short = cut(text, width);
  const blanks = " ".repeat(Math.max(0, width - widthOf(short)));
  return align === "right" ? blanks + short : short + blanks;
}

/** A piece of a line: safe, plain text, perhaps with what marks it up. */
export type Part = string | readonly [text: string, mark: (text: string) => string];

/** Pieces one behind the other in `width` cells at most. */
export function line(width: number, parts: readonly Part[]): string {
  let room = width;
  let text = "";
  for (const part of parts) {
    const [plain, mark] = typeof part === "string" ? [part, (same: string) => same] : part;
    const short = cut(plain, room);
    if (short === "") continue;
    room -= widthOf(short);
    text += mark(short);
    if (short !== plain) break;
  }
  return text;
}
