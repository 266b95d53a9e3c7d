/* The address sets and port groups that an expression names, put in its place. */
import type * as southbound from "../southbound/named-sets.js";
import { quoted } from "../text.js";
import type { Expression, FieldComparison, Masked, NameComparison } from "./expression.js";
import { nearest } from "./nearest.js";
import { addressOf, integerBits } from "./tokens.js";

/** Where sets are looked up. */
export type NamedSets = Pick<southbound.NamedSets, "addresses" | "ports" | "names">;

/** What is wrong with a set that an expression names. */
export class SetError extends Error {
  override readonly name = "SetError";
}

/**
 * The expression with the members of its sets and groups instead of their names; to be equal to none of no members
 * is true of any packet, as in OVN. Throws a {@link SetError}.
 */
export function withSets(expression: Expression, sets: NamedSets): Expression {
  switch (expression.kind) {
    case "constant":
    case "predicate":
      return expression;
    case "all":
    case "any":
      return { ...expression, of: expression.of.map((each) => withSets(each, sets)) };
    case "field": {
      const constants = constantsOf(expression, sets);
      if (constants.length === 0) return { kind: "constant", value: expression.relation === "!=" };
      return { ...expression, constants, sets: [] };
    }
    case "name": {
      const names = namesOf(expression, sets);
      if (names.length === 0) return { kind: "constant", value: expression.negated };
      return { ...expression, names, groups: [] };
    }
  }
}

function constantsOf({ field, low, high, constants, sets }: FieldComparison, known: NamedSets): Masked[] {
  const bits = high - low + 1;
  const memberOf = (set: string, text: string): Masked => {
    const address = addressOf(text);
    if (address === null) throw new SetError(`$${set} has ${quoted(text, 64)}, which is no address`);
    if (integerBits(address) > bits)
      throw new SetError(`$${set} has ${quoted(text, 64)}, which is wider than ${field}`);
    return address;
  };
  const members = sets.flatMap((set) => {
    const addresses = known.addresses(set);
    if (addresses === null) throw missing(`$${set}`, "address set", set, known.names.addressSets);
    return addresses.map((text) => memberOf(set, text));
  });
  return [...constants, ...members];
}

function namesOf({ names, groups }: NameComparison, known: NamedSets): string[] {
  const ports = groups.flatMap((group) => {
    const members = known.ports(group);
    if (members === null) throw missing(`@${group}`, "port group", group, known.names.portGroups);
    return members;
  });
  return [...names, ...ports];
}

function missing(text: string, thing: string, name: string, all: readonly string[]): SetError {
  const alike = nearest(name, new Set(all)).map((each) => quoted(each));
  return new SetError(
    `${text}: there is no ${thing} of that name${alike.length === 0 ? "" : `; nearest: ${alike.join(", ")}`}`,
  );
}
