/*
 * A southbound database of OVN's full size in a real ovsdb-server: how fast it is loaded, how well it is
 * followed, what a resolve costs, and what it does to the speed of `analyze`.
 *
 *   npm run build && node bench/southbound.js [--ports 200000] [--datapaths 2000] [--chassis 1000] [--pairs 5]
 *     [--rate 2000] [--rows 20] [--seconds 20] [--bytes 1073741824] [--only load,follow,resolve,analyze]
 *
 * The database is generated (bench/southbound-generate.js), and so are the captures. What is compared takes
 * turns, so that a machine whose speed drifts bends neither side. Each part checks what it found. Prints medians
 * and, in brackets, the least and the most.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { generate } from "./generate.js";
import { check, line, median, run } from "./measure.js";
import { GeneratedSouthbound } from "./southbound-generate.js";
import { Server } from "./southbound-server.js";
import { PortChanges, Writer } from "./southbound-writer.js";

const option = (value) => ({ type: "string", default: String(value) });
const { values } = parseArgs({
  options: {
    ports: option(200_000),
    datapaths: option(2000),
    chassis: option(1000),
    pairs: option(5),
    rate: option(2000),
    rows: option(20),
    seconds: option(20),
    bytes: option(2 ** 30),
    only: option("load,resolve,analyze,follow"),
  },
});
const [ports, datapaths, chassis, pairs] = [values.ports, values.datapaths, values.chassis, values.pairs].map(
  Number,
);
const program = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
const childProgram = fileURLToPath(new URL("./southbound-child.js", import.meta.url));
const directory = mkdtempSync(join(tmpdir(), "genevescope-bench-"));
const database = join(directory, "sb.db");
const southbound = new GeneratedSouthbound({ ports, datapaths, chassis });

const print = (text) => process.stdout.write(text);
const result = (name, list, digits, unit) => print(line(`  ${name}`, list, digits, unit, 62));
const one = (name, value, digits, unit) =>
  print(`${`  ${name}`.padEnd(62)} ${value.toFixed(digits)} ${unit}\n`);

/** Runs a part of bench/southbound-child.js: what it reports, and what the whole process took. */
function child(role, ...parameters) {
  const { seconds, result } = run(process.execPath, [
    "--expose-gc",
    childProgram,
    role,
    ...parameters.map(String),
  ]);
  return { seconds, ...JSON.parse(result.stdout) };
}

/** Calls each of `functions` in turn, the other way round every other time; the results by function. */
function inTurns(functions, times = pairs) {
  const results = functions.map(() => []);
  for (let time = 0; time < times; time++) {
    const order = functions.map((_, index) => (time % 2 === 0 ? index : functions.length - 1 - index));
    for (const index of order) results[index].push(functions[index]());
  }
  return results;
}

const ratios = (a, b) => a.map((value, index) => value / b[index]);

function measureLoad(server) {
  const last = southbound.ports - 1;
  const [vni, key] = southbound.keysOf(last);
  const ours = () => {
    const report = child("load", server.remote, vni, key);
    check("name of the last port", report.name, southbound.portName(last));
    check("chassis of the last port", report.chassis, `hv${last % chassis}`);
    return report;
  };
  const cli = () =>
    run(process.execPath, [program, "sb", "resolve", "1", "1", "2", "--sb", server.remote]).seconds;
  const dump = (format) => () => server.dumpSeconds(format);
  const [loads, clis, tables, jsons] = inTurns([ours, cli, dump("table"), dump("json")]);
  const seconds = loads.map((each) => each.seconds);
  print("load: connect, load and close, as whole processes\n");
  result("openSouthbound", seconds, 2, "s");
  result(
    "openSouthbound's own processor time",
    loads.map((each) => each.cpuSeconds),
    2,
    "s",
  );
  result("genevescope sb resolve", clis, 2, "s");
  result("ovsdb-client dump of the same columns", tables, 2, "s");
  result("ovsdb-client -f json dump of the same columns", jsons, 2, "s");
  result("openSouthbound / dump", ratios(seconds, tables), 2, "times");
  result("openSouthbound / dump -f json", ratios(seconds, jsons), 2, "times");
  result("sb resolve / dump", ratios(clis, tables), 2, "times");
  result(
    "most memory resident",
    loads.map((each) => each.maxRSS / 1024),
    0,
    "MiB",
  );
}

function measureResolve() {
  const { calls, triples, first, again } = child("resolve", database, ports, datapaths);
  print(`resolve: ${calls} calls for ${triples} triples of keys\n`);
  one("a triple's first resolve", first.nanoseconds, 0, "ns");
  one("a triple's first resolve keeps", first.bytes, 0, "bytes");
  for (const [name, { nanoseconds, bytes, collections }] of Object.entries(again)) {
    const what = name === "latest" ? "the latest state" : "each packet's own time";
    one(`resolve as of ${what}`, nanoseconds, 1, "ns");
    one(`resolve as of ${what}: heap grown`, bytes, 4, "bytes a call");
    one(`resolve as of ${what}: garbage collections`, collections, 0, "in all calls");
  }
}

function measureAnalyze() {
  const small = join(directory, "small.db");
  const tenPorts = new GeneratedSouthbound({ ports: 10, datapaths: 1, chassis: 2 });
  tenPorts.write(small);
  const bytes = Number(values.bytes);
  const manyFlows = Math.min(20_000, ports);
  const captures = {
    "100 flows of 10 ports": {
      southbound: tenPorts,
      flows: Array.from({ length: 100 }, (_, flow) => [flow % 10, Math.floor(flow / 10)]),
    },
    [`${manyFlows} flows of all ports`]: {
      southbound,
      flows: Array.from({ length: manyFlows }, (_, flow) => {
        const sender = Math.floor((flow * ports) / manyFlows);
        const place = sender % southbound.portsPerDatapath;
        return [sender, sender - place + ((place + 1) % southbound.portsPerDatapath)];
      }),
    },
  };
  for (const [name, traffic] of Object.entries(captures)) {
    const file = join(directory, "generated.pcap");
    const truth = generate(file, { ...traffic, bytes });
    const counted = (source) => () => {
      const report = child("analyze", source, file);
      check("packets", report.packets, truth.packets);
      check("flows", report.flows, truth.flowCount);
      if (source !== small) check("flows with names", report.named, truth.flowCount);
      return report;
    };
    const whole = (source) => () => run(process.execPath, [program, "analyze", file, "--sb", source]).seconds;
    counted(database)();
    const [few, many, fewWhole, manyWhole] = inTurns([
      counted(small),
      counted(database),
      whole(small),
      whole(database),
    ]);
    const rate = (reports, part) => reports.map((each) => truth.packets / part(each) / 1e6);
    const reading = ({ reading }) => reading;
    const both = ({ reading, naming }) => reading + naming;
    const change = (part) => ratios(rate(many, part), rate(few, part)).map((ratio) => (ratio - 1) * 100);
    print(`analyze: ${name}, ${truth.packets} packets; a southbound of 10 ports and one of ${ports}\n`);
    result("packets, 10 ports", rate(few, reading), 2, "million/s");
    result(`packets, ${ports} ports`, rate(many, reading), 2, "million/s");
    result("change of packets/s, by pairs", change(reading), 1, "%");
    result("change of packets/s, by pairs, with the naming of all flows", change(both), 1, "%");
    result(
      "naming of all flows, 10 ports",
      few.map(({ naming }) => naming * 1e3),
      1,
      "ms",
    );
    result(
      `naming of all flows, ${ports} ports`,
      many.map(({ naming }) => naming * 1e3),
      1,
      "ms",
    );
    result("whole process with loading, 10 ports", fewWhole, 2, "s");
    result(`whole process with loading, ${ports} ports`, manyWhole, 2, "s");
    rmSync(file);
  }
}

/** Runs `rate` changes a second in transactions of `rows`, evenly; the times of each, by number from 1. */
async function change(server, changes, { rate, rows, seconds }) {
  const writer = await Writer.connect(server.path);
  const now = () => Number(process.hrtime.bigint()) / 1e9;
  const count = Math.round((rate * seconds) / rows);
  const sent = [now()];
  const committed = [sent[0]];
  const open = new Set();
  const began = now();
  for (let number = 1; number <= count; number++) {
    const due = began + ((number - 1) * rows) / rate;
    while (now() < due) await new Promise((resolve) => setTimeout(resolve, 1));
    const transaction = changes.next(rows);
    sent[number] = now();
    const done = writer.transact(number, transaction.operations).then((results) => {
      committed[number] = now();
      transaction.committed(results);
      open.delete(done);
    });
    open.add(done);
    // A transaction refused ends it: at the next one, or at the end.
    done.catch(() => {});
    if (open.size > 1000) await Promise.all(open);
  }
  await Promise.all(open);
  const took = now() - began;
  await writer.close();
  return { count, sent, committed, took };
}

/** How much `values` grow from one to the next, by least squares. */
function slope(values) {
  const middle = (values.length - 1) / 2;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  let [above, below] = [0, 0];
  for (const [index, value] of values.entries()) {
    above += (index - middle) * (value - mean);
    below += (index - middle) ** 2;
  }
  return above / below;
}

async function measureFollow(server) {
  const plan = { rate: Number(values.rate), rows: Number(values.rows), seconds: Number(values.seconds) };
  const follower = fork(childProgram, ["follow", server.remote], { execArgv: ["--expose-gc"] });
  const message = async () => {
    const signal = AbortSignal.timeout(600_000);
    const ended = once(follower, "exit", { signal }).then(() => {
      throw new Error("the follower ended");
    });
    ended.catch(() => {});
    return (await Promise.race([once(follower, "message", { signal }), ended]))[0];
  };
  try {
    await message();
    follower.send({ begin: true });
    await message();
    const { count, sent, committed, took } = await change(server, new PortChanges(southbound), plan);
    follower.send({ end: count });
    const report = await message();
    const expected = server.ports();
    check("state of the link", report.state, "connected");
    check("warnings", JSON.stringify(report.warnings), "[]");
    check("ports followed", report.ports, expected.ports);
    check("what the ports are", report.digest, expected.digest);
    const applied = [];
    for (const [number, time] of report.applied)
      for (let each = applied.length; each <= number; each++) applied[each] = time;
    const lags = (from) => from.slice(1).map((time, index) => (applied[index + 1] - time) * 1e3);
    const part = (list, from, to) => list.slice(Math.floor(list.length * from), Math.ceil(list.length * to));
    const late = [...lags(sent)].sort((a, b) => a - b);
    const changesMade = count * plan.rows;
    print(
      `follow: ${changesMade} changes of ports in ${count} transactions, ${plan.rate} a second asked for\n`,
    );
    one("changes made", changesMade / took, 0, "/s");
    one("from commit reply to application, median", median(lags(committed)), 2, "ms");
    one("from request to application, median", median(late), 2, "ms");
    one("from request to application, 99 % within", late[Math.floor(late.length * 0.99)], 2, "ms");
    one("from request to application, most", late.at(-1), 2, "ms");
    one("from request to application, first tenth, median", median(part(lags(sent), 0, 0.1)), 2, "ms");
    one("from request to application, last tenth, median", median(part(lags(sent), 0.9, 1)), 2, "ms");
    one("the same grows by", slope(lags(sent)) * (plan.rate / plan.rows), 3, "ms a second");
    one("follower's processor time", (report.cpuSeconds / took) * 100, 1, "% of a core");
    one("follower's event loop late, 99 % within", report.delay99, 1, "ms");
    one("follower's event loop late, most", report.delayMost, 1, "ms");
    one("follower's resident memory at the end", report.rss / 2 ** 20, 0, "MiB");
    one("follower's resident memory grown", report.rssGrown / 2 ** 20, 1, "MiB");
    one("history kept", report.heapGrown / changesMade, 0, "bytes a change");
    print(`  ${expected.ports} ports at the end, the same as ovsdb-client dumps\n`);
  } finally {
    follower.kill();
  }
}

const parts = values.only.split(",");
let server = null;
try {
  const bytes = southbound.write(database);
  print(
    `${datapaths} datapaths, ${ports} ports, ${chassis} chassis, ${(bytes / 2 ** 20).toFixed(0)} MiB as a file, ${pairs} pairs; node ${process.version}, ${cpus()[0]?.model.trim()}, ${cpus().length} processors\n`,
  );
  if (parts.includes("resolve")) measureResolve();
  if (parts.includes("analyze")) measureAnalyze();
  if (parts.includes("load") || parts.includes("follow")) server = await Server.start(database, directory);
  if (parts.includes("load")) measureLoad(server);
  if (parts.includes("follow")) await measureFollow(server);
} finally {
  await server?.stop();
  rmSync(directory, { recursive: true, force: true });
}
