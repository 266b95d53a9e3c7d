/* Expressions at work, against a plain reading of the same fields. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { matching } from "./judge.js";
import { expressionsOver } from "./language-model.js";
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
});
