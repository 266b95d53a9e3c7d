/* The pieces by themselves: the scanner, values and timelines. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { JsonScanner, ScanError, type Take } from "../../src/southbound/ovsdb/json-scan.js";
import {
  applyDifference,
  type Column,
  readDatum,
  StringPool,
  writeDatum,
} from "../../src/southbound/ovsdb/value.js";
import { Answer, Answers, Span } from "../../src/southbound/span.js";
import { Timeline } from "../../src/southbound/timeline.js";
import { quoted, shown } from "../../src/text.js";

type Found = [kind: string, ...rest: unknown[]];

type Takes = (depth: number, key: string | number) => Take;

/** What a scanner tells of `text` fed in chunks of `size` bytes; the chunk's bytes are spoiled after use. */
function scan(text: string, size: number, take: Takes): Found[] {
  const found: Found[] = [];
  const scanner = new JsonScanner({
    take,
    whole: (depth, key, json) => found.push(["whole", depth, key, json]),
    end: (depth) => found.push(["end", depth]),
  });
  const bytes = Buffer.from(text);
  const buffer = Buffer.alloc(size);
  for (let offset = 0; offset < bytes.length; offset += size) {
    const length = bytes.copy(buffer, 0, offset, offset + size);
    scanner.feed(buffer.subarray(0, length), offset);
    buffer.fill(0xa5);
  }
  expect(scanner.complete).toBe(true);
  return found;
}

const takes: Takes = (depth, key) => {
  const kind = (typeof key === "string" ? key.length : key + depth) % 4;
  if (kind === 1) return depth % 2 === 0 ? "row" : "whole";
  return kind === 0 ? "skip" : "parts";
};

/** The same by JSON.parse. */
function parse(text: string): Found[] {
  const found: Found[] = [];
  const go = (value: object, depth: number): void => {
    for (const name of Object.keys(value)) {
      const key = Array.isArray(value) ? +name : name;
      const child = (value as Record<string, unknown>)[name];
      const take = takes(depth, key);
      if (take === "parts" && typeof child === "object" && child !== null) go(child, depth + 1);
      else if (take !== "skip") found.push(["whole", depth, key, child]);
    }
    found.push(["end", depth]);
  };
  go(JSON.parse(text), 1);
  return found;
}

describe("the scanner", () => {
  const anyObject = fc.dictionary(fc.string({ unit: "binary" }), fc.jsonValue({ maxDepth: 5 }));

  test("finds what JSON.parse finds, in chunks of any size", () => {
    fc.assert(
      fc.property(anyObject, fc.integer({ min: 1, max: 40 }), fc.boolean(), (object, size, pretty) => {
        const text = JSON.stringify(object, null, pretty ? 1 : 0);
        expect(scan(text, size, takes)).toEqual(parse(text));
      }),
      { numRuns: 500 },
    );
  });

  test("finds rows whatever is in them, however many are not what they seem", () => {
    const text = fc.string({ unit: fc.constantFrom(...'{}[]",:\\ aé'.split("")), maxLength: 6 });
    const value = fc.oneof(text, fc.array(text), fc.dictionary(text, text), fc.constant(null));
    const rows = fc.dictionary(text, fc.oneof(fc.dictionary(text, value), value), { maxKeys: 300 });
    fc.assert(
      fc.property(fc.dictionary(text, rows), fc.integer({ min: 1, max: 400 }), (tables, size) => {
        const json = JSON.stringify(tables);
        const found = scan(json, size, (depth) => (depth === 1 ? "parts" : "row"));
        const wanted = Object.entries(JSON.parse(json) as typeof tables).flatMap(([, table]) => [
          ...Object.entries(table).map(([key, row]) => ["whole", 2, key, row]),
          ["end", 2],
        ]);
        expect(found).toEqual([...wanted, ["end", 1]]);
      }),
      { numRuns: 300 },
    );
  });

  test("takes any bytes without hanging or throwing anything but ScanError", () => {
    const alphabet = fc.constantFrom(...'{}[]",:\\ a1'.split(""));
    fc.assert(
      fc.property(fc.string({ unit: alphabet }), fc.integer({ min: 1, max: 9 }), (text, size) => {
        const bytes = Buffer.from(`{"ab":${text}`);
        const scanner = new JsonScanner({ take: takes, whole() {}, end() {} });
        try {
          for (let offset = 0; offset < bytes.length; offset += size)
            scanner.feed(bytes.subarray(offset, offset + size), offset);
        } catch (error) {
          expect(error).toBeInstanceOf(ScanError);
          expect((error as ScanError).offset).toBeLessThan(bytes.length + 1);
        }
      }),
      { numRuns: 2000 },
    );
  });

  test("says where it went wrong", () => {
    const fail = (text: string) => {
      try {
        scan(text, 3, () => "whole");
      } catch (error) {
        return error instanceof ScanError ? [error.offset, error.message] : error;
      }
      return null;
    };
    expect(fail("  [1]")).toEqual([2, "a JSON object should begin here"]);
    expect(fail('{"a" 1}')).toEqual([5, "a JSON member name has no value"]);
    expect(fail("{1:2}")).toEqual([1, "a JSON member name should begin here"]);
    expect(fail('{"a":tru}')).toEqual([5, "this is not valid JSON"]);
    expect(fail('{"a":}')).toEqual([5, "this is not valid JSON"]);
    expect(fail('{"a":1 2}')).toEqual([7, "a JSON value is followed by neither comma nor end"]);
    const nested = (depth: number) => `{"a":${"[".repeat(depth)}${"]".repeat(depth)}}`;
    expect(fail(nested(100))).toBe(null);
    expect(fail(nested(101))).toEqual([105, "JSON is nested too deep here"]);
    // What is passed over may be as it likes.
    expect(scan(nested(100_000), 1000, () => "skip")).toEqual([["end", 1]]);
  });
});

const pool = new StringPool();
const column = (shape: Column["shape"], atom: Column["atom"] = "string"): Column => {
  return { name: "c", shape, atom, composite: shape === "set" || shape === "map" };
};

describe("values", () => {
  test("are read from OVSDB's notation", () => {
    const id = "0b5ff4b0-0000-4000-8000-000000000000";
    expect(readDatum(column("one", "integer"), 5, pool)).toBe(5);
    expect(readDatum(column("one", "integer"), ["set", [5]], pool)).toBe(5);
    expect(readDatum(column("one", "integer"), 5.5, pool)).toBe(undefined);
    expect(readDatum(column("one", "uuid"), ["uuid", id], pool)).toBe(id);
    expect(readDatum(column("one"), ["set", []], pool)).toBe(undefined);
    expect(readDatum(column("optional"), ["set", []], pool)).toBe(null);
    expect(readDatum(column("optional", "boolean"), true, pool)).toBe(true);
    expect(readDatum(column("set"), "only", pool)).toEqual(["only"]);
    expect(readDatum(column("set"), ["set", ["b", "a"]], pool)).toEqual(["a", "b"]);
    expect(readDatum(column("set", "uuid"), ["uuid", id], pool)).toEqual([id]);
    expect(readDatum(column("set"), ["set", ["a", 1]], pool)).toBe(undefined);
    expect(
      readDatum(
        column("map"),
        [
          "map",
          [
            ["b", "2"],
            ["__proto__", "1"],
          ],
        ],
        pool,
      ),
    ).toEqual(["__proto__", "1", "b", "2"]);
    for (const odd of [null, {}, [], "x", ["map"], ["map", [1]], ["map", [["a", 1]]]])
      expect(readDatum(column("map"), odd, pool)).toBe(undefined);
  });

  test("a difference applied to the old gives the new", () => {
    const words = fc.uniqueArray(fc.string({ maxLength: 2 }));
    const sorted = (list: string[]) => [...list].sort();
    fc.assert(
      fc.property(words, words, (old, next) => {
        const difference = [...old.filter((e) => !next.includes(e)), ...next.filter((e) => !old.includes(e))];
        expect(applyDifference(column("set"), sorted(old), sorted(difference))).toEqual(sorted(next));
      }),
    );
    const old = ["changed", "1", "kept", "1", "removed", "1"];
    const difference = ["added", "2", "changed", "2", "removed", "1"];
    const expected = ["added", "2", "changed", "2", "kept", "1"];
    expect(applyDifference(column("map"), old, difference)).toEqual(expected);
    expect(applyDifference(column("optional"), "a", null)).toBe(null);
  });
});

describe("the difference back", () => {
  const few = fc.constantFrom("", "a", "b", "c", "\u{10000}", "\uffff");
  const anySet = fc.uniqueArray(few).map((list) => list.sort());
  const anyMap = fc
    .uniqueArray(fc.tuple(few, few), { selector: ([key]) => key })
    .map((pairs) => pairs.sort(([a], [b]) => (a < b ? -1 : 1)).flat());

  test.each([
    ["set", anySet],
    ["map", anyMap],
  ] as const)("undoes a change of a %s", (shape, values) => {
    fc.assert(
      fc.property(values, values, (from, to) => {
        const back = applyDifference(column(shape), to, from);
        expect(applyDifference(column(shape), to, back)).toEqual(from);
        if (JSON.stringify(from) === JSON.stringify(to)) expect(back).toEqual([]);
      }),
    );
  });

  test.each([
    ["set", "string", ["a", "b"]],
    ["set", "uuid", ["00000000-0000-4000-8000-000000000001"]],
    ["set", "string", []],
    ["map", "string", ["a", "1", "b", "2"]],
    ["optional", "string", null],
    ["optional", "uuid", "00000000-0000-4000-8000-000000000001"],
    ["one", "integer", 7],
    ["optional", "boolean", true],
  ] as const)("a %s of %s is written as it is read", (shape, atom, value) => {
    const each = column(shape, atom);
    expect(readDatum(each, writeDatum(each, value), pool)).toEqual(value);
  });
});

describe("a timeline", () => {
  test("tells what was set last before a time", () => {
    const moment = fc.record({
      step: fc.integer({ min: 0, max: 3 }),
      value: fc.constantFrom("a", "b", null),
    });
    fc.assert(
      fc.property(fc.array(moment), (moments) => {
        const timeline = new Timeline<string>();
        const expected: [number, string | null][] = [];
        let time = 0;
        for (const { step, value } of moments) {
          time += step;
          timeline.set(time, value);
          expected.push([time, value]);
        }
        for (let at = -0.5; at < time + 2; at += 0.5) {
          const last = expected.filter(([from]) => from <= at).at(-1);
          expect(timeline.valueAt(at)).toBe(last?.[1] ?? null);
        }
        for (const [index, segment] of timeline.segments.entries()) {
          expect(segment.from).toBeLessThan(segment.until);
          expect(segment.until).toBe(timeline.segments[index + 1]?.from ?? Number.POSITIVE_INFINITY);
          expect(segment.value).not.toBe(timeline.segments[index + 1]?.value);
        }
      }),
    );
  });

  test("answers of disjoint intervals are found in any order of asking", () => {
    const answers = new Answers<{ from: number; until: number }>();
    for (const from of [20, 0, 50, 10]) {
      const span = new Span();
      span.narrow({ from, until: from + 5 });
      answers.add(new Answer({ from, until: from + 5 }, span, 1));
    }
    const at = (time: number) => answers.at(time, 2)?.value.from;
    for (const time of [51, 2, 12, 24.9, 0, 20]) expect(at(time)).toBe(Math.floor(time / 10) * 10);
    for (const time of [-1, 5, 15, 40, 55]) expect(at(time)).toBe(undefined);
  });

  test("an answer is good until what it rests on changes", () => {
    const one = new Timeline<string>();
    const other = new Timeline<string>();
    one.set(10, "a");
    other.set(20, "b");
    const ask = (time: number, missing?: Timeline<string>) => {
      const span = new Span();
      const value = `${span.read(one, time)}${span.read(other, time)}${span.read(missing, time)}`;
      return new Answer({ value, from: span.from, until: span.until }, span, 1);
    };
    const answer = (time: number) => {
      const span = new Span();
      span.read(one, time);
      span.read(other, time);
      return new Answer({ from: span.from, until: span.until }, span, 1);
    };
    expect(ask(25).value).toMatchObject({ value: "abnull", from: 20, until: Number.POSITIVE_INFINITY });
    expect(ask(25).isGood(2)).toBe(false);
    expect(answer(15).value).toEqual({ from: 10, until: 20 });
    const [early, late, before] = [answer(15), answer(25), answer(5)];
    expect(before.value.until).toBe(10);
    for (const each of [early, late, before]) expect(each.isGood(2)).toBe(true);
    one.set(30, "c");
    expect([early, late, before].map((each) => each.isGood(3))).toEqual([true, false, true]);
  });
});

test("text in messages cannot drive a terminal", () => {
  expect(shown("a\u001b[31m\n\u0085\u202e\u2066é")).toBe("a\\x1b[31m\\x0a\\x85\\u{202e}\\u{2066}é");
  expect(quoted("x".repeat(100), 3)).toBe('"xxx..."');
});
