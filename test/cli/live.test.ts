/* Servers that are followed while packets come through a pipe. */
import { spawn } from "node:child_process";
import { readFileSync, symlinkSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeOvsdb, OvsdbServer, TempDirectory } from "../southbound/ovsdb.js";
import { genevescope, program, root, run } from "./run.js";

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

  test("may get what a filter names while packets come", async () => {
    const own = new OvsdbServer();
    await own.start();
    const args = ["decode", "--sb", own.remote, "--sb-time", "latest", "--outport", "late"];
    const child = spawn(process.execPath, [program, ...args], { cwd: root, stdio: "pipe" });
    const output = { stdout: "", stderr: "" };
    for (const stream of ["stdout", "stderr"] as const)
      child[stream].setEncoding("utf8").on("data", (text: string) => {
        output[stream] += text;
      });
    const until = async (holds: () => boolean) => {
      for (let tries = 0; tries < 100 && !holds(); tries++) {
        // The first two packets, again and again: network 2's, then network 1's.
        child.stdin.write(capture.subarray(24, 24 + 2 * (16 + 156)));
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      expect(holds(), JSON.stringify(output)).toBe(true);
    };
    child.stdin.write(capture.subarray(0, 24));
    await until(() => output.stderr.includes("\n"));
    expect(output).toEqual({
      stdout: "",
      stderr: `genevescope: --outport "late": ${own.remote} has had no port or multicast group of that name; going on, in case there comes one\n`,
    });
    const network = ["named-uuid", "network"];
    const row = { tunnel_key: 2, external_ids: ["map", [["name", "ls2"]]] };
    const fault = own.transact([
      { op: "insert", table: "Datapath_Binding", "uuid-name": "network", row },
      {
        op: "insert",
        table: "Port_Binding",
        row: { datapath: network, tunnel_key: 1, logical_port: "late" },
      },
    ]);
    expect(fault).toBe(null);
    await until(() => output.stdout.includes("\n"));
    child.stdin.end();
    expect(await new Promise((resolve) => child.on("close", resolve))).toBe(0);
    const lines = output.stdout.trimEnd().split("\n");
    for (const line of lines) expect(line).toContain("ls2: ? -> late [vni 2 in 2 out 1]");
    await own.stop();
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
