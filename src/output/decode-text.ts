import { innerEnds } from "../analysis/ends.js";
import type { Namer } from "../analysis/namer.js";
import type { CaptureSource, PacketBatch } from "../capture/batch.js";
import { type FrameBatch, FrameFlag } from "../frame/columns.js";
import type { FrameDecoder } from "../frame/decode.js";
import { outerAddress, outerDestinationAt, outerSourceAt } from "../frame/outer.js";
import { FrameStatus, layerName, statusName, stopText } from "../frame/status.js";
import type { Port, PortNames, Resolution } from "../southbound/index.js";
import { printable } from "../text.js";
import { egressOf, ingressOf } from "../wire/ovn-option.js";
import { hexDump } from "./hex.js";
import { InnerSummary } from "./inner-summary.js";
import { label, type NameChoice } from "./names.js";
import { remarks, traceWords, typeText } from "./port-words.js";
import type { PacketPrinter } from "./printer.js";
import type { Style } from "./table.js";
import { clockTime } from "./time.js";
import { LayerTree } from "./tree.js";

export interface TextOptions {
  utc: boolean;
  /** Layers below each line. */
  verbose: boolean;
  /** Bytes below each line. */
  hex: boolean;
  /** Which of its names a thing is shown by. */
  names: NameChoice;
  style: Style;
}

/** One line a packet (docs/cli.md), with the layers or bytes below it where asked for. */
export class TextPrinter implements PacketPrinter {
  readonly #namer: Namer | null;
  readonly #options: TextOptions;
  readonly #summary = new InnerSummary();
  readonly #tree: LayerTree | null;
  #interfaces: CaptureSource["interfaces"] = [];

  constructor(namer: Namer | null, decoder: FrameDecoder, options: TextOptions) {
    this.#namer = namer;
    this.#options = options;
    this.#tree = options.verbose ? new LayerTree(decoder) : null;
  }

  startFile(source: Pick<CaptureSource, "name" | "interfaces">): void {
    this.#interfaces = source.interfaces;
  }

  packet(packets: PacketBatch, frames: FrameBatch, i: number): string {
    const { style, utc } = this.#options;
    const hasOvn = (frames.flags[i] & FrameFlag.ovn) !== 0;
    const resolution = hasOvn && this.#namer !== null ? this.#namer.keys(packets, frames, i) : null;
    const parts = [style.dim(clockTime(packets.tsSec[i], packets.tsNsec[i], utc))];
    if (frames.outerIp[i] >= 0) parts.push(this.#hosts(packets, frames, i));
    if (resolution !== null) parts.push(this.#logical(packets, i, resolution));
    if (frames.vni[i] >= 0) parts.push(keys(frames, i));
    const inner = this.#summary.text(packets.view, frames, i);
    if (inner !== "") parts.push(inner);
    if (frames.status[i] !== FrameStatus.ok) parts.push(style.yellow(stop(frames, i)));
    let text = `${parts.join(" ")}\n`;
    if (this.#tree !== null) {
      const linkType = this.#interfaces[packets.interfaceIndex[i]]?.linkType ?? -1;
      text += this.#tree.text(packets, frames, i, linkType);
      if (resolution !== null)
        text += `    ${traceWords(resolution)}\n${this.#more(packets, i, resolution)}${this.#ends(packets, frames, i, resolution)}`;
    }
    if (this.#options.hex)
      text += hexDump(packets.bytes, packets.offset[i], packets.offset[i] + packets.capturedBytes[i]);
    return text;
  }

  /** `network2: net2-router1 -> vm2`, with `?` for what has no name. */
  #logical(packets: PacketBatch, i: number, { datapath, inport, outport }: Resolution): string {
    const { style, names } = this.#options;
    const asked = names === "logical" ? null : this.#namer;
    const friendly = datapath === null ? null : asked?.datapathName(packets, i, datapath);
    const network = label(datapath?.name, friendly, names, style.dim) ?? "?";
    const port = (at: Resolution["outport"]): string => {
      const known = at?.kind === "port" ? asked?.portNames(packets, i, at)?.friendly : null;
      return style.green(label(at?.name, known, names, style.dim) ?? "?");
    };
    return `${style.cyan(`${network}:`)} ${port(inport)} -> ${port(outport)}`;
  }

  /** Below the words of ovn-trace: what else is known of the ports, a line each. */
  #more(packets: PacketBatch, i: number, { inport, outport }: Resolution): string {
    let text = "";
    for (const [role, at] of [
      ["inport", inport],
      ["outport", outport],
    ] as const) {
      if (at?.kind !== "port") continue;
      const names = this.#namer?.portNames(packets, i, at) ?? null;
      const parts = [
        ...(at.type === "" ? [] : [typeText(at.type)]),
        ...remarks(at),
        ...(names === null ? [] : knownParts(names, at)),
      ];
      if (parts.length > 0) text += `    ${role}  ${parts.join(", ")}\n`;
    }
    return text;
  }

  /** Whose the ends of the inner packet are, where its keys are a router's. */
  #ends(packets: PacketBatch, frames: FrameBatch, i: number, { inport, outport }: Resolution): string {
    const namer = this.#namer;
    if (namer === null || this.#tree === null || (frames.flags[i] & FrameFlag.oam) !== 0) return "";
    const linkType = this.#interfaces[packets.interfaceIndex[i]]?.linkType ?? -1;
    const ends = innerEnds(this.#tree.layers(packets, i, linkType));
    let text = "";
    for (const [role, at, end] of [
      ["source", inport, ends.source],
      ["destination", outport, ends.destination],
    ] as const) {
      const found = namer.endpoint(packets, frames, i, at, end);
      if (found === null || found.by === "key") continue;
      const name = (port: Port): string =>
        label(port.name, namer.portNames(packets, i, port)?.friendly, this.#options.names) ?? "?";
      const who = found.port === null ? `one of ${found.candidates.map(name).join(", ")}` : name(found.port);
      text += `    ${role}  ${who} (${BY[found.by]} ${found.address})\n`;
    }
    return text;
  }

  /** Chassis by name where known, else by address. */
  #hosts(packets: PacketBatch, frames: FrameBatch, i: number): string {
    const namer = frames.status[i] === FrameStatus.notGeneve ? null : this.#namer;
    const host = (chassis: string | null | undefined, offset: number): string =>
      chassis == null ? outerAddress(packets.view, frames, i, offset) : printable(chassis);
    const source = host(namer?.sourceChassis(packets, frames, i), outerSourceAt(frames, i));
    return `${source} > ${host(namer?.destinationChassis(packets, frames, i), outerDestinationAt(frames, i))}`;
  }
}

/** Why an end is somebody's. */
const BY = { address: "has", nat: "is translated to", router: "a router's own," } as const;

/** `known as web-1, device vnet0 on worker1, instance 6f1c..., host name web`, as far as there is any of it. */
function knownParts({ friendly, device, instance, hostName }: PortNames, { chassis }: Port): string[] {
  const parts: string[] = [];
  if (friendly !== null) parts.push(`known as ${printable(friendly.name)}`);
  if (device !== null) parts.push(`device ${printable(device)} on ${printable(chassis?.name ?? "?")}`);
  if (instance !== null) parts.push(`instance ${printable(instance)}`);
  if (hostName !== null) parts.push(`host name ${printable(hostName)}`);
  return parts;
}

function keys(frames: FrameBatch, i: number): string {
  const flags = frames.flags[i];
  const oam = (flags & FrameFlag.oam) !== 0 ? " oam" : "";
  const kind = (flags & FrameFlag.bfd) !== 0 ? " bfd" : oam;
  if ((flags & FrameFlag.ovn) === 0) return `[vni ${frames.vni[i]}${kind}]`;
  const word = frames.ovnKeys[i];
  return `[vni ${frames.vni[i]} in ${ingressOf(word)} out ${egressOf(word)}${kind}]`;
}

function stop(frames: FrameBatch, i: number): string {
  const { status, stopLayer, stopReason, stopOffset } = frames;
  const why = stopText(status[i], stopLayer[i], stopReason[i]);
  return `[${statusName(status[i])}: ${layerName(stopLayer[i])} at byte ${stopOffset[i]}: ${why}]`;
}
