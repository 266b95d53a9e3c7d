/*
 * What the keys of a packet mean together, and how long that holds. Resolutions are kept, so that the cost of
 * a name is paid once per flow and change, not per packet.
 */
import { canonicalAddress } from "./address.js";
import { at2, type Composer, narrowed } from "./compose.js";
import type { History, RowHistory, RowVersion } from "./history.js";
import type { AddressResolution, Chassis, Encap, MulticastGroup, Port, Resolution } from "./model.js";
import { IntervalList, Span } from "./timeline.js";
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
  readonly #resolutions = new Map<number, Map<number, IntervalList<Resolution>>>();
  readonly #addresses = new Map<string, IntervalList<AddressResolution>>();
  #kept = 0;
  #keptIn = -1;
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
    if (this.#keptIn !== this.#history.generation) this.#forget();
    if ((ingress & ~LAST_PORT_KEY) !== 0 || (egress & ~LAST_KEY) !== 0) return NOTHING;
    const kept = this.#resolutions
      .get(vni)
      ?.get((ingress << 16) | egress)
      ?.at(time);
    return kept ?? this.#resolve(vni, ingress, egress, time);
  }

  resolveAddress(ip: string, time: number): AddressResolution {
    if (time < this.#start) return this.#addressBeforeHistory;
    if (this.#keptIn !== this.#history.generation) this.#forget();
    return this.#addresses.get(ip)?.at(time) ?? this.#resolveAddress(ip, time);
  }

  #resolve(vni: number, ingress: number, egress: number, time: number): Resolution {
    if (!isKey(vni, LAST_VNI) || !isKey(ingress, LAST_PORT_KEY) || !isKey(egress, LAST_KEY)) return NOTHING;
    const history = this.#history;
    const span = this.#newSpan();
    const row = span.read(history.datapathByKey.get(vni), time);
    const datapath = narrowed(span, this.#composer.datapath(this.#version(row, span, time), time));
    const inport = this.#portIn(row, ingress, span, time);
    let outport: Port | MulticastGroup | null;
    if (egress <= LAST_PORT_KEY) outport = this.#portIn(row, egress, span, time);
    else {
      const group = row && span.read(at2(history.groupByKey, row.uuid, egress), time);
      const version = this.#version(group, span, time);
      outport = narrowed(span, this.#composer.group(version, time)) ?? WELL_KNOWN_GROUPS.get(egress) ?? null;
    }
    const { from, until } = span;
    const resolution: Resolution = { datapath, inport, outport, from, until, beforeHistory: false };
    this.#keep(listIn(mapIn(this.#resolutions, vni), (ingress << 16) | egress), resolution);
    return resolution;
  }

  #portIn(datapath: RowHistory | null, key: number, span: Span, time: number): Port | null {
    if (datapath === null) return null;
    const row = span.read(at2(this.#history.portByKey, datapath.uuid, key), time);
    return narrowed(span, this.#composer.port(this.#version(row, span, time), time));
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
      encap = narrowed(span, this.#composer.encap(this.#version(row, span, time), time));
      if (encap !== null) break;
    }
    let chassis: Chassis | null = null;
    if (encap !== null) {
      const owner =
        span.read(history.chassisByEncap.get(encap.uuid), time) ??
        span.read(history.chassisByName.get(encap.chassisName), time);
      chassis = narrowed(span, this.#composer.chassis(this.#version(owner, span, time), time));
    }
    const { from, until } = span;
    const resolution: AddressResolution = { encap, chassis, from, until, beforeHistory: false };
    this.#keep(listIn(this.#addresses, ip), resolution);
    return resolution;
  }

  /** All that is known, before it is narrowed. */
  #newSpan(): Span {
    const span = new Span();
    span.from = this.#start;
    return span;
  }

  #keep<T extends Resolution | AddressResolution>(list: IntervalList<T>, resolution: T): void {
    list.add(resolution);
    if (++this.#kept > CACHE_LIMIT) this.#forget();
  }

  #forget(): void {
    this.#resolutions.clear();
    this.#addresses.clear();
    this.#kept = 0;
    this.#keptIn = this.#history.generation;
  }
}

function isKey(value: number, last: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= last;
}

function mapIn<V>(maps: Map<number, Map<number, V>>, key: number): Map<number, V> {
  let map = maps.get(key);
  if (map === undefined) {
    map = new Map();
    maps.set(key, map);
  }
  return map;
}

function listIn<K, T extends Resolution | AddressResolution>(
  lists: Map<K, IntervalList<T>>,
  key: K,
): IntervalList<T> {
  let list = lists.get(key);
  if (list === undefined) {
    list = new IntervalList();
    lists.set(key, list);
  }
  return list;
}
