import type { SbNames } from "../output/sb-names.js";
import type { NameAnswer, SbAnswer } from "../output/sb-resolve.js";
import { zonedText } from "../output/time.js";
import type { Inventory } from "../southbound/index.js";
import { quoted, shown } from "../text.js";
import { CliError, Exit } from "./fault.js";
import { openSb, report, type SbOptions } from "./sb-open.js";
import { resolveQuery, type SbQuery, vxlanQuery } from "./sb-query.js";
import { print } from "./stdout.js";
import { outputStyle } from "./terminal.js";

export interface SbResolveOptions extends SbOptions {
  /** What is given is the VNI of VXLAN. */
  vxlan?: boolean;
}

/** The verb `sb resolve`: says what keys, an address or a name stand for. Returns the exit status. */
export async function sbResolve(words: readonly string[], options: SbResolveOptions): Promise<number> {
  const query = options.vxlan === true ? vxlanQuery(words) : resolveQuery(words);
  const { inventory, names, at, sound } = await openSb(options);
  const answers = answersTo(query, words, inventory, names, at);
  const [answer] = answers;
  const found = isFound(answer);
  if (!found && query.kind === "name" && query.fault !== null)
    throw new CliError(`${query.fault}; nor is anything named ${quoted(query.name)}`);
  const utc = options.utc === true;
  if (options.output === "json") {
    const { sbResolveJson } = await import("../output/sb-resolve-json.js");
    await print([sbResolveJson(words.join(" "), answers, inventory, names, at)]);
  } else if (found || answer.kind === "keys") {
    // What Open vSwitch writes for keys can be said without knowing them.
    const { sbResolveText } = await import("../output/sb-resolve-text.js");
    const { hasHistory } = inventory;
    await print([sbResolveText(answers, { utc, style: outputStyle(), names, hasHistory })]);
  }
  if (!found) await report(`${shown(inventory.source)}: ${unknown(inventory, answer, utc)}`);
  return found && sound ? Exit.done : Exit.failed;
}

/**
 * The answer; where the one word asked for is a name, too, that is answered besides, or in its place if nothing
 * else is found.
 */
function answersTo(
  query: SbQuery,
  words: readonly string[],
  inventory: Inventory,
  names: SbNames,
  at: number,
): [SbAnswer, ...SbAnswer[]] {
  const answer = answerOf(inventory, names, query, at);
  if (answer.kind === "name" || words.length > 1 || (query.kind === "keys" && query.vxlan !== undefined))
    return [answer];
  const found = isFound(answer);
  // To look for the names that others gave, all ports must be gone through.
  const other = found ? namedByOvn(inventory, words[0], at) : named(inventory, names, words[0], at);
  if (!isFound(other) || isSameChassis(answer, other)) return [answer];
  return found ? [answer, other] : [other];
}

/** Whether all that has the name is the chassis whose address was asked for. */
function isSameChassis(answer: SbAnswer, { ports, chassis, datapaths }: NameAnswer): boolean {
  return (
    answer.kind === "address" &&
    ports.length + datapaths.length === 0 &&
    chassis.every(({ uuid }) => uuid === answer.resolution.chassis?.uuid)
  );
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
  const byOvn = namedByOvn(inventory, name, at);
  if (isFound(byOvn)) return byOvn;
  return {
    kind: "name",
    name,
    ports: inventory.ports(at).filter((each) => names.isKnownAs(each, name)),
    chassis: [],
    datapaths: inventory.datapaths(at).filter((each) => names.isDatapathKnownAs(each, name)),
  };
}

function namedByOvn(inventory: Inventory, name: string, at: number): NameAnswer {
  const port = inventory.portByName(name, at);
  return {
    kind: "name",
    name,
    ports: port === null ? [] : [port],
    chassis: inventory.chassis(at).filter((each) => each.name === name || each.hostname === name),
    datapaths: inventory.datapaths(at).filter((each) => each.name === name || each.uuid === name),
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
  return `no port is named ${quoted(answer.name)} at that time; last heard of it: ${last.event} ${zonedText(last.time, utc)}; see sb history`;
}
