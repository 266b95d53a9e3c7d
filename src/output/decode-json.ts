import { type End, innerEnds } from "../analysis/ends.js";
import type { EndName, Namer } from "../analysis/namer.js";
import type { CaptureSource, PacketBatch } from "../capture/batch.js";
import { type FrameBatch, FrameFlag } from "../frame/columns.js";
import type { FrameDecoder } from "../frame/decode.js";
import { type HeaderLayer, type Layer, readLayers } from "../frame/layers.js";
import { FrameStatus, layerName, statusName, stopText } from "../frame/status.js";
import { ChecksumVerifier, type Verdict } from "../frame/verify.js";
import type { Datapath, Port, Resolution } from "../southbound/index.js";
import { GENEVE_HEADER_BYTES, GeneveView } from "../wire/geneve.js";
import { egressOf, ingressOf } from "../wire/ovn-option.js";
import { fieldsOf } from "./fields.js";
import { InnerSummary } from "./inner-summary.js";
import { safeJson } from "./json.js";
import { type NameSources, NO_SOURCES, portFields } from "./names.js";
import type { PacketPrinter } from "./printer.js";
import { isoTime } from "./time.js";

/** One JSON object a line (docs/cli.md). */
export class JsonPrinter implements PacketPrinter {
  readonly #namer: Namer | null;
  readonly #decoder: FrameDecoder;
  readonly #sources: NameSources;
  readonly #summary = new InnerSummary();
  readonly #verifier = new ChecksumVerifier();
  readonly #header = new GeneveView();
  #file = "";
  #interfaces: CaptureSource["interfaces"] = [];

  constructor(namer: Namer | null, decoder: FrameDecoder, sources: NameSources = NO_SOURCES) {
    this.#namer = namer;
    this.#decoder = decoder;
    this.#sources = sources;
  }

  startFile(source: Pick<CaptureSource, "name" | "interfaces">): void {
    this.#file = source.name;
    this.#interfaces = source.interfaces;
  }

  packet(packets: PacketBatch, frames: FrameBatch, i: number): string {
    const start = packets.offset[i];
    const end = start + packets.capturedBytes[i];
    const device = this.#interfaces[packets.interfaceIndex[i]];
    const { layers } = readLayers(packets.view, start, end, device?.linkType ?? -1, {
      genevePorts: this.#decoder.ports,
    });
    const { view } = packets;
    const verdicts = this.#verifier.layers(view, start, layers, end, frames.innerEnd[i]);
    const hasInner = frames.inner[i] >= 0 && (frames.flags[i] & FrameFlag.oam) === 0;
    const object = {
      file: this.#file,
      number: packets.firstNumber + i,
      time: isoTime(packets.tsSec[i], packets.tsNsec[i]),
      interface: device?.name ?? null,
      capturedBytes: packets.capturedBytes[i],
      originalBytes: packets.originalBytes[i],
      status: statusName(frames.status[i]),
      ...this.#stop(frames, i),
      outer: this.#headers(view, frames, i, layers, verdicts, 0),
      geneve: this.#geneve(view, frames, i, layers, end),
      ovn: this.#ovn(packets, frames, i, layers),
      inner: hasInner ? this.#headers(view, frames, i, layers, verdicts, 1) : null,
    };
    return `${safeJson(object)}\n`;
  }

  #stop(frames: FrameBatch, i: number): object {
    const { status, stopLayer, stopOffset, stopReason } = frames;
    if (status[i] === FrameStatus.ok) return {};
    return {
      stop: {
        layer: layerName(stopLayer[i]),
        offset: stopOffset[i],
        reason: stopText(status[i], stopLayer[i], stopReason[i]),
      },
    };
  }

  /** The headers at one depth: an object with `eth`, `ip` and so on, or null without any. */
  #headers(
    view: DataView,
    frames: FrameBatch,
    i: number,
    layers: readonly Layer[],
    verdicts: readonly (Verdict | null)[],
    depth: 0 | 1,
  ): Record<string, unknown> | null {
    const object: Record<string, unknown> = {};
    let any = false;
    for (const [place, layer] of layers.entries()) {
      if (layer.depth !== depth || layer.layer === "geneve") continue;
      if (layer.layer === "payload" || layer.layer === "trailer") continue;
      any = true;
      const [name, fields] = fieldsOf(layer, depth === 1);
      const verdict = verdicts[place];
      if (verdict !== null) Object.assign(fields, verdictFields(verdict));
      object[name] = fields;
    }
    if (depth === 1) {
      const summary = this.#summary.text(view, frames, i);
      if (summary !== "") {
        any = true;
        object.summary = summary;
      }
    }
    return any ? object : null;
  }

  /** The Geneve header; of one that is cut or overruns what there is of it. */
  #geneve(
    view: DataView,
    frames: FrameBatch,
    i: number,
    layers: readonly Layer[],
    end: number,
  ): object | null {
    const layer = layers.find((each): each is HeaderLayer<"geneve"> => each.layer === "geneve");
    if (layer !== undefined) return fieldsOf(layer, false)[1];
    const at = frames.geneve[i];
    if (at < 0 || at + GENEVE_HEADER_BYTES > end) return null;
    this.#header.bind(view, at, end);
    return fieldsOf({ ...this.#header.toRecord(), layer: "geneve", depth: 0, offset: 0 }, false)[1];
  }

  #ovn(packets: PacketBatch, frames: FrameBatch, i: number, layers: readonly Layer[]): object | null {
    if (frames.vni[i] < 0) return null;
    const hasKeys = (frames.flags[i] & FrameFlag.ovn) !== 0;
    const word = frames.ovnKeys[i];
    const namer = this.#namer;
    const resolution = hasKeys ? (namer?.keys(packets, frames, i) ?? null) : null;
    const ends = innerEnds(layers);
    const hasEnds = hasKeys && (frames.flags[i] & FrameFlag.oam) === 0;
    const end = (at: Resolution["outport"], address: End): object | null =>
      hasEnds ? this.#end(packets, i, namer?.endpoint(packets, frames, i, at, address) ?? null) : null;
    return {
      datapathKey: frames.vni[i],
      ingressKey: hasKeys ? ingressOf(word) : null,
      egressKey: hasKeys ? egressOf(word) : null,
      datapath: this.#datapath(packets, i, resolution?.datapath ?? null),
      inport: this.#port(packets, i, resolution?.inport ?? null),
      outport: this.#port(packets, i, resolution?.outport ?? null),
      sourceChassis: namer?.sourceChassis(packets, frames, i) ?? null,
      destinationChassis: namer?.destinationChassis(packets, frames, i) ?? null,
      source: end(resolution?.inport ?? null, ends.source),
      destination: end(resolution?.outport ?? null, ends.destination),
      ...(hasKeys && word < 0 ? { reserved: 1 } : {}),
      ...((frames.flags[i] & FrameFlag.bfd) !== 0 ? { bfd: true } : {}),
    };
  }

  #datapath(packets: PacketBatch, i: number, found: Datapath | null): object | null {
    if (found === null) return null;
    const friendly = this.#namer?.datapathName(packets, i, found);
    return {
      name: found.name,
      kind: found.kind,
      uuid: found.uuid,
      friendlyName: friendly?.name ?? null,
    };
  }

  #port(packets: PacketBatch, i: number, found: Resolution["outport"]): object | null {
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
  #end(packets: PacketBatch, i: number, found: EndName | null): object | null {
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

/** What Linux leaves for the card to fill in is a wrong checksum all the same; `unfilled` says it is no corruption. */
function verdictFields(verdict: Verdict): object {
  return verdict === "unfilled" ? { checksum: "bad", unfilled: true } : { checksum: verdict };
}
