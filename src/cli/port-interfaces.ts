import type { Namer } from "../analysis/namer.js";
import { WordCache } from "../analysis/word-cache.js";
import type { CaptureInterface, PacketBatch } from "../capture/batch.js";
import { momentMs } from "../capture/moment.js";
import type { Rewrite } from "../encode/rewrite.js";
import { type FrameBatch, FrameFlag } from "../frame/columns.js";
import { label, type NameChoice } from "../output/names.js";
import { LinkType } from "../wire/linktype.js";
import { ingressOf } from "../wire/ovn-option.js";

/** Interfaces of a capture at most: an index has 16 bits. What comes then shares the last one. */
const MOST = 65_535;
/** In the place of an ingress key where there is no OVN option: no key. */
const NO_OPTION = -1;

interface Known {
  readonly index: number;
  /** The time for which the names hold, in milliseconds since 1970. */
  readonly from: number;
  readonly until: number;
}

/** Puts each packet on an interface of its logical ingress port, who sent it. */
export class PortInterfaces implements Rewrite {
  readonly interfaces: CaptureInterface[] = [];
  readonly #namer: Namer | null;
  readonly #names: NameChoice;
  readonly #indexes = new Map<string, number>();
  readonly #known = new WordCache<Known>(2, 14);
  readonly #words = new Int32Array(2);
  #generation = 0;

  constructor(namer: Namer | null, names: NameChoice) {
    this.#namer = namer;
    this.#names = names;
  }

  rewrite(packets: PacketBatch, frames: FrameBatch, rows: Int32Array, count: number): number {
    const { interfaceIndex, tsSec, tsNsec } = packets;
    const generation = this.#namer?.generation ?? 0;
    if (generation !== this.#generation) this.#known.clear();
    this.#generation = generation;
    const words = this.#words;
    for (let row = 0; row < count; row++) {
      const i = rows[row];
      words[0] = frames.vni[i];
      words[1] = (frames.flags[i] & FrameFlag.ovn) === 0 ? NO_OPTION : ingressOf(frames.ovnKeys[i]);
      const time = momentMs(tsSec[i], tsNsec[i]);
      let known = this.#known.at(words);
      if (known === undefined || time < known.from || time >= known.until) {
        known = this.#find(packets, frames, i);
        this.#known.keep(words, known);
      }
      interfaceIndex[i] = known.index;
    }
    return count;
  }

  #find(packets: PacketBatch, frames: FrameBatch, i: number): Known {
    const [vni, key] = this.#words;
    const namer = this.#namer;
    if (key === NO_OPTION || namer === null) {
      const name = key === NO_OPTION ? `vni ${vni}` : `vni ${vni} in ${key}`;
      return {
        index: this.#index(name, ""),
        from: Number.NEGATIVE_INFINITY,
        until: Number.POSITIVE_INFINITY,
      };
    }
    namer.begin();
    const { datapath, inport } = namer.keys(packets, frames, i);
    const port = inport?.kind === "port" ? inport : null;
    const friendly = port && namer.portNames(packets, i, port)?.friendly;
    const network = datapath && label(datapath.name, namer.datapathName(packets, i, datapath), this.#names);
    const name = label(port?.name, friendly, this.#names) ?? `vni ${vni} in ${key}`;
    const description = network === null ? "" : `${network}, vni ${vni} in ${key}`;
    return { index: this.#index(name, description), from: namer.from, until: namer.until };
  }

  #index(name: string, description: string): number {
    const identity = `${name}\n${description}`;
    const known = this.#indexes.get(identity);
    if (known !== undefined) return known;
    const index = this.interfaces.length;
    if (index > MOST) return MOST;
    this.interfaces.push({
      linkType: LinkType.ETHERNET,
      name: index < MOST ? name : "other",
      snapLength: 0,
      ...(index < MOST && description !== "" && { description }),
    });
    if (index < MOST) this.#indexes.set(identity, index);
    return index;
  }
}
