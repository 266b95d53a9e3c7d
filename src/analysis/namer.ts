import type { PacketBatch } from "../capture/batch.js";
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
import { momentMs } from "./flow-table.js";

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
   * The logical port of the VM that is at one end of the inner packet: `port`, what its key names there, where
   * that is a VM's own, else the one that has the inner address `ip` (text, null where there is none).
   */
  endpoint(
    packets: PacketBatch,
    frames: FrameBatch,
    i: number,
    port: Resolution["outport"],
    ip: string | null,
  ): Port | null {
    if (port?.kind === "port" && port.type === "") return port;
    return ip === null ? null : this.#inventory.endpoint(ip, frames.vni[i], this.#time(packets, i));
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
    const known = this.#ipv4.get(bits);
    if (known !== undefined && at >= known.from && at < known.until) return known.chassis?.name ?? null;
    if (this.#ipv4.size >= REMEMBERED) this.#ipv4.clear();
    const found = this.#inventory.resolveAddress(outerAddress(view, frames, i, offset), at);
    this.#ipv4.set(bits, found);
    return found.chassis?.name ?? null;
  }
}
