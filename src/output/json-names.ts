import { innerEnds } from "../analysis/ends.js";
import type { EndName, Namer } from "../analysis/namer.js";
import type { TunnelHeader } from "../analysis/tunnel-header.js";
import type { PacketBatch } from "../capture/batch.js";
import { type FrameBatch, FrameFlag } from "../frame/columns.js";
import type { Layer } from "../frame/layers.js";
import type { Datapath, Port, Resolution } from "../southbound/index.js";
import { type NameSources, NO_SOURCES, portFields } from "./names.js";

/** Who the ends of packets are, as JSON has it; all null where no names are asked for. */
export class JsonNames {
  readonly #namer: Namer | null;
  readonly #sources: NameSources;

  constructor(namer: Namer | null, sources: NameSources = NO_SOURCES) {
    this.#namer = namer;
    this.#sources = sources;
  }

  /** What the keys of packet `i` mean; null where it has none. */
  resolution(packets: PacketBatch, frames: FrameBatch, i: number): Resolution | null {
    if (this.#namer === null || (frames.flags[i] & FrameFlag.ovn) === 0) return null;
    return this.#namer.keys(packets, frames, i);
  }

  /** Whose the outer addresses are. */
  chassis(packets: PacketBatch, frames: FrameBatch, i: number) {
    return {
      sourceChassis: this.#namer?.sourceChassis(packets, frames, i) ?? null,
      destinationChassis: this.#namer?.destinationChassis(packets, frames, i) ?? null,
    };
  }

  /** Whose the ends of a tunnel are that was recovered; null where none was. */
  chassisAt(packets: PacketBatch, i: number, header: TunnelHeader | null) {
    const name = (address: string | null | undefined): string | null =>
      address == null ? null : (this.#namer?.chassisAt(packets, i, address) ?? null);
    return { sourceChassis: name(header?.source), destinationChassis: name(header?.destination) };
  }

  /** Whose the one inner address is that `layers` have, of the source or the destination. */
  end(
    packets: PacketBatch,
    frames: FrameBatch,
    i: number,
    layers: readonly Layer[],
    role: "source" | "destination",
  ) {
    const isOpen = (frames.flags[i] & FrameFlag.oam) === 0;
    const resolution = isOpen ? this.resolution(packets, frames, i) : null;
    if (this.#namer === null || resolution === null) return null;
    const port = role === "source" ? resolution.inport : resolution.outport;
    return this.#end(packets, i, this.#namer.endpoint(packets, frames, i, port, innerEnds(layers)[role]));
  }

  datapath(packets: PacketBatch, i: number, found: Datapath | null): object | null {
    if (found === null) return null;
    const friendly = this.#namer?.datapathName(packets, i, found);
    return {
      name: found.name,
      kind: found.kind,
      uuid: found.uuid,
      friendlyName: friendly?.name ?? null,
    };
  }

  port(packets: PacketBatch, i: number, found: Resolution["outport"]): object | null {
    if (found === null) return null;
    if (found.kind === "multicast") return { name: found.name, type: "multicast" };
    return {
      name: found.name,
      type: found.type,
      chassis: found.chassis?.name ?? null,
      ...relations(found),
      ...this.#known(packets, i, found),
    };
  }

  /** `candidates` only where there are several. */
  #end(packets: PacketBatch, i: number, found: EndName | null) {
    if (found === null) return null;
    const { port, candidates, address } = found;
    const by = { by: found.by, ...(address === null ? {} : { address }) };
    if (port !== null) return { name: port.name, ...by, ...this.#known(packets, i, port) };
    const several = candidates.map((each) => ({ name: each.name, ...this.#known(packets, i, each) }));
    return { name: null, ...by, candidates: several };
  }

  #known(packets: PacketBatch, i: number, port: Port): object {
    return portFields(this.#namer?.portNames(packets, i, port) ?? null, this.#sources);
  }
}

/** What a port is to others: only what there is. */
function relations({ peer, distributedPort, parentPort, virtualParent }: Port): object {
  return {
    ...(peer === null ? {} : { peer }),
    ...(distributedPort === null ? {} : { distributedPort }),
    ...(parentPort === null ? {} : { parentPort }),
    ...(virtualParent === null ? {} : { virtualParent }),
  };
}
