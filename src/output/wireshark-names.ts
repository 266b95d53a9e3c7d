/* What keys and outer addresses mean, as the part of the script for Wireshark that wireshark-dissector.ts reads. */
import type { TunnelPorts } from "../frame/other-tunnels.js";
import type { Interval, Inventory, KnownNames, Resolution } from "../southbound/index.js";
import { vxlanEnd } from "../southbound/vxlan-end.js";
import { WELL_KNOWN_GROUPS } from "../southbound/well-known.js";
import { printable } from "../text.js";
import { IPV4_BYTES, IPV6_BYTES, writeIpv4, writeIpv6 } from "../wire/address.js";
import { OVN_MULTICAST_MIN } from "../wire/ovn-option.js";
import { label, type NameChoice } from "./names.js";

/** Datapaths in a function: Lua allows some hundred thousand constants in each. */
const DATAPATHS_AT_ONCE = 10_000;

/** Where names come from, and which of them are shown. */
export interface ScriptNames {
  readonly inventory: Inventory;
  readonly known: KnownNames;
  readonly choice: NameChoice;
  /** As of when: milliseconds since 1970, Infinity for the latest; null: of each packet's own time. */
  readonly at: number | null;
  readonly ports: TunnelPorts;
}

/** The names as Lua, piece by piece. */
export function* scriptNames(names: ScriptNames): Generator<string> {
  const { inventory, at, ports } = names;
  const start = at === null ? inventory.historyStart : Number.NEGATIVE_INFINITY;
  yield `local START = ${Number.isFinite(start) ? start : "nil"}\n`;
  const lists = (["geneve", "vxlan", "stt"] as const).map(
    (kind) => `${kind} = { ${[...ports[kind]].join(", ")} }`,
  );
  yield `local PORTS = { ${lists.join(", ")} }\n`;
  const groups = [...WELL_KNOWN_GROUPS.values()].map(
    ({ tunnelKey, name }) => `[${tunnelKey}] = ${luaString(name)}`,
  );
  yield `local GROUPS = { ${groups.join(", ")} }\n`;
  yield "local DATAPATHS = {}\n";
  let count = 0;
  for (const [vni, keys] of inventory.everyKey()) {
    if (count % DATAPATHS_AT_ONCE === 0) yield `${count === 0 ? "" : "end)()\n"};(function()\n`;
    count++;
    let text = recordsOfKey(names, vni, 0);
    for (const key of keys) text += recordsOfKey(names, vni, key);
    if (text !== "") yield `DATAPATHS[${vni}] = ${luaString(text)}\n`;
  }
  if (count > 0) yield "end)()\n";
  yield `local CHASSIS = ${luaString(recordsOfAddresses(names))}\n`;
}

/**
 * `text` as a Lua string of any version, which says exactly that: a line behind the other, and whatever else could end
 * it, or is no visible character, as `\ddd`.
 */
export function luaString(text: string): string {
  const escaped = text.replace(/["\\\x00-\x08\x0a-\x1f\x7f]/g, (character) =>
    character === "\n" ? "\\\n" : `\\${character.charCodeAt(0).toString().padStart(3, "0")}`,
  );
  return `"${escaped}"`;
}

/** What is said of one key or address for some time; empty texts are unknown. All are safe to print. */
interface Meaning extends Interval {
  readonly name: string;
  readonly kind: string;
  readonly chassis: string;
  readonly friendly: string;
  /** The name to show, where it is another one. */
  readonly label: string;
}

/** The records of a key; 0 is the datapath's own. */
function recordsOfKey({ inventory, known, choice, at }: ScriptNames, vni: number, key: number): string {
  const isPort = key < OVN_MULTICAST_MIN;
  return records(String(key), inventory, at, (time) => {
    const found = inventory.resolve(vni, isPort ? key : 0, isPort ? 0 : key, time);
    return { found, meaning: key === 0 ? datapath(found, time) : isPort ? port(found, time) : group(found) };
  });

  function datapath({ datapath: row, from, until }: Resolution, time: number): Meaning | null {
    if (row === null) return null;
    const { friendly, ...hold } = known.datapath(row, time);
    return {
      ...named(row.name, friendly?.name, label(row.name, friendly, choice)),
      kind: row.kind,
      chassis: "",
      from: Math.max(from, hold.from),
      until: Math.min(until, hold.until),
    };
  }

  function port({ inport: row, from, until }: Resolution, time: number): Meaning | null {
    if (row === null) return null;
    const { friendly, ...hold } = known.port(row, time);
    return {
      ...named(row.name, friendly?.name, label(row.name, friendly, choice)),
      kind: printable(row.type) || "vif",
      chassis: printable(row.chassis?.name ?? ""),
      from: Math.max(from, hold.from),
      until: Math.min(until, hold.until),
    };
  }

  function group({ outport: row, from, until }: Resolution): Meaning | null {
    // The dissector knows these.
    if (row === null || row.name === WELL_KNOWN_GROUPS.get(key)?.name) return null;
    return { ...named(row.name, null, null), kind: "multicast", chassis: "", from, until };
  }
}

function named(name: string | null, friendly: string | null | undefined, shown: string | null) {
  const logical = printable(name ?? "");
  return {
    name: logical,
    friendly: printable(friendly ?? ""),
    label: shown === null || shown === logical ? "" : shown,
  };
}

/** Whose outer addresses are and were. */
function recordsOfAddresses({ inventory, at }: ScriptNames): string {
  let text = "";
  for (const address of inventory.everyTunnelAddress()) {
    const key = addressKey(address);
    if (key === null) continue;
    text += records(key, inventory, at, (time) => {
      const found = inventory.resolveAddress(address, time);
      const { chassis, from, until } = found;
      if (chassis === null) return { found, meaning: null };
      const end = vxlanEnd(chassis);
      const kind = end === "stranger" ? "" : end;
      return { found, meaning: { ...named(chassis.name, null, null), kind, chassis: "", from, until } };
    });
  }
  return text;
}

/** An address as the hexadecimal digits of its bytes; null for what is none. */
function addressKey(ip: string): string | null {
  const bytes = Buffer.alloc(ip.includes(":") ? IPV6_BYTES : IPV4_BYTES);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  try {
    if (ip.includes(":")) writeIpv6(view, 0, ip);
    else writeIpv4(view, 0, ip);
  } catch {
    // No packet comes from there.
    return null;
  }
  return bytes.toString("hex").toUpperCase();
}

/** The lines of a key: what `ask` says of it as of one time, or in one interval after the other. */
function records(
  key: string,
  { historyStart }: Inventory,
  at: number | null,
  ask: (time: number) => { found: Interval; meaning: Meaning | null },
): string {
  if (at !== null) {
    const { meaning } = ask(at);
    return meaning === null
      ? ""
      : line(key, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, fields(meaning));
  }
  let text = "";
  let begin = historyStart;
  let last: string | null = null;
  for (let time = historyStart; time < Number.POSITIVE_INFINITY; ) {
    const { found, meaning } = ask(time);
    const said = meaning === null ? null : fields(meaning);
    // What changes may be something that is not told here.
    if (said !== last) {
      if (last !== null) text += line(key, begin, time, last);
      last = said;
      begin = time;
    }
    time = (meaning ?? found).until;
  }
  return last === null ? text : text + line(key, begin, Number.POSITIVE_INFINITY, last);
}

function fields({ name, kind, chassis, friendly, label: words }: Meaning): string {
  return `${name}\t${kind}\t${chassis}\t${friendly}\t${words}`;
}

function line(key: string, from: number, until: number, said: string): string {
  const time = (at: number): string => (Number.isFinite(at) ? String(at) : "");
  return `${key}\t${time(from)}\t${time(until)}\t${said}\n`;
}
