#!/usr/bin/env node
/*
 * Makes captures/SCENARIO/expected.json again: what `analyze -o json --utc --sb sb.db` says of each capture
 * of the folder, by file name. Needs a built dist (npm run build). Read the difference before you keep it:
 * `git diff captures`, and compare with what tshark counts (tshark.test.ts does so for the numbers).
 *
 *   node test/conformance/update-expected.mjs [SCENARIO...]          write
 *   node test/conformance/update-expected.mjs --print SCENARIO       only print
 */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const CAPTURES = join(import.meta.dirname, "../../captures");
const MAIN = join(import.meta.dirname, "../../dist/cli/main.js");

/** The answers for one folder. The program runs in the folder, so that no path of this machine is in them. */
function answers(scenario) {
  const folder = join(CAPTURES, scenario);
  const files = readdirSync(folder).filter((name) => name.endsWith(".pcap"));
  return Object.fromEntries(
    files.sort().map((name) => {
      const args = [MAIN, "analyze", "-o", "json", "--utc", "--sb", "sb.db", name];
      return [name, JSON.parse(execFileSync(process.execPath, args, { cwd: folder, encoding: "utf8" }))];
    }),
  );
}

function text(scenario) {
  return `${JSON.stringify(answers(scenario), null, 1)}\n`;
}

const [first, ...rest] = process.argv.slice(2);
if (first === "--print") process.stdout.write(text(rest[0]));
else {
  const all = readdirSync(CAPTURES).filter((name) => existsSync(join(CAPTURES, name, "sb.db")));
  for (const scenario of first === undefined ? all : [first, ...rest]) {
    writeFileSync(join(CAPTURES, scenario, "expected.json"), text(scenario));
    process.stdout.write(`captures/${scenario}/expected.json\n`);
  }
}
