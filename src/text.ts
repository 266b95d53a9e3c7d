/*
 * Names from a database and text from a capture are not ours: a terminal must never obey them. Every room
 * that puts foreign text into a message or a line passes it through here.
 */

/** Controls (C0, DEL, C1), separators of lines, lone surrogates, and what reorders or hides text. */
const unsafe = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/** `text` with everything a terminal could act on spelled out: `\x1b`, `\u{202e}`. */
export function printable(text: string): string {
  return text.replace(unsafe, (character) => {
    const point = character.codePointAt(0) ?? 0;
    const hex = point.toString(16);
    return point < 0x100 ? `\\x${hex.padStart(2, "0")}` : `\\u{${hex}}`;
  });
}

/** `text` for a one-line message: printable, and cut after `limit` characters. */
export function shown(text: string, limit = 256): string {
  return printable(text.length > limit ? `${text.slice(0, limit)}...` : text);
}

/** A name in double quotes as ovn-trace and ovn-sbctl write it: `"` and `\` escaped, printable. */
export function quoted(text: string, limit = 256): string {
  return `"${shown(text.replace(/["\\]/g, "\\$&"), limit)}"`;
}
