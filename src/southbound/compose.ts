/*
 * Puts entities together from rows: a port with its chassis, a chassis with its tunnel end points. Made on
 * demand, once for each combination of row versions, and kept with the row.
 */
import { DatapathRow, PortRow } from "./entities.js";
import type { History, Index2, RowHistory, RowVersion } from "./history.js";
import type { Chassis, Datapath, Encap, Interval, MulticastGroup, Port, SouthboundGlobal } from "./model.js";
import { type Datum, pairsOf } from "./ovsdb/value.js";
import { Answer, Answers, Span } from "./span.js";
import { ColumnIndex } from "./tables.js";
import type { OverTime } from "./timeline.js";

const GLOBAL = ColumnIndex.SB_Global;
const PORT = ColumnIndex.Port_Binding;
const GROUP = ColumnIndex.Multicast_Group;
const CHASSIS = ColumnIndex.Chassis;
const ENCAP = ColumnIndex.Encap;

type Strings = readonly string[];

/**
 * Entities as of a time (milliseconds since 1970). What was composed before and still holds is given again: the
 * same object, and nothing is allocated.
 */
export class Composer {
  readonly #history: History;

  constructor(history: History) {
    this.#history = history;
  }

  global(version: RowVersion | null, time: number): SouthboundGlobal | null {
    return this.#answer(version, time, makeGlobal)?.value ?? null;
  }

  datapath(version: RowVersion | null, time: number): Datapath | null {
    return this.datapathAnswer(version, time)?.value ?? null;
  }

  encap(version: RowVersion | null, time: number): Encap | null {
    return this.encapAnswer(version, time)?.value ?? null;
  }

  group(version: RowVersion | null, time: number): MulticastGroup | null {
    return this.groupAnswer(version, time)?.value ?? null;
  }

  chassis(version: RowVersion | null, time: number): Chassis | null {
    return this.chassisAnswer(version, time)?.value ?? null;
  }

  port(version: RowVersion | null, time: number): Port | null {
    return this.portAnswer(version, time)?.value ?? null;
  }

  datapathAnswer(version: RowVersion | null, time: number): Answer<Datapath> | null {
    return this.#answer(version, time, makeDatapath);
  }

  encapAnswer(version: RowVersion | null, time: number): Answer<Encap> | null {
    return this.#answer(version, time, makeEncap);
  }

  groupAnswer(version: RowVersion | null, time: number): Answer<MulticastGroup> | null {
    return this.#answer(version, time, makeGroup);
  }

  chassisAnswer(version: RowVersion | null, time: number): Answer<Chassis> | null {
    return this.#answer(version, time, this.#makeChassis);
  }

  portAnswer(version: RowVersion | null, time: number): Answer<Port> | null {
    return this.#answer(version, time, this.#makePort);
  }

  #answer<T extends Interval>(
    version: RowVersion | null,
    time: number,
    make: (row: RowVersion, span: Span, time: number) => T,
  ): Answer<T> | null {
    if (version === null) return null;
    const { generation } = this.#history;
    const kept = version.answers?.at(time, generation) ?? null;
    if (kept !== null) return kept as Answer<T>;
    const span = new Span();
    span.read(version.row.versions, time);
    const answer = new Answer(make(version, span, time), span, generation);
    version.answers ??= new Answers();
    version.answers.add(answer);
    return answer;
  }

  readonly #makeChassis = ({ row, values }: RowVersion, span: Span, time: number): Chassis => {
    const encaps = this.#all(values[CHASSIS.encaps], (uuid) => this.#encapRow(uuid, span, time));
    const otherConfig = pairsOf(values[CHASSIS.other_config]);
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
    const references = {
      datapath: this.#datapathRow(values[PORT.datapath], span, time),
      chassis: this.#chassisRow(values[PORT.chassis], span, time),
      additionalChassis: this.#all(values[PORT.additional_chassis], (uuid) =>
        this.#chassisRow(uuid, span, time),
      ),
      requestedChassis: this.#chassisRow(values[PORT.requested_chassis], span, time),
      encap: this.#encapRow(values[PORT.encap], span, time),
      additionalEncap: this.#all(values[PORT.additional_encap], (uuid) => this.#encapRow(uuid, span, time)),
    };
    // By now all that it rests on has been read.
    return new PortRow(row.uuid, values, references, span);
  };

  #datapathRow(uuid: Datum, span: Span, time: number): Datapath | null {
    const version = readRow(this.#history.rows.Datapath_Binding, uuid, span, time);
    return span.use(this.datapathAnswer(version, time));
  }

  #chassisRow(uuid: Datum, span: Span, time: number): Chassis | null {
    return span.use(this.chassisAnswer(readRow(this.#history.rows.Chassis, uuid, span, time), time));
  }

  #encapRow(uuid: Datum, span: Span, time: number): Encap | null {
    return span.use(this.encapAnswer(readRow(this.#history.rows.Encap, uuid, span, time), time));
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

/** Every version of every row there ever was, as `compose` makes entities of them, in no order. */
export function* everyVersion<T extends Interval>(
  rows: ReadonlyMap<string, RowHistory>,
  compose: (version: RowVersion, time: number) => T | null,
): Generator<T> {
  for (const { versions } of rows.values())
    for (const { from, until, value } of versions.segments)
      for (let time = from; value !== null && time < until; ) {
        const entity = compose(value, time);
        if (entity === null) break;
        yield entity;
        time = entity.until;
      }
}

/** The timeline under two keys, if there is one. Allocates nothing. */
export function at2<A, B>(index: Index2<A, B>, a: A, b: B): OverTime<RowHistory> | undefined {
  return index.get(a)?.get(b);
}

function makeGlobal({ row, values }: RowVersion, { from, until }: Span): SouthboundGlobal {
  return {
    uuid: row.uuid,
    options: pairsOf(values[GLOBAL.options]),
    externalIds: pairsOf(values[GLOBAL.external_ids]),
    from,
    until,
  };
}

function makeDatapath({ row, values }: RowVersion, span: Span): Datapath {
  return new DatapathRow(row.uuid, values, span);
}

function makeEncap({ row, values }: RowVersion, { from, until }: Span): Encap {
  return {
    uuid: row.uuid,
    type: values[ENCAP.type] as string,
    ip: values[ENCAP.ip] as string,
    options: pairsOf(values[ENCAP.options]),
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
