/* Expressions of the match language, as OVN itself takes and judges them. */
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ExpressionError } from "../../src/match/expression.js";
import { parseExpression } from "../../src/match/parser.js";
import { type NamedSets, SetError, withSets } from "../../src/match/sets.js";
import { PREDICATES } from "../../src/match/symbols.js";
import { matching } from "../match/judge.js";
import { expressionsOver, type Fields, WIDTHS, written } from "../match/language-model.js";
import { frames } from "../match/model-frames.js";
import { describeTrace, TABLES, Tracer } from "./ovn-trace.js";

/** Why OVN refuses what no OpenFlow table could do, and genevescope can. */
const OPENFLOW_ALONE = /nominal|Nominal|may only be tested/;

/**
 * What OVN takes and makes nothing of: constants with more bits than are looked at, order among a set, masks
 * of predicates.
 */
const STRICTER = /has \d+ bits, .*\[|wider than|^a set is compared|is a predicate, 0 or 1/;

/** The packet in OVN's words. */
function microflow(fields: Fields): string {
  const words = [...fields].map(([field, value]) => {
    const [, style] = WIDTHS[field];
    return `${field} == ${written(value, style ?? "decimal")}`;
  });
  return [
    'inport == "in"',
    ...words.filter((word) => !word.startsWith("vlan.vid") && !word.startsWith("vlan.pcp")),
  ].join(" && ");
}

const ADDRESSES = ["10.0.0.1", "10.0.0.2"];
const sets: NamedSets = {
  addresses: (name) => (name === "set" ? ADDRESSES : null),
  ports: () => null,
  names: { addressSets: ["set"], portGroups: [] },
};

/** Null where the expression is taken. */
function refusalOf(text: string): string | null {
  try {
    withSets(parseExpression(text), sets);
    return null;
  } catch (error) {
    if (!(error instanceof ExpressionError || error instanceof SetError)) throw error;
    return error.message;
  }
}

/** Of a later fragment of these protocols OVN takes the fields behind IP for 0, and genevescope for not there. */
const WITH_FIELDS = [1n, 6n, 17n, 58n, 132n];
const told = frames.filter(
  ({ fields }) => fields.get("ip.frag") !== 3n || !WITH_FIELDS.includes(fields.get("ip.proto") as bigint),
);

describeTrace("OVN agrees", () => {
  const tracer = new Tracer();
  beforeAll(() => tracer.start());
  afterAll(() => tracer.stop());

  test("on what random expressions say of random packets", { timeout: 60_000 }, () => {
    let judged = 0;
    fc.assert(
      fc.property(
        told.chain((frame) => {
          const expression = expressionsOver((field) => {
            const value = frame.fields.get(field);
            return value === undefined ? [] : [value];
          });
          return fc.tuple(fc.constant(frame), fc.array(expression, { minLength: TABLES, maxLength: TABLES }));
        }),
        ([frame, expressions]) => {
          const texts = expressions.map(({ text }) => text);
          tracer.take(texts);
          const { refused, holding } = tracer.trace(microflow(frame.fields));
          for (const [index, text] of texts.entries()) {
            const why = refused.get(index);
            if (why !== undefined) expect(why, text).toMatch(OPENFLOW_ALONE);
            // These ovn-trace does not take from what it is told of a packet.
            else if (!/ip\.(dscp|ecn)/.test(text)) {
              judged++;
              expect(matching(text, [frame]).length, `${text}\n${microflow(frame.fields)}`).toBe(
                holding.includes(index) ? 1 : 0,
              );
            }
          }
        },
      ),
      { numRuns: 300 },
    );
    expect(judged).toBeGreaterThan(2000);
  });

  test("on every predicate", { timeout: 60_000 }, () => {
    const names = [...PREDICATES.keys()];
    const met = new Set<string>();
    // Of many some, and those in which something is met for the first time.
    const given = fc.sample(told, { numRuns: 4000, seed: 8 }).filter((frame, i) => {
      const holds = names.filter((name) => !met.has(name) && matching(name, [frame]).length > 0);
      for (const name of holds) met.add(name);
      return i < 60 || holds.length > 0;
    });
    expect(names.filter((name) => !met.has(name))).toEqual([]);
    for (let first = 0; first < names.length; first += TABLES) {
      const some = names.slice(first, first + TABLES);
      tracer.take(some);
      for (const frame of given) {
        const { refused, holding } = tracer.trace(microflow(frame.fields));
        expect([...refused]).toEqual([]);
        const holds = some.filter((name) => matching(name, [frame]).length > 0);
        expect(holds, microflow(frame.fields)).toEqual(holding.map((index) => some[index]));
      }
    }
  });

  test("on what sets are, and on port groups, whose rows have the datapath's key in front", () => {
    const texts = [
      "inport == @ins",
      "inport == @1_ins",
      "ip4.src == $both",
      "ip4.src == $none",
      "ip4.src != $none",
    ];
    tracer.take(texts, { both: ["10.0.0.1", "192.168.0.0/16"], none: [] });
    const { refused, holding } = tracer.trace('inport == "in" && ip4.src == 192.168.7.7');
    expect(holding.map((index) => texts[index])).toEqual([
      "inport == @ins",
      "ip4.src == $both",
      "ip4.src != $none",
    ]);
    expect([...refused.keys()]).toEqual([1]);
    const arp = tracer.trace('inport == "in" && arp').holding.map((index) => texts[index]);
    expect(arp).toEqual(["inport == @ins", "ip4.src != $none"]);
  });

  test("on what is an expression", { timeout: 60_000 }, () => {
    const words = fc.constantFrom(
      ...[
        "(",
        ")",
        "{",
        "}",
        "[",
        "]",
        "!",
        "&&",
        "||",
        "==",
        "!=",
        "<",
        ">=",
        "=",
        "&",
        "|",
        ",",
        "..",
        "/",
      ],
      ...[
        "0",
        "1",
        "7",
        "00",
        "0x",
        "0x1f",
        "18446744073709551616",
        "10.0.0.1",
        "10.0.0.256",
        "fe80::1",
        "::",
      ],
      ...[
        "10.0.0.0/8",
        "10.0.0.1/8",
        "10.0.0.0/33",
        "0a:00:00:00:00:01",
        "1/0x1",
        "5/4",
        "0x4/4",
        "fe80::/10",
      ],
      ...["tcp", "tcp.dst", "tcp.flags[1]", "eth.mcast", "ip4.src", "eth.src", "eth.type", "nosuch", "a..b"],
      ...[
        "inport",
        "outport",
        '"in"',
        '"a\\"b"',
        '"open',
        '"\\q"',
        "$set",
        "$none",
        "@",
        "$",
        "#",
        "// x",
        "/* x */",
      ],
    );
    const texts = fc
      .tuple(
        expressionsOver(() => []),
        fc.array(fc.tuple(fc.nat(), fc.nat(2), words), { minLength: 1, maxLength: 2 }),
      )
      .map(([{ text }, changes]) => {
        const all = text.split(" ");
        for (const [place, many, word] of changes) all.splice(place % (all.length + 1), many, word);
        return all.join(" ");
      });
    let [taken, refusals] = [0, 0];
    fc.assert(
      fc.property(fc.array(texts, { minLength: TABLES, maxLength: TABLES }), (given) => {
        const all = given.filter((text) => text.trim() !== "");
        tracer.take(all, { set: ADDRESSES });
        const { refused } = tracer.trace('inport == "in"');
        for (const [index, text] of all.entries()) {
          const why = refused.get(index) ?? "";
          if (OPENFLOW_ALONE.test(why)) continue;
          const own = refusalOf(text);
          if (STRICTER.test(own ?? "")) continue;
          expect(own === null, `${text}\nOVN: ${why}\ngenevescope: ${own}`).toBe(why === "");
          if (own === null) taken++;
          else refusals++;
        }
      }),
      { numRuns: 200 },
    );
    expect(taken).toBeGreaterThan(20);
    expect(refusals).toBeGreaterThan(1000);
  });
});
