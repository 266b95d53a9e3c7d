/*
 * Every version of every row, and who had which key when. Built from row changes in the order of their
 * transactions, whether those come from a file or from a live server.
 */

import { quoted } from "../text.js";
import { entryOf } from "./entry.js";
import { KeyChanges } from "./key-changes.js";
import type { Interval } from "./model.js";
import { applyDifference, type Column, type Datum } from "./ovsdb/value.js";
import type { WarningLog } from "./ovsdb/warnings.js";
import type { Answers } from "./span.js";
import type { RowChange, RowValues } from "./store.js";
import { ColumnIndex, type TableName } from "./tables.js";
import { type OverTime, type Segment, Timeline } from "./timeline.js";

/** Elements from which on an old value of a set or map is kept as its difference from the next one. */
const LARGE = 64;
/** Versions in a row kept like that at most: what an old value costs to read. */
const LONGEST_CHAIN = 64;

/** What a version's value was, seen from the one that took its place. */
interface Difference {
  readonly index: number;
  readonly column: Column;
  readonly difference: readonly string[];
}

/** One state of a row, with the entities composed from it so far. */
export class RowVersion {
  readonly row: RowHistory;
  answers: Answers<Interval> | null = null;
  #values: RowValues;
  #next: RowVersion | null = null;
  #differences: readonly Difference[] | null = null;

  constructor(row: RowHistory, values: RowValues) {
    this.row = row;
    this.#values = values;
  }

  get values(): RowValues {
    if (this.#differences === null) return this.#values;
    const values = [...this.#values];
    const next = (this.#next as RowVersion).values;
    for (const { index, column, difference } of this.#differences)
      values[index] = applyDifference(column, next[index], difference);
    return values;
  }

  /**
   * `next` has taken its place: large values that differ little are kept as differences, so that a set of
   * thousands that changes thousands of times does not take millions. False where there are none.
   */
  shrink(columns: readonly Column[], next: RowVersion): boolean {
    const differences: Difference[] = [];
    const values: Datum[] = [...this.#values];
    for (let index = 0; index < columns.length; index++) {
      const old = values[index];
      const column = columns[index];
      if (!column.composite || !Array.isArray(old) || old.length < LARGE || old === next.#values[index])
        continue;
      const difference = applyDifference(column, next.#values[index], old) as readonly string[];
      if (difference.length * 4 > old.length) continue;
      differences.push({ index, column, difference });
      values[index] = null;
    }
    if (differences.length === 0) return false;
    this.#values = values;
    this.#next = next;
    this.#differences = differences;
    return true;
  }
}

/**
 * All states of the row with this uuid. Most keys have one owner for as long as it exists; then the row itself
 * takes the place of the key's timeline: it owns the key from its first version on.
 */
export class RowHistory implements OverTime<RowHistory> {
  readonly uuid: string;
  readonly versions = new Timeline<RowVersion>();
  /** Versions at the end of its history that were shrunk, one after the other. */
  chain = 0;
  stamp = 0;

  constructor(uuid: string) {
    this.uuid = uuid;
  }

  get start(): number {
    return this.versions.start;
  }

  get lastFrom(): number {
    return this.versions.start;
  }

  get last(): RowHistory {
    return this;
  }

  get segments(): readonly Segment<RowHistory>[] {
    return [{ from: this.versions.start, until: Number.POSITIVE_INFINITY, value: this }];
  }

  valueAt(time: number): RowHistory | null {
    return time >= this.versions.start ? this : null;
  }

  pastAt(): null {
    return null;
  }
}

/** Rows by one of their columns, over time. */
export type Index<K> = Map<K, RowHistory | Timeline<RowHistory>>;
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
  /** Whether packets carry its keys. */
  readonly ofPackets: boolean;
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
  /** Where keys of packets were given to another row, or taken away. */
  readonly keyChanges = new KeyChanges();

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

  /**
   * Takes over the changes of a transaction at `time` (milliseconds since 1970, never decreasing). `halfway`: of
   * a picture in parts, whose other rows may still hold keys that they have lost.
   */
  apply(time: number, changes: readonly RowChange[], halfway = false): void {
    if (changes.length === 0) return;
    this.generation++;
    // Keys are given up before any is taken: one transaction may hand a key from row to row.
    for (const change of changes) if (change.before !== null) this.#release(time, change, change.before);
    for (const change of changes) this.#take(time, change, halfway);
  }

  /**
   * Forgets what ended by `time`, and the rows of which nothing is left. What is still known of times before is
   * no longer the whole.
   */
  forgetBefore(time: number): void {
    this.generation++;
    for (const rows of Object.values(this.#rows))
      for (const [uuid, row] of rows) if (!row.versions.forgetBefore(time)) rows.delete(uuid);
    forget(this.datapathByKey, time);
    forget(this.portByName, time);
    forget(this.chassisByName, time);
    forget(this.chassisByEncap, time);
    for (const index of [this.portByKey, this.groupByKey, this.encapByIp] as Index2<unknown, unknown>[])
      for (const [outer, owners] of index) {
        forget(owners, time);
        if (owners.size === 0) index.delete(outer);
      }
  }

  /** When each version that is over ended, in no order. */
  ends(): Float64Array {
    const ends: number[] = [];
    for (const rows of Object.values(this.#rows))
      for (const { versions } of rows.values())
        for (const { until } of versions.segments) if (until !== Number.POSITIVE_INFINITY) ends.push(until);
    return Float64Array.from(ends);
  }

  #release(time: number, { table, uuid, before, after }: RowChange, old: RowValues): void {
    const row = this.#rows[table.name as TableName].get(uuid);
    if (row === undefined || before === null) return;
    const keying = this.#keyings[table.name as TableName];
    if (after !== null && keysKept(keying, old, after)) return;
    if (keying.ofPackets) this.#noteKeys(time, table.name, old);
    const keys = keying.keys(old);
    for (const { index, key } of after === null ? keys : without(keys, keying.keys(after))) {
      const owners = index.get(key);
      if (owners === row) timelineOf(index, key).release(time, row);
      else if (owners instanceof Timeline) owners.release(time, row);
    }
  }

  #take(time: number, { table, uuid, before, after }: RowChange, halfway: boolean): void {
    const rows = this.#rows[table.name as TableName];
    let row = rows.get(uuid);
    if (row === undefined) {
      row = new RowHistory(uuid);
      rows.set(uuid, row);
    }
    const earlier = row.versions.last;
    if (after === null) {
      row.versions.set(time, null);
      return;
    }
    const version = new RowVersion(row, after);
    row.versions.set(time, version);
    if (earlier !== null) {
      const shrunk = row.chain < LONGEST_CHAIN && earlier.shrink(table.columns, version);
      row.chain = shrunk ? row.chain + 1 : 0;
    }
    const keying = this.#keyings[table.name as TableName];
    if (before !== null && keysKept(keying, before, after)) return;
    if (keying.ofPackets) this.#noteKeys(time, table.name, after);
    const keys = keying.keys(after);
    for (const { index, key, meaning } of before === null ? keys : without(keys, keying.keys(before))) {
      if (!index.has(key) && row.versions.start === time) index.set(key, row);
      else if (!timelineOf(index, key).claim(time, row) && !halfway && !this.#warnings.again("duplicate-key"))
        this.#warnings.add(
          "duplicate-key",
          `two rows of ${table.name} have ${meaning} ${quoted(String(key))} at the same time; the later one counts`,
        );
    }
  }

  #noteKeys(time: number, table: string, values: RowValues): void {
    if (table === "Datapath_Binding") this.keyChanges.add(values[DATAPATH.tunnel_key] as number, time);
    else {
      const uuid = values[table === "Port_Binding" ? PORT.datapath : GROUP.datapath] as string;
      const datapath = this.#rows.Datapath_Binding.get(uuid)?.versions.last;
      // Without a datapath no packet can have the key.
      if (datapath != null) this.keyChanges.add(datapath.values[DATAPATH.tunnel_key] as number, time);
    }
  }

  #makeKeyings(canonicalAddress: (text: string) => string): Record<TableName, Keying> {
    const key = <K>(index: Index<K>, value: Datum, meaning: string): Key => ({
      index: index as Index<unknown>,
      key: value,
      meaning,
    });
    return {
      SB_Global: { ofPackets: false, watched: [], keys: () => [] },
      Datapath_Binding: {
        ofPackets: true,
        watched: [DATAPATH.tunnel_key],
        keys: (row) => [key(this.datapathByKey, row[DATAPATH.tunnel_key], "tunnel_key")],
      },
      Port_Binding: {
        ofPackets: true,
        watched: [PORT.datapath, PORT.tunnel_key, PORT.logical_port],
        keys: (row) => [
          key(inner(this.portByKey, row[PORT.datapath] as string), row[PORT.tunnel_key], "tunnel_key"),
          key(this.portByName, row[PORT.logical_port], "logical_port"),
        ],
      },
      Multicast_Group: {
        ofPackets: true,
        watched: [GROUP.datapath, GROUP.tunnel_key],
        keys: (row) => [
          key(inner(this.groupByKey, row[GROUP.datapath] as string), row[GROUP.tunnel_key], "tunnel_key"),
        ],
      },
      Chassis: {
        ofPackets: false,
        watched: [CHASSIS.name, CHASSIS.encaps],
        keys: (row) => [
          key(this.chassisByName, row[CHASSIS.name], "name"),
          ...(row[CHASSIS.encaps] as readonly string[]).map((uuid) =>
            key(this.chassisByEncap, uuid, "the encap"),
          ),
        ],
      },
      Encap: {
        ofPackets: false,
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

function forget<K>(index: Index<K>, time: number): void {
  for (const [key, owners] of index)
    if (owners instanceof Timeline && !owners.forgetBefore(time)) index.delete(key);
}

/** Those of `keys` that are not among `others`. */
function without(keys: readonly Key[], others: readonly Key[]): readonly Key[] {
  return keys.filter(({ index, key }) => !others.some((each) => each.index === index && each.key === key));
}

/** The timeline of a key that one row does not own alone, or not for as long as it exists. */
function timelineOf<K>(index: Index<K>, key: K): Timeline<RowHistory> {
  const owners = index.get(key);
  if (owners instanceof Timeline) return owners;
  const timeline = new Timeline<RowHistory>();
  index.set(key, timeline);
  if (owners !== undefined) {
    timeline.set(owners.start, owners);
    owners.stamp++;
  }
  return timeline;
}

function inner<A, B>(index: Index2<A, B>, key: A): Index<B> {
  return entryOf(index, key, () => new Map());
}
