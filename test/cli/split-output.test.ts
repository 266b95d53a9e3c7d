import { expect, test } from "vitest";
import { fileName } from "../../src/cli/split-output.js";

test.each([
  ["vm1", "vm1"],
  ["../../etc/passwd", "_.._etc_passwd"],
  ["..", "_"],
  ["", "_"],
  ["a/b\\\\c d:e", "a_b_c_d_e"],
  ["\\x1b[2J", "_x1b_2J"],
  ["web-1.Zürich", "web-1.Zürich"],
  ["n".repeat(300), "n".repeat(40)],
])("%j is %s in a file's name", (name, expected) => {
  expect(fileName(name)).toBe(expected);
});
