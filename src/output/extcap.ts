/* What an extcap program tells Wireshark of itself: sentences of a word and of fields in braces (extcap(4)). */
import { printable } from "../text.js";

/** The values of a sentence's fields, by their names; those that are undefined are left out. */
type Fields = Readonly<Record<string, string | number | boolean | undefined>>;

/** A sentence, on a line of its own. */
export function sentence(word: string, fields: Fields): string {
  const parts = Object.entries(fields).flatMap(([name, value]) =>
    value === undefined ? [] : [`{${name}=${fieldText(String(value))}}`],
  );
  return `${word} ${parts.join("")}\n`;
}

/** A text as a field can hold it: a brace would end it. */
export function fieldText(text: string): string {
  return printable(text).replace(/[{}]/g, "?");
}
