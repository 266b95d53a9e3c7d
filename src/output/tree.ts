import type { PacketBatch } from "../capture/batch.js";
import { type FrameBatch, FrameFlag } from "../frame/columns.js";
import type { FrameDecoder } from "../frame/decode.js";
import type { HeaderLayer, Layer } from "../frame/layers.js";
import { ChecksumVerifier, type Verdict } from "../frame/verify.js";
import { egressOf, ingressOf, OVN_OPTION_CLASS, OVN_OPTION_TYPE } from "../wire/ovn-option.js";
import { fieldsOf } from "./fields.js";
import { hexOf } from "./hex.js";
import { packetLayers } from "./packet-layers.js";
import { otherKeysLine } from "./tunnel-words.js";

const titles: Record<HeaderLayer["layer"], string> = {
  ethernet: "Ethernet",
  sll: "Linux cooked v1",
  sll2: "Linux cooked v2",
  null: "BSD loopback",
  arp: "ARP",
  ipv4: "IPv4",
  ipv6: "IPv6",
  udp: "UDP",
  tcp: "TCP",
  icmp: "ICMP",
  icmpv6: "ICMPv6",
  sctp: "SCTP",
  bfd: "BFD",
  geneve: "Geneve",
  vxlan: "VXLAN",
  stt: "STT",
};

/** The layers of a packet, one a line below its own line, with the verdict on each checksum. */
export class LayerTree {
  readonly #decoder: FrameDecoder;
  readonly #verifier = new ChecksumVerifier();

  constructor(decoder: FrameDecoder) {
    this.#decoder = decoder;
  }

  layers(packets: PacketBatch, frames: FrameBatch, i: number, linkType: number): readonly Layer[] {
    return packetLayers(packets, frames, i, linkType, this.#decoder);
  }

  /** The lines for packet `i`, each with its line end. */
  text(packets: PacketBatch, frames: FrameBatch, i: number, linkType: number): string {
    const start = packets.offset[i];
    const end = start + packets.capturedBytes[i];
    const layers = this.layers(packets, frames, i, linkType);
    const oam = (frames.flags[i] & FrameFlag.oam) !== 0;
    const verdicts = this.#verifier.layers(packets.view, start, layers, end, frames.innerEnd[i]);
    let text = "";
    for (const [place, layer] of layers.entries()) {
      if (oam && layer.depth === 1) break;
      text += `    ${layer.depth === 1 ? "  " : ""}${line(layer, verdicts[place])}\n`;
      if (layer.layer === "geneve") text += options(layer);
      else if (layer.layer === "vxlan" || layer.layer === "stt") text += otherKeysLine(frames, i);
    }
    return text;
  }
}

function line(layer: Layer, verdict: Verdict | null): string {
  if (layer.layer === "payload") return `payload, ${layer.bytes.length} bytes`;
  if (layer.layer === "trailer") return `${layer.bytes.length} bytes behind the ${titles[layer.of]} packet`;
  const { vlans, options: _, src, dst, ...fields } = fieldsOf(layer, true)[1];
  const parts: string[] = [];
  if (src !== undefined) parts.push(`${src} > ${dst}`);
  for (const tag of (vlans as { vlan: number; tpid: number }[] | undefined)?.slice(0, 8) ?? [])
    parts.push(`vlan ${tag.vlan} (0x${tag.tpid.toString(16)})`);
  for (const [name, value] of Object.entries(fields)) {
    if (name === "type" && layer.layer === "ethernet") parts.push(`type 0x${hex4(value as number)}`);
    else if (name === "protocolType") parts.push(`protocol 0x${hex4(value as number)}`);
    else if (name === "version" && layer.layer !== "geneve") continue;
    else if (value === true) parts.push(words(name));
    else if (value === false) continue;
    else if (Array.isArray(value)) parts.push(`${words(name)} ${value.join("+") || "none"}`);
    else if (typeof value === "object" && value !== null)
      parts.push(
        `${words(name)} ${Object.entries(value)
          .map(([key, v]) => `${key} ${v}`)
          .join(" ")}`,
      );
    else parts.push(`${words(name)} ${value}`);
  }
  if (verdict !== null)
    parts.push(`checksum ${verdict === "unfilled" ? "bad (left to the network card)" : verdict}`);
  return `${titles[layer.layer]}  ${parts.join(", ")}`;
}

function options({ options, optionsRest }: HeaderLayer<"geneve">): string {
  let text = "";
  for (const option of options) {
    const ovn =
      option.optionClass === OVN_OPTION_CLASS && option.type === OVN_OPTION_TYPE && option.data.length === 4;
    const hex = hexOf(option.data);
    text += `      option class 0x${hex4(option.optionClass)} type 0x${option.type.toString(16).padStart(2, "0")}${(option.type & 0x80) !== 0 ? " (critical)" : ""}, ${option.data.length} bytes${hex === "" ? "" : ` ${hex}`}`;
    if (ovn) {
      const word = new DataView(option.data.buffer, option.data.byteOffset).getInt32(0);
      text += `: OVN ingress ${ingressOf(word)}, egress ${egressOf(word)}${word < 0 ? ", reserved bit set" : ""}`;
    }
    text += "\n";
  }
  if (optionsRest.length > 0) text += `      ${optionsRest.length} option bytes that are no whole option\n`;
  return text;
}

function hex4(value: number): string {
  return value.toString(16).padStart(4, "0");
}

/** `dontFragment` as `dont fragment`. */
function words(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
