import type { FlowSummary, Summary } from "../analysis/summary.js";
import { KeysFrom } from "../frame/columns.js";
import { FrameStatus, layerName, statusName, stopText } from "../frame/status.js";
import type { FriendlyName } from "../southbound/index.js";
import { printable } from "../text.js";
import { linkTypeName } from "../wire/linktype.js";
import { label, type NameChoice, type NameSources } from "./names.js";
import { type Column, grouped, type Style, table } from "./table.js";
import { clockTime, dateTime } from "./time.js";

export interface AnalyzeTextOptions {
  /** Flows (and ports, datapaths, tunnels) listed at most. */
  top: number;
  all: boolean;
  /** Packets that the filters left out; null where there are no filters. */
  filteredOut: number | null;
  utc: boolean;
  /** Whether there is an inventory: without one the columns of names are left out. */
  named: boolean;
  /** Which of its names a thing is shown by. */
  names: NameChoice;
  sources: NameSources;
  style: Style;
}

const KEYS_FROM: readonly (readonly [from: number, words: string])[] = [
  [KeysFrom.underlay, "keys from the underlay"],
  [KeysFrom.flow, "from the datapath's flows"],
  [KeysFrom.addresses, "by addresses"],
  [KeysFrom.several, "by addresses, with several possible"],
  [KeysFrom.nothing, "keys unknown"],
];

const left = (title: string): Column => ({ title, align: "left" });
const right = (title: string): Column => ({ title, align: "right" });

/** The answer of `analyze` for people. */
export function analyzeText(summary: Summary, options: AnalyzeTextOptions): string {
  return [
    files(summary, options) + matching(summary, options),
    counts(summary, options),
    notDecoded(summary, options),
    flows(summary, options),
    ports(summary, options),
    datapaths(summary, options),
    tunnels(summary, options),
  ]
    .filter((part) => part !== "")
    .join("\n");
}

function files(summary: Summary, { utc }: AnalyzeTextOptions): string {
  return summary.files
    .map((file) => {
      const span =
        file.firstTime === null || file.lastTime === null
          ? ""
          : `, ${dateTime(file.firstTime.sec, file.firstTime.nsec, utc)} to ${clockTime(file.lastTime.sec, file.lastTime.nsec, utc)}${utc ? " UTC" : ""}`;
      const link = file.linkTypes.map(linkTypeName).join(", ");
      const damage = file.damage === null ? "" : `, damaged at byte ${file.damage.offset}`;
      return `${printable(file.name)}: ${plural(file.packets, "packet")}, ${plural(file.bytes, "byte")}, ${link}${span}${damage}\n`;
    })
    .join("");
}

function matching({ packets }: Summary, { filteredOut }: AnalyzeTextOptions): string {
  if (filteredOut === null) return "";
  return `${grouped(packets)} of ${plural(packets + filteredOut, "packet")} match the filters\n`;
}

function plural(count: number, thing: string): string {
  return `${grouped(count)} ${thing}${count === 1 ? "" : "s"}`;
}

function counts(summary: Summary, { style }: AnalyzeTextOptions): string {
  const { geneve, vxlan, stt } = summary;
  const others = geneve + vxlan + stt - summary.ovn - summary.bfd;
  const parts = [`${grouped(summary.ovn)} OVN`];
  if (summary.assumed > 0) parts.push(`${grouped(summary.assumed)} of them VXLAN that may be another's`);
  if (summary.bfd > 0) parts.push(`${grouped(summary.bfd)} tunnel BFD`);
  if (others > 0) parts.push(`${grouped(others)} no OVN ${vxlan + stt > 0 ? "keys" : "option"} seen`);
  if (summary.oam > 0) parts.push(`${grouped(summary.oam)} OAM`);
  const tunnels = [`Geneve ${grouped(geneve)}`];
  if (vxlan > 0) tunnels.push(`VXLAN ${grouped(vxlan)}`);
  if (stt > 0) tunnels.push(`STT ${grouped(stt)}`);
  const neither = tunnels.length > 1 ? "no tunnel" : "not Geneve";
  const lines = [`${tunnels.join(", ")} (${parts.join(", ")}), ${neither} ${grouped(summary.notGeneve)}`];
  const faults = [
    summary.truncated > 0 ? `truncated ${grouped(summary.truncated)}` : "",
    summary.malformed > 0 ? `malformed ${grouped(summary.malformed)}` : "",
    summary.unsupported > 0 ? `unsupported ${grouped(summary.unsupported)}` : "",
    summary.unresolved !== null && summary.unresolved > 0
      ? `keys without a name ${grouped(summary.unresolved)}`
      : "",
  ].filter((part) => part !== "");
  if (faults.length > 0) lines[0] += `, ${style.yellow(faults.join(", "))}`;
  if (summary.bare !== null) lines.unshift(bareCounts(summary.bare));
  return `${lines.join("\n")}\n`;
}

/** How many frames have come without their tunnels, and what tells their keys. */
function bareCounts(bare: readonly number[]): string {
  const parts = KEYS_FROM.filter(([from]) => bare[from] > 0).map(
    ([from, words]) => `${words} ${grouped(bare[from])}`,
  );
  const frames = bare.reduce((sum, packets) => sum + packets, 0);
  return `Without tunnel header ${grouped(frames)}: ${parts.join(", ")}`;
}

function notDecoded(summary: Summary, { all, style }: AnalyzeTextOptions): string {
  const rows = summary.stops
    .filter((stop) => all || stop.status !== FrameStatus.notGeneve)
    .map((stop) => [
      statusName(stop.status),
      layerName(stop.layer),
      stopText(stop.status, stop.layer, stop.reason),
      grouped(stop.packets),
      summary.files.length > 1
        ? `${printable(summary.files[stop.file].name)} #${stop.number}`
        : `#${stop.number}`,
    ]);
  if (rows.length === 0) return "";
  return `Not decoded\n${table([left("STATUS"), left("LAYER"), left("REASON"), right("PACKETS"), left("FIRST")], rows, style)}`;
}

/** A heading that says how much of the list is shown. */
function heading(title: string, total: number, top: number): string {
  return total > top ? `${title} (${grouped(top)} of ${grouped(total)}, by bytes)\n` : `${title}\n`;
}

function name(text: string | null): string {
  return text === null ? "?" : text === "" ? '""' : printable(text);
}

/** A thing of two names. */
function either(
  logical: string | null,
  friendly: FriendlyName | null | undefined,
  choice: NameChoice,
): string {
  const text = label(logical, friendly, choice);
  return text === null ? "?" : text === "" ? '""' : text;
}

function flows(summary: Summary, { top, utc, named, names, style }: AnalyzeTextOptions): string {
  if (summary.flows.length === 0) return "";
  const columns = [
    ...(named ? [left("DATAPATH"), left("INPORT"), left("OUTPORT")] : []),
    right("VNI"),
    right("IN"),
    right("OUT"),
    right("PACKETS"),
    right("BYTES"),
    left("FIRST"),
    left("LAST"),
  ];
  const row = (flow: FlowSummary): string[] => [
    ...(named
      ? [
          either(flow.datapath, flow.datapathFriendly, names),
          either(flow.inport, flow.inportNames?.friendly, names),
          either(flow.outport, flow.outportNames?.friendly, names),
        ]
      : []),
    `${flow.datapathKey}`,
    key(summary, flow.ingressKey),
    key(summary, flow.egressKey),
    grouped(flow.packets),
    grouped(flow.bytes),
    clockTime(flow.firstTime.sec, flow.firstTime.nsec, utc),
    clockTime(flow.lastTime.sec, flow.lastTime.nsec, utc),
  ];
  const more =
    summary.flowOverflow > 0
      ? `  ${grouped(summary.flowOverflow)} packets of further flows are in none of these: there were too many to hold\n`
      : "";
  return (
    heading("Flows", summary.flowCount, top) + table(columns, Array.from(summary.flows, row), style) + more
  );
}

function ports(summary: Summary, { top, named, names, sources, style }: AnalyzeTextOptions): string {
  if (summary.ports.length === 0) return "";
  const columns = [
    ...(named ? [left("DATAPATH"), left("PORT"), left("TYPE"), left("CHASSIS")] : []),
    ...(named && sources.vswitches ? [left("DEVICE"), left("INSTANCE")] : []),
    ...(named && sources.north ? [left("HOST NAME")] : []),
    right("VNI"),
    right("KEY"),
    right("SENT"),
    right("BYTES"),
    right("RECEIVED"),
    right("BYTES"),
  ];
  const rows = summary.ports
    .first(top)
    .map((port) => [
      ...(named
        ? [
            either(port.datapath, port.datapathFriendly, names),
            either(port.name, port.names?.friendly, names),
            port.type === "" ? "vif" : name(port.type),
            orNone(port.chassis),
          ]
        : []),
      ...(named && sources.vswitches ? [orNone(port.names?.device), orNone(port.names?.instance)] : []),
      ...(named && sources.north ? [orNone(port.names?.hostName)] : []),
      `${port.datapathKey}`,
      `${port.portKey}`,
      grouped(port.txPackets),
      grouped(port.txBytes),
      grouped(port.rxPackets),
      grouped(port.rxBytes),
    ]);
  return heading("Ports", summary.ports.length, top) + table(columns, rows, style);
}

/** A port's key; of frames without tunnels not all are known. */
function key({ hasGaps }: Summary, portKey: number): string {
  return hasGaps && portKey === 0 ? "-" : `${portKey}`;
}

function orNone(text: string | null | undefined): string {
  return text == null ? "-" : name(text);
}

function datapaths(summary: Summary, { top, named, names, style }: AnalyzeTextOptions): string {
  if (summary.datapaths.length === 0) return "";
  const columns = [
    ...(named ? [left("DATAPATH"), left("KIND")] : []),
    right("VNI"),
    right("PACKETS"),
    right("BYTES"),
  ];
  const rows = summary.datapaths
    .first(top)
    .map((datapath) => [
      ...(named ? [either(datapath.name, datapath.friendly, names), datapath.kind ?? "?"] : []),
      `${datapath.datapathKey}`,
      grouped(datapath.packets),
      grouped(datapath.bytes),
    ]);
  return heading("Datapaths", summary.datapaths.length, top) + table(columns, rows, style);
}

function tunnels(summary: Summary, { top, named, style }: AnalyzeTextOptions): string {
  if (summary.tunnels.length === 0) return "";
  const columns = [
    left("SOURCE"),
    left("DESTINATION"),
    ...(named ? [left("FROM"), left("TO")] : []),
    right("PACKETS"),
    right("BYTES"),
    right("LARGEST"),
    right("FRAGMENTS"),
  ];
  const rows = summary.tunnels
    .slice(0, top)
    .map((tunnel) => [
      tunnel.source,
      tunnel.destination,
      ...(named ? [name(tunnel.sourceChassis), name(tunnel.destinationChassis)] : []),
      grouped(tunnel.packets),
      grouped(tunnel.bytes),
      grouped(tunnel.largestOuterBytes),
      grouped(tunnel.fragments),
    ]);
  return heading("Tunnels", summary.tunnels.length, top) + table(columns, rows, style);
}
