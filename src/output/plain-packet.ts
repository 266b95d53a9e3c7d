import type { PacketBatch } from "../capture/batch.js";
import { type FrameBatch, FrameFlag } from "../frame/columns.js";
import { FrameStatus } from "../frame/status.js";
import { BFD_MULTIHOP_PORT, BFD_PORT } from "../wire/bfd.js";
import { EtherType, IpProtocol } from "../wire/ethertype.js";
import { Icmpv6Type } from "../wire/icmpv6.js";
import { Ipv4Mask, Ipv4Offset } from "../wire/ipv4.js";
import { Ipv6Offset } from "../wire/ipv6.js";
import { UdpOffset } from "../wire/udp.js";
import { isUsualGeneve } from "./json-headers.js";

/** Bytes of a link header that can be a key of KeptTexts, and of an inner Ethernet header with its tags. */
const LONGEST_LINK = 36;
const FRAGMENT = Ipv4Mask.moreFragments | Ipv4Mask.fragmentOffset;
const ODD = FrameFlag.oam | FrameFlag.bfd | FrameFlag.fragment | FrameFlag.bare;

/** Whether packet `i` has only headers that JsonHeaders knows, none of them cut or long. */
export function isPlain({ view, offset }: PacketBatch, frames: FrameBatch, i: number): boolean {
  const flags = frames.flags[i];
  if (frames.status[i] !== FrameStatus.ok || (flags & FrameFlag.ovn) === 0 || (flags & ODD) !== 0)
    return false;
  const ip = frames.outerIp[i];
  const udp = frames.udp[i];
  const inner = frames.inner[i];
  const network = frames.innerNetwork[i];
  const transport = frames.innerTransport[i];
  const type = frames.innerType[i];
  return (
    ip - offset[i] <= LONGEST_LINK &&
    isPlainIp(view, ip, udp, (flags & FrameFlag.outerIpv6) !== 0) &&
    view.getUint16(udp + UdpOffset.length) !== 0 &&
    isUsualGeneve(view, frames.geneve[i], inner) &&
    network - inner <= LONGEST_LINK &&
    isPlainIp(view, network, transport, type === EtherType.ipv6) &&
    isPlainTransport(view, transport, type, frames.innerProtocol[i])
  );
}

/** Whether an IP header has its least length, says how long its packet is, and is no fragment's; `next` is behind it. */
function isPlainIp(view: DataView, ip: number, next: number, ipv6: boolean): boolean {
  if (ipv6) return next === ip + 40 && view.getUint16(ip + Ipv6Offset.payloadLength) !== 0;
  return (
    next === ip + 20 &&
    view.getUint16(ip + Ipv4Offset.totalLength) !== 0 &&
    (view.getUint16(ip + Ipv4Offset.fragment) & FRAGMENT) === 0
  );
}

/** Whether it is a header that JsonHeaders knows, in a packet of this EtherType. */
function isPlainTransport(view: DataView, transport: number, type: number, protocol: number): boolean {
  if (transport < 0 || (type !== EtherType.ipv4 && type !== EtherType.ipv6)) return false;
  switch (protocol) {
    case IpProtocol.tcp:
      return true;
    case IpProtocol.udp: {
      const port = view.getUint16(transport + UdpOffset.destination);
      return port !== BFD_PORT && port !== BFD_MULTIHOP_PORT;
    }
    case IpProtocol.icmp:
      return type === EtherType.ipv4;
    case IpProtocol.icmpv6:
      return type === EtherType.ipv6 && isEcho(view.getUint8(transport));
    default:
      return false;
  }
}

function isEcho(icmpv6Type: number): boolean {
  return icmpv6Type === Icmpv6Type.echoRequest || icmpv6Type === Icmpv6Type.echoReply;
}
