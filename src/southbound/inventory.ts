/*
 * What the keys and addresses of a packet mean, as of the packet's time. Every answer is an immutable version;
 * resolutions are kept, so that the cost of a name is paid once per flow and change, not per packet.
 */
import { canonicalAddress } from "./address.js";
import { at2, Composer } from "./compose.js";
import { EndpointIndex } from "./endpoints.js";
import { History, type RowHistory, type RowVersion } from "./history.js";
import type {
  AddressResolution,
  Chassis,
  Datapath,
  Encap,
  MulticastGroup,
  Port,
  Resolution,
  SouthboundDamage,
  SouthboundFormat,
  SouthboundGlobal,
  SouthboundWarning,
} from "./model.js";
import type { Layout } from "./ovsdb/schema.js";
import type { SourceDescription, TransactionSink } from "./ovsdb/sink.js";
import type { Transaction } from "./ovsdb/transaction.js";
import type { WarningLog } from "./ovsdb/warnings.js";
import { LAST_PORT_KEY, Resolver } from "./resolver.js";
import { RowStore } from "./store.js";
import { ColumnIndex } from "./tables.js";
import { Validator } from "./validate.js";
import { WELL_KNOWN_GROUPS } from "./well-known.js";

const ENCAP = ColumnIndex.Encap;

/**
 * The southbound database over time.
 *
 * Times (`at`) are milliseconds since 1970, UTC, fractions allowed; `Infinity` asks for the latest state.
 * A change is in force from the millisecond of its transaction on. Lookups that find what was found before
 * allocate nothing. Names are as stored, unescaped.
 */
export class Inventory implements TransactionSink {
  readonly source: string;
  readonly format: SouthboundFormat;
  readonly schemaVersion: string | null;
  /** The tables and columns that transactions for `apply` are made of. */
  readonly layout: Layout;
  readonly #warnings: WarningLog;
  readonly #history: History;
  readonly #composer: Composer;
  readonly #store: RowStore;
  readonly #resolver: Resolver;
  readonly #endpoints: EndpointIndex;
  #genevePorts: readonly number[] = [];
  #genevePortsIn = -1;
  #transactions = 0;
  #historyStart = Number.NEGATIVE_INFINITY;
  #latestDate: number | null = null;
  #time = Number.NEGATIVE_INFINITY;
  #damage: SouthboundDamage | null = null;

  constructor(options: SourceDescription) {
    this.source = options.source;
    this.format = options.format;
    this.schemaVersion = options.schemaVersion;
    this.layout = options.layout;
    this.#warnings = options.warnings;
    this.#history = new History(this.#warnings, canonicalAddress);
    this.#composer = new Composer(this.#history);
    this.#resolver = new Resolver(this.#history, this.#composer);
    this.#endpoints = new EndpointIndex(this.#history, this.#composer);
    this.#store = new RowStore(options.layout, this.#warnings);
  }

  /** Whether it knows more than one moment. If not, its one picture is taken to hold for all time. */
  get hasHistory(): boolean {
    return this.#historyStart !== Number.NEGATIVE_INFINITY;
  }

  /**
   * The date of the first record: what was before, is not known (a journal starts anew when it is
   * compacted). `-Infinity` without history.
   */
  get historyStart(): number {
    return this.#historyStart;
  }

  /** The date of the last transaction; null where the source does not say. */
  get latestDate(): number | null {
    return this.#latestDate;
  }

  /** How many transactions it was built from, those that changed no name included. */
  get transactions(): number {
    return this.#transactions;
  }

  /**
   * Grows with every change that is applied. For a file it never changes after opening. Where it does, what
   * was answered with `until` Infinity under an earlier generation may have ended.
   */
  get generation(): number {
    return this.#history.generation;
  }

  /** What was odd, by kind. */
  get warnings(): readonly SouthboundWarning[] {
    return this.#warnings.list();
  }

  /** Where the source was cut or damaged; null if it was whole. */
  get damage(): SouthboundDamage | null {
    return this.#damage;
  }

  /** The datapath with this tunnel key (VNI). */
  datapath(tunnelKey: number, at: number): Datapath | null {
    const time = clamp(at);
    const row = this.#history.datapathByKey.get(tunnelKey)?.valueAt(time);
    return this.#composer.datapath(row?.versions.valueAt(time) ?? null, time);
  }

  /** The port with this key in the datapath with this key. */
  port(datapathKey: number, portKey: number, at: number): Port | null {
    const time = clamp(at);
    const datapath = this.#history.datapathByKey.get(datapathKey)?.valueAt(time);
    if (datapath == null) return null;
    const row = at2(this.#history.portByKey, datapath.uuid, portKey)?.valueAt(time);
    return this.#composer.port(row?.versions.valueAt(time) ?? null, time);
  }

  /** The port with this `logical_port`. */
  portByName(name: string, at: number): Port | null {
    const time = clamp(at);
    const row = this.#history.portByName.get(name)?.valueAt(time);
    return this.#composer.port(row?.versions.valueAt(time) ?? null, time);
  }

  /**
   * The multicast group with this key in the datapath with this key: its row, else OVN's name for the key
   * (flagged `wellKnown`), else null.
   */
  multicastGroup(datapathKey: number, key: number, at: number): MulticastGroup | null {
    const time = clamp(at);
    const datapath = this.#history.datapathByKey.get(datapathKey)?.valueAt(time);
    if (datapath != null) {
      const row = at2(this.#history.groupByKey, datapath.uuid, key)?.valueAt(time);
      const group = this.#composer.group(row?.versions.valueAt(time) ?? null, time);
      if (group !== null) return group;
    }
    return WELL_KNOWN_GROUPS.get(key) ?? null;
  }

  /** What an egress key means: up to 32767 a port (0 none), above a multicast group. */
  egress(datapathKey: number, key: number, at: number): Port | MulticastGroup | null {
    return key <= LAST_PORT_KEY ? this.port(datapathKey, key, at) : this.multicastGroup(datapathKey, key, at);
  }

  /**
   * What the three keys of a packet mean together. Give 0 for a key the packet does not carry: no port has
   * it. The same object is returned as long as it holds, unless more than 2^16 others were asked for since.
   */
  resolve(vni: number, ingress: number, egress: number, at: number): Resolution {
    return this.#resolver.resolve(vni, ingress, egress, clamp(at));
  }

  /** Whose outer address `ip` (as text) is: the tunnel end point and its chassis. Kept like `resolve`'s. */
  resolveAddress(ip: string, at: number): AddressResolution {
    return this.#resolver.resolveAddress(ip, clamp(at));
  }

  chassisByAddress(ip: string, at: number): Chassis | null {
    return this.resolveAddress(ip, at).chassis;
  }

  encapByAddress(ip: string, at: number): Encap | null {
    return this.resolveAddress(ip, at).encap;
  }

  /** The chassis with this `name`. */
  chassisByName(name: string, at: number): Chassis | null {
    const time = clamp(at);
    const row = this.#history.chassisByName.get(name)?.valueAt(time);
    return this.#composer.chassis(row?.versions.valueAt(time) ?? null, time);
  }

  /**
   * The VIF that had the IP address `ip` (as text) at the time: the VM an inner packet is from or for. Looked
   * for among the datapaths that routers connect with the one with the key `datapathKey`: unconnected networks
   * may use the same addresses. Null where there is none, or more than one.
   */
  endpoint(ip: string, datapathKey: number, at: number): Port | null {
    return this.#endpoints.find(ip, datapathKey, clamp(at));
  }

  /** The SB_Global row. */
  global(at: number): SouthboundGlobal | null {
    const [row] = this.#all(this.#history.rows.SB_Global, at, (version, time) =>
      this.#composer.global(version, time),
    );
    return row ?? null;
  }

  /** All datapaths, by tunnel key. */
  datapaths(at: number): Datapath[] {
    const list = this.#all(this.#history.rows.Datapath_Binding, at, (version, time) =>
      this.#composer.datapath(version, time),
    );
    return list.sort((a, b) => a.tunnelKey - b.tunnelKey);
  }

  /** All ports, or those of one datapath, by datapath key and tunnel key. */
  ports(at: number, datapathKey?: number): Port[] {
    const list = this.#all(this.#history.rows.Port_Binding, at, (version, time) =>
      this.#composer.port(version, time),
    );
    const wanted = datapathKey === undefined ? list : list.filter((port) => port.datapathKey === datapathKey);
    return wanted.sort((a, b) => a.datapathKey - b.datapathKey || a.tunnelKey - b.tunnelKey);
  }

  /** All multicast groups that have a row, by key. */
  multicastGroups(at: number, datapathKey: number): MulticastGroup[] {
    const time = clamp(at);
    const datapath = this.#history.datapathByKey.get(datapathKey)?.valueAt(time);
    const groups = this.#history.groupByKey.get(datapath?.uuid ?? "");
    const list: MulticastGroup[] = [];
    for (const timeline of groups?.values() ?? []) {
      const group = this.#composer.group(timeline.valueAt(time)?.versions.valueAt(time) ?? null, time);
      if (group !== null) list.push(group);
    }
    return list.sort((a, b) => a.tunnelKey - b.tunnelKey);
  }

  /** All chassis, by name. */
  chassis(at: number): Chassis[] {
    const list = this.#all(this.#history.rows.Chassis, at, (version, time) =>
      this.#composer.chassis(version, time),
    );
    return list.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  }

  /** Every UDP port that a Geneve end point asks for with `options:dst_port`, at any time, ascending. */
  genevePorts(): readonly number[] {
    if (this.#genevePortsIn === this.#history.generation) return this.#genevePorts;
    const ports = new Set<number>();
    for (const row of this.#history.rows.Encap.values())
      for (const { value } of row.versions.segments) {
        if (value === null || value.values[ENCAP.type] !== "geneve") continue;
        const text = (value.values[ENCAP.options] as ReadonlyMap<string, string>).get("dst_port");
        if (text !== undefined && /^\d{1,5}$/.test(text) && +text > 0 && +text <= 0xffff) ports.add(+text);
      }
    this.#genevePortsIn = this.#history.generation;
    this.#genevePorts = [...ports].sort((a, b) => a - b);
    return this.#genevePorts;
  }

  /**
   * Takes over a transaction. The readers call it in the order of the source, and so will a live one. A
   * transaction dated before the one ahead of it counts as of that one. `timeless` says that this is the
   * source's only picture, which then holds for all times.
   */
  apply(transaction: Transaction, timeless = false): void {
    this.#transactions++;
    const { date } = transaction;
    if (date !== null && (this.#latestDate === null || date > this.#latestDate)) this.#latestDate = date;
    let time = timeless ? Number.NEGATIVE_INFINITY : (date ?? this.#time);
    if (!timeless && date === null)
      this.#warnings.add("undated", `the record at byte ${transaction.offset} has no date`);
    if (time < this.#time) {
      this.#warnings.add(
        "clock-backwards",
        `the record at byte ${transaction.offset} is dated ${this.#time - time} ms before an earlier one`,
      );
      time = this.#time;
    }
    if (this.#transactions === 1) {
      this.#historyStart = time;
      this.#resolver.begin(time);
    }
    this.#time = time;
    this.#history.apply(time, this.#store.apply(transaction));
  }

  /** The source has come to its end: checks the references of the rows as they are now. */
  finish(damage: SouthboundDamage | null): void {
    this.#damage = damage;
    new Validator(this.#store, this.#warnings).run();
  }

  #all<T>(
    rows: ReadonlyMap<string, RowHistory>,
    at: number,
    compose: (version: RowVersion | null, time: number) => T | null,
  ): T[] {
    const time = clamp(at);
    const list: T[] = [];
    for (const row of rows.values()) {
      const entity = compose(row.versions.valueAt(time), time);
      if (entity !== null) list.push(entity);
    }
    return list;
  }
}

/** `at` as a time that lies within a last interval; NaN and Infinity are the latest. */
function clamp(at: number): number {
  return Number.isNaN(at) ? Number.MAX_VALUE : Math.min(at, Number.MAX_VALUE);
}
