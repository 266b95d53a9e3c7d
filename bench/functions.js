/*
 * The hot functions one by one, with tinybench, beside a plain loop over the same packets that reads one word
 * of each: a measure of the machine, so that runs on two machines can be compared.
 *
 *   npm run build && node bench/functions.js
 */
import { fileURLToPath } from "node:url";
import { Bench } from "tinybench";
import { FlowTable } from "../dist/analysis/flow-table.js";
import { openCapture } from "../dist/capture/index.js";
import { FrameBatch, FrameDecoder } from "../dist/index.js";
import { openSouthbound } from "../dist/southbound/index.js";
import {
  EthernetView,
  GeneveView,
  Ipv4View,
  pseudoSumIpv4,
  UdpView,
  verifyUdpChecksum,
} from "../dist/wire/index.js";

const capture = new URL("../captures/tcp-transfer/hv1.pcap", import.meta.url);
const database = new URL("../captures/tcp-transfer/sb.db", import.meta.url);

const source = await openCapture(fileURLToPath(capture));
const packets = await source.next();
const frames = new FrameBatch(packets.capacity);
const decoder = new FrameDecoder();
decoder.decode(packets, source.interfaces, frames);
const inventory = await openSouthbound(fileURLToPath(database));
const { view, offset, capturedBytes, count } = packets;
const tunnelled = Array.from({ length: count }, (_, i) => i).filter((i) => frames.vni[i] >= 0);

const ethernet = new EthernetView();
const ipv4 = new Ipv4View();
const udp = new UdpView();
const geneve = new GeneveView();
const flows = new FlowTable();
let sink = 0;

/** What every function below is measured against: one word of each packet. */
function plainLoop() {
  for (const i of tunnelled) sink ^= view.getInt32(offset[i] + 46);
}

const bench = new Bench({ name: `${tunnelled.length} packets a step`, time: 500, warmupTime: 200 });
bench
  .add("plain loop", plainLoop)
  .add("view: Ethernet, IPv4, UDP, Geneve bound", () => {
    for (const i of tunnelled) {
      ethernet.bind(view, offset[i], offset[i] + capturedBytes[i]);
      ipv4.bind(view, ethernet.payloadStart, ethernet.payloadEnd);
      udp.bind(view, ipv4.payloadStart, ipv4.payloadEnd);
      geneve.bind(view, udp.payloadStart, udp.payloadEnd);
      sink ^= geneve.vni;
    }
  })
  .add("option walk", () => {
    for (const i of tunnelled) {
      geneve.bind(view, frames.geneve[i], frames.innerEnd[i]);
      for (let more = geneve.firstOption(); more; more = geneve.nextOption()) sink ^= geneve.optionClass;
    }
  })
  .add("columns: keys", () => decoder.decodeKeys(packets, source.interfaces, frames))
  .add("columns: all", () => decoder.decode(packets, source.interfaces, frames))
  .add("checksum: outer UDP", () => {
    for (const i of tunnelled) {
      const at = frames.udp[i];
      const end = at + view.getUint16(at + 4);
      sink ^= verifyUdpChecksum(view, at, end, pseudoSumIpv4(view, frames.outerIp[i], 17, end - at));
    }
  })
  .add("flow table", () => {
    for (const i of tunnelled)
      flows.add(
        frames.vni[i],
        frames.ovnKeys[i],
        packets.originalBytes[i],
        packets.tsSec[i],
        packets.tsNsec[i],
      );
  })
  .add("key lookup as of the packet's time", () => {
    for (const i of tunnelled) {
      const keys = frames.ovnKeys[i];
      const at = packets.tsSec[i] * 1e3 + packets.tsNsec[i] * 1e-6;
      if (inventory.resolve(frames.vni[i], (keys >>> 16) & 0x7fff, keys & 0xffff, at).inport === null) sink++;
    }
  });
await bench.run();

const baseline = bench.tasks[0].result.latency.p50;
process.stdout.write(`${bench.name}; node ${process.version}\n`);
for (const { name, result } of bench.tasks) {
  const nanoseconds = (result.latency.p50 * 1e6) / tunnelled.length;
  process.stdout.write(
    `${name.padEnd(42)} ${nanoseconds.toFixed(1).padStart(8)} ns a packet  ${(result.latency.p50 / baseline).toFixed(1).padStart(7)} plain loops\n`,
  );
}
process.stdout.write(`(${sink})\n`);
