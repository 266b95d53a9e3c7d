/*
 * The general walk through one packet: any link type, VLAN tags, IPv4 and IPv6 with options, extension
 * headers and fragments, Geneve with any options, VXLAN, STT, any inner frame.
 *
 * Lengths: `limit` is where the enclosing layer says its data ends on the wire, `end` where the captured
 * bytes end. A header that crosses `limit` is malformed, one that crosses only `end` is truncated.
 */
import type { PacketBatch } from "../capture/batch.js";
import { BFD_PORT } from "../wire/bfd.js";
import { EtherType, IpProtocol } from "../wire/ethertype.js";
import { LinkType } from "../wire/linktype.js";
import { NullView } from "../wire/null-loopback.js";
import { Reason } from "../wire/reason.js";
import { STT_HEADER_BYTES, SttOffset, SttSequence } from "../wire/stt.js";
import { TCP_HEADER_BYTES, TcpMask, TcpOffset } from "../wire/tcp.js";
import { isTpid } from "../wire/vlan.js";
import { VXLAN_HEADER_BYTES, VXLAN_VNI_FLAG, VxlanMask, VxlanOffset } from "../wire/vxlan.js";
import { ABSENT, type FrameBatch, FrameFlag, KeysFrom, NO_VNI, TunnelKind } from "./columns.js";
import { IpReader } from "./ip-reader.js";
import { CONNECTION_FLAGS, PortUse, putContextKeys, putVniKeys, type VxlanEnds } from "./other-tunnels.js";
import { transportBytes, transportLayer } from "./protocols.js";
import { FrameLayer, FrameStatus } from "./status.js";

/**
 * Walks packets one at a time and fills their column entries. Keeps no packet beyond the call.
 */
export class FrameWalk {
  readonly #portUse: Uint8Array;
  readonly #sttPorts: ReadonlySet<number>;
  readonly #ends: VxlanEnds | null;
  readonly #loopback = new NullView();

  // The packet at hand.
  #view: DataView = new DataView(new ArrayBuffer(0));
  #packets!: PacketBatch;
  #frames!: FrameBatch;
  #i = 0;
  #start = 0;
  #end = 0;

  /** Its tunnel's header. */
  #tunnel: number = FrameLayer.geneve;

  /** EtherType behind the tags that #tags walked last. */
  #type = 0;
  readonly #ip = new IpReader();

  /**
   * `portUse` has the PortUse of each UDP destination port, `sttPorts` are TCP's that are taken as STT. `ends`: null
   * where nobody knows of any.
   */
  constructor(portUse: Uint8Array, sttPorts: ReadonlySet<number>, ends: VxlanEnds | null) {
    this.#portUse = portUse;
    this.#sttPorts = sttPorts;
    this.#ends = ends;
  }

  /** Takes the packets to come, and their columns. */
  bind(packets: PacketBatch, frames: FrameBatch): void {
    this.#view = packets.view;
    this.#packets = packets;
    this.#frames = frames;
  }

  /** Fills entry `i` from the packet captured in bytes `start` to `end`, whose wire bytes end at `limit`. */
  walk(i: number, linkType: number, start: number, end: number, limit: number): void {
    this.#begin(i, start, end);
    this.#link(linkType, start, limit);
  }

  /** As walk, of a frame that is an inner one, without what it was tunnelled in. */
  walkInner(i: number, linkType: number, start: number, end: number, limit: number): void {
    this.#begin(i, start, end);
    const frames = this.#frames;
    frames.flags[i] = FrameFlag.bare;
    frames.keysFrom[i] = KeysFrom.nothing;
    if (linkType !== LinkType.ETHERNET)
      return this.#stop(FrameStatus.unsupported, FrameLayer.link, Reason.unknownLinkType, start);
    frames.inner[i] = start;
    frames.innerEnd[i] = end;
    this.#innerEthernet(start, limit);
    if (limit > end && frames.status[i] === FrameStatus.ok) this.#payloadCut(limit);
  }

  /** Takes the packet at hand, of which nothing is known yet. */
  #begin(i: number, start: number, end: number): void {
    this.#i = i;
    this.#start = start;
    this.#end = end;
    this.#tunnel = FrameLayer.geneve;
    const frames = this.#frames;
    frames.status[i] = FrameStatus.ok;
    frames.stopLayer[i] = 0;
    frames.stopReason[i] = 0;
    frames.stopOffset[i] = 0;
    frames.flags[i] = 0;
    frames.outerIp[i] = ABSENT;
    frames.outerBytes[i] = 0;
    frames.udp[i] = ABSENT;
    frames.geneve[i] = ABSENT;
    frames.vni[i] = NO_VNI;
    frames.ovnKeys[i] = 0;
    frames.inner[i] = ABSENT;
    frames.innerEnd[i] = ABSENT;
    frames.innerType[i] = 0;
    frames.innerNetwork[i] = ABSENT;
    frames.innerProtocol[i] = 0;
    frames.innerTransport[i] = ABSENT;
  }

  /** Records a fault; the first one of a packet stays. */
  #stop(status: number, layer: number, reason: number, at: number): void {
    const i = this.#i;
    const frames = this.#frames;
    if (frames.status[i] !== FrameStatus.ok) return;
    frames.status[i] = status;
    frames.stopLayer[i] = layer;
    frames.stopReason[i] = reason;
    frames.stopOffset[i] = at - this.#start;
  }

  /** A header at `at` needs more bytes than are left: cut by the capture, or never there. */
  #short(layer: number, at: number, needed: number, limit: number): void {
    const cut = at + needed <= limit;
    this.#stop(cut ? FrameStatus.truncated : FrameStatus.malformed, layer, Reason.short, at);
  }

  #link(linkType: number, at: number, limit: number): void {
    const view = this.#view;
    const end = this.#end;
    let type = 0;
    let next = at;
    let layer: number = FrameLayer.link;
    switch (linkType) {
      case LinkType.ETHERNET:
        layer = FrameLayer.ethernet;
        if (at + 14 > end) return this.#short(layer, at, 14, limit);
        type = view.getUint16(at + 12);
        next = at + 14;
        break;
      case LinkType.LINUX_SLL:
        layer = FrameLayer.sll;
        if (at + 16 > end) return this.#short(layer, at, 16, limit);
        type = view.getUint16(at + 14);
        next = at + 16;
        break;
      case LinkType.LINUX_SLL2:
        layer = FrameLayer.sll2;
        if (at + 20 > end) return this.#short(layer, at, 20, limit);
        type = view.getUint16(at);
        next = at + 20;
        break;
      case LinkType.NULL:
      case LinkType.LOOP:
        layer = FrameLayer.null;
        if (at + 4 > end) return this.#short(layer, at, 4, limit);
        this.#loopback.bind(view, at, end);
        type = this.#loopback.etherType;
        next = at + 4;
        break;
      case LinkType.RAW:
      case LinkType.RAW_BSD:
      case LinkType.RAW_OPENBSD:
      case LinkType.IPV4:
      case LinkType.IPV6:
        if (at + 1 > end) return this.#short(layer, at, 1, limit);
        type = etherTypeOfVersion(view.getUint8(at));
        break;
      default:
        return this.#stop(FrameStatus.unsupported, layer, Reason.unknownLinkType, at);
    }
    next = this.#tags(layer, type, next, limit);
    if (next < 0) return;
    this.#outer(layer, next, limit);
  }

  /** Walks VLAN tags behind an EtherType at `next - 2`; returns the network header's offset, -1 where cut. */
  #tags(layer: number, type: number, next: number, limit: number): number {
    const view = this.#view;
    const bound = Math.min(this.#end, limit);
    while (isTpid(type)) {
      if (next + 4 > bound) {
        this.#short(layer, next, 4, limit);
        return -1;
      }
      type = view.getUint16(next + 2);
      next += 4;
    }
    this.#type = type;
    return next;
  }

  #outer(linkLayer: number, at: number, limit: number): void {
    const view = this.#view;
    const end = this.#end;
    const frames = this.#frames;
    const i = this.#i;
    const v6 = this.#type === EtherType.ipv6;
    if (!v6 && this.#type !== EtherType.ipv4)
      return this.#stop(FrameStatus.notGeneve, linkLayer, Reason.unknownProtocol, at);
    const layer = v6 ? FrameLayer.ipv6 : FrameLayer.ipv4;
    const next = v6 ? this.#ip.ipv6(view, at, this.#end, limit) : this.#ip.ipv4(view, at, this.#end, limit);
    const fault = this.#ip.fault;
    const faultAt = this.#ip.faultAt;
    if (next < 0) {
      if (fault === Reason.short) this.#short(layer, faultAt, this.#ip.needed, limit);
      else this.#stop(FrameStatus.malformed, layer, fault, faultAt);
      return;
    }
    frames.outerIp[i] = at;
    if (v6) frames.flags[i] |= FrameFlag.outerIpv6;
    if (this.#ip.fragment !== 0) frames.flags[i] |= FrameFlag.fragment;
    // A length field that lies must not pass for a large packet.
    frames.outerBytes[i] = Math.min(this.#ip.payloadLimit, limit) - at;
    const ipLimit = Math.min(this.#ip.payloadLimit, limit);
    const bound = Math.min(ipLimit, end);
    if (this.#ip.protocol !== IpProtocol.udp) {
      if (!this.#isStt(next, ipLimit))
        return this.#stop(FrameStatus.notGeneve, layer, Reason.unknownProtocol, at);
      if (fault !== Reason.ok) this.#stop(FrameStatus.malformed, layer, fault, faultAt);
      if (this.#ip.fragment === 1) this.#stop(FrameStatus.unsupported, layer, Reason.fragment, at);
      this.#sttSegment(next, ipLimit);
      if (ipLimit > end && frames.status[i] === FrameStatus.ok) this.#payloadCut(ipLimit);
      return;
    }
    // Whose datagram a later fragment belongs to only its first one says.
    if (this.#ip.fragment === 2) return this.#stop(FrameStatus.unsupported, layer, Reason.fragment, at);

    const use = next + 4 <= bound ? this.#portUse[view.getUint16(next + 2)] : PortUse.geneve;
    if (use === 0) return this.#stop(FrameStatus.notGeneve, FrameLayer.udp, Reason.unknownProtocol, next);
    if (fault !== Reason.ok) this.#stop(FrameStatus.malformed, layer, fault, faultAt);
    if (next + 8 > bound) return this.#short(FrameLayer.udp, next, 8, ipLimit);
    frames.udp[i] = next;
    const length = view.getUint16(next + 4);
    let udpLimit = ipLimit;
    if (this.#ip.fragment === 1) this.#stop(FrameStatus.unsupported, layer, Reason.fragment, at);
    else if (length !== 0 || !this.#ip.unbounded) {
      // 0 means "to the end" only where the IP packet itself is longer than its field can say.
      if (length < 8) return this.#stop(FrameStatus.malformed, FrameLayer.udp, Reason.badLength, next);
      if (next + length > ipLimit)
        this.#stop(FrameStatus.malformed, FrameLayer.udp, Reason.lengthBeyondData, next);
      else udpLimit = next + length;
    }
    if (use === PortUse.vxlan) this.#vxlan(next + 8, udpLimit);
    else this.#geneve(next + 8, udpLimit);
    // Every header is there; whether every byte is, the outermost length tells.
    if (udpLimit > end && frames.status[i] === FrameStatus.ok) this.#payloadCut(udpLimit);
  }

  /** Says in which layer's payload the captured bytes end. */
  #payloadCut(limit: number): void {
    const { innerTransport, innerNetwork, inner, geneve, innerProtocol } = this.#frames;
    const i = this.#i;
    let layer: number = FrameLayer.udp;
    if (innerTransport[i] !== ABSENT && transportLayer[innerProtocol[i]] !== 0)
      layer = transportLayer[innerProtocol[i]];
    else if (innerNetwork[i] !== ABSENT) layer = this.#innerNetworkLayer();
    else if (inner[i] !== ABSENT || geneve[i] !== ABSENT) layer = this.#tunnel;
    this.#stop(FrameStatus.truncated, layer, Reason.payloadCut, Math.min(this.#end, limit));
  }

  #innerNetworkLayer(): number {
    switch (this.#frames.innerType[this.#i]) {
      case EtherType.ipv4:
        return FrameLayer.innerIpv4;
      case EtherType.ipv6:
        return FrameLayer.innerIpv6;
      case EtherType.arp:
        return FrameLayer.innerArp;
      default:
        return FrameLayer.innerEthernet;
    }
  }

  /** Geneve (RFC 8926 section 3.4) and its options. */
  #geneve(at: number, limit: number): void {
    const view = this.#view;
    const end = this.#end;
    const frames = this.#frames;
    const i = this.#i;
    const bound = Math.min(limit, end);
    if (at + 8 > bound) return this.#short(FrameLayer.geneve, at, 8, limit);
    const first = view.getUint8(at);
    frames.geneve[i] = at;
    if (first >> 6 !== 0)
      return this.#stop(FrameStatus.unsupported, FrameLayer.geneve, Reason.badVersion, at);
    const optionsEnd = at + 8 + (first & 0x3f) * 4;
    const oam = (view.getUint8(at + 1) & 0x80) !== 0;
    const protocolType = view.getUint16(at + 2);
    const vni = view.getInt32(at + 4) >>> 8;
    frames.vni[i] = vni;
    if (oam) frames.flags[i] |= FrameFlag.oam;
    this.#options(at + 8, optionsEnd, limit);
    if (optionsEnd > limit)
      return this.#stop(FrameStatus.malformed, FrameLayer.geneve, Reason.badHeaderLength, at);
    if (optionsEnd > end) return this.#stop(FrameStatus.truncated, FrameLayer.geneve, Reason.short, at);
    frames.inner[i] = optionsEnd;
    frames.innerEnd[i] = bound;
    if (oam) return;
    if (protocolType === EtherType.bridged) this.#innerEthernet(optionsEnd, limit);
    else if (protocolType === EtherType.ipv4 || protocolType === EtherType.ipv6) {
      this.#type = protocolType;
      this.#innerNetwork(optionsEnd, limit);
    } else return this.#stop(FrameStatus.unsupported, FrameLayer.geneve, Reason.unknownProtocol, at);

    if (optionsEnd === at + 8) this.#markBfd();
  }

  /** Marks BFD between the end points of a tunnel whose header has nothing but a VNI. */
  #markBfd(): void {
    const { vni, flags, innerProtocol, innerTransport } = this.#frames;
    const i = this.#i;
    if (
      vni[i] === 0 &&
      innerProtocol[i] === IpProtocol.udp &&
      innerTransport[i] !== ABSENT &&
      this.#view.getUint16(innerTransport[i] + 2) === BFD_PORT
    )
      flags[i] |= FrameFlag.bfd;
  }

  /** VXLAN (RFC 7348 section 5). */
  #vxlan(at: number, limit: number): void {
    const view = this.#view;
    const frames = this.#frames;
    const i = this.#i;
    const bound = Math.min(limit, this.#end);
    if (at + VXLAN_HEADER_BYTES > bound) return this.#short(FrameLayer.vxlan, at, VXLAN_HEADER_BYTES, limit);
    this.#tunnel = FrameLayer.vxlan;
    frames.flags[i] |= FrameFlag.otherTunnel;
    frames.tunnel[i] = TunnelKind.vxlanOther;
    if ((view.getUint8(at + VxlanOffset.flags) & VXLAN_VNI_FLAG) === 0)
      this.#stop(FrameStatus.malformed, FrameLayer.vxlan, Reason.badValue, at);
    else {
      const kind = this.#ends?.kindOf(this.#packets, frames, i) ?? TunnelKind.vxlanAssumed;
      putVniKeys(frames, i, view.getInt32(at + VxlanOffset.vni) >>> VxlanMask.vniShift, kind);
    }
    const inner = at + VXLAN_HEADER_BYTES;
    frames.inner[i] = inner;
    frames.innerEnd[i] = bound;
    this.#innerEthernet(inner, limit);
    this.#markBfd();
  }

  /** Whether a segment of STT begins at `at`, as far as the captured bytes say: it looks like one of TCP. */
  #isStt(at: number, limit: number): boolean {
    const view = this.#view;
    const bound = Math.min(limit, this.#end);
    if (this.#ip.protocol !== IpProtocol.tcp || this.#ip.fragment === 2) return false;
    if (at + TCP_HEADER_BYTES > limit) return false;
    if (at + 4 <= bound && !this.#sttPorts.has(view.getUint16(at + TcpOffset.destination))) return false;
    const flags = at + TcpOffset.dataOffsetFlags;
    return flags + 2 > bound || (view.getUint16(flags) & CONNECTION_FLAGS) === 0;
  }

  /** A segment of STT, from its header that looks like TCP's; only the first of a frame has more headers. */
  #sttSegment(at: number, limit: number): void {
    const view = this.#view;
    const end = this.#end;
    if (at + TCP_HEADER_BYTES > Math.min(limit, end))
      return this.#short(FrameLayer.tcp, at, TCP_HEADER_BYTES, limit);
    const bytes = (view.getUint16(at + TcpOffset.dataOffsetFlags) >>> TcpMask.dataOffsetShift) * 4;
    if (bytes < TCP_HEADER_BYTES || at + bytes > limit)
      return this.#stop(FrameStatus.malformed, FrameLayer.tcp, Reason.badHeaderLength, at);
    const sequence = view.getUint32(at + TcpOffset.sequence);
    if ((sequence & SttSequence.offset) !== 0)
      return this.#stop(FrameStatus.unsupported, FrameLayer.tcp, Reason.fragment, at);
    const stt = at + bytes;
    const frameEnd = stt + (sequence >>> SttSequence.frameShift);
    if (frameEnd > limit) this.#stop(FrameStatus.unsupported, FrameLayer.tcp, Reason.fragment, at);
    else if (frameEnd < limit) this.#stop(FrameStatus.malformed, FrameLayer.tcp, Reason.badValue, at);
    this.#stt(stt, limit);
  }

  /** STT (draft-davie-stt-08 section 3.2). */
  #stt(at: number, limit: number): void {
    const view = this.#view;
    const frames = this.#frames;
    const i = this.#i;
    const bound = Math.min(limit, this.#end);
    if (at + STT_HEADER_BYTES > bound) return this.#short(FrameLayer.stt, at, STT_HEADER_BYTES, limit);
    this.#tunnel = FrameLayer.stt;
    frames.flags[i] |= FrameFlag.otherTunnel;
    frames.tunnel[i] = TunnelKind.stt;
    if (view.getUint8(at + SttOffset.version) !== 0)
      return this.#stop(FrameStatus.unsupported, FrameLayer.stt, Reason.badVersion, at);
    const id = at + SttOffset.contextId;
    putContextKeys(frames, i, view.getInt32(id), view.getInt32(id + 4));
    const inner = at + STT_HEADER_BYTES;
    frames.inner[i] = inner;
    frames.innerEnd[i] = bound;
    this.#innerEthernet(inner, limit);
    this.#markBfd();
  }

  /** The option chain must fill the option space exactly (RFC 8926 section 3.5). */
  #options(at: number, optionsEnd: number, limit: number): void {
    const view = this.#view;
    const frames = this.#frames;
    const bound = Math.min(optionsEnd, limit, this.#end);
    let next = at;
    // A chain cut by the capture ends quietly here: the caller reports the cut.
    while (next + 4 <= bound) {
      const bytes = 4 + (view.getUint8(next + 3) & 0x1f) * 4;
      if (next + bytes > optionsEnd)
        return this.#stop(FrameStatus.malformed, FrameLayer.geneveOption, Reason.badOption, next);
      if (next + bytes > bound) return;
      if (view.getUint16(next) === 0x0102 && view.getUint8(next + 2) === 0x80) {
        if (bytes !== 8) this.#stop(FrameStatus.malformed, FrameLayer.ovnOption, Reason.badValue, next);
        else if ((frames.flags[this.#i] & FrameFlag.ovn) === 0) {
          frames.ovnKeys[this.#i] = view.getInt32(next + 4);
          frames.flags[this.#i] |= FrameFlag.ovn;
        }
      }
      next += bytes;
    }
  }

  #innerEthernet(at: number, limit: number): void {
    if (at + 14 > Math.min(this.#end, limit)) return this.#short(FrameLayer.innerEthernet, at, 14, limit);
    const next = this.#tags(FrameLayer.innerEthernet, this.#view.getUint16(at + 12), at + 14, limit);
    if (next >= 0) this.#innerNetwork(next, limit);
  }

  #innerNetwork(at: number, limit: number): void {
    const view = this.#view;
    const frames = this.#frames;
    const i = this.#i;
    const type = this.#type;
    frames.innerType[i] = type;
    const bound = Math.min(this.#end, limit);
    if (type === EtherType.arp) {
      // Addresses of Ethernet and IPv4 make 28 bytes; other sizes say so themselves.
      if (at + 8 > bound) return this.#short(FrameLayer.innerArp, at, 8, limit);
      const needed = 8 + 2 * (view.getUint8(at + 4) + view.getUint8(at + 5));
      if (at + needed > bound) return this.#short(FrameLayer.innerArp, at, needed, limit);
      frames.innerNetwork[i] = at;
      return;
    }
    if (type !== EtherType.ipv4 && type !== EtherType.ipv6) {
      frames.innerNetwork[i] = at;
      return;
    }
    const v6 = type === EtherType.ipv6;
    const layer = v6 ? FrameLayer.innerIpv6 : FrameLayer.innerIpv4;
    const next = v6 ? this.#ip.ipv6(view, at, this.#end, limit) : this.#ip.ipv4(view, at, this.#end, limit);
    if (next < 0) {
      if (this.#ip.fault === Reason.short) this.#short(layer, this.#ip.faultAt, this.#ip.needed, limit);
      else this.#stop(FrameStatus.malformed, layer, this.#ip.fault, this.#ip.faultAt);
      return;
    }
    frames.innerNetwork[i] = at;
    const protocol = this.#ip.protocol;
    frames.innerProtocol[i] = protocol;
    if (this.#ip.fault !== Reason.ok)
      this.#stop(FrameStatus.malformed, layer, this.#ip.fault, this.#ip.faultAt);
    if (this.#ip.fragment === 2) return;
    this.#innerTransport(next, Math.min(this.#ip.payloadLimit, limit), protocol);
  }

  #innerTransport(at: number, limit: number, protocol: number): void {
    const view = this.#view;
    const frames = this.#frames;
    const layer = transportLayer[protocol];
    const needed = transportBytes[protocol];
    const bound = Math.min(this.#end, limit);
    if (at + needed > bound) return this.#short(layer, at, needed, limit);
    frames.innerTransport[this.#i] = at;
    if (protocol === IpProtocol.tcp) {
      const headerBytes = (view.getUint8(at + 12) >> 4) * 4;
      if (headerBytes < 20 || at + headerBytes > limit)
        this.#stop(FrameStatus.malformed, layer, Reason.badHeaderLength, at);
    } else if (protocol === IpProtocol.udp && this.#ip.fragment === 0) {
      const length = view.getUint16(at + 4);
      if (length !== 0 && length < 8) this.#stop(FrameStatus.malformed, layer, Reason.badLength, at);
      else if (at + length > limit) this.#stop(FrameStatus.malformed, layer, Reason.lengthBeyondData, at);
    }
  }
}

function etherTypeOfVersion(first: number): number {
  return first >> 4 === 4 ? EtherType.ipv4 : first >> 4 === 6 ? EtherType.ipv6 : 0;
}
