/*
 * genevescope beside the programs that do the like: whole processes, warm cache, in rounds in which each runs
 * once, in turns forwards and backwards, so that a machine whose speed drifts bends nobody. What every program
 * finds is checked against what was generated, before it is measured and, where it prints it, in each run.
 *
 *   npm run build && node bench/compare/main.js [--pairs 9] [--only NAME,...] [--dir DIRECTORY] [--quick]
 *     [--bytes 1073741824] [--results DIRECTORY]
 *
 * Writes compare.json, compare.md and compare.svg into bench/results. --only: some of the comparisons, by name
 * (their results replace those in compare.json, the others stay). --dir: where the inputs are kept, 11 GB; without
 * it they are generated each time, in a temporary directory. Another 2 GB are taken there while it runs. --quick: small inputs and one round, to see that it
 * works: its figures mean nothing, and are printed, not written.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, release, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { generateInput } from "../generate.js";
import { chart } from "./chart.js";
import { Programs } from "./programs.js";
import { report } from "./report.js";
import { prepareTools, timed } from "./tools.js";

const { values } = parseArgs({
  options: {
    pairs: { type: "string" },
    only: { type: "string" },
    dir: { type: "string" },
    quick: { type: "boolean", default: false },
    bytes: { type: "string" },
    results: { type: "string", default: fileURLToPath(new URL("../results", import.meta.url)) },
  },
});
const bytes = Number(values.bytes ?? (values.quick ? 2 ** 24 : 2 ** 30));
const pairs = Number(values.pairs ?? (values.quick ? 1 : 9));
/** Packets for tshark, of which it takes some 30,000 a second. */
const headPackets = values.quick ? 2000 : 50_000;

const scratch = mkdtempSync(join(tmpdir(), "genevescope-compare-"));
const directory = values.dir ?? scratch;
mkdirSync(directory, { recursive: true });
const say = (text) => process.stderr.write(`${text}\n`);

function input(name) {
  say(`input ${name}`);
  return generateInput(directory, name, { bytes });
}

const head = (name) => generateInput(directory, name, { packets: headPackets, as: `${name}-head` });

const { paths: tools, versions } = prepareTools(scratch);
const programs = new Programs(tools, scratch);

/** One input, and all who read it. */
const analyzed = (title, name, withHead = true) => ({
  title,
  make: () => {
    const whole = input(name);
    return { input: whole, programs: programs.all(whole, withHead ? head(name) : null) };
  },
});

/** The comparisons by name. The first program of each is what the others are compared with. */
const COMPARISONS = {
  start: { title: "Start", rounds: 3, make: () => ({ programs: programs.start(versions.genevescope) }) },
  small: analyzed("analyze: pings of 156 bytes, 20,000 flows", "small"),
  small4: analyzed("analyze: the same, four times as many", "small4", false),
  imix: analyzed("analyze: a mix of sizes (IMIX)", "imix"),
  pcapng: analyzed("analyze: pcapng", "pcapng"),
  ipv6: analyzed("analyze: IPv6 underlay", "ipv6"),
  vlan: analyzed("analyze: VLAN tag", "vlan"),
  million: analyzed("analyze: one million flows", "million"),
  kinds: {
    title: "analyze: kinds of captures of the same packets",
    make: () => {
      const small = input("small");
      const one = programs.has("analyze", "--workers") ? ["--workers", "1"] : [];
      const others = ["pcapng", "vlan", "ipv6", "million"].map((name) =>
        programs.analyze(name, input(name), one),
      );
      return { input: small, programs: [programs.analyze("plain pcap", small, one), ...others] };
    },
  },
  names: {
    title: "analyze: what names and filters cost",
    make: () => {
      const small = input("small");
      const passing = FILTERS.filter(([flag]) => programs.has("analyze", flag));
      return {
        input: small,
        programs: [
          programs.analyze("without names", small, [], { named: false }),
          programs.analyze("with names", small),
          ...passing.map((flags) => programs.analyze(`with names, ${flags.join(" ")}`, small, flags)),
        ],
      };
    },
  },
  text: {
    title: "decode to text",
    rounds: 1 / 3,
    make: () => {
      const small = input("small");
      const ours = programs.decodeText("genevescope decode", small);
      const theirs = tools.tcpdump && programs.tcpdumpText(small);
      const all = [ours, programs.piped(ours), ...(theirs ? [theirs, programs.piped(theirs)] : [])];
      return { input: small, programs: all };
    },
  },
  "text-names": {
    title: "decode to text: what names and filters cost",
    rounds: 1 / 3,
    make: () => {
      const small = input("small");
      const passing = FILTERS.filter(([flag]) => programs.has("decode", flag));
      return {
        input: small,
        programs: [
          programs.decodeText("without names", small, [], { named: false }),
          programs.decodeText("with names", small),
          ...passing.map((flags) => programs.decodeText(`with names, ${flags.join(" ")}`, small, flags)),
        ],
      };
    },
  },
  json: {
    title: "decode to JSON Lines",
    rounds: 1 / 3,
    make: () => {
      const small = input("small");
      const first = head("small");
      const ours = programs.decodeJson("genevescope decode -o json", small, first);
      return { input: small, programs: [ours, ...(tools.tshark ? [programs.tsharkEk(first)] : [])] };
    },
  },
};

/** Filters that let every packet of `small` through, so that what they cost is all that changes. */
const FILTERS = [
  ["--not", "--vni", "16777215"],
  ["--ip", "10.0.0.0/8"],
  ["--since", "2020-01-01T00:00:00Z"],
];

/** Lets a signal be noticed that came while a program ran. */
const breath = () => new Promise((resolve) => setImmediate(resolve));

/** Runs the programs of a comparison in turns; returns what each took in each round, scaled to the whole input. */
async function compare(name, { title, make, rounds = 1 }) {
  const { input, programs } = make();
  for (const program of programs) {
    say(`${name}: proving ${program.name}`);
    program.prove();
    await breath();
  }
  const runs = programs.map(() => []);
  const output = join(scratch, "run.out");
  const count = Math.max(1, Math.round(pairs * rounds));
  // A short program's first round warms the cache, and is not counted.
  const warming = rounds >= 1 ? 1 : 0;
  for (let round = 0; round < count + warming; round++) {
    say(`${name}: round ${round + 1 - warming} of ${count}`);
    const order = programs.map((_, index) => (round % 2 === 0 ? index : programs.length - 1 - index));
    for (const index of order) {
      const { argv, env, packets, startup, check } = programs[index];
      await breath();
      const run = timed(tools, argv, { env, output: check ? output : "/dev/null" });
      check?.(output);
      if (startup) {
        const start = timed(tools, startup, { env });
        run.seconds -= start.seconds;
        run.cpuSeconds -= start.cpuSeconds;
      }
      const scale = packets ? input.truth.packets / packets : 1;
      if (round >= warming)
        runs[index].push({ ...run, seconds: run.seconds * scale, cpuSeconds: run.cpuSeconds * scale });
    }
  }
  return {
    name,
    title,
    date: today(),
    rounds: count,
    input: input && {
      name: input.name,
      packets: input.truth.packets,
      fileBytes: input.truth.fileBytes,
      flows: input.truth.flowCount,
    },
    programs: programs.map((program, index) => ({
      name: program.name,
      measuredPackets: program.packets ?? null,
      packets: program.packets ? input.truth.packets : null,
      seconds: runs[index].map(({ seconds }) => seconds),
      cpuSeconds: runs[index].map(({ cpuSeconds }) => cpuSeconds),
      peakMiB: Math.max(...runs[index].map(({ peakMiB }) => peakMiB)),
    })),
  };
}

const today = () => new Date().toISOString().slice(0, 10);

/** The comparisons of an earlier run that was made on this machine with inputs of this size. */
function before(file, machine) {
  if (!existsSync(file)) return [];
  const earlier = JSON.parse(readFileSync(file, "utf8"));
  const same = earlier.bytes === bytes && JSON.stringify(earlier.machine) === JSON.stringify(machine);
  return same ? earlier.comparisons : [];
}

function clean() {
  rmSync(scratch, { recursive: true, force: true });
}
for (const signal of ["SIGINT", "SIGTERM"])
  process.once(signal, () => {
    clean();
    process.exit(1);
  });

try {
  const wanted = values.only?.split(",") ?? Object.keys(COMPARISONS);
  const unknown = wanted.find((name) => !(name in COMPARISONS));
  if (unknown !== undefined)
    throw new Error(`--only ${unknown}: one of ${Object.keys(COMPARISONS).join(", ")}`);
  const measured = [];
  for (const name of wanted) measured.push(await compare(name, COMPARISONS[name]));
  const machine = {
    processor: cpus()[0]?.model.trim(),
    processors: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `Linux ${release()}`,
  };
  const file = join(values.results, "compare.json");
  const kept = values.only && !values.quick ? before(file, machine) : [];
  const all = [...kept.filter(({ name }) => !wanted.includes(name)), ...measured];
  const order = Object.keys(COMPARISONS);
  all.sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name));
  const result = { date: today(), bytes, machine, versions, comparisons: all };
  const text = report(result);
  if (!values.quick) {
    mkdirSync(values.results, { recursive: true });
    writeFileSync(file, `${JSON.stringify(result, null, 1)}\n`);
    writeFileSync(join(values.results, "compare.md"), text);
    writeFileSync(join(values.results, "compare.svg"), chart(result));
  }
  process.stdout.write(text);
} catch (error) {
  process.stderr.write(`compare: ${error.message}\n`);
  process.exitCode = 1;
} finally {
  clean();
}
