/*
 * Text from a database goes into messages, so what could drive a terminal is spelled out: C0 and C1 controls
 * and the Unicode characters that turn the direction of writing.
 */
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** `text` for a one-line message: unsafe characters as `\xNN` or `\u{NNNN}`, cut after `limit` characters. */
export function shown(text: string, limit = 80): string {
  const cut = text.length > limit ? `${text.slice(0, limit)}...` : text;
  return cut.replace(UNSAFE, (unsafe) => {
    const code = unsafe.charCodeAt(0).toString(16);
    return code.length < 3 ? `\\x${code.padStart(2, "0")}` : `\\u{${code}}`;
  });
}

/** `text` in double quotes for a message; see {@link shown}. */
export function quoted(text: string, limit = 80): string {
  return `"${shown(text, limit)}"`;
}
