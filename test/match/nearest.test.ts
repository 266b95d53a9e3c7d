import { expect, test } from "vitest";
import { nearest } from "../../src/match/nearest.js";

const NAMES = ["vm1", "vm2", "web-1", "web-10", "shop_web-1", "net1-router1", "Backend"];

test.each([
  ["vm3", ["vm1", "vm2"]],
  ["VM1", ["vm1", "vm2"]],
  ["wbe-1", ["web-1"]],
  ["web-2", ["web-1", "web-10"]],
  ["backend", ["Backend"]],
  ["router", ["net1-router1"]],
  ["web-1x", ["web-1", "web-10"]],
  ["b08d3c6e-6a2c-4a44-9f8e-8b8f1f0c8d11", []],
  ["x", []],
])("%s: %j", (text, expected) => {
  expect(nearest(text, NAMES)).toEqual(expected);
});

test("three at most, the most like first; a name of any length ends soon", () => {
  expect(nearest("port-5", ["port-55", "port-6", "port-66", "port-7", "port-5"])).toEqual([
    "port-5",
    "port-55",
    "port-6",
  ]);
  expect(nearest("a".repeat(1e6), ["a".repeat(1e6), "b"])).toHaveLength(1);
});
