/*
 * Numbers and addresses as text, straight into bytes: each function writes at `at` and returns the offset behind
 * what it wrote. Up to 16 bytes behind that may be changed, too: lines are written from front to back.
 */
import { zeroRun } from "../wire/zero-run.js";

/** Four ASCII characters as a word, for setInt32(..., true); blanks where the text is shorter. */
function word(text: string): number {
  const padded = text.padEnd(4);
  return (
    padded.charCodeAt(0) |
    (padded.charCodeAt(1) << 8) |
    (padded.charCodeAt(2) << 16) |
    (padded.charCodeAt(3) << 24)
  );
}

/** Numbers below 1000: three digits and a blank. */
const PADDED = new Int32Array(1000);
/** The same without leading zeros; the last byte is how many digits. */
const SHORT = new Int32Array(1000);
/** Octets and the dot behind them, and the length of that. */
const OCTET = new Int32Array(256);
const OCTET_BYTES = new Uint8Array(256);
/** Octets as two hexadecimal digits, and with a colon behind. */
const HEX = new Int32Array(256);
/** Octets as two hexadecimal digits and no more. */
const HEX_PAIR = new Uint16Array(256);

for (let value = 0; value < 1000; value++) {
  const digits = `${value}`;
  PADDED[value] = word(digits.padStart(3, "0"));
  SHORT[value] = (word(digits) & 0xffffff) | (digits.length << 24);
}
for (let value = 0; value < 256; value++) {
  OCTET[value] = word(`${value}.`);
  OCTET_BYTES[value] = `${value}.`.length;
  HEX[value] = word(`${value.toString(16).padStart(2, "0")}:`);
  HEX_PAIR[value] = HEX[value] & 0xffff;
}

/** A whole number, 0 to 2^31 - 1. */
export function putNumber(out: DataView, at: number, value: number): number {
  if (value < 1000) {
    const short = SHORT[value];
    out.setInt32(at, short, true);
    return at + (short >>> 24);
  }
  return value < 1_000_000 ? putThousands(out, at, value) : putLarge(out, at, value);
}

/** From 1000 to 999,999. */
function putThousands(out: DataView, at: number, value: number): number {
  const thousands = (value / 1000) | 0;
  const short = SHORT[thousands];
  out.setInt32(at, short, true);
  return putThree(out, at + (short >>> 24), value - thousands * 1000);
}

/** From a million to 2^53. */
function putLarge(out: DataView, at: number, value: number): number {
  const millions = Math.floor(value / 1_000_000);
  const next = millions < 1_000_000 ? putNumber(out, at, millions) : putLarge(out, at, millions);
  return putSix(out, next, value - millions * 1_000_000);
}

/** Below 1000, with leading zeros. */
export function putThree(out: DataView, at: number, value: number): number {
  out.setInt32(at, PADDED[value], true);
  return at + 3;
}

/** Below a million, with leading zeros. */
export function putSix(out: DataView, at: number, value: number): number {
  const thousands = (value / 1000) | 0;
  return putThree(out, putThree(out, at, thousands), value - thousands * 1000);
}

/** The 32 bits at `offset` of `view` as a number. */
export function putUint32(out: DataView, at: number, view: DataView, offset: number): number {
  const value = view.getUint32(offset);
  return value < 1_000_000 ? putNumber(out, at, value) : putLarge(out, at, value);
}

/** The IPv4 address at `offset` of `view`. */
export function putIpv4(out: DataView, at: number, view: DataView, offset: number): number {
  const bits = view.getInt32(offset);
  const first = bits >>> 24;
  const second = (bits >>> 16) & 0xff;
  const third = (bits >>> 8) & 0xff;
  const fourth = bits & 0xff;
  out.setInt32(at, OCTET[first], true);
  let next = at + OCTET_BYTES[first];
  out.setInt32(next, OCTET[second], true);
  next += OCTET_BYTES[second];
  out.setInt32(next, OCTET[third], true);
  next += OCTET_BYTES[third];
  out.setInt32(next, OCTET[fourth], true);
  return next + OCTET_BYTES[fourth] - 1;
}

/** The MAC address at `offset` of `view`. */
export function putMac(out: DataView, at: number, view: DataView, offset: number): number {
  for (let index = 0; index < 6; index++)
    out.setInt32(at + 3 * index, HEX[view.getUint8(offset + index)], true);
  return at + 17;
}

/** A number below 2^16 in hexadecimal without leading zeros. */
function putHex(out: DataView, at: number, value: number): number {
  const low = HEX[value & 0xff];
  const high = value >>> 8;
  if (high === 0) {
    if (value > 0xf) out.setInt32(at, low, true);
    else out.setUint8(at, low >>> 8);
    return at + (value > 0xf ? 2 : 1);
  }
  const next = putHex(out, at, high);
  out.setInt32(next, low, true);
  return next + 2;
}

/** The IPv6 address at `offset` of `view` as RFC 5952 writes it, as readIpv6 does. */
export function putIpv6(out: DataView, at: number, view: DataView, offset: number): number {
  const run = zeroRun(view, offset);
  const runStart = run >> 4;
  const runLength = run & 0xf;
  const isMapped = runStart === 0 && runLength === 5 && view.getUint16(offset + 10) === 0xffff;
  let next = at;
  for (let group = 0; group < 8; group++) {
    if (group === runStart) {
      out.setUint16(next, COLONS);
      next += 2;
      group += runLength - 1;
      continue;
    }
    if (isMapped && group === 6) return putIpv4(out, colon(out, next), view, offset + 12);
    if (group > 0 && group !== runStart + runLength) next = colon(out, next);
    next = putHex(out, next, view.getUint16(offset + 2 * group));
  }
  return next;
}

const COLONS = 0x3a3a;

function colon(out: DataView, at: number): number {
  out.setUint8(at, 0x3a);
  return at + 1;
}

/** `bytes` bytes at `offset` of `view` as hexadecimal digits. */
export function putHexBytes(
  out: DataView,
  at: number,
  view: DataView,
  offset: number,
  bytes: number,
): number {
  const pairs = HEX_PAIR;
  const end = offset + bytes;
  let to = at;
  let from = offset;
  for (const stop = end - 3; from < stop; from += 4, to += 8) {
    const word = view.getInt32(from);
    out.setInt32(to, pairs[word >>> 24] | (pairs[(word >>> 16) & 0xff] << 16), true);
    out.setInt32(to + 4, pairs[(word >>> 8) & 0xff] | (pairs[word & 0xff] << 16), true);
  }
  for (; from < end; from++, to += 2) out.setInt16(to, pairs[view.getUint8(from)], true);
  return to;
}

/** The order of bytes of what typed arrays hold. */
const LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** A text for `putLiteral`, or where it is short for `putShort`. */
export class Literal {
  readonly length: number;
  readonly doubles: Float64Array;

  constructor(text: string) {
    const bytes = new TextEncoder().encode(text);
    this.length = bytes.length;
    this.doubles = new Float64Array(Math.max(2, (bytes.length + 7) >> 3));
    new Uint8Array(this.doubles.buffer).set(bytes);
  }
}

/** Literals by number, 0 to before `count`, each made when it is first needed. */
export class LiteralTable {
  readonly #made: (Literal | undefined)[];
  readonly #text: (index: number) => string;

  constructor(count: number, text: (index: number) => string) {
    this.#made = new Array(count);
    this.#text = text;
  }

  at(index: number): Literal {
    let literal = this.#made[index];
    if (literal === undefined) {
      literal = new Literal(this.#text(index));
      this.#made[index] = literal;
    }
    return literal;
  }
}

export function putLiteral(out: DataView, at: number, { doubles, length }: Literal): number {
  // Most are short enough for two steps.
  const second = doubles[1];
  out.setFloat64(at, doubles[0], LITTLE_ENDIAN);
  out.setFloat64(at + 8, second, LITTLE_ENDIAN);
  if (length > 16) putCopy(out, at + 16, doubles, 2, length - 16);
  return at + length;
}

/** A text of eight bytes at most. */
export function putShort(out: DataView, at: number, { doubles, length }: Literal): number {
  out.setFloat64(at, doubles[0], LITTLE_ENDIAN);
  return at + length;
}

/** `length` bytes of text, which begins in the double `from` of `doubles`. No double that is text is NaN. */
export function putCopy(
  out: DataView,
  at: number,
  doubles: Float64Array,
  from: number,
  length: number,
): number {
  const end = at + length;
  for (let to = at, index = from; to < end; to += 8, index++)
    out.setFloat64(to, doubles[index], LITTLE_ENDIAN);
  return end;
}

/** A short text of ASCII characters. */
export function putAscii(out: DataView, at: number, text: string): number {
  for (let index = 0; index < text.length; index++) out.setUint8(at + index, text.charCodeAt(index));
  return at + text.length;
}
