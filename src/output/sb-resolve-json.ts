import type { Chassis, Datapath, Interval, Inventory, Port } from "../southbound/index.js";
import { safeJson } from "./json.js";
import { chassisJson, datapathJson, encapJson, portJson, portOrGroupJson } from "./sb-fields.js";
import type { SbNames } from "./sb-names.js";
import { type KeysAnswer, openFlowWords, type SbAnswer, traceOf } from "./sb-resolve.js";
import { momentOf } from "./sb-words.js";
import { momentJson } from "./time.js";

/** The answer of `sb resolve -o json` (docs/cli.md): one object. A second answer is what has `query` as its name. */
export function sbResolveJson(
  query: string,
  [answer, named]: readonly SbAnswer[],
  inventory: Inventory,
  names: SbNames,
  at: number,
): string {
  const time = momentJson(momentOf(inventory, at));
  const head = { query, time, historyStart: momentJson(inventory.historyStart) };
  const more = named === undefined ? {} : { named: body(named, names) };
  return `${safeJson({ ...head, ...body(answer, names), ...more })}\n`;
}

function body(answer: SbAnswer, names: SbNames): object {
  if (answer.kind === "keys") return keysFields(answer, names);
  if (answer.kind === "name")
    return {
      name: answer.name,
      ports: answer.ports.map((port) => portFields(port, names)),
      chassis: answer.chassis.map(chassisFields),
      datapaths: answer.datapaths.map((datapath) => ({
        ...datapathFields(datapath, names),
        ...validity(datapath),
        openflow: openFlowWords(datapath.tunnelKey, null, null),
      })),
    };
  const { encap, chassis, beforeHistory } = answer.resolution;
  return {
    address: answer.address,
    encap: encap && encapJson(encap),
    chassis: chassis && chassisJson(chassis),
    ...validity(answer.resolution),
    beforeHistory,
  };
}

function keysFields(answer: KeysAnswer, names: SbNames): object {
  const { vni, ingress, egress, vxlan, resolution } = answer;
  const { datapath, inport, outport, beforeHistory } = resolution;
  const known = (owner: typeof outport): object | null =>
    owner?.kind === "port" ? { ...portJson(owner), ...names.portFields(owner) } : portOrGroupJson(owner);
  return {
    datapathKey: vni,
    ingressKey: ingress,
    egressKey: egress,
    datapath: datapath && datapathFields(datapath, names),
    inport: known(inport),
    outport: known(outport),
    ...validity(resolution),
    beforeHistory,
    trace: traceOf(answer),
    openflow: openFlowWords(vni, ingress, egress, vxlan),
  };
}

function portFields(port: Port, names: SbNames): object {
  const { datapath, datapathKey, tunnelKey } = port;
  return {
    ...portJson(port),
    ...names.portFields(port),
    datapathKey,
    datapath: datapath && datapathFields(datapath, names),
    ...validity(port),
    openflow: {
      inport: openFlowWords(datapathKey, tunnelKey, null),
      outport: openFlowWords(datapathKey, null, tunnelKey),
    },
  };
}

function datapathFields(datapath: Datapath, names: SbNames): object {
  return { ...datapathJson(datapath), ...names.datapathFields(datapath) };
}

function chassisFields(chassis: Chassis): object {
  return { ...chassisJson(chassis), ...validity(chassis) };
}

function validity({ from, until }: Interval): object {
  return { validFrom: momentJson(from), validUntil: momentJson(until) };
}
