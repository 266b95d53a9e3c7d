/* From filters as people give them to a predicate. */
import { ChassisTerm } from "./chassis-term.js";
import { type Expression, joined } from "./expression.js";
import { IpTerm, MacTerm, type Prefix } from "./inner-terms.js";
import { type KeySide, KeyTerm } from "./key-term.js";
import { MatchTerm } from "./match-term.js";
import type { Names } from "./names.js";
import { Predicate } from "./predicate.js";
import { AllOf, Not, type Term } from "./term.js";
import { type Instant, TimeTerm } from "./time-term.js";

/** What a filter looks at, as its flag is called. */
export type FilterKind =
  | "since"
  | "until"
  | "vni"
  | "datapath"
  | "inport"
  | "outport"
  | "port"
  | "mac"
  | "ip"
  | "match"
  | "chassis";

/** One value of a filter. */
export type FilterValue =
  | { readonly kind: "since" | "until"; readonly moment: Instant }
  | { readonly kind: "vni" | "datapath" | "inport" | "outport" | "port"; readonly key: number }
  | { readonly kind: "datapath" | "inport" | "outport" | "port" | "chassis"; readonly name: string }
  | { readonly kind: "chassis"; readonly address: string }
  | { readonly kind: "mac"; readonly mac: number }
  | { readonly kind: "ip"; readonly prefix: Prefix }
  | { readonly kind: "match"; readonly expression: Expression };

/** A value and whether packets shall have it or not. Of `since` and `until` there is one each at most. */
export type Filter = FilterValue & { readonly negated: boolean };

/** Those that cost little and leave out much come first. */
const ORDER: readonly FilterKind[] = [
  "since",
  "until",
  "vni",
  "datapath",
  "inport",
  "outport",
  "port",
  "mac",
  "ip",
  "match",
  "chassis",
];
const SIDES = {
  vni: "datapath",
  datapath: "datapath",
  inport: "ingress",
  outport: "egress",
  port: "either",
} as const satisfies Partial<Record<FilterKind, KeySide>>;

/**
 * The predicate that filters come to: of each kind one of the values that are not negated, if there are any, and
 * none of those that are. `names` may be null where no filter has a name.
 */
export function compileFilters(filters: readonly Filter[], names: Names | null): Predicate {
  const terms: Term[] = [];
  for (const kind of ORDER) {
    const ofKind = filters.filter((filter) => filter.kind === kind);
    const wanted = ofKind.filter(({ negated }) => !negated);
    const unwanted = ofKind.filter(({ negated }) => negated);
    if (wanted.length > 0) terms.push(termOf(kind, wanted, names));
    if (unwanted.length > 0) terms.push(new Not(termOf(kind, unwanted, names)));
  }
  return new Predicate(new AllOf(terms));
}

/** Holds where one of the values does. */
function termOf(kind: FilterKind, values: readonly FilterValue[], names: Names | null): Term {
  const wantedNames = new Set(values.flatMap((value) => ("name" in value ? [value.name] : [])));
  switch (kind) {
    case "since":
    case "until": {
      const [moment] = values.flatMap((value) => ("moment" in value ? [value.moment] : []));
      return kind === "since" ? new TimeTerm(moment, null) : new TimeTerm(null, moment);
    }
    case "mac":
      return new MacTerm(values.flatMap((value) => ("mac" in value ? [value.mac] : [])));
    case "ip":
      return new IpTerm(values.flatMap((value) => ("prefix" in value ? [value.prefix] : [])));
    case "match": {
      const of = values.flatMap((value) => ("expression" in value ? [value.expression] : []));
      return new MatchTerm(joined("any", of), names);
    }
    case "chassis": {
      const addresses = new Set(values.flatMap((value) => ("address" in value ? [value.address] : [])));
      return new ChassisTerm(addresses, wantedNames, names);
    }
    default: {
      const keys = new Set(values.flatMap((value) => ("key" in value ? [value.key] : [])));
      return new KeyTerm(SIDES[kind], { keys, names: wantedNames }, names);
    }
  }
}
