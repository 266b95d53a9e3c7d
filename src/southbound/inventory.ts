/*
 * What the keys and addresses of a packet mean, as of the packet's time. Every answer is an immutable version;
 * resolutions are kept, so that the cost of a name is paid once per flow and change, not per packet.
 */
import { canonicalAddress } from "../wire/address.js";
import { at2, Composer, everyVersion } from "./compose.js";
import { type AddressSource, EndpointIndex } from "./endpoints.js";
import { Chronicle, type KeyHolder, type PortEvent } from "./events.js";
import { History, type Index2, type RowHistory, type RowVersion } from "./history.js";
import type {
  AddressResolution,
  Chassis,
  Datapath,
  Encap,
  Endpoint,
  Interval,
  KeyHold,
  MulticastGroup,
  Port,
  Resolution,
  SouthboundDamage,
  SouthboundFormat,
  SouthboundGlobal,
  SouthboundWarning,
  Stations,
} from "./model.js";
import type { Layout } from "./ovsdb/schema.js";
import type { SourceDescription, TransactionSink } from "./ovsdb/sink.js";
import type { SnapshotOrigin } from "./ovsdb/snapshot.js";
import type { Transaction } from "./ovsdb/transaction.js";
import { pairValue } from "./ovsdb/value.js";
import type { WarningLog } from "./ovsdb/warnings.js";
import { RecordClock } from "./record-clock.js";
import { replay } from "./replay.js";
import { LAST_PORT_KEY, Resolver } from "./resolver.js";
import { StationIndex } from "./stations.js";
import { RowStore } from "./store.js";
import { ColumnIndex } from "./tables.js";
import { Validator } from "./validate.js";
import { WELL_KNOWN_GROUPS } from "./well-known.js";

const ENCAP = ColumnIndex.Encap;
/** Some 300 bytes each. */
const MOST_CHANGES = 500_000;

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
  /** What a snapshot was made of; null where it is none. */
  readonly snapshot: SnapshotOrigin | null;
  readonly #warnings: WarningLog;
  readonly #clock: RecordClock;
  readonly #history: History;
  readonly #composer: Composer;
  readonly #store: RowStore;
  readonly #resolver: Resolver;
  readonly #endpoints: EndpointIndex;
  readonly #stations: StationIndex;
  #damage: SouthboundDamage | null = null;
  /** Changes since some were last forgotten. */
  #changes = 0;
  readonly #keep: number;

  /** `keep`: of a server's changes at least so many are remembered, at most twice that. */
  constructor(options: SourceDescription, keep = MOST_CHANGES) {
    this.#keep = keep;
    this.source = options.source;
    this.format = options.format;
    this.schemaVersion = options.schemaVersion;
    this.layout = options.layout;
    this.snapshot = options.snapshot ?? null;
    this.#warnings = options.warnings;
    this.#clock = new RecordClock(options.warnings);
    this.#history = new History(this.#warnings, canonicalAddress);
    this.#composer = new Composer(this.#history);
    this.#resolver = new Resolver(this.#history, this.#composer);
    this.#endpoints = new EndpointIndex(this.#history, this.#composer);
    this.#stations = new StationIndex(this.#history, this.#composer, this.#endpoints);
    this.#store = new RowStore(options.layout, this.#warnings);
  }

  /** Whether it knows more than one moment. If not, its one picture is taken to hold for all time. */
  get hasHistory(): boolean {
    return this.#clock.time !== Number.NEGATIVE_INFINITY;
  }

  /**
   * The date of the first record: what was before, is not known (a journal starts anew when it is
   * compacted). `-Infinity` where the first picture has to do for all time before it: without history, and
   * with a server, whose history begins when it is followed.
   */
  get historyStart(): number {
    return this.#clock.start;
  }

  /** The date of the last transaction; null where the source does not say. */
  get latestDate(): number | null {
    return this.#clock.latestDate;
  }

  /** How many transactions it was built from, those that changed no name included. */
  get transactions(): number {
    return this.#clock.transactions;
  }

  /**
   * Grows with every change that is applied. For a file it never changes after opening. Where it does, what
   * was answered with `until` Infinity under an earlier generation may have ended.
   */
  get generation(): number {
    return this.#history.generation;
  }

  /** Grows when a key of packets is given to another row, or taken away: see `keysHold`. */
  get keyGeneration(): number {
    return this.#history.keyChanges.generation;
  }

  /** The datapaths (tunnel keys) where that was since `generation`; null: it could be any. */
  keyChangesSince(generation: number): ReadonlySet<number> | null {
    return this.#history.keyChanges.since(generation);
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

  /** From when until when the port with this `logical_port` is the same row, or there is none. */
  nameHolds(name: string, at: number): Interval {
    return this.#resolver.nameHolds(name, clamp(at));
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
   * Whose the address `address` (MAC or IP, as text) of an inner packet was. Looked for among the datapaths that
   * routers connect with the one with the key `datapathKey`, but not beyond a network that leads outside:
   * unconnected networks may use the same addresses. Answers are kept like `resolve`'s.
   */
  endpoint(address: string, datapathKey: number, at: number): Endpoint {
    return this.#endpoints.find(address, datapathKey, clamp(at));
  }

  /**
   * Where frames from and to `mac` (as text) could be, in all datapaths: what is known of a frame without its
   * tunnel's header. Answers are kept like `resolve`'s.
   */
  stations(mac: string, at: number): Stations {
    return this.#stations.find(mac, clamp(at));
  }

  /** Lets `endpoint` and `stations` ask `further`, too. */
  learnAddresses(further: AddressSource): void {
    this.#endpoints.learn(further);
    this.#stations.reset();
  }

  /**
   * From when until when the three keys belong to the same rows: what a flow is. Names, chassis and addresses
   * of those rows may change meanwhile. Where it lasts to Infinity it may end when `keyGeneration` grows.
   */
  keysHold(vni: number, ingress: number, egress: number, at: number): Interval {
    return this.#resolver.keysHold(vni, ingress, egress, clamp(at));
  }

  /** The same of the key of one port or multicast group, or for 0 of the datapath; and which row it is. */
  keyHolds(datapathKey: number, key: number, at: number): KeyHold {
    return this.#resolver.keyHolds(datapathKey, key, clamp(at));
  }

  /** From then on (milliseconds since 1970) all keys belong to the rows that they belong to now. */
  get keysHoldSince(): number {
    return Math.max(this.#clock.start, this.#history.keyChanges.latest);
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
    const list =
      datapathKey === undefined
        ? this.#all(this.#history.rows.Port_Binding, at, (version, time) =>
            this.#composer.port(version, time),
          )
        : this.#keyed(this.#history.portByKey, datapathKey, at, (version, time) =>
            this.#composer.port(version, time),
          );
    return list.sort((a, b) => a.datapathKey - b.datapathKey || a.tunnelKey - b.tunnelKey);
  }

  /** All multicast groups that have a row, by key. */
  multicastGroups(at: number, datapathKey: number): MulticastGroup[] {
    const list = this.#keyed(this.#history.groupByKey, datapathKey, at, (version, time) =>
      this.#composer.group(version, time),
    );
    return list.sort((a, b) => a.tunnelKey - b.tunnelKey);
  }

  /** All chassis, by name. */
  chassis(at: number): Chassis[] {
    const list = this.#all(this.#history.rows.Chassis, at, (version, time) =>
      this.#composer.chassis(version, time),
    );
    return list.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  }

  /** Every version of every datapath there ever was, in no order: for questions to the whole history. */
  everyDatapath(): Generator<Datapath> {
    return everyVersion(this.#history.rows.Datapath_Binding, (version, time) =>
      this.#composer.datapath(version, time),
    );
  }

  everyPort(): Generator<Port> {
    return everyVersion(this.#history.rows.Port_Binding, (version, time) =>
      this.#composer.port(version, time),
    );
  }

  everyChassis(): Generator<Chassis> {
    return everyVersion(this.#history.rows.Chassis, (version, time) => this.#composer.chassis(version, time));
  }

  /** Those without a row, which OVN's convention names, included. */
  *everyMulticastGroup(): Generator<MulticastGroup> {
    yield* WELL_KNOWN_GROUPS.values();
    yield* everyVersion(this.#history.rows.Multicast_Group, (version, time) =>
      this.#composer.group(version, time),
    );
  }

  /** The key of every datapath there ever was, and with it the keys of all ports and multicast groups it ever had. */
  *everyKey(): Generator<[datapathKey: number, keys: ReadonlySet<number>]> {
    const { datapathByKey, portByKey, groupByKey } = this.#history;
    for (const [datapathKey, owners] of datapathByKey) {
      const keys = new Set<number>();
      for (const { value: row } of owners.segments)
        for (const index of [portByKey, groupByKey])
          for (const key of index.get(row?.uuid ?? "")?.keys() ?? []) keys.add(key);
      yield [datapathKey, keys];
    }
  }

  /** Every address that a tunnel end point ever had, in canonical text. */
  everyTunnelAddress(): ReadonlySet<string> {
    return new Set([...this.#history.encapByIp.values()].flatMap((index) => [...index.keys()]));
  }

  /**
   * Every destination port that end points of this type (`geneve`, `vxlan`, `stt`) ask for with `options:dst_port`,
   * at any time, ascending. Looked for in all rows: to be asked once.
   */
  tunnelPorts(type: string): readonly number[] {
    const ports = new Set<number>();
    for (const row of this.#history.rows.Encap.values())
      for (const { value } of row.versions.segments) {
        if (value === null || value.values[ENCAP.type] !== type) continue;
        const text = pairValue(value.values[ENCAP.options], "dst_port");
        if (text !== undefined && /^\d{1,5}$/.test(text) && +text > 0 && +text <= 0xffff) ports.add(+text);
      }
    return [...ports].sort((a, b) => a - b);
  }

  /**
   * Takes over a transaction. The readers call it in the order of the source, and so does a live one. A
   * transaction dated before the one ahead of it counts as of that one. `timeless` says that it is the source's
   * first or only picture, which then holds for all times before the next.
   */
  apply(transaction: Transaction, timeless = false): void {
    if (this.#clock.tick(transaction, timeless)) this.#resolver.begin(this.#clock.start);
    const { time } = this.#clock;
    const changes = this.#store.apply(transaction);
    this.#history.apply(time, changes, transaction.replaces);
    for (const { table, uuid } of changes)
      if (table.name === "Port_Binding") this.#endpoints.changed(uuid, time);
    // A file is as long as it is; a server goes on.
    this.#changes += changes.length;
    if (this.format === "server" && this.#changes > 2 * this.#keep) this.#forget();
  }

  /** Keeps the later half of the changes. */
  #forget(): void {
    const ends = this.#history.ends().sort();
    this.#changes = Math.min(ends.length, this.#keep);
    if (ends.length <= this.#keep) return;
    const time = ends[ends.length - 1 - this.#keep];
    this.#history.forgetBefore(time);
    this.#endpoints.reset();
    this.#stations.reset();
    this.#clock.start = time;
    this.#clock.firstDate = time;
    this.#resolver.begin(time);
    this.#warnings.add(
      "forgotten",
      `there were more than ${2 * this.#keep} changes; those before ${new Date(time).toISOString()} are forgotten`,
    );
  }

  /** All that is known, as transactions: see {@link replay}. Nothing may be applied meanwhile. */
  replay(): Iterable<Transaction> {
    return replay(this.#history, this.layout, this.#clock);
  }

  /** The source has come to its end: checks the references of the rows as they are now. */
  finish(damage: SouthboundDamage | null): void {
    this.#damage = damage;
    new Validator(this.#store, this.#warnings).run();
  }

  /**
   * What happened to the ports that have or had this `logical_port`, in the order of time; nothing where none
   * ever had. Read from the whole history: not for hot paths.
   */
  portEvents(name: string): PortEvent[] {
    return this.#chronicle().ofPort(name);
  }

  /**
   * What happened to the ports or multicast groups with this key in the datapath with this key, while they had
   * it.
   */
  keyEvents(datapathKey: number, key: number): PortEvent[] {
    return this.#chronicle().ofKey(datapathKey, key);
  }

  /** Who had this key in the datapath with this key, in the order of time. */
  keyHolders(datapathKey: number, key: number): KeyHolder[] {
    return this.#chronicle().holders(datapathKey, key);
  }

  #chronicle(): Chronicle {
    return new Chronicle(this.#history, this.#composer, this.#clock.start);
  }

  /** What has a key in the datapath with the key `datapathKey`. */
  #keyed<T>(
    index: Index2<string, number>,
    datapathKey: number,
    at: number,
    compose: (version: RowVersion | null, time: number) => T | null,
  ): T[] {
    const time = clamp(at);
    const datapath = this.#history.datapathByKey.get(datapathKey)?.valueAt(time);
    const list: T[] = [];
    for (const owners of index.get(datapath?.uuid ?? "")?.values() ?? []) {
      const entity = compose(owners.valueAt(time)?.versions.valueAt(time) ?? null, time);
      if (entity !== null) list.push(entity);
    }
    return list;
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

/**
 * `at` as a time that lies within a last interval; NaN and Infinity are the latest. Nothing is computed: a number that
 * is, and handed on, becomes an object.
 */
function clamp(at: number): number {
  if (Number.isNaN(at) || at === Number.POSITIVE_INFINITY) return Number.MAX_VALUE;
  return at;
}
