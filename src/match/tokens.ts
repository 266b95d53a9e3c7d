/* The words of OVN's match language, as OVN's own lexer (lib/lex.c) takes them apart. */
import { quoted } from "../text.js";
import { ipVersion, parseIpv4, parseIpv6, parseMac } from "../wire/address.js";
import { ExpressionError, type Masked } from "./expression.js";

/** How an integer was written. */
export type IntegerFormat = "decimal" | "hexadecimal" | "Ethernet" | "IPv4" | "IPv6";

/** An integer as it stands in an expression. */
export interface Integer extends Masked {
  readonly format: IntegerFormat;
}

interface Place {
  /** Of its first character, from 1. */
  readonly column: number;
  /** As it stands there; of the end "". */
  readonly text: string;
}

/** A word and where it stands. `set` and `group` are the names behind `$` and `@`. */
export type Token =
  | (Place & { readonly kind: "symbol" | "end" | "identifier" })
  | (Place & { readonly kind: "string" | "set" | "group"; readonly value: string })
  | (Place & { readonly kind: "integer"; readonly integer: Integer });

/** Characters of an expression at most: as much as Linux takes for one argument. */
export const LONGEST_EXPRESSION = 1 << 17;

/** The width of each format that has one. */
const FORMAT_BITS: Readonly<Partial<Record<IntegerFormat, number>>> = {
  Ethernet: 48,
  IPv4: 32,
  IPv6: 128,
};
/** Characters that an IPv6 address has at most. */
const LONGEST_IPV6 = 45;
/** Bits of the largest integers that are written without and with 0x. */
const DECIMAL_BITS = 64;
const HEXADECIMAL_BITS = 128;

/** Bits that a field must have to be compared with the integer. */
export function integerBits({ value, mask, format }: Integer): number {
  const width = (bits: bigint) => (bits === 0n ? 0 : bits.toString(2).length);
  return mask === null ? (FORMAT_BITS[format] ?? width(value)) : width(mask);
}

const BLANKS = /(?:\s|\/\/[^\n]*|\/\*(?:[^*\n]|\*(?!\/))*\*\/)*/y;
const IDENTIFIER = /(?!\.\.)[A-Za-z_.][A-Za-z_.0-9]*/y;
const STRING = /"(?:[^"\\]|\\.)*"/y;
const SYMBOL = /&&|\|\||==|!=|<=|>=|\.\.|[!<>(){}[\],]/y;
/** An identifier may begin as an address does, but not with a colon behind its hexadecimal digits. */
const NUMBER_START = /[0-9]|[0-9A-Fa-f]*:[0-9A-Fa-f:]/y;
/** What a number could be at most; two dots are the word between the ends of a range of bits. */
const NUMBER = /(?:[0-9A-Za-z:]|\.(?!\.))+/y;

/** The words of an expression, of which the last is its end. Throws an {@link ExpressionError}. */
export function tokensOf(text: string): Token[] {
  if (text.length > LONGEST_EXPRESSION)
    throw new ExpressionError(`it has more than ${LONGEST_EXPRESSION} characters`, LONGEST_EXPRESSION + 1);
  const tokens: Token[] = [];
  let at = 0;
  const taken = (pattern: RegExp): string => {
    pattern.lastIndex = at;
    return pattern.exec(text)?.[0] ?? "";
  };
  for (;;) {
    at += taken(BLANKS).length;
    const token = at === text.length ? end(at + 1) : tokenAt(text, at + 1, taken);
    tokens.push(token);
    if (token.kind === "end") return tokens;
    at += token.text.length;
  }
}

function end(column: number): Token {
  return { kind: "end", column, text: "" };
}

/** The word at `column`; `taken` says what of the text from there on a pattern takes. */
function tokenAt(text: string, column: number, taken: (pattern: RegExp) => string): Token {
  const first = text[column - 1];
  if (taken(NUMBER_START) !== "") return integerAt(text, column, taken(NUMBER));
  const identifier = taken(IDENTIFIER);
  if (identifier !== "") return { kind: "identifier", column, text: identifier };
  const symbol = taken(SYMBOL);
  if (symbol !== "") return { kind: "symbol", column, text: symbol };
  if (first === '"') return stringAt(column, taken(STRING));
  if (first === "$" || first === "@") return macroAt(text, column, first);
  throw new ExpressionError(faultOf(text.slice(column - 1, column + 1)), column);
}

/** What is wrong with characters that begin no word. */
function faultOf(characters: string): string {
  const [first] = characters;
  if (first === "&" || first === "|") return `${quoted(first)} alone is no operator; write ${first}${first}`;
  if (first === "=") return `${quoted("=")} alone is no operator; write ==`;
  if (characters === "/*") return "the comment does not end on its line";
  return `${quoted(String.fromCodePoint(characters.codePointAt(0) ?? 0))} begins nothing that an expression is made of`;
}

function stringAt(column: number, text: string): Token {
  if (text === "") throw new ExpressionError('the string has no " at its end', column);
  try {
    return { kind: "string", column, text, value: JSON.parse(text) as string };
  } catch {
    throw new ExpressionError(`${quoted(text)} is no string as JSON has it`, column);
  }
}

function macroAt(text: string, column: number, sign: "$" | "@"): Token {
  IDENTIFIER.lastIndex = column;
  const name = IDENTIFIER.exec(text)?.[0];
  if (name === undefined)
    throw new ExpressionError(
      `behind ${sign} belongs the name of ${sign === "$" ? "an address set" : "a port group"}`,
      column,
    );
  return { kind: sign === "$" ? "set" : "group", column, text: sign + name, value: name };
}

/** An integer and the mask behind it, without the bits that it leaves out. */
function integerAt(text: string, column: number, digits: string): Token {
  const { value, format } = numberOf(digits, column);
  const slash = column - 1 + digits.length;
  if (text[slash] !== "/")
    return { kind: "integer", column, text: digits, integer: { value, format, mask: null } };
  NUMBER.lastIndex = slash + 1;
  const maskDigits = NUMBER.exec(text)?.[0] ?? "";
  const mask = maskOf(format, numberOf(maskDigits, slash + 2), slash + 2);
  const integer = { value: value & mask, format, mask };
  return { kind: "integer", column, text: `${digits}/${maskDigits}`, integer };
}

interface Number {
  readonly value: bigint;
  readonly format: IntegerFormat;
}

/** The bits that a mask sets: one of the value's format, or of an IP address the length of its prefix. */
function maskOf(format: IntegerFormat, mask: Number, column: number): bigint {
  if (mask.format === format) return mask.value;
  const bits = format === "Ethernet" ? undefined : FORMAT_BITS[format];
  if (bits === undefined || mask.format !== "decimal")
    throw new ExpressionError(`the mask is written in another way (${mask.format}) than the value`, column);
  if (mask.value > bits)
    throw new ExpressionError(`the length behind / is no number from 0 to ${bits}`, column);
  const free = BigInt(bits) - mask.value;
  return ((1n << BigInt(bits)) - 1n) ^ ((1n << free) - 1n);
}

function numberOf(text: string, column: number): Number {
  const fault = (what: string) => new ExpressionError(`${quoted(text)} ${what}`, column);
  if (text.length === 17 && /^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/i.test(text))
    return { value: BigInt(parseMac(text)), format: "Ethernet" };
  if (/^[0-9]+$/.test(text)) {
    if (text.length > 1 && text.startsWith("0")) throw fault("is a decimal number with a 0 in front");
    return { value: limited(text, DECIMAL_BITS, 20, fault), format: "decimal" };
  }
  if (/^0x[0-9a-f]+$/i.test(text))
    return { value: limited(text, HEXADECIMAL_BITS, 34, fault), format: "hexadecimal" };
  const version = text.length <= LONGEST_IPV6 ? ipVersion(text) : 0;
  if (version === 4) return { value: BigInt(parseIpv4(text)), format: "IPv4" };
  if (version === 6) return { value: bigIntOf(parseIpv6(text)), format: "IPv6" };
  throw fault("is no number and no address");
}

/** The number, which has `bits` bits, and so `digits` characters, at most. */
function limited(text: string, bits: number, digits: number, fault: (what: string) => Error): bigint {
  const value = text.length <= digits ? BigInt(text) : null;
  if (value === null || value >> BigInt(bits) !== 0n) throw fault(`is not less than 2^${bits}`);
  return value;
}

function bigIntOf(bytes: Uint8Array): bigint {
  return bytes.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

/** The address as an integer with its mask, as an Address_Set has it; null for anything else. */
export function addressOf(text: string): Integer | null {
  try {
    const [token, next] = tokensOf(text);
    return token.kind === "integer" && next.kind === "end" ? token.integer : null;
  } catch (error) {
    if (error instanceof ExpressionError) return null;
    throw error;
  }
}
