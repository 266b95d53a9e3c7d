/*
 * What bench/southbound.js measures in processes of their own:
 *
 *   load SOURCE VNI KEY                opens a southbound and closes it
 *   resolve SOURCE PORTS DATAPATHS     resolves keys over and over
 *   analyze SOURCE CAPTURE             counts a capture and names what it found
 *   follow SOURCE                      follows a server, as its parent says
 *
 * Each reports one JSON object: on standard output, or `follow` to its parent.
 */
import { createHash } from "node:crypto";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { GCProfiler } from "node:v8";
import { Analyzer, FrameBatch, FrameDecoder, openCapture } from "../dist/index.js";
import { followSouthbound, openSouthbound } from "../dist/southbound/index.js";
import { random } from "./generate.js";
import { GeneratedSouthbound } from "./southbound-generate.js";
import { SEQUENCE } from "./southbound-writer.js";

const now = () => Number(process.hrtime.bigint()) / 1e9;
const LATEST = Number.POSITIVE_INFINITY;

async function load(source, vni, key) {
  const inventory = await openSouthbound(source);
  const port = inventory.port(Number(vni), Number(key), LATEST);
  const { maxRSS, userCPUTime, systemCPUTime } = process.resourceUsage();
  const cpuSeconds = (userCPUTime + systemCPUTime) / 1e6;
  return { name: port?.name, chassis: port?.chassis?.name, maxRSS, cpuSeconds };
}

const TRIPLES = 20_000;
const CALLS = 10_000_000;

async function resolve(source, ports, datapaths) {
  const inventory = await openSouthbound(source);
  const southbound = new GeneratedSouthbound({ ports: Number(ports), datapaths: Number(datapaths) });
  const vnis = new Int32Array(TRIPLES);
  const ingress = new Int32Array(TRIPLES);
  const egress = new Int32Array(TRIPLES);
  const next = random(7);
  for (let i = 0; i < TRIPLES; i++) {
    const [vni, key] = southbound.keysOf(next() % southbound.ports);
    vnis[i] = vni;
    ingress[i] = key;
    egress[i] = (next() % southbound.portsPerDatapath) + 1;
  }
  const from = (inventory.latestDate ?? 0) + 1;
  let named = 0;
  /** Resolves the triples in turn: as of the latest state, or each as of a time of its own. */
  const latest = (calls) => {
    for (let i = 0; i < calls; i++) {
      const at = i % TRIPLES;
      if (inventory.resolve(vnis[at], ingress[at], egress[at], LATEST).inport !== null) named++;
    }
  };
  const packets = (calls) => {
    for (let i = 0; i < calls; i++) {
      const at = i % TRIPLES;
      if (inventory.resolve(vnis[at], ingress[at], egress[at], from + i * 0.01).inport !== null) named++;
    }
  };
  global.gc();
  const [began, used] = [now(), process.memoryUsage().heapUsed];
  latest(TRIPLES);
  const nanoseconds = ((now() - began) / TRIPLES) * 1e9;
  global.gc();
  const first = { nanoseconds, bytes: (process.memoryUsage().heapUsed - used) / TRIPLES };
  const again = {};
  for (const [name, loop] of Object.entries({ latest, packets })) {
    loop(CALLS / 5);
    global.gc();
    const collections = new GCProfiler();
    collections.start();
    const before = process.memoryUsage().heapUsed;
    const start = now();
    loop(CALLS);
    const seconds = now() - start;
    const grown = process.memoryUsage().heapUsed - before;
    const nanoseconds = (seconds / CALLS) * 1e9;
    again[name] = { nanoseconds, bytes: grown / CALLS, collections: collections.stop().statistics.length };
  }
  if (named !== TRIPLES + 2 * (CALLS + CALLS / 5)) throw new Error("a key has no name");
  return { calls: CALLS, triples: TRIPLES, first, again };
}

/** As src/cli/analyze.ts and read.ts do, with the southbound open before the clock starts. */
async function analyze(southbound, file) {
  const inventory = await openSouthbound(southbound);
  const start = now();
  const decoder = new FrameDecoder();
  const analyzer = new Analyzer(inventory, inventory.hasHistory ? null : LATEST, decoder);
  const source = await openCapture(file);
  analyzer.startFile(file);
  let frames = null;
  for (;;) {
    const run = source.records();
    const taken = run === null ? 0 : analyzer.takeRecords(run, LATEST);
    if (taken > 0) {
      source.pass(analyzer.recordsEnd, taken);
      continue;
    }
    const packets = await source.next(run === null ? undefined : 1);
    if (packets === null) break;
    frames ??= new FrameBatch(packets.capacity);
    decoder.decodeKeys(packets, source.interfaces, frames);
    analyzer.add(packets, frames);
  }
  analyzer.endFile(source);
  await source.close();
  const counted = now();
  const { packets, flows } = analyzer.summary(LATEST);
  return {
    reading: counted - start,
    naming: now() - counted,
    packets,
    flows: flows.length,
    named: flows.filter(({ inport, outport }) => inport !== null && outport !== null).length,
  };
}

/**
 * Follows a server. Tells its parent `ready`; when told `begin`, measures, until it is told the number of the
 * last transaction and has applied that.
 */
async function follow(source) {
  const { inventory, link } = await followSouthbound(source);
  const applied = [];
  let last = Number.POSITIVE_INFINITY;
  let finish = () => {};
  // The inventory tells nobody when it changes; what is measured is when its answers have changed.
  const apply = inventory.apply;
  inventory.apply = (...transaction) => {
    apply.apply(inventory, transaction);
    const sequence = Number(inventory.global(LATEST)?.externalIds.get(SEQUENCE) ?? 0);
    applied.push([sequence, now()]);
    if (sequence >= last) finish();
  };
  const resolution = 5;
  const delay = monitorEventLoopDelay({ resolution });
  let cpu = process.cpuUsage();
  let before = null;
  const heap = () => {
    global.gc();
    return { rss: process.memoryUsage.rss(), heapUsed: process.memoryUsage().heapUsed };
  };
  const result = () => {
    delay.disable();
    const { user, system } = process.cpuUsage(cpu);
    const rss = process.memoryUsage.rss();
    const after = heap();
    const ports = inventory.ports(LATEST);
    const lines = ports.map(
      (port) => `${port.name} ${port.datapathKey} ${port.tunnelKey} ${port.chassis?.name} ${port.up}`,
    );
    return {
      applied,
      cpuSeconds: (user + system) / 1e6,
      delay99: delay.percentile(99) / 1e6 - resolution,
      delayMost: delay.max / 1e6 - resolution,
      rssGrown: rss - before.rss,
      heapGrown: after.heapUsed - before.heapUsed,
      rss,
      ports: ports.length,
      digest: createHash("sha1").update(lines.sort().join("\n")).digest("hex"),
      state: link.state,
      warnings: inventory.warnings,
    };
  };
  process.on("message", ({ begin, end }) => {
    if (begin) {
      before = heap();
      applied.length = 0;
      cpu = process.cpuUsage();
      delay.enable();
      process.send({ begun: true });
      return;
    }
    last = end;
    finish = () => {
      finish = () => {};
      // Outside the connection's own call.
      setImmediate(() => {
        process.send(result());
        link.close();
        process.disconnect();
      });
    };
    if ((applied.at(-1)?.[0] ?? 0) >= last) finish();
  });
  process.send({ ready: true });
}

const roles = { load, resolve, analyze, follow };
const [role, ...parameters] = process.argv.slice(2);
const report = await roles[role](...parameters);
if (report !== undefined) process.stdout.write(JSON.stringify(report));
