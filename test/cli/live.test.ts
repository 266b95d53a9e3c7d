/* Servers that are followed while packets come through a pipe. */
import { readFileSync, symlinkSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeOvsdb, OvsdbServer, TempDirectory } from "../southbound/ovsdb.js";
import { genevescope, root, run } from "./run.js";

const capture = readFileSync(`${root}captures/routed-ping/hv2.pcap`);
const directory = new TempDirectory();
const server = new OvsdbServer();

describeOvsdb("a server beside a pipe", () => {
  beforeAll(() => server.start());
  afterAll(async () => {
    await server.stop();
    directory.dispose();
  });

  test("is followed and left: the program ends when the packets do", async () => {
    const result = await genevescope(["decode", "--sb", server.remote], { input: capture });
    expect(result).toMatchObject({ code: 0, stderr: "" });
    expect(result.stdout.split("\n").length).toBeGreaterThan(8);
  });

  test("is left, too, when the output cannot be written", async () => {
    for (const verb of ["decode", "analyze"]) {
      const command = `exec node dist/cli/main.js ${verb} --sb '${server.remote}' > /dev/full`;
      const { code, stderr } = await run("bash", ["-c", command], { input: capture });
      expect(code).toBe(2);
      expect(stderr).toMatch(/^genevescope: .*ENOSPC.*\n$/);
    }
  });

  test("is left when another source cannot be opened", async () => {
    const { code, stderr } = await genevescope(
      ["decode", "--sb", server.remote, "--nb", directory.file("none")],
      { input: capture },
    );
    expect({ code, stderr }).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("there is no such file"),
    });
  });

  test("that is not the southbound, or not there, is said in a line", async () => {
    const none = `unix:${directory.file("none")}`;
    expect(await genevescope(["decode", "--sb", none], { input: capture })).toEqual({
      code: 2,
      signal: null,
      stdout: "",
      stderr: expect.stringMatching(/^genevescope: unix:\S+: there is no such socket; [^\n]+\n$/),
    });
    const unset = await genevescope(["decode", "-c", "1"], { input: capture, env: { OVN_SB_DB: none } });
    expect(unset.code).toBe(0);
    expect(unset.stderr).toMatch(/going on without names\n$/);
  });
});

test("a name that cannot be looked at does not keep the others from being read", async () => {
  const own = new TempDirectory();
  const loop = own.file("loop\u001b[31m");
  symlinkSync(loop, loop);
  const { code, stdout, stderr } = await genevescope([
    "decode",
    loop,
    "captures/routed-ping/hv2.pcap",
    "-c",
    "2",
  ]);
  own.dispose();
  expect(code).toBe(2);
  expect(stdout.trim().split("\n")).toHaveLength(2);
  expect(stderr).not.toContain("\u001b");
});
