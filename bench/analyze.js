/*
 * `genevescope analyze` of a generated capture against `tcpdump -r FILE -w /dev/null 'udp port 6081'`: whole
 * processes, warm cache, in pairs that take turns, so that a machine whose speed drifts bends neither side.
 *
 *   npm run build && node bench/analyze.js [--bytes 1073741824] [--flows 1000] [--pairs 9] [--sb FILE] [--repeat PCAP]
 *
 * The capture is generated (bench/generate.js), or with --repeat the records of a pcap file over and over.
 * Every run's counters are checked against what was generated. Prints medians, the median of the ratios pair
 * by pair, and the peak resident memory of analyze.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { generate, repeat } from "./generate.js";
import { check, line, run } from "./measure.js";

const { values } = parseArgs({
  options: {
    bytes: { type: "string", default: String(2 ** 30) },
    flows: { type: "string", default: "1000" },
    pairs: { type: "string", default: "9" },
    sb: { type: "string" },
    repeat: { type: "string" },
  },
});
const program = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
const memory = new URL("./peak-memory.js", import.meta.url).href;
const directory = mkdtempSync(join(tmpdir(), "genevescope-bench-"));
const file = join(directory, "generated.pcap");

try {
  const bytes = Number(values.bytes);
  const truth =
    values.repeat === undefined
      ? generate(file, { bytes, flows: Number(values.flows) })
      : repeat(file, values.repeat, { bytes });
  const source = values.sb === undefined ? [] : ["--sb", values.sb];

  // The truth, once, from the whole answer.
  const whole = JSON.parse(
    run(process.execPath, [program, "analyze", file, "-o", "json", ...source]).result.stdout,
  );
  for (const [name, wanted] of [
    ["packets", truth.packets],
    ["bytes", truth.bytes],
    ["malformed", 0],
    ["truncated", 0],
    ...(truth.flows === undefined
      ? []
      : [
          ["geneve", truth.packets],
          ["ovn", truth.packets],
          ["flowCount", truth.flows],
        ]),
  ])
    check(name, whole[name], wanted);
  check(
    "packets of all flows",
    whole.flows.reduce((sum, flow) => sum + flow.packets, 0),
    whole.ovn,
  );

  const ours = [];
  const theirs = [];
  const ratios = [];
  const peaks = [];
  const pairs = Number(values.pairs);
  // The first pair warms the cache and is not counted.
  for (let pair = 0; pair <= pairs; pair++) {
    const one = () => {
      const { seconds, result } = run(process.execPath, [program, "analyze", file, ...source]);
      check("packets", result.stdout.includes(`: ${truth.packets.toLocaleString("en")} packets, `), true);
      return seconds;
    };
    // Memory in a run of its own: reporting it takes time.
    const peak = () => {
      const preloaded = ["--import", memory, program, "analyze", file, ...source];
      return (
        Number(run(process.execPath, preloaded, ["ignore", "pipe", "pipe", "pipe"]).result.output[3]) / 1024
      );
    };
    const other = () => run("tcpdump", ["-r", file, "-w", "/dev/null", "udp port 6081"]).seconds;
    const first = pair % 2 === 0;
    const before = first ? one() : other();
    const after = first ? other() : one();
    const mine = first ? before : after;
    const peer = first ? after : before;
    if (pair === 0) continue;
    ours.push(mine);
    theirs.push(peer);
    ratios.push(peer / mine);
    peaks.push(peak());
  }
  process.stdout.write(
    `${truth.packets} packets, ${whole.flowCount} flows, ${Math.round(truth.bytes / truth.packets)} bytes each, ${(truth.fileBytes / 2 ** 20).toFixed(0)} MiB, ${pairs} pairs; node ${process.version}, ${cpus()[0]?.model.trim()}, ${cpus().length} processors\n` +
      line("genevescope analyze", ours, 3, "s") +
      line("tcpdump -w /dev/null 'udp port 6081'", theirs, 3, "s") +
      line("tcpdump / genevescope, by pairs", ratios, 2, "times") +
      line("genevescope's peak memory", peaks, 1, "MiB"),
  );
} finally {
  rmSync(directory, { recursive: true, force: true });
}
