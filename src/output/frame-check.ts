import { isDeepStrictEqual } from "node:util";
import { type CaptureInterface, PacketBatch } from "../capture/batch.js";
import type { EncodedPacket } from "../encode/packet.js";
import { FrameBatch, TunnelKind } from "../frame/columns.js";
import { FrameDecoder } from "../frame/decode.js";
import { type TunnelPorts, USUAL_PORTS } from "../frame/other-tunnels.js";
import type { Fields } from "./fields.js";
import { JsonNames } from "./json-names.js";
import { PacketObjects } from "./packet-objects.js";

/** Parts of an object that say what its bytes are, and the fields of `ovn` that do. */
const PARTS = ["outer", "geneve", "vxlan", "stt", "inner"] as const;
const KEYS = ["datapathKey", "ingressKey", "egressKey", "reserved"] as const;
/** What an object with `frame` leaves out. */
const REST = ["payload", "trailers", "summary"] as const;
const NO_PORTS: TunnelPorts = { geneve: new Set(), vxlan: new Set(), stt: new Set() };

/** Holds objects that have their bytes in `frame` to what these bytes are. */
export class FrameCheck {
  readonly #packets = new PacketBatch(1);
  readonly #frames = new FrameBatch(1);
  /** What VXLAN is to the decoder: it knows of no end points but by what an object says. */
  #vxlan: TunnelKind = TunnelKind.vxlan;
  #decoder = this.#decoderFor(USUAL_PORTS);

  /** The path of the first field of `object` that decoding the packet's bytes does not give, or null. */
  difference(object: Fields, packet: EncodedPacket): string | null {
    const found = this.#decoded(object, packet);
    for (const part of PARTS) {
      if (!Object.hasOwn(object, part)) continue;
      const path = differing(object[part] ?? null, found[part] ?? null, part);
      if (path !== null) return path;
    }
    const ovn = object.ovn as Fields | null | undefined;
    // What told the keys of a bare frame is not in it.
    if (ovn == null || Object.hasOwn(ovn, "keysFrom")) return null;
    const keys = (found.ovn ?? {}) as Fields;
    const wrong = KEYS.find(
      (name) => Object.hasOwn(ovn, name) && (ovn[name] ?? null) !== (keys[name] ?? null),
    );
    return wrong === undefined ? null : `ovn.${wrong}`;
  }

  #decoded(object: Fields, packet: EncodedPacket): Fields {
    const packets = this.#packets;
    const { bytes, linkType } = packet;
    packets.bytes = bytes;
    packets.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    packets.count = 1;
    packets.capturedBytes[0] = bytes.length;
    packets.originalBytes[0] = packet.originalBytes;
    const interfaces: CaptureInterface[] = [{ linkType, name: packet.interface, snapLength: 0 }];
    const ports = portsOf(object);
    if (!isDeepStrictEqual(ports, this.#decoder.ports)) this.#decoder = this.#decoderFor(ports);
    this.#vxlan = vxlanKindOf(object.ovn as Fields | null | undefined);
    const isBare = object.outer === null && object.geneve === null && object.inner !== null;
    if (isBare) this.#decoder.decodeInner(packets, interfaces, this.#frames);
    else this.#decoder.decode(packets, interfaces, this.#frames);
    const objects = new PacketObjects(new JsonNames(null), this.#decoder);
    objects.startFile({ name: "", interfaces });
    return objects.object(packets, this.#frames, 0);
  }

  #decoderFor({ geneve, vxlan, stt }: TunnelPorts): FrameDecoder {
    return new FrameDecoder(geneve, { vxlan, stt, ends: { kindOf: () => this.#vxlan } });
  }
}

/** Ports by which the tunnel is told that an object shows: Geneve, unless it shows another or says that there is none. */
function portsOf(object: Fields): TunnelPorts {
  const outer = object.outer as { udp?: { dst?: unknown }; tcp?: { dst?: unknown } } | null | undefined;
  const type = object.vxlan != null ? "vxlan" : object.stt != null ? "stt" : "geneve";
  if (type === "geneve" && object.geneve === null && object.status === "not-geneve") return NO_PORTS;
  const port = (type === "stt" ? outer?.tcp : outer?.udp)?.dst;
  return { ...NO_PORTS, [type]: typeof port === "number" ? new Set([port]) : USUAL_PORTS[type] };
}

/** What VXLAN is between end points of which somebody said `ovn`. */
function vxlanKindOf(ovn: Fields | null | undefined): TunnelKind {
  if (ovn === null) return TunnelKind.vxlanOther;
  return ovn?.vtep === true ? TunnelKind.vxlanVtep : TunnelKind.vxlan;
}

/** The path of the first difference between what was given and what was found, or null. */
function differing(given: unknown, found: unknown, path: string): string | null {
  if (isDeepStrictEqual(given, found)) return null;
  if (!isFields(given) || !isFields(found)) return path;
  const names = new Set([...Object.keys(given), ...Object.keys(found)]);
  for (const name of names) {
    if (REST.some((each) => each === name) && (name === "summary" || !Object.hasOwn(given, name))) continue;
    const deeper = differing(given[name], found[name], `${path}.${name}`);
    if (deeper !== null) return deeper;
  }
  return null;
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
