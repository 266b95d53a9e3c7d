/* Dumps of the datapath's flows, by a program in the place of ovs-appctl that does what the real one seldom does. */
import { rmSync, writeFileSync } from "node:fs";
import { delimiter } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DatapathFlows } from "../../src/cli/datapath-flows.js";
import { describeLive, Wire } from "../native/wire.js";
import { eventually } from "../southbound/cluster.js";
import { TempDirectory } from "../southbound/ovsdb.js";
import { bareOf } from "./bare-frames.js";
import { beginLive } from "./live-verb.js";

const DEVICE = "genev_sys_6081";

const directory = new TempDirectory();
afterAll(() => directory.dispose());

/** A search path that finds a shell script first, as ovs-appctl. */
function pathWith(script: string): string {
  writeFileSync(directory.file("ovs-appctl"), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return `${directory.path}${delimiter}${process.env.PATH}`;
}

describeLive("an ovs-appctl", () => {
  let wire: Wire;
  let bare: string;

  beforeAll(async () => {
    wire = new Wire();
    wire.addPair("inner", DEVICE);
    bare = await bareOf("captures/ha-gateway/hv1.pcap");
  });
  afterAll(() => wire?.down());

  test.each([
    ["does not answer", "sleep 15", ""],
    ["does not heed a signal", "trap '' TERM; sleep 15; sleep 15", ""],
    ["leaves behind what holds its output", "sleep 15 & exit 0", ""],
    ["answers with NUL characters", "printf 'a\\000b\\n'", ": there is no datapath\n"],
    ["answers with anything", "head -c 3000000 /dev/urandom", ""],
    [
      "fails with what a terminal could act on",
      "printf 'one\\n\\033[31mtwo' >&2; exit 3",
      ": \\x1b[31mtwo\n",
    ],
  ])("that %s holds nothing up", async (_, script, said) => {
    const env = ["env", `PATH=${pathWith(script)}`];
    const live = await beginLive(wire, { prefix: env }, "-i", DEVICE, "-i", "rx0", "--tunnel-keys");
    const sent = wire.send(bare, { device: "inner" });
    await new Promise((resolve) => setTimeout(resolve, 500));
    const stopped = Date.now();
    const { status, out, err } = await live.end("SIGTERM");
    expect([status, out.split("\n").length - 1]).toEqual([0, sent]);
    expect(Date.now() - stopped).toBeLessThan(3000);
    expect(err).toContain(said);
    expect(err).toContain("18 frames without tunnel headers; their keys: 18 unknown\n");
  });
});

describe("a dump", () => {
  const { PATH } = process.env;
  afterAll(() => {
    process.env.PATH = PATH;
  });

  test("is forgotten where the next one fails: flows have changed since", async () => {
    const fails = directory.file("fails");
    process.env.PATH = pathWith(`test ! -e ${fails} && echo system@ovs-system`);
    const said: string[] = [];
    const flows = new DatapathFlows(async (line) => {
      said.push(line);
    });
    await eventually("a dump", () => flows.dumps.length > 0);
    expect(flows.isAvailable).toBe(true);
    writeFileSync(fails, "");
    await eventually("a failure", () => !flows.isAvailable);
    rmSync(fails);
    flows.stop();
    expect(flows.dumps).toEqual([]);
    expect(said).toEqual(["the datapath's flows are not to be had: ovs-appctl: status 1"]);
  });
});
