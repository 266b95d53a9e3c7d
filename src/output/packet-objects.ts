import type { CaptureSource, PacketBatch } from "../capture/batch.js";
import { type FrameBatch, FrameFlag } from "../frame/columns.js";
import type { FrameDecoder } from "../frame/decode.js";
import { type HeaderLayer, type Layer, readLayers } from "../frame/layers.js";
import { FrameStatus, layerName, statusName, stopText } from "../frame/status.js";
import { ChecksumVerifier, type Verdict } from "../frame/verify.js";
import { GENEVE_HEADER_BYTES, GeneveView } from "../wire/geneve.js";
import { egressOf, ingressOf } from "../wire/ovn-option.js";
import { fieldsOf } from "./fields.js";
import { InnerSummary, SUMMARY_ROOM } from "./inner-summary.js";
import { safeJson } from "./json.js";
import type { JsonNames } from "./json-names.js";
import { isoTime } from "./time.js";

/** What JSON says of packets (docs/cli.md), of any that there are, put together from their layers. */
export class PacketObjects {
  readonly #names: JsonNames;
  readonly #decoder: FrameDecoder;
  readonly #summary = new InnerSummary();
  readonly #verifier = new ChecksumVerifier();
  readonly #header = new GeneveView();
  /** Where the summary is written first. */
  readonly #scratch = Buffer.alloc(SUMMARY_ROOM);
  readonly #scratchView = new DataView(this.#scratch.buffer, this.#scratch.byteOffset, SUMMARY_ROOM);
  #file = "";
  #interfaces: CaptureSource["interfaces"] = [];
  /** Whether the keys of the packet looked at last are older than all that is known of names. */
  isBeforeHistory = false;

  constructor(names: JsonNames, decoder: FrameDecoder) {
    this.#names = names;
    this.#decoder = decoder;
  }

  startFile(source: Pick<CaptureSource, "name" | "interfaces">): void {
    this.#file = source.name;
    this.#interfaces = source.interfaces;
  }

  /** The object of packet `i`, without line end. */
  text(packets: PacketBatch, frames: FrameBatch, i: number): string {
    const { view } = packets;
    const start = packets.offset[i];
    const end = start + packets.capturedBytes[i];
    const layers = this.layers(packets, i);
    const verdicts = this.#verifier.layers(view, start, layers, end, frames.innerEnd[i]);
    const hasInner = frames.inner[i] >= 0 && (frames.flags[i] & FrameFlag.oam) === 0;
    return safeJson({
      file: this.#file,
      number: packets.firstNumber + i,
      time: isoTime(packets.tsSec[i], packets.tsNsec[i]),
      interface: this.#interfaces[packets.interfaceIndex[i]]?.name ?? null,
      capturedBytes: packets.capturedBytes[i],
      originalBytes: packets.originalBytes[i],
      status: statusName(frames.status[i]),
      ...this.#stop(frames, i),
      outer: this.#headers(view, frames, i, layers, verdicts, 0),
      geneve: this.#geneve(view, frames, i, layers, end),
      ovn: this.#ovn(packets, frames, i, layers),
      inner: hasInner ? this.#headers(view, frames, i, layers, verdicts, 1) : null,
    });
  }

  /** The layers of packet `i`. */
  layers(packets: PacketBatch, i: number): readonly Layer[] {
    const start = packets.offset[i];
    const linkType = this.#interfaces[packets.interfaceIndex[i]]?.linkType ?? -1;
    const ports = { genevePorts: this.#decoder.ports };
    return readLayers(packets.view, start, start + packets.capturedBytes[i], linkType, ports).layers;
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
      const summary = this.#summaryText(view, frames, i);
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

  #summaryText(view: DataView, frames: FrameBatch, i: number): string {
    const end = this.#summary.write(this.#scratchView, 0, view, frames, i);
    return this.#scratch.toString("latin1", 0, end);
  }

  #ovn(packets: PacketBatch, frames: FrameBatch, i: number, layers: readonly Layer[]): object | null {
    this.isBeforeHistory = false;
    if (frames.vni[i] < 0) return null;
    const names = this.#names;
    const hasKeys = (frames.flags[i] & FrameFlag.ovn) !== 0;
    const word = frames.ovnKeys[i];
    const resolution = names.resolution(packets, frames, i);
    this.isBeforeHistory = resolution?.beforeHistory === true;
    return {
      datapathKey: frames.vni[i],
      ingressKey: hasKeys ? ingressOf(word) : null,
      egressKey: hasKeys ? egressOf(word) : null,
      datapath: names.datapath(packets, i, resolution?.datapath ?? null),
      inport: names.port(packets, i, resolution?.inport ?? null),
      outport: names.port(packets, i, resolution?.outport ?? null),
      ...names.chassis(packets, frames, i),
      source: names.end(packets, frames, i, layers, "source"),
      destination: names.end(packets, frames, i, layers, "destination"),
      ...(hasKeys && word < 0 ? { reserved: 1 } : {}),
      ...((frames.flags[i] & FrameFlag.bfd) !== 0 ? { bfd: true } : {}),
    };
  }
}

/** What Linux leaves for the card to fill in is a wrong checksum all the same; `unfilled` says it is no corruption. */
function verdictFields(verdict: Verdict): object {
  return verdict === "unfilled" ? { checksum: "bad", unfilled: true } : { checksum: verdict };
}
