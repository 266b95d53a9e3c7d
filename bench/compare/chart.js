/* The results as a picture: bars of packets a second, on linear scales, legible on light and dark. */
import { median } from "../measure.js";

const WIDTH = 860;
const LABELS = 250;
const VALUES = 170;
const BARS = WIDTH - LABELS - VALUES - 20;
const ROW = 24;
const BAR = 16;

/** The comparisons of the second panel, in order, and what its rows are called. */
const KINDS = {
  small: "pings of 156 bytes",
  small4: "the same, four times as many",
  imix: "IMIX",
  pcapng: "pcapng",
  vlan: "VLAN tag",
  ipv6: "IPv6 underlay",
  million: "1 million flows",
};

const STYLE = `
  text { font: 13px system-ui, "Segoe UI", "DejaVu Sans", sans-serif; fill: #1f2328; }
  .title { font-size: 18px; font-weight: 600; }
  .head { font-size: 14px; font-weight: 600; }
  .note { font-size: 12px; fill: #59636e; }
  .page { fill: #ffffff; stroke: #d1d9e0; }
  .axis { stroke: #d1d9e0; }
  .ours { fill: #0b6e4f; }
  .ours2 { fill: #45a583; }
  .other { fill: #a3abb5; }
  .limit { fill: #5f6b78; }
  .mark { stroke: #1f2328; stroke-width: 2; }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc; }
    .note { fill: #9198a1; }
    .page { fill: #0d1117; stroke: #3d444d; }
    .axis { stroke: #3d444d; }
    .ours { fill: #2fbf8f; }
    .ours2 { fill: #1b7a5c; }
    .other { fill: #59636e; }
    .limit { fill: #8b96a3; }
    .mark { stroke: #f0f6fc; }
  }
`;

const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

/** Millions of packets a second. */
function rate({ packets, seconds }) {
  return packets / median(seconds) / 1e6;
}

/** Two digits that count. */
function number(value) {
  return value >= 10 ? value.toFixed(1) : value >= 0.1 ? value.toFixed(2) : value.toFixed(3);
}

/** A picture that grows downwards. */
class Canvas {
  #parts = [];
  y = 0;

  text(x, text, { kind = "", anchor = "start", y = this.y } = {}) {
    this.#parts.push(
      `<text class="${kind}" x="${x}" y="${y}" text-anchor="${anchor}">${escaped(text)}</text>`,
    );
  }

  bar(y, width, height, kind) {
    this.#parts.push(
      `<rect class="${kind}" x="${LABELS}" y="${y}" width="${Math.max(width, 1).toFixed(1)}" height="${height}" rx="2"/>`,
    );
  }

  line(x, from, to, kind) {
    this.#parts.push(
      `<line class="${kind}" x1="${x.toFixed(1)}" y1="${from}" x2="${x.toFixed(1)}" y2="${to}"/>`,
    );
  }

  head(title, note) {
    this.y += 40;
    this.text(20, title, { kind: "head" });
    if (note !== undefined) {
      this.y += 18;
      this.text(20, note, { kind: "note" });
    }
    this.y += 12;
  }

  svg() {
    const height = this.y + 24;
    return [
      `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="genevescope compared">`,
      `<style>${STYLE}</style>`,
      `<rect class="page" x="0.5" y="0.5" width="${WIDTH - 1}" height="${height - 1}" rx="6"/>`,
      ...this.#parts,
      "</svg>\n",
    ].join("\n");
  }
}

const isOurs = (name) => name.startsWith("genevescope");
const kindOf = (name) =>
  isOurs(name)
    ? name.includes("two")
      ? "ours2"
      : "ours"
    : name === "C reader" || name === "cat"
      ? "limit"
      : "other";

/** A bar a program, the fastest first. */
function bars(canvas, programs) {
  const sorted = [...programs].sort((a, b) => rate(b) - rate(a));
  const most = rate(sorted[0]);
  const top = canvas.y;
  for (const program of sorted) {
    const value = rate(program);
    canvas.text(LABELS - 10, labelOf(program.name), { anchor: "end", y: canvas.y + 13 });
    canvas.bar(canvas.y, (value / most) * BARS, BAR, kindOf(program.name));
    const times = median(program.seconds);
    const scaled = program.packets === program.measuredPackets ? "" : ", scaled";
    const text = `${number(value)} M/s · ${times.toFixed(times < 10 ? 2 : 0)} s${scaled}`;
    canvas.text(LABELS + (value / most) * BARS + 8, text, { y: canvas.y + 13 });
    canvas.y += ROW;
  }
  canvas.line(LABELS, top - 4, canvas.y - 4, "axis");
}

function labelOf(name) {
  if (name === "cat") return "cat: reading alone";
  if (name === "C reader") return "C reader: the practical limit";
  return name;
}

/** A row a kind of capture: our bars, and marks where the C reader and tcpdump are. */
function kinds(canvas, comparisons) {
  const rows = Object.entries(KINDS)
    .map(([name, label]) => ({ label, programs: comparisons.find((each) => each.name === name)?.programs }))
    .filter(({ programs }) => programs !== undefined);
  const most = Math.max(
    ...rows.flatMap(({ programs }) =>
      programs.filter(({ name }) => isOurs(name) || name === "C reader").map(rate),
    ),
  );
  const top = canvas.y;
  for (const { label, programs } of rows) {
    const ours = programs.filter(({ name }) => isOurs(name));
    const height = ours.length * 11;
    canvas.text(LABELS - 10, label, { anchor: "end", y: canvas.y + height / 2 + 5 });
    ours.forEach((program, index) => {
      canvas.bar(canvas.y + index * 11, (rate(program) / most) * BARS, 10, kindOf(program.name));
    });
    for (const [name, dash] of [
      ["C reader", "C"],
      ["tcpdump -w with a filter", "t"],
    ]) {
      const program = programs.find((each) => each.name === name);
      if (program === undefined) continue;
      const x = LABELS + (rate(program) / most) * BARS;
      canvas.line(x, canvas.y - 2, canvas.y + height + 1, "mark");
      canvas.text(x, dash, { kind: "note", anchor: "middle", y: canvas.y - 5 });
    }
    const rates = ours.map((program) => number(rate(program)));
    canvas.text(WIDTH - 20, `${rates.join(" · ")} M/s`, { anchor: "end", y: canvas.y + height / 2 + 5 });
    canvas.y += height + 20;
  }
  canvas.line(LABELS, top - 4, canvas.y - 12, "axis");
}

/** `result`: what main.js writes as compare.json. */
export function chart({ date, machine, versions, comparisons }) {
  const canvas = new Canvas();
  canvas.y = 34;
  canvas.text(20, "genevescope, and programs that do the like", { kind: "title" });
  canvas.y += 20;
  const where = `${machine.processor}, ${machine.processors} processors; Node ${versions.node.slice(1)}; ${date}`;
  canvas.text(
    20,
    `${where}. Whole processes, warm cache, medians. Million packets a second; longer is better.`,
    {
      kind: "note",
    },
  );
  const find = (name) => comparisons.find((each) => each.name === name);
  const small = find("small");
  if (small !== undefined) {
    const { packets, flows } = small.input;
    const what = `${(packets / 1e6).toFixed(1)} million pings of 156 bytes, ${flows.toLocaleString("en")} flows`;
    canvas.head(
      "analyze: summing up a capture",
      `${what}; genevescope with the names of a southbound database.`,
    );
    bars(canvas, small.programs);
  }
  if (Object.keys(KINDS).some((name) => find(name) !== undefined)) {
    canvas.head(
      "analyze: kinds of captures",
      "Bars: genevescope with one and with two threads. Marks: C, the C reader; t, tcpdump -w with a filter.",
    );
    canvas.y += 12;
    kinds(canvas, comparisons);
  }
  for (const [name, title] of [
    ["text", "decode: a line of text a packet"],
    ["json", "decode: a line of JSON a packet"],
  ]) {
    const comparison = find(name);
    if (comparison === undefined) continue;
    canvas.head(title, `${(comparison.input.packets / 1e6).toFixed(1)} million of the same pings.`);
    bars(canvas, comparison.programs);
  }
  return canvas.svg();
}
