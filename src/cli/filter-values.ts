/* What the values of filters mean. */
import { type Expression, ExpressionError } from "../match/expression.js";
import type { Filter, FilterValue } from "../match/filters.js";
import type { Prefix } from "../match/inner-terms.js";
import { parseExpression } from "../match/parser.js";
import { quoted } from "../text.js";
import { canonicalAddress, ipVersion, parseIpv4, parseIpv6 } from "../wire/address.js";
import { CliError } from "./fault.js";
import type { FilterArgument } from "./filter-options.js";
import { isNumber, keyArgument, LAST_EGRESS, LAST_INGRESS, LAST_VNI } from "./key-argument.js";
import type { TakeOptions } from "./options.js";
import { filterTime } from "./time-argument.js";

/** The filters among a verb's flags. */
export function filtersOf({ filters, utc }: TakeOptions): Filter[] {
  return readFilters(filters ?? [], utc === true);
}

/** Reads the filters; throws a CliError that says which value is wrong. `utc`: how times without a zone are meant. */
export function readFilters(given: readonly FilterArgument[], utc: boolean): Filter[] {
  for (const kind of ["since", "until"] as const)
    if (given.filter((each) => each.kind === kind).length > 1)
      throw new CliError(`--${kind} is there more than once; give one time`);
  const filters = given.map((each) => ({ ...meaningOf(each, utc), negated: each.negated }));
  const [since] = filters.flatMap((each) => (each.kind === "since" && !each.negated ? [each.moment] : []));
  const [until] = filters.flatMap((each) => (each.kind === "until" && !each.negated ? [each.moment] : []));
  if (since !== undefined && until !== undefined) {
    const isEmpty = since.sec > until.sec || (since.sec === until.sec && since.nsec >= until.nsec);
    if (isEmpty) throw new CliError("--since is not before --until: no packet can match");
  }
  return filters;
}

function meaningOf({ kind, text }: FilterArgument, utc: boolean): FilterValue {
  const flag = `--${kind}`;
  if (text === "") throw new CliError(`${flag} is empty`);
  switch (kind) {
    case "since":
    case "until":
      return { kind, moment: filterTime(flag, text, utc) };
    case "vni":
      return { kind, key: keyArgument(flag, text, 0, LAST_VNI) };
    case "datapath":
      return isNumber(text) ? { kind, key: keyArgument(flag, text, 1, LAST_VNI) } : { kind, name: text };
    case "inport":
      return isNumber(text) ? { kind, key: keyArgument(flag, text, 1, LAST_INGRESS) } : { kind, name: text };
    case "outport":
    case "port":
      return isNumber(text) ? { kind, key: keyArgument(flag, text, 1, LAST_EGRESS) } : { kind, name: text };
    case "chassis":
      return ipVersion(canonicalAddress(text)) > 0
        ? { kind, address: canonicalAddress(text) }
        : { kind, name: text };
    case "mac":
      return { kind, mac: macOf(flag, text) };
    case "ip":
      return { kind, prefix: prefixOf(flag, text) };
    case "match":
      return { kind, expression: expressionOf(flag, text) };
  }
}

/** An address, or a network with its length; bits behind the length do not count. */
function prefixOf(flag: string, text: string): Prefix {
  const slash = text.indexOf("/");
  const address = slash < 0 ? text : text.slice(0, slash);
  const version = ipVersion(address);
  if (version === 0)
    throw new CliError(`${flag} ${quoted(text)} is no IP address, nor a network such as 10.0.0.0/8`);
  const longest = version === 6 ? 128 : 32;
  const digits = slash < 0 ? `${longest}` : text.slice(slash + 1);
  const length = /^\d{1,3}$/.test(digits) ? Number(digits) : Number.NaN;
  if (!(length <= longest))
    throw new CliError(`${flag} ${quoted(text)}: the length behind / is no number from 0 to ${longest}`);
  return { words: version === 6 ? wordsOf(parseIpv6(address)) : [parseIpv4(address)], length };
}

function expressionOf(flag: string, text: string): Expression {
  try {
    return parseExpression(text);
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    throw new CliError(`${flag}, character ${error.column}: ${error.message}`);
  }
}

function wordsOf(bytes: Uint8Array): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return [0, 4, 8, 12].map((at) => view.getInt32(at));
}

/** Six bytes with colons or dashes between them, three groups of four digits with dots, or twelve digits. */
export function macOf(flag: string, text: string): number {
  const bytes = /^([0-9a-f]{1,2}[:-]){5}[0-9a-f]{1,2}$/i.test(text)
    ? text.split(/[:-]/).map((byte) => byte.padStart(2, "0"))
    : /^([0-9a-f]{4}\.){2}[0-9a-f]{4}$|^[0-9a-f]{12}$/i.test(text)
      ? [text.replaceAll(".", "")]
      : null;
  if (bytes === null)
    throw new CliError(`${flag} ${quoted(text)} is no MAC address such as 0a:00:27:00:00:01`);
  return Number.parseInt(bytes.join(""), 16);
}
