/*
 * What `live` costs beside tcpdump: packets lost and processor time a packet at several rates, how late the event
 * loop is, and whether memory grows.
 *
 *   npm run build && node bench/live.js [--rates 10000,100000,300000,650000] [--rounds 5] [--seconds 10]
 *     [--ring 8192] [--input few] [--only rates,lag,memory] [--packets 36000000] [--out bench/results/live.md]
 *
 * Wants root, a C compiler and tcpdump. Frames of generated traffic go over a wire between two devices in a network
 * namespace; at each rate the programs take turns, forwards and backwards, alone on the wire, with the same filter
 * and ring. A run begins with frames that are not measured, so that no start and no compiling is; then the
 * processor time of all threads of the process is read before and after the frames that are.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, release, tmpdir, type } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { generateInput } from "./generate.js";
import { LiveWire, processorTime, resident } from "./live-wire.js";
import { check, median, run } from "./measure.js";

const option = (value) => ({ type: "string", default: String(value) });
const { values } = parseArgs({
  options: {
    rates: option("10000,100000,300000,650000"),
    rounds: option(5),
    seconds: option(10),
    ring: option(8192),
    input: option("few"),
    only: option("rates,lag,memory"),
    packets: option(36_000_000),
    out: { type: "string" },
  },
});
const [rounds, seconds, hour] = [values.rounds, values.seconds, values.packets].map(Number);
const rates = values.rates.split(",").map(Number);
/** Frames that are sent again and again, no more than the sender holds. */
const FRAMES = 60_000;
/** Many packets, so that what V8 compiles is compiled, whatever the rate. */
const WARM_SECONDS = 8;
const WARM_RATE = 300_000;
/** Longer than any of the programs lets packets lie. */
const SETTLED_MS = 1300;
/** Frames a second at which an hour's packets are sent, and how often memory is looked at meanwhile. */
const MEMORY_RATE = 300_000;
const LOOK_MS = 1000;

/** What `live` asks the kernel for, so that tcpdump is asked for the same. */
const TUNNELS = "udp dst port 6081 or (ip[6:2] & 0x1fff != 0) or (ip6 proto 44)";
const FILTER = `${TUNNELS} or (vlan and (${TUNNELS}))`;

const directory = mkdtempSync(join(tmpdir(), "genevescope-bench-"));
const input = generateInput(directory, values.input, { packets: FRAMES, bytes: 2 ** 25 });
const { packets: frames, flowCount } = input.truth;
const program = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
const lagHook = new URL("./live-lag.js", import.meta.url).href;

/** `live`, which sums up, and prints the sums once, at the end. */
const live = (names, ...node) => [
  ...[process.execPath, ...node, program, "live", "-i", "rx0", "-B", values.ring, "--bpf", FILTER],
  ...["--summary", "1h", ...names],
];
const tcpdump = ["tcpdump", "-Z", "root", "-i", "rx0", "-B", values.ring, "-w", "/dev/null", FILTER];
const NAMELESS = ["-n"];
const NAMED = ["--sb", input.southbound];
const PROGRAMS = {
  tcpdump,
  "live -n --summary": live(NAMELESS),
  "live --sb --summary": live(NAMED),
};

const wire = new LiveWire(directory);

/** Ends a capture; the packets it received and dropped, and of ours that those received are those summed up. */
async function end(capture) {
  capture.child.kill("SIGINT");
  await capture.ended;
  const counted = (pattern) => Number((pattern.exec(capture.err)?.[1] ?? "NaN").replaceAll(",", ""));
  const received = counted(/([\d,]+) packets received by (?:the )?filter/);
  const dropped = counted(/([\d,]+) (?:packets )?dropped by (?:the )?kernel/);
  const sums = [...capture.out.matchAll(/^rx0: ([\d,]+) packet/gm)];
  const summed = sums.reduce((sum, [, packets]) => sum + Number(packets.replaceAll(",", "")), 0);
  if (sums.length > 0) check("packets summed up", summed, received - dropped);
  return { received, dropped };
}

/** One run at a rate: processor time a packet in nanoseconds, and packets lost. */
async function measure(command, rate) {
  const capture = await wire.capture(command);
  const warm = await wire.send(input.capture, frames, WARM_RATE * WARM_SECONDS, WARM_RATE);
  await sleep(SETTLED_MS);
  const before = processorTime(capture.pid);
  const { sent, seconds: took } = await wire.send(input.capture, frames, rate * seconds, rate);
  await sleep(SETTLED_MS);
  const cpu = processorTime(capture.pid) - before;
  const { received, dropped } = await end(capture);
  check("packets received", received, sent + warm.sent);
  return { cpu: cpu / sent, dropped, sent: sent + warm.sent, rate: sent / took };
}

async function measureRates() {
  const rows = [];
  for (const rate of rates) {
    const results = Object.keys(PROGRAMS).map(() => []);
    for (let round = 0; round < rounds; round++)
      for (const each of round % 2 === 0 ? results.keys() : [...results.keys()].reverse())
        results[each].push(await measure(Object.values(PROGRAMS)[each], rate));
    for (const [each, name] of Object.keys(PROGRAMS).entries()) {
      const list = results[each];
      const of = (key) => list.map((result) => result[key]);
      const total = (key) => of(key).reduce((sum, value) => sum + value, 0);
      const cpu = of("cpu");
      const times = median(list.map((result, round) => result.cpu / results[0][round].cpu));
      const row = [
        `${Math.round(median(of("rate")) / 1000)} thousand`,
        name,
        `${((total("dropped") / total("sent")) * 100).toFixed(3)} %`,
        `${median(cpu).toFixed(0)} ns (${Math.min(...cpu).toFixed(0)} to ${Math.max(...cpu).toFixed(0)})`,
        times.toFixed(2),
      ];
      process.stdout.write(`${row.join("  ")}\n`);
      rows.push(row);
    }
  }
  return [
    "## Loss and processor time",
    "",
    "| packets/s | program | lost | processor time a packet | times tcpdump |",
    "|---|---|---|---|---|",
    ...rows.map((row) => `| ${row.join(" | ")} |`),
  ];
}

async function measureLag() {
  const rows = [];
  for (const rate of [...rates, 0]) {
    const capture = await wire.capture(live(NAMED, "--import", lagHook));
    const { sent, seconds: took } = await wire.send(
      input.capture,
      frames,
      (rate || rates.at(-1)) * seconds,
      rate,
    );
    await sleep(SETTLED_MS);
    const { dropped } = await end(capture);
    const { p99, max } = JSON.parse(/^lag (.*)$/m.exec(capture.err)[1]);
    const row = [
      `${Math.round(sent / took / 1000)} thousand`,
      `${p99.toFixed(1)} ms`,
      `${max.toFixed(1)} ms`,
      `${((dropped / sent) * 100).toFixed(3)} %`,
    ];
    process.stdout.write(`${row.join("  ")}\n`);
    rows.push(row);
  }
  return [
    "## How late the event loop is",
    "",
    "`live --sb --summary`, from its start on, with all that V8 compiles; the last line is all the sender can.",
    "",
    "| packets/s | 99 % within | most | lost |",
    "|---|---|---|---|",
    ...rows.map((row) => `| ${row.join(" | ")} |`),
  ];
}

async function measureMemory() {
  const capture = await wire.capture(live(NAMED));
  const looks = [];
  const timer = setInterval(() => looks.push(resident(capture.pid)), LOOK_MS);
  const { sent, seconds: took } = await wire.send(input.capture, frames, hour, MEMORY_RATE);
  clearInterval(timer);
  await end(capture);
  const tenth = Math.ceil(looks.length / 10);
  const part = (from) => looks.slice(from, from + tenth);
  const row = [
    median(part(tenth)),
    median(part(Math.floor(looks.length / 2))),
    median(looks.slice(-tenth)),
    Math.max(...looks),
  ].map((value) => `${value.toFixed(0)} MiB`);
  process.stdout.write(`${row.join("  ")}\n`);
  return [
    "## Memory",
    "",
    `${sent.toLocaleString("en")} packets, an hour's at ${Math.round(sent / 3600).toLocaleString("en")} a second, sent in ${took.toFixed(0)} s to \`live --sb --summary\`: medians of what was resident in a tenth of the time each.`,
    "",
    "| second tenth | middle | end | most |",
    "|---|---|---|---|",
    `| ${row.join(" | ")} |`,
  ];
}

const PARTS = { rates: measureRates, lag: measureLag, memory: measureMemory };

try {
  const version = run("tcpdump", ["--version"]).result;
  const machine = `${cpus()[0].model.trim()}, ${cpus().length} processors, ${type()} ${release()}`;
  const text = [
    "# live beside tcpdump",
    "",
    `${machine}; Node ${process.version.slice(1)}; ${`${version.stdout}`.trim().split("\n").slice(0, 2).join(", ")}; ${new Date().toISOString().slice(0, 10)}. \`node bench/live.js\` repeats it.`,
    "",
    `A veth pair in a network namespace; ${flowCount.toLocaleString("en")} flows (\`${values.input}\` of bench/generate.js, ${Math.round(input.truth.bytes / frames)} bytes a packet); the filter of \`live\` and a ring of ${values.ring} KiB for each program. Medians of ${rounds} rounds of ${seconds} s, the programs in turns, alone on the wire; in brackets the least and the most; \`times\` is the median of the ratios round by round. Processor time is that of all threads of the process, user and system, after ${((WARM_RATE * WARM_SECONDS) / 1e6).toFixed(1)} million packets that are not measured; the printing of the sums at the end is not among it. What is lost is counted from the start. tcpdump writes to /dev/null.`,
  ];
  for (const part of values.only.split(",")) text.push("", ...(await PARTS[part]()));
  if (values.out !== undefined) writeFileSync(values.out, `${text.join("\n")}\n`);
} finally {
  wire.close();
  rmSync(directory, { recursive: true });
}
