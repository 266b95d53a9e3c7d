import type { PacketBatch } from "../capture/batch.js";
import { momentMs } from "../capture/moment.js";
import type { FrameBatch } from "../frame/columns.js";
import { outerAddress, outerDestinationAt, outerSourceAt } from "../frame/outer.js";
import type {
  Datapath,
  FriendlyName,
  Interval,
  Inventory,
  KnownNames,
  Port,
  PortNames,
  Resolution,
} from "../southbound/index.js";
import { egressOf, ingressOf } from "../wire/ovn-option.js";
import type { End } from "./ends.js";

/** Types of ports that stand for a router, behind which the packet's ends are. */
export const ROUTED: ReadonlySet<string> = new Set(["patch", "l3gateway", "chassisredirect"]);

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

/**
 * Names for packets of a decoded batch: keys to logical ports and outer addresses to chassis, each as of the
 * packet's own time (`at` null) or of one time for all (milliseconds since 1970; Infinity: the latest known).
 * `known` has the names people know them by.
 */
export class Namer {
  readonly #inventory: Inventory;
  readonly #at: number | null;
  readonly #known: KnownNames | null;
  /**
   * What was answered since `begin` holds for packets from `from` to before `until`, as long as `generation`
   * stays what it is.
   */
  from = Number.NEGATIVE_INFINITY;
  until = Number.POSITIVE_INFINITY;

  constructor(inventory: Inventory, at: number | null, known: KnownNames | null = null) {
    this.#inventory = inventory;
    this.#at = at;
    this.#known = known;
  }

  /** Grows with every change of what names come from. */
  get generation(): number {
    return this.#inventory.generation + (this.#known?.generation ?? 0);
  }

  /** From here on `from` and `until` are about the answers to come. */
  begin(): void {
    this.from = Number.NEGATIVE_INFINITY;
    this.until = Number.POSITIVE_INFINITY;
  }

  #time(packets: PacketBatch, i: number): number {
    return this.#at ?? momentMs(packets.tsSec[i], packets.tsNsec[i]);
  }

  /** Notes how long an answer holds, and gives it back. */
  #noted<T extends Interval>(answer: T): T {
    if (this.#at === null) {
      if (answer.from > this.from) this.from = answer.from;
      if (answer.until < this.until) this.until = answer.until;
    }
    return answer;
  }

  /** What the OVN keys of packet `i` mean; only for packets with an OVN option. */
  keys(packets: PacketBatch, frames: FrameBatch, i: number): Resolution {
    const word = frames.ovnKeys[i];
    const time = this.#time(packets, i);
    return this.#noted(this.#inventory.resolve(frames.vni[i], ingressOf(word), egressOf(word), time));
  }

  /** What `port`, named by packet `i`, is known by besides; null where that was not asked for. */
  portNames(packets: PacketBatch, i: number, port: Port): PortNames | null {
    return this.#known === null ? null : this.#noted(this.#known.port(port, this.#time(packets, i)));
  }

  /** As portNames, for a switch or router. */
  datapathName(packets: PacketBatch, i: number, datapath: Datapath): FriendlyName | null {
    if (this.#known === null) return null;
    return this.#noted(this.#known.datapath(datapath, this.#time(packets, i))).friendly;
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
    end: End,
  ): EndName | null {
    return this.endpointIn(packets, i, frames.vni[i], port, end);
  }

  /** As endpoint, of a packet that is in the datapath with the key `vni`, whether it says so or not. */
  endpointIn(
    packets: PacketBatch,
    i: number,
    vni: number,
    port: Resolution["outport"],
    { ip, mac }: End,
  ): EndName | null {
    if (port?.kind === "port" && !ROUTED.has(port.type))
      return { port, candidates: [], by: "key", address: null };
    const time = this.#time(packets, i);
    // Behind the router that the packet's key names, not any other at this network.
    const router = port?.kind === "port" && port.peer !== null ? this.#portByName(port.peer, time) : null;
    const found =
      ip === null ? null : this.#noted(this.#inventory.endpoint(ip, router?.datapathKey ?? vni, time));
    if (ip !== null && found?.how != null)
      return { port: found.port, candidates: found.candidates, by: found.how, address: ip };
    // The MAC of a routed packet is the router's; only a machine's own says something.
    const owner = mac === null ? null : this.#noted(this.#inventory.endpoint(mac, vni, time));
    return owner?.how === "address"
      ? { port: owner.port, candidates: owner.candidates, by: "address", address: mac }
      : null;
  }

  /** The chassis whose address the outer source of packet `i` is, or null; only where there is an outer IP header. */
  sourceChassis(packets: PacketBatch, frames: FrameBatch, i: number): string | null {
    return this.chassisAt(packets, i, outerAddress(packets.view, frames, i, outerSourceAt(frames, i)));
  }

  /** As sourceChassis, for the outer destination. */
  destinationChassis(packets: PacketBatch, frames: FrameBatch, i: number): string | null {
    return this.chassisAt(packets, i, outerAddress(packets.view, frames, i, outerDestinationAt(frames, i)));
  }

  #portByName(name: string, time: number): Port | null {
    this.#noted(this.#inventory.nameHolds(name, time));
    const port = this.#inventory.portByName(name, time);
    return port === null ? null : this.#noted(port);
  }

  /** The chassis that had an address (canonical text) when packet `i` came, or null. */
  chassisAt(packets: PacketBatch, i: number, address: string): string | null {
    return this.#noted(this.#inventory.resolveAddress(address, this.#time(packets, i))).chassis?.name ?? null;
  }
}
