import { type FrameBatch, FrameFlag } from "../frame/columns.js";
import { FrameStatus } from "../frame/status.js";
import { UsualOffset } from "../frame/usual.js";
import { BFD_PORT } from "../wire/bfd.js";
import { EtherType, IpProtocol } from "../wire/ethertype.js";
import { IcmpType } from "../wire/icmp.js";
import { Ipv6Offset, Ipv6View } from "../wire/ipv6.js";
import { TcpFlag, TcpMask } from "../wire/tcp.js";
import {
  Literal,
  LiteralTable,
  putAscii,
  putIpv4,
  putIpv6,
  putLiteral,
  putMac,
  putNumber,
  putShort,
  putUint32,
} from "./digits.js";
import { etherTypeText, InnerWords, protocolText, vlans } from "./inner-words.js";

/** Bytes a summary may take: ARP has room for addresses of 255 bytes each. */
export const SUMMARY_ROOM = 4096;

/** TCP flags in tcpdump's letters and order. */
const tcpLetters: readonly (readonly [number, string])[] = [
  [TcpFlag.fin, "F"],
  [TcpFlag.syn, "S"],
  [TcpFlag.rst, "R"],
  [TcpFlag.psh, "P"],
  [TcpFlag.ack, "."],
  [TcpFlag.urg, "U"],
  [TcpFlag.ece, "E"],
  [TcpFlag.cwr, "W"],
  [TcpFlag.ae, "e"],
];

/** What stands between a TCP packet's addresses and its sequence number, by its flags. */
const tcpFlags = new LiteralTable(TcpMask.flags + 1, (flags) => {
  const letters = tcpLetters.map(([bit, letter]) => ((flags & bit) !== 0 ? letter : "")).join("");
  return `: Flags [${letters === "" ? "none" : letters}], seq `;
});

// Numbers of the module's own: what is imported is looked up at each use, which shows here.
const ICMP = IpProtocol.icmp;
const TCP = IpProtocol.tcp;
const UDP = IpProtocol.udp;
const SCTP = IpProtocol.sctp;
/** The bits of an ICMP type that neither an echo request (8) nor a reply (0) has. */
const ECHO_MASK = 0xff ^ IcmpType.echoRequest ^ IcmpType.echoReply;
const TCP_FLAGS = TcpMask.flags;
const ACK = TcpFlag.ack;
const BFD = BFD_PORT;
const USUAL = FrameFlag.usual;
const OUTER_IPV6 = FrameFlag.outerIpv6;
const USUAL_IPV4 = UsualOffset.ipv4;
const USUAL_IPV6 = UsualOffset.ipv6;
const USUAL_TYPE = UsualOffset.innerType;
const USUAL_IP = UsualOffset.innerIp;
const USUAL_IPV4_PROTOCOL = UsualOffset.innerIpv4Protocol;
const USUAL_IPV6_PROTOCOL = UsualOffset.innerIpv6Protocol;
const USUAL_IPV4_TRANSPORT = UsualOffset.innerIpv4Transport;
const USUAL_IPV6_TRANSPORT = UsualOffset.innerIpv6Transport;
const IPV4 = EtherType.ipv4;

const TO = new Literal(" > ");
const DOT = 0x2e;
const ECHO_REQUEST = new Literal(": ICMP echo request, id ");
const ECHO_REPLY = new Literal(": ICMP echo reply, id ");
const SEQ = new Literal(", seq ");
const ACKNOWLEDGED = new Literal(", ack ");
const WINDOW = new Literal(", win ");
const UDP_LENGTH = new Literal(": UDP, length ");
const LENGTH = new Literal(", length ");

/**
 * The tunnelled packet in tcpdump's words, written as ASCII. Holds the views it reads through; one serves any
 * number of packets.
 */
export class InnerSummary {
  readonly #ipv6 = new Ipv6View();
  readonly #words = new InnerWords();

  /**
   * Writes the words for packet `i` to `out` at `at`, SUMMARY_ROOM bytes at most; nothing where nothing of the
   * inner packet was read. Returns the offset behind. Of a usual frame the columns of FrameDecoder.decodeKeys
   * are enough.
   */
  write(out: DataView, at: number, view: DataView, frames: FrameBatch, i: number): number {
    const flags = frames.flags[i];
    if ((flags & USUAL) !== 0) {
      const outer = frames.outerIp[i];
      const udp = outer - ((flags & OUTER_IPV6) === 0 ? USUAL_IPV4 : USUAL_IPV6);
      const network = udp + USUAL_IP;
      const end = outer + frames.outerBytes[i];
      if (view.getUint16(udp + USUAL_TYPE) === IPV4) {
        const protocol = view.getUint8(udp + USUAL_IPV4_PROTOCOL);
        return this.#ipv4Packet(out, at, view, network, end, protocol, udp + USUAL_IPV4_TRANSPORT);
      }
      const protocol = view.getUint8(udp + USUAL_IPV6_PROTOCOL);
      return this.#ipv6Packet(out, at, view, network, end, protocol, udp + USUAL_IPV6_TRANSPORT);
    }
    const network = frames.innerNetwork[i];
    const inner = frames.inner[i];
    const end = frames.innerEnd[i];
    // Where the capture cut the inner headers off, how much of them is there says nothing of the packet.
    if (network < 0)
      return inner < 0 || inner >= end || frames.status[i] === FrameStatus.truncated
        ? at
        : putNumber(out, putAscii(out, at, "length "), end - inner);
    const next = network >= inner + 18 ? putAscii(out, at, vlans(view, inner)) : at;
    const type = frames.innerType[i];
    const protocol = frames.innerProtocol[i];
    const transport = frames.innerTransport[i];
    if (type === IPV4) return this.#ipv4Packet(out, next, view, network, end, protocol, transport);
    if (type === EtherType.ipv6) return this.#ipv6Packet(out, next, view, network, end, protocol, transport);
    if (type === EtherType.arp) return putAscii(out, next, this.#words.arp(view, network, end));
    const hosts = putMac(out, putShort(out, putMac(out, next, view, inner + 6), TO), view, inner);
    return putNumber(out, putAscii(out, hosts, `: ${etherTypeText(type)}, length `), end - network);
  }

  /** `end`: of the bytes that are there. */
  #ipv4Packet(
    out: DataView,
    at: number,
    view: DataView,
    ip: number,
    end: number,
    protocol: number,
    transport: number,
  ): number {
    const hasPorts = transport >= 0 && (protocol === TCP || protocol === UDP || protocol === SCTP);
    let next = putIpv4(out, at, view, ip + 12);
    if (hasPorts) next = putPort(out, next, view, transport);
    next = putIpv4(out, putShort(out, next, TO), view, ip + 16);
    if (hasPorts) next = putPort(out, next, view, transport + 2);
    const total = view.getUint16(ip + 2);
    // What the headers say, also where a capture has cut the bytes.
    const payload = ip + (view.getUint8(ip) & 0x0f) * 4;
    const declared = total === 0 ? end : Math.max(ip + total, payload);
    const payloadEnd = ip + total >= payload && ip + total <= end ? ip + total : end;
    next = this.#payload(out, next, view, protocol, transport, payload, payloadEnd, declared);
    const fragment = view.getUint16(ip + 6) & 0x3fff;
    return fragment === 0
      ? next
      : putFragment(out, next, view.getUint16(ip + 4), fragment & 0x1fff, fragment >= 0x2000);
  }

  #ipv6Packet(
    out: DataView,
    at: number,
    view: DataView,
    start: number,
    end: number,
    protocol: number,
    transport: number,
  ): number {
    const ip = this.#ipv6;
    ip.bind(view, start, end);
    const { payloadLength, payloadStart, payloadEnd, fragmentOffset, moreFragments } = ip;
    const hasPorts = transport >= 0 && (protocol === TCP || protocol === UDP || protocol === SCTP);
    let next = putIpv6(out, at, view, start + Ipv6Offset.source);
    if (hasPorts) next = putPort(out, next, view, transport);
    next = putIpv6(out, putShort(out, next, TO), view, start + Ipv6Offset.destination);
    if (hasPorts) next = putPort(out, next, view, transport + 2);
    const declared = payloadLength === 0 ? payloadEnd : start + 40 + payloadLength;
    next = this.#payload(out, next, view, protocol, transport, payloadStart, payloadEnd, declared);
    if (fragmentOffset === 0 && !moreFragments) return next;
    return putFragment(out, next, ip.identification, fragmentOffset, moreFragments);
  }
  /**
   * What is between `payload` and `end`, those that are there, behind the addresses and ports; `declared`: where
   * the IP packet says it ends.
   */
  #payload(
    out: DataView,
    at: number,
    view: DataView,
    protocol: number,
    transport: number,
    payload: number,
    end: number,
    declared: number,
  ): number {
    if (transport >= 0) {
      if (protocol === TCP) return putTcp(out, at, view, transport, declared);
      if (protocol === ICMP && (view.getUint8(transport) & ECHO_MASK) === 0)
        return putEcho(out, at, view, transport, declared);
      if (protocol === UDP && view.getUint16(transport + 2) !== BFD)
        return putUdp(out, at, view, transport, declared);
    }
    return this.#rest(out, at, view, protocol, transport, payload, end, declared);
  }

  /** As #payload, of what is rarer. */
  #rest(
    out: DataView,
    at: number,
    view: DataView,
    protocol: number,
    transport: number,
    payload: number,
    end: number,
    declared: number,
  ): number {
    let text = protocolText(protocol);
    if (transport < 0) return putRest(out, at, text, declared - payload);
    if (protocol === UDP) {
      text = this.#words.bfd(view, transport, end);
      return text === "" ? putUdp(out, at, view, transport, declared) : putAscii(out, at, `: ${text}`);
    }
    if (protocol === ICMP) text = this.#words.icmp(view, transport, end);
    else if (protocol === IpProtocol.icmpv6) text = this.#words.icmpv6(view, transport, end);
    return putRest(out, at, text, declared - transport - (protocol === SCTP ? 12 : 0));
  }
}

/** A port behind its address. */
function putPort(out: DataView, at: number, view: DataView, offset: number): number {
  out.setUint8(at, DOT);
  return putNumber(out, at + 1, view.getUint16(offset));
}

/** An ICMP echo; `declared`: where its IP packet says it ends, as below. */
function putEcho(out: DataView, at: number, view: DataView, icmp: number, declared: number): number {
  let next = putLiteral(out, at, view.getUint8(icmp) === 0 ? ECHO_REPLY : ECHO_REQUEST);
  next = putNumber(out, next, view.getUint16(icmp + 4));
  next = putNumber(out, putShort(out, next, SEQ), view.getUint16(icmp + 6));
  return putNumber(out, putLiteral(out, next, LENGTH), declared - icmp);
}

function putTcp(out: DataView, at: number, view: DataView, tcp: number, declared: number): number {
  const bits = view.getUint16(tcp + 12);
  let next = putLiteral(out, at, tcpFlags.at(bits & TCP_FLAGS));
  next = putUint32(out, next, view, tcp + 4);
  if ((bits & ACK) !== 0) next = putUint32(out, putShort(out, next, ACKNOWLEDGED), view, tcp + 8);
  next = putNumber(out, putShort(out, next, WINDOW), view.getUint16(tcp + 14));
  const length = declared - tcp - (bits >>> 12) * 4;
  return putNumber(out, putLiteral(out, next, LENGTH), Math.max(length, 0));
}

function putUdp(out: DataView, at: number, view: DataView, udp: number, declared: number): number {
  const length = view.getUint16(udp + 4);
  const bytes = (length === 0 ? declared - udp : length) - 8;
  return putNumber(out, putLiteral(out, at, UDP_LENGTH), Math.max(bytes, 0));
}

/** What a packet is, and its length, behind its addresses. */
function putRest(out: DataView, at: number, text: string, length: number): number {
  return putAscii(out, at, `: ${text}, length ${length}`);
}

/** `offset` in units of eight bytes. */
function putFragment(out: DataView, at: number, id: number, offset: number, more: boolean): number {
  return putAscii(out, at, ` (frag id ${id} offset ${offset * 8}${more ? "+" : ""})`);
}
