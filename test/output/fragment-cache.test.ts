import fc from "fast-check";
import { expect, test } from "vitest";
import { FragmentCache } from "../../src/output/fragment-cache.js";

const ALWAYS = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY] as const;
const memory = Buffer.alloc(16 * 1024);
const view = new DataView(memory.buffer, memory.byteOffset, memory.length);

/** The text that is found for a key, by all ways to look; undefined where there is none. */
function found(cache: FragmentCache, key: readonly number[], time: number): string | undefined {
  cache.key.set(key);
  const end = cache.put(view, 3, key.length, time);
  const text = end >= 0 ? memory.toString("utf8", 3, end) : undefined;
  if (text !== undefined) expect(cache.mark).toBe(text.length);
  if (key.length === 2) {
    const again = cache.put2(view, 5, key[0], key[1], time);
    expect(again >= 0 ? memory.toString("utf8", 5, again) : undefined).toBe(text);
  }
  return text;
}

function add(cache: FragmentCache, key: readonly number[], text: string, from: number, until: number): void {
  cache.key.set(key);
  cache.add(key.length, text, text.length, from, until);
}

test("what is found was kept under that key and for that time, and is seldom lost", () => {
  const key = fc.array(fc.constantFrom(0, 1, 2, -1, 0x7fffffff, -0x80000000), { maxLength: 4 });
  const step = fc.record({
    key,
    text: fc.string({ maxLength: 40, unit: "grapheme" }),
    from: fc.nat(5),
    bytes: fc.nat(3),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const cache = new FragmentCache();
      const kept: { name: string; text: string; from: number; until: number }[] = [];
      let missed = 0;
      for (const { key, text, from, bytes } of steps) {
        for (let time = 0; time < 8; time++) {
          const name = key.join();
          const right = kept.filter((each) => each.name === name && each.from <= time && time < each.until);
          const text = found(cache, key, time);
          if (text !== undefined) expect(right.map((each) => each.text)).toContain(text);
          else if (right.length > 0) missed++;
        }
        add(cache, key, text, from, from + bytes);
        kept.push({ name: key.join(), text: text, from, until: from + bytes });
      }
      // Room for eight of one key; more replace each other.
      expect(missed).toBeLessThanOrEqual(8 * Math.max(0, kept.length - 8));
    }),
  );
});

test("hundreds of thousands of keys: some are lost, none is wrong, memory is bounded", () => {
  const cache = new FragmentCache();
  const text = (number: number) => `${number} `.repeat(10);
  const before = process.memoryUsage().arrayBuffers;
  for (let number = 0; number < 300_000; number++) {
    add(cache, [number, 7], text(number), ...ALWAYS);
    if (number % 97 === 0) {
      expect(found(cache, [number, 7], 0)).toBe(text(number));
      const earlier = number >> 1;
      const again = found(cache, [earlier, 7], 0);
      if (again !== undefined) expect(again).toBe(text(earlier));
    }
  }
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(100 << 20);
});

test("as many keys as there is room for are all found again", () => {
  const cache = new FragmentCache();
  for (let number = 0; number < 50_000; number++)
    add(cache, [number % 300, number, 1], `${number}`, ...ALWAYS);
  let lost = 0;
  for (let number = 0; number < 50_000; number++) {
    const text = found(cache, [number % 300, number, 1], 0);
    if (text === undefined) lost++;
    else expect(text).toBe(`${number}`);
  }
  expect(lost).toBeLessThan(500);
});

test("what is long is not kept, and clear forgets all", () => {
  const cache = new FragmentCache();
  add(cache, [1, 2], "x".repeat(100_000), ...ALWAYS);
  expect(found(cache, [1, 2], 0)).toBeUndefined();
  add(cache, [1, 2], "kept", ...ALWAYS);
  expect(found(cache, [1, 2], 0)).toBe("kept");
  cache.clear();
  expect(found(cache, [1, 2], 0)).toBeUndefined();
  // In front of the first entry, where a free slot points to, nothing can be found.
  expect(found(cache, [0, 0], 0)).toBeUndefined();
});
