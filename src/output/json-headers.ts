/* Headers of packets without oddities as JSON, straight into bytes: what fieldsOf says of them, with the verdict. */
import { ChecksumVerifier, type Verdict } from "../frame/verify.js";
import { EthernetOffset } from "../wire/ethernet.js";
import { EtherType, IpProtocol } from "../wire/ethertype.js";
import { ICMP_FRAGMENTATION_NEEDED, IcmpOffset, IcmpType } from "../wire/icmp.js";
import { Ipv4Mask, Ipv4Offset } from "../wire/ipv4.js";
import { Ipv6Offset } from "../wire/ipv6.js";
import { TCP_HEADER_BYTES, TcpMask, TcpOffset } from "../wire/tcp.js";
import { UdpOffset } from "../wire/udp.js";
import { TciMask, VLAN_TAG_BYTES } from "../wire/vlan.js";
import {
  Literal,
  LiteralTable,
  putHexBytes,
  putIpv4,
  putIpv6,
  putLiteral,
  putMac,
  putNumber,
  putUint32,
} from "./digits.js";
import { tcpFlags } from "./fields.js";

const ETHERNET = new Literal('"eth":{"src":"');
const TO = new Literal('","dst":"');
const TYPE = new Literal('","type":');
const VLANS = new Literal(',"vlans":[');
const NO_MORE_VLANS = new Literal("]},");
const TPID = new Literal('{"tpid":');
const NEXT_TPID = new Literal(',{"tpid":');
const VLAN = new Literal(',"vlan":');
const PRIORITY = new Literal(',"priority":');
const DROP_ELIGIBLE = new Literal(',"dropEligible":true}');
const NOT_DROP_ELIGIBLE = new Literal(',"dropEligible":false}');
const IPV4 = new Literal('"ip":{"version":4,"src":"');
const IPV6 = new Literal('"ip":{"version":6,"src":"');
const GENEVE = new Literal('"geneve":{"version":0,"oam":false,"critical":true,"protocolType":25944,"vni":');
const OPTION = new Literal(',"options":[{"class":258,"type":128,"critical":true,"data":"');
const NO_MORE_OPTIONS = new Literal('"}]},');
const TTL = new Literal('","ttl":');
const TOS = new Literal(',"tos":');
const ID = new Literal(',"id":');
const FLOW_LABEL = new Literal(',"flowLabel":');
const LENGTH = new Literal(',"length":');
const PROTOCOL = new Literal(',"protocol":');
const UDP = new Literal('"udp":{"src":');
const TCP = new Literal('"tcp":{"src":');
const ICMP = new Literal('"icmp":{"type":');
const ICMPV6 = new Literal('"icmpv6":{"type":');
const DESTINATION = new Literal(',"dst":');
const CODE = new Literal(',"code":');
const SEQ = new Literal(',"seq":');
const ACK = new Literal(',"ack":');
const REST = new Literal(',"rest":');
const MTU = new Literal(',"mtu":');
const WINDOW = new Literal(',"window":');
const URGENT = new Literal(',"urgent":');
const OPTIONS = new Literal(',"options":"');
const QUOTE = new Literal('"');
const CLOSE = new Literal("},");
const COMMA = new Literal(",");
const PAYLOAD = new Literal(',"payload":"');

/** The end of a header; the value of the checksum, and NO_MORE, follow where the verdict does not tell it. */
const CHECKSUMS: Record<Verdict, string> = {
  good: ',"checksum":"good"}',
  bad: ',"checksum":"bad","checksumValue":',
  unfilled: ',"checksum":"bad","unfilled":true}',
  absent: ',"checksum":"absent"}',
  unverified: ',"checksum":"unverified","checksumValue":',
};
const NO_MORE = new Literal("}");

/** Whether a verdict does not tell what the checksum is. */
function isOpen(verdict: Verdict): boolean {
  return verdict === "bad" || verdict === "unverified";
}

/** `make` for each verdict. */
function byVerdict<T>(make: (checksum: string) => T): Record<Verdict, T> {
  const { good, bad, unfilled, absent, unverified } = CHECKSUMS;
  return {
    good: make(good),
    bad: make(bad),
    unfilled: make(unfilled),
    absent: make(absent),
    unverified: make(unverified),
  };
}

/** Where the header of `protocol` has its checksum: TCP, UDP, ICMP or ICMPv6. */
export function checksumOffset(protocol: number): number {
  if (protocol === IpProtocol.tcp) return TcpOffset.checksum;
  return protocol === IpProtocol.udp ? UdpOffset.checksum : IcmpOffset.checksum;
}

/** The usual Geneve header: version 0, two words of options, C without O, a frame inside; OVN's option alone. */
const USUAL_GENEVE = 0x02406558;
const USUAL_OPTION = 0x01028001;

/** Whether the Geneve header at `start` is one that JsonHeaders knows, with the usual fields and no reserved bit. */
export function isUsualGeneve(view: DataView, start: number, end: number): boolean {
  return (
    end === start + 16 &&
    view.getInt32(start) === USUAL_GENEVE &&
    (view.getInt32(start + 4) & 0xff) === 0 &&
    view.getInt32(start + 8) === USUAL_OPTION
  );
}

/**
 * Writes headers at `at` of `out` and returns the offset behind. `end`: behind the last byte that is there of the
 * packet they are in.
 */
export class JsonHeaders {
  readonly #verifier = new ChecksumVerifier();
  readonly #checksums = byVerdict((checksum) => new Literal(checksum));
  /** From the addresses of an IPv4 header to its identification, by TTL and TOS. */
  readonly #lifetimes = new LiteralTable(
    1 << 16,
    (both) => `","ttl":${both >> 8},"tos":${both & 0xff},"id":`,
  );
  /** What is behind its length, by protocol and DF. */
  readonly #ipv4Ends = byVerdict(
    (checksum) =>
      new LiteralTable(
        1 << 9,
        (both) => `,"protocol":${both >> 1},"dontFragment":${(both & 1) === 1}${checksum}`,
      ),
  );
  readonly #tcpFlags = new LiteralTable(
    TcpMask.flags + 1,
    (flags) => `,"flags":${JSON.stringify(tcpFlags(flags))}`,
  );

  /** The inner Ethernet header from `start` to `end`, with its tags. */
  ethernet(out: DataView, at: number, view: DataView, start: number, end: number): number {
    let next = putMac(out, putLiteral(out, at, ETHERNET), view, start + EthernetOffset.source);
    next = putMac(out, putLiteral(out, next, TO), view, start + EthernetOffset.destination);
    next = putNumber(out, putLiteral(out, next, TYPE), view.getUint16(end - 2));
    next = putLiteral(out, next, VLANS);
    for (let tag = start + EthernetOffset.type; tag < end - 2; tag += VLAN_TAG_BYTES) {
      const tci = view.getUint16(tag + 2);
      next = putLiteral(out, next, tag === start + EthernetOffset.type ? TPID : NEXT_TPID);
      next = putNumber(out, next, view.getUint16(tag));
      next = putNumber(out, putLiteral(out, next, VLAN), tci & TciMask.vlan);
      next = putNumber(out, putLiteral(out, next, PRIORITY), tci >>> TciMask.priorityShift);
      next = putLiteral(out, next, (tci & TciMask.dropEligible) !== 0 ? DROP_ELIGIBLE : NOT_DROP_ELIGIBLE);
    }
    return putLiteral(out, next, NO_MORE_VLANS);
  }

  /** A Geneve header that isUsualGeneve. */
  geneve(out: DataView, at: number, view: DataView, start: number): number {
    const next = putNumber(out, putLiteral(out, at, GENEVE), view.getInt32(start + 4) >>> 8);
    return putLiteral(
      out,
      putHexBytes(out, putLiteral(out, next, OPTION), view, start + 12, 4),
      NO_MORE_OPTIONS,
    );
  }

  /** The IPv4 header at `ip`, without options and no fragment's, and a comma. */
  ipv4(out: DataView, at: number, view: DataView, ip: number, end: number): number {
    let next = putIpv4(out, putLiteral(out, at, IPV4), view, ip + Ipv4Offset.source);
    next = putIpv4(out, putLiteral(out, next, TO), view, ip + Ipv4Offset.destination);
    const ttl = view.getUint8(ip + Ipv4Offset.ttl);
    next = putLiteral(out, next, this.#lifetimes.at((ttl << 8) | view.getUint8(ip + Ipv4Offset.service)));
    next = putNumber(out, next, view.getUint16(ip + Ipv4Offset.identification));
    next = putNumber(out, putLiteral(out, next, LENGTH), view.getUint16(ip + Ipv4Offset.totalLength));
    const isWhole = (view.getUint16(ip + Ipv4Offset.fragment) & Ipv4Mask.dontFragment) !== 0;
    const verdict = this.#verifier.header(view, ip, end, EtherType.ipv4);
    const ends = this.#ipv4Ends[verdict];
    next = putLiteral(out, next, ends.at(2 * view.getUint8(ip + Ipv4Offset.protocol) + Number(isWhole)));
    if (isOpen(verdict)) next = putChecksum(out, next, view, ip + Ipv4Offset.checksum);
    return putLiteral(out, next, COMMA);
  }

  /** The IPv6 header at `ip`, without extension headers, and a comma. */
  ipv6(out: DataView, at: number, view: DataView, ip: number): number {
    const first = view.getUint32(ip);
    let next = putIpv6(out, putLiteral(out, at, IPV6), view, ip + Ipv6Offset.source);
    next = putIpv6(out, putLiteral(out, next, TO), view, ip + Ipv6Offset.destination);
    next = putNumber(out, putLiteral(out, next, TTL), view.getUint8(ip + Ipv6Offset.hopLimit));
    next = putNumber(out, putLiteral(out, next, TOS), (first >>> 20) & 0xff);
    next = putNumber(out, putLiteral(out, next, FLOW_LABEL), first & 0xfffff);
    next = putNumber(out, putLiteral(out, next, LENGTH), view.getUint16(ip + Ipv6Offset.payloadLength));
    next = putNumber(out, putLiteral(out, next, PROTOCOL), view.getUint8(ip + Ipv6Offset.nextHeader));
    return putLiteral(out, next, CLOSE);
  }

  /**
   * The header of `protocol` at `transport`, in the packet of EtherType `type` at `ip`: UDP, TCP, ICMP, or an
   * echo of ICMPv6.
   */
  transport(
    out: DataView,
    at: number,
    view: DataView,
    ip: number,
    end: number,
    type: number,
    protocol: number,
    transport: number,
  ): number {
    let next = at;
    if (protocol === IpProtocol.udp) next = udp(out, at, view, transport);
    else if (protocol === IpProtocol.tcp) next = this.#tcp(out, at, view, transport);
    else next = icmp(out, at, view, transport, protocol === IpProtocol.icmp ? ICMP : ICMPV6);
    const verdict = this.#verifier.transport(view, ip, end, type, protocol, transport);
    next = putLiteral(out, next, this.#checksums[verdict]);
    return isOpen(verdict) ? putChecksum(out, next, view, transport + checksumOffset(protocol)) : next;
  }

  /** The bytes from `start` to `end` as the payload, where there are any. */
  payload(out: DataView, at: number, view: DataView, start: number, end: number): number {
    if (start === end) return at;
    const next = putHexBytes(out, putLiteral(out, at, PAYLOAD), view, start, end - start);
    return putLiteral(out, next, QUOTE);
  }

  #tcp(out: DataView, at: number, view: DataView, start: number): number {
    const bits = view.getUint16(start + TcpOffset.dataOffsetFlags);
    let next = ports(out, putLiteral(out, at, TCP), view, start);
    next = putUint32(out, putLiteral(out, next, SEQ), view, start + TcpOffset.sequence);
    next = putUint32(out, putLiteral(out, next, ACK), view, start + TcpOffset.acknowledgment);
    next = putLiteral(out, next, this.#tcpFlags.at(bits & TcpMask.flags));
    next = putNumber(out, putLiteral(out, next, WINDOW), view.getUint16(start + TcpOffset.window));
    next = putNumber(out, putLiteral(out, next, URGENT), view.getUint16(start + TcpOffset.urgent));
    const options = (bits >>> TcpMask.dataOffsetShift) * 4 - TCP_HEADER_BYTES;
    if (options <= 0) return next;
    next = putHexBytes(out, putLiteral(out, next, OPTIONS), view, start + TCP_HEADER_BYTES, options);
    return putLiteral(out, next, QUOTE);
  }
}

function udp(out: DataView, at: number, view: DataView, start: number): number {
  const next = ports(out, putLiteral(out, at, UDP), view, start);
  return putNumber(out, putLiteral(out, next, LENGTH), view.getUint16(start + UdpOffset.length));
}

function icmp(out: DataView, at: number, view: DataView, start: number, name: Literal): number {
  const type = view.getUint8(start + IcmpOffset.type);
  const code = view.getUint8(start + IcmpOffset.code);
  let next = putNumber(out, putLiteral(out, at, name), type);
  next = putNumber(out, putLiteral(out, next, CODE), code);
  if (name === ICMPV6 || type === IcmpType.echoRequest || type === IcmpType.echoReply) {
    next = putNumber(out, putLiteral(out, next, ID), view.getUint16(start + IcmpOffset.identifier));
    return putNumber(out, putLiteral(out, next, SEQ), view.getUint16(start + IcmpOffset.sequence));
  }
  next = putUint32(out, putLiteral(out, next, REST), view, start + IcmpOffset.rest);
  if (type !== IcmpType.unreachable || code !== ICMP_FRAGMENTATION_NEEDED) return next;
  return putNumber(out, putLiteral(out, next, MTU), view.getUint16(start + IcmpOffset.mtu));
}

/** The 16 bits of a checksum at `offset`, which end a header. */
function putChecksum(out: DataView, at: number, view: DataView, offset: number): number {
  return putLiteral(out, putNumber(out, at, view.getUint16(offset)), NO_MORE);
}

/** UDP's and TCP's ports, which begin both headers. */
function ports(out: DataView, at: number, view: DataView, start: number): number {
  const next = putNumber(out, at, view.getUint16(start + UdpOffset.source));
  return putNumber(out, putLiteral(out, next, DESTINATION), view.getUint16(start + UdpOffset.destination));
}
