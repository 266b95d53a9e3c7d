/**
 * The way back from `frame/layers.ts`: layers to bytes. As given, so that what was read comes out byte for
 * byte, faults included; or with lengths and checksums made right, from the inside out.
 */
import type { HeaderLayer, Layer, TrailerLayer } from "../frame/layers.js";
import {
  arpBytes,
  bfdBytes,
  computeChecksum,
  computeIpv4Checksum,
  computeSctpChecksum,
  computeUdpChecksum,
  ETHER_TYPE_MIN,
  ethernetBytes,
  foldSum,
  geneveBytes,
  ICMP_HEADER_BYTES,
  IcmpOffset,
  Icmpv6Offset,
  IPV6_HEADER_BYTES,
  IpProtocol,
  Ipv4Offset,
  Ipv6View,
  icmpv6Bytes,
  ipv4HeaderBytes,
  ipv6HeaderBytes,
  NULL_HEADER_BYTES,
  pseudoSumIpv4,
  pseudoSumIpv6,
  putBytes,
  SCTP_HEADER_BYTES,
  SctpOffset,
  STT_HEADER_BYTES,
  SttSequence,
  sll2Bytes,
  sllBytes,
  TcpOffset,
  tcpBytes,
  UDP_HEADER_BYTES,
  UdpOffset,
  VXLAN_HEADER_BYTES,
  WireError,
  writeArp,
  writeBfd,
  writeEthernet,
  writeGeneve,
  writeIcmp,
  writeIcmpv6,
  writeIpv4Header,
  writeIpv6Header,
  writeNull,
  writeSctp,
  writeSll,
  writeSll2,
  writeStt,
  writeTcp,
  writeUdp,
  writeVxlan,
} from "../wire/index.js";

/** What a checksum is set to: the right one, or what a sender leaves for its network card to complete. */
export type ChecksumFix = "right" | "unfilled";

/** How to write. Both flags are off by default: every field goes out as its record says. */
export interface WriteLayersOptions {
  /**
   * Sets the IPv4 total length, IPv6 payload length, UDP length and 802.3 length to what the layers hold, and the
   * length of an STT frame in the sequence number before it. A
   * 0 in an IP or UDP length stays where the size exceeds the field (GSO); otherwise that is refused.
   * Lengths above a fragmented IP packet are left: they count bytes of other packets. Lengths inside
   * headers (IHL, Opt Len, ...) always follow from the record.
   */
  fixLengths?: boolean;
  /**
   * Sets the checksums of IPv4, UDP, TCP, ICMP, ICMPv6 and SCTP over what is written: of all layers, or of
   * those that are named. Those above a fragmented IP packet are left too, but for the IPv4 header's.
   */
  fixChecksums?: boolean | ReadonlyMap<Layer, ChecksumFix>;
  /** With `fixChecksums`, leaves a UDP checksum of 0 (absent) as it is. Off by default. */
  keepAbsentUdp?: boolean;
}

/** A layer's place in the bytes written; `end` is where its length field should end it. */
interface Placed {
  layer: Layer;
  start: number;
  end: number;
}

/**
 * Writes the layers in their order and returns the bytes, in a buffer of their own. A frame read with
 * `readLayers` comes out unchanged without flags. Throws a WireError where a field does not fit, or where a
 * flag asks for what the layers do not tell (a trailer of no layer, UDP without IP).
 */
export function writeLayers(layers: readonly Layer[], options: WriteLayersOptions = {}): Uint8Array {
  const { fixLengths = false, fixChecksums = false, keepAbsentUdp = false } = options;
  const { placed, size } = place(layers);
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  const isFixed = fixLengths || fixChecksums !== false;
  if (isFixed) setEnds(placed, size);
  const fragment = isFixed ? fragmentIndex(layers) : 0;
  placed.forEach((each, index) => {
    writeLayer(
      view,
      each.start,
      fixLengths && index <= fragment ? withLength(each, placed[index + 1]) : each.layer,
    );
  });
  if (fixChecksums === false) return bytes;
  for (let index = placed.length - 1; index >= 0; index--) {
    const { layer } = placed[index] as Placed;
    if (index > fragment && layer.layer !== "ipv4") continue;
    const fix = fixChecksums === true ? "right" : fixChecksums.get(layer);
    const isKept = keepAbsentUdp && layer.layer === "udp" && layer.checksum === 0;
    if (fix !== undefined && !isKept) fixChecksum(view, placed, index, fix);
  }
  return bytes;
}

/**
 * The layers with their lengths as `fixLengths` sets them, each a copy where it has one. `missing`: bytes behind
 * the last layer that are not there, but counted by the lengths of all layers that no trailer ends.
 */
export function withRightLengths(layers: readonly Layer[], missing = 0): Layer[] {
  const { placed, size } = place(layers);
  setEnds(placed, size + missing);
  const fragment = fragmentIndex(layers);
  return placed.map((each, index) => (index <= fragment ? withLength(each, placed[index + 1]) : each.layer));
}

/** Where each layer starts, and how many bytes they take. */
function place(layers: readonly Layer[]): { placed: Placed[]; size: number } {
  let size = 0;
  const placed = layers.map((layer) => {
    const start = size;
    size += layerBytes(layer);
    return { layer, start, end: 0 };
  });
  return { placed, size };
}

/** Bytes a layer takes. */
export function layerBytes(layer: Layer): number {
  switch (layer.layer) {
    case "ethernet":
      return ethernetBytes(layer);
    case "sll":
      return sllBytes(layer);
    case "sll2":
      return sll2Bytes(layer);
    case "null":
      return NULL_HEADER_BYTES;
    case "arp":
      return arpBytes(layer);
    case "ipv4":
      return ipv4HeaderBytes(layer);
    case "ipv6":
      return ipv6HeaderBytes(layer);
    case "udp":
      return UDP_HEADER_BYTES;
    case "tcp":
      return tcpBytes(layer);
    case "icmp":
      return ICMP_HEADER_BYTES;
    case "icmpv6":
      return icmpv6Bytes(layer);
    case "sctp":
      return SCTP_HEADER_BYTES;
    case "bfd":
      return bfdBytes(layer);
    case "geneve":
      return geneveBytes(layer);
    case "vxlan":
      return VXLAN_HEADER_BYTES;
    case "stt":
      return STT_HEADER_BYTES;
    case "payload":
    case "trailer":
      return layer.bytes.length;
  }
}

function writeLayer(view: DataView, offset: number, layer: Layer): number {
  switch (layer.layer) {
    case "ethernet":
      return writeEthernet(view, offset, layer);
    case "sll":
      return writeSll(view, offset, layer);
    case "sll2":
      return writeSll2(view, offset, layer);
    case "null":
      return writeNull(view, offset, layer);
    case "arp":
      return writeArp(view, offset, layer);
    case "ipv4":
      return writeIpv4Header(view, offset, layer);
    case "ipv6":
      return writeIpv6Header(view, offset, layer);
    case "udp":
      return writeUdp(view, offset, layer);
    case "tcp":
      return writeTcp(view, offset, layer);
    case "icmp":
      return writeIcmp(view, offset, layer);
    case "icmpv6":
      return writeIcmpv6(view, offset, layer);
    case "sctp":
      return writeSctp(view, offset, layer);
    case "bfd":
      return writeBfd(view, offset, layer);
    case "geneve":
      return writeGeneve(view, offset, layer);
    case "vxlan":
      return writeVxlan(view, offset, layer);
    case "stt":
      return writeStt(view, offset, layer);
    case "payload":
    case "trailer":
      return putBytes(layer.layer, view, offset, layer.bytes);
  }
}

/** A layer ends at the first trailer behind it that belongs to it or to a layer around it. */
function setEnds(placed: readonly Placed[], size: number): void {
  const ends = placed.map(() => size);
  for (let index = placed.length - 1; index >= 0; index--) {
    const { layer, start } = placed[index] as Placed;
    if (layer.layer !== "trailer") continue;
    for (let inside = ownerOf(placed, layer, index); inside < index; inside++) ends[inside] = start;
  }
  placed.forEach((place, index) => {
    place.end = ends[index] as number;
  });
}

function ownerOf(placed: readonly Placed[], trailer: TrailerLayer, index: number): number {
  const owner = nearest(
    placed,
    index,
    (layer) => layer.layer === trailer.of && layer.depth === trailer.depth,
  );
  if (owner < 0)
    throw new WireError(
      "ERR_WIRE_RANGE",
      "trailer",
      "of",
      `no ${trailer.of} before it at depth ${trailer.depth}`,
    );
  return owner;
}

/** Index of the nearest layer before `index` that `test` accepts, or -1. */
function nearest(placed: readonly Placed[], index: number, test: (layer: Layer) => boolean): number {
  let at = index - 1;
  while (at >= 0 && !test((placed[at] as Placed).layer)) at--;
  return at;
}

/** The layer with its length field set, or itself if it has none. `next`: the layer behind it. */
function withLength({ layer, start, end }: Placed, next: Placed | undefined): Layer {
  switch (layer.layer) {
    case "ethernet":
      if (layer.etherType >= ETHER_TYPE_MIN) return layer;
      return { ...layer, etherType: fitting("ethernet", "length", end - start - ethernetBytes(layer), 1500) };
    case "ipv4":
      return { ...layer, totalLength: length("ipv4", "total length", layer.totalLength, end - start) };
    case "ipv6": {
      const bytes = end - start - IPV6_HEADER_BYTES;
      return { ...layer, payloadLength: length("ipv6", "payload length", layer.payloadLength, bytes) };
    }
    case "udp":
      return { ...layer, length: length("udp", "length", layer.length, end - start) };
    case "tcp":
      if (next?.layer.layer !== "stt") return layer;
      return { ...layer, sequence: sttSequence(layer, end - start) };
    default:
      return layer;
  }
}

function length(layer: string, field: string, stored: number, bytes: number): number {
  return stored === 0 && bytes > 0xffff ? 0 : fitting(layer, field, bytes, 0xffff);
}

/** The sequence number before an STT frame; `bytes`: of TCP's header and the frame. */
function sttSequence(tcp: HeaderLayer<"tcp">, bytes: number): number {
  const frameBytes = fitting("stt", "frame length", bytes - tcpBytes(tcp), 0xffff);
  return ((frameBytes << SttSequence.frameShift) | (tcp.sequence & SttSequence.offset)) >>> 0;
}

function fitting(layer: string, field: string, bytes: number, limit: number): number {
  if (bytes <= limit) return bytes;
  throw new WireError("ERR_WIRE_RANGE", layer, field, `${bytes} bytes, ${limit} at most`, limit);
}

/** Sets the checksum of one layer in the bytes written; what it covers is there already. */
function fixChecksum(view: DataView, placed: readonly Placed[], index: number, fix: ChecksumFix): void {
  const { layer, start, end } = placed[index] as Placed;
  if (layer.layer === "ipv4") {
    const checksum = computeIpv4Checksum(view, start, start + ipv4HeaderBytes(layer));
    view.setUint16(start + Ipv4Offset.checksum, checksum);
    return;
  }
  switch (layer.layer) {
    case "udp": {
      const sum = pseudoSum(placed, index, IpProtocol.udp);
      const right = fix === "right" ? computeUdpChecksum(view, start, end, sum) : foldSum(sum);
      view.setUint16(start + UdpOffset.checksum, right);
      return;
    }
    case "tcp":
    case "icmpv6": {
      const isTcp = layer.layer === "tcp";
      const field = start + (isTcp ? TcpOffset.checksum : Icmpv6Offset.checksum);
      const sum = pseudoSum(placed, index, isTcp ? IpProtocol.tcp : IpProtocol.icmpv6);
      const right = fix === "right" ? computeChecksum(view, start, end, field, sum) : foldSum(sum);
      view.setUint16(field, right);
      return;
    }
    case "icmp": {
      const field = start + IcmpOffset.checksum;
      view.setUint16(field, computeChecksum(view, start, end, field));
      return;
    }
    case "sctp":
      view.setUint32(start + SctpOffset.checksum, computeSctpChecksum(view, start, end));
      return;
    default:
  }
}

type IpLayer = HeaderLayer<"ipv4" | "ipv6">;

/** The IP layer that carries the layer at `index`, if there is one at its depth. */
function ipBelow(placed: readonly Placed[], index: number): IpLayer | undefined {
  const { depth } = (placed[index] as Placed).layer;
  const at = nearest(
    placed,
    index,
    (layer) => (layer.layer === "ipv4" || layer.layer === "ipv6") && layer.depth === depth,
  );
  return at < 0 ? undefined : ((placed[at] as Placed).layer as IpLayer);
}

/**
 * Index of the outermost IP layer that is a fragment, or the number of layers: lengths and checksums behind it, at
 * either depth, cover bytes of other packets.
 */
export function fragmentIndex(layers: readonly Layer[]): number {
  const index = layers.findIndex((layer) => {
    if (layer.layer !== "ipv4" && layer.layer !== "ipv6") return false;
    const header = layer.layer === "ipv4" ? layer : boundIpv6(layer).ipv6;
    return header.moreFragments || header.fragmentOffset !== 0;
  });
  return index < 0 ? layers.length : index;
}

function pseudoSum(placed: readonly Placed[], index: number, protocol: number): number {
  const { layer, start, end } = placed[index] as Placed;
  const ip = ipBelow(placed, index);
  if (ip === undefined)
    throw new WireError("ERR_WIRE_RANGE", layer.layer, "checksum", "no IP layer to take the addresses from");
  if (ip.layer === "ipv4") {
    const view = new DataView(new ArrayBuffer(ipv4HeaderBytes(ip)));
    writeIpv4Header(view, 0, ip);
    return pseudoSumIpv4(view, 0, protocol, end - start);
  }
  const { view, ipv6 } = boundIpv6(ip);
  return pseudoSumIpv6(view, ipv6.sourceOffset, ipv6.finalDestinationOffset, protocol, end - start);
}

/** The header alone, with its extension headers walked. */
function boundIpv6(layer: HeaderLayer<"ipv6">): { view: DataView; ipv6: Ipv6View } {
  const view = new DataView(new ArrayBuffer(ipv6HeaderBytes(layer)));
  writeIpv6Header(view, 0, { ...layer, payloadLength: 0 });
  const ipv6 = new Ipv6View();
  ipv6.bind(view, 0, view.byteLength);
  return { view, ipv6 };
}
