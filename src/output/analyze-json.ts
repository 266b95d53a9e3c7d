import type { Moment } from "../analysis/analyzer.js";
import type { DatapathSummary, FlowSummary, PortSummary, Summary } from "../analysis/summary.js";
import { KEYS_FROM_NAMES } from "../frame/columns.js";
import { FrameStatus, layerName, statusName, stopText } from "../frame/status.js";
import { linkTypeName } from "../wire/linktype.js";
import { safeJson } from "./json.js";
import { type NameSources, portFields } from "./names.js";
import { isoTime } from "./time.js";

const time = (moment: Moment | null): string | null =>
  moment === null ? null : isoTime(moment.sec, moment.nsec);

/**
 * The answer of `analyze -o json` (docs/cli.md) piece by piece, an element of a list a line: there may be more
 * of them than one text can hold.
 */
export function* analyzeJson(
  summary: Summary,
  options: { all: boolean; filteredOut: number; sources: NameSources },
): Generator<string> {
  yield "{";
  yield* list(
    "files",
    summary.files.map((file) => ({
      name: file.name,
      packets: file.packets,
      bytes: file.bytes,
      firstTime: time(file.firstTime),
      lastTime: time(file.lastTime),
      linkType: file.linkTypes.map(linkTypeName).join(","),
      damage: file.damage,
    })),
  );
  const {
    packets,
    geneve,
    vxlan,
    stt,
    assumed: vxlanAssumed,
    ovn,
    bfd,
    oam,
    notGeneve,
    malformed,
    truncated,
    unsupported,
  } = summary;
  const { unresolved, bytes, flowCount, flowOverflow } = summary;
  const { filteredOut } = options;
  for (const [name, value] of Object.entries({
    packets,
    filteredOut,
    geneve,
    vxlan,
    stt,
    vxlanAssumed,
    ovn,
    bfd,
    oam,
    notGeneve,
    malformed,
    truncated,
    unsupported,
    unresolved,
    bytes,
    flowCount,
    flowOverflow,
  }))
    yield `,\n "${name}": ${value}`;
  if (summary.bare !== null) yield `,\n "withoutTunnel": ${safeJson(bareCounts(summary.bare))}`;
  yield ",";
  yield* list("notDecoded", stops(summary, options.all));
  yield ",";
  yield* list("flows", summary.flows, summary.hasGaps ? flowWithGaps : flow);
  yield ",";
  yield* list("datapaths", summary.datapaths, datapath);
  yield ",";
  yield* list("ports", summary.ports, (each) => port(each, options.sources));
  yield ",";
  yield* list("tunnels", summary.tunnels);
  yield ",";
  yield* list("findings", []);
  yield "\n}\n";
}

function* list<T>(
  name: string,
  elements: Iterable<T>,
  shape: (element: T) => unknown = (element) => element,
) {
  yield `\n "${name}": [`;
  let before = "";
  for (const element of elements) {
    yield `${before}\n  ${safeJson(shape(element))}`;
    before = ",";
  }
  yield before === "" ? "]" : "\n ]";
}

/** Field by field: there may be millions, and to copy objects with spreads takes longer than all the rest. */
function flow(flow: FlowSummary): object {
  return {
    datapathKey: flow.datapathKey,
    ingressKey: flow.ingressKey,
    egressKey: flow.egressKey,
    datapath: flow.datapath,
    inport: flow.inport,
    outport: flow.outport,
    packets: flow.packets,
    bytes: flow.bytes,
    firstTime: time(flow.firstTime),
    lastTime: time(flow.lastTime),
    datapathFriendlyName: flow.datapathFriendly?.name ?? null,
    inportFriendlyName: flow.inportNames?.friendly?.name ?? null,
    outportFriendlyName: flow.outportNames?.friendly?.name ?? null,
  };
}

/** A flow of which a key may not be known. */
function flowWithGaps(each: FlowSummary): object {
  const { ingressKey, egressKey } = each;
  return { ...flow(each), ingressKey: ingressKey || null, egressKey: egressKey || null };
}

/** How many frames came without their tunnels, by what tells their keys. */
function bareCounts(bare: readonly number[]): object {
  return {
    frames: bare.reduce((sum, packets) => sum + packets, 0),
    ...Object.fromEntries(KEYS_FROM_NAMES.map((name, from) => [name, bare[from]])),
  };
}

function datapath({ friendly, ...datapath }: DatapathSummary): object {
  return { ...datapath, friendlyName: friendly?.name ?? null };
}

function port({ datapathFriendly, names, ...port }: PortSummary, sources: NameSources): object {
  return { ...port, datapathFriendlyName: datapathFriendly?.name ?? null, ...portFields(names, sources) };
}

function stops(summary: Summary, all: boolean): object[] {
  return summary.stops
    .filter((stop) => all || stop.status !== FrameStatus.notGeneve)
    .map((stop) => ({
      status: statusName(stop.status),
      layer: layerName(stop.layer),
      reason: stopText(stop.status, stop.layer, stop.reason),
      packets: stop.packets,
      first: { file: summary.files[stop.file].name, number: stop.number },
    }));
}
