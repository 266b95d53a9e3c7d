/* OVN's match language, as its own parser (lib/expr.c) takes it. */
import { quoted } from "../text.js";
import { type Constants, compared, isSet, type Operand } from "./comparison.js";
import {
  type Expression,
  ExpressionError,
  joined,
  NAME_SYMBOLS,
  negation,
  type Relation,
} from "./expression.js";
import { FIELDS } from "./fields.js";
import { PREDICATES, refusal } from "./symbols.js";
import { type Token, tokensOf } from "./tokens.js";

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

/** An expression, and whether `!` may stand before it without parentheses. */
interface Primary {
  readonly expression: Expression;
  readonly isAtomic: boolean;
}

/** Parses an expression. Throws an {@link ExpressionError}. */
export function parseExpression(text: string): Expression {
  return new Parser(tokensOf(text)).whole();
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
    const operands = [this.#negatable()];
    const operator = this.#isSymbol("&&") ? "&&" : "||";
    while (this.#accept(operator)) operands.push(this.#negatable());
    if (this.#isSymbol("&&") || this.#isSymbol("||"))
      throw new ExpressionError("&& and || together need parentheses", this.#peek().column);
    return joined(operator === "&&" ? "all" : "any", operands);
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
    if (PREDICATES.has(name)) return { kind: "predicate", name, negated: false };
    if (low === high || this.#isNegated) return isSet(name, low, high);
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
    return joined("all", [left, compared(operand, second, this.#constants())]);
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
