import { innerEnds } from "../analysis/ends.js";
import type { Namer } from "../analysis/namer.js";
import type { CaptureSource, PacketBatch } from "../capture/batch.js";
import { type FrameBatch, FrameFlag } from "../frame/columns.js";
import type { FrameDecoder } from "../frame/decode.js";
import type { Port, PortNames, Resolution } from "../southbound/index.js";
import { printable } from "../text.js";
import type { BareWords } from "./bare-words.js";
import { hexDump } from "./hex.js";
import { label, type NameChoice } from "./names.js";
import { remarks, traceWords, typeText } from "./port-words.js";
import { LayerTree } from "./tree.js";

/** What stands below the line of a packet: its layers and what is known of its ports, its bytes. */
export class BelowLine {
  readonly #namer: Namer | null;
  readonly #names: NameChoice;
  readonly #tree: LayerTree | null;
  readonly #bare: BareWords | null;
  readonly #hex: boolean;
  #interfaces: CaptureSource["interfaces"] = [];

  constructor(
    namer: Namer | null,
    decoder: FrameDecoder,
    bare: BareWords | null,
    { names, verbose, hex }: { names: NameChoice; verbose: boolean; hex: boolean },
  ) {
    this.#namer = namer;
    this.#bare = bare;
    this.#names = names;
    this.#tree = verbose ? new LayerTree(decoder) : null;
    this.#hex = hex;
  }

  /** The packets to come are of this capture. */
  startFile(source: Pick<CaptureSource, "interfaces">): void {
    this.#interfaces = source.interfaces;
  }

  /** The lines for packet `i`, each with its line end. */
  text(packets: PacketBatch, frames: FrameBatch, i: number): string {
    let text = "";
    if (this.#tree !== null) {
      const linkType = this.#interfaces[packets.interfaceIndex[i]]?.linkType ?? -1;
      text += this.#tree.text(packets, frames, i, linkType);
      text += this.#bare?.below(packets, frames, i) ?? "";
      if ((frames.flags[i] & FrameFlag.ovn) !== 0 && this.#namer !== null) {
        const resolution = this.#namer.keys(packets, frames, i);
        text += `    ${traceWords(resolution)}\n`;
        text += this.#more(packets, i, resolution) + this.#ends(packets, frames, i, resolution);
      }
    }
    if (this.#hex)
      text += hexDump(packets.bytes, packets.offset[i], packets.offset[i] + packets.capturedBytes[i]);
    return text;
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
    const ends = innerEnds(this.#tree.layers(packets, frames, i, linkType));
    let text = "";
    for (const [role, at, end] of [
      ["source", inport, ends.source],
      ["destination", outport, ends.destination],
    ] as const) {
      const found = namer.endpoint(packets, frames, i, at, end);
      if (found === null || found.by === "key") continue;
      const name = (port: Port): string =>
        label(port.name, namer.portNames(packets, i, port)?.friendly, this.#names) ?? "?";
      const who = found.port === null ? `one of ${found.candidates.map(name).join(", ")}` : name(found.port);
      text += `    ${role}  ${who} (${BY[found.by]} ${found.address})\n`;
    }
    return text;
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
