/**
 * A frame as a list of plain records, outermost header first: for showing one packet in full and for
 * rewriting it (`encode/layers.ts` writes the list back). Not for hot loops: those use the columns.
 *
 * The list loses nothing. Each header record stands for exactly its bytes, a `payload` for what no header
 * claims, and each `trailer` for bytes behind the end that a length field sets, such as Ethernet padding
 * after an IP packet. The bytes of all layers, in order, are the bytes of the frame.
 */
import {
  type ArpRecord,
  ArpView,
  BFD_MULTIHOP_PORT,
  BFD_PORT,
  type BfdRecord,
  BfdView,
  copyBytes,
  type EthernetRecord,
  EthernetView,
  EtherType,
  type GeneveRecord,
  GeneveView,
  type IcmpRecord,
  IcmpView,
  type Icmpv6Record,
  Icmpv6View,
  IpProtocol,
  type Ipv4Record,
  Ipv4View,
  type Ipv6Record,
  Ipv6View,
  LinkType,
  type NullRecord,
  NullView,
  Reason,
  type SctpRecord,
  SctpView,
  type Sll2Record,
  Sll2View,
  type SllRecord,
  SllView,
  type SttRecord,
  SttSequence,
  SttView,
  type TcpRecord,
  TcpView,
  type UdpRecord,
  UdpView,
  type VxlanRecord,
  VxlanView,
} from "../wire/index.js";
import { CONNECTION_FLAGS, type TunnelPorts, USUAL_PORTS } from "./other-tunnels.js";

/**
 * Where a layer stands: `depth` 0 is the outer packet up to its tunnel's header, 1 what the tunnel carries;
 * `offset` counts bytes from the first byte of the frame. Writers ignore `offset`.
 */
export interface LayerPlace {
  depth: 0 | 1;
  offset: number;
}

/** The record of each header, by the name of its layer. */
export interface HeaderRecords {
  ethernet: EthernetRecord;
  sll: SllRecord;
  sll2: Sll2Record;
  null: NullRecord;
  arp: ArpRecord;
  ipv4: Ipv4Record;
  ipv6: Ipv6Record;
  udp: UdpRecord;
  tcp: TcpRecord;
  icmp: IcmpRecord;
  icmpv6: Icmpv6Record;
  sctp: SctpRecord;
  bfd: BfdRecord;
  geneve: GeneveRecord;
  vxlan: VxlanRecord;
  stt: SttRecord;
}

/** Headers of tunnels: what is behind one of them is at depth 1. */
export const TUNNEL_HEADERS: ReadonlySet<string> = new Set(["geneve", "vxlan", "stt"]);

/** The name of a header's layer. */
export type HeaderName = keyof HeaderRecords;

/** A header of one protocol. */
export type HeaderLayer<Name extends HeaderName = HeaderName> = {
  [Key in Name]: { layer: Key } & LayerPlace & HeaderRecords[Key];
}[Name];

/** Bytes that no header claims: what the innermost header carries, or what could not be read. */
export interface PayloadLayer extends LayerPlace {
  layer: "payload";
  bytes: Uint8Array;
}

/** Bytes behind the end of the layer `of` (at the same depth), as that layer's length field sets it. */
export interface TrailerLayer extends LayerPlace {
  layer: "trailer";
  of: HeaderName;
  bytes: Uint8Array;
}

/** One layer of a frame; `layer` tells which. */
export type Layer = HeaderLayer | PayloadLayer | TrailerLayer;

/**
 * Why a frame was not read to its end. `offset` is where the bytes that were not read start. `layer` is the
 * header that should stand there; or the last one that was read, if it is what ends the reading:
 * `unknownProtocol`, `fragment`, `badLength`, `badVersion` of a tunnel, an IPv6 extension header that does
 * not fit. `link` with a link type that is not known or a frame without bytes.
 */
export interface LayerStop {
  layer: HeaderName | "link";
  offset: number;
  reason: Reason;
}

/** What {@link readLayers} gives. */
export interface LayersResult {
  layers: Layer[];
  /**
   * Null for a frame that is whole and understood. Otherwise where reading stopped; or, if it went on to
   * the end, the first flaw it passed: `lengthBeyondData` (a cut packet, mostly), `badOption`, VXLAN without its
   * I bit (`badValue`), an STT frame of several segments (`fragment`) or of another length than it says
   * (`badValue`, both of `tcp`), with the layer that has it and that layer's offset.
   */
  stop: LayerStop | null;
}

/** How to read. */
export interface ReadLayersOptions {
  /** By which destination ports tunnels are told; those that IANA assigned by default. */
  ports?: Partial<TunnelPorts>;
  /** The frame is what a tunnel carried (`depth` 1 from its first byte on), without the tunnel. */
  bare?: boolean;
}

/**
 * Reads the frame in the bytes `start` to `end` of `view`, whose link type is a LINKTYPE_ number. Takes any
 * bytes: the layers before a fault are kept, the rest is payload. A tunnel inside a tunnel is
 * payload. All bytes are copied.
 */
export function readLayers(
  view: DataView,
  start: number,
  end: number,
  linkType: number,
  { ports, bare = false }: ReadLayersOptions = {},
): LayersResult {
  const reader = new LayerReader(view, start, end, { ...USUAL_PORTS, ...ports }, bare ? 1 : 0);
  reader.link(linkType);
  return reader.finish();
}

/** What all views have in common. */
interface BoundView {
  payloadStart: number;
  payloadEnd: number;
  bind(view: DataView, start: number, end: number): Reason;
  toRecord(): HeaderRecords[HeaderName];
}

/** One frame being read: `#at` to `#end` are the bytes not yet given to a layer. */
class LayerReader {
  readonly #view: DataView;
  readonly #start: number;
  readonly #ports: TunnelPorts;
  readonly #layers: Layer[] = [];
  /** Innermost last. */
  readonly #trailers: TrailerLayer[] = [];
  #at: number;
  #end: number;
  #depth: 0 | 1;
  #stop: LayerStop | null = null;
  #flaw: LayerStop | null = null;

  constructor(view: DataView, start: number, end: number, ports: TunnelPorts, depth: 0 | 1) {
    this.#depth = depth;
    this.#view = view;
    this.#start = start;
    this.#at = start;
    this.#end = end;
    this.#ports = ports;
  }

  finish(): LayersResult {
    if (this.#at < this.#end)
      this.#layers.push({
        layer: "payload",
        depth: this.#depth,
        offset: this.#at - this.#start,
        bytes: copyBytes(this.#view, this.#at, this.#end),
      });
    this.#layers.push(...this.#trailers.reverse());
    return { layers: this.#layers, stop: this.#stop ?? this.#flaw };
  }

  link(linkType: number): void {
    switch (linkType) {
      case LinkType.ETHERNET:
        return this.#ethernet();
      case LinkType.LINUX_SLL: {
        const sll = new SllView();
        if (this.#take("sll", sll)) this.#etherType("sll", sll.etherType);
        return;
      }
      case LinkType.LINUX_SLL2: {
        const sll2 = new Sll2View();
        if (this.#take("sll2", sll2)) this.#etherType("sll2", sll2.etherType);
        return;
      }
      case LinkType.NULL:
      case LinkType.LOOP: {
        const loopback = new NullView();
        if (this.#take("null", loopback)) this.#etherType("null", loopback.etherType);
        return;
      }
      case LinkType.RAW:
      case LinkType.RAW_BSD:
      case LinkType.RAW_OPENBSD:
        if (this.#at === this.#end) return this.#halt("link", Reason.short);
        if (this.#view.getUint8(this.#at) >>> 4 === 6) return this.#ipv6();
        return this.#ipv4();
      case LinkType.IPV4:
        return this.#ipv4();
      case LinkType.IPV6:
        return this.#ipv6();
      default:
        return this.#halt("link", Reason.unknownLinkType);
    }
  }

  #ethernet(): void {
    const ethernet = new EthernetView();
    if (this.#take("ethernet", ethernet)) this.#etherType("ethernet", ethernet.etherType);
  }

  #etherType(below: HeaderName, etherType: number): void {
    switch (etherType) {
      case EtherType.ipv4:
        return this.#ipv4();
      case EtherType.ipv6:
        return this.#ipv6();
      case EtherType.arp:
        this.#take("arp", new ArpView());
        return;
      default:
        return this.#halt(below, Reason.unknownProtocol);
    }
  }

  #ipv4(): void {
    const ipv4 = new Ipv4View();
    if (!this.#take("ipv4", ipv4)) return;
    if (ipv4.fragmentOffset !== 0) return this.#halt("ipv4", Reason.fragment);
    if (ipv4.protocol === IpProtocol.icmp) this.#take("icmp", new IcmpView());
    else this.#upper("ipv4", ipv4.protocol);
  }

  #ipv6(): void {
    const ipv6 = new Ipv6View();
    if (!this.#take("ipv6", ipv6)) return;
    if (ipv6.fragmentOffset !== 0) return this.#halt("ipv6", Reason.fragment);
    if (ipv6.protocol === IpProtocol.icmpv6) this.#take("icmpv6", new Icmpv6View());
    else if (ipv6.protocol !== IpProtocol.noNext) this.#upper("ipv6", ipv6.protocol);
  }

  #upper(below: HeaderName, protocol: number): void {
    switch (protocol) {
      case IpProtocol.udp: {
        const udp = new UdpView();
        if (this.#take("udp", udp)) this.#port(udp.destination);
        return;
      }
      case IpProtocol.tcp: {
        const tcp = new TcpView();
        if (this.#take("tcp", tcp) && this.#isStt(tcp)) this.#stt(tcp.sequence);
        return;
      }
      case IpProtocol.sctp:
        this.#take("sctp", new SctpView());
        return;
      default:
        return this.#halt(below, Reason.unknownProtocol);
    }
  }

  #port(destination: number): void {
    if (this.#depth === 0 && this.#ports.geneve.has(destination)) this.#geneve();
    else if (this.#depth === 0 && this.#ports.vxlan.has(destination))
      this.#tunnelled("vxlan", new VxlanView());
    else if (destination === BFD_PORT || destination === BFD_MULTIHOP_PORT) this.#take("bfd", new BfdView());
  }

  #geneve(): void {
    const geneve = new GeneveView();
    if (!this.#take("geneve", geneve)) return;
    this.#depth = 1;
    if (geneve.protocolType === EtherType.bridged) this.#ethernet();
    else this.#etherType("geneve", geneve.protocolType);
  }

  /** A tunnel's header, and the Ethernet frame behind it. */
  #tunnelled(name: HeaderName, header: BoundView): void {
    if (!this.#take(name, header)) return;
    this.#depth = 1;
    this.#ethernet();
  }

  #isStt({ destination, flags }: TcpView): boolean {
    return this.#depth === 0 && this.#ports.stt.has(destination) && (flags & CONNECTION_FLAGS) === 0;
  }

  /** What is behind the header of STT that looks like TCP's, with this sequence number. */
  #stt(sequence: number): void {
    if ((sequence & SttSequence.offset) !== 0) return this.#halt("tcp", Reason.fragment);
    const frameBytes = sequence >>> SttSequence.frameShift;
    const bytes = this.#end - this.#at;
    if (frameBytes !== bytes) {
      const { offset } = this.#layers[this.#layers.length - 1];
      this.#flaw ??= {
        layer: "tcp",
        offset,
        reason: frameBytes > bytes ? Reason.fragment : Reason.badValue,
      };
    }
    this.#tunnelled("stt", new SttView());
  }

  /** Reads one header; false where nothing behind it can be read. */
  #take(name: HeaderName, bound: BoundView): boolean {
    const at = this.#at;
    const reason = bound.bind(this.#view, at, this.#end);
    if (!isWhole(name, reason, bound, at, this.#end)) {
      this.#halt(name, reason);
      return false;
    }
    // The record is new and nobody else's: giving it a place beats copying it, many times over.
    const layer = bound.toRecord() as HeaderLayer;
    layer.layer = name;
    layer.depth = this.#depth;
    layer.offset = at - this.#start;
    this.#layers.push(layer);
    this.#at = bound.payloadStart;
    if (bound.payloadEnd < this.#end) {
      this.#trailers.push({
        layer: "trailer",
        of: name,
        depth: this.#depth,
        offset: bound.payloadEnd - this.#start,
        bytes: copyBytes(this.#view, bound.payloadEnd, this.#end),
      });
      this.#end = bound.payloadEnd;
    }
    if (
      reason === Reason.badLength ||
      reason === Reason.badVersion ||
      (name === "ipv6" && reason === Reason.badOption)
    ) {
      this.#halt(name, reason);
      return false;
    }
    const chain = bound instanceof GeneveView ? bound.optionReason : Reason.ok;
    const flaw = reason === Reason.ok ? chain : reason;
    if (flaw !== Reason.ok) this.#flaw ??= { layer: name, offset: at - this.#start, reason: flaw };
    return true;
  }

  #halt(layer: LayerStop["layer"], reason: Reason): void {
    this.#stop = { layer, offset: this.#at - this.#start, reason };
  }
}

/** Whether a header's bytes are all there, so that its record stands for them, although `bind` found a flaw. */
function isWhole(name: HeaderName, reason: Reason, bound: BoundView, at: number, end: number): boolean {
  switch (reason) {
    case Reason.ok:
    case Reason.badOption:
      return true;
    case Reason.badValue:
      return name === "vxlan";
    case Reason.lengthBeyondData:
    case Reason.badLength:
      return name !== "bfd";
    case Reason.badVersion:
      return name === "stt" || (bound instanceof GeneveView && at + 8 + 4 * bound.optLen <= end);
    default:
      return false;
  }
}
