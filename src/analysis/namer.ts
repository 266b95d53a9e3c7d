import type { PacketBatch } from "../capture/batch.js";
import { type FrameBatch, FrameFlag } from "../frame/columns.js";
import type { AddressResolution, Inventory, Port, Resolution } from "../southbound/index.js";
import { readIpv4, readIpv6 } from "../wire/address.js";
import { momentMs } from "./flow-table.js";

/** Addresses remembered at most; a hostile capture can hold any number of them. */
const REMEMBERED = 4096;

/**
 * Names for packets of a decoded batch: keys to logical ports and outer addresses to chassis, each as of the
 * packet's own time (`at` null) or of one time for all (milliseconds since 1970; Infinity: the latest known).
 */
export class Namer {
  readonly #inventory: Inventory;
  readonly #at: number | null;
  readonly #ipv4 = new Map<number, AddressResolution>();

  constructor(inventory: Inventory, at: number | null) {
    this.#inventory = inventory;
    this.#at = at;
  }

  #time(packets: PacketBatch, i: number): number {
    return this.#at ?? momentMs(packets.tsSec[i], packets.tsNsec[i]);
  }

  /** What the OVN keys of packet `i` mean; only for packets with an OVN option. */
  keys(packets: PacketBatch, frames: FrameBatch, i: number): Resolution {
    const word = frames.ovnKeys[i];
    const ingress = (word >>> 16) & 0x7fff;
    return this.#inventory.resolve(frames.vni[i], ingress, word & 0xffff, this.#time(packets, i));
  }

  /** Whether packet `i` has keys, and is older than all the inventory knows of. */
  isBeforeHistory(packets: PacketBatch, frames: FrameBatch, i: number): boolean {
    return (frames.flags[i] & FrameFlag.ovn) !== 0 && this.keys(packets, frames, i).beforeHistory;
  }

  /**
   * The logical port of the VM that the inner packet is from: the ingress port where that is a VM's own, else
   * the one that has the inner source address `ip` (text, null where there is none).
   */
  source(packets: PacketBatch, frames: FrameBatch, i: number, ip: string | null): Port | null {
    return this.#endpoint(packets, frames, i, this.keys(packets, frames, i).inport, ip);
  }

  /** As source, for the VM that the inner packet is for. */
  destination(packets: PacketBatch, frames: FrameBatch, i: number, ip: string | null): Port | null {
    return this.#endpoint(packets, frames, i, this.keys(packets, frames, i).outport, ip);
  }

  #endpoint(
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
    const v6 = (frames.flags[i] & FrameFlag.outerIpv6) !== 0;
    return this.#chassis(packets, i, frames.outerIp[i] + (v6 ? 8 : 12), v6);
  }

  /** As sourceChassis, for the outer destination. */
  destinationChassis(packets: PacketBatch, frames: FrameBatch, i: number): string | null {
    const v6 = (frames.flags[i] & FrameFlag.outerIpv6) !== 0;
    return this.#chassis(packets, i, frames.outerIp[i] + (v6 ? 24 : 16), v6);
  }

  #chassis(packets: PacketBatch, i: number, offset: number, v6: boolean): string | null {
    const at = this.#time(packets, i);
    if (v6) return this.#inventory.resolveAddress(readIpv6(packets.view, offset), at).chassis?.name ?? null;
    // The text of an IPv4 address costs more than the rest; most packets come from few hosts.
    const bits = packets.view.getInt32(offset);
    const known = this.#ipv4.get(bits);
    if (known !== undefined && at >= known.from && at < known.until) return known.chassis?.name ?? null;
    if (this.#ipv4.size >= REMEMBERED) this.#ipv4.clear();
    const found = this.#inventory.resolveAddress(readIpv4(packets.view, offset), at);
    this.#ipv4.set(bits, found);
    return found.chassis?.name ?? null;
  }
}
