import { describe, expect, test } from "vitest";
import { joinNots } from "../../src/cli/filter-options.js";
import { readFilters } from "../../src/cli/filter-values.js";
import type { FilterKind } from "../../src/match/filters.js";

const read = (...given: [FilterKind, string, boolean?][]) =>
  readFilters(
    given.map(([kind, text, negated = false]) => ({ kind, text, negated })),
    true,
  ).map(({ negated, ...value }) => value);

describe("values", () => {
  test.each<[FilterKind, string, object]>([
    ["ip", "10.1.2.3", { prefix: { words: [0x0a010203], length: 32 } }],
    // What is behind the length does not count.
    ["ip", "10.1.2.3/8", { prefix: { words: [0x0a010203], length: 8 } }],
    ["ip", "0.0.0.0/0", { prefix: { words: [0], length: 0 } }],
    ["ip", "FD00::1", { prefix: { words: [0xfd000000 | 0, 0, 0, 1], length: 128 } }],
    ["ip", "::ffff:1.2.3.4/96", { prefix: { words: [0, 0, 0xffff, 0x01020304], length: 96 } }],
    ["mac", "0A:00:27:00:00:01", { mac: 0x0a0027000001 }],
    ["mac", "a-0-27-0-0-1", { mac: 0x0a0027000001 }],
    ["mac", "0a00.2700.0001", { mac: 0x0a0027000001 }],
    ["mac", "0a0027000001", { mac: 0x0a0027000001 }],
    ["vni", "0", { key: 0 }],
    ["vni", "0xFFFFFF", { key: 0xffffff }],
    ["datapath", "8", { key: 8 }],
    ["datapath", "b34e7ad4-3895-4a2f-b55f-6608d9b1dac4", { name: "b34e7ad4-3895-4a2f-b55f-6608d9b1dac4" }],
    ["inport", "0x7fff", { key: 0x7fff }],
    ["outport", "65535", { key: 65535 }],
    ["port", "0xg", { name: "0xg" }],
    ["port", " ", { name: " " }],
    ["chassis", "10.0.0.1", { address: "10.0.0.1" }],
    ["chassis", "FD00:0::1", { address: "fd00::1" }],
    ["chassis", "5", { name: "5" }],
    ["since", "1.5", { moment: { sec: 1, nsec: 500_000_000 } }],
  ])("--%s %s", (kind, text, expected) => {
    expect(read([kind, text])).toEqual([{ kind, ...expected }]);
  });

  test.each<[[FilterKind, string, boolean?][], string | RegExp]>([
    [[["ip", "10.0.0"]], '--ip "10.0.0" is no IP address, nor a network such as 10.0.0.0/8'],
    [[["ip", "10.0.0.0/33"]], '--ip "10.0.0.0/33": the length behind / is no number from 0 to 32'],
    [[["ip", "fd00::/129"]], '--ip "fd00::/129": the length behind / is no number from 0 to 128'],
    [[["ip", `10.0.0.0/${"9".repeat(1e6)}`]], /^--ip "10\.0\.0\.0\/9+\.\.\.": the length/],
    [[["ip", "10.0.0.0/"]], '--ip "10.0.0.0/": the length behind / is no number from 0 to 32'],
    [[["ip", "10.0.0.0/8/8"]], '--ip "10.0.0.0/8/8": the length behind / is no number from 0 to 32'],
    [[["ip", "fe80::1%eth0"]], '--ip "fe80::1%eth0" is no IP address, nor a network such as 10.0.0.0/8'],
    [[["ip", "\u001b[31m"]], '--ip "\\x1b[31m" is no IP address, nor a network such as 10.0.0.0/8'],
    [[["ip", ""]], "--ip is empty"],
    [[["port", ""]], "--port is empty"],
    [[["mac", "40:44:00:00:00"]], '--mac "40:44:00:00:00" is no MAC address such as 0a:00:27:00:00:01'],
    [[["mac", "40:44:00:00:00:0g"]], '--mac "40:44:00:00:00:0g" is no MAC address such as 0a:00:27:00:00:01'],
    [[["vni", "16777216"]], "--vni 16777216 is no number from 0 to 16777215 (decimal, or 0xffffff at most)"],
    [[["vni", "two"]], "--vni two is no number from 0 to 16777215 (decimal, or 0xffffff at most)"],
    [[["vni", "010"]], "--vni 010 has a leading zero; give 10 or 0x010"],
    [[["datapath", "0"]], "--datapath 0 is no number from 1 to 16777215 (decimal, or 0xffffff at most)"],
    [[["inport", "32768"]], "--inport 32768 is no number from 1 to 32767 (decimal, or 0x7fff at most)"],
    [[["outport", "0"]], "--outport 0 is no number from 1 to 65535 (decimal, or 0xffff at most)"],
    [[["port", "0x10000"]], "--port 0x10000 is no number from 1 to 65535 (decimal, or 0xffff at most)"],
    [
      [
        ["since", "1h"],
        ["since", "2h"],
      ],
      "--since is there more than once; give one time",
    ],
    [
      [
        ["until", "1h"],
        ["until", "2h", true],
      ],
      "--until is there more than once; give one time",
    ],
    [
      [
        ["since", "1h"],
        ["until", "2h"],
      ],
      "--since is not before --until: no packet can match",
    ],
    [
      [
        ["since", "5.1"],
        ["until", "5.1"],
      ],
      "--since is not before --until: no packet can match",
    ],
    [[["since", "noon"]], /^--since "noon" is not a time; give an ISO time/],
    [
      [["since", "1795245617646"]],
      '--since "1795245617646" is after the year 9999; give seconds since 1970, not milliseconds',
    ],
  ])("%j", (given, wanted) => {
    expect(() => read(...given)).toThrow(wanted);
  });

  test("what is negated may end before it begins", () => {
    expect(read(["since", "6"], ["until", "5", true])).toHaveLength(2);
  });
});

test.each([
  ["--not --ip 1.2.3.4 f", "--not-ip 1.2.3.4 f"],
  ["f --not --ip=1.2.3.4 --not --port a", "f --not-ip=1.2.3.4 --not-port a"],
  ["--ip 1.2.3.4 --not", "--ip 1.2.3.4 --not"],
  ["--not -c 5 --ip 1.2.3.4", "--not -c 5 --ip 1.2.3.4"],
  ["--not --not --ip 1.2.3.4", "--not --not-ip 1.2.3.4"],
  ["--not --toString x", "--not --toString x"],
  ["-- --not --ip", "-- --not --ip"],
])("%s: a --not and the filter behind it are one flag", (words, expected) => {
  const given = words.split(" ");
  joinNots(given);
  expect(given.join(" ")).toBe(expected);
});
