import type { Moment } from "../analysis/analyzer.js";
import type { Summary } from "../analysis/summary.js";
import { FrameStatus, layerName, statusName, stopText } from "../frame/status.js";
import { linkTypeName } from "../wire/linktype.js";
import { safeJson } from "./json.js";
import { isoTime } from "./time.js";

const time = (moment: Moment | null): string | null =>
  moment === null ? null : isoTime(moment.sec, moment.nsec);

/** The answer of `analyze -o json` (docs/cli.md), indented, with a line end. */
export function analyzeJson(summary: Summary, options: { all: boolean }): string {
  const answer = {
    files: summary.files.map((file) => ({
      name: file.name,
      packets: file.packets,
      bytes: file.bytes,
      firstTime: time(file.firstTime),
      lastTime: time(file.lastTime),
      linkType: file.linkTypes.map(linkTypeName).join(","),
      damage: file.damage,
    })),
    packets: summary.packets,
    geneve: summary.geneve,
    ovn: summary.ovn,
    bfd: summary.bfd,
    oam: summary.oam,
    notGeneve: summary.notGeneve,
    malformed: summary.malformed,
    truncated: summary.truncated,
    unsupported: summary.unsupported,
    unresolved: summary.unresolved,
    bytes: summary.bytes,
    notDecoded: summary.stops
      .filter((stop) => options.all || stop.status !== FrameStatus.notGeneve)
      .map((stop) => ({
        status: statusName(stop.status),
        layer: layerName(stop.layer),
        reason: stopText(stop.status, stop.layer, stop.reason),
        packets: stop.packets,
        first: { file: summary.files[stop.file].name, number: stop.number },
      })),
    flows: summary.flows.map((flow) => ({
      ...flow,
      firstTime: time(flow.firstTime),
      lastTime: time(flow.lastTime),
    })),
    flowCount: summary.flowCount,
    datapaths: summary.datapaths,
    ports: summary.ports,
    tunnels: summary.tunnels,
    findings: [],
  };
  return `${safeJson(answer, 1)}\n`;
}
