import { expect, test } from "vitest";
import { train } from "../../src/analysis/training.js";

test("the kernel takes every packet it is trained with", () => {
  // Two kinds of tables, two seconds of 64 packets.
  expect(train(false)).toBe(256);
  expect(train(true)).toBe(256);
});
