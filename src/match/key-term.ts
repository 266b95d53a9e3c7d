/* Conditions on the keys of a packet: its VNI and the ports of its OVN option, by number or by name. */
import type { PacketBatch } from "../capture/batch.js";
import type { FrameBatch } from "../frame/columns.js";
import type { Datapath } from "../southbound/index.js";
import { asOf, generationOf, isTimed, type Names, NO, YES } from "./names.js";
import { Need, type Term } from "./term.js";
import { type Decide, type Decision, Verdict, Verdicts } from "./verdicts.js";

export const INGRESS_SHIFT = 16;
export const INGRESS_MASK = 0x7fff;
export const EGRESS_MASK = 0xffff;

/** The keys that are looked at: of `either` both, of which one is enough. */
export type KeySide = "datapath" | "ingress" | "egress" | "either";

/** Keys (none is 0) and names, of which one is enough. */
export interface KeyValues {
  readonly keys: ReadonlySet<number>;
  readonly names: ReadonlySet<string>;
}

/** The datapath, or a port, of a packet's keys is one of those wanted. */
export class KeyTerm implements Term {
  readonly needs: number;
  unknown = 0;
  readonly #verdicts: Verdicts;
  readonly #isEither: boolean;
  /** Where in the option word the key is; for a datapath no bits of it count. */
  readonly #shift: number;
  readonly #mask: number;

  /** `names` may be null where there are none among the values. */
  constructor(side: KeySide, values: KeyValues, names: Names | null) {
    const named = values.names.size > 0 ? names : null;
    this.#verdicts = verdictsOn(side, values, named);
    this.needs = isTimed(named) ? Need.keys | Need.time : Need.keys;
    this.#isEither = side === "either";
    this.#shift = side === "ingress" ? INGRESS_SHIFT : 0;
    this.#mask = side === "ingress" ? INGRESS_MASK : side === "egress" ? EGRESS_MASK : 0;
  }

  narrow(packets: PacketBatch, frames: FrameBatch, from: Int32Array, count: number, to: Int32Array): number {
    this.#verdicts.refresh();
    return this.#isEither
      ? this.#either(packets, frames, from, count, to)
      : this.#one(packets, frames, from, count, to);
  }

  #one(packets: PacketBatch, frames: FrameBatch, from: Int32Array, count: number, to: Int32Array): number {
    const { tsSec, tsNsec } = packets;
    const { vni, ovnKeys } = frames;
    const table = this.#verdicts;
    const shift = this.#shift;
    const mask = this.#mask;
    let kept = 0;
    let unknown = 0;
    for (let row = 0; row < count; row++) {
      const i = from[row];
      to[kept] = i;
      const verdict = table.on(tsSec[i], tsNsec[i], vni[i], (ovnKeys[i] >>> shift) & mask);
      kept += verdict & 1;
      unknown += (verdict >> 1) & ~verdict & 1;
    }
    this.unknown += unknown;
    return kept;
  }

  /** The same for both keys at once. */
  #either(packets: PacketBatch, frames: FrameBatch, from: Int32Array, count: number, to: Int32Array): number {
    const { tsSec, tsNsec } = packets;
    const { vni, ovnKeys } = frames;
    const table = this.#verdicts;
    let kept = 0;
    let unknown = 0;
    for (let row = 0; row < count; row++) {
      const i = from[row];
      to[kept] = i;
      const sec = tsSec[i];
      const nsec = tsNsec[i];
      const keys = ovnKeys[i];
      const verdict =
        table.on(sec, nsec, vni[i], (keys >>> INGRESS_SHIFT) & INGRESS_MASK) |
        table.on(sec, nsec, vni[i], keys & EGRESS_MASK);
      kept += verdict & 1;
      unknown += (verdict >> 1) & ~verdict & 1;
    }
    this.unknown += unknown;
    return kept;
  }
}

/** Verdicts on a VNI and a key in it, for a datapath 0. */
export function verdictsOn(side: KeySide, values: KeyValues, names: Names | null): Verdicts {
  const decide = side === "datapath" ? decideDatapath(values, names) : decidePort(values, names);
  return new Verdicts(asOf(names, decide), () => generationOf(names));
}

/** On a VNI. */
function decideDatapath({ keys, names }: KeyValues, named: Names | null): Decide {
  return (ms, vni) => {
    if (keys.has(vni)) return YES;
    if (named === null) return NO;
    const { inventory, known } = named;
    const { datapath, beforeHistory, from, until } = inventory.resolve(vni, 0, 0, ms);
    if (datapath === null) return { verdict: absent(beforeHistory), from, until };
    if (isDatapathNamed(datapath, names)) return { verdict: Verdict.yes, from, until };
    const besides = known.datapath(datapath, ms);
    const isYes = besides.friendly !== null && names.has(besides.friendly.name);
    return within({ verdict: isYes ? Verdict.yes : Verdict.no, from, until }, besides);
  };
}

/** On a VNI and a key in it: a port's, or a multicast group's. A packet without OVN's option has the keys 0. */
function decidePort({ keys, names }: KeyValues, named: Names | null): Decide {
  return (ms, vni, key) => {
    if (keys.has(key)) return YES;
    if (named === null || key === 0) return NO;
    const { inventory, known } = named;
    const { outport, beforeHistory, from, until } = inventory.resolve(vni, 0, key, ms);
    if (outport === null) return { verdict: absent(beforeHistory), from, until };
    if (names.has(outport.name)) return { verdict: Verdict.yes, from, until };
    if (outport.kind === "multicast") return { verdict: Verdict.no, from, until };
    const isYes = [...names].some((name) => known.isKnownAs(outport, name, ms));
    return within({ verdict: isYes ? Verdict.yes : Verdict.no, from, until }, known.port(outport, ms));
  };
}

/** Whether the datapath's row has one of the names: by its own, its uuid, or that of its northbound row. */
function isDatapathNamed({ name, uuid, northUuid }: Datapath, names: ReadonlySet<string>): boolean {
  return (
    (name !== null && names.has(name)) || names.has(uuid) || (northUuid !== null && names.has(northUuid))
  );
}

function absent(beforeHistory: boolean): number {
  return beforeHistory ? Verdict.unknown : Verdict.no;
}

/** The decision, for the time that both hold. */
function within({ verdict, from, until }: Decision, besides: { from: number; until: number }): Decision {
  return { verdict, from: Math.max(from, besides.from), until: Math.min(until, besides.until) };
}
