/**
 * Geneve and VXLAN frames from a description: what a sender puts around an inner frame, with lengths and checksums worked
 * out. On request deliberately wrong (corrupt.ts).
 */
import type { Layer } from "../frame/layers.js";
import { EtherType, IpProtocol } from "../wire/ethertype.js";
import { GeneveOptionMask, type GeneveOptionRecord, type GeneveRecord } from "../wire/geneve.js";
import { ovnOption } from "../wire/ovn-option.js";
import { VXLAN_VNI_FLAG } from "../wire/vxlan.js";
import { corruptions } from "./corrupt.js";
import { entropyPort } from "./entropy.js";
import {
  commonVersion,
  ethernetLayer,
  etherTypeOf,
  type IpFields,
  ipLayer,
  type LinkFields,
  udpLayer,
} from "./headers.js";
import type { CorruptKind } from "./kinds.js";
import { layerBytes, writeLayers } from "./layers.js";

/** The headers around a tunnel's. */
export interface OuterHeaders extends LinkFields, IpFields {
  /** Null: the one that goes with the inner frame's flow, see {@link entropyPort}. */
  sourcePort: number | null;
  destinationPort: number;
  /** False leaves UDP's checksum out. */
  checksum: boolean;
}

/** What a Geneve header says. C follows from the options. */
export interface GeneveContents {
  vni: number;
  /** The keys in OVN's option; null: there is none. */
  keys: { ingress: number; egress: number } | null;
  /** Options behind OVN's. */
  options: readonly GeneveOptionRecord[];
  /** The O bit. */
  oam: boolean;
}

/**
 * The frame that carries `inner`, an Ethernet frame, in new bytes; with `corrupt` wrong in that way, and right in
 * every other. Throws a WireError that names the field and its limit where something does not fit.
 */
export function buildFrame(
  outer: OuterHeaders,
  contents: GeneveContents,
  inner: Uint8Array,
  corrupt: CorruptKind | null = null,
): Uint8Array {
  const corruption = corrupt === null ? null : corruptions[corrupt];
  const right = { geneve: geneveOf(contents), inner };
  const carried = corruption?.header?.(right) ?? right;
  const around = outerLayers(outer, inner);
  const [ethernet, ip] = around;
  const header: Layer = { layer: "geneve", depth: 0, offset: 0, ...carried.geneve };
  const bytes = written(around, header, carried.inner);
  if (corruption?.bytes !== undefined) {
    const start = layerBytes(ethernet);
    corruption.bytes(new DataView(bytes.buffer), start, start + layerBytes(ip));
  }
  return bytes;
}

/** The frame that carries `inner` in VXLAN. Throws as buildFrame does. */
export function buildVxlanFrame(outer: OuterHeaders, vni: number, inner: Uint8Array): Uint8Array {
  const record = { flags: VXLAN_VNI_FLAG, reserved: 0, vni, reserved2: 0 };
  return written(outerLayers(outer, inner), { layer: "vxlan", depth: 0, offset: 0, ...record }, inner);
}

/** The headers around that of a tunnel that carries `inner`. */
function outerLayers(outer: OuterHeaders, inner: Uint8Array): [ethernet: Layer, ip: Layer, udp: Layer] {
  const type = etherTypeOf(commonVersion("outer", outer.source, outer.destination));
  const port = outer.sourcePort ?? entropyPort(inner);
  return [
    ethernetLayer(0, outer, type),
    ipLayer(0, outer, IpProtocol.udp),
    udpLayer(0, port, outer.destinationPort, outer.checksum),
  ];
}

function written(around: readonly Layer[], header: Layer, inner: Uint8Array): Uint8Array {
  return writeLayers([...around, header, { layer: "payload", depth: 1, offset: 0, bytes: inner }], {
    fixLengths: true,
    fixChecksums: true,
    keepAbsentUdp: true,
  });
}

function geneveOf({ vni, keys, options, oam }: GeneveContents): GeneveRecord {
  const all = keys === null ? [...options] : [ovnOption({ reserved: 0, ...keys }), ...options];
  return {
    version: 0,
    oam,
    critical: all.some(({ type }) => (type & GeneveOptionMask.critical) !== 0),
    reservedBits: 0,
    protocolType: EtherType.bridged,
    vni,
    reserved: 0,
    options: all,
    optionsRest: new Uint8Array(0),
  };
}
