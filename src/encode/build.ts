/**
 * Frames of tunnels from a description: what a sender puts around an inner frame, with lengths and checksums worked
 * out. On request deliberately wrong (corrupt.ts).
 */
import type { HeaderLayer, Layer } from "../frame/layers.js";
import { WireError } from "../wire/error.js";
import { EtherType, IpProtocol } from "../wire/ethertype.js";
import { GeneveOptionMask, type GeneveOptionRecord, type GeneveRecord } from "../wire/geneve.js";
import { OVN_MULTICAST_MIN, ovnOption } from "../wire/ovn-option.js";
import { OvnVniMask, ovnContextId, ovnVni, vniEgressOf } from "../wire/ovn-tunnel-id.js";
import { TcpFlag } from "../wire/tcp.js";
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
  tcpLayer,
  udpLayer,
} from "./headers.js";
import type { CorruptKind, EncapKind } from "./kinds.js";
import { layerBytes, writeLayers } from "./layers.js";

/** The flags of the header of STT that looks like TCP's, as of a connection that is up. */
const STT_TCP_FLAGS = TcpFlag.ack | TcpFlag.psh;

/** The headers around a tunnel's. */
export interface OuterHeaders extends LinkFields, IpFields {
  /** Null: the one that goes with the inner frame's flow, see {@link entropyPort}. */
  sourcePort: number | null;
  destinationPort: number;
  /** False leaves UDP's checksum out; STT has TCP's in any case. */
  checksum: boolean;
}

/** What the header of a tunnel of any kind says. */
export interface TunnelContents {
  /** OVN's datapath key: the VNI of Geneve, and of VXLAN where there are no other keys. */
  vni: number;
  /** OVN's keys of logical ports; null: there are none. VXLAN carries no ingress key. */
  keys: { ingress: number; egress: number } | null;
}

/** What a Geneve header says, the keys in OVN's option. C follows from the options. */
export interface GeneveContents extends TunnelContents {
  /** Options behind OVN's. */
  options: readonly GeneveOptionRecord[];
  /** The O bit. */
  oam: boolean;
}

/** Makes the frame that carries `inner`, an Ethernet frame, in new bytes. Throws as buildFrame does. */
export type FrameBuilder = (outer: OuterHeaders, inner: Uint8Array) => Uint8Array;

/** What makes the frames of a tunnel without options. Throws a WireError where keys do not fit into its header. */
export function frameBuilder(kind: EncapKind, contents: TunnelContents): FrameBuilder {
  if (kind === "stt") return sttBuilder(contents);
  if (kind === "geneve") {
    const geneve = { ...contents, options: [], oam: false };
    return (outer, inner) => buildFrame(outer, geneve, inner);
  }
  const record = { flags: VXLAN_VNI_FLAG, reserved: 0, vni: vxlanVni(contents), reserved2: 0 };
  return (outer, inner) =>
    written(around(outer, udpOf(outer, inner)), { layer: "vxlan", depth: 0, offset: 0, ...record }, inner);
}

/**
 * The Geneve frame that carries `inner`, an Ethernet frame, in new bytes; with `corrupt` wrong in that way, and right in
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
  const outside = around(outer, udpOf(outer, inner));
  const [ethernet, ip] = outside;
  const header: Layer = { layer: "geneve", depth: 0, offset: 0, ...carried.geneve };
  const bytes = written(outside, header, carried.inner);
  if (corruption?.bytes !== undefined) {
    const start = layerBytes(ethernet);
    corruption.bytes(new DataView(bytes.buffer), start, start + layerBytes(ip));
  }
  return bytes;
}

/**
 * The VNI of VXLAN: datapath's and egress key, or without keys all of it the datapath's, as to a VTEP gateway. Throws a
 * WireError where a key does not fit.
 */
function vxlanVni({ vni, keys }: TunnelContents): number {
  if (keys === null) return vni;
  const { egress } = keys;
  const both = ovnVni(vni, egress);
  if (vniEgressOf(both) === egress) return both;
  const last = OVN_MULTICAST_MIN | OvnVniMask.group;
  throw new WireError(
    "ERR_WIRE_RANGE",
    "vxlan",
    "egress key",
    `${egress} does not fit into a VNI, which has those of multicast groups up to ${last}`,
    last,
  );
}

/**
 * Frames of STT, each with the next identifier from 1, by which a receiver tells the segments of frames apart: there is
 * one segment of each. Keys that are not given are 0.
 */
function sttBuilder({ vni, keys }: TunnelContents): FrameBuilder {
  const contextId = ovnContextId(vni, keys?.ingress ?? 0, keys?.egress ?? 0);
  const record = { version: 0, flags: 0, l4Offset: 0, reserved: 0, mss: 0, vlan: 0, contextId, padding: 0 };
  let frames = 0;
  return (outer, inner) => {
    frames++;
    const tcp = tcpLayer(0, sourcePort(outer, inner), outer.destinationPort, STT_TCP_FLAGS, frames >>> 0);
    return written(around(outer, tcp), { layer: "stt", depth: 0, offset: 0, ...record }, inner);
  };
}

/** The headers around that of a tunnel. */
function around(outer: OuterHeaders, upper: HeaderLayer<"udp" | "tcp">): [ethernet: Layer, ip: Layer, Layer] {
  const type = etherTypeOf(commonVersion("outer", outer.source, outer.destination));
  return [ethernetLayer(0, outer, type), ipLayer(0, outer, IpProtocol[upper.layer]), upper];
}

/** The UDP header around that of a tunnel that carries `inner`. */
function udpOf(outer: OuterHeaders, inner: Uint8Array): HeaderLayer<"udp"> {
  return udpLayer(0, sourcePort(outer, inner), outer.destinationPort, outer.checksum);
}

function sourcePort(outer: OuterHeaders, inner: Uint8Array): number {
  return outer.sourcePort ?? entropyPort(inner);
}

function written(outside: readonly Layer[], header: Layer, inner: Uint8Array): Uint8Array {
  return writeLayers([...outside, header, { layer: "payload", depth: 1, offset: 0, bytes: inner }], {
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
