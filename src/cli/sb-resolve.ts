import type { SbNames } from "../output/sb-names.js";
import type { NameAnswer, SbAnswer } from "../output/sb-resolve.js";
import { momentText } from "../output/sb-words.js";
import type { Inventory } from "../southbound/index.js";
import { quoted, shown } from "../text.js";
import { Exit } from "./fault.js";
import { openSb, print, report, type SbOptions } from "./sb-open.js";
import { resolveQuery, type SbQuery } from "./sb-query.js";
import { styleFor } from "./style.js";

/** The verb `sb resolve`: says what keys, an address or a name stand for. Returns the exit status. */
export async function sbResolve(words: readonly string[], options: SbOptions): Promise<number> {
  const query = resolveQuery(words);
  const { inventory, names, at, sound } = await openSb(options);
  const answer = answerOf(inventory, names, query, at);
  const found = isFound(answer);
  const utc = options.utc === true;
  if (options.output === "json") {
    const { sbResolveJson } = await import("../output/sb-resolve-json.js");
    await print([sbResolveJson(words.join(" "), answer, inventory, names, at)]);
  } else if (found || answer.kind === "keys") {
    // What Open vSwitch writes for keys can be said without knowing them.
    const { sbResolveText } = await import("../output/sb-resolve-text.js");
    const { hasHistory } = inventory;
    await print([sbResolveText(answer, { utc, style: styleFor(process.stdout), names, hasHistory })]);
  }
  if (!found) await report(`${shown(inventory.source)}: ${unknown(inventory, answer, utc)}`);
  return found && sound ? Exit.done : Exit.failed;
}

function answerOf(inventory: Inventory, names: SbNames, query: SbQuery, at: number): SbAnswer {
  switch (query.kind) {
    case "keys": {
      const { vni, ingress, egress } = query;
      return { ...query, resolution: inventory.resolve(vni, ingress ?? 0, egress ?? 0, at) };
    }
    case "address":
      return { ...query, resolution: inventory.resolveAddress(query.address, at) };
    case "name":
      return named(inventory, names, query.name, at);
  }
}

/** All that has a name: by OVN's own names where there is any, else by those that others gave. */
function named(inventory: Inventory, names: SbNames, name: string, at: number): NameAnswer {
  const port = inventory.portByName(name, at);
  const chassis = inventory.chassis(at).filter((each) => each.name === name || each.hostname === name);
  const datapaths = inventory.datapaths(at).filter((each) => each.name === name || each.uuid === name);
  if (port !== null || chassis.length > 0 || datapaths.length > 0)
    return { kind: "name", name, ports: port === null ? [] : [port], chassis, datapaths };
  return {
    kind: "name",
    name,
    ports: inventory.ports(at).filter((each) => names.isKnownAs(each, name)),
    chassis: [],
    datapaths: inventory.datapaths(at).filter((each) => names.isDatapathKnownAs(each, name)),
  };
}

/** Whether the database knows anything of it. */
function isFound(answer: SbAnswer): boolean {
  switch (answer.kind) {
    case "keys":
      return answer.resolution.datapath !== null;
    case "address":
      return answer.resolution.encap !== null;
    case "name":
      return answer.ports.length + answer.chassis.length + answer.datapaths.length > 0;
  }
}

/** What is not there, and where else to look. */
function unknown(inventory: Inventory, answer: SbAnswer, utc: boolean): string {
  const then =
    answer.kind !== "name" && answer.resolution.beforeHistory ? " in what is known of that time" : "";
  if (answer.kind === "keys") return `no datapath has the key ${answer.vni}${then}`;
  if (answer.kind === "address") return `no tunnel end point has the address ${answer.address}${then}`;
  const last = inventory.portEvents(answer.name).at(-1);
  if (last === undefined) return `no port, chassis or datapath is named ${quoted(answer.name)}`;
  return `no port is named ${quoted(answer.name)} at that time; last heard of it: ${last.event} ${momentText(last.time, utc)}; see sb history`;
}
