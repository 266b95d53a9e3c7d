/* `live --backend cap`, judged by `decode` of the same packets; and what is said where cap is not there. */
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { collect } from "../capture/helper.js";
import { describeCap, Wire } from "../native/wire.js";
import { eventually } from "../southbound/cluster.js";
import { TempDirectory } from "../southbound/ovsdb.js";
import { beginLive, ours } from "./live-verb.js";
import { genevescope, root, run } from "./run.js";

const CAPTURE = "captures/routed-ping/hv2.pcap";
const NAMED = ["--sb", "captures/routed-ping/sb.db"];
const UNKNOWN = "an unknown number dropped by the kernel, an unknown number by the device";

/** Lines without their times. */
const timeless = (text: string): string[] => text.split("\n").map((line) => line.replace(/^\S+ /, ""));

describeCap("live --backend cap", () => {
  let wire: Wire;
  beforeAll(() => {
    wire = new Wire();
  });
  afterAll(() => wire?.down());

  const begin = (...args: string[]) => beginLive(wire, {}, "-i", "rx0", "--backend", "cap", ...args);

  test("prints the lines of decode, the last ones, too, where Control-C is for all its processes", async () => {
    const prefix = ["setsid"];
    const live = await beginLive(wire, { prefix }, "-i", "rx0", "--backend", "cap", ...NAMED);
    const sent = wire.send(CAPTURE, { perSecond: 1000 });
    process.kill(-Number(live.child.pid), "SIGINT");
    const { status, out, err } = await live.end();
    expect(timeless(out)).toEqual(timeless(ours("decode", ...NAMED, CAPTURE)));
    expect(status).toBe(0);
    expect(err).toBe(`genevescope: listening on rx0; Control-C ends it
genevescope: rx0: ${sent} packets received by the filter, ${UNKNOWN}
`);
  });

  test("a device that goes down is waited for; a capture says nothing of drops", async () => {
    const file = wire.file("cap.pcapng");
    const live = await begin("-n", "-w", file);
    wire.ip("link", "set", "rx0", "down");
    await eventually("the gap", () => live.said.err.includes("; waiting for it\n"));
    wire.ip("link", "set", "rx0", "up");
    await eventually("its end", () => live.said.err.includes("rx0: back;"));
    const sent = wire.send(CAPTURE, { perSecond: 1000 });
    const { status, err } = await live.end("SIGTERM");
    expect(status).toBe(0);
    expect(err).toMatch(/^genevescope: rx0: down since \S+Z; waiting for it$/m);
    expect(err).toContain(`genevescope: ${sent} packets written to ${file}\n`);
    const { packets, interfaces } = await collect(file);
    expect(interfaces).toMatchObject([{ name: "rx0", linkType: 1, snapLength: 65_535 }]);
    expect(packets.map(({ data }) => data)).toEqual((await collect(CAPTURE)).packets.map(({ data }) => data));
    // A statistics block as long as with one count.
    expect((await run("tail", ["-c", "4", file])).stdout).toBe("(\0\0\0");
  });

  test("a name that is not a device's, and a filter that is none, are said in a line", async () => {
    const absent = await beginLive(wire, {}, "-i", "nowhere0", "--backend", "cap");
    expect(await absent.end()).toMatchObject({
      status: 2,
      err: "genevescope: nowhere0: there is no such device; `ip link` lists them\n",
    });
    expect((await (await begin("--bpf", "udp prot")).end()).err).toMatch(
      /^genevescope: rx0: the filter is not one of pcap-filter\(7\): .*\n$/,
    );
  });

  test("doctor knows that it is there", async () => {
    expect((await genevescope(["doctor"])).stdout).toMatch(/^ok {9}live --backend cap: by the package cap$/m);
  });
});

test("flags that --backend cap has no use for are refused, and backends that there are not", async () => {
  expect(await genevescope(["live", "-i", "lo", "--backend", "cap", "-Z", "nobody"])).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/^genevescope: -Z is not for --backend cap, [^\n]*\n$/),
  });
  expect(await genevescope(["live", "-i", "lo", "--backend", "pcap"])).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/^genevescope: option '--backend <name>' [^\n]*native, cap[^\n]*\n$/),
  });
});

test("without the package cap, or with one that does not load, it says what to do", async () => {
  const directory = new TempDirectory();
  try {
    const bare = directory.file("bare");
    mkdirSync(join(bare, "node_modules"), { recursive: true });
    for (const part of ["dist", "binding.gyp", "package.json"])
      cpSync(join(root, part), join(bare, part), { recursive: true });
    symlinkSync(join(root, "node_modules/node-gyp-build"), join(bare, "node_modules/node-gyp-build"));
    const say = (...args: string[]) => run(process.execPath, [join(bare, "dist/cli/main.js"), ...args]);
    const live = ["live", "-i", "lo", "--backend", "cap"];
    const absent = "the package cap is not installed";
    // With tools that are not here ahead of it.
    expect((await say("doctor")).stdout).toMatch(
      new RegExp(`^missing    live --backend cap: ${absent}\n           .*npm install cap$`, "m"),
    );
    expect(await say(...live)).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(
        new RegExp(`^genevescope: lo: no live capture: ${absent}; .*npm install cap\n$`),
      ),
    });
    mkdirSync(join(bare, "node_modules/cap"));
    writeFileSync(join(bare, "node_modules/cap/index.js"), 'require("./build/cap\\u001b.node");');
    expect(await say(...live)).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(
        /^genevescope: lo: no live capture: the package cap does not load: Cannot find module '.\/build\/cap\\x1b\.node'; .*npm rebuild cap\n$/,
      ),
    });
  } finally {
    directory.dispose();
  }
});
