/*
 * `genevescope convert` beside editcap and mergecap: whole processes that read and write files, warm cache, in rounds
 * in which each runs once, in turns forwards and backwards. What both wrote is compared before it is measured: the
 * same packets, byte for byte, at the same times.
 *
 *   npm run build && node bench/convert.js [--pairs 7] [--bytes 268435456] [--dir DIRECTORY] [--results DIRECTORY]
 *
 * Writes convert.md into bench/results. --dir: where inputs are kept and outputs written; without it in a temporary
 * directory, where four times --bytes are wanted.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, release, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { generateInput } from "./generate.js";
import { check, median, run } from "./measure.js";

const { values } = parseArgs({
  options: {
    pairs: { type: "string", default: "7" },
    bytes: { type: "string", default: `${2 ** 28}` },
    dir: { type: "string" },
    results: { type: "string", default: fileURLToPath(new URL("results", import.meta.url)) },
  },
});
const pairs = Number(values.pairs);
const bytes = Number(values.bytes);
const scratch = mkdtempSync(join(tmpdir(), "genevescope-convert-"));
const directory = values.dir ?? scratch;
mkdirSync(directory, { recursive: true });
const program = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));

const input = (name) => generateInput(directory, name, { bytes, as: `convert-${name}` }).capture;
const genevescope = (...args) => [process.execPath, program, "convert", ...args];

/** Rows of the table: the work, ours, and the other program's closest equivalent, as commands without the output. */
const small = input("small");
const pcapng = input("pcapng");
const imix = input("imix");
const vlan = input("vlan");
const WORKS = [
  ["pcap to pcapng, packets of 156 bytes", "pcapng", genevescope(small), ["editcap", "-F", "pcapng", small]],
  ["pcapng to pcap", "pcap", genevescope(pcapng), ["editcap", "-F", "nsecpcap", pcapng]],
  ["pcap to pcap", "pcap", genevescope(small), ["editcap", "-F", "nsecpcap", small]],
  ["pcap to pcapng, mixed sizes", "pcapng", genevescope(imix), ["editcap", "-F", "pcapng", imix]],
  // Of packets of the same time mergecap takes those of the last file first.
  ["two merged by time", "pcap", genevescope(vlan, imix), ["mergecap", "-F", "nsecpcap", imix, vlan, "-w"]],
];

/** Runs a command that ends with the file it writes, and returns how long it took. */
function timed(command, output) {
  rmSync(output, { force: true });
  return run(command[0], [...command.slice(1), output]).seconds;
}

/** A checksum of all packets with their times and lengths: of the records of a pcap, behind its header. */
function content(path) {
  const shell = 'editcap -F nsecpcap "$0" - | tail -c +25 | sha256sum';
  return spawnSync("sh", ["-c", shell, path], { encoding: "utf8" }).stdout;
}

const rows = [];
for (const [title, extension, ours, theirs] of WORKS) {
  const outputs = [ours, theirs].map((_, index) => join(scratch, `${index}.${extension}`));
  const commands = [ours, theirs];
  for (const [index, command] of commands.entries()) timed(command, outputs[index]);
  check(title, content(outputs[0]), content(outputs[1]));
  const seconds = [[], []];
  for (let round = 0; round < pairs; round++)
    for (const index of round % 2 === 0 ? [0, 1] : [1, 0])
      seconds[index].push(timed(commands[index], outputs[index]));
  const times = median(seconds[0].map((each, round) => each / seconds[1][round]));
  const shown = seconds.map(
    (list) =>
      `${median(list).toFixed(2)} s (${Math.min(...list).toFixed(2)} to ${Math.max(...list).toFixed(2)})`,
  );
  rows.push(`| ${title} | ${shown[0]} | ${theirs[0]} ${shown[1]} | ${times.toFixed(2)} |`);
  process.stderr.write(`${rows.at(-1)}\n`);
  for (const output of outputs) rmSync(output, { force: true });
}

const version = spawnSync("editcap", ["--version"], { encoding: "utf8" }).stdout.split(" (Git")[0];
const machine = `${cpus()[0].model.trim()}, ${cpus().length} processors, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}`;
writeFileSync(
  join(values.results, "convert.md"),
  `# genevescope convert compared

${machine}; Node ${process.versions.node}; ${version}; ${new Date().toISOString().slice(0, 10)}. \`node bench/convert.js\` repeats it.

Whole processes from file to file, ${Math.round(bytes / 2 ** 20)} MiB each, warm cache: medians of ${pairs} rounds, in brackets the least and the most. \`times\` is the median of the ratios round by round, ours to theirs. Both wrote the same packets.

| work | genevescope convert | | times |
|---|---|---|---|
${rows.join("\n")}
`,
);
rmSync(scratch, { recursive: true, force: true });
