/*
 * The addresses of a packet, wherever its headers have them, replaced in place: of Ethernet, ARP, IPv4, IPv6, of
 * neighbour discovery and multicast listeners, and of packets that ICMP messages quote, outside and inside a tunnel.
 *
 * Checksums are corrected by what has changed (RFC 1624): one that was right stays right, one that was wrong stays
 * wrong, also where the bytes it covers are not all there. All that is changed lies at even offsets from the field.
 */

import type { TunnelPorts } from "../frame/other-tunnels.js";
import { ChecksumVerdict, foldSum, pseudoSumIpv4, pseudoSumIpv6, verifyChecksum } from "../wire/checksum.js";
import { EtherType, IpProtocol } from "../wire/ethertype.js";
import { IcmpType } from "../wire/icmp.js";
import { Icmpv6Type, NdOptionType } from "../wire/icmpv6.js";
import { IPV4_HEADER_BYTES, Ipv4Mask, Ipv4Offset } from "../wire/ipv4.js";
import { IPV6_HEADER_BYTES, Ipv6Offset } from "../wire/ipv6.js";
import { LinkType } from "../wire/linktype.js";
import { isTpid } from "../wire/vlan.js";
import { VXLAN_HEADER_BYTES, VXLAN_VNI_FLAG } from "../wire/vxlan.js";
import type { AddressMap } from "./address-map.js";
import { areIpv6OptionsUnread, isIgmpUnread, isSctpUnread, isTcpUnread, isUdpUnread } from "./unread.js";

/** What may be inside of what: a tunnel's packet, a packet that it carries, one that an ICMP message quotes. */
const DEEPEST = 4;
const MOST_EXTENSIONS = 16;
const IGMP = 2;
const ICMP_SOURCE_QUENCH = 4;
const ICMP_PARAMETER = 12;
/** Echo, solicitation of routers, time stamps, information, mask. */
const ICMP_QUERIES: ReadonlySet<number> = new Set([
  IcmpType.echoReply,
  IcmpType.echoRequest,
  10,
  13,
  14,
  15,
  16,
  17,
  18,
]);
const ICMPV6_PARAMETER = 4;
const MLD2_REPORT = 143;
/** What IP may carry: nothing that has further addresses in its headers, and that is not read here. */
const CARRIED: ReadonlySet<number> = new Set([
  IGMP,
  IpProtocol.icmp,
  IpProtocol.tcp,
  IpProtocol.udp,
  IpProtocol.esp,
  IpProtocol.icmpv6,
  IpProtocol.noNext,
  IpProtocol.sctp,
]);
const ARP_ETHERNET_IPV4 = 0x0604;

export class AddressWalk {
  /** Where a packet is to be cut: at an address of which only a part was captured. */
  cut = 0;
  readonly #map: AddressMap;
  readonly #ports: TunnelPorts;
  #view: DataView = new DataView(new ArrayBuffer(0));
  #end = 0;
  /** The sum of what has changed: of each word that was, complemented, and of what it is. */
  #changed = 0;
  #isUnread = false;

  /** `ports`: destination ports that carry tunnels. */
  constructor(map: AddressMap, ports: TunnelPorts) {
    this.#map = map;
    this.#ports = ports;
  }

  /**
   * Replaces the addresses of the packet that was captured in the bytes `start` to `end`. False where it has headers
   * that are not read here, which may have others.
   */
  replace(view: DataView, start: number, end: number, linkType: number): boolean {
    this.#view = view;
    this.#end = end;
    this.#changed = 0;
    this.#isUnread = false;
    this.cut = end;
    this.#link(linkType, start);
    return !this.#isUnread;
  }

  #link(linkType: number, at: number): void {
    switch (linkType) {
      case LinkType.ETHERNET:
        return this.#ethernet(at, 0);
      case LinkType.LINUX_SLL:
        if (this.#has(at, 6) && this.#view.getUint16(at + 4) === 6) this.#mac(at + 6);
        else if (this.#has(at, 6) && this.#view.getUint16(at + 4) !== 0) this.#isUnread = true;
        if (this.#has(at, 16)) this.#network(this.#view.getUint16(at + 14), at + 16, 0);
        return;
      case LinkType.LINUX_SLL2:
        if (this.#has(at, 12) && this.#view.getUint8(at + 11) === 6) this.#mac(at + 12);
        else if (this.#has(at, 12) && this.#view.getUint8(at + 11) !== 0) this.#isUnread = true;
        if (this.#has(at, 20)) this.#network(this.#view.getUint16(at), at + 20, 0);
        return;
      case LinkType.RAW:
      case LinkType.RAW_BSD:
      case LinkType.RAW_OPENBSD:
      case LinkType.IPV4:
      case LinkType.IPV6:
        return this.#ip(at, 0);
      case LinkType.NULL:
      case LinkType.LOOP:
        if (this.#has(at, 4)) this.#ip(at + 4, 0);
        return;
      default:
        this.#isUnread = true;
    }
  }

  #has(at: number, bytes: number): boolean {
    return at + bytes <= this.#end;
  }

  /** Whether an address is there; where a part of it is, the packet is to end before it. */
  #hasAddress(at: number, bytes: number): boolean {
    if (at + bytes <= this.#end) return true;
    this.cut = Math.min(this.cut, Math.max(at, 0));
    return false;
  }

  #put(at: number, word: number): void {
    this.#changed += (this.#view.getUint16(at) ^ 0xffff) + word;
    this.#view.setUint16(at, word);
  }

  #mac(at: number): void {
    if (!this.#hasAddress(at, 6)) return;
    const view = this.#view;
    const mac = this.#map.mac(view.getUint16(at) * 0x1_0000_0000 + view.getUint32(at + 2));
    const high = Math.floor(mac / 0x1_0000_0000);
    const low = mac % 0x1_0000_0000;
    this.#put(at, high);
    this.#put(at + 2, low >>> 16);
    this.#put(at + 4, low & 0xffff);
  }

  #ipv4Address(at: number): void {
    if (!this.#hasAddress(at, 4)) return;
    const address = this.#map.ipv4(this.#view.getUint32(at));
    this.#put(at, address >>> 16);
    this.#put(at + 2, address & 0xffff);
  }

  #ipv6Address(at: number): void {
    if (!this.#hasAddress(at, 16)) return;
    const address = this.#map.ipv6(this.#view, at);
    for (let byte = 0; byte < 16; byte += 2) this.#put(at + byte, (address[byte] << 8) | address[byte + 1]);
  }

  #ethernet(at: number, depth: number): void {
    this.#mac(at);
    this.#mac(at + 6);
    if (this.#has(at + 12, 2)) this.#network(this.#view.getUint16(at + 12), at + 14, depth);
  }

  #network(etherType: number, start: number, depth: number): void {
    let type = etherType;
    let at = start;
    for (; isTpid(type); at += 4) {
      if (!this.#has(at, 4)) return;
      type = this.#view.getUint16(at + 2);
    }
    if (type === EtherType.ipv4 || type === EtherType.ipv6) this.#ip(at, depth);
    else if (type === EtherType.arp) this.#arp(at);
    else this.#isUnread = true;
  }

  #arp(at: number): void {
    const view = this.#view;
    if (!this.#has(at, 8)) return;
    const isUsual =
      view.getUint16(at) === 1 &&
      view.getUint16(at + 2) === EtherType.ipv4 &&
      view.getUint16(at + 4) === ARP_ETHERNET_IPV4;
    if (!isUsual) this.#isUnread = true;
    this.#mac(at + 8);
    this.#ipv4Address(at + 14);
    this.#mac(at + 18);
    this.#ipv4Address(at + 24);
  }

  #ip(at: number, depth: number): void {
    if (!this.#has(at, 1)) return;
    const version = this.#view.getUint8(at) >> 4;
    if (depth > DEEPEST) this.#isUnread = true;
    else if (version === 4) this.#ipv4(at, depth);
    else if (version === 6) this.#ipv6(at, depth);
    else this.#isUnread = true;
  }

  #ipv4(at: number, depth: number): void {
    const view = this.#view;
    const before = this.#changed;
    this.#ipv4Address(at + Ipv4Offset.source);
    this.#ipv4Address(at + Ipv4Offset.destination);
    const addresses = this.#changed - before;
    if (!this.#has(at, IPV4_HEADER_BYTES)) return;
    this.#correct(at + Ipv4Offset.checksum, addresses);
    const headerBytes = (view.getUint8(at) & Ipv4Mask.ihl) * 4;
    // Options may have addresses.
    if (headerBytes !== IPV4_HEADER_BYTES) this.#isUnread = true;
    if ((view.getUint16(at + Ipv4Offset.fragment) & Ipv4Mask.fragmentOffset) !== 0) return;
    const protocol = view.getUint8(at + Ipv4Offset.protocol);
    const length = Math.max(0, view.getUint16(at + Ipv4Offset.totalLength) - headerBytes);
    const sum = pseudoSumIpv4(view, at, protocol, length);
    this.#transport(at + headerBytes, protocol, length, sum, addresses, depth);
  }

  #ipv6(at: number, depth: number): void {
    const view = this.#view;
    const before = this.#changed;
    this.#ipv6Address(at + Ipv6Offset.source);
    this.#ipv6Address(at + Ipv6Offset.destination);
    const addresses = this.#changed - before;
    if (!this.#has(at, IPV6_HEADER_BYTES)) return;
    let protocol = view.getUint8(at + Ipv6Offset.nextHeader);
    let next = at + IPV6_HEADER_BYTES;
    for (let count = 0; isExtension(protocol); count++) {
      // A routing header has addresses, the last of which counts in checksums.
      if (count === MOST_EXTENSIONS || protocol === IpProtocol.routing) this.#isUnread = true;
      if (this.#isUnread || !this.#has(next, 8)) return;
      const isLater = protocol === IpProtocol.fragment && view.getUint16(next + 2) >> 3 !== 0;
      if (isLater) return;
      const units = view.getUint8(next + 1);
      const isFragment = protocol === IpProtocol.fragment;
      const bytes = isFragment
        ? 8
        : protocol === IpProtocol.authentication
          ? 4 * (units + 2)
          : 8 * (units + 1);
      const hasOptions = protocol === IpProtocol.hopByHop || protocol === IpProtocol.destinationOptions;
      if (hasOptions && areIpv6OptionsUnread(view, next + 2, Math.min(next + bytes, this.#end)))
        this.#isUnread = true;
      protocol = view.getUint8(next);
      next += bytes;
    }
    const payload = view.getUint16(at + Ipv6Offset.payloadLength);
    const length = Math.max(0, payload - (next - at - IPV6_HEADER_BYTES));
    const sum = pseudoSumIpv6(view, at + Ipv6Offset.source, at + Ipv6Offset.destination, protocol, length);
    this.#transport(next, protocol, length, sum, addresses, depth);
  }

  /** `pseudo`: the sum of the pseudo header as it is, `addresses`: what of that has changed. */
  #transport(
    at: number,
    protocol: number,
    length: number,
    pseudo: number,
    addresses: number,
    depth: number,
  ): void {
    const before = this.#changed;
    // Behind the datagram the frame may be padded; one too long for its length says 0.
    const end = length === 0 ? this.#end : Math.min(this.#end, at + length);
    if (!CARRIED.has(protocol)) this.#isUnread = true;
    else if (protocol === IpProtocol.tcp) {
      // An STT frame may begin in any segment.
      if (this.#has(at, 4) && this.#ports.stt.has(this.#view.getUint16(at + 2))) this.#isUnread = true;
      if (isTcpUnread(this.#view, at, this.#end)) this.#isUnread = true;
      this.#correctUpper(at, at + 16, length, pseudo, addresses, 0);
    } else if (protocol === IpProtocol.udp) {
      // ICMP messages between hosts quote tunnels' packets, and guests may have tunnels of their own.
      const port = this.#has(at, 8) ? this.#view.getUint16(at + 2) : -1;
      if (this.#ports.geneve.has(port)) this.#geneve(at + 8, depth + 1);
      else if (this.#ports.vxlan.has(port)) this.#vxlan(at + 8, depth + 1);
      else if (port >= 0 && isUdpUnread(this.#view, at, this.#end)) this.#isUnread = true;
      // 0 is no checksum.
      if (this.#has(at, 8) && this.#view.getUint16(at + 6) !== 0) {
        this.#correctUpper(at, at + 6, length, pseudo, addresses, this.#changed - before);
        if (this.#view.getUint16(at + 6) === 0) this.#put(at + 6, 0xffff);
      }
    } else if (protocol === IpProtocol.icmp) {
      this.#icmp(at, depth + 1);
      this.#correct(at + 2, this.#changed - before);
    } else if (protocol === IpProtocol.icmpv6) {
      this.#icmpv6(at, depth + 1);
      this.#correctUpper(at, at + 2, length, pseudo, addresses, this.#changed - before);
    } else if (protocol === IpProtocol.sctp) {
      if (isSctpUnread(this.#view, at, end)) this.#isUnread = true;
    } else if (protocol === IGMP && at < end && isIgmpUnread(this.#view, at, end)) this.#isUnread = true;
  }

  /** Corrects the checksum at `at` by what has changed of what it covers. */
  #correct(at: number, changed: number): void {
    if (changed === 0 || !this.#has(at, 2)) return;
    const stored = this.#view.getUint16(at);
    this.#put(at, foldSum((stored ^ 0xffff) + changed) ^ 0xffff);
  }

  /**
   * The same with a pseudo header. A checksum that a sender left to its network card, which is the bare sum of that
   * header, becomes the sum of the changed one.
   */
  #correctUpper(
    start: number,
    at: number,
    length: number,
    pseudo: number,
    addresses: number,
    inside: number,
  ): void {
    if (!this.#has(at, 2)) return;
    const stored = this.#view.getUint16(at);
    this.#correct(at, addresses + inside);
    const now = foldSum(pseudo);
    if (stored !== foldSum(now + (foldSum(addresses) ^ 0xffff))) return;
    // A whole checksum may be that by chance.
    const isWhole = this.#has(start, length);
    if (isWhole && verifyChecksum(this.#view, start, start + length, now) === ChecksumVerdict.good) return;
    this.#put(at, now);
  }

  #geneve(at: number, depth: number): void {
    const view = this.#view;
    if (!this.#has(at, 8)) return;
    const first = view.getUint8(at);
    const isControl = (view.getUint8(at + 1) & 0x80) !== 0;
    if (first >> 6 !== 0 || isControl) {
      this.#isUnread = true;
      return;
    }
    const inner = at + 8 + 4 * (first & 0x3f);
    const type = view.getUint16(at + 2);
    if (type === EtherType.bridged) this.#ethernet(inner, depth);
    else this.#network(type, inner, depth);
  }

  #vxlan(at: number, depth: number): void {
    if (!this.#has(at, VXLAN_HEADER_BYTES)) return;
    // Without a VNI it is no Ethernet frame for certain.
    if ((this.#view.getUint8(at) & VXLAN_VNI_FLAG) === 0) this.#isUnread = true;
    else this.#ethernet(at + VXLAN_HEADER_BYTES, depth);
  }

  #icmp(at: number, depth: number): void {
    if (!this.#has(at, 8)) return;
    const type = this.#view.getUint8(at);
    switch (type) {
      case IcmpType.redirect:
        this.#ipv4Address(at + 4);
        return this.#ip(at + 8, depth);
      case IcmpType.unreachable:
      case IcmpType.timeExceeded:
      case ICMP_PARAMETER:
        this.#extended(at, 5);
        return this.#ip(at + 8, depth);
      case ICMP_SOURCE_QUENCH:
        return this.#ip(at + 8, depth);
      default:
        if (!ICMP_QUERIES.has(type) && this.#has(at + 8, 1)) this.#isUnread = true;
    }
  }

  /**
   * An ICMP message that says, at the byte `length`, where the packet that it quotes ends: objects follow, such as
   * addresses of interfaces (RFC 4884, RFC 5837).
   */
  #extended(at: number, length: number): void {
    if (this.#view.getUint8(at + length) !== 0 && this.#has(at + 8, 1)) this.#isUnread = true;
  }

  #icmpv6(at: number, depth: number): void {
    if (!this.#has(at, 8)) return;
    const view = this.#view;
    switch (view.getUint8(at)) {
      case Icmpv6Type.unreachable:
      case Icmpv6Type.timeExceeded:
        this.#extended(at, 4);
        return this.#ip(at + 8, depth);
      case Icmpv6Type.packetTooBig:
      case ICMPV6_PARAMETER:
        return this.#ip(at + 8, depth);
      case Icmpv6Type.routerSolicitation:
        return this.#options(at + 8, depth);
      case Icmpv6Type.routerAdvertisement:
        return this.#options(at + 16, depth);
      case Icmpv6Type.neighborSolicitation:
      case Icmpv6Type.neighborAdvertisement:
        this.#ipv6Address(at + 8);
        return this.#options(at + 24, depth);
      case Icmpv6Type.redirect:
        this.#ipv6Address(at + 8);
        this.#ipv6Address(at + 24);
        return this.#options(at + 40, depth);
      case Icmpv6Type.mldQuery:
        this.#ipv6Address(at + 8);
        if (this.#has(at, 28)) this.#addresses(at + 28, view.getUint16(at + 26));
        return;
      case Icmpv6Type.mldReport:
      case Icmpv6Type.mldDone:
        return this.#ipv6Address(at + 8);
      case MLD2_REPORT:
        return this.#groups(at + 8, view.getUint16(at + 6));
      case Icmpv6Type.echoRequest:
      case Icmpv6Type.echoReply:
        return;
      default:
        this.#isUnread = true;
    }
  }

  /** Options of neighbour discovery (RFC 4861 section 4.6). */
  #options(start: number, depth: number): void {
    const view = this.#view;
    for (let at = start; this.#has(at, 2); ) {
      const bytes = 8 * view.getUint8(at + 1);
      if (bytes === 0) {
        this.#isUnread = true;
        return;
      }
      switch (view.getUint8(at)) {
        case NdOptionType.sourceLinkLayer:
        case NdOptionType.targetLinkLayer:
          this.#mac(at + 2);
          break;
        case NdOptionType.prefix:
          this.#ipv6Address(at + 16);
          break;
        case NdOptionType.redirected:
          this.#ip(at + 8, depth);
          break;
        case NdOptionType.mtu:
        case ND_NONCE:
          break;
        case ND_ROUTE:
          if (bytes === 24) this.#ipv6Address(at + 8);
          else this.#isUnread = true;
          break;
        case ND_SERVERS:
          this.#addresses(at + 8, (bytes - 8) / 16);
          break;
        default:
          this.#isUnread = true;
      }
      at += bytes;
    }
  }

  /** Group records of a report (RFC 3810 section 5.2). */
  #groups(start: number, count: number): void {
    const view = this.#view;
    let at = start;
    for (let record = 0; record < count && this.#has(at, 4); record++) {
      const sources = view.getUint16(at + 2);
      this.#ipv6Address(at + 4);
      this.#addresses(at + 20, sources);
      at += 20 + 16 * sources + 4 * view.getUint8(at + 1);
    }
  }

  #addresses(start: number, count: number): void {
    for (let n = 0; n < count && start + 16 * n < this.#end; n++) this.#ipv6Address(start + 16 * n);
  }
}

/** Further options of neighbour discovery: RFC 3971, 4191, 8106. */
const ND_NONCE = 14;
const ND_ROUTE = 24;
const ND_SERVERS = 25;

function isExtension(protocol: number): boolean {
  switch (protocol) {
    case IpProtocol.hopByHop:
    case IpProtocol.routing:
    case IpProtocol.fragment:
    case IpProtocol.authentication:
    case IpProtocol.destinationOptions:
      return true;
    default:
      return false;
  }
}
