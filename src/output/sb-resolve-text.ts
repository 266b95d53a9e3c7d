import {
  type Chassis,
  type Datapath,
  type Interval,
  type MulticastGroup,
  type Port,
  portEncaps,
} from "../southbound/index.js";
import { printable } from "../text.js";
import { remarks, typeText } from "./port-words.js";
import type { SbNames } from "./sb-names.js";
import { type AddressAnswer, type KeysAnswer, openFlowWords, type SbAnswer, traceOf } from "./sb-resolve.js";
import { chassisText, encapsText } from "./sb-words.js";
import type { Style } from "./table.js";
import { momentText } from "./time.js";

export interface SbResolveTextOptions {
  utc: boolean;
  style: Style;
  names: SbNames;
  /** Whether the source has a history: without one nothing is said about how long things hold. */
  hasHistory: boolean;
}

type Line = readonly [label: string, text: string];

/** The answers of `sb resolve` for people: labels and what they stand for, one a line; parts apart by a blank one. */
export function sbResolveText(answers: readonly SbAnswer[], options: SbResolveTextOptions): string {
  return answers
    .flatMap((answer) => parts(answer, options))
    .map((lines) => labelled(lines, options.style))
    .join("\n");
}

function parts(answer: SbAnswer, options: SbResolveTextOptions): Line[][] {
  if (answer.kind === "keys") return [keyLines(answer, options)];
  if (answer.kind === "address") return [addressLines(answer, options)];
  return [
    ...answer.ports.map((port) => portLines(port, options)),
    ...answer.chassis.map((chassis) => [...chassisLines(chassis), valid(chassis, options)]),
    ...answer.datapaths.map((datapath) => datapathLines(datapath, options)),
  ];
}

/** Lines with their labels aligned; those with nothing to say left out. */
function labelled(lines: readonly Line[], style: Style): string {
  const said = lines.filter(([, text]) => text !== "");
  const width = Math.max(...said.map(([label]) => label.length));
  return said.map(([label, text]) => `${style.dim(label.padEnd(width))}  ${text}\n`).join("");
}

function keyLines(answer: KeysAnswer, options: SbResolveTextOptions): Line[] {
  const { vni, ingress, egress, vxlan, resolution } = answer;
  const { datapath, inport, outport } = resolution;
  const words = openFlowWords(vni, ingress, egress, vxlan);
  return [
    datapathLine(datapath, vni, options),
    ...(ingress === null ? [] : ownerLines("inport", inport, ingress, options)),
    ...(egress === null ? [] : ownerLines("outport", outport, egress, options)),
    resolution.beforeHistory ? ["valid", "unknown: the record begins later"] : valid(resolution, options),
    ["ovn-trace", traceOf(answer) ?? ""],
    ["receiver", words.pipeline],
    ["tunnel", words.tunnel],
    ["dpctl", words.datapath],
  ];
}

function datapathLine(datapath: Datapath | null, key: number, { names, style }: SbResolveTextOptions): Line {
  if (datapath === null) return ["datapath", `${style.yellow("unknown")}, vni ${key}`];
  const kind = datapath.kind === "unknown" ? "datapath" : datapath.kind;
  return ["datapath", `${style.bold(names.datapath(datapath))}, ${kind}, vni ${key}, uuid ${datapath.uuid}`];
}

function ownerLines(
  label: string,
  owner: Port | MulticastGroup | null,
  key: number,
  options: SbResolveTextOptions,
): Line[] {
  const { style } = options;
  if (owner === null) return [[label, key === 0 ? "none, key 0" : `${style.yellow("unknown")}, key ${key}`]];
  if (owner.kind === "port") return describePort(label, owner, options);
  const row = owner.wellKnown ? "OVN's name for this key, without a row" : `uuid ${owner.uuid}`;
  return [[label, `${style.bold(printable(owner.name))}, multicast group, key ${key}, ${row}`]];
}

function describePort(label: string, port: Port, { names, style }: SbResolveTextOptions): Line[] {
  const words = [
    style.bold(names.port(port)),
    typeText(port.type),
    `key ${port.tunnelKey}`,
    ...remarks(port),
    ...names.remarks(port),
    `uuid ${port.uuid}`,
  ];
  const chassis = [
    ...(port.chassis === null ? [] : [chassisText(port.chassis, portEncaps(port))]),
    ...port.additionalChassis.map((each) => `also ${chassisText(each)}`),
  ];
  return [
    [label, words.join(", ")],
    ["  chassis", chassis.join(", ") || (port.type === "" ? "none: not bound" : "")],
    ["  addresses", port.mac.map(printable).join(", ")],
    ["  nat", port.natAddresses.map(printable).join(", ")],
  ];
}

function portLines(port: Port, options: SbResolveTextOptions): Line[] {
  const { datapathKey, tunnelKey } = port;
  const to = openFlowWords(datapathKey, null, tunnelKey);
  return [
    ...describePort("port", port, options),
    datapathLine(port.datapath, datapathKey, options),
    valid(port, options),
    ["as inport", openFlowWords(datapathKey, tunnelKey, null).pipeline],
    ["as outport", to.pipeline],
    ["tunnel to it", to.tunnel],
    ["dpctl", to.datapath],
  ];
}

function datapathLines(datapath: Datapath, options: SbResolveTextOptions): Line[] {
  const { pipeline, tunnel } = openFlowWords(datapath.tunnelKey, null, null);
  return [
    datapathLine(datapath, datapath.tunnelKey, options),
    valid(datapath, options),
    ["receiver", pipeline],
    ["tunnel", tunnel],
  ];
}

function chassisLines(chassis: Chassis): Line[] {
  const vtep = chassis.isVtep ? ", VTEP" : "";
  return [
    [
      "chassis",
      `${printable(chassis.name)}${vtep}, host ${printable(chassis.hostname)}, uuid ${chassis.uuid}`,
    ],
    ["  tunnels", encapsText(chassis.encaps)],
  ];
}

function addressLines({ address, resolution }: AddressAnswer, options: SbResolveTextOptions): Line[] {
  const { encap, chassis } = resolution;
  const whose = encap === null ? "unknown" : `${printable(encap.type)} tunnel end point, uuid ${encap.uuid}`;
  return [
    ["address", `${printable(address)}, ${whose}`],
    ...(chassis === null ? [] : chassisLines(chassis)),
    valid(resolution, options),
  ];
}

/** How long an answer holds. */
function valid({ from, until }: Interval, { utc, hasHistory }: SbResolveTextOptions): Line {
  if (!hasHistory) return ["valid", "at the source's one moment: it has no history"];
  const start = Number.isFinite(from) ? `from ${momentText(from, utc)} ` : "";
  const end = Number.isFinite(until) ? `until ${momentText(until, utc)}` : "to the end of the record";
  return ["valid", `${start}${end}${utc ? " UTC" : ""}`];
}
