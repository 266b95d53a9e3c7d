/* An expression of OVN's match language as it was parsed: plain data, which threads can be sent. */
import type { KeySide } from "./key-term.js";

/** What stands between a field and a constant. */
export type Relation = "==" | "!=" | "<" | "<=" | ">" | ">=";

/** An integer, of which only the bits count that are set in `mask`; null: all. */
export interface Masked {
  readonly value: bigint;
  readonly mask: bigint | null;
}

/** Bits of a field against constants. No packet that lacks the field matches, whatever the relation. */
export interface FieldComparison {
  readonly kind: "field";
  /** One of FIELDS, and its bits from `low` to `high`, counted from the least. */
  readonly field: string;
  readonly low: number;
  readonly high: number;
  /** With `==` one of all constants is enough, with `!=` the field is none of them; any other has one constant. */
  readonly relation: Relation;
  readonly constants: readonly Masked[];
  /** Names of address sets, whose addresses are constants like the others. */
  readonly sets: readonly string[];
}

/** What a key of the packet means against names. No packet without the key matches, negated or not. */
export interface NameComparison {
  readonly kind: "name";
  readonly symbol: NameSymbol;
  readonly negated: boolean;
  readonly names: readonly string[];
  /** Names of port groups, whose ports are names like the others. */
  readonly groups: readonly string[];
}

export type Expression =
  | { readonly kind: "constant"; readonly value: boolean }
  /** One of PREDICATES, or that it is not so: unlike a comparison one of the two holds for any packet. */
  | { readonly kind: "predicate"; readonly name: string; readonly negated: boolean }
  | { readonly kind: "all" | "any"; readonly of: readonly Expression[] }
  | FieldComparison
  | NameComparison;

/** The symbols that are names, and the keys that they are the names of. */
export const NAME_SYMBOLS = {
  inport: "ingress",
  outport: "egress",
  datapath: "datapath",
} as const satisfies Record<string, KeySide>;
export type NameSymbol = keyof typeof NAME_SYMBOLS;

/** What is wrong with an expression, and at which of its characters, from 1. */
export class ExpressionError extends Error {
  override readonly name = "ExpressionError";
  readonly column: number;

  constructor(message: string, column: number) {
    super(message);
    this.column = column;
  }
}

const OPPOSITES: Readonly<Record<Relation, Relation>> = {
  "==": "!=",
  "!=": "==",
  "<": ">=",
  "<=": ">",
  ">": "<=",
  ">=": "<",
};

/** All or any of the parts, of which there is one at least, in one list with those of parts of the same kind. */
export function joined(kind: "all" | "any", parts: readonly Expression[]): Expression {
  return parts.length === 1
    ? parts[0]
    : { kind, of: parts.flatMap((each) => (each.kind === kind ? each.of : [each])) };
}

/**
 * The negation as OVN understands it: of a comparison the opposite relation, so that `!(tcp.dst == 80)` is
 * `tcp.dst != 80` and holds for TCP alone, while `!tcp` holds for all else.
 */
export function negation(expression: Expression): Expression {
  switch (expression.kind) {
    case "constant":
      return { kind: "constant", value: !expression.value };
    case "predicate":
    case "name":
      return { ...expression, negated: !expression.negated };
    case "all":
    case "any":
      return { kind: expression.kind === "all" ? "any" : "all", of: expression.of.map(negation) };
    case "field":
      return { ...expression, relation: OPPOSITES[expression.relation] };
  }
}

/** The comparisons of an expression but for those of its predicates, in its order. */
export function* comparisons(expression: Expression): Generator<FieldComparison | NameComparison> {
  switch (expression.kind) {
    case "field":
    case "name":
      yield expression;
      return;
    case "all":
    case "any":
      for (const each of expression.of) yield* comparisons(each);
  }
}

/** Whether sets or groups are named. */
export function hasSets(expression: Expression): boolean {
  for (const each of comparisons(expression))
    if ((each.kind === "name" ? each.groups : each.sets).length > 0) return true;
  return false;
}
