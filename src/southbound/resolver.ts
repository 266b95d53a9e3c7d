/*
 * What the keys of a packet mean together, and how long that holds. Resolutions are kept, so that the cost of
 * a name is paid once per flow and change, not per packet.
 */
import { canonicalAddress } from "../wire/address.js";
import { at2, type Composer } from "./compose.js";
import { entryOf } from "./entry.js";
import type { History, RowHistory, RowVersion } from "./history.js";
import type {
  AddressResolution,
  Chassis,
  Datapath,
  Encap,
  Interval,
  KeyHold,
  MulticastGroup,
  Port,
  Resolution,
} from "./model.js";
import { Answer, Answers, Hold, Span } from "./span.js";
import { WELL_KNOWN_GROUPS } from "./well-known.js";

/** Keys up to this are ports', above it multicast groups'. */
export const LAST_PORT_KEY = 0x7fff;
const LAST_KEY = 0xffff;
const LAST_VNI = 0xffffff;
/** Kept resolutions: beyond this the caches start over, so that a scan of random keys cannot fill memory. */
const CACHE_LIMIT = 1 << 16;
/** Encap types in the order in which an address is looked up. */
const ENCAP_TYPES = ["geneve", "vxlan", "stt"] as const;

const ALWAYS = { from: Number.NEGATIVE_INFINITY, until: Number.POSITIVE_INFINITY, beforeHistory: false };
const NOTHING: Resolution = Object.freeze({ datapath: null, inport: null, outport: null, ...ALWAYS });
const NOBODY: AddressResolution = Object.freeze({ encap: null, chassis: null, ...ALWAYS });

/** What a key in a datapath means; 0 is the datapath's alone. */
interface Keyed extends Interval {
  readonly datapath: Datapath | null;
  readonly entity: Port | MulticastGroup | null;
}

/** What is kept of the datapath with a VNI. */
class DatapathAnswers {
  readonly keys = new Map<number, Answers<Keyed>>();
  /** By ingress << 16 | egress, a small integer like the keys. */
  readonly resolutions = new Map<number, Answers<Resolution>>();
}

/**
 * Resolves and remembers. Times are milliseconds since 1970 and below Infinity. A lookup that was made before
 * and still holds allocates nothing.
 */
export class Resolver {
  readonly #history: History;
  readonly #composer: Composer;
  readonly #datapaths = new Map<number, DatapathAnswers>();
  readonly #addresses = new Map<string, Answers<AddressResolution>>();
  #kept = 0;
  #start = Number.NEGATIVE_INFINITY;
  #beforeHistory = NOTHING;
  #addressBeforeHistory = NOBODY;
  #keyBeforeHistory: KeyHold = Object.freeze({ uuid: null, ...ALWAYS });

  constructor(history: History, composer: Composer) {
    this.#history = history;
    this.#composer = composer;
  }

  /** Nothing is known of the time before `start`. */
  begin(start: number): void {
    this.#start = start;
    const bounds = { from: Number.NEGATIVE_INFINITY, until: start, beforeHistory: true };
    this.#beforeHistory = Object.freeze({ ...NOTHING, ...bounds });
    this.#addressBeforeHistory = Object.freeze({ ...NOBODY, ...bounds });
    this.#keyBeforeHistory = Object.freeze({ uuid: null, ...bounds });
  }

  resolve(vni: number, ingress: number, egress: number, time: number): Resolution {
    if (time < this.#start) return this.#beforeHistory;
    if ((ingress & ~LAST_PORT_KEY) !== 0 || (egress & ~LAST_KEY) !== 0) return NOTHING;
    const kept = this.#datapaths
      .get(vni)
      ?.resolutions.get((ingress << 16) | egress)
      ?.at(time, this.#history.generation);
    return kept?.value ?? this.#resolve(vni, ingress, egress, time);
  }

  resolveAddress(ip: string, time: number): AddressResolution {
    if (time < this.#start) return this.#addressBeforeHistory;
    const kept = this.#addresses.get(ip)?.at(time, this.#history.generation);
    return kept?.value ?? this.#resolveAddress(ip, time);
  }

  /**
   * From when until when the three keys belong to the same rows: what a flow is. Names, chassis and addresses
   * of those rows may change meanwhile. Where it lasts to Infinity, it may end when `History.keyChanges`
   * grow.
   */
  keysHold(vni: number, ingress: number, egress: number, time: number): Interval {
    if (time < this.#start) return this.#beforeHistory;
    const history = this.#history;
    const hold = new Hold(this.#start);
    const datapath = hold.read(history.datapathByKey.get(vni), time);
    if (datapath !== null) {
      const egressIndex = egress <= LAST_PORT_KEY ? history.portByKey : history.groupByKey;
      if (ingress !== 0) hold.read(at2(history.portByKey, datapath.uuid, ingress), time);
      if (egress !== 0) hold.read(at2(egressIndex, datapath.uuid, egress), time);
    }
    return hold;
  }

  /**
   * Which row the key `key` (0: the datapath's own) belongs to, and from when until when; as `keysHold` of one
   * key.
   */
  keyHolds(vni: number, key: number, time: number): KeyHold {
    if (time < this.#start) return this.#keyBeforeHistory;
    const { datapathByKey, portByKey, groupByKey } = this.#history;
    const hold = new Hold(this.#start);
    let row = hold.read(datapathByKey.get(vni), time);
    if (row !== null && key !== 0)
      row = hold.read(at2(key <= LAST_PORT_KEY ? portByKey : groupByKey, row.uuid, key), time);
    return { uuid: row?.uuid ?? null, from: hold.from, until: hold.until };
  }

  /** From when until when the port of this name is the same row; as keysHold. */
  nameHolds(name: string, time: number): Interval {
    if (time < this.#start) return this.#beforeHistory;
    const span = this.#newSpan();
    span.read(this.#history.portByName.get(name), time);
    return { from: span.from, until: span.until };
  }

  #resolve(vni: number, ingress: number, egress: number, time: number): Resolution {
    if (!isKey(vni, LAST_VNI) || !isKey(ingress, LAST_PORT_KEY) || !isKey(egress, LAST_KEY)) return NOTHING;
    const answers = entryOf(this.#datapaths, vni, () => new DatapathAnswers());
    const span = this.#newSpan();
    const { datapath } = span.use(this.#keyed(answers, vni, 0, time)) as Keyed;
    const inport =
      ingress === 0 ? null : (span.use(this.#keyed(answers, vni, ingress, time)) as Keyed).entity;
    const outport = egress === 0 ? null : (span.use(this.#keyed(answers, vni, egress, time)) as Keyed).entity;
    const { from, until } = span;
    const resolution: Resolution = {
      datapath,
      inport: inport as Port | null,
      outport,
      from,
      until,
      beforeHistory: false,
    };
    this.#keep(
      entryOf(answers.resolutions, (ingress << 16) | egress, () => new Answers()),
      resolution,
      span,
    );
    return resolution;
  }

  /** What one key means, which many flows share. */
  #keyed(answers: DatapathAnswers, vni: number, key: number, time: number): Answer<Keyed> {
    const kept = entryOf(answers.keys, key, () => new Answers<Keyed>());
    const { generation } = this.#history;
    const known = kept.at(time, generation);
    if (known !== null) return known;
    const span = this.#newSpan();
    const row = span.read(this.#history.datapathByKey.get(vni), time);
    const datapath = span.use(this.#composer.datapathAnswer(this.#version(row, span, time), time));
    const entity = key === 0 ? null : this.#entity(row, key, span, time);
    const { from, until } = span;
    const answer = new Answer<Keyed>({ datapath, entity, from, until }, span, generation);
    kept.add(answer);
    return answer;
  }

  #entity(datapath: RowHistory | null, key: number, span: Span, time: number): Port | MulticastGroup | null {
    const { portByKey, groupByKey } = this.#history;
    const isPort = key <= LAST_PORT_KEY;
    const row = datapath && span.read(at2(isPort ? portByKey : groupByKey, datapath.uuid, key), time);
    const version = this.#version(row, span, time);
    if (isPort) return span.use(this.#composer.portAnswer(version, time));
    return span.use(this.#composer.groupAnswer(version, time)) ?? WELL_KNOWN_GROUPS.get(key) ?? null;
  }

  #version(row: RowHistory | null, span: Span, time: number): RowVersion | null {
    return row === null ? null : span.read(row.versions, time);
  }

  #resolveAddress(ip: string, time: number): AddressResolution {
    const history = this.#history;
    const span = this.#newSpan();
    const address = canonicalAddress(ip);
    let encap: Encap | null = null;
    for (const type of ENCAP_TYPES) {
      const row = span.read(at2(history.encapByIp, type, address), time);
      encap = span.use(this.#composer.encapAnswer(this.#version(row, span, time), time));
      if (encap !== null) break;
    }
    let chassis: Chassis | null = null;
    if (encap !== null) {
      const owner =
        span.read(history.chassisByEncap.get(encap.uuid), time) ??
        span.read(history.chassisByName.get(encap.chassisName), time);
      chassis = span.use(this.#composer.chassisAnswer(this.#version(owner, span, time), time));
    }
    const { from, until } = span;
    const resolution: AddressResolution = { encap, chassis, from, until, beforeHistory: false };
    this.#keep(
      entryOf(this.#addresses, ip, () => new Answers()),
      resolution,
      span,
    );
    return resolution;
  }

  /** All that is known, before it is narrowed. */
  #newSpan(): Span {
    return new Span(this.#start);
  }

  #keep<T extends Resolution | AddressResolution>(answers: Answers<T>, resolution: T, span: Span): void {
    if (++this.#kept > CACHE_LIMIT) {
      this.#datapaths.clear();
      this.#addresses.clear();
      this.#kept = 0;
    }
    answers.add(new Answer(resolution, span, this.#history.generation));
  }
}

function isKey(value: number, last: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= last;
}
