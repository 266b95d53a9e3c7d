/* Expressions at work, against a plain reading of the same fields. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { matching } from "./judge.js";
import { expressionsOver, FIELD_NAMES } from "./language-model.js";
import { frames } from "./model-frames.js";

const cases = fc.array(frames, { minLength: 1, maxLength: 12 }).chain((given) =>
  fc.record({
    given: fc.constant(given),
    expression: expressionsOver((field) =>
      given.flatMap(({ fields }) => (fields.has(field) ? [fields.get(field) as bigint] : [])),
    ),
  }),
);

describe("an expression", () => {
  test("says what a plain reading of the fields says", () => {
    fc.assert(
      fc.property(cases, ({ given, expression: { text, holds } }) => {
        const wanted = given.flatMap(({ fields }, i) => (holds(fields, false) ? [i] : []));
        expect(matching(text, given), text).toEqual(wanted);
      }),
      { numRuns: 3000 },
    );
  });

  test("negated leaves exactly the others", () => {
    fc.assert(
      fc.property(cases, ({ given, expression: { text, holds } }) => {
        const wanted = given.flatMap(({ fields }, i) => (holds(fields, false) ? [] : [i]));
        expect(matching(text, given, true), text).toEqual(wanted);
      }),
      { numRuns: 300 },
    );
  });

  test("of a frame that is cut says of each field what it is, or that it is not there", () => {
    let lacking = 0;
    fc.assert(
      fc.property(frames, ({ bytes, fields }) => {
        for (const field of FIELD_NAMES) {
          const value = fields.get(field);
          const cut = Array.from({ length: bytes.length + 1 }, (_, end) => ({
            bytes: bytes.slice(0, end),
            original: bytes.length,
          }));
          const isThere = matching(`${field} == 0 || ${field} != 0`, cut);
          const isRight = value === undefined ? [] : matching(`${field} == 0x${value.toString(16)}`, cut);
          expect(isRight, field).toEqual(isThere);
          expect(isThere.at(-1), field).toBe(value === undefined ? undefined : bytes.length);
          lacking += cut.length - isThere.length;
        }
      }),
      { numRuns: 40 },
    );
    expect(lacking).toBeGreaterThan(1000);
  });
});
