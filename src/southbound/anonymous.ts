/*
 * The southbound as it may be shared: the tables and columns that name things, with pseudonyms in the place of names,
 * and other addresses. What is neither, and not needed to name keys, is left out.
 */
import type { TableLayout } from "./ovsdb/schema.js";
import type { Transaction } from "./ovsdb/transaction.js";
import type { Datum } from "./ovsdb/value.js";
import type { SnapshotSource } from "./snapshot.js";

/** What stands in the place of what. Each must give different things different places. */
export interface Pseudonyms {
  /** For an IP or MAC address; null for what is none. */
  address(text: string): string | null;
  /** For a name of this kind. */
  name(kind: "port" | "datapath" | "chassis" | "host" | "group", text: string): string;
}

type Change = (text: string, names: Pseudonyms) => string;

const same: Change = (text) => text;
const port: Change = (text, names) => (text === "" ? "" : names.name("port", text));
const chassis: Change = (text, names) => (text === "" ? "" : names.name("chassis", text));
/** Words of addresses, which may have lengths, and names of ports; others are left if they are OVN's own. */
const addresses: Change = (text, names) =>
  text
    .replace(
      /is_chassis_resident\("([^"]*)"\)/g,
      (_, name: string) => `is_chassis_resident("${port(name, names)}")`,
    )
    .split(/(is_chassis_resident\("[^"]*"\)|[\s,]+)/)
    .map((word, index) => (index % 2 === 1 ? word : addressWord(word, names)))
    .join("");

function addressWord(word: string, names: Pseudonyms): string {
  if (KEYWORDS.has(word)) return word;
  const [address, length] = word.split("/");
  const changed = names.address(address);
  if (changed === null) return "";
  return length !== undefined && /^\d{1,3}$/.test(length) ? `${changed}/${length}` : changed;
}

const KEYWORDS = new Set(["", "unknown", "dynamic", "router"]);

/** What becomes of a column's texts: in a map by its keys, and keys that are not here are left out. */
type Plan = Change | Readonly<Record<string, Change>>;

const PLANS: Readonly<Record<string, Readonly<Record<string, Plan>>>> = {
  SB_Global: { options: {}, external_ids: {} },
  Datapath_Binding: {
    external_ids: {
      name: (text, names) => names.name("datapath", text),
      "logical-switch": same,
      "logical-router": same,
    },
    type: same,
    nb_uuid: same,
  },
  Port_Binding: {
    logical_port: port,
    datapath: same,
    type: same,
    chassis: same,
    additional_chassis: same,
    requested_chassis: same,
    encap: same,
    additional_encap: same,
    mac: addresses,
    nat_addresses: addresses,
    parent_port: port,
    virtual_parent: port,
    options: {
      peer: port,
      "distributed-port": port,
      "chassis-redirect-port": port,
      "virtual-parents": (text, names) =>
        text
          .split(",")
          .map((each) => port(each.trim(), names))
          .join(","),
      "virtual-ip": addresses,
    },
    external_ids: {},
  },
  Multicast_Group: {
    // Those of OVN itself are the same everywhere.
    name: (text, names) => (text.startsWith("_MC_") ? text : names.name("group", text)),
    datapath: same,
  },
  Chassis: {
    name: chassis,
    hostname: (text, names) => (text === "" ? "" : names.name("host", text)),
    encaps: same,
    other_config: { "is-vtep": same },
  },
  Encap: {
    type: same,
    ip: (text, names) => names.address(text) ?? "",
    options: { csum: same, dst_port: same },
    chassis_name: chassis,
  },
};

/** What of an inventory a snapshot is made of, anonymised. */
export function anonymousSource(inventory: SnapshotSource, names: Pseudonyms): SnapshotSource {
  const { format, schemaVersion, layout, historyStart } = inventory;
  return {
    source: "anonymized",
    format,
    schemaVersion,
    layout,
    historyStart,
    replay: () => anonymous(inventory.replay(), names),
  };
}

function* anonymous(transactions: Iterable<Transaction>, names: Pseudonyms): Generator<Transaction> {
  for (const transaction of transactions)
    yield {
      ...transaction,
      comment: null,
      rows: transaction.rows.map((row) => ({
        ...row,
        values: row.values?.map((value, index) => changed(row.table, index, value, names)) ?? null,
      })),
    };
}

function changed(
  { name, columns }: TableLayout,
  index: number,
  value: Datum | undefined,
  names: Pseudonyms,
): Datum | undefined {
  if (value === undefined || value === null || typeof value === "number" || typeof value === "boolean")
    return value;
  const column = columns[index];
  const plan = PLANS[name]?.[column.name] ?? {};
  if (typeof value === "string") return typeof plan === "function" ? plan(value, names) : "";
  if (column.shape === "map") return changedMap(value, typeof plan === "function" ? {} : plan, names);
  return typeof plan === "function" ? value.map((each) => plan(each, names)).sort() : [];
}

/** Pairs keep their order, for their keys stay. */
function changedMap(
  pairs: readonly string[],
  plan: Readonly<Record<string, Change>>,
  names: Pseudonyms,
): string[] {
  const kept: string[] = [];
  for (let at = 0; at < pairs.length; at += 2)
    if (Object.hasOwn(plan, pairs[at])) kept.push(pairs[at], plan[pairs[at]](pairs[at + 1], names));
  return kept;
}
