import { expect, test } from "vitest";
import { LineBuffer } from "../../src/output/line-buffer.js";

/** What a writer may count on: so many bytes behind the last one. */
const room = ({ bytes, at }: LineBuffer) => bytes.length - at;

test("texts of any length, one after the other, with room behind each", () => {
  const out = new LineBuffer();
  const usual = out.bytes.length;
  const texts = ["a", "é日😀", "x".repeat(50_000), "日".repeat(100_000), "", "end"];
  for (const text of texts) {
    out.text(text);
    expect(room(out)).toBeGreaterThanOrEqual(64 * 1024);
    expect(out.view.buffer).toBe(out.bytes.buffer);
  }
  expect(out.bytes.toString("utf8", 0, out.at)).toBe(texts.join(""));
  expect(out.full).toBe(true);
  out.clear();
  expect([out.at, out.full, out.bytes.length]).toEqual([0, false, usual]);
});

test("reserve keeps what is there", () => {
  const out = new LineBuffer();
  out.text("before");
  out.reserve(1_000_000);
  expect(out.bytes.toString("utf8", 0, out.at)).toBe("before");
  expect(room(out)).toBeGreaterThanOrEqual(1_000_000 + 64 * 1024);
});

test("short texts do not make it grow before it is full", () => {
  const out = new LineBuffer();
  const usual = out.bytes.length;
  while (!out.full) out.text("a line\n");
  out.text("x".repeat(5000));
  expect(out.bytes.length).toBe(usual);
});
