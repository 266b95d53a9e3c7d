/*
 * The hot functions one by one, with tinybench, beside a plain loop over the same packets: what a function costs
 * is told in plain loops, so that runs on two machines can be compared.
 *
 *   npm run build && node bench/functions.js            shows them
 *   node bench/functions.js --check                     and fails where one is slower than functions.json allows
 *   node bench/functions.js --update                    writes the ratios found into functions.json
 *
 * The loop and the function take turns, in short rounds, and the median of the rounds' ratios counts: other work
 * on the machine slows both.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Bench } from "tinybench";
import {
  Analyzer,
  EthernetView,
  FrameBatch,
  FrameDecoder,
  GeneveView,
  Ipv4View,
  openCapture,
  openSouthbound,
  pseudoSumIpv4,
  UdpView,
  verifyUdpChecksum,
} from "../dist/index.js";
import { generateInput } from "./generate.js";
import { check, median } from "./measure.js";

const { values } = parseArgs({
  options: {
    check: { type: "boolean", default: false },
    update: { type: "boolean", default: false },
    rounds: { type: "string", default: "15" },
  },
});
const BOUNDS = new URL("functions.json", import.meta.url);
/** How many times as slow as in functions.json a new function may be. */
const TOLERANCE = 1.5;
/** Milliseconds that each of the two takes in a round. */
const SLICE = 20;

const directory = mkdtempSync(join(tmpdir(), "genevescope-bench-"));
const input = generateInput(directory, "small", { bytes: 2 ** 20 });
const source = await openCapture(input.capture);
const packets = await source.next();
const frames = new FrameBatch(packets.capacity);
const decoder = new FrameDecoder();
decoder.decode(packets, source.interfaces, frames);
const inventory = await openSouthbound(input.southbound);
// The same packets as records, as the kernel takes them: behind one that was read, so that there are bytes.
const recorded = await openCapture(input.capture);
await recorded.next(1);
const records = recorded.records();
rmSync(directory, { recursive: true });

const { view, offset, capturedBytes, count } = packets;
const ethernet = new EthernetView();
const ipv4 = new Ipv4View();
const udp = new UdpView();
const geneve = new GeneveView();
const analyzer = new Analyzer(null, null, decoder);
analyzer.startFile("memory");
let sink = 0;
let second = 1_800_000_000;

/** What every function is measured against: eight words of each packet, hashed. */
function plainLoop() {
  for (let i = 0; i < count; i++) {
    const at = offset[i];
    let hash = 0;
    for (let word = 0; word < 32; word += 4) {
      hash = Math.imul(hash ^ view.getInt32(at + word + 26), 0x9e3779b1);
      hash ^= hash >>> 15;
    }
    sink ^= hash;
  }
}

/** Makes all packets later than any before, as those of a capture are. */
function later() {
  second++;
  packets.tsSec.fill(second);
  for (let i = 0, at = records.start; i < count; i++) {
    records.view.setUint32(at, second, true);
    at += 16 + records.view.getUint32(at + 8, true);
  }
}

/** Each returns for how many packets it found what it should. */
const FUNCTIONS = {
  "kernel: usual frames summed up"() {
    later();
    return analyzer.takeRecords(records, count);
  },
  "views: Ethernet, IPv4, UDP, Geneve bound"() {
    let right = 0;
    for (let i = 0; i < count; i++) {
      ethernet.bind(view, offset[i], offset[i] + capturedBytes[i]);
      ipv4.bind(view, ethernet.payloadStart, ethernet.payloadEnd);
      udp.bind(view, ipv4.payloadStart, ipv4.payloadEnd);
      geneve.bind(view, udp.payloadStart, udp.payloadEnd);
      if (geneve.vni === frames.vni[i]) right++;
    }
    return right;
  },
  "option walk"() {
    let right = 0;
    for (let i = 0; i < count; i++) {
      geneve.bind(view, frames.geneve[i], frames.innerEnd[i]);
      for (let more = geneve.firstOption(); more; more = geneve.nextOption())
        if (geneve.optionClass === 0x0102) right++;
    }
    return right;
  },
  "columns: keys"() {
    decoder.decodeKeys(packets, source.interfaces, frames);
    return frames.count;
  },
  "columns: all"() {
    decoder.decode(packets, source.interfaces, frames);
    return frames.count;
  },
  "checksum: outer UDP"() {
    let right = 0;
    for (let i = 0; i < count; i++) {
      const at = frames.udp[i];
      const end = at + view.getUint16(at + 4);
      if (verifyUdpChecksum(view, at, end, pseudoSumIpv4(view, frames.outerIp[i], 17, end - at))) right++;
    }
    return right;
  },
  "flows and tunnels from columns"() {
    later();
    analyzer.add(packets, frames);
    return packets.count;
  },
  "names as of the packet's time"() {
    let right = 0;
    for (let i = 0; i < count; i++) {
      const keys = frames.ovnKeys[i];
      const at = packets.tsSec[i] * 1e3 + packets.tsNsec[i] * 1e-6;
      if (inventory.resolve(frames.vni[i], (keys >>> 16) & 0x7fff, keys & 0xffff, at).inport !== null)
        right++;
    }
    return right;
  },
};
for (const [name, run] of Object.entries(FUNCTIONS)) check(name, run(), count);

/** The ratio of each function to the plain loop, and its nanoseconds a packet, in one round. */
async function round() {
  const found = {};
  for (const [name, run] of Object.entries(FUNCTIONS)) {
    const bench = new Bench({ time: SLICE, iterations: 5, warmup: false });
    bench.add("plain loop", plainLoop).add(name, run);
    await bench.run();
    const [loop, own] = bench.tasks.map(({ result }) => result.latency.p50);
    found[name] = { ratio: own / loop, nanoseconds: (own * 1e6) / count };
  }
  return found;
}

// The first rounds compile what they run.
for (let i = 0; i < 3; i++) await round();
const rounds = [];
for (let i = 0; i < Number(values.rounds); i++) rounds.push(await round());

const bounds = JSON.parse(readFileSync(BOUNDS, "utf8"));
const slower = [];
const ratios = {};
process.stdout.write(`${count} packets; node ${process.version}; medians of ${rounds.length} rounds\n`);
for (const name of Object.keys(FUNCTIONS)) {
  const each = rounds.map((found) => found[name].ratio);
  const ratio = median(each);
  const nanoseconds = median(rounds.map((found) => found[name].nanoseconds));
  const bound = bounds[name];
  ratios[name] = { ratio: Number(ratio.toFixed(2)), tolerance: bound?.tolerance ?? TOLERANCE };
  process.stdout.write(
    `${name.padEnd(42)} ${nanoseconds.toFixed(1).padStart(7)} ns a packet ${ratio.toFixed(2).padStart(7)} plain loops (${Math.min(...each).toFixed(2)} to ${Math.max(...each).toFixed(2)})\n`,
  );
  if (bound === undefined) slower.push(`${name}: no bound in functions.json; --update writes one`);
  else if (ratio > bound.ratio * bound.tolerance)
    slower.push(
      `${name}: ${ratio.toFixed(2)} plain loops, more than ${bound.tolerance} times the ${bound.ratio} of functions.json`,
    );
}
// What the loop found goes somewhere, so that it is not optimised away.
process.stdout.write(`(${sink})\n`);
if (values.update) writeFileSync(BOUNDS, `${JSON.stringify(ratios, null, 2)}\n`);
else if (values.check) {
  for (const line of slower) process.stderr.write(`functions: ${line}\n`);
  if (slower.length > 0) process.exitCode = 1;
}
