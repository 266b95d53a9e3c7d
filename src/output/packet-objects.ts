import type { BareKeys } from "../analysis/bare-keys.js";
import type { CaptureInterface, CaptureSource, PacketBatch } from "../capture/batch.js";
import { isSettled } from "../encode/json-finish.js";
import { type FrameBatch, FrameFlag, KEYS_FROM_NAMES, KeysFrom, TunnelKind } from "../frame/columns.js";
import type { FrameDecoder } from "../frame/decode.js";
import { type HeaderLayer, type Layer, TUNNEL_HEADERS } from "../frame/layers.js";
import { isVxlan } from "../frame/other-tunnels.js";
import { FrameStatus, layerName, statusName, stopText } from "../frame/status.js";
import { ChecksumVerifier, type Verdict } from "../frame/verify.js";
import { GENEVE_HEADER_BYTES, GeneveView } from "../wire/geneve.js";
import { LinkType } from "../wire/linktype.js";
import { egressOf, ingressOf } from "../wire/ovn-option.js";
import { STT_HEADER_BYTES, SttView } from "../wire/stt.js";
import { VXLAN_HEADER_BYTES, VxlanView } from "../wire/vxlan.js";
import { type Fields, fieldsOf } from "./fields.js";
import { InnerSummary, SUMMARY_ROOM } from "./inner-summary.js";
import { safeJson } from "./json.js";
import type { JsonNames } from "./json-names.js";
import { packetLayers } from "./packet-layers.js";
import { isOrdinary, type PacketObject, restFields, saysAll, withFrame } from "./packet-whole.js";
import { isoTime } from "./time.js";

const NO_CHASSIS = { sourceChassis: null, destinationChassis: null };
/** Of a frame of which nothing is known. */
const NO_OVN = {
  datapathKey: null,
  ingressKey: null,
  egressKey: null,
  datapath: null,
  inport: null,
  outport: null,
  ...NO_CHASSIS,
  source: null,
  destination: null,
};

/**
 * What JSON says of packets, of any that there are, put together from their layers. Where `encode` would make other
 * bytes of an object, it has all of them in `frame`.
 */
export class PacketObjects {
  readonly #names: JsonNames;
  readonly #decoder: FrameDecoder;
  readonly #bare: BareKeys | null;
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

  /** `bare`: what fills in the keys of bare frames, where there may be such. */
  constructor(names: JsonNames, decoder: FrameDecoder, bare: BareKeys | null = null) {
    this.#names = names;
    this.#decoder = decoder;
    this.#bare = bare;
  }

  startFile(source: Pick<CaptureSource, "name" | "interfaces">): void {
    this.#file = source.name;
    this.#interfaces = source.interfaces;
  }

  /** The object of packet `i`, without line end. */
  text(packets: PacketBatch, frames: FrameBatch, i: number): string {
    return safeJson(this.object(packets, frames, i));
  }

  /** The same as an object. */
  object(packets: PacketBatch, frames: FrameBatch, i: number): PacketObject {
    const { view } = packets;
    const start = packets.offset[i];
    const end = start + packets.capturedBytes[i];
    const layers = this.layers(packets, frames, i);
    const isBare = (frames.flags[i] & FrameFlag.bare) !== 0;
    const verdicts = this.#verifier.layers(view, start, layers, end, frames.innerEnd[i]);
    const hasInner = frames.inner[i] >= 0 && (frames.flags[i] & FrameFlag.oam) === 0;
    const outer = this.#headers(layers, verdicts, 0);
    const inner = hasInner ? this.#headers(layers, verdicts, 1) : null;
    const summary = hasInner ? this.#summaryText(view, frames, i) : "";
    const isInner = inner !== null || summary !== "";
    const bytes = packets.bytes.subarray(start, end);
    const said: PacketObject = {
      file: this.#file,
      number: packets.firstNumber + i,
      time: isoTime(packets.tsSec[i], packets.tsNsec[i]),
      ...interfaceFields(this.#interfaces[packets.interfaceIndex[i]]),
      capturedBytes: bytes.length,
      originalBytes: packets.originalBytes[i],
      status: statusName(frames.status[i]),
      ...this.#stop(frames, i),
      outer: outer && { ...outer, ...restFields(bytes, layers, 0, !isInner) },
      geneve: this.#geneve(view, frames, i, layers, end),
      ...otherTunnel(view, frames, i, layers),
      ovn: isBare ? this.#bareOvn(packets, frames, i, layers) : this.#ovn(packets, frames, i, layers),
      inner: isInner
        ? { ...inner, ...restFields(bytes, layers, 1, true), ...(summary === "" ? {} : { summary }) }
        : null,
    };
    const missing = Math.max(0, packets.originalBytes[i] - bytes.length);
    if (isOrdinary(frames.status[i], said, layers) && isSettled(layers, verdicts, missing)) return said;
    return saysAll(said, bytes) ? said : withFrame(said, bytes);
  }

  /** The layers of packet `i`. */
  layers(packets: PacketBatch, frames: FrameBatch, i: number): readonly Layer[] {
    const linkType = this.#interfaces[packets.interfaceIndex[i]]?.linkType ?? -1;
    return packetLayers(packets, frames, i, linkType, this.#decoder);
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
  #headers(layers: readonly Layer[], verdicts: readonly (Verdict | null)[], depth: 0 | 1): Fields | null {
    const object: Fields = {};
    let any = false;
    for (const [place, layer] of layers.entries()) {
      if (layer.depth !== depth || TUNNEL_HEADERS.has(layer.layer)) continue;
      if (layer.layer === "payload" || layer.layer === "trailer") continue;
      any = true;
      const [name, fields] = fieldsOf(layer, depth === 1);
      const verdict = verdicts[place];
      if (verdict !== null && "checksum" in layer)
        Object.assign(fields, verdictFields(verdict, layer.checksum));
      object[name] = fields;
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
  ): Fields | null {
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

  #ovn(packets: PacketBatch, frames: FrameBatch, i: number, layers: readonly Layer[]) {
    this.isBeforeHistory = false;
    if (frames.vni[i] < 0) return null;
    const names = this.#names;
    const hasKeys = (frames.flags[i] & FrameFlag.ovn) !== 0;
    const isOther = (frames.flags[i] & FrameFlag.otherTunnel) !== 0;
    const lacksIngress = isVxlan(frames, i);
    const word = frames.ovnKeys[i];
    const resolution = names.resolution(packets, frames, i);
    this.isBeforeHistory = resolution?.beforeHistory === true;
    return {
      datapathKey: frames.vni[i],
      ingressKey: hasKeys && !lacksIngress ? ingressOf(word) : null,
      egressKey: hasKeys ? egressOf(word) || (lacksIngress ? null : 0) : null,
      datapath: names.datapath(packets, i, resolution?.datapath ?? null),
      inport: names.port(packets, i, resolution?.inport ?? null),
      outport: names.port(packets, i, resolution?.outport ?? null),
      ...(frames.outerIp[i] < 0 ? NO_CHASSIS : names.chassis(packets, frames, i)),
      source: names.end(packets, frames, i, layers, "source"),
      destination: names.end(packets, frames, i, layers, "destination"),
      ...(hasKeys && word < 0 ? { reserved: 1 } : {}),
      ...((frames.flags[i] & FrameFlag.bfd) !== 0 ? { bfd: true } : {}),
      ...(isOther && frames.tunnel[i] === TunnelKind.vxlanVtep ? { vtep: true } : {}),
      ...(isOther && frames.tunnel[i] === TunnelKind.vxlanAssumed ? { assumed: true } : {}),
    };
  }

  /** The same of a frame without its tunnel; keys that are not known are null. */
  #bareOvn(packets: PacketBatch, frames: FrameBatch, i: number, layers: readonly Layer[]): object {
    const names = this.#names;
    const origin = this.#bare?.origin(i) ?? null;
    const header = origin?.header ?? null;
    const from = frames.keysFrom[i];
    const readings = from === KeysFrom.several ? (origin?.correlation.readings ?? []) : [];
    const known = this.#ovn(packets, frames, i, layers) ?? NO_OVN;
    return {
      ...known,
      ingressKey: known.ingressKey || null,
      egressKey: known.egressKey || null,
      ...names.chassisAt(packets, i, header),
      keysFrom: KEYS_FROM_NAMES[from],
      ...(header === null ? {} : { tunnel: { source: header.source, destination: header.destination } }),
      ...(from !== KeysFrom.several
        ? {}
        : {
            candidateCount: origin?.correlation.count ?? 0,
            candidates: readings.map(({ datapath, inport, outport }) => ({
              datapathKey: datapath.tunnelKey,
              ingressKey: inport?.tunnelKey ?? null,
              egressKey: outport?.tunnelKey ?? null,
              datapath: names.datapath(packets, i, datapath),
              inport: names.port(packets, i, inport),
              outport: names.port(packets, i, outport),
            })),
          }),
    };
  }
}

/** The header of a tunnel that is none of Geneve, under its name; also where the headers around it overrun what there is. */
function otherTunnel(view: DataView, frames: FrameBatch, i: number, layers: readonly Layer[]): object {
  const header =
    layers.find((each): each is OtherHeader => each.layer === "vxlan" || each.layer === "stt") ??
    headerBeforeInner(view, frames, i);
  if (header === null) return {};
  const [name, fields] = fieldsOf(header, false);
  return { [name]: fields };
}

type OtherHeader = HeaderLayer<"vxlan" | "stt">;

function headerBeforeInner(view: DataView, frames: FrameBatch, i: number): OtherHeader | null {
  const inner = frames.inner[i];
  if ((frames.flags[i] & FrameFlag.otherTunnel) === 0 || inner < 0) return null;
  if (frames.tunnel[i] === TunnelKind.stt) {
    const stt = new SttView();
    stt.bind(view, inner - STT_HEADER_BYTES, inner);
    return { ...stt.toRecord(), layer: "stt", depth: 0, offset: 0 };
  }
  const vxlan = new VxlanView();
  vxlan.bind(view, inner - VXLAN_HEADER_BYTES, inner);
  return { ...vxlan.toRecord(), layer: "vxlan", depth: 0, offset: 0 };
}

/** What Linux leaves for the card to fill in is a wrong checksum all the same; `unfilled` says it is no corruption. */
function verdictFields(verdict: Verdict, checksumValue: number): Fields {
  if (verdict === "unfilled") return { checksum: "bad", unfilled: true };
  if (verdict === "good" || verdict === "absent") return { checksum: verdict };
  return { checksum: verdict, checksumValue };
}

/** The name of an interface, and its link type where that is not Ethernet. */
export function interfaceFields(one: CaptureInterface | undefined): Fields {
  const { name = null, linkType = LinkType.ETHERNET } = one ?? {};
  return { interface: name, ...(linkType === LinkType.ETHERNET ? {} : { linkType }) };
}
