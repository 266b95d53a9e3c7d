/* The programs that genevescope is compared with: built where they are ours, found where they are installed. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const source = (name) => fileURLToPath(new URL(name, import.meta.url));
const C_FLAGS = ["-O2", "-march=native"];
/** Where Debian's golang packages are. */
const GO_PATH = "/usr/share/gocode";

/** genevescope itself, as `npm run build` makes it. */
export const GENEVESCOPE = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

/** The first line that a command writes, on either stream, or null where it cannot be run. */
function firstLine(command, ...args) {
  const { error, stdout, stderr } = spawnSync(command, args, { encoding: "utf8" });
  if (error) return null;
  return (stdout.trim() || stderr.trim()).split("\n")[0];
}

/** Builds a program with its compiler; null where that does not work. */
function build(command, args, env = {}) {
  const { status } = spawnSync(command, args, { stdio: "ignore", env: { ...process.env, ...env } });
  return status === 0;
}

/**
 * Builds the C programs into a directory; returns their paths by name, null for what needs libpcap where that is not
 * installed. Without a C compiler it throws.
 */
export function buildReaders(directory) {
  const compile = (name, out, ...libraries) =>
    build("cc", [...C_FLAGS, "-o", join(directory, out), source(name), ...libraries])
      ? join(directory, out)
      : null;
  const timed = compile("timed.c", "timed");
  const reader = compile("reader.c", "reader");
  if (timed === null || reader === null)
    throw new Error("a C compiler is needed: cc with the headers of libc (Debian: gcc, libc6-dev)");
  return { timed, reader, libpcap: compile("libpcap.c", "libpcap-reader", "-lpcap") };
}

/** As buildReaders, and looks for everybody else. Returns `paths` by name, null for what is not installed, `versions`. */
export function prepareTools(directory) {
  const go = join(directory, "gopacket-reader");
  const installed = (command, ...version) => (firstLine(command, ...version) === null ? null : command);
  const paths = {
    ...buildReaders(directory),
    gopacket: build("go", ["build", "-o", go, source("gopacket.go")], { GO111MODULE: "off", GOPATH: GO_PATH })
      ? go
      : null,
    tcpdump: installed("tcpdump", "--version"),
    tshark: installed("tshark", "--version"),
    capinfos: installed("capinfos", "--version"),
  };
  const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  const versions = {
    genevescope: version,
    node: process.version,
    cc: `${firstLine("cc", "--version")}, ${C_FLAGS.join(" ")}`,
    tcpdump: paths.tcpdump && firstLine("tcpdump", "--version"),
    libpcap: paths.libpcap && libpcapVersion(),
    tshark: paths.tshark && firstLine("tshark", "--version"),
    capinfos: paths.capinfos && firstLine("capinfos", "--version"),
    gopacket: paths.gopacket && firstLine("go", "version"),
  };
  return { paths, versions };
}

/** tcpdump says it in its second line. */
function libpcapVersion() {
  const { stdout, stderr } = spawnSync("tcpdump", ["--version"], { encoding: "utf8" });
  return /libpcap version \S+/.exec(`${stdout}${stderr}`)?.[0] ?? "unknown version";
}

/**
 * Runs a command through timed.c, its standard output into the file `output`. Returns what it took: `seconds`,
 * `cpuSeconds`, `peakMiB`. Throws where it fails.
 */
export function timed(tools, argv, { output = "/dev/null", env = {} } = {}) {
  const result = spawnSync(tools.timed, [output, ...argv], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...env },
  });
  if (result.error) throw result.error;
  if (result.status !== 0)
    throw new Error(`${argv.join(" ")}: ended with ${result.status}: ${result.stderr.trim()}`);
  const { seconds, cpuSeconds, peakKiB } = JSON.parse(result.stdout);
  return { seconds, cpuSeconds, peakMiB: peakKiB / 1024 };
}
