/* What is installed: the package with a prebuilt addon, without one, and without libpcap. */
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { root, run } from "../cli/run.js";
import { describeLive } from "./wire.js";

const LIBC = existsSync("/etc/alpine-release") ? "musl" : "glibc";
const PREBUILT = `prebuilds/linux-${process.arch}/genevescope.${LIBC}.node`;
/** A PATH with everything that builds, and one with nothing. */
const ALL = `${dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin`;
const NONE = "/nowhere";

describeLive("the package", () => {
  const directory = mkdtempSync(join(tmpdir(), "genevescope-package-"));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  /** As npm unpacks it, with its dependencies. */
  const unpacked = join(directory, "package");
  let listed: string[];

  beforeAll(() => {
    const checkout = join(directory, "checkout");
    mkdirSync(checkout);
    for (const part of ["dist", "native", "binding.gyp", "package.json", ".gitignore"])
      cpSync(join(root, part), join(checkout, part), { recursive: true });
    symlinkSync(join(root, "node_modules"), join(checkout, "node_modules"));
    // Headers that came with this Node need not be fetched.
    const prefix = dirname(dirname(process.execPath));
    const hasHeaders = existsSync(join(prefix, "include/node/node_api.h"));
    const env = { ...process.env, TMPDIR: directory, ...(hasHeaders && { npm_config_nodedir: prefix }) };
    const options = { cwd: checkout, env, encoding: "utf8", stdio: "pipe" } as const;
    execFileSync("npm", ["run", "prebuilds"], options);
    const [packed] = JSON.parse(execFileSync("npm", ["pack", "--ignore-scripts", "--json"], options));
    listed = packed.files.map(({ path }: { path: string }) => path);
    execFileSync("tar", ["-xf", join(checkout, packed.filename), "-C", directory]);
    symlinkSync(join(root, "node_modules"), join(unpacked, "node_modules"));
  }, 120_000);

  const main = join(unpacked, "dist/cli/main.js");
  const verb = (path: string, ...args: string[]) =>
    run(process.execPath, [main, ...args], { env: { PATH: path } });
  const install = (at: string, path: string) =>
    run(process.execPath, [join(at, "native/install.js")], { env: { PATH: path } });
  const live = async (path: string) =>
    JSON.parse((await verb(path, "doctor", "-o", "json")).stdout).parts.at(-1);

  test("with a prebuilt addon nothing is built", async () => {
    expect(listed.filter((path) => path.endsWith(".node"))).toEqual([PREBUILT]);
    expect(await install(unpacked, NONE)).toMatchObject({ code: 0, stdout: "", stderr: "" });
    expect(existsSync(join(unpacked, "build"))).toBe(false);
    const { code, stdout } = await verb(NONE, "devices");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^ {2}lo +up/m);
  });

  /** Runs a command where the directory of libpcap has all it has but libpcap. */
  const withoutLibpcap = (env: Record<string, string>, ...command: string[]) => {
    const hidden = join(directory, "hidden");
    const farm = join(directory, "farm");
    const script = `
      set -e
      libraries=$(dirname "$(ldconfig -p | sed -n 's/.*libpcap\\.so\\.[0-9.]* .*=> //p' | head -1)")
      libraries=$(readlink -f "$libraries")
      mkdir -p ${hidden} ${farm}
      mount --bind "$libraries" ${hidden}
      for each in ${hidden}/*; do
        case $each in */libpcap.*) ;; *) ln -sfn "$each" ${farm}/;; esac
      done
      mount --bind ${farm} "$libraries"
      exec "$@"`;
    return run("unshare", ["-m", "sh", "-c", script, "sh", ...command], {
      env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", ...env },
    });
  };

  test("without libpcap doctor says so, and what to install", async () => {
    const { stdout, stderr } = await withoutLibpcap({}, process.execPath, main, "doctor", "-o", "json");
    expect(stderr).toBe("");
    expect(JSON.parse(stdout).parts.at(-1)).toEqual({
      part: "live capture",
      state: "missing",
      detail: expect.stringMatching(/^libpcap does not load: .*libpcap\.so\.1.*No such file or directory/),
      remedy: expect.stringMatching(/ libpcap(0\.8|1)?$/),
    });
  });

  test("libpcap may have the name that others than Debian give it", async () => {
    const other = join(directory, "other");
    mkdirSync(other);
    const doctor = `ln -s ${join(directory, "hidden")}/libpcap.so.*.*.* ${other}/libpcap.so.1 && exec "$@"`;
    const { stdout } = await withoutLibpcap(
      { LD_LIBRARY_PATH: other },
      ...["sh", "-c", doctor, "sh", process.execPath, main, "doctor", "-o", "json"],
    );
    expect(JSON.parse(stdout).parts.at(-1)).toMatchObject({
      detail: expect.stringMatching(/^by libpcap version /),
    });
  });

  test("where scripts of packages do not run, what doctor says to do works", async () => {
    rmSync(join(unpacked, "prebuilds"), { recursive: true });
    const { state, remedy } = await live(ALL);
    expect(state).toBe("missing");
    expect(remedy).toBe(`node ${join(unpacked, "native/install.js")}`);
    // By hand: npm, which may have begun this test, would say where its node-gyp is.
    const built = await run("env", ["-u", "npm_config_node_gyp", "sh", "-c", remedy], { env: { PATH: ALL } });
    expect(built).toMatchObject({ code: 0, stdout: "", stderr: "" });
    expect((await live(NONE)).state).toBe("ok");
  });

  test("an addon that is there is left alone where nothing could build it", async () => {
    expect(await install(unpacked, NONE)).toMatchObject({ code: 0, stdout: "", stderr: "" });
    expect((await live(NONE)).state).toBe("ok");
  });

  test("who may not write there is told so, in one line", async () => {
    chmodSync(directory, 0o755);
    rmSync(join(unpacked, "build"), { recursive: true });
    const nobody = ["--reuid=65534", "--regid=65534", "--clear-groups"];
    const { code, stderr } = await run(
      "setpriv",
      [...nobody, process.execPath, join(unpacked, "native/install.js")],
      { env: { PATH: ALL, HOME: directory } },
    );
    expect(code).toBe(0);
    expect(stderr).toMatch(/^genevescope: live capture is left out, .* EACCES: permission denied, .* why\n$/);
    expect(await install(unpacked, ALL)).toMatchObject({ code: 0, stderr: "" });
  });

  test("an addon that is older than its sources is built again in a checkout, and nowhere else", async () => {
    const source = join(unpacked, "native/listing.cc");
    writeFileSync(source, "#error not C++\n");
    expect(await install(unpacked, ALL)).toMatchObject({ code: 0, stderr: "" });
    mkdirSync(join(unpacked, "src"));
    const { code, stderr } = await install(unpacked, ALL);
    expect(code).toBe(0);
    expect(stderr).toMatch(/^genevescope: live capture is left out, .*\n$/);
    expect((await live(ALL)).state).toBe("missing");
  });
});
