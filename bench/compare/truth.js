/*
 * What programs say of a capture, brought into one form, and compared with what was generated.
 *
 * Counters: `totals`, numbers and times by name; `flows`, "VNI ingress egress" to "packets bytes first last";
 * `tunnels`, "source destination" to "packets bytes largest". Times are nanoseconds since 1970, as text, addresses
 * IPv6 as 32 hexadecimal digits.
 */
import { closeSync, openSync, readSync } from "node:fs";
import { GeneratedSouthbound } from "../southbound-generate.js";

/** An address of any form as 32 hexadecimal digits, IPv4 mapped into IPv6. */
export function addressDigits(text) {
  if (/^[0-9a-f]{32}$/.test(text)) return text;
  if (!text.includes(":"))
    return `00000000000000000000ffff${Buffer.from(text.split(".").map(Number)).toString("hex")}`;
  const [head, tail] = text.split("::").map((part) => (part === "" ? [] : part.split(":")));
  const zeros = tail === undefined ? [] : Array(8 - head.length - tail.length).fill("0");
  return [...head, ...zeros, ...(tail ?? [])].map((word) => word.padStart(4, "0")).join("");
}

/** RFC 3339 with nanoseconds, in UTC, as nanoseconds. */
const nanoseconds = (iso) => `${Date.parse(`${iso.slice(0, 19)}Z`) / 1000}${iso.slice(20, 29)}`;

/** The truth of generate.js, and the output of reader.c and its kin, which have the same form. */
export function countersOf({ packets, bytes, firstTime, lastTime, flowCount, flows, tunnels, ...more }) {
  return {
    totals: { packets, bytes, firstTime, lastTime, flowCount, ...more },
    flows: new Map(
      flows.map(([vni, ingress, egress, ...rest]) => [`${vni} ${ingress} ${egress}`, rest.join(" ")]),
    ),
    tunnels: new Map(
      tunnels.map(([source, destination, count, sum, largest]) => [
        `${addressDigits(source)} ${addressDigits(destination)}`,
        `${count} ${sum} ${largest}`,
      ]),
    ),
  };
}

/** Counts packets one by one, for the programs that print them so. */
export class Counting {
  #packets = 0;
  #bytes = 0;
  #firstTime = "";
  #lastTime = "";
  #flows = new Map();
  #tunnels = new Map();

  /** `outerBytes`: length of the outer IP packet. Packets come in the order of their times. */
  add({ vni, ingress, egress, bytes, time, source, destination, outerBytes }) {
    if (this.#packets++ === 0) this.#firstTime = time;
    this.#lastTime = time;
    this.#bytes += bytes;
    const key = `${vni} ${ingress} ${egress}`;
    const flow = this.#flows.get(key) ?? [0, 0, time, time];
    flow[0]++;
    flow[1] += bytes;
    flow[3] = time;
    this.#flows.set(key, flow);
    const between = `${source} ${destination}`;
    const tunnel = this.#tunnels.get(between) ?? [0, 0, 0];
    tunnel[0]++;
    tunnel[1] += bytes;
    tunnel[2] = Math.max(tunnel[2], outerBytes);
    this.#tunnels.set(between, tunnel);
  }

  counters() {
    return countersOf({
      packets: this.#packets,
      bytes: this.#bytes,
      firstTime: this.#firstTime,
      lastTime: this.#lastTime,
      flowCount: this.#flows.size,
      flows: [...this.#flows].map(([key, flow]) => [...key.split(" "), ...flow]),
      tunnels: [...this.#tunnels].map(([between, tunnel]) => [...between.split(" "), ...tunnel]),
    });
  }
}

/** The lines of a text file, which may be longer than a string can be. */
export function* linesOf(file) {
  const input = openSync(file, "r");
  try {
    const block = Buffer.alloc(2 ** 20);
    let rest = "";
    for (let got = readSync(input, block); got > 0; got = readSync(input, block)) {
      const lines = (rest + block.latin1Slice(0, got)).split("\n");
      rest = lines.pop();
      yield* lines;
    }
    if (rest !== "") yield rest;
  } finally {
    closeSync(input);
  }
}

/** `genevescope analyze -o json`, which has an element of a list a line: there may be a million of them. */
function readAnalyze(file) {
  const answer = {};
  let list = [];
  for (const line of linesOf(file)) {
    const member = /^ "(\w+)": (.*?),?$/.exec(line);
    if (member !== null) answer[member[1]] = list = member[2] === "[" ? [] : JSON.parse(member[2]);
    else if (line.startsWith("  ")) list.push(JSON.parse(line.endsWith(",") ? line.slice(0, -1) : line));
  }
  return answer;
}

/** Compares every counter and every name of `genevescope analyze -o json` with the truth. */
export function checkAnalyze(file, truth, { named = true } = {}) {
  const answer = readAnalyze(file);
  const [capture] = answer.files;
  const found = countersOf({
    packets: answer.packets,
    bytes: answer.bytes,
    firstTime: nanoseconds(capture.firstTime),
    lastTime: nanoseconds(capture.lastTime),
    flowCount: answer.flowCount,
    flows: answer.flows.map((flow) => [
      flow.datapathKey,
      flow.ingressKey,
      flow.egressKey,
      flow.packets,
      flow.bytes,
      nanoseconds(flow.firstTime),
      nanoseconds(flow.lastTime),
    ]),
    tunnels: answer.tunnels.map((tunnel) => [
      tunnel.source,
      tunnel.destination,
      tunnel.packets,
      tunnel.bytes,
      tunnel.largestOuterBytes,
    ]),
  });
  checkCounters("genevescope analyze", found, truth);
  const zero = ["bfd", "oam", "notGeneve", "malformed", "truncated", "unsupported", "flowOverflow"];
  for (const [name, wanted] of [
    ["geneve", truth.packets],
    ["ovn", truth.packets],
    ["unresolved", named ? 0 : null],
    ...zero.map((name) => [name, 0]),
  ])
    same(`genevescope analyze: ${name}`, answer[name], wanted);
  const sums = sumsOf(truth);
  const southbound = new GeneratedSouthbound(truth.southbound);
  const name = (text) => (named ? text : null);
  const port = (vni, key) => name(southbound.portName(southbound.indexOf(vni, key)));
  const datapath = (vni) => name(southbound.datapathName(vni));
  for (const flow of answer.flows) {
    const { datapathKey: vni, ingressKey, egressKey } = flow;
    const wanted = [datapath(vni), port(vni, ingressKey), port(vni, egressKey)];
    same("genevescope analyze: a flow's names", [flow.datapath, flow.inport, flow.outport], wanted);
  }
  same("genevescope analyze: ports", answer.ports.length, sums.ports.size);
  for (const each of answer.ports) {
    const { datapathKey: vni, portKey } = each;
    const counted = [each.txPackets, each.txBytes, each.rxPackets, each.rxBytes];
    same(`genevescope analyze: port ${portKey} of ${vni}`, counted, sums.ports.get(`${vni} ${portKey}`));
    same(
      "genevescope analyze: a port's name",
      [each.datapath, each.name],
      [datapath(vni), port(vni, portKey)],
    );
    const chassis = southbound.indexOf(vni, portKey) % southbound.chassis;
    same("genevescope analyze: a port's chassis", each.chassis, name(`hv${chassis}`));
  }
  same("genevescope analyze: datapaths", answer.datapaths.length, sums.datapaths.size);
  for (const each of answer.datapaths) {
    const vni = each.datapathKey;
    same(`genevescope analyze: datapath ${vni}`, [each.packets, each.bytes], sums.datapaths.get(vni));
    same("genevescope analyze: a datapath's name", each.name, datapath(vni));
  }
  const chassisOf = endpointNames(southbound);
  for (const { source, destination, sourceChassis, destinationChassis, fragments } of answer.tunnels) {
    const wanted = [
      name(chassisOf.get(addressDigits(source))),
      name(chassisOf.get(addressDigits(destination))),
    ];
    same("genevescope analyze: a tunnel's chassis", [sourceChassis, destinationChassis], wanted);
    same("genevescope analyze: a tunnel's fragments", fragments, 0);
  }
}

/** The truth of ports ("VNI key" to sent and received packets and bytes) and of datapaths (by VNI). */
function sumsOf(truth) {
  const ports = new Map();
  const datapaths = new Map();
  const add = (map, key, at, packets, bytes, size) => {
    const sum = map.get(key) ?? Array(size).fill(0);
    sum[at] += packets;
    sum[at + 1] += bytes;
    map.set(key, sum);
  };
  for (const [vni, ingress, egress, packets, bytes] of truth.flows) {
    add(ports, `${vni} ${ingress}`, 0, packets, bytes, 4);
    add(ports, `${vni} ${egress}`, 2, packets, bytes, 4);
    add(datapaths, vni, 0, packets, bytes, 2);
  }
  return { ports, datapaths };
}

/** Chassis by tunnel address, of either kind. */
function endpointNames(southbound) {
  const names = new Map();
  for (let index = 0; index < southbound.chassis; index++)
    for (const address of [southbound.encapIp(index), southbound.encapIpv6(index)])
      names.set(addressDigits(address), `hv${index}`);
  return names;
}

/** Compares the lines of `genevescope decode` in UTC: keys, names, chassis and times of every packet. */
export function checkDecodeText(file, truth, { named = true } = {}) {
  const southbound = new GeneratedSouthbound(truth.southbound);
  const line = /^(\S+) (\S+) > (\S+)(?: (\S+): (\S+) -> (\S+))? \[vni (\d+) in (\d+) out (\d+)\] /;
  const flows = new Map();
  const tunnels = new Map();
  const chassisOf = endpointNames(southbound);
  let packets = 0;
  const clock = (time) => new Date(Number(time.slice(0, 10)) * 1000).toISOString().slice(11, 19);
  for (const text of linesOf(file)) {
    const found = line.exec(text);
    if (found === null) throw new Error(`genevescope decode: a line of another form: ${text}`);
    packets++;
    const [, time, source, destination, datapath, inport, outport, vni, ingress, egress] = found;
    const key = `${vni} ${ingress} ${egress}`;
    const flow = flows.get(key);
    if (flow === undefined) {
      flows.set(key, { packets: 1, first: time, last: time, datapath, inport, outport });
      const port = (number) => southbound.portName(southbound.indexOf(Number(vni), Number(number)));
      const wanted = named ? [southbound.datapathName(Number(vni)), port(ingress), port(egress)] : [];
      same("genevescope decode: names", [datapath, inport, outport].filter(Boolean), wanted);
    } else {
      flow.packets++;
      flow.last = time;
      if (flow.datapath !== datapath || flow.inport !== inport || flow.outport !== outport)
        throw new Error(`genevescope decode: other names than before: ${text}`);
    }
    const between = `${source} ${destination}`;
    tunnels.set(between, (tunnels.get(between) ?? 0) + 1);
  }
  same("genevescope decode: packets", packets, truth.packets);
  same("genevescope decode: flows", flows.size, truth.flowCount);
  for (const [vni, ingress, egress, wanted, , first, last] of truth.flows) {
    const flow = flows.get(`${vni} ${ingress} ${egress}`);
    const times = [first, last].map((time) => `${clock(time)}.${time.slice(10, 16)}`);
    same(
      `genevescope decode: flow ${vni} ${ingress} ${egress}`,
      [flow?.packets, flow?.first, flow?.last],
      [wanted, ...times],
    );
  }
  same("genevescope decode: tunnels", tunnels.size, truth.tunnels.length);
  for (const [source, destination, wanted] of truth.tunnels) {
    const ends = [source, destination].map((each) => (named ? chassisOf.get(addressDigits(each)) : each));
    same(`genevescope decode: tunnel ${ends.join(" ")}`, tunnels.get(ends.join(" ")), wanted);
  }
}

/** Compares the lines of `genevescope decode -o json`. */
export function checkDecodeJson(file, truth) {
  const counting = new Counting();
  for (const line of linesOf(file)) {
    const { originalBytes, time, outer, ovn, status, inner } = JSON.parse(line);
    const checksums = [outer.ip.checksum, outer.udp.checksum, inner.ip.checksum, inner.icmp.checksum];
    same("genevescope decode -o json: status", status, "ok");
    same("genevescope decode -o json: checksums", checksums, ["good", "good", "good", "good"]);
    counting.add({
      vni: ovn.datapathKey,
      ingress: ovn.ingressKey,
      egress: ovn.egressKey,
      bytes: originalBytes,
      time: nanoseconds(time),
      source: addressDigits(outer.ip.src),
      destination: addressDigits(outer.ip.dst),
      outerBytes: outer.ip.length,
    });
  }
  checkCounters("genevescope decode -o json", counting.counters(), truth);
}

/**
 * Throws where what a program found differs from the truth. Of flows and tunnels all must be there and right, or
 * with `part` those that are there.
 */
export function checkCounters(program, found, truth, { part = false } = {}) {
  const wanted = countersOf(truth);
  for (const name of ["packets", "bytes", "firstTime", "lastTime", "flowCount"])
    same(`${program}: ${name}`, found.totals[name], wanted.totals[name]);
  for (const list of ["flows", "tunnels"]) {
    if (!part) same(`${program}: ${list}`, found[list].size, wanted[list].size);
    for (const [key, value] of found[list]) same(`${program}: ${list} ${key}`, value, wanted[list].get(key));
  }
}

/** Throws where two values, or lists of values, are not the same. */
export function same(name, found, wanted) {
  const [a, b] = [JSON.stringify(found), JSON.stringify(wanted)];
  if (a !== b) throw new Error(`${name}: ${a}, expected ${b}`);
}
