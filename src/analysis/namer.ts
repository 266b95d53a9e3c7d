import type { PacketBatch } from "../capture/batch.js";
import { momentMs } from "../capture/moment.js";
import { type FrameBatch, FrameFlag } from "../frame/columns.js";
import { isOuterIpv6, outerAddress, outerDestinationAt, outerSourceAt } from "../frame/outer.js";
import type {
  AddressResolution,
  Datapath,
  FriendlyName,
  Inventory,
  KnownNames,
  Port,
  PortNames,
  Resolution,
} from "../southbound/index.js";
import { egressOf, ingressOf } from "../wire/ovn-option.js";
import type { End } from "./ends.js";

/** Types of ports that stand for a router, behind which the packet's ends are. */
const ROUTED: ReadonlySet<string> = new Set(["patch", "l3gateway", "chassisredirect"]);

/** Whose an end of an inner packet is. */
export interface EndName {
  /** Null where it could be any of the `candidates`. */
  readonly port: Port | null;
  readonly candidates: readonly Port[];
  /** What it is known by: the packet's key, an address of its own, a translated one, or one of a router itself. */
  readonly by: "key" | "address" | "nat" | "router";
  /** The IP or MAC address it was found by; null by key. */
  readonly address: string | null;
}

/** Addresses remembered at most; a hostile capture can hold any number of them. */
const REMEMBERED = 4096;

/**
 * Names for packets of a decoded batch: keys to logical ports and outer addresses to chassis, each as of the
 * packet's own time (`at` null) or of one time for all (milliseconds since 1970; Infinity: the latest known).
 * `known` has the names people know them by.
 */
export class Namer {
  readonly #inventory: Inventory;
  readonly #at: number | null;
  readonly #known: KnownNames | null;
  readonly #ipv4 = new Map<number, AddressResolution>();
  #generation = 0;

  constructor(inventory: Inventory, at: number | null, known: KnownNames | null = null) {
    this.#inventory = inventory;
    this.#at = at;
    this.#known = known;
  }

  #time(packets: PacketBatch, i: number): number {
    return this.#at ?? momentMs(packets.tsSec[i], packets.tsNsec[i]);
  }

  /** What the OVN keys of packet `i` mean; only for packets with an OVN option. */
  keys(packets: PacketBatch, frames: FrameBatch, i: number): Resolution {
    const word = frames.ovnKeys[i];
    const time = this.#time(packets, i);
    return this.#inventory.resolve(frames.vni[i], ingressOf(word), egressOf(word), time);
  }

  /** What `port`, named by packet `i`, is known by besides; null where that was not asked for. */
  portNames(packets: PacketBatch, i: number, port: Port): PortNames | null {
    return this.#known?.port(port, this.#time(packets, i)) ?? null;
  }

  /** As portNames, for a switch or router. */
  datapathName(packets: PacketBatch, i: number, datapath: Datapath): FriendlyName | null {
    return this.#known?.datapath(datapath, this.#time(packets, i)).friendly ?? null;
  }

  /** Whether packet `i` has keys, and is older than all the inventory knows of. */
  isBeforeHistory(packets: PacketBatch, frames: FrameBatch, i: number): boolean {
    return (frames.flags[i] & FrameFlag.ovn) !== 0 && this.keys(packets, frames, i).beforeHistory;
  }

  /**
   * Whose one end of the inner packet is: `port`, what its key names there, where a machine is behind that;
   * else, behind a router, whoever has the address. Null where nobody is known to.
   */
  endpoint(
    packets: PacketBatch,
    frames: FrameBatch,
    i: number,
    port: Resolution["outport"],
    { ip, mac }: End,
  ): EndName | null {
    if (port?.kind === "port" && !ROUTED.has(port.type))
      return { port, candidates: [], by: "key", address: null };
    const time = this.#time(packets, i);
    const vni = frames.vni[i];
    // Behind the router that the packet's key names, not any other at this network.
    const router =
      port?.kind === "port" && port.peer !== null ? this.#inventory.portByName(port.peer, time) : null;
    const found = ip === null ? null : this.#inventory.endpoint(ip, router?.datapathKey ?? vni, time);
    if (ip !== null && found?.how != null)
      return { port: found.port, candidates: found.candidates, by: found.how, address: ip };
    // The MAC of a routed packet is the router's; only a machine's own says something.
    const owner = mac === null ? null : this.#inventory.endpoint(mac, vni, time);
    return owner?.how === "address"
      ? { port: owner.port, candidates: owner.candidates, by: "address", address: mac }
      : null;
  }

  /** The chassis whose address the outer source of packet `i` is, or null; only where there is an outer IP header. */
  sourceChassis(packets: PacketBatch, frames: FrameBatch, i: number): string | null {
    return this.#chassis(packets, frames, i, outerSourceAt(frames, i));
  }

  /** As sourceChassis, for the outer destination. */
  destinationChassis(packets: PacketBatch, frames: FrameBatch, i: number): string | null {
    return this.#chassis(packets, frames, i, outerDestinationAt(frames, i));
  }

  #chassis(packets: PacketBatch, frames: FrameBatch, i: number, offset: number): string | null {
    const at = this.#time(packets, i);
    const { view } = packets;
    if (isOuterIpv6(frames, i))
      return this.#inventory.resolveAddress(outerAddress(view, frames, i, offset), at).chassis?.name ?? null;
    // The text of an IPv4 address costs more than the rest; most packets come from few hosts.
    const bits = view.getInt32(offset);
    // A live inventory goes on: what had no end may have one by now.
    if (this.#generation !== this.#inventory.generation) {
      this.#generation = this.#inventory.generation;
      this.#ipv4.clear();
    }
    const known = this.#ipv4.get(bits);
    if (known !== undefined && at >= known.from && at < known.until) return known.chassis?.name ?? null;
    if (this.#ipv4.size >= REMEMBERED) this.#ipv4.clear();
    const found = this.#inventory.resolveAddress(outerAddress(view, frames, i, offset), at);
    this.#ipv4.set(bits, found);
    return found.chassis?.name ?? null;
  }
}
