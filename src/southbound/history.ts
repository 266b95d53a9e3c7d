/*
 * Every version of every row, and who had which key when. Built from row changes in the order of their
 * transactions, whether those come from a file or, later, from a live server.
 */

import { quoted } from "../text.js";
import type { Interval } from "./model.js";
import type { Datum } from "./ovsdb/value.js";
import type { WarningLog } from "./ovsdb/warnings.js";
import type { RowChange, RowValues } from "./store.js";
import { ColumnIndex, type TableName } from "./tables.js";
import { type IntervalList, Timeline } from "./timeline.js";

/** One state of a row, with the entities composed from it so far. */
export class RowVersion {
  readonly row: RowHistory;
  readonly values: RowValues;
  /** Valid for {@link History.generation} `composedIn` only. */
  composed: Interval | IntervalList<Interval> | null = null;
  composedIn = -1;

  constructor(row: RowHistory, values: RowValues) {
    this.row = row;
    this.values = values;
  }
}

/** All states of the row with this uuid. */
export class RowHistory {
  readonly uuid: string;
  readonly versions = new Timeline<RowVersion>();

  constructor(uuid: string) {
    this.uuid = uuid;
  }
}

/** Rows by one of their columns, over time. */
export type Index<K> = Map<K, Timeline<RowHistory>>;
/** Rows by two of their columns. */
export type Index2<A, B> = Map<A, Index<B>>;

const DATAPATH = ColumnIndex.Datapath_Binding;
const PORT = ColumnIndex.Port_Binding;
const GROUP = ColumnIndex.Multicast_Group;
const CHASSIS = ColumnIndex.Chassis;
const ENCAP = ColumnIndex.Encap;

/** How the rows of one table can be looked up. */
interface Keying {
  readonly keys: (values: RowValues) => readonly Key[];
  /** The columns that `keys` reads. */
  readonly watched: readonly number[];
}
interface Key {
  readonly index: Index<unknown>;
  readonly key: unknown;
  /** What to say where two rows claim it. */
  readonly meaning: string;
}

export class History {
  readonly rows: Readonly<Record<TableName, ReadonlyMap<string, RowHistory>>>;
  readonly datapathByKey: Index<number> = new Map();
  /** By datapath uuid, then tunnel key. */
  readonly portByKey: Index2<string, number> = new Map();
  readonly groupByKey: Index2<string, number> = new Map();
  readonly portByName: Index<string> = new Map();
  readonly chassisByName: Index<string> = new Map();
  /** By encap type, then address in canonical text. */
  readonly encapByIp: Index2<string, string> = new Map();
  /** By the uuid of an encap. */
  readonly chassisByEncap: Index<string> = new Map();
  /** Counts the changes applied; what was composed in another generation may have ended since. */
  generation = 0;

  readonly #rows: Record<TableName, Map<string, RowHistory>>;
  readonly #warnings: WarningLog;
  readonly #keyings: Record<TableName, Keying>;

  constructor(warnings: WarningLog, canonicalAddress: (text: string) => string) {
    this.#warnings = warnings;
    this.#rows = {
      SB_Global: new Map(),
      Datapath_Binding: new Map(),
      Port_Binding: new Map(),
      Multicast_Group: new Map(),
      Chassis: new Map(),
      Encap: new Map(),
    };
    this.rows = this.#rows;
    this.#keyings = this.#makeKeyings(canonicalAddress);
  }

  /** Takes over the changes of a transaction at `time` (milliseconds since 1970, never decreasing). */
  apply(time: number, changes: readonly RowChange[]): void {
    if (changes.length === 0) return;
    this.generation++;
    // Keys are given up before any is taken: one transaction may hand a key from row to row.
    for (const change of changes) if (change.before !== null) this.#release(time, change, change.before);
    for (const change of changes) this.#take(time, change);
  }

  #release(time: number, { table, uuid, before, after }: RowChange, old: RowValues): void {
    const row = this.#rows[table.name as TableName].get(uuid);
    if (row === undefined || before === null) return;
    const keying = this.#keyings[table.name as TableName];
    if (after !== null && keysKept(keying, old, after)) return;
    for (const { index, key } of keying.keys(old)) index.get(key)?.release(time, row);
  }

  #take(time: number, { table, uuid, before, after }: RowChange): void {
    const rows = this.#rows[table.name as TableName];
    let row = rows.get(uuid);
    if (row === undefined) {
      row = new RowHistory(uuid);
      rows.set(uuid, row);
    }
    row.versions.set(time, after === null ? null : new RowVersion(row, after));
    if (after === null) return;
    const keying = this.#keyings[table.name as TableName];
    if (before !== null && keysKept(keying, before, after)) return;
    for (const { index, key, meaning } of keying.keys(after)) {
      let timeline = index.get(key);
      if (timeline === undefined) {
        timeline = new Timeline();
        index.set(key, timeline);
      }
      if (!timeline.claim(time, row) && !this.#warnings.again("duplicate-key"))
        this.#warnings.add(
          "duplicate-key",
          `two rows of ${table.name} have ${meaning} ${quoted(String(key))} at the same time; the later one counts`,
        );
    }
  }

  #makeKeyings(canonicalAddress: (text: string) => string): Record<TableName, Keying> {
    const key = <K>(index: Index<K>, value: Datum, meaning: string): Key => ({
      index: index as Index<unknown>,
      key: value,
      meaning,
    });
    return {
      SB_Global: { watched: [], keys: () => [] },
      Datapath_Binding: {
        watched: [DATAPATH.tunnel_key],
        keys: (row) => [key(this.datapathByKey, row[DATAPATH.tunnel_key], "tunnel_key")],
      },
      Port_Binding: {
        watched: [PORT.datapath, PORT.tunnel_key, PORT.logical_port],
        keys: (row) => [
          key(inner(this.portByKey, row[PORT.datapath] as string), row[PORT.tunnel_key], "tunnel_key"),
          key(this.portByName, row[PORT.logical_port], "logical_port"),
        ],
      },
      Multicast_Group: {
        watched: [GROUP.datapath, GROUP.tunnel_key],
        keys: (row) => [
          key(inner(this.groupByKey, row[GROUP.datapath] as string), row[GROUP.tunnel_key], "tunnel_key"),
        ],
      },
      Chassis: {
        watched: [CHASSIS.name, CHASSIS.encaps],
        keys: (row) => [
          key(this.chassisByName, row[CHASSIS.name], "name"),
          ...(row[CHASSIS.encaps] as readonly string[]).map((uuid) =>
            key(this.chassisByEncap, uuid, "the encap"),
          ),
        ],
      },
      Encap: {
        watched: [ENCAP.type, ENCAP.ip],
        keys: (row) => {
          const address = canonicalAddress(row[ENCAP.ip] as string);
          return [key(inner(this.encapByIp, row[ENCAP.type] as string), address, "ip")];
        },
      },
    };
  }
}

/** Whether two states of a row have the same place in every index. Unchanged values are the same object. */
function keysKept({ watched }: Keying, before: RowValues, after: RowValues): boolean {
  for (const column of watched) if (before[column] !== after[column]) return false;
  return true;
}

function inner<A, B>(index: Index2<A, B>, key: A): Index<B> {
  let found = index.get(key);
  if (found === undefined) {
    found = new Map();
    index.set(key, found);
  }
  return found;
}
