/* The table of what bench/compare measured, and the targets it is held to. */
import { median } from "../measure.js";

const PROVEN = `Every program's counters were checked against what was generated: packets, bytes, times, each flow,
each tunnel, and of genevescope every name, port and datapath, too.`;

/** Median of the ratios, round by round, of two lists of seconds. */
export function ratio(a, b) {
  return median(a.map((seconds, round) => seconds / b[round]));
}

const seconds = (value) => `${value.toFixed(value < 10 ? 3 : 1)} s`;
/** Bytes of a file in words. */
export function size(bytes) {
  return bytes >= 0.95 * 2 ** 30
    ? `${(bytes / 2 ** 30).toFixed(2).replace(/\.00$/, "")} GiB`
    : `${(bytes / 2 ** 20).toFixed(0)} MiB`;
}

const thousands = (value) => value.toLocaleString("en");

/** `result`: what main.js writes as compare.json. */
export function report({ date, machine, versions, comparisons }) {
  const { processor, processors, memoryGiB, system } = machine;
  const lines = [
    "# genevescope compared",
    "",
    `${processor}, ${processors} processors, ${memoryGiB} GiB, ${system}; Node ${versions.node.slice(1)}; ${date}. \`node bench/compare/main.js\` repeats it.`,
    "",
    "Whole processes, warm cache, medians of rounds in which each program ran once, in turns forwards and backwards; in brackets the least and the most. `times` is the median of the ratios round by round to the first program of each table. Memory is the most that was resident in any run.",
    "",
    PROVEN.replaceAll("\n", " "),
    "",
    "## Targets",
    "",
    "| work | target | measured | |",
    "|---|---|---|---|",
    ...targets(comparisons).map(
      ({ work, target, value, met }) =>
        `| ${work} | ${target} | ${value ?? "not measured"} | ${met === null ? "" : met ? "met" : "missed"} |`,
    ),
  ];
  for (const { title, input, rounds, programs, date: measured } of comparisons) {
    const what = [
      ...(input
        ? [`${thousands(input.packets)} packets, ${thousands(input.flows)} flows, ${size(input.fileBytes)}`]
        : []),
      `${rounds} rounds`,
      ...(measured === date ? [] : [measured]),
    ];
    lines.push("", `## ${title}`, "", `${what.join("; ")}.`, "");
    lines.push(
      "| program | time | times | packets/s | processor time | memory |",
      "|---|---|---|---|---|---|",
      ...programs.map((program) => row(program, programs[0])),
    );
    const heads = programs.filter(({ packets, measuredPackets }) => packets !== measuredPackets);
    for (const { name, measuredPackets } of heads)
      lines.push(
        "",
        `${name}: measured on the first ${thousands(measuredPackets)} packets, its start (a run with one packet) taken off, and scaled.`,
      );
  }
  const missing = Object.keys(versions).filter((name) => versions[name] === null);
  lines.push("", "## Versions", "");
  for (const [name, version] of Object.entries(versions))
    if (version !== null) lines.push(`- ${name}: ${version}`);
  if (missing.length > 0) lines.push("", `Not installed: ${missing.join(", ")}.`);
  return `${lines.join("\n")}\n`;
}

function row(program, first) {
  const { name, packets, seconds: times, cpuSeconds, peakMiB } = program;
  const middle = median(times);
  const cells = [
    name.replaceAll("|", "\\|"),
    `${seconds(middle)} (${Math.min(...times).toFixed(3)} to ${Math.max(...times).toFixed(3)})`,
    program === first ? "1" : ratio(times, first.seconds).toFixed(2),
    packets === null ? "" : perSecond(packets / middle),
    seconds(median(cpuSeconds)),
    `${peakMiB.toFixed(0)} MiB`,
  ];
  return `| ${cells.join(" | ")} |`;
}

export function perSecond(value) {
  return value >= 1e6 ? `${(value / 1e6).toFixed(1)} million` : `${Math.round(value / 1e3)} thousand`;
}

/** The targets: `value` and `met` are null where it was not measured. */
export function targets(comparisons) {
  const found = [];
  const program = (comparison, name) =>
    comparisons.find((each) => each.name === comparison)?.programs.find((each) => each.name === name);
  const one = (name) => program(name, "genevescope, one thread") ?? program(name, "genevescope");
  const two = (name) => program(name, "genevescope, two threads");
  /** `a` takes at most so many times as long as `b`. */
  const atMost = (work, limit, a, b, than) => {
    const value = a && b ? ratio(a.seconds, b.seconds) : null;
    const text = value === null ? null : `${value.toFixed(2)} times`;
    found.push({ work, target: `at most ${limit} times ${than}`, value: text, met: met(value, limit) });
  };
  const faster = (work, limit, a, b, than) => {
    const value = a && b ? ratio(b.seconds, a.seconds) : null;
    const text = value === null ? null : `${value.toFixed(1)} times`;
    const reached = value === null ? null : value >= limit;
    found.push({ work, target: `at least ${limit} times faster than ${than}`, value: text, met: reached });
  };
  const memory = (work, limit, a) => {
    const text = a ? `${a.peakMiB.toFixed(0)} MiB` : null;
    found.push({ work, target: `at most ${limit} MiB`, value: text, met: met(a?.peakMiB ?? null, limit) });
  };
  const met = (value, limit) => (value === null ? null : value <= limit);
  const tcpdump = "tcpdump -w with a filter";
  /** What is analyzed, with its size. */
  const work = (name, words) => {
    const input = comparisons.find((each) => each.name === name)?.input;
    return `${words}${input ? `, ${size(input.fileBytes)}` : ""}`;
  };

  atMost(work("small", "analyze small"), 1.6, one("small"), program("small", "C reader"), "the C reader");
  faster(work("small", "analyze small"), 2.5, one("small"), program("small", tcpdump), tcpdump);
  atMost(
    work("small4", "analyze small, two threads"),
    1,
    two("small4"),
    program("small4", "C reader"),
    "the C reader",
  );
  faster(work("small4", "analyze small, two threads"), 5, two("small4"), program("small4", tcpdump), tcpdump);
  atMost(work("imix", "analyze IMIX"), 1.9, one("imix"), program("imix", "C reader"), "the C reader");
  for (const name of ["pcapng", "vlan", "ipv6"])
    atMost(`analyze ${name}`, 1.3, program("kinds", name), program("kinds", "plain pcap"), "the plain pcap");
  atMost(
    "analyze one million flows",
    1.5,
    program("kinds", "million"),
    program("kinds", "plain pcap"),
    "20,000",
  );
  const text = program("text", "genevescope decode");
  faster(work("text", "decode to text with names"), 10, text, program("text", "tcpdump -nn"), "tcpdump -nn");
  const json = program("json", "genevescope decode -o json");
  faster(
    "decode to JSON Lines",
    20,
    json,
    program("json", "tshark -T ek -e ..."),
    "tshark -T ek of the same fields",
  );
  for (const name of ["small", "small4"]) {
    memory(work(name, `memory, one thread, ${name}`), 64, one(name));
    memory(work(name, `memory, two threads, ${name}`), 96, two(name));
  }
  atMost("start", 1.5, program("start", "genevescope --version"), program("start", "node -e 0"), "node -e 0");
  for (const [name, verb] of [
    ["names", "analyze"],
    ["text-names", "decode"],
  ]) {
    const [plain, ...others] = comparisons.find((each) => each.name === name)?.programs ?? [];
    const named = others.find((each) => each.name === "with names");
    atMost(`${verb} with names`, 1.15, named, plain, "without");
    for (const filtered of others.filter((each) => each !== named))
      atMost(`${verb} ${filtered.name}`, 1.15, filtered, named, "without the filter");
  }
  return found;
}
