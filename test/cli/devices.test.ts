/* The verbs `devices` and `doctor`; iproute2 knows the devices, too. */
import { chmodSync, cpSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeLive, Wire } from "../native/wire.js";
import { genevescope, program, root, run } from "./run.js";

interface Link {
  ifname: string;
  flags: string[];
  addr_info: { local: string; scope: string }[];
}

const WITHOUT = ["setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw"];

describeLive("devices and doctor", () => {
  let wire: Wire;
  /** A copy of the package that was installed without the addon. */
  let bare: string;
  beforeAll(() => {
    wire = new Wire(2);
    wire.ip("addr", "add", "192.0.2.7/24", "dev", "rx0");
    wire.ip("addr", "add", "198.51.100.7/24", "dev", "rx0");
    wire.ip("-6", "addr", "add", "2001:db8::7/64", "dev", "lo");
    wire.ip("link", "set", "rx1", "down");
    bare = wire.file("bare");
    mkdirSync(bare);
    for (const part of ["dist", "native", "binding.gyp", "package.json"])
      cpSync(join(root, part), join(bare, part), { recursive: true });
    symlinkSync(join(root, "node_modules"), join(bare, "node_modules"));
  });
  afterAll(() => wire?.down());

  test("devices are those of iproute2", async () => {
    const links = JSON.parse(wire.run("ip", "-j", "addr")) as Link[];
    const told = wire.run(process.execPath, program, "devices", "-o", "json").trimEnd().split("\n");
    const devices = told.map((line) => JSON.parse(line)).sort((a, b) => (a.name < b.name ? -1 : 1));
    const expected = links.map(({ ifname, flags, addr_info }) => ({
      name: ifname,
      up: flags.includes("UP"),
      loopback: flags.includes("LOOPBACK"),
      addresses: addr_info.map(({ local }) => local),
    }));
    expected.push({ name: "any", up: true, loopback: false, addresses: [] });
    expect(devices.map(({ running: _, ...device }) => device)).toEqual(
      expected.sort((a, b) => (a.name < b.name ? -1 : 1)),
    );
    const text = wire.run(process.execPath, program, "devices");
    expect(text).toMatch(/^ {2}device {2}state +addresses\n/);
    expect(text).toContain("  rx0     up           192.0.2.7, 198.51.100.7\n");
    expect(text).toContain("  rx1     down\n");
    expect(text).toContain("  tx1     up, no link\n");
  });

  test("who may not capture is told so", async () => {
    const [setpriv, ...rest] = [...WITHOUT, process.execPath, program];
    const devices = await run(setpriv, [...rest, "devices"]);
    expect(devices).toMatchObject({
      code: 0,
      stderr: "genevescope: none of them is permitted to capture from; it takes root or CAP_NET_RAW\n",
    });
    expect(devices.stdout).toContain("  lo ");
    const { code, stdout } = await run(setpriv, [...rest, "doctor", "-o", "json"]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout).parts.at(-1)).toEqual({
      part: "live capture",
      state: "forbidden",
      detail: expect.stringMatching(/^by libpcap version \d.*, but not permitted$/),
      remedy: "root or CAP_NET_RAW",
    });
  });

  test("doctor finds nothing amiss", async () => {
    const { code, stdout, stderr } = await genevescope(["doctor"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(
      /^# genevescope \S+, Node v\S+, linux \w+\nok {9}zstd: .*\n(?:ok {9}|unused {5})capture in Wireshark: .*\n(?: {11}.*\n)?.* live --backend cap: .*\n(?: {11}.*\n)?ok {9}live capture: by libpcap version .*\n$/,
    );
  });

  test("doctor knows whether Wireshark finds it", async () => {
    const home = wire.file("home");
    const config = join(home, "configured");
    const main = join(bare, "dist/cli/main.js");
    const found = async (): Promise<Record<string, unknown>> => {
      const env = { HOME: home, XDG_CONFIG_HOME: config };
      const { stdout } = await run(process.execPath, [main, "doctor", "-o", "json"], { env });
      return JSON.parse(stdout).parts.find(({ part }: { part: string }) => part === "capture in Wireshark");
    };
    const none = { state: "unused", detail: "Wireshark does not find genevescope" };
    expect(await found()).toMatchObject(none);
    // As npm leaves it.
    expect((await found()).remedy).toMatch(/^chmod \+x /);
    chmodSync(main, 0o755);
    const { remedy } = await found();
    expect(remedy).toMatch(/^mkdir -p /);
    const places = [".local/lib/wireshark/extcap", "configured/wireshark/extcap"].map((at) => join(home, at));
    for (const place of places) {
      const path = join(place, "any name");
      const isFound = { state: "ok", detail: `by ${path}`, remedy: null };
      mkdirSync(dirname(path), { recursive: true });
      symlinkSync(main, path);
      expect(await found()).toMatchObject(isFound);
      rmSync(path);
      symlinkSync(join(home, "nowhere"), path);
      expect(await found()).toMatchObject(none);
      rmSync(path);
      writeFileSync(path, `#!/bin/sh\nexec "${process.execPath}" /opt/genevescope/main.js "$@"\n`);
      expect(await found()).toMatchObject(none);
      chmodSync(path, 0o755);
      expect(await found()).toMatchObject(isFound);
      writeFileSync(path, "#!/bin/sh\nexec another\n");
      expect(await found()).toMatchObject(none);
    }
    // Where the remedy is followed, it helps.
    rmSync(places[0], { recursive: true });
    await run("sh", ["-c", `${remedy}`.replace(/ \(.*/, "")], { env: { HOME: home } });
    expect(await found()).toMatchObject({ state: "ok", detail: `by ${places[0]}/genevescope` });
  });

  test("without the addon doctor says what to install, and devices fails", async () => {
    const main = join(bare, "dist/cli/main.js");
    const say = (path: string, ...args: string[]) =>
      run(process.execPath, [main, ...args], { env: { PATH: path } });
    const what = "the addon that captures is not built";
    const build = `node ${join(bare, "native/install.js")}`;
    const all = await say("/usr/bin:/bin", "doctor");
    expect(all).toMatchObject({ code: 0, stderr: "" });
    expect(all.stdout).toContain(`missing    live capture: ${what}\n           ${build}\n`);
    const none = await say("/nowhere", "doctor", "-o", "json");
    expect(JSON.parse(none.stdout).parts.at(-1)).toEqual({
      part: "live capture",
      state: "missing",
      detail: what,
      remedy: expect.stringMatching(new RegExp(`^\\w.* install .*make.*, then ${build}$`)),
    });
    expect(await say("/usr/bin:/bin", "devices")).toMatchObject({
      code: 2,
      stdout: "",
      stderr: `genevescope: ${what}; ${build}\n`,
    });
    expect(await say("/usr/bin:/bin", "analyze", "captures/routed-ping/hv2.pcap")).toMatchObject({ code: 0 });
  });

  test("an addon that does not load is a reason", async () => {
    mkdirSync(join(bare, "build/Release"), { recursive: true });
    writeFileSync(join(bare, "build/Release/genevescope.node"), "no library");
    const { code, stderr } = await run(process.execPath, [join(bare, "dist/cli/main.js"), "devices"]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^genevescope: .*genevescope\.node: .*; node \/.*\/native\/install\.js\n$/);
  });

  test("installing succeeds without a compiler, in one line", async () => {
    const { code, stdout, stderr } = await run(process.execPath, [join(bare, "native/install.js")], {
      env: { PATH: "/nowhere" },
    });
    expect({ code, stdout, stderr }).toEqual({
      code: 0,
      stdout: "",
      stderr: `genevescope: live capture is left out, all else works; \`genevescope doctor\` says what it takes, ${bare}/build/install.log why\n`,
    });
  });
});
