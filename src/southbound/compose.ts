/*
 * Puts entities together from rows: a port with its chassis, a chassis with its tunnel end points. Made on
 * demand, once for each combination of row versions, and kept with the row.
 */
import type { History, Index2, RowHistory, RowVersion } from "./history.js";
import type { Chassis, Datapath, Encap, Interval, MulticastGroup, Port, SouthboundGlobal } from "./model.js";
import type { Datum } from "./ovsdb/value.js";
import { ColumnIndex } from "./tables.js";
import { IntervalList, Span, type Timeline } from "./timeline.js";

const GLOBAL = ColumnIndex.SB_Global;
const DATAPATH = ColumnIndex.Datapath_Binding;
const PORT = ColumnIndex.Port_Binding;
const GROUP = ColumnIndex.Multicast_Group;
const CHASSIS = ColumnIndex.Chassis;
const ENCAP = ColumnIndex.Encap;

type Strings = readonly string[];
type Pairs = ReadonlyMap<string, string>;

/**
 * Entities as of a time (milliseconds since 1970). What was composed before holds for its interval, so asking
 * again gives the same object and allocates nothing, until {@link History.generation} changes.
 */
export class Composer {
  readonly #history: History;

  constructor(history: History) {
    this.#history = history;
  }

  global(version: RowVersion | null, time: number): SouthboundGlobal | null {
    return this.#composed<SouthboundGlobal>(version, time) ?? this.#make(version, time, makeGlobal);
  }

  datapath(version: RowVersion | null, time: number): Datapath | null {
    return this.#composed<Datapath>(version, time) ?? this.#make(version, time, makeDatapath);
  }

  encap(version: RowVersion | null, time: number): Encap | null {
    return this.#composed<Encap>(version, time) ?? this.#make(version, time, makeEncap);
  }

  group(version: RowVersion | null, time: number): MulticastGroup | null {
    return this.#composed<MulticastGroup>(version, time) ?? this.#make(version, time, makeGroup);
  }

  chassis(version: RowVersion | null, time: number): Chassis | null {
    return this.#composed<Chassis>(version, time) ?? this.#make(version, time, this.#makeChassis);
  }

  port(version: RowVersion | null, time: number): Port | null {
    return this.#composed<Port>(version, time) ?? this.#make(version, time, this.#makePort);
  }

  #composed<T extends Interval>(version: RowVersion | null, time: number): T | null {
    if (version === null || version.composedIn !== this.#history.generation) return null;
    const composed = version.composed;
    if (composed instanceof IntervalList) return composed.at(time) as T | null;
    if (composed === null || time < composed.from || time >= composed.until) return null;
    return composed as T;
  }

  #make<T extends Interval>(
    version: RowVersion | null,
    time: number,
    make: (row: RowVersion, span: Span, time: number) => T,
  ): T | null {
    if (version === null) return null;
    const span = new Span();
    span.read(version.row.versions, time);
    const entity = make(version, span, time);
    const { generation } = this.#history;
    const earlier = version.composedIn === generation ? version.composed : null;
    version.composedIn = generation;
    if (earlier === null) version.composed = entity;
    else if (earlier instanceof IntervalList) earlier.add(entity);
    else {
      const list = new IntervalList<Interval>();
      list.add(earlier);
      list.add(entity);
      version.composed = list;
    }
    return entity;
  }

  readonly #makeChassis = ({ row, values }: RowVersion, span: Span, time: number): Chassis => {
    const encaps = this.#all(values[CHASSIS.encaps], (uuid) => this.#encapRow(uuid, span, time));
    const otherConfig = values[CHASSIS.other_config] as Pairs;
    return {
      uuid: row.uuid,
      name: values[CHASSIS.name] as string,
      hostname: values[CHASSIS.hostname] as string,
      encaps,
      otherConfig,
      isVtep: otherConfig.get("is-vtep") === "true",
      from: span.from,
      until: span.until,
    };
  };

  readonly #makePort = ({ row, values }: RowVersion, span: Span, time: number): Port => {
    const chassis = (uuid: Datum) => this.#chassisRow(uuid, span, time);
    const encap = (uuid: Datum) => this.#encapRow(uuid, span, time);
    const datapath = this.#datapathRow(values[PORT.datapath], span, time);
    const port = {
      kind: "port",
      uuid: row.uuid,
      datapath,
      datapathKey: datapath?.tunnelKey ?? 0,
      tunnelKey: values[PORT.tunnel_key] as number,
      name: values[PORT.logical_port] as string,
      type: values[PORT.type] as string,
      chassis: chassis(values[PORT.chassis]),
      additionalChassis: this.#all(values[PORT.additional_chassis], chassis),
      requestedChassis: chassis(values[PORT.requested_chassis]),
      encap: encap(values[PORT.encap]),
      additionalEncap: this.#all(values[PORT.additional_encap], encap),
      mac: values[PORT.mac] as Strings,
      natAddresses: values[PORT.nat_addresses] as Strings,
      parentPort: values[PORT.parent_port] as string | null,
      virtualParent: values[PORT.virtual_parent] as string | null,
      up: values[PORT.up] as boolean | null,
      options: values[PORT.options] as Pairs,
      externalIds: values[PORT.external_ids] as Pairs,
    } as const;
    return { ...port, from: span.from, until: span.until };
  };

  #datapathRow(uuid: Datum, span: Span, time: number): Datapath | null {
    const version = readRow(this.#history.rows.Datapath_Binding, uuid, span, time);
    return narrowed(span, this.datapath(version, time));
  }

  #chassisRow(uuid: Datum, span: Span, time: number): Chassis | null {
    return narrowed(span, this.chassis(readRow(this.#history.rows.Chassis, uuid, span, time), time));
  }

  #encapRow(uuid: Datum, span: Span, time: number): Encap | null {
    return narrowed(span, this.encap(readRow(this.#history.rows.Encap, uuid, span, time), time));
  }

  #all<T>(uuids: Datum, read: (uuid: string) => T | null): readonly T[] {
    if ((uuids as Strings).length === 0) return NONE;
    return (uuids as Strings).map(read).filter((entity) => entity !== null);
  }
}

const NONE: readonly never[] = Object.freeze([]);

/** The version at `time` of the row with this uuid, the span narrowed to the time that is so. */
function readRow(
  rows: ReadonlyMap<string, RowHistory>,
  uuid: Datum,
  span: Span,
  time: number,
): RowVersion | null {
  return uuid === null ? null : span.read(rows.get(uuid as string)?.versions, time);
}

/** `entity`, the span narrowed to its time. */
export function narrowed<T extends Interval>(span: Span, entity: T | null): T | null {
  if (entity !== null) span.narrow(entity);
  return entity;
}

/** The timeline under two keys, if there is one. Allocates nothing. */
export function at2<A, B>(index: Index2<A, B>, a: A, b: B): Timeline<RowHistory> | undefined {
  return index.get(a)?.get(b);
}

function makeGlobal({ row, values }: RowVersion, { from, until }: Span): SouthboundGlobal {
  return {
    uuid: row.uuid,
    options: values[GLOBAL.options] as Pairs,
    externalIds: values[GLOBAL.external_ids] as Pairs,
    from,
    until,
  };
}

function makeDatapath({ row, values }: RowVersion, { from, until }: Span): Datapath {
  const externalIds = values[DATAPATH.external_ids] as Pairs;
  const northSwitch = externalIds.get("logical-switch");
  const northRouter = externalIds.get("logical-router");
  const northUuid = northSwitch ?? northRouter ?? (values[DATAPATH.nb_uuid] as string | null);
  const type = values[DATAPATH.type] ?? (northSwitch !== undefined ? "logical-switch" : null);
  const isRouter = type === "logical-router" || (type === null && northRouter !== undefined);
  const kind = type === "logical-switch" ? "switch" : isRouter ? "router" : "unknown";
  return {
    uuid: row.uuid,
    tunnelKey: values[DATAPATH.tunnel_key] as number,
    name: externalIds.get("name") ?? northUuid,
    kind,
    externalIds,
    from,
    until,
  };
}

function makeEncap({ row, values }: RowVersion, { from, until }: Span): Encap {
  return {
    uuid: row.uuid,
    type: values[ENCAP.type] as string,
    ip: values[ENCAP.ip] as string,
    options: values[ENCAP.options] as Pairs,
    chassisName: values[ENCAP.chassis_name] as string,
    from,
    until,
  };
}

function makeGroup({ row, values }: RowVersion, { from, until }: Span): MulticastGroup {
  return {
    kind: "multicast",
    uuid: row.uuid,
    name: values[GROUP.name] as string,
    tunnelKey: values[GROUP.tunnel_key] as number,
    wellKnown: false,
    from,
    until,
  };
}
