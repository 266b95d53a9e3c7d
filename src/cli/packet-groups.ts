import type { Namer } from "../analysis/namer.js";
import { WordCache } from "../analysis/word-cache.js";
import type { PacketBatch } from "../capture/batch.js";
import { momentMs } from "../capture/moment.js";
import { type FrameBatch, FrameFlag, NO_VNI } from "../frame/columns.js";
import { isVxlan } from "../frame/other-tunnels.js";
import {
  OUTER_WORDS,
  outerAddress,
  outerDestinationAt,
  outerSourceAt,
  putOuterWords,
} from "../frame/outer.js";
import { label, type NameChoice } from "../output/names.js";
import { printable } from "../text.js";
import { ingressOf } from "../wire/ovn-option.js";

/** What packets are told apart by: the logical ingress port, the datapath, or the outer source and destination. */
export type GroupKind = "port" | "datapath" | "tunnel";

/** Packets that have a key in common. */
export interface PacketGroup {
  /** The name of what the key stands for, or the key in words; safe to print. */
  readonly name: string;
  /** Of a port: its datapath and keys. Else empty. */
  readonly description: string;
}

/** A group, and what tells it apart from others of the same name. */
interface Described extends PacketGroup {
  readonly of: string;
}

interface Known {
  readonly index: number;
  /** The time for which the names hold, in milliseconds since 1970. */
  readonly from: number;
  readonly until: number;
}

/** In the place of an ingress key where there is none: no OVN option, VXLAN. */
const NO_INGRESS = -1;

/** Which group each packet belongs to. Keys that stand for the same thing are one group. */
export class PacketGroups {
  /** In the order in which they came; the last of `most` is all that come when there is no more room. */
  readonly groups: PacketGroup[] = [];
  readonly #kind: GroupKind;
  readonly #namer: Namer | null;
  readonly #names: NameChoice;
  readonly #most: number;
  readonly #indexes = new Map<string, number>();
  readonly #known = new WordCache<Known>(OUTER_WORDS, 12);
  readonly #words = new Int32Array(OUTER_WORDS);
  #generation = 0;

  constructor(kind: GroupKind, namer: Namer | null, names: NameChoice, most: number) {
    this.#kind = kind;
    this.#namer = namer;
    this.#names = names;
    this.#most = most;
  }

  /** The index of the group of packet `i`. One without a tunnel belongs to that of all others. */
  of(packets: PacketBatch, frames: FrameBatch, i: number): number {
    const generation = this.#namer?.generation ?? 0;
    if (generation !== this.#generation) this.#known.clear();
    this.#generation = generation;
    this.#key(packets, frames, i);
    const time = momentMs(packets.tsSec[i], packets.tsNsec[i]);
    let known = this.#known.at(this.#words);
    if (known === undefined || time < known.from || time >= known.until) {
      this.#namer?.begin();
      known = {
        index: this.#index(this.#describe(packets, frames, i)),
        from: this.#namer?.from ?? Number.NEGATIVE_INFINITY,
        until: this.#namer?.until ?? Number.POSITIVE_INFINITY,
      };
      this.#known.keep(this.#words, known);
    }
    return known.index;
  }

  /** Puts what packet `i` is told apart by into the words. */
  #key({ view }: PacketBatch, frames: FrameBatch, i: number): void {
    const words = this.#words;
    if (this.#kind === "tunnel" && frames.vni[i] !== NO_VNI) {
      putOuterWords(view, frames, i, words);
      return;
    }
    words.fill(0);
    words[0] = frames.vni[i];
    const keys = frames.ovnKeys[i];
    const isOvn = (frames.flags[i] & FrameFlag.ovn) !== 0;
    if (isOvn) words[2] = 1;
    if (this.#kind === "port") words[1] = isOvn && !isVxlan(frames, i) ? ingressOf(keys) : NO_INGRESS;
  }

  #describe(packets: PacketBatch, frames: FrameBatch, i: number): Described {
    const vni = frames.vni[i];
    if (vni === NO_VNI) return { name: "other", description: "", of: "no tunnel" };
    if (this.#kind === "tunnel") return { name: this.#tunnel(packets, frames, i), description: "", of: "" };
    const namer = this.#namer;
    const isOvn = (frames.flags[i] & FrameFlag.ovn) !== 0;
    const resolution = isOvn ? namer?.keys(packets, frames, i) : null;
    const datapath = resolution?.datapath ?? null;
    const network = datapath && label(datapath.name, namer?.datapathName(packets, i, datapath), this.#names);
    const keys =
      this.#words[1] !== NO_INGRESS && this.#kind === "port"
        ? `vni ${vni} in ${this.#words[1]}`
        : `vni ${vni}`;
    if (this.#kind === "datapath")
      return { name: network ?? keys, description: "", of: datapath?.uuid ?? keys };
    const port = resolution?.inport ?? null;
    const friendly = port && namer?.portNames(packets, i, port)?.friendly;
    return {
      name: label(port?.name, friendly, this.#names) ?? keys,
      description: network === null ? "" : `${network}, ${keys}`,
      of: keys,
    };
  }

  #tunnel(packets: PacketBatch, frames: FrameBatch, i: number): string {
    const { view } = packets;
    const source =
      this.#namer?.sourceChassis(packets, frames, i) ??
      outerAddress(view, frames, i, outerSourceAt(frames, i));
    const destination =
      this.#namer?.destinationChassis(packets, frames, i) ??
      outerAddress(view, frames, i, outerDestinationAt(frames, i));
    return printable(`${source} to ${destination}`);
  }

  #index({ name, description, of }: Described): number {
    const last = this.#most - 1;
    const identity = `${name}\n${description}\n${of}`;
    const known = this.#indexes.get(identity);
    if (known !== undefined) return known;
    const index = this.groups.length;
    if (index > last) return last;
    this.groups.push(index < last ? { name, description } : { name: "other", description: "" });
    if (index < last) this.#indexes.set(identity, index);
    return index;
  }
}
