import { readLayers } from "../frame/layers.js";
import { Ipv4Offset } from "../wire/ipv4.js";
import { Ipv6Offset } from "../wire/ipv6.js";
import { LinkType } from "../wire/linktype.js";

/** The UDP source ports of tunnels: from the first to before the last, Linux's range of ephemeral ports. */
const FIRST_PORT = 32768;
const END_PORT = 61000;

/**
 * The UDP source port of a tunnel's packet, which tells the flows inside it apart for whoever spreads load
 * (RFC 8926 section 3.3): a hash of the inner frame's addresses, protocol and ports, the same for all packets of a
 * flow; of the MACs and the EtherType where it is not IP.
 */
export function entropyPort(inner: Uint8Array): number {
  const view = new DataView(inner.buffer, inner.byteOffset, inner.byteLength);
  const { layers } = readLayers(view, 0, inner.length, LinkType.ETHERNET, { bare: true });
  let hash = hashOf(inner, 0, 14);
  let isFragment = false;
  for (const layer of layers) {
    const { offset } = layer;
    if (layer.layer === "ipv4") {
      hash = hashOf(inner, offset + Ipv4Offset.source, offset + Ipv4Offset.options, layer.protocol);
      isFragment = layer.moreFragments || layer.fragmentOffset > 0;
    } else if (layer.layer === "ipv6") {
      hash = hashOf(inner, offset + Ipv6Offset.source, offset + Ipv6Offset.extensions, layer.nextHeader);
      // Whether it is one, and its protocol, stand in headers that all packets of a flow need not have.
      isFragment = layer.extensions.length > 0;
    } else if ((layer.layer === "udp" || layer.layer === "tcp" || layer.layer === "sctp") && !isFragment)
      hash = hashOf(inner, offset, offset + 4, hash);
  }
  return FIRST_PORT + Math.floor((hash / 0x1_0000_0000) * (END_PORT - FIRST_PORT));
}

/** FNV-1a of the bytes `start` to `end`, as far as they are there, and an avalanche so that high bits depend on all. */
function hashOf(bytes: Uint8Array, start: number, end: number, seed = 0): number {
  let hash = 0x811c9dc5 ^ seed;
  for (let at = start; at < Math.min(end, bytes.length); at++) hash = Math.imul(hash ^ bytes[at], 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
