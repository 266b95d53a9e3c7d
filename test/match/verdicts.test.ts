import fc from "fast-check";
import { expect, test } from "vitest";
import { momentMs } from "../../src/capture/moment.js";
import { type Decision, homeOf, Verdict, Verdicts } from "../../src/match/verdicts.js";

const SECOND = 1_700_000_000;

/** A verdict that changes with the time: at every `period` milliseconds, or never where that is 0. */
function decide(ms: number, a: number, b: number): Decision {
  const period = (b % 4) * 700;
  const verdicts = [Verdict.yes, Verdict.no, Verdict.unknown];
  if (period === 0)
    return {
      verdict: verdicts[Math.abs(a) % 3],
      from: Number.NEGATIVE_INFINITY,
      until: Number.POSITIVE_INFINITY,
    };
  const offset = SECOND * 1000;
  // The last change is long ago for a packet that comes after all.
  if (ms > offset + 1e6) return { verdict: Verdict.no, from: offset + 1e6, until: Number.POSITIVE_INFINITY };
  const turn = Math.floor((ms - offset) / period);
  return {
    verdict: verdicts[Math.abs(a + turn) % 3],
    from: offset + turn * period,
    until: offset + (turn + 1) * period,
  };
}

test("a table gives the verdict of the time, whatever was asked before", () => {
  const question = fc.record({
    sec: fc.oneof({ weight: 9, arbitrary: fc.integer({ min: SECOND, max: SECOND + 6 }) }, fc.nat(2)),
    nsec: fc.nat(999_999_999),
    a: fc.oneof(fc.integer({ min: -2, max: 3 }), fc.integer()),
    b: fc.oneof(fc.nat(3), fc.nat(0xffff)),
  });
  fc.assert(
    fc.property(fc.array(question, { minLength: 1, maxLength: 200, size: "max" }), (questions) => {
      const table = new Verdicts(decide, () => 1);
      table.refresh();
      for (const { sec, nsec, a, b } of questions.filter((each) => each.a !== -2 || each.b !== 0xffff))
        expect(table.on(sec, nsec, a, b)).toBe(decide(momentMs(sec, nsec), a, b).verdict);
    }),
    { numRuns: 500 },
  );
});

test("what was decided is not decided again, as long as it holds", () => {
  let decisions = 0;
  const table = new Verdicts(
    (ms, a) => {
      decisions++;
      return a === 5
        ? { verdict: Verdict.yes, from: SECOND * 1000, until: Number.POSITIVE_INFINITY }
        : { ...decide(ms, a, 0) };
    },
    () => 1,
  );
  table.refresh();
  for (let round = 0; round < 10; round++) {
    table.refresh();
    for (let a = 0; a < 1500; a++) table.on(SECOND + round, 0, a, a & 0xff);
  }
  expect(decisions).toBe(1500);
});

test("more words than there is room for, and words that collide: right, if not remembered", () => {
  const table = new Verdicts(decide, () => 1);
  table.refresh();
  for (let round = 0; round < 2; round++)
    for (let a = 0; a < 50_000; a++) expect(table.on(SECOND, 0, a, 0)).toBe(decide(0, a, 0).verdict);
  const slot = homeOf(1, 0);
  const colliding = Array.from({ length: 2_000_000 }, (_, a) => a).filter((a) => homeOf(a, 0) === slot);
  expect(colliding.length).toBeGreaterThan(100);
  for (let round = 0; round < 3; round++)
    for (const a of colliding) expect(table.on(SECOND, 0, a, 0)).toBe(decide(0, a, 0).verdict);
  // The same first word, and second ones that want the same slot.
  const byB = new Verdicts(
    (_, a, b) => ({ ...decide(0, a + b, 0) }),
    () => 1,
  );
  byB.refresh();
  const bs = Array.from({ length: 65536 }, (_, b) => b).filter((b) => homeOf(9, b) === homeOf(9, 0));
  expect(bs.length).toBeGreaterThan(2);
  for (let round = 0; round < 2; round++)
    for (const b of bs) expect(byB.on(SECOND, 0, 9, b)).toBe(decide(0, 9 + b, 0).verdict);
});

test("a new generation is decided on anew", () => {
  let generation = 1;
  let verdict: number = Verdict.no;
  const table = new Verdicts(
    () => ({ verdict, from: Number.NEGATIVE_INFINITY, until: Number.POSITIVE_INFINITY }),
    () => generation,
  );
  table.refresh();
  expect(table.on(SECOND, 0, 7, 7)).toBe(Verdict.no);
  verdict = Verdict.yes;
  table.refresh();
  expect(table.on(SECOND, 0, 7, 7)).toBe(Verdict.no);
  generation++;
  table.refresh();
  expect(table.on(SECOND, 0, 7, 7)).toBe(Verdict.yes);
});
