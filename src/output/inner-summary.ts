import { type FrameBatch, FrameFlag } from "../frame/columns.js";
import { FrameStatus } from "../frame/status.js";
import { UsualOffset } from "../frame/usual.js";
import { readIpv4 } from "../wire/address.js";
import { ArpOperation, ArpView } from "../wire/arp.js";
import { BFD_PORT, BfdFlag, BfdView, bfdStateText } from "../wire/bfd.js";
import { EtherType, IpProtocol } from "../wire/ethertype.js";
import { IcmpType, IcmpView } from "../wire/icmp.js";
import { Icmpv6Type, Icmpv6View } from "../wire/icmpv6.js";
import { Ipv6Offset, Ipv6View } from "../wire/ipv6.js";
import { Reason } from "../wire/reason.js";
import { TcpFlag } from "../wire/tcp.js";
import { UdpView } from "../wire/udp.js";
import { isTpid, TciMask } from "../wire/vlan.js";
import {
  Literal,
  putAscii,
  putIpv4,
  putIpv6,
  putLiteral,
  putMac,
  putNumber,
  putUint32,
  word,
  words,
} from "./digits.js";

const unreachableCodes = [
  "net",
  "host",
  "protocol",
  "port",
  "need to frag",
  "source route failed",
  "net unknown",
  "host unknown",
  "source host isolated",
  "net prohibited",
  "host prohibited",
  "net for TOS",
  "host for TOS",
  "admin prohibited",
];

const icmpv6Names = new Map<number, string>([
  [Icmpv6Type.unreachable, "destination unreachable"],
  [Icmpv6Type.packetTooBig, "packet too big"],
  [Icmpv6Type.timeExceeded, "time exceeded"],
  [4, "parameter problem"],
  [Icmpv6Type.echoRequest, "echo request"],
  [Icmpv6Type.echoReply, "echo reply"],
  [Icmpv6Type.mldQuery, "multicast listener query"],
  [Icmpv6Type.mldReport, "multicast listener report"],
  [Icmpv6Type.mldDone, "multicast listener done"],
  [Icmpv6Type.routerSolicitation, "router solicitation"],
  [Icmpv6Type.routerAdvertisement, "router advertisement"],
  [Icmpv6Type.neighborSolicitation, "neighbor solicitation"],
  [Icmpv6Type.neighborAdvertisement, "neighbor advertisement"],
  [Icmpv6Type.redirect, "redirect"],
  [Icmpv6Type.mldv2Report, "multicast listener report v2"],
]);

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
const tcpFlags: readonly Literal[] = Array.from({ length: 512 }, (_, flags) => {
  const letters = tcpLetters.map(([bit, letter]) => ((flags & bit) !== 0 ? letter : "")).join("");
  return new Literal(`: Flags [${letters === "" ? "none" : letters}], seq `);
});

// Numbers of the module's own: what is imported is looked up at each use, which shows here.
const ICMP = IpProtocol.icmp;
const TCP = IpProtocol.tcp;
const UDP = IpProtocol.udp;
const SCTP = IpProtocol.sctp;
/** The bits of an ICMP type that neither an echo request (8) nor a reply (0) has. */
const ECHO_MASK = 0xff ^ IcmpType.echoRequest ^ IcmpType.echoReply;
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

const TO = word(" > ");
const [SEQ, SEQ_REST] = words(", seq ");
const [ACKNOWLEDGED, ACKNOWLEDGED_REST] = words(", ack ");
const [WINDOW, WINDOW_REST] = words(", win ");
const [LENGTH, LENGTH_MORE] = words(", length");
const BLANK = 0x20;
const ECHO_REQUEST = new Literal(": ICMP echo request, id ");
const ECHO_REPLY = new Literal(": ICMP echo reply, id ");
const UDP_LENGTH = new Literal(": UDP, length ");

/**
 * The tunnelled packet in tcpdump's words, written as ASCII. Holds the views it reads through; one serves any
 * number of packets.
 */
export class InnerSummary {
  readonly #arp = new ArpView();
  readonly #ipv6 = new Ipv6View();
  readonly #icmp = new IcmpView();
  readonly #icmpv6 = new Icmpv6View();
  readonly #udp = new UdpView();
  readonly #bfd = new BfdView();

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
        return this.#ipv4(out, at, view, network, end, protocol, udp + USUAL_IPV4_TRANSPORT);
      }
      const protocol = view.getUint8(udp + USUAL_IPV6_PROTOCOL);
      return this.#ipv6Text(out, at, view, network, end, protocol, udp + USUAL_IPV6_TRANSPORT);
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
    if (type === IPV4) return this.#ipv4(out, next, view, network, end, protocol, transport);
    if (type === EtherType.ipv6) return this.#ipv6Text(out, next, view, network, end, protocol, transport);
    if (type === EtherType.arp) return this.#arpText(out, next, view, network, end);
    const source = putMac(out, next, view, inner + 6);
    out.setInt32(source, TO, true);
    const hosts = putMac(out, source + 3, view, inner);
    return putNumber(out, putAscii(out, hosts, `: ${etherTypeText(type)}, length `), end - network);
  }

  #arpText(out: DataView, at: number, view: DataView, start: number, end: number): number {
    const arp = this.#arp;
    if (arp.bind(view, start, end) !== Reason.ok) return putAscii(out, at, "ARP");
    const { senderProtocol, targetProtocol, senderHardware, operation } = arp.toRecord();
    const what =
      operation === ArpOperation.request
        ? `Request who-has ${targetProtocol} tell ${senderProtocol}`
        : operation === ArpOperation.reply
          ? `Reply ${senderProtocol} is-at ${senderHardware}`
          : `operation ${operation}, ${senderProtocol} to ${targetProtocol}`;
    return putAscii(out, at, `ARP, ${what}, length ${arp.payloadStart - start}`);
  }

  /** `end`: of the bytes that are there. */
  #ipv4(
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
    out.setInt32(next, TO, true);
    next = putIpv4(out, next + 3, view, ip + 16);
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

  #ipv6Text(
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
    out.setInt32(next, TO, true);
    next = putIpv6(out, next + 3, view, start + Ipv6Offset.destination);
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
      text = this.#bfdText(view, transport, end);
      return text === "" ? putUdp(out, at, view, transport, declared) : putAscii(out, at, `: ${text}`);
    }
    if (protocol === ICMP) text = this.#icmpText(view, transport, end);
    else if (protocol === IpProtocol.icmpv6) text = this.#icmpv6Text(view, transport, end);
    return putRest(out, at, text, declared - transport - (protocol === SCTP ? 12 : 0));
  }

  /** Of all that is no echo. */
  #icmpText(view: DataView, at: number, end: number): string {
    const icmp = this.#icmp;
    icmp.bind(view, at, end);
    const about = at + 28 <= end ? readIpv4(view, at + 24) : "";
    if (icmp.type === IcmpType.unreachable) {
      const code = unreachableCodes[icmp.code] ?? `code ${icmp.code}`;
      return icmp.mtu >= 0
        ? `ICMP ${about} unreachable - ${code} (mtu ${icmp.mtu})`
        : `ICMP ${about} ${code} unreachable`;
    }
    if (icmp.type === IcmpType.timeExceeded)
      return icmp.code === 0 ? "ICMP time exceeded in-transit" : "ICMP ip reassembly time exceeded";
    if (icmp.type === IcmpType.redirect) return `ICMP redirect ${about}`;
    return `ICMP type ${icmp.type} code ${icmp.code}`;
  }

  #icmpv6Text(view: DataView, at: number, end: number): string {
    const icmp = this.#icmpv6;
    const reason = icmp.bind(view, at, end);
    const type = view.getUint8(at);
    const name = icmpv6Names.get(type);
    if (name === undefined) return `ICMP6, type ${type} code ${view.getUint8(at + 1)}`;
    if (reason === Reason.short) return `ICMP6, ${name}`;
    if (icmp.isEcho) return `ICMP6, ${name}, id ${icmp.identifier}, seq ${icmp.sequence}`;
    if (icmp.mtu >= 0) return `ICMP6, ${name}, mtu ${icmp.mtu}`;
    if (type === Icmpv6Type.neighborSolicitation) return `ICMP6, ${name}, who has ${icmp.target}`;
    if (type === Icmpv6Type.neighborAdvertisement) return `ICMP6, ${name}, tgt is ${icmp.target}`;
    return `ICMP6, ${name}`;
  }

  /** Of the datagram at `at`; empty where that is none of BFD. */
  #bfdText(view: DataView, at: number, end: number): string {
    const udp = this.#udp;
    const bfd = this.#bfd;
    udp.bind(view, at, end);
    if (bfd.bind(view, udp.payloadStart, udp.payloadEnd) !== Reason.ok) return "";
    const flags = [
      (bfd.flags & BfdFlag.poll) !== 0 ? ", poll" : "",
      (bfd.flags & BfdFlag.final) !== 0 ? ", final" : "",
    ].join("");
    return `BFDv1, state ${bfdStateText(bfd.state)}, diag ${bfd.diag}${flags}, my 0x${bfd.myDiscriminator.toString(16)}, your 0x${bfd.yourDiscriminator.toString(16)}, length ${bfd.length}`;
  }
}

function vlans(view: DataView, inner: number): string {
  let text = "";
  // A stack of thousands is legal bytes but no reading matter.
  for (let at = inner + 12, shown = 0; isTpid(view.getUint16(at)); at += 4)
    if (++shown <= 4) text += `vlan ${view.getUint16(at + 2) & TciMask.vlan}, `;
    else if (shown === 5) text += "..., ";
  return text;
}

function etherTypeText(type: number): string {
  return type < 0x600 ? "802.3" : `ethertype 0x${type.toString(16).padStart(4, "0")}`;
}

function protocolText(protocol: number): string {
  switch (protocol) {
    case IpProtocol.icmp:
      return "ICMP";
    case IpProtocol.tcp:
      return "TCP";
    case IpProtocol.udp:
      return "UDP";
    case IpProtocol.icmpv6:
      return "ICMP6";
    case IpProtocol.sctp:
      return "SCTP";
    default:
      return `ip-proto-${protocol}`;
  }
}

/** A port behind its address. */
function putPort(out: DataView, at: number, view: DataView, offset: number): number {
  out.setUint8(at, 0x2e);
  return putNumber(out, at + 1, view.getUint16(offset));
}

/** An ICMP echo; `declared`: where its IP packet says it ends, as below. */
function putEcho(out: DataView, at: number, view: DataView, icmp: number, declared: number): number {
  let next = putLiteral(out, at, view.getUint8(icmp) === 0 ? ECHO_REPLY : ECHO_REQUEST);
  next = putNumber(out, next, view.getUint16(icmp + 4));
  out.setInt32(next, SEQ, true);
  out.setInt32(next + 4, SEQ_REST, true);
  next = putNumber(out, next + 6, view.getUint16(icmp + 6));
  return putLength(out, next, declared - icmp);
}

function putTcp(out: DataView, at: number, view: DataView, tcp: number, declared: number): number {
  const bits = view.getUint16(tcp + 12);
  let next = putLiteral(out, at, tcpFlags[bits & 0x1ff]);
  next = putUint32(out, next, view, tcp + 4);
  if ((bits & ACK) !== 0) {
    out.setInt32(next, ACKNOWLEDGED, true);
    out.setInt32(next + 4, ACKNOWLEDGED_REST, true);
    next = putUint32(out, next + 6, view, tcp + 8);
  }
  out.setInt32(next, WINDOW, true);
  out.setInt32(next + 4, WINDOW_REST, true);
  next = putNumber(out, next + 6, view.getUint16(tcp + 14));
  const length = declared - tcp - (bits >>> 12) * 4;
  return putLength(out, next, Math.max(length, 0));
}

function putUdp(out: DataView, at: number, view: DataView, udp: number, declared: number): number {
  const length = view.getUint16(udp + 4);
  const bytes = (length === 0 ? declared - udp : length) - 8;
  return putNumber(out, putLiteral(out, at, UDP_LENGTH), Math.max(bytes, 0));
}

/** What a packet is, and its length, behind its addresses. Lengths that lie can give less than nothing. */
function putRest(out: DataView, at: number, text: string, length: number): number {
  const next = putAscii(out, at, `: ${text}`);
  return length < 0 ? putAscii(out, next, `, length ${length}`) : putLength(out, next, length);
}

function putLength(out: DataView, at: number, length: number): number {
  out.setInt32(at, LENGTH, true);
  out.setInt32(at + 4, LENGTH_MORE, true);
  out.setUint8(at + 8, BLANK);
  return putNumber(out, at + 9, length);
}

/** `offset` in units of eight bytes. */
function putFragment(out: DataView, at: number, id: number, offset: number, more: boolean): number {
  return putAscii(out, at, ` (frag id ${id} offset ${offset * 8}${more ? "+" : ""})`);
}
