/* Words and grammar of the match language. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { ExpressionError, NAME_SYMBOLS } from "../../src/match/expression.js";
import { FIELDS } from "../../src/match/fields.js";
import { DEEPEST, parseExpression } from "../../src/match/parser.js";
import { PREDICATES } from "../../src/match/symbols.js";
import { LONGEST_EXPRESSION, tokensOf } from "../../src/match/tokens.js";

const words = (text: string) => tokensOf(text).map((token) => `${token.kind} ${token.text}`.trim());

/** What is wrong with an expression, and where. */
function fault(text: string): string {
  try {
    parseExpression(text);
  } catch (error) {
    if (error instanceof ExpressionError) return `${error.column}: ${error.message}`;
    throw error;
  }
  throw new Error(`${text} is taken`);
}

const field = (
  name: string,
  low: number,
  high: number,
  relation: string,
  ...values: (bigint | bigint[])[]
) => ({
  kind: "field",
  field: name,
  low,
  high,
  relation,
  constants: values.map((each) =>
    Array.isArray(each) ? { value: each[0], mask: each[1] } : { value: each, mask: null },
  ),
  sets: [],
});
const parsed = (text: string): unknown =>
  JSON.parse(
    JSON.stringify(parseExpression(text), (key, value) =>
      key === "format" ? undefined : typeof value === "bigint" ? `${value}` : value,
    ),
  );
const plain = (expression: object): unknown =>
  JSON.parse(JSON.stringify(expression, (_, value) => (typeof value === "bigint" ? `${value}` : value)));

describe("words", () => {
  test("of every kind", () => {
    expect(words('tcp.dst[0..3]!={0x1F,7}&&!(inport=="a b")||$set_1 <= @group')).toEqual([
      ...["identifier tcp.dst", "symbol [", "integer 0", "symbol ..", "integer 3", "symbol ]", "symbol !="],
      ...[
        "symbol {",
        "integer 0x1F",
        "symbol ,",
        "integer 7",
        "symbol }",
        "symbol &&",
        "symbol !",
        "symbol (",
      ],
      ...[
        "identifier inport",
        "symbol ==",
        'string "a b"',
        "symbol )",
        "symbol ||",
        "set $set_1",
        "symbol <=",
      ],
      ...["group @group", "end"],
    ]);
  });

  test("addresses, with masks, and what only looks like one", () => {
    expect(words("10.0.0.1 10.0.0.0/8 10.0.0.0/255.0.0.0 fe80::/10 ::1 face::1 face _a.b")).toEqual([
      ...["integer 10.0.0.1", "integer 10.0.0.0/8", "integer 10.0.0.0/255.0.0.0", "integer fe80::/10"],
      ...["integer ::1", "integer face::1", "identifier face", "identifier _a.b", "end"],
    ]);
    expect(words("0a:00:00:00:00:01/01:00:00:00:00:00")).toEqual([
      "integer 0a:00:00:00:00:01/01:00:00:00:00:00",
      "end",
    ]);
  });

  test("comments and blanks stand between them", () => {
    expect(words("\t1 // to the end && of the line\n/* in * the ** line */&&\r\n0 //")).toEqual([
      ...["integer 1", "symbol &&", "integer 0", "end"],
    ]);
  });

  test("strings are those of JSON", () => {
    expect(tokensOf('"a\\"\\u00e9\\\\"')[0]).toMatchObject({ kind: "string", value: 'a"é\\' });
  });

  test.each([
    ["tcp & udp", '5: "&" alone is no operator; write &&'],
    ["tcp | udp", '5: "|" alone is no operator; write ||'],
    ["tcp.dst = 80", '9: "=" alone is no operator; write =='],
    ["tcp /* and\n*/", "5: the comment does not end on its line"],
    ["tcp /* and", "5: the comment does not end on its line"],
    ["tcp # udp", '5: "#" begins nothing that an expression is made of'],
    ["tcp \u{1f600}", '5: "\u{1f600}" begins nothing that an expression is made of'],
    ['inport == "a', '11: the string has no " at its end'],
    ['inport == "\\q"', '11: "\\"\\\\q\\"" is no string as JSON has it'],
    ["ip4.src == $", "12: behind $ belongs the name of an address set"],
    ["inport == @1", "11: behind @ belongs the name of a port group"],
    ["tcp.dst == 080", '12: "080" is a decimal number with a 0 in front'],
    ["tcp.dst == 0x", '12: "0x" is no number and no address'],
    ["tcp.dst == 18446744073709551616", '12: "18446744073709551616" is not less than 2^64'],
    [`tcp.dst == 0x1${"0".repeat(32)}`, `12: "0x1${"0".repeat(32)}" is not less than 2^128`],
    ["ip4.src == 10.0.0.256", '12: "10.0.0.256" is no number and no address'],
    ["ip6.src == fe80::1::", '12: "fe80::1::" is no number and no address'],
    ["ip4.src == 10.0.0.0/33", "21: the length behind / is no number from 0 to 32"],
    ["ip4.src == 10.0.0.0/", '21: "" is no number and no address'],
    ["ip4.src == 10.0.0.0/0xff", "21: the mask is written in another way (hexadecimal) than the value"],
    ["eth.src == 0a:00:00:00:00:01/8", "30: the mask is written in another way (decimal) than the value"],
  ])("%s", (text, wanted) => {
    expect(fault(text)).toBe(wanted);
  });
});

describe("grammar", () => {
  test.each([
    ["tcp.dst == 80", field("tcp.dst", 0, 15, "==", 80n)],
    ["80 == tcp.dst", field("tcp.dst", 0, 15, "==", 80n)],
    ["80 < tcp.dst", field("tcp.dst", 0, 15, ">", 80n)],
    ["!(tcp.dst < 80)", field("tcp.dst", 0, 15, ">=", 80n)],
    ["tcp.flags[1]", field("tcp.flags", 1, 1, "!=", 0n)],
    ["!tcp.flags[1]", field("tcp.flags", 1, 1, "==", 0n)],
    ["!tcp.dst", field("tcp.dst", 0, 15, "==", 0n)],
    ["tcp.flags[0..3] != {1, 2 3,}", field("tcp.flags", 0, 3, "!=", 1n, 2n, 3n)],
    ["ip4.src == 10.1.2.3/8", field("ip4.src", 0, 31, "==", [0x0a000000n, 0xff000000n])],
    ["eth.src == 1.2.3.4", field("eth.src", 0, 47, "==", 0x01020304n)],
    ["ip6.dst == ::ffff:1.2.3.4", field("ip6.dst", 0, 127, "==", 0xffff01020304n)],
    ["1", { kind: "constant", value: true }],
    ["!1", { kind: "constant", value: false }],
    ["(((0)))", { kind: "constant", value: false }],
    [
      "1 <= tcp.dst < 5",
      { kind: "all", of: [field("tcp.dst", 0, 15, ">=", 1n), field("tcp.dst", 0, 15, "<", 5n)] },
    ],
    [
      "!(5 > tcp.dst >= 1)",
      { kind: "any", of: [field("tcp.dst", 0, 15, ">=", 5n), field("tcp.dst", 0, 15, "<", 1n)] },
    ],
    [
      "1 && (0 && 1) && (0 || 1)",
      {
        kind: "all",
        of: [true, false, true]
          .map((value): object => ({ kind: "constant", value }))
          .concat({ kind: "any", of: [false, true].map((value) => ({ kind: "constant", value })) }),
      },
    ],
    ["tcp", { kind: "predicate", name: "tcp", negated: false }],
    ["!tcp", { kind: "predicate", name: "tcp", negated: true }],
    ["tcp == 0", { kind: "predicate", name: "tcp", negated: true }],
    ["tcp != 0", { kind: "predicate", name: "tcp", negated: false }],
    [
      'inport != {"a", "b" @c}',
      { kind: "name", symbol: "inport", negated: true, names: ["a", "b"], groups: ["c"] },
    ],
    ['!("x" == datapath)', { kind: "name", symbol: "datapath", negated: true, names: ["x"], groups: [] }],
    ["ip4.src == {$a, 1.2.3.4}", { ...field("ip4.src", 0, 31, "==", 0x01020304n), sets: ["a"] }],
  ])("%s", (text, wanted) => {
    expect(parsed(text)).toEqual(plain(wanted));
  });

  test.each([
    ["", "1: it is empty; 1 matches every packet"],
    ["  // nothing", "1: it is empty; 1 matches every packet"],
    ["tcp udp", '5: expected &&, || or the end, but there is "udp"'],
    ["tcp &&", "7: expected a constant, but it ends"],
    ["(tcp", "5: expected ), but it ends"],
    ["tcp)", '4: expected &&, || or the end, but there is ")"'],
    ["tcp && udp || arp", "12: && and || together need parentheses"],
    ["!tcp.dst == 80", "1: what ! negates needs parentheses around it"],
    ["!!tcp", '2: expected a constant, but there is "!"'],
    ["tcp.dst ==", "11: expected a constant, but it ends"],
    ["tcp.dst == udp.dst", '12: expected a constant, but there is "udp.dst"'],
    ["tcp.dst == {}", '13: expected a constant, but there is "}"'],
    ["tcp.dst == {1, && 2}", '16: expected a constant or }, but there is "&&"'],
    ["tcp.dst == {1", "14: expected a constant or }, but it ends"],
    ["2", "2: expected ==, !=, <, <=, > or >=, but it ends"],
    ["{1}", "4: expected ==, !=, <, <=, > or >=, but it ends"],
    ["1 < 2", '5: expected a field, but there is "2"'],
    ["1 < tcp.dst > 2", "13: a range is written as x < field < y or x > field > y, or with <= and >="],
    ["1 == tcp.dst == 2", "14: a range is written as x < field < y or x > field > y, or with <= and >="],
    ["tcp.dst", "1: tcp.dst alone says nothing; compare it, as in tcp.dst != 0"],
    ["tcp.dst[0..3]", "1: tcp.dst alone says nothing; compare it, as in tcp.dst != 0"],
    ["tcp.dst[3..0] == 1", "8: tcp.dst has the bits 0 to 15: no 3..0"],
    ["tcp.dst[16]", "8: tcp.dst has the bits 0 to 15: no 16"],
    ["tcp.dst[x]", "9: expected the number of a bit"],
    ["tcp.dst[1", "10: expected ], but it ends"],
    ["inport", "7: expected == or != behind inport, but it ends"],
    ['inport[0] == "a"', "7: inport is a name and has no bits"],
    ["inport == 1", '11: inport is compared with names, as in inport == "vm1"'],
    ["inport == $a", '11: inport is compared with names, as in inport == "vm1"'],
    ['inport < "a"', "10: inport is a name: == and != alone"],
    ["datapath == @a", "13: a port group has ports, no datapaths"],
    ['tcp.dst == "a"', "12: tcp.dst is compared with numbers or addresses, not with names"],
    ["ip4.src == @a", "12: ip4.src is compared with numbers or addresses, not with names"],
    ["tcp.dst < {1}", "11: a set is compared with == and != alone"],
    ["ip4.src < $a", "11: a set is compared with == and != alone"],
    ["ip4.src < 10.0.0.0/8", "11: a value with a mask is compared with == and != alone"],
    ["tcp.dst == 65536", '12: "65536" has 17 bits, tcp.dst has 16'],
    ["tcp.dst[0..1] == 4", '18: "4" has 3 bits, tcp.dst[0..1] has 2'],
    ["ip4.src == ::", '12: "::" has 128 bits, ip4.src has 32'],
    ["tcp < 1", "7: tcp is a predicate: == and != alone"],
    ["tcp == 2", "8: tcp is a predicate, 0 or 1"],
    ["tcp == $a", "8: tcp is a predicate, 0 or 1"],
    ["reg0 == 1", "1: reg0 is a register of the pipeline: no captured packet has it"],
    ["xxreg1 == 1", "1: xxreg1 is a register of the pipeline: no captured packet has it"],
    ["flags[1]", "1: flags is a flag of the pipeline: no captured packet has it"],
    ["flags.loopback", "1: flags.loopback is a flag of the pipeline: no captured packet has it"],
    ["tcp && ct.est", "8: ct.est is the state of a host's connection tracking: no captured packet has it"],
    [
      "ct_label.blocked == 1",
      "1: ct_label.blocked is the state of a host's connection tracking: no captured packet has it",
    ],
    [
      "metadata == 1",
      "1: metadata is the pipeline's word for the datapath, which is datapath or --vni here: no captured packet has it",
    ],
    [
      "pkt.mark == 1",
      "1: pkt.mark is a mark that a host's kernel puts beside a packet: no captured packet has it",
    ],
    [
      'is_chassis_resident("vm1")',
      "1: is_chassis_resident is a matter of the chassis that asks: no captured packet has it",
    ],
    ["tcp.dts == 80", '1: there is no field "tcp.dts"; nearest: tcp.dst'],
    ["wholly.else", '1: there is no field "wholly.else"'],
    ["__proto__ == 1", '1: there is no field "__proto__"'],
    ["constructor", '1: there is no field "constructor"'],
    ["80 == toString", '7: there is no field "toString"'],
  ])("%s", (text, wanted) => {
    expect(fault(text)).toBe(wanted);
  });
});

describe("what is out of measure", () => {
  test("parentheses within each other", () => {
    const nested = (depth: number) => `${"(".repeat(depth)}tcp${")".repeat(depth)}`;
    expect(() => parseExpression(nested(DEEPEST))).not.toThrow();
    expect(fault(nested(DEEPEST + 1))).toBe("101: more than 100 parentheses within each other");
    expect(fault("(".repeat(LONGEST_EXPRESSION))).toBe("101: more than 100 parentheses within each other");
    expect(fault("!(".repeat(LONGEST_EXPRESSION / 2))).toBe(
      "202: more than 100 parentheses within each other",
    );
  });

  test("length", () => {
    const limit = `${LONGEST_EXPRESSION + 1}: it has more than ${LONGEST_EXPRESSION} characters`;
    expect(fault("1".padEnd(LONGEST_EXPRESSION + 1))).toBe(limit);
    expect(parseExpression("1".padEnd(LONGEST_EXPRESSION))).toEqual({ kind: "constant", value: true });
  });

  test.each([
    ["blanks", " ", ""],
    ["comments", "/**/", ""],
    ["one comment", "/*", "*"],
    ["a string", 'inport=="', "x"],
    ["a string of escapes", 'inport=="', "\\"],
    ["a number", "tcp.dst==1", "1"],
    ["an address", "ip6.dst==", "f"],
    ["colons", "ip6.dst==", ":"],
    ["a name", "", "a"],
    ["a register", "ct.", "a"],
    ["dots", "", "."],
    ["brackets", "tcp.dst==", "{"],
    ["a set", "tcp.dst=={", "1 "],
    ["operators", "tcp", "&&tcp"],
    ["operands", "1", "||1"],
    ["negations", "", "!("],
    ["relations", "1", "<1"],
  ])("%s to the end are read in a moment", (_, start, more) => {
    const text = start.padEnd(LONGEST_EXPRESSION, more === "" ? start : more);
    const began = performance.now();
    try {
      parseExpression(text);
    } catch (error) {
      expect(error).toBeInstanceOf(ExpressionError);
      expect((error as Error).message.length).toBeLessThan(500);
    }
    expect(performance.now() - began).toBeLessThan(2000);
  });
});

test("the manual has every symbol", () => {
  const manual = readFileSync(new URL("../../docs/cli.md", import.meta.url), "utf8");
  const [, section] = manual.split("### Expressions");
  const words = section.split("\n## ")[0];
  const symbols = [...FIELDS.keys(), ...PREDICATES.keys(), ...Object.keys(NAME_SYMBOLS)];
  expect(symbols.filter((name) => !name.startsWith("rarp.") && !words.includes(`\`${name}\``))).toEqual([]);
});
