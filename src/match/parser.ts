/*
 * OVN's match language as its own parser (lib/expr.c) takes it, and what each symbol can be compared with. Wider
 * than OVN's in one thing: what OVN refuses because no OpenFlow table could do it (nominal fields may be compared by
 * equality alone, and not negated) is allowed.
 */
import { quoted } from "../text.js";
import {
  type Expression,
  ExpressionError,
  joined,
  type Masked,
  NAME_SYMBOLS,
  type NameSymbol,
  negation,
  type Relation,
} from "./expression.js";
import { FIELDS } from "./fields.js";
import { PREDICATES, refusal } from "./symbols.js";
import { type Integer, integerBits, type Token, tokensOf } from "./tokens.js";

/** Parentheses within each other at most. */
export const DEEPEST = 100;

const RELATIONS: ReadonlySet<string> = new Set<Relation>(["==", "!=", "<", "<=", ">", ">="]);
/** The relation with its sides changed. */
const TURNED: Readonly<Record<Relation, Relation>> = {
  "==": "==",
  "!=": "!=",
  "<": ">",
  "<=": ">=",
  ">": "<",
  ">=": "<=",
};

/** The left side of a comparison: a symbol, or bits of one. */
interface Operand {
  readonly token: Token;
  readonly name: string;
  readonly low: number;
  /** -1 of a name, which has no bits. */
  readonly high: number;
}

/** The right side. */
interface Constants {
  readonly token: Token;
  /** Whether they stand in braces, or are a set by its name. */
  readonly isSet: boolean;
  readonly integers: readonly { readonly token: Token; readonly integer: Integer }[];
  readonly strings: readonly string[];
  readonly sets: readonly string[];
  readonly groups: readonly string[];
}

/** An expression, and whether `!` may stand before it without parentheses. */
interface Primary {
  readonly expression: Expression;
  readonly isAtomic: boolean;
}

/** Parses an expression. Throws an {@link ExpressionError}. */
export function parseExpression(text: string): Expression {
  return new Parser(tokensOf(text)).whole();
}

const expanded = new Map<string, Expression>();

/** The predicate, or that it does not hold. */
function predicate(name: string, negated: boolean): Expression {
  const of = expanded.get(name) ?? parseExpression(PREDICATES.get(name) as string);
  expanded.set(name, of);
  return { kind: "predicate", negated, of };
}

class Parser {
  readonly #tokens: readonly Token[];
  #next = 0;
  #depth = 0;
  /** Whether the `!` around what is parsed come to one. */
  #isNegated = false;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  whole(): Expression {
    if (this.#peek().kind === "end") throw new ExpressionError("it is empty; 1 matches every packet", 1);
    const expression = this.#expression();
    if (this.#peek().kind !== "end") throw this.#expected("&&, || or the end");
    return expression;
  }

  #peek(): Token {
    return this.#tokens[this.#next];
  }

  #take(): Token {
    const token = this.#peek();
    if (token.kind !== "end") this.#next++;
    return token;
  }

  #isSymbol(text: string): boolean {
    return this.#peek().kind === "symbol" && this.#peek().text === text;
  }

  #accept(text: string): boolean {
    const is = this.#isSymbol(text);
    if (is) this.#next++;
    return is;
  }

  #need(text: string): void {
    if (!this.#accept(text)) throw this.#expected(text);
  }

  #expected(what: string): ExpressionError {
    const { kind, text, column } = this.#peek();
    const found = kind === "end" ? "it ends" : `there is ${quoted(text, 64)}`;
    return new ExpressionError(`expected ${what}, but ${found}`, column);
  }

  #expression(): Expression {
    let expression = this.#negatable();
    const operator = this.#isSymbol("&&") ? "&&" : "||";
    const operands = [expression];
    while (this.#accept(operator)) operands.push(this.#negatable());
    if (operands.length > 1)
      expression = operands.reduce((left, right) => joined(operator === "&&" ? "all" : "any", left, right));
    if (this.#isSymbol("&&") || this.#isSymbol("||"))
      throw new ExpressionError("&& and || together need parentheses", this.#peek().column);
    return expression;
  }

  #negatable(): Expression {
    const { column } = this.#peek();
    if (!this.#accept("!")) return this.#primary().expression;
    this.#isNegated = !this.#isNegated;
    const { expression, isAtomic } = this.#primary();
    this.#isNegated = !this.#isNegated;
    if (!isAtomic) throw new ExpressionError("what ! negates needs parentheses around it", column);
    return negation(expression);
  }

  #primary(): Primary {
    if (this.#accept("(")) return this.#parenthesized();
    if (this.#peek().kind === "identifier") {
      const operand = this.#operand();
      if (!this.#isRelation()) return { expression: this.#truth(operand), isAtomic: true };
      const relation = this.#relation();
      return { expression: compared(operand, relation, this.#constants()), isAtomic: false };
    }
    const constants = this.#constants();
    if (!this.#isRelation()) return { expression: this.#literal(constants), isAtomic: true };
    return { expression: this.#turned(constants), isAtomic: false };
  }

  #parenthesized(): Primary {
    if (++this.#depth > DEEPEST)
      throw new ExpressionError(
        `more than ${DEEPEST} parentheses within each other`,
        this.#peek().column - 1,
      );
    const expression = this.#expression();
    this.#need(")");
    this.#depth--;
    return { expression, isAtomic: true };
  }

  /** A symbol, perhaps with the bits that are meant. */
  #operand(): Operand {
    const token = this.#peek();
    if (token.kind !== "identifier") throw this.#expected("a field");
    const name = token.text;
    const bits = FIELDS.get(name)?.bits ?? (PREDICATES.has(name) ? 1 : 0);
    if (bits === 0 && !Object.hasOwn(NAME_SYMBOLS, name))
      throw new ExpressionError(refusal(name), token.column);
    this.#next++;
    const { column } = this.#peek();
    if (!this.#accept("[")) return { token, name, low: 0, high: bits - 1 };
    if (bits === 0) throw new ExpressionError(`${name} is a name and has no bits`, column);
    const low = this.#bit();
    const high = this.#accept("..") ? this.#bit() : low;
    this.#need("]");
    if (low > high || high >= bits)
      throw new ExpressionError(
        `${name} has the bits 0 to ${bits - 1}: no ${low === high ? low : `${low}..${high}`}`,
        column,
      );
    return { token, name, low, high };
  }

  #bit(): number {
    const token = this.#take();
    if (token.kind === "integer" && token.integer.mask === null && token.integer.value < 1000n)
      return Number(token.integer.value);
    throw new ExpressionError("expected the number of a bit", token.column);
  }

  #isRelation(): boolean {
    return this.#peek().kind === "symbol" && RELATIONS.has(this.#peek().text);
  }

  #relation(): Relation {
    if (!this.#isRelation()) throw this.#expected("==, !=, <, <=, > or >=");
    return this.#take().text as Relation;
  }

  /** A symbol alone, which must be a predicate, one bit, or negated: then it is 0. */
  #truth({ token, name, low, high }: Operand): Expression {
    if (high < 0) throw this.#expected(`== or != behind ${name}`);
    if (PREDICATES.has(name)) return predicate(name, false);
    if (low === high || this.#isNegated)
      return compareBits(name, low, high, "!=", [{ value: 0n, mask: null }]);
    throw new ExpressionError(`${name} alone says nothing; compare it, as in ${name} != 0`, token.column);
  }

  /** 0 or 1 alone. */
  #literal({ token, integers, isSet }: Constants): Expression {
    const [{ integer } = { integer: null }] = integers;
    if (isSet || integer === null || token.text !== `${integer.value}` || integer.value > 1n)
      throw this.#expected("==, !=, <, <=, > or >=");
    return { kind: "constant", value: integer.value === 1n };
  }

  /** What begins with a constant: `80 == tcp.dst`, or a range as in `1024 <= tcp.dst < 2048`. */
  #turned(constants: Constants): Expression {
    const first = this.#relation();
    const operand = this.#operand();
    const left = compared(operand, TURNED[first], constants);
    if (!this.#isRelation()) return left;
    const { column } = this.#peek();
    const second = this.#relation();
    if (first[0] !== second[0] || first[0] === "=" || first[0] === "!")
      throw new ExpressionError(
        "a range is written as x < field < y or x > field > y, or with <= and >=",
        column,
      );
    return joined("all", left, compared(operand, second, this.#constants()));
  }

  #constants(): Constants {
    const token = this.#peek();
    const isBraced = this.#accept("{");
    const found: Token[] = [];
    do {
      const { kind } = this.#peek();
      if (kind !== "integer" && kind !== "string" && kind !== "set" && kind !== "group")
        throw this.#expected(isBraced && found.length > 0 ? "a constant or }" : "a constant");
      found.push(this.#take());
      if (isBraced) this.#accept(",");
    } while (isBraced && !this.#accept("}"));
    const values = (wanted: Token["kind"]): string[] =>
      found.flatMap((each) => (each.kind === wanted && "value" in each ? [each.value] : []));
    return {
      token,
      isSet: isBraced || token.kind === "set" || token.kind === "group",
      integers: found.flatMap((each) =>
        each.kind === "integer" ? [{ token: each, integer: each.integer }] : [],
      ),
      strings: values("string"),
      sets: values("set"),
      groups: values("group"),
    };
  }
}

/** The comparison, where the constants are of the operand's kind. */
function compared(operand: Operand, relation: Relation, constants: Constants): Expression {
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
    return predicate(name, (integer.value === 1n) !== (relation === "=="));
  });
  if (sets.length > 0) throw new ExpressionError(`${name} is a predicate, 0 or 1`, token.column);
  return each.reduce((left, right) => joined(relation === "==" ? "any" : "all", left, right));
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
  return compareBits(name, low, high, relation, constants, sets);
}

function compareBits(
  field: string,
  low: number,
  high: number,
  relation: Relation,
  constants: readonly Masked[],
  sets: readonly string[] = [],
): Expression {
  return { kind: "field", field, low, high, relation, constants, sets };
}
