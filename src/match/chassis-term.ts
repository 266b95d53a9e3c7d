/* Conditions on the outer addresses of a packet: whose they are. */
import type { PacketBatch } from "../capture/batch.js";
import { type FrameBatch, FrameFlag } from "../frame/columns.js";
import { Ipv4Offset } from "../wire/ipv4.js";
import { Ipv6Offset } from "../wire/ipv6.js";
import { AddressVerdicts } from "./address-verdicts.js";
import { generationOf, isTimed, type Names, NO, YES } from "./names.js";
import { Need, type Term } from "./term.js";
import { type Decision, Verdict } from "./verdicts.js";

// A module's own constants are compiled in; what is imported is looked up at each use.
const OUTER_IPV6 = FrameFlag.outerIpv6;
const IPV4_SOURCE = Ipv4Offset.source;
const IPV4_DESTINATION = Ipv4Offset.destination;
const IPV6_SOURCE = Ipv6Offset.source;
const IPV6_DESTINATION = Ipv6Offset.destination;

/** One of the outer addresses is one of `addresses` (canonical text), or of a chassis that has one of the names. */
export class ChassisTerm implements Term {
  readonly needs: number;
  unknown = 0;
  readonly #verdicts: AddressVerdicts;

  /** `names` may be null where `chassis` is empty. */
  constructor(addresses: ReadonlySet<string>, chassis: ReadonlySet<string>, names: Names | null) {
    const named = chassis.size > 0 ? names : null;
    const decide = (ms: number, address: string): Decision => {
      if (addresses.has(address)) return YES;
      if (named === null) return NO;
      const { chassis: owner, beforeHistory, from, until } = named.inventory.resolveAddress(address, ms);
      const isYes = owner !== null && (chassis.has(owner.name) || chassis.has(owner.hostname));
      const no = beforeHistory ? Verdict.unknown : Verdict.no;
      return { verdict: isYes ? Verdict.yes : no, from, until };
    };
    this.#verdicts = new AddressVerdicts(named, decide, () => generationOf(named));
    this.needs = isTimed(named) ? Need.outer | Need.time : Need.outer;
  }

  narrow(packets: PacketBatch, frames: FrameBatch, from: Int32Array, count: number, to: Int32Array): number {
    const { view, tsSec, tsNsec } = packets;
    const { flags, outerIp } = frames;
    const verdicts = this.#verdicts;
    verdicts.refresh();
    const table = verdicts.ipv4;
    let kept = 0;
    let unknown = 0;
    for (let row = 0; row < count; row++) {
      const i = from[row];
      to[kept] = i;
      const ip = outerIp[i];
      if (ip < 0) continue;
      const sec = tsSec[i];
      const nsec = tsNsec[i];
      const verdict =
        (flags[i] & OUTER_IPV6) === 0
          ? table.on(sec, nsec, view.getInt32(ip + IPV4_SOURCE), 0) |
            table.on(sec, nsec, view.getInt32(ip + IPV4_DESTINATION), 0)
          : verdicts.onIpv6(sec, nsec, view, ip + IPV6_SOURCE) |
            verdicts.onIpv6(sec, nsec, view, ip + IPV6_DESTINATION);
      kept += verdict & 1;
      unknown += (verdict >> 1) & ~verdict & 1;
    }
    this.unknown += unknown;
    return kept;
  }
}
