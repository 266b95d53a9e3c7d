import type { Chassis, MulticastGroup, Port } from "../southbound/index.js";
import { printable } from "../text.js";
import { remarks, typeText } from "./port-words.js";
import type { SbNames } from "./sb-names.js";
import type { SbPicture } from "./sb-show.js";
import { momentOf, ovsMap, ovsString } from "./sb-words.js";
import { grouped, type Style } from "./table.js";
import { zonedText } from "./time.js";

export interface SbShowTextOptions {
  utc: boolean;
  style: Style;
}

/** Cells wider than this no longer push the others of their column to the right. */
const WIDEST = 80;

/**
 * The answer of `sb show` for people, a piece for each chassis and datapath: as `ovn-sbctl show` prints it, with
 * the keys, then all datapaths with what is in them.
 */
export function* sbShowText(picture: SbPicture, options: SbShowTextOptions): Generator<string> {
  const { names, strays } = picture;
  const { style } = options;
  yield heading(picture, options);
  for (const chassis of picture.chassis) yield chassisBlock(chassis, picture.boundTo(chassis), names, style);
  for (const datapath of picture.datapaths) {
    const title = style.bold(`Datapath_Binding ${names.ovsDatapath(datapath)}`);
    const kind = datapath.kind === "unknown" ? "" : ` ${datapath.kind}`;
    const cells = portsAndGroups(picture.portsOf(datapath), picture.groupsOf(datapath), names);
    yield `\n${title}${kind} vni ${datapath.tunnelKey}\n${aligned(cells)}`;
  }
  if (strays.length > 0)
    yield `\n${style.yellow("Ports without a Datapath_Binding")}\n${aligned(portsAndGroups(strays, [], names))}`;
}

function heading(picture: SbPicture, { utc, style }: SbShowTextOptions): string {
  const { inventory, at, chassis, datapaths, portCount } = picture;
  const { format, schemaVersion, hasHistory, source } = inventory;
  const moment = momentOf(inventory, at);
  const date = moment === null ? "" : `, as of ${zonedText(moment, utc)}`;
  const when = hasHistory ? date : `${date}, one moment, no history`;
  const schema = schemaVersion === null ? "" : `, schema ${printable(schemaVersion)}`;
  const counts = `${grouped(chassis.length)} chassis, ${count(datapaths.length, "datapath")}, ${count(portCount, "port")}`;
  return `${style.dim(`# ${printable(source)}: ${format}${schema}${when}: ${counts}`)}\n`;
}

function count(number: number, thing: string): string {
  return `${grouped(number)} ${thing}${number === 1 ? "" : "s"}`;
}

function chassisBlock(chassis: Chassis, ports: readonly Port[], names: SbNames, style: Style): string {
  const lines = [style.bold(`Chassis ${ovsString(chassis.name)}`)];
  if (chassis.hostname !== "") lines.push(`    hostname: ${ovsString(chassis.hostname)}`);
  if (chassis.isVtep) lines.push(`    other_config: {is-vtep="true"}`);
  for (const { type, ip, options } of chassis.encaps) {
    lines.push(`    Encap ${ovsString(type)}`, `        ip: ${ovsString(ip)}`);
    if (options.size > 0) lines.push(`        options: ${ovsMap(options)}`);
  }
  const cells = ports.map((port) => {
    const additional = port.chassis?.uuid === chassis.uuid ? [] : ["additional chassis"];
    return [
      `Port_Binding ${names.ovsPort(port)}`,
      names.datapath(port.datapath),
      `vni ${port.datapathKey}`,
      `key ${port.tunnelKey}`,
      [...(port.type === "" ? [] : [typeText(port.type)]), ...additional, ...remarks(port)].join(", "),
    ];
  });
  return `${lines.join("\n")}\n${aligned(cells)}`;
}

function portsAndGroups(
  ports: readonly Port[],
  groups: readonly MulticastGroup[],
  names: SbNames,
): string[][] {
  return [
    ...ports.map((port) => {
      const bound = [...(port.chassis === null ? [] : [port.chassis]), ...port.additionalChassis];
      return [
        `Port_Binding ${names.ovsPort(port)}`,
        `key ${port.tunnelKey}`,
        typeText(port.type),
        bound.length === 0 ? "-" : bound.map(({ name }) => printable(name)).join(" + "),
        [...remarks(port), ...names.remarks(port), ...port.mac.map(printable)].join(", "),
      ];
    }),
    ...groups.map(({ name, tunnelKey }) => [`Multicast_Group ${ovsString(name)}`, `key ${tunnelKey}`]),
  ];
}

/** Rows indented as ovn-sbctl does, their cells one below the other. */
function aligned(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows)
    row.forEach((cell, c) => {
      if (cell.length > (widths[c] ?? 0) && cell.length <= WIDEST) widths[c] = cell.length;
    });
  let text = "";
  for (const row of rows) {
    const line = row.map((cell, c) => cell.padEnd(widths[c] ?? 0)).join("  ");
    text += `    ${line.trimEnd()}\n`;
  }
  return text;
}
