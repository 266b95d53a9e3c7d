/*
 * What the keys of a packet mean together, and how long that holds. Resolutions are kept, so that the cost of
 * a name is paid once per flow and change, not per packet.
 */
import { canonicalAddress } from "./address.js";
import { at2, type Composer } from "./compose.js";
import { entryOf } from "./entry.js";
import type { History, RowHistory, RowVersion } from "./history.js";
import type {
  AddressResolution,
  Chassis,
  Encap,
  Interval,
  MulticastGroup,
  Port,
  Resolution,
} from "./model.js";
import { Answer, Answers, Span } from "./span.js";
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

/**
 * Resolves and remembers. Times are milliseconds since 1970 and below Infinity. A lookup that was made before
 * and still holds allocates nothing.
 */
export class Resolver {
  readonly #history: History;
  readonly #composer: Composer;
  /** By VNI, then ingress << 16 | egress, which keeps both keys small integers. */
  readonly #resolutions = new Map<number, Map<number, Answers<Resolution>>>();
  readonly #addresses = new Map<string, Answers<AddressResolution>>();
  #kept = 0;
  #start = Number.NEGATIVE_INFINITY;
  #beforeHistory = NOTHING;
  #addressBeforeHistory = NOBODY;

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
  }

  resolve(vni: number, ingress: number, egress: number, time: number): Resolution {
    if (time < this.#start) return this.#beforeHistory;
    if ((ingress & ~LAST_PORT_KEY) !== 0 || (egress & ~LAST_KEY) !== 0) return NOTHING;
    const kept = this.#resolutions
      .get(vni)
      ?.get((ingress << 16) | egress)
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
    const span = this.#newSpan();
    const datapath = span.read(history.datapathByKey.get(vni), time);
    if (datapath !== null) {
      const egressIndex = egress <= LAST_PORT_KEY ? history.portByKey : history.groupByKey;
      if (ingress !== 0) span.read(at2(history.portByKey, datapath.uuid, ingress), time);
      if (egress !== 0) span.read(at2(egressIndex, datapath.uuid, egress), time);
    }
    return { from: span.from, until: span.until };
  }

  #resolve(vni: number, ingress: number, egress: number, time: number): Resolution {
    if (!isKey(vni, LAST_VNI) || !isKey(ingress, LAST_PORT_KEY) || !isKey(egress, LAST_KEY)) return NOTHING;
    const history = this.#history;
    const span = this.#newSpan();
    const row = span.read(history.datapathByKey.get(vni), time);
    const datapath = span.use(this.#composer.datapathAnswer(this.#version(row, span, time), time));
    const inport = this.#portIn(row, ingress, span, time);
    let outport: Port | MulticastGroup | null;
    if (egress <= LAST_PORT_KEY) outport = this.#portIn(row, egress, span, time);
    else {
      const group = row && span.read(at2(history.groupByKey, row.uuid, egress), time);
      const version = this.#version(group, span, time);
      outport = span.use(this.#composer.groupAnswer(version, time)) ?? WELL_KNOWN_GROUPS.get(egress) ?? null;
    }
    const { from, until } = span;
    const resolution: Resolution = { datapath, inport, outport, from, until, beforeHistory: false };
    const byKeys = entryOf(this.#resolutions, vni, () => new Map<number, Answers<Resolution>>());
    this.#keep(
      entryOf(byKeys, (ingress << 16) | egress, () => new Answers()),
      resolution,
      span,
    );
    return resolution;
  }

  #portIn(datapath: RowHistory | null, key: number, span: Span, time: number): Port | null {
    // 0 is no port's.
    if (datapath === null || key === 0) return null;
    const row = span.read(at2(this.#history.portByKey, datapath.uuid, key), time);
    return span.use(this.#composer.portAnswer(this.#version(row, span, time), time));
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
    const span = new Span();
    span.from = this.#start;
    return span;
  }

  #keep<T extends Resolution | AddressResolution>(answers: Answers<T>, resolution: T, span: Span): void {
    if (++this.#kept > CACHE_LIMIT) {
      this.#resolutions.clear();
      this.#addresses.clear();
      this.#kept = 0;
    }
    answers.add(new Answer(resolution, span, this.#history.generation));
  }
}

function isKey(value: number, last: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= last;
}
