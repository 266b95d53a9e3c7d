/* Conditions in OVN's match language: from an expression to a term. */
import type { PacketBatch } from "../capture/batch.js";
import type { FrameBatch } from "../frame/columns.js";
import { type Expression, type FieldComparison, NAME_SYMBOLS, type NameComparison } from "./expression.js";
import { FIELDS, type Field } from "./fields.js";
import { verdictsOn } from "./key-term.js";
import { isTimed, type Names } from "./names.js";
import { Combination, Constant, FieldNode, NameNode, Negation, type Node, Scratch } from "./nodes.js";
import { parseExpression } from "./parser.js";
import { PREDICATES } from "./symbols.js";
import { Need, type Term } from "./term.js";
import { Verdict } from "./verdicts.js";
import { Equal, type MaskedValue, OneOf, Within, type WordTest } from "./word-tests.js";

// A module's own constants are compiled in; what is imported, or a property, is looked up at each use.
const YES = Verdict.yes;
const UNKNOWN = Verdict.unknown;

/** An expression holds. Its sets and groups must have been filled in: see `withSets`. */
export class MatchTerm implements Term {
  readonly needs: number;
  unknown = 0;
  readonly #root: Node;
  readonly #scratch = new Scratch();
  #verdicts = new Uint8Array(0);

  /** `names` may be null where no name is compared. */
  constructor(expression: Expression, names: Names | null) {
    this.needs = needsOf(expression, isTimed(names));
    this.#root = nodeOf(expression, names, this.#scratch, 0);
  }

  narrow(packets: PacketBatch, frames: FrameBatch, from: Int32Array, count: number, to: Int32Array): number {
    this.#scratch.fit(frames);
    if (this.#verdicts.length < frames.capacity) this.#verdicts = new Uint8Array(frames.capacity);
    const verdicts = this.#verdicts;
    this.#root.judge(packets, frames, from, count, verdicts);
    let kept = 0;
    let unknown = 0;
    for (let row = 0; row < count; row++) {
      const i = from[row];
      const verdict = verdicts[i];
      to[kept] = i;
      kept += verdict === YES ? 1 : 0;
      unknown += verdict === UNKNOWN ? 1 : 0;
    }
    this.unknown += unknown;
    return kept;
  }
}

function needsOf(expression: Expression, timed: boolean): number {
  switch (expression.kind) {
    case "constant":
      return 0;
    case "all":
    case "any":
      return expression.of.reduce((needs, each) => needs | needsOf(each, timed), 0);
    case "predicate":
    case "field":
      return Need.inner;
    case "name":
      return timed ? Need.keys | Need.time : Need.keys;
  }
}

const expansions = new Map<string, Expression>();

/** What a predicate stands for. */
function expansionOf(name: string): Expression {
  let expansion = expansions.get(name);
  if (expansion === undefined) {
    expansion = parseExpression(PREDICATES.get(name) as string);
    expansions.set(name, expansion);
  }
  return expansion;
}

function nodeOf(expression: Expression, names: Names | null, scratch: Scratch, depth: number): Node {
  switch (expression.kind) {
    case "constant":
      return new Constant(expression.value);
    case "predicate": {
      const node = nodeOf(expansionOf(expression.name), names, scratch, depth);
      return expression.negated ? new Negation(node) : node;
    }
    case "all":
    case "any": {
      const parts = expression.of.map((each) => nodeOf(each, names, scratch, depth + 1));
      return new Combination(expression.kind, parts, scratch, depth);
    }
    case "field":
      return fieldNode(expression, scratch);
    case "name":
      return nameNode(expression, names);
  }
}

function nameNode({ symbol, names: wanted, negated }: NameComparison, names: Names | null): Node {
  const side = NAME_SYMBOLS[symbol];
  return new NameNode(side, verdictsOn(side, { keys: new Set(), names: new Set(wanted) }, names), negated);
}

function fieldNode(comparison: FieldComparison, scratch: Scratch): Node {
  const field = FIELDS.get(comparison.field) as Field;
  return new FieldNode(field, testOf(comparison, field), comparison.relation === "!=", scratch);
}

/** The test of the words that the field is loaded in; of `!=` that of its opposite. */
function testOf({ low, high, relation, constants }: FieldComparison, { shift, words }: Field): WordTest {
  const below = BigInt(shift + low);
  const largest = (1n << BigInt(high - low + 1)) - 1n;
  const mask = largest << below;
  if (relation === "==" || relation === "!=") {
    const values = constants.map(
      (each): MaskedValue => ({
        value: each.value << below,
        mask: each.mask === null ? mask : each.mask << below,
      }),
    );
    return values.length === 1 ? new Equal(values[0], words) : new OneOf(values, words);
  }
  const [{ value }] = constants;
  const [least, most] =
    relation === "<" || relation === "<="
      ? [0n, relation === "<" ? value - 1n : value]
      : [relation === ">" ? value + 1n : value, largest];
  return least > most ? new OneOf([], words) : new Within(mask, least << below, most << below, words);
}
