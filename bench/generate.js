/*
 * Writes captures of OVN traffic for measuring: fixed seed, so every run gives the same bytes.
 *
 *   node bench/generate.js DIR [NAME...] [--bytes 1073741824]
 *
 * The traffic is that of a generated southbound (southbound-generate.js): its ports send to one another, with
 * their addresses, through tunnels between the chassis they are bound to, and every checksum is right. Flows
 * come in random order; those of a pair of chassis come in runs, as a card delivers packets. INPUTS has what is
 * written into DIR: NAME's capture, its southbound, and the truth that every counter can be checked against.
 */
import { createHash } from "node:crypto";
import { closeSync, existsSync, openSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { FrameWriter, ICMP, TCP, UDP } from "./frame-writer.js";
import { PcapngWriter, PcapWriter } from "./record-writer.js";
import { GeneratedSouthbound } from "./southbound-generate.js";

const FIRST_MICROSECOND = 1_763_700_000_000_000;
const BLOCK = 2 ** 22;
/** More than any record takes. */
const LARGEST_RECORD = 2048;
/** A ping's inner IP packet; and what is in the mix, 7 to 4 to 1. */
const PING = [84];
const MIX = [40, 40, 40, 40, 40, 40, 40, 576, 576, 576, 576, 1442];
/** Bytes of a pcap record with a ping in it: its header, Ethernet, IPv4, UDP, Geneve with the option, Ethernet. */
const PING_RECORD = 16 + 14 + 20 + 8 + 16 + 14 + 84;

/**
 * What is measured. `flows`: how many; of datapaths with so many `ports` each. `times`: how often the size that
 * is asked for. Those of pings have as many packets as the plain pcap file of that size, and so are larger.
 */
export const INPUTS = {
  small: {},
  few: { flows: 500 },
  imix: { mix: true },
  pcapng: { pcapng: true },
  ipv6: { ipv6: true },
  vlan: { vlan: true },
  million: { flows: 1_000_000, ports: 240 },
  small4: { times: 4 },
};
const CHASSIS = 10;

/** xorshift32: the same numbers everywhere. */
export function random(seed) {
  let state = seed >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

/**
 * `count` flows as pairs of ports, [sender, receiver], by their index in the southbound: within a datapath each to
 * each, other than those of one chassis, whose packets need no tunnel.
 */
export function meshFlows(count, { ports, chassis }) {
  const flows = [];
  for (let datapath = 0; flows.length < count; datapath++)
    for (let sender = 0; sender < ports; sender++)
      for (let receiver = 0; receiver < ports && flows.length < count; receiver++) {
        const flow = [datapath * ports + sender, datapath * ports + receiver];
        if (flow[0] % chassis !== flow[1] % chassis) flows.push(flow);
      }
  return flows;
}

/** What has been written, flow by flow and tunnel by tunnel: what every counter must say. */
class Truth {
  packets = 0;
  bytes = 0;
  first = 0;
  last = 0;

  constructor(flows, tunnels) {
    this.flowPackets = new Float64Array(flows);
    this.flowBytes = new Float64Array(flows);
    this.flowFirst = new Float64Array(flows);
    this.flowLast = new Float64Array(flows);
    this.tunnelPackets = new Float64Array(tunnels);
    this.tunnelBytes = new Float64Array(tunnels);
    this.tunnelLargest = new Float64Array(tunnels);
  }

  add(flow, tunnel, length, outerLength, time) {
    if (this.packets++ === 0) this.first = time;
    this.bytes += length;
    this.last = time;
    if (this.flowPackets[flow]++ === 0) this.flowFirst[flow] = time;
    this.flowBytes[flow] += length;
    this.flowLast[flow] = time;
    this.tunnelPackets[tunnel]++;
    this.tunnelBytes[tunnel] += length;
    if (outerLength > this.tunnelLargest[tunnel]) this.tunnelLargest[tunnel] = outerLength;
  }
}

/** Outer addresses as the southbound's encaps have them, as bytes and as text. */
function endpointsOf(southbound, ipv6) {
  const texts = [];
  const endpoints = [];
  for (let index = 0; index < southbound.chassis; index++) {
    const text = ipv6 ? southbound.encapIpv6(index) : southbound.encapIp(index);
    texts.push(text);
    // The IPv6 ones are written out: eight words.
    const words = text.split(ipv6 ? ":" : ".").map((word) => Number.parseInt(word, ipv6 ? 16 : 10));
    endpoints.push(Buffer.from(ipv6 ? words.flatMap((word) => [word >> 8, word & 255]) : words));
  }
  return { texts, endpoints };
}

/**
 * Writes a capture of `packets` packets, or of at most `bytes`; returns the truth. `flows`: pairs of ports of
 * `southbound`, as meshFlows makes them; each passes once before they come at random. Truth: `packets`, `bytes`,
 * `firstTime` and `lastTime`, `flowCount`, `flows` as [VNI, ingress, egress, packets, bytes, first, last], `tunnels`
 * as [source, destination, packets, bytes, largest outer packet]; times are nanoseconds since 1970, as text.
 */
export function generate(
  file,
  {
    southbound,
    flows,
    packets = Number.POSITIVE_INFINITY,
    bytes = Number.POSITIVE_INFINITY,
    mix = false,
    pcapng = false,
    ipv6 = false,
    vlan = false,
    seed = 20_251_121,
  },
) {
  const next = random(seed);
  const block = new DataView(new ArrayBuffer(BLOCK));
  const { texts, endpoints } = endpointsOf(southbound, ipv6);
  const frames = new FrameWriter(block, { southbound, endpoints, ipv6, vlan });
  const records = pcapng ? new PcapngWriter(block) : new PcapWriter(block);
  const sizes = mix ? MIX : PING;
  // Which flows go through which tunnel.
  const tunnels = new Map();
  const tunnelOf = flows.map(([sender, receiver], flow) => {
    const key = (sender % southbound.chassis) * southbound.chassis + (receiver % southbound.chassis);
    const tunnel = tunnels.get(key) ?? { number: tunnels.size, key, flows: [] };
    tunnels.set(key, tunnel);
    tunnel.flows.push(flow);
    return tunnel.number;
  });
  const byTunnel = [...tunnels.values()];
  const truth = new Truth(flows.length, byTunnel.length);
  const header = records.header();
  let fileBytes = header.length;
  let time = FIRST_MICROSECOND;
  let filled = 0;
  let run = 0;
  let tunnel = byTunnel[0];
  const out = openSync(file, "w");
  try {
    writeSync(out, header);
    for (let number = 0; number < packets && fileBytes < bytes; number++) {
      if (run-- === 0) {
        tunnel = byTunnel[next() % byTunnel.length];
        run = next() % 7;
      }
      const flow = number < flows.length ? number : tunnel.flows[next() % tunnel.flows.length];
      const [sender, receiver] = flows[flow];
      const size = sizes[sizes.length === 1 ? 0 : next() % sizes.length];
      const protocol = !mix || flow % 10 === 9 ? ICMP : flow % 10 < 7 ? TCP : UDP;
      const length = frames.write(filled + records.before, number, sender, receiver, protocol, size);
      const record = records.record(filled, time, length);
      if (fileBytes + record > bytes) break;
      truth.add(flow, tunnelOf[flow], length, frames.outerLength(size), time);
      time += next() % 20;
      filled += record;
      fileBytes += record;
      if (filled + LARGEST_RECORD > BLOCK) {
        writeSync(out, frames.bytes, 0, filled);
        filled = 0;
      }
    }
    writeSync(out, frames.bytes, 0, filled);
  } finally {
    closeSync(out);
  }
  const nanoseconds = (microseconds) => `${microseconds}000`;
  const seen = flows.map((_, flow) => flow).filter((flow) => truth.flowPackets[flow] > 0);
  return {
    packets: truth.packets,
    bytes: truth.bytes,
    fileBytes,
    firstTime: nanoseconds(truth.first),
    lastTime: nanoseconds(truth.last),
    flowCount: seen.length,
    flows: seen.map((flow) => {
      const [sender, receiver] = flows[flow];
      return [
        ...southbound.keysOf(sender),
        southbound.keysOf(receiver)[1],
        truth.flowPackets[flow],
        truth.flowBytes[flow],
        nanoseconds(truth.flowFirst[flow]),
        nanoseconds(truth.flowLast[flow]),
      ];
    }),
    tunnels: byTunnel
      .filter(({ number }) => truth.tunnelPackets[number] > 0)
      .map(({ number, key }) => [
        texts[Math.floor(key / southbound.chassis)],
        texts[key % southbound.chassis],
        truth.tunnelPackets[number],
        truth.tunnelBytes[number],
        truth.tunnelLargest[number],
      ]),
  };
}

/** The schema of the southbounds: that of a real one, so that no OVN need be installed. */
function schema() {
  const database = readFileSync(new URL("../captures/routed-ping/sb.db", import.meta.url), "utf8");
  const [header] = database.split("\n", 1);
  return JSON.parse(database.slice(header.length + 1, header.length + 1 + Number(header.split(" ")[2])));
}

/** Changes whenever the same call might write something else. */
function generatorVersion() {
  const hash = createHash("sha1");
  for (const file of ["generate.js", "frame-writer.js", "record-writer.js", "southbound-generate.js"])
    hash.update(readFileSync(new URL(file, import.meta.url)));
  return hash.digest("hex");
}

/**
 * Writes an input into a directory: its capture, its southbound, its truth, which has the size of the southbound
 * besides. `name`: one of INPUTS; `bytes`: of a plain pcap file of pings; `packets`: no more than so many, for a
 * head of the same capture; `as`: its files' name. What is there already is used again. Returns inputPaths with
 * the truth.
 */
export function generateInput(directory, name, { bytes = 2 ** 30, packets = null, as = name } = {}) {
  const paths = inputPaths(directory, name, as);
  const made = { bytes, packets, generator: generatorVersion() };
  if (existsSync(paths.truthFile)) {
    const truth = JSON.parse(readFileSync(paths.truthFile, "utf8"));
    if (JSON.stringify(truth.made) === JSON.stringify(made)) return { ...paths, truth };
  }
  const { flows: count = 20_000, ports = 16, times = 1, ...kind } = INPUTS[name];
  const flows = meshFlows(count, { ports, chassis: CHASSIS });
  const datapaths = Math.floor(flows[count - 1][0] / ports) + 1;
  const size = { ports: datapaths * ports, datapaths, chassis: CHASSIS, dualStack: true };
  const southbound = new GeneratedSouthbound(size);
  southbound.write(paths.southbound, schema());
  const limit = kind.mix
    ? { bytes: bytes * times }
    : { packets: Math.floor((bytes * times - 24) / PING_RECORD) };
  if (packets !== null) limit.packets = Math.min(packets, limit.packets ?? packets);
  const counted = generate(paths.capture, { southbound, flows, ...limit, ...kind });
  const truth = { made, southbound: size, ...counted };
  writeFileSync(paths.truthFile, JSON.stringify(truth));
  return { ...paths, truth };
}

/** Where generateInput writes. */
function inputPaths(directory, name, as) {
  return {
    name,
    capture: join(directory, `${as}.${INPUTS[name].pcapng ? "pcapng" : "pcap"}`),
    southbound: join(directory, `${as}.db`),
    truthFile: join(directory, `${as}.truth.json`),
  };
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { bytes: { type: "string", default: String(2 ** 30) } },
  });
  const [directory, ...names] = positionals;
  if (directory === undefined || names.some((name) => !(name in INPUTS))) {
    process.stderr.write(
      `usage: node ${fileURLToPath(import.meta.url)} DIR [${Object.keys(INPUTS).join("|")}]... [--bytes N]\n`,
    );
    process.exit(2);
  }
  for (const name of names.length === 0 ? Object.keys(INPUTS) : names) {
    const { capture, truth } = generateInput(directory, name, { bytes: Number(values.bytes) });
    process.stdout.write(
      `${capture}: ${truth.packets} packets, ${truth.flowCount} flows, ${truth.tunnels.length} tunnels, ${truth.fileBytes} bytes\n`,
    );
  }
}
