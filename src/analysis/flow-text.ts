/*
 * The notation of Open vSwitch's datapath flows (ovs-dpctl(8), lib/odp-util.c): items between commas, each a word,
 * `name=value`, `name(items)` or `{items}`. Other tools' oddities, such as an attribute that OVS itself does not know
 * (`key6(bad key length 1, expected 0)(01)geneve(...)`), are passed over.
 */

import { ipVersion, parseIpv4, parseIpv6 } from "../wire/address.js";

/** Takes an item: its name, "" of braces, and its value, null of a word alone. */
export type TakeItem = (name: string, value: string | null) => void;

/** Goes through the items of `text`; false where its parentheses or braces do not match. */
export function eachItem(text: string, take: TakeItem): boolean {
  const { length } = text;
  let at = 0;
  while (at < length) {
    const start = at;
    while (at < length && !isBreak(text.charCodeAt(at))) at++;
    const name = text.slice(start, at).trim();
    const code = at < length ? text.charCodeAt(at) : COMMA;
    if (code === OPEN || code === BRACE) {
      const close = closing(text, at);
      if (close < 0) return false;
      take(name, text.slice(at + 1, close));
      at = close + 1;
      // What follows another item at once, as "(01)", belongs to nothing.
      while (at < length && text.charCodeAt(at) === OPEN) {
        at = closing(text, at) + 1;
        if (at === 0) return false;
      }
      if (at < length && text.charCodeAt(at) === COMMA) at++;
    } else if (code === EQUALS) {
      const from = ++at;
      while (at < length && text.charCodeAt(at) !== COMMA) at++;
      take(name, text.slice(from, at).trim());
      at++;
    } else if (code === COMMA) {
      if (name !== "") take(name, null);
      at++;
    } else return false;
  }
  return true;
}

const COMMA = 0x2c;
const EQUALS = 0x3d;
const OPEN = 0x28;
const CLOSE = 0x29;
const BRACE = 0x7b;
const BRACE_END = 0x7d;

function isBreak(code: number): boolean {
  return (
    code === COMMA ||
    code === EQUALS ||
    code === OPEN ||
    code === CLOSE ||
    code === BRACE ||
    code === BRACE_END
  );
}

/** Where what opens at `at` closes, or -1. */
function closing(text: string, at: number): number {
  let depth = 0;
  for (let next = at; next < text.length; next++) {
    const code = text.charCodeAt(next);
    if (code === OPEN || code === BRACE) depth++;
    else if ((code === CLOSE || code === BRACE_END) && --depth === 0) return next;
  }
  return -1;
}

/** A value and the mask behind its slash; null where there is none, which means all bits. */
export function withMask(text: string): [value: string, mask: string | null] {
  const slash = text.indexOf("/");
  return slash < 0 ? [text, null] : [text.slice(0, slash), text.slice(slash + 1)];
}

/** A number of up to 32 bits, decimal or with "0x"; -1 where it is none. */
export function numberOf(text: string): number {
  const value = /^(0x[0-9a-f]{1,8}|\d{1,10})$/i.test(text) ? Number(text) : -1;
  return value <= 0xffffffff ? value : -1;
}

/** The words of an IP address: one of IPv4, four of IPv6. */
export function ipWords(text: string): number[] | null {
  const version = ipVersion(text);
  if (version === 4) return [parseIpv4(text) | 0];
  if (version === 0) return null;
  const view = new DataView(parseIpv6(text).buffer);
  return [0, 4, 8, 12].map((at) => view.getInt32(at));
}
