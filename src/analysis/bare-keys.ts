/*
 * Fills in the keys of bare frames: from their twins in a capture of the underlay, from the datapath's flows, or else
 * from their addresses. Behind it, sums, filters and names take them for packets that said so themselves.
 */
import type { PacketBatch } from "../capture/batch.js";
import { type FrameBatch, FrameFlag, KeysFrom } from "../frame/columns.js";
import { ingressOf, OvnOptionMask } from "../wire/ovn-option.js";
import { agrees, confirmed } from "./confirmed.js";
import { type Correlation, type Correlator, NO_CORRELATION } from "./correlator.js";
import type { FlowHeaders, FlowKeys } from "./flow-keys.js";
import type { Reading } from "./readings.js";
import type { TunnelHeader, TunnelHeaders } from "./tunnel-header.js";

const BARE = FrameFlag.bare;
const OVN = FrameFlag.ovn;
const INGRESS_SHIFT = OvnOptionMask.ingressShift;
/** Bits of a word of keys. */
const INGRESS = OvnOptionMask.ingress << INGRESS_SHIFT;
const EGRESS = OvnOptionMask.egress;

/** What else is known of where the keys of a bare frame come from. */
export interface BareOrigin {
  /** What its addresses say. */
  readonly correlation: Correlation;
  /** The header of its tunnel, where a flow or the underlay told it. */
  readonly header: TunnelHeader | null;
}

/** Fills in keys, batch by batch. */
export class BareKeys {
  /** Frames so far, by KeysFrom. */
  readonly counts = [0, 0, 0, 0, 0];
  /** By interface; null where nothing is known of what addresses are whose. */
  readonly #correlatorOf: (interfaceIndex: number) => Correlator | null;
  /** Dumps of the datapath's flows around the time of the frames. */
  readonly #flows: () => readonly FlowKeys[];
  #origins: (BareOrigin | null)[] = [];
  /** Those without a header are the same for all frames of a correlation. */
  readonly #plain = new WeakMap<Correlation, BareOrigin>();

  constructor(
    correlatorOf: (interfaceIndex: number) => Correlator | null,
    flows: () => readonly FlowKeys[] = () => [],
  ) {
    this.#correlatorOf = correlatorOf;
    this.#flows = flows;
  }

  /**
   * Fills `vni`, `ovnKeys`, `keysFrom` and the flag `ovn` of the bare frames of a batch. `twins`: the headers of the
   * same frames in their tunnels, by row, where somebody has looked.
   */
  fill(packets: PacketBatch, frames: FrameBatch, twins: readonly (TunnelHeaders | null)[] = []): void {
    const { count } = packets;
    const { flags } = frames;
    const dumps = this.#flows();
    if (this.#origins.length < count) this.#origins = new Array(packets.capacity).fill(null);
    for (let i = 0; i < count; i++) {
      this.#origins[i] = null;
      if ((flags[i] & BARE) === 0) continue;
      this.#fillOne(packets, frames, i, twins[i] ?? null, dumps);
      this.counts[frames.keysFrom[i]]++;
    }
  }

  #fillOne(
    packets: PacketBatch,
    frames: FrameBatch,
    i: number,
    twin: TunnelHeaders | null,
    dumps: readonly FlowKeys[],
  ): void {
    const correlation =
      this.#correlatorOf(packets.interfaceIndex[i])?.find(packets, frames, i) ?? NO_CORRELATION;
    if (twin !== null) {
      // One frame in several tunnels: those that its addresses speak against are another's. What is left open so, flows
      // cannot tell either: each of the tunnels was there.
      const there = twin.isOneKey ? twin : confirmed({ pinned: twin.headers, loose: [] }, correlation);
      if (this.#exact(frames, i, correlation, there, KeysFrom.underlay)) return;
    } else {
      const headers = flowsOf(packets, frames, i, dumps);
      const sure = headers === null ? null : confirmed(headers, correlation);
      if (this.#exact(frames, i, correlation, sure, KeysFrom.flow)) return;
    }
    this.#byAddresses(frames, i, correlation);
  }

  /** Of packet `i` of the batch that was filled last; null where it is not bare. */
  origin(i: number): BareOrigin | null {
    return this.#origins[i] ?? null;
  }

  /** Takes keys that were told in full; false where they were not. */
  #exact(
    frames: FrameBatch,
    i: number,
    correlation: Correlation,
    told: TunnelHeaders | null,
    from: number,
  ): boolean {
    if (told === null || !told.isOneKey) return false;
    const [header] = told.headers;
    // Without OVN's option a tunnel's id may be anything: VXLAN's has a port's key in it.
    if (header.ovnKeys === null) return false;
    const keys =
      ingressOf(header.ovnKeys) === 0 ? withIngress(header, header.ovnKeys, correlation) : header.ovnKeys;
    enter(frames, i, header.vni, keys, from);
    this.#origins[i] = { correlation, header: commonOf(told.headers) };
    return true;
  }

  #byAddresses(frames: FrameBatch, i: number, correlation: Correlation): void {
    const { readings, count } = correlation;
    let origin = this.#plain.get(correlation);
    if (origin === undefined) {
      origin = { correlation, header: null };
      this.#plain.set(correlation, origin);
    }
    this.#origins[i] = origin;
    if (count === 1)
      enter(frames, i, readings[0].datapath.tunnelKey, keysOf(readings[0]), KeysFrom.addresses);
    else if (count > 1) {
      frames.keysFrom[i] = KeysFrom.several;
      const [{ datapath }] = readings;
      // Of very many not all are told.
      if (count > readings.length || readings.some((each) => each.datapath.tunnelKey !== datapath.tunnelKey))
        return;
      const words = readings.map(keysOf);
      const common = (bits: number): number =>
        words.every((word) => (word & bits) === (words[0] & bits)) ? words[0] & bits : 0;
      enter(frames, i, datapath.tunnelKey, common(INGRESS) | common(EGRESS), KeysFrom.several);
    }
  }
}

/** What flows tell of a frame: those of all dumps, since any of these may be the one of the frame's moment. */
function flowsOf(
  packets: PacketBatch,
  frames: FrameBatch,
  i: number,
  dumps: readonly FlowKeys[],
): FlowHeaders | null {
  let told: FlowHeaders | null = null;
  for (const dump of dumps) {
    const headers = dump.find(packets, frames, i);
    if (told === null || headers === null) told ??= headers;
    else told = { pinned: [...told.pinned, ...headers.pinned], loose: [...told.loose, ...headers.loose] };
  }
  return told;
}

function enter(frames: FrameBatch, i: number, vni: number, keys: number, from: number): void {
  frames.vni[i] = vni;
  frames.ovnKeys[i] = keys;
  frames.flags[i] |= OVN;
  frames.keysFrom[i] = from;
}

/** The word of a reading, with 0 for a port that is not known. */
function keysOf({ inport, outport }: Reading): number {
  return ((inport?.tunnelKey ?? 0) << INGRESS_SHIFT) | (outport?.tunnelKey ?? 0);
}

/** The keys of a header that has no ingress key, with the one that the frame's addresses leave, if it is one alone. */
function withIngress(header: TunnelHeader, keys: number, { readings, count }: Correlation): number {
  if (count > readings.length) return keys;
  const ports = readings
    .filter((reading) => agrees(header, reading))
    .map(({ inport }) => inport?.tunnelKey ?? 0);
  return new Set(ports).size === 1 ? keys | (ports[0] << INGRESS_SHIFT) : keys;
}

/** What headers with the same keys have in common: copies to several chassis have no one destination. */
function commonOf(headers: readonly TunnelHeader[]): TunnelHeader {
  const [first] = headers;
  if (headers.length === 1) return first;
  const { vni, ovnKeys } = first;
  const same = (part: "source" | "destination"): string | null =>
    headers.every((each) => each[part] === first[part]) ? first[part] : null;
  return { vni, ovnKeys, source: same("source"), destination: same("destination") };
}
