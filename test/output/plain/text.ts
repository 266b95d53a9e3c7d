import type { Namer } from "../../../src/analysis/namer.js";
import type { PacketBatch } from "../../../src/capture/batch.js";
import { type FrameBatch, FrameFlag, TunnelKind } from "../../../src/frame/columns.js";
import { outerAddress, outerDestinationAt, outerSourceAt } from "../../../src/frame/outer.js";
import { FrameStatus, layerName, statusName, stopText } from "../../../src/frame/status.js";
import type { TextOptions } from "../../../src/output/decode-text.js";
import { label } from "../../../src/output/names.js";
import { clockTime } from "../../../src/output/time.js";
import type { Resolution } from "../../../src/southbound/index.js";
import { printable } from "../../../src/text.js";
import { egressOf, ingressOf } from "../../../src/wire/ovn-option.js";
import { PlainSummary } from "./summary.js";

/** The line of a packet, put together as a string, every name looked up: what TextPrinter's bytes are held to. */
export class PlainText {
  readonly #namer: Namer | null;
  readonly #options: TextOptions;
  readonly #summary = new PlainSummary();

  constructor(namer: Namer | null, options: TextOptions) {
    this.#namer = namer;
    this.#options = options;
  }

  /** The line of packet `i`, with its line end. */
  line(packets: PacketBatch, frames: FrameBatch, i: number): string {
    const { style, utc } = this.#options;
    const hasOvn = (frames.flags[i] & FrameFlag.ovn) !== 0;
    const resolution = hasOvn && this.#namer !== null ? this.#namer.keys(packets, frames, i) : null;
    const parts = [style.dim(clockTime(packets.tsSec[i], packets.tsNsec[i], utc))];
    if (frames.outerIp[i] >= 0) parts.push(this.#hosts(packets, frames, i));
    if (resolution !== null) parts.push(this.#logical(packets, i, resolution));
    if ((frames.flags[i] & FrameFlag.otherTunnel) !== 0) parts.push(otherKeys(packets.view, frames, i));
    else if (frames.vni[i] >= 0) parts.push(keys(frames, i));
    const inner = this.#summary.text(packets.view, frames, i);
    if (inner !== "") parts.push(inner);
    if (frames.status[i] !== FrameStatus.ok) parts.push(style.yellow(stop(frames, i)));
    return `${parts.join(" ")}\n`;
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

  /** Chassis by name where known, else by address. */
  #hosts(packets: PacketBatch, frames: FrameBatch, i: number): string {
    const namer = frames.status[i] === FrameStatus.notGeneve ? null : this.#namer;
    const host = (chassis: string | null | undefined, offset: number): string =>
      chassis == null ? outerAddress(packets.view, frames, i, offset) : printable(chassis);
    const source = host(namer?.sourceChassis(packets, frames, i), outerSourceAt(frames, i));
    return `${source} > ${host(namer?.destinationChassis(packets, frames, i), outerDestinationAt(frames, i))}`;
  }
}

function keys(frames: FrameBatch, i: number): string {
  const flags = frames.flags[i];
  const oam = (flags & FrameFlag.oam) !== 0 ? " oam" : "";
  const kind = (flags & FrameFlag.bfd) !== 0 ? " bfd" : oam;
  if ((flags & FrameFlag.ovn) === 0) return `[vni ${frames.vni[i]}${kind}]`;
  const word = frames.ovnKeys[i];
  return `[vni ${frames.vni[i]} in ${ingressOf(word)} out ${egressOf(word)}${kind}]`;
}

/** Of a tunnel that is none of Geneve. */
function otherKeys(view: DataView, frames: FrameBatch, i: number): string {
  const word = frames.ovnKeys[i];
  const hasKeys = (frames.flags[i] & FrameFlag.ovn) !== 0;
  const bfd = (frames.flags[i] & FrameFlag.bfd) !== 0 ? " bfd" : "";
  const out = egressOf(word) === 0 ? "" : ` out ${egressOf(word)}`;
  switch (frames.tunnel[i]) {
    case TunnelKind.stt:
      if (frames.vni[i] === 0) return `[vni 0 stt${bfd}]`;
      return hasKeys ? `[vni ${frames.vni[i]} in ${ingressOf(word)} out ${egressOf(word)} stt]` : "[stt]";
    case TunnelKind.vxlan:
      return `[vni ${frames.vni[i]}${out} vxlan]`;
    case TunnelKind.vxlanAssumed:
      return `[vni ${frames.vni[i]}${out} vxlan?]`;
    case TunnelKind.vxlanVtep:
      return `[vni ${frames.vni[i]} vxlan vtep]`;
    default:
      if (frames.vni[i] === 0) return `[vni 0 vxlan${bfd}]`;
      return `[vni ${view.getUint32(frames.inner[i] - 4) >>> 8} vxlan, not OVN's]`;
  }
}

function stop(frames: FrameBatch, i: number): string {
  const { status, stopLayer, stopReason, stopOffset } = frames;
  const why = stopText(status[i], stopLayer[i], stopReason[i]);
  return `[${statusName(status[i])}: ${layerName(stopLayer[i])} at byte ${stopOffset[i]}: ${why}]`;
}
