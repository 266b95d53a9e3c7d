import type { PacketBatch } from "../capture/batch.js";
import { type FrameBatch, FrameFlag } from "../frame/columns.js";
import { FrameStatus } from "../frame/status.js";
import { BFD_MULTIHOP_PORT, BFD_PORT } from "../wire/bfd.js";
import { EtherType, IpProtocol } from "../wire/ethertype.js";
import { Icmpv6Type } from "../wire/icmpv6.js";
import { Ipv4Mask, Ipv4Offset } from "../wire/ipv4.js";
import { Ipv6Offset } from "../wire/ipv6.js";
import { TcpMask, TcpOffset } from "../wire/tcp.js";
import { UdpOffset } from "../wire/udp.js";
import { checksumOffset, isUsualGeneve } from "./json-headers.js";

/** Bytes of UDP's header, ICMP's, and that of an echo of ICMPv6. */
const PLAIN_HEADER_BYTES = 8;

/** Bytes of a link header that can be a key of KeptTexts, and of an inner Ethernet header with its tags. */
const LONGEST_LINK = 36;
/** What the flags and the offset of a plain IPv4 header have no bit of. */
const ODD_FRAGMENT = Ipv4Mask.reservedFlag | Ipv4Mask.moreFragments | Ipv4Mask.fragmentOffset;
const TCP_RESERVED = TcpMask.reserved << TcpMask.reservedShift;
/** A checksum that may be right where 0 is, too, which is what `encode` would make of it. */
const OTHER_ZERO = 0xffff;
const ODD = FrameFlag.oam | FrameFlag.bfd | FrameFlag.fragment | FrameFlag.bare | FrameFlag.otherTunnel;

/**
 * Whether packet `i` has only headers that JsonHeaders knows, none of them cut or long, with nothing behind the bytes
 * that they count.
 */
export function isPlain(
  { view, offset, capturedBytes }: PacketBatch,
  frames: FrameBatch,
  i: number,
): boolean {
  const flags = frames.flags[i];
  if (frames.status[i] !== FrameStatus.ok || (flags & FrameFlag.ovn) === 0 || (flags & ODD) !== 0)
    return false;
  const ip = frames.outerIp[i];
  const udp = frames.udp[i];
  const inner = frames.inner[i];
  const innerEnd = frames.innerEnd[i];
  const network = frames.innerNetwork[i];
  const transport = frames.innerTransport[i];
  const type = frames.innerType[i];
  const end = offset[i] + capturedBytes[i];
  return (
    ip - offset[i] <= LONGEST_LINK &&
    isPlainIp(view, ip, udp, end, (flags & FrameFlag.outerIpv6) !== 0) &&
    udp + view.getUint16(udp + UdpOffset.length) === end &&
    innerEnd === end &&
    isUsualGeneve(view, frames.geneve[i], inner) &&
    network - inner <= LONGEST_LINK &&
    isPlainIp(view, network, transport, end, type === EtherType.ipv6) &&
    isPlainTransport(view, transport, end, type, frames.innerProtocol[i])
  );
}

/** Whether an IP header has its least length, is no fragment's, and its packet ends at `end`; `next` is behind it. */
function isPlainIp(view: DataView, ip: number, next: number, end: number, ipv6: boolean): boolean {
  if (ipv6) return next === ip + 40 && next + view.getUint16(ip + Ipv6Offset.payloadLength) === end;
  return (
    next === ip + 20 &&
    ip + view.getUint16(ip + Ipv4Offset.totalLength) === end &&
    (view.getUint16(ip + Ipv4Offset.fragment) & ODD_FRAGMENT) === 0 &&
    view.getUint16(ip + Ipv4Offset.checksum) !== OTHER_ZERO
  );
}

/** Whether it is a header that JsonHeaders knows, in a packet of this EtherType that ends at `end`. */
function isPlainTransport(
  view: DataView,
  transport: number,
  end: number,
  type: number,
  protocol: number,
): boolean {
  if (transport < 0 || (type !== EtherType.ipv4 && type !== EtherType.ipv6)) return false;
  if (protocol === IpProtocol.udp) {
    const port = view.getUint16(transport + UdpOffset.destination);
    const bytes = view.getUint16(transport + UdpOffset.length);
    return port !== BFD_PORT && port !== BFD_MULTIHOP_PORT && transport + bytes === end;
  }
  if (view.getUint16(transport + checksumOffset(protocol)) === OTHER_ZERO) return false;
  switch (protocol) {
    case IpProtocol.tcp:
      return (view.getUint16(transport + TcpOffset.dataOffsetFlags) & TCP_RESERVED) === 0;
    case IpProtocol.icmp:
      return type === EtherType.ipv4;
    case IpProtocol.icmpv6:
      return type === EtherType.ipv6 && isEcho(view.getUint8(transport));
    default:
      return false;
  }
}

/** Bytes of a transport header that is plain. */
export function transportLength(view: DataView, protocol: number, transport: number): number {
  if (protocol !== IpProtocol.tcp) return PLAIN_HEADER_BYTES;
  return (view.getUint8(transport + TcpOffset.dataOffsetFlags) >>> 4) * 4;
}

function isEcho(icmpv6Type: number): boolean {
  return icmpv6Type === Icmpv6Type.echoRequest || icmpv6Type === Icmpv6Type.echoReply;
}
