/* What a line says of a frame that has lost its tunnel: where its keys come from, and what else is possible. */
import type { BareKeys } from "../analysis/bare-keys.js";
import type { Namer } from "../analysis/namer.js";
import type { Reading } from "../analysis/readings.js";
import type { PacketBatch } from "../capture/batch.js";
import { type FrameBatch, KeysFrom } from "../frame/columns.js";
import type { Datapath, Port } from "../southbound/index.js";
import { printable } from "../text.js";
import { egressOf, ingressOf } from "../wire/ovn-option.js";
import { label, type NameChoice } from "./names.js";

/** Readings that a line shows; -v and JSON have more. */
const MOST_SHOWN = 3;

export class BareWords {
  readonly #bare: BareKeys;
  readonly #namer: Namer | null;
  readonly #names: NameChoice;

  /** `bare`: filled with the batches whose packets are asked for. */
  constructor(bare: BareKeys, namer: Namer | null, names: NameChoice) {
    this.#bare = bare;
    this.#namer = namer;
    this.#names = names;
  }

  /** ` worker1 > worker2`, where the tunnel's ends were told. */
  hosts(packets: PacketBatch, i: number): string {
    const header = this.#bare.origin(i)?.header ?? null;
    if (header === null || (header.source === null && header.destination === null)) return "";
    const host = (address: string | null): string => {
      if (address === null) return "?";
      const chassis = this.#namer?.chassisAt(packets, i, address) ?? null;
      return chassis === null ? address : printable(chassis);
    };
    return ` ${host(header.source)} > ${host(header.destination)}`;
  }

  /** ` [vni 1 in 1 out ? by addresses]`; of several readings the first ones. */
  keys(packets: PacketBatch, frames: FrameBatch, i: number): string {
    const from = frames.keysFrom[i];
    if (from === KeysFrom.nothing) return " [keys unknown]";
    if (from === KeysFrom.several) {
      const { correlation } = this.#bare.origin(i) ?? {};
      const count = correlation?.count ?? 0;
      const shown = this.#readings(packets, i, MOST_SHOWN).join(" | ");
      return ` [one of ${count}: ${shown}${count > MOST_SHOWN ? " | ..." : ""}]`;
    }
    const word = frames.ovnKeys[i];
    const key = (value: number): string => (value === 0 ? "?" : `${value}`);
    return ` [vni ${frames.vni[i]} in ${key(ingressOf(word))} out ${key(egressOf(word))} ${BY[from]}]`;
  }

  /** Every reading of a frame that has several, a line each. */
  below(packets: PacketBatch, frames: FrameBatch, i: number): string {
    if (frames.keysFrom[i] !== KeysFrom.several) return "";
    return this.#readings(packets, i, Number.POSITIVE_INFINITY)
      .map((reading) => `    possible  ${reading}\n`)
      .join("");
  }

  /** `network2: net2-router1 -> vm2`, with `?` for what is not known. */
  #readings(packets: PacketBatch, i: number, most: number): string[] {
    const readings = this.#bare.origin(i)?.correlation.readings ?? [];
    return readings.slice(0, most).map(({ datapath, inport, outport }: Reading) => {
      const ports = `${this.#port(packets, i, inport)} -> ${this.#port(packets, i, outport)}`;
      return `${this.#datapath(packets, i, datapath)}: ${ports}`;
    });
  }

  #port(packets: PacketBatch, i: number, port: Port | null): string {
    if (port === null) return "?";
    return label(port.name, this.#namer?.portNames(packets, i, port)?.friendly, this.#names) ?? "?";
  }

  #datapath(packets: PacketBatch, i: number, datapath: Datapath): string {
    return label(datapath.name, this.#namer?.datapathName(packets, i, datapath), this.#names) ?? "?";
  }
}

const BY: Readonly<Record<number, string>> = {
  [KeysFrom.addresses]: "by addresses",
  [KeysFrom.flow]: "by flow",
  [KeysFrom.underlay]: "by underlay",
};
