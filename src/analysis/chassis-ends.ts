/*
 * What VXLAN is, by the chassis at its ends. A packet does not say whether OVN sent it, and how its VNI is to be
 * read depends on whether one end is a VTEP gateway.
 */
import type { PacketBatch } from "../capture/batch.js";
import { type FrameBatch, TunnelKind } from "../frame/columns.js";
import type { VxlanEnds } from "../frame/other-tunnels.js";
import { isOuterIpv6, outerDestinationAt, outerSourceAt } from "../frame/outer.js";
import { AddressVerdicts } from "../match/address-verdicts.js";
import type { Decision } from "../match/verdicts.js";
import type { Inventory } from "../southbound/index.js";
import { vxlanEnd } from "../southbound/vxlan-end.js";

/** Verdicts on an end point. */
const End = {
  stranger: 1,
  hypervisor: 2,
  vtep: 4,
  /** It is not known who had the address then. */
  unknown: 8,
} as const;

/** Tells VXLAN by the southbound, as of each packet's time or, where `at` is not null, as of that time. */
export class ChassisEnds implements VxlanEnds {
  readonly #inventory: Inventory;
  readonly #at: number | null;
  /** Made for the first packet: most captures have none. */
  #verdicts: AddressVerdicts | null = null;

  constructor(inventory: Inventory, at: number | null) {
    this.#inventory = inventory;
    this.#at = at;
  }

  kindOf(packets: PacketBatch, frames: FrameBatch, i: number): TunnelKind {
    const source = this.#end(packets, frames, i, outerSourceAt(frames, i));
    const ends = source | this.#end(packets, frames, i, outerDestinationAt(frames, i));
    if (ends === End.hypervisor) return TunnelKind.vxlan;
    if ((ends & End.unknown) !== 0) return TunnelKind.vxlanAssumed;
    // A gateway may have tunnels to others, which are no business of OVN's.
    if ((ends & End.vtep) !== 0)
      return (ends & End.stranger) === 0 ? TunnelKind.vxlanVtep : TunnelKind.vxlanOther;
    return ends === End.stranger ? TunnelKind.vxlanOther : TunnelKind.vxlanAssumed;
  }

  #end({ view, tsSec, tsNsec }: PacketBatch, frames: FrameBatch, i: number, at: number): number {
    this.#verdicts ??= new AddressVerdicts(
      { at: this.#at },
      (ms, address) => this.#decide(ms, address),
      () => this.#inventory.generation,
    );
    this.#verdicts.refresh();
    return isOuterIpv6(frames, i)
      ? this.#verdicts.onIpv6(tsSec[i], tsNsec[i], view, at)
      : this.#verdicts.ipv4.on(tsSec[i], tsNsec[i], view.getInt32(at), 0);
  }

  #decide(ms: number, address: string): Decision {
    const { chassis, beforeHistory, from, until } = this.#inventory.resolveAddress(address, ms);
    return { verdict: beforeHistory ? End.unknown : End[vxlanEnd(chassis)], from, until };
  }
}
