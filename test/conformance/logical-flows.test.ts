/* The matches of real logical flows, those in the journals beside the captures: ovn-northd wrote them. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ExpressionError } from "../../src/match/expression.js";
import { parseExpression } from "../../src/match/parser.js";
import { CAPTURES, scenarios } from "./captures.js";

/** What no captured packet has, and so may be refused, by the name that it must be refused by. */
const OVN_ALONE = /\b(reg\d+|xxreg\d+|flags|ct|ct_mark|ct_label|is_chassis_resident|pkt\.mark)\b[\w.]*/;

/** The `match` of every Logical_Flow of a journal. */
function matchesOf(scenario: string): Set<string> {
  const found = new Set<string>();
  for (const line of readFileSync(join(CAPTURES, scenario, "sb.db"), "utf8").split("\n")) {
    if (!line.startsWith("{")) continue;
    const rows = Object.values(
      (JSON.parse(line).Logical_Flow ?? {}) as Record<string, { match?: unknown } | null>,
    );
    for (const row of rows) if (typeof row?.match === "string") found.add(row.match);
  }
  return found;
}

const flows = [...new Set(scenarios.flatMap((scenario) => [...matchesOf(scenario)]))];

test("each is taken, or refused by the name of what no packet has", () => {
  let taken = 0;
  for (const text of flows) {
    const alone = OVN_ALONE.exec(text.replace(/"[^"]*"/g, '""'));
    if (alone === null) {
      expect(() => parseExpression(text), text).not.toThrow();
      taken++;
      continue;
    }
    try {
      parseExpression(text);
      expect.unreachable(text);
    } catch (error) {
      expect(error, text).toBeInstanceOf(ExpressionError);
      expect((error as Error).message, text).toMatch(/^(\S+) is .*: no captured packet has it$/);
      expect(text.slice((error as ExpressionError).column - 1), text).toMatch(OVN_ALONE);
    }
  }
  expect(taken).toBeGreaterThan(100);
  expect(flows.length - taken).toBeGreaterThan(30);
});
