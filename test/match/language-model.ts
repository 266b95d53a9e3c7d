/*
 * OVN's match language once more, as simply as can be: random frames made by hand whose fields are known, and random
 * expressions that say of such fields whether they hold.
 */
import fc from "fast-check";

/** What a packet has, by OVN's names of its fields; what it lacks is not there. */
export type Fields = ReadonlyMap<string, bigint>;

/** Bits of each field, and how its constants are written. */
export const WIDTHS: Readonly<Record<string, readonly [bits: number, style?: "mac" | "ip4" | "ip6"]>> = {
  "eth.src": [48, "mac"],
  "eth.dst": [48, "mac"],
  "eth.type": [16],
  "vlan.tci": [16],
  "vlan.vid": [12],
  "vlan.pcp": [3],
  "ip.proto": [8],
  "ip.dscp": [6],
  "ip.ecn": [2],
  "ip.ttl": [8],
  "ip.frag": [2],
  "ip4.src": [32, "ip4"],
  "ip4.dst": [32, "ip4"],
  "ip6.src": [128, "ip6"],
  "ip6.dst": [128, "ip6"],
  "ip6.label": [20],
  "arp.op": [16],
  "arp.sha": [48, "mac"],
  "arp.spa": [32, "ip4"],
  "arp.tha": [48, "mac"],
  "arp.tpa": [32, "ip4"],
  "rarp.op": [16],
  "rarp.sha": [48, "mac"],
  "rarp.spa": [32, "ip4"],
  "rarp.tha": [48, "mac"],
  "rarp.tpa": [32, "ip4"],
  "tcp.src": [16],
  "tcp.dst": [16],
  "tcp.flags": [12],
  "udp.src": [16],
  "udp.dst": [16],
  "sctp.src": [16],
  "sctp.dst": [16],
  "icmp4.type": [8],
  "icmp4.code": [8],
  "icmp6.type": [8],
  "icmp6.code": [8],
  "nd.target": [128, "ip6"],
  "nd.sll": [48, "mac"],
  "nd.tll": [48, "mac"],
};
export const FIELD_NAMES = Object.keys(WIDTHS);

type Truth = (is: (field: string, ...values: number[]) => boolean, fields: Fields) => boolean;
const isNeighbor =
  (...types: number[]): Truth =>
  (is) =>
    is("icmp6.type", ...types) && is("icmp6.code", 0) && is("ip.ttl", 255);
const bits = (fields: Fields, field: string, from: number, to: number): bigint | undefined => {
  const value = fields.get(field);
  return value === undefined ? undefined : (value >> BigInt(from)) & ((1n << BigInt(to - from + 1)) - 1n);
};

/** Predicates, by what they mean. */
const PREDICATES: Readonly<Record<string, Truth>> = {
  "eth.bcast": (_, fields) => fields.get("eth.dst") === 0xffff_ffff_ffffn,
  "eth.mcastv6": (_, fields) => bits(fields, "eth.dst", 32, 47) === 0x3333n,
  "vlan.present": (_, fields) => fields.has("vlan.vid"),
  ip4: (is) => is("eth.type", 0x800),
  ip6: (is) => is("eth.type", 0x86dd),
  ip: (is) => is("eth.type", 0x800, 0x86dd),
  "ip.is_frag": (is) => is("ip.frag", 1, 3),
  "ip.later_frag": (is) => is("ip.frag", 3),
  "ip.first_frag": (is) => is("ip.frag", 1),
  "ip4.mcast": (_, fields) =>
    bits(fields, "eth.dst", 40, 40) === 1n && bits(fields, "ip4.dst", 28, 31) === 0xen,
  "ip4.src_mcast": (_, fields) => bits(fields, "ip4.src", 28, 31) === 0xen,
  "ip6.mcast": (_, fields) =>
    bits(fields, "eth.dst", 32, 47) === 0x3333n && bits(fields, "ip6.dst", 120, 127) === 0xffn,
  arp: (is) => is("eth.type", 0x806),
  rarp: (is) => is("eth.type", 0x8035),
  tcp: (is) => is("ip.proto", 6),
  udp: (is) => is("ip.proto", 17),
  sctp: (is) => is("ip.proto", 132),
  icmp4: (is) => is("eth.type", 0x800) && is("ip.proto", 1),
  icmp6: (is) => is("eth.type", 0x86dd) && is("ip.proto", 58),
  icmp: (is) =>
    (is("eth.type", 0x800) && is("ip.proto", 1)) || (is("eth.type", 0x86dd) && is("ip.proto", 58)),
  igmp: (is) => is("eth.type", 0x800) && is("ip.proto", 2),
  nd: isNeighbor(135, 136),
  nd_ns: isNeighbor(135),
  nd_na: isNeighbor(136),
  nd_rs: isNeighbor(133),
  nd_ra: isNeighbor(134),
};

/** An expression, and whether it, or its negation, holds for a packet with these fields. */
export interface ModelExpression {
  readonly text: string;
  readonly kind: "atom" | "comparison" | "&&" | "||";
  readonly holds: (fields: Fields, negated: boolean) => boolean;
}

/** A value as it is written, in one of the styles that OVN knows. */
export function written(value: bigint, style: "mac" | "ip4" | "ip6" | "decimal" | "hexadecimal"): string {
  const hex = (digits: number) => value.toString(16).padStart(digits, "0");
  switch (style) {
    case "mac":
      return (hex(12).match(/../g) as string[]).join(":");
    case "ip4":
      return (hex(8).match(/../g) as string[]).map((byte) => Number.parseInt(byte, 16)).join(".");
    case "ip6":
      return (hex(32).match(/..../g) as string[]).join(":");
    case "decimal":
      return `${value}`;
    case "hexadecimal":
      return `0x${value.toString(16)}`;
  }
}

const RELATIONS: Readonly<Record<string, (a: bigint, b: bigint) => boolean>> = {
  "==": (a, b) => a === b,
  "!=": (a, b) => a !== b,
  "<": (a, b) => a < b,
  "<=": (a, b) => a <= b,
  ">": (a, b) => a > b,
  ">=": (a, b) => a >= b,
};
const TURNED: Readonly<Record<string, string>> = {
  "==": "==",
  "!=": "!=",
  "<": ">",
  "<=": ">=",
  ">": "<",
  ">=": "<=",
};

/** Comparisons of fields with constants like those of `values`. */
function comparison(values: (field: string) => readonly bigint[]): fc.Arbitrary<ModelExpression> {
  return fc.constantFrom(...FIELD_NAMES).chain((field) => {
    const [width, style] = WIDTHS[field];
    const range = fc.oneof(
      { weight: 3, arbitrary: fc.constant([0, width - 1] as const) },
      {
        weight: 1,
        arbitrary: fc
          .tuple(fc.nat(width - 1), fc.nat(width - 1))
          .map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const),
      },
    );
    return range.chain(([low, high]) => {
      const size = high - low + 1;
      const all = (1n << BigInt(size)) - 1n;
      const isWhole = size === width;
      const symbol = isWhole ? field : low === high ? `${field}[${low}]` : `${field}[${low}..${high}]`;
      const read = (fields: Fields) => bits(fields, field, low, high);
      const value = fc.constantFrom(0n, 1n, all, ...values(field)).map((each) => (each >> BigInt(low)) & all);
      const plain = (each: bigint) =>
        style !== undefined && isWhole
          ? written(each, style)
          : written(each, size > 63 ? "hexadecimal" : "decimal");
      const masked = fc
        .tuple(value, fc.bigInt({ min: 0n, max: all }), fc.boolean(), fc.nat(size))
        .map(([each, any, isPrefix, length]) => {
          const cidr = (style === "ip4" || style === "ip6") && isWhole && isPrefix;
          const mask = cidr ? all ^ (all >> BigInt(length)) : any;
          const wanted = each & mask;
          const how = style !== undefined && isWhole ? style : "hexadecimal";
          return {
            text: `${written(wanted, how)}/${cidr ? length : written(mask, how)}`,
            holds: (it: bigint) => (it & mask) === wanted,
          };
        });
      const constant = fc.oneof(
        {
          weight: 3,
          arbitrary: value.map((each) => ({ text: plain(each), holds: (it: bigint) => it === each })),
        },
        { weight: 1, arbitrary: masked },
      );
      const make = (text: string, holds: (it: bigint) => boolean): ModelExpression => ({
        text,
        kind: "comparison",
        holds: (fields, negated) => {
          const it = read(fields);
          return it !== undefined && holds(it) !== negated;
        },
      });
      const one = fc
        .tuple(constant, fc.constantFrom("==", "!="), fc.boolean())
        .map(([{ text, holds }, relation, isTurned]) =>
          make(isTurned ? `${text} ${relation} ${symbol}` : `${symbol} ${relation} ${text}`, (it) =>
            relation === "==" ? holds(it) : !holds(it),
          ),
        );
      const set = fc
        .tuple(
          fc.array(constant, { minLength: 1, maxLength: 4 }),
          fc.constantFrom("==", "!="),
          fc.constantFrom(", ", " ", ","),
        )
        .map(([constants, relation, comma]) =>
          make(`${symbol} ${relation} {${constants.map(({ text }) => text).join(comma)}}`, (it) =>
            relation === "=="
              ? constants.some(({ holds }) => holds(it))
              : !constants.some(({ holds }) => holds(it)),
          ),
        );
      const order = fc
        .tuple(value, fc.constantFrom("<", "<=", ">", ">="), fc.boolean())
        .map(([limit, relation, isTurned]) =>
          make(
            isTurned
              ? `${plain(limit)} ${TURNED[relation]} ${symbol}`
              : `${symbol} ${relation} ${plain(limit)}`,
            (it) => RELATIONS[relation](it, limit),
          ),
        );
      const between = fc
        .tuple(value, value, fc.constantFrom("<", "<="), fc.constantFrom("<", "<="), fc.boolean())
        .map(([a, b, first, second, isFalling]): ModelExpression => {
          const [left, right] = isFalling ? [TURNED[first], TURNED[second]] : [first, second];
          const holds = [(it: bigint) => RELATIONS[left](a, it), (it: bigint) => RELATIONS[right](it, b)];
          return {
            text: `${plain(a)} ${left} ${symbol} ${right} ${plain(b)}`,
            kind: "comparison",
            // Two comparisons: the negation is that one of them does not hold.
            holds: (fields, negated) => {
              const it = read(fields);
              return it !== undefined && holds.every((each) => each(it)) !== negated;
            },
          };
        });
      const bit: fc.Arbitrary<ModelExpression>[] =
        size === 1 ? [fc.constant({ ...make(symbol, (it) => it === 1n), kind: "atom" as const })] : [];
      return fc.oneof(one, set, order, between, ...bit);
    });
  });
}

const predicate: fc.Arbitrary<ModelExpression> = fc
  .tuple(
    fc.constantFrom(...Object.keys(PREDICATES)),
    fc.constantFrom("", " == 1", " != 0", " == 0", " == {0, 1}"),
  )
  .map(
    ([name, more]): ModelExpression => ({
      text: name + more,
      kind: more === "" ? "atom" : "comparison",
      holds: (fields, negated) => {
        const is = (field: string, ...values: number[]) => {
          const value = fields.get(field);
          return value !== undefined && values.some((each) => value === BigInt(each));
        };
        const truth = more === " == {0, 1}" || PREDICATES[name](is, fields) !== (more === " == 0");
        return truth !== negated;
      },
    }),
  );

const constant: fc.Arbitrary<ModelExpression> = fc.boolean().map((value) => ({
  text: value ? "1" : "0",
  kind: "atom",
  holds: (_, negated) => value !== negated,
}));

const inParentheses = (text: string) => `(${text})`;

/** Any expressions, whose constants are often among `values`; with `more` comparisons. */
export function expressionsOver(
  values: (field: string) => readonly bigint[],
  ...more: fc.Arbitrary<ModelExpression>[]
): fc.Arbitrary<ModelExpression> {
  const leaf = fc.oneof(
    { weight: 6, arbitrary: comparison(values) },
    { weight: 4, arbitrary: predicate },
    { weight: 1, arbitrary: constant },
    ...more.map((arbitrary) => ({ weight: 2, arbitrary })),
  );
  return fc.letrec<{ any: ModelExpression }>((tie) => {
    const negation = tie("any").map(
      ({ text, kind, holds }): ModelExpression => ({
        text: `!${kind === "atom" && !text.startsWith("!") ? text : inParentheses(text)}`,
        kind: "atom",
        holds: (fields, negated) => holds(fields, !negated),
      }),
    );
    const several = fc
      .tuple(
        fc.constantFrom("&&" as const, "||" as const),
        fc.array(tie("any"), { minLength: 2, maxLength: 4 }),
      )
      .map(
        ([operator, parts]): ModelExpression => ({
          text: parts
            .map(({ text, kind }) => (kind === "&&" || kind === "||" ? inParentheses(text) : text))
            .join(` ${operator} `),
          kind: operator,
          holds: (fields, negated) => {
            const each = ({ holds }: ModelExpression) => holds(fields, negated);
            return (operator === "&&") !== negated ? parts.every(each) : parts.some(each);
          },
        }),
      );
    return {
      any: fc.oneof({ maxDepth: 4, depthIdentifier: "any" }, leaf, negation, several),
    };
  }).any;
}
