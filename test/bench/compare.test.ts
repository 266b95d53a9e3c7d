/*
 * Every counter of every kind of capture that bench/compare measures, at small size: genevescope's, the C
 * reader's, and of what tcpdump lets through its filter, each against what was generated.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Programs } from "../../bench/compare/programs.js";
import { buildReaders } from "../../bench/compare/tools.js";
import { generateInput, INPUTS } from "../../bench/generate.js";
import { peer } from "../setup/peer.js";

const BYTES = 2 ** 22;

peer("cc, tcpdump", ["cc", "/usr/include/stdio.h", "tcpdump"])("bench/compare", () => {
  let directory: string;
  let programs: Programs;

  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), "genevescope-compare-test-"));
    programs = new Programs({ ...buildReaders(directory), tcpdump: "tcpdump" }, directory);
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  // small4 is small, only more of it.
  test.each(Object.keys(INPUTS).filter((name) => name !== "small4"))(
    "%s: everybody counts what was generated",
    (name) => {
      const input = generateInput(directory, name, { bytes: BYTES });
      expect(input.truth.packets).toBeGreaterThan(5000);
      for (const program of [
        ...programs.ours(input),
        programs.cReader(input),
        programs.tcpdumpWrite(input),
        programs.decodeText("decode", input),
      ])
        expect(() => program.prove(), program.name).not.toThrow();
    },
  );

  test("lines of JSON have every packet", () => {
    const input = generateInput(directory, "small", { bytes: BYTES });
    expect(() => programs.decodeJson("decode", input, input).prove()).not.toThrow();
  });

  // What makes the tests above worth something.
  test("a truth that differs by one in one place is noticed", () => {
    const input = generateInput(directory, "small", { bytes: BYTES });
    const places: [string, (truth: typeof input.truth) => void][] = [
      ["packets of a flow", (truth) => (truth.flows[7][3] = Number(truth.flows[7][3]) + 1)],
      ["last time of a flow", (truth) => (truth.flows[7][6] = `${truth.flows[7][6]}`.replace(/.$/, "1"))],
      ["largest packet of a tunnel", (truth) => (truth.tunnels[3][4] = Number(truth.tunnels[3][4]) + 1)],
    ];
    for (const [place, change] of places) {
      const truth = structuredClone(input.truth);
      change(truth);
      for (const program of [...programs.ours({ ...input, truth }), programs.cReader({ ...input, truth })])
        expect(() => program.prove(), `${program.name}: ${place}`).toThrow(/expected/);
    }
  });
});
