import { ETHERNET_HEADER_BYTES, EthernetOffset } from "../wire/ethernet.js";
import { EtherType, IpProtocol } from "../wire/ethertype.js";
import { IPV4_HEADER_BYTES, Ipv4Mask, Ipv4Offset } from "../wire/ipv4.js";
import { IPV6_HEADER_BYTES, Ipv6Offset } from "../wire/ipv6.js";
import { isTpid, skipTags } from "../wire/vlan.js";

// A module's own constants are compiled in; what is imported is looked up at each use.
const TYPE = EthernetOffset.type;
const HEADER_BYTES = ETHERNET_HEADER_BYTES;
const IPV4 = EtherType.ipv4;
const IPV6 = EtherType.ipv6;
const IPV4_BYTES = IPV4_HEADER_BYTES;
const IPV6_BYTES = IPV6_HEADER_BYTES;
const TCP = IpProtocol.tcp;
const UDP = IpProtocol.udp;
const SCTP = IpProtocol.sctp;
const IPV4_PROTOCOL = Ipv4Offset.protocol;
const IPV4_SOURCE = Ipv4Offset.source;
const IPV4_OPTIONS = Ipv4Offset.options;
const IPV4_FRAGMENT = Ipv4Offset.fragment;
const IPV4_IHL = Ipv4Offset.versionIhl;
const IHL = Ipv4Mask.ihl;
const IPV6_PROTOCOL = Ipv6Offset.nextHeader;
const IPV6_SOURCE = Ipv6Offset.source;
const IPV6_EXTENSIONS = Ipv6Offset.extensions;
const FRAGMENT = Ipv4Mask.moreFragments | Ipv4Mask.fragmentOffset;
/** Source and destination port together. */
const PORTS_BYTES = 4;
/** The source ports of tunnels: from the first to before the last, Linux's range of ephemeral ports. */
const FIRST_PORT = 32768;
const END_PORT = 61000;

/**
 * The UDP source port of a tunnel's packet, which tells the flows inside it apart for whoever spreads load
 * (RFC 8926 section 3.3): a hash of the inner frame's addresses, protocol and ports, the same for all packets of a
 * flow; of the MACs and the EtherType where it is not IP. STT has it in the same place.
 */
export function entropyPort(inner: Uint8Array): number {
  return entropyPortAt(new DataView(inner.buffer, inner.byteOffset, inner.length), 0, inner.length);
}

/** The same for the frame from `start` to `end`, which may be cut. */
export function entropyPortAt(view: DataView, start: number, end: number): number {
  // The upper half depends on all bits. Of its product, less than 2^31, the upper half is the place in the range.
  return FIRST_PORT + (((flowHash(view, start, end) >>> 16) * (END_PORT - FIRST_PORT)) >>> 16);
}

function flowHash(view: DataView, start: number, end: number): number {
  if (end - start < HEADER_BYTES) return 0;
  let type = view.getUint16(start + TYPE);
  let ip = start + HEADER_BYTES;
  if (isTpid(type)) {
    ip = skipTags(view, start + TYPE, ip, end);
    type = ip < 0 ? 0 : view.getUint16(ip - 2);
  }
  let protocol = 0;
  let hash: number;
  // Where ports would be; none where not all packets of the flow have them.
  let ports = end;
  if (type === IPV4 && end - ip >= IPV4_BYTES) {
    protocol = view.getUint8(ip + IPV4_PROTOCOL);
    hash = mixed(view, ip + IPV4_SOURCE, ip + IPV4_OPTIONS);
    if ((view.getUint16(ip + IPV4_FRAGMENT) & FRAGMENT) === 0)
      ports = ip + 4 * (view.getUint8(ip + IPV4_IHL) & IHL);
  } else if (type === IPV6 && end - ip >= IPV6_BYTES) {
    // Behind extension headers are none: whether it is a fragment, and its protocol, stand there.
    protocol = view.getUint8(ip + IPV6_PROTOCOL);
    hash = mixed(view, ip + IPV6_SOURCE, ip + IPV6_EXTENSIONS);
    ports = ip + IPV6_BYTES;
  } else hash = mixed(view, start, start + TYPE) ^ view.getUint16(start + TYPE);
  const hasPorts = protocol === TCP || protocol === UDP || protocol === SCTP;
  if (hasPorts && ports + PORTS_BYTES <= end) hash ^= Math.imul(view.getInt32(ports), 0x85ebca6b);
  hash ^= protocol;
  return Math.imul(hash ^ (hash >>> 15), 0xcc9e2d51);
}

/** The words from `from` to `to` in a hash. */
function mixed(view: DataView, from: number, to: number): number {
  let hash = 0;
  for (let at = from; at < to; at += 4) hash = Math.imul(hash ^ view.getInt32(at), 0x9e3779b1);
  return hash;
}
