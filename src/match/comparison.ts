/*
 * What symbols can be compared with, as OVN's own parser (lib/expr.c) has it. Wider than that in one thing: what OVN
 * refuses because no OpenFlow table could do it (nominal fields may be compared by equality alone, and not negated)
 * is allowed.
 */
import { quoted } from "../text.js";
import {
  type Expression,
  ExpressionError,
  joined,
  type Masked,
  type NameSymbol,
  type Relation,
} from "./expression.js";
import { FIELDS } from "./fields.js";
import { PREDICATES } from "./symbols.js";
import { type Integer, integerBits, type Token } from "./tokens.js";

/** The left side of a comparison: a symbol, or bits of one. */
export interface Operand {
  readonly token: Token;
  readonly name: string;
  readonly low: number;
  /** -1 of a name, which has no bits. */
  readonly high: number;
}

/** The right side. */
export interface Constants {
  readonly token: Token;
  /** Whether they stand in braces, or are a set by its name. */
  readonly isSet: boolean;
  readonly integers: readonly { readonly token: Token; readonly integer: Integer }[];
  readonly strings: readonly string[];
  readonly sets: readonly string[];
  readonly groups: readonly string[];
}

/** The comparison, where the constants are of the operand's kind. Throws an {@link ExpressionError}. */
export function compared(operand: Operand, relation: Relation, constants: Constants): Expression {
  const { name, high } = operand;
  const { token, isSet, strings, groups } = constants;
  const isEquality = relation === "==" || relation === "!=";
  if (high < 0) {
    if (constants.integers.length + constants.sets.length > 0)
      throw new ExpressionError(`${name} is compared with names, as in ${name} == "vm1"`, token.column);
    if (!isEquality) throw new ExpressionError(`${name} is a name: == and != alone`, token.column);
    if (groups.length > 0 && name === "datapath")
      throw new ExpressionError("a port group has ports, no datapaths", token.column);
    return { kind: "name", symbol: name as NameSymbol, negated: relation === "!=", names: strings, groups };
  }
  if (strings.length + groups.length > 0)
    throw new ExpressionError(`${name} is compared with numbers or addresses, not with names`, token.column);
  if (!isEquality && isSet) throw new ExpressionError("a set is compared with == and != alone", token.column);
  return PREDICATES.has(name)
    ? predicateIs(name, relation, constants)
    : fieldIs(operand, relation, constants);
}

/** A predicate, whose value is 0 or 1, against constants. */
function predicateIs(name: string, relation: Relation, { integers, sets, token }: Constants): Expression {
  if (relation !== "==" && relation !== "!=")
    throw new ExpressionError(`${name} is a predicate: == and != alone`, token.column);
  const each = integers.map(({ integer, token }): Expression => {
    if (integer.mask !== null || integerBits(integer) > 1)
      throw new ExpressionError(`${name} is a predicate, 0 or 1`, token.column);
    return { kind: "predicate", name, negated: (integer.value === 1n) !== (relation === "==") };
  });
  if (sets.length > 0) throw new ExpressionError(`${name} is a predicate, 0 or 1`, token.column);
  return joined(relation === "==" ? "any" : "all", each);
}

function fieldIs(
  { name, low, high }: Operand,
  relation: Relation,
  { integers, sets }: Constants,
): Expression {
  const bits = high - low + 1;
  const constants = integers.map(({ token, integer }): Masked => {
    const { value, mask } = integer;
    const width = integerBits(integer);
    if (width > bits)
      throw new ExpressionError(
        `${quoted(token.text, 64)} has ${width} bits, ${name}${low > 0 || bits < (FIELDS.get(name)?.bits ?? 0) ? `[${low}..${high}]` : ""} has ${bits}`,
        token.column,
      );
    if (mask !== null && relation !== "==" && relation !== "!=")
      throw new ExpressionError("a value with a mask is compared with == and != alone", token.column);
    return { value, mask };
  });
  return { kind: "field", field: name, low, high, relation, constants, sets };
}

/** One of the bits is set. */
export function isSet(field: string, low: number, high: number): Expression {
  return {
    kind: "field",
    field,
    low,
    high,
    relation: "!=",
    constants: [{ value: 0n, mask: null }],
    sets: [],
  };
}
