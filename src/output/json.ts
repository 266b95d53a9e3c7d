/** What JSON.stringify leaves as it is although a terminal acts on it: DEL, C1, format and separator characters. */
const unsafe = /[\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}]/gu;

/** What nearly all JSON has none of; quicker to look for. */
const unusual = /[^\x20-\x7e]/;

/** JSON on one line that is exact and that no terminal obeys: such characters are escapes. */
export function safeJson(value: unknown): string {
  const text = JSON.stringify(value);
  if (!unusual.test(text)) return text;
  return text.replace(unsafe, (character) => {
    let escapes = "";
    for (let unit = 0; unit < character.length; unit++)
      escapes += `\\u${character.charCodeAt(unit).toString(16).padStart(4, "0")}`;
    return escapes;
  });
}
