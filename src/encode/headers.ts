/* Headers for frames that are built: what writeLayers works out stands in them as a mark. */
import type { HeaderLayer } from "../frame/layers.js";
import { ipVersion } from "../wire/address.js";
import { ranged, WireError } from "../wire/error.js";
import { EtherType } from "../wire/ethertype.js";
import type { VlanTag } from "../wire/vlan.js";

/** Outside the tunnel, or in it. */
export type Depth = 0 | 1;

/** Both ends of an Ethernet frame, and its tags from the outermost in. */
export interface LinkFields {
  sourceMac: string;
  destinationMac: string;
  tags: VlanTag[];
}

/** Of an IP header what there is to say. */
export interface IpFields {
  /** Addresses, both of one version, which is the header's. */
  source: string;
  destination: string;
  ttl: number;
  /** 0 to 63. */
  dscp: number;
  /** Of IPv4. */
  dontFragment: boolean;
}

/** Stands where a length or checksum is worked out: not 0, which would mean that there is none. */
const TO_BE_SET = 1;
/** The window of a TCP header that nobody reads. */
const WINDOW = 0xffff;
const NO_BYTES = new Uint8Array(0);
/** In IPv6's traffic class the DSCP is above two bits of ECN. */
const DSCP_SHIFT = 2;
const DSCP_MAX = 0x3f;

export function ethernetLayer(depth: Depth, fields: LinkFields, etherType: number): HeaderLayer<"ethernet"> {
  const { sourceMac: source, destinationMac: destination, tags } = fields;
  return { layer: "ethernet", depth, offset: 0, destination, source, tags, etherType };
}

/** The version of both addresses; a WireError where they have none in common. */
export function commonVersion(what: string, source: string, destination: string): 4 | 6 {
  const version = ipVersion(source);
  if (version !== 0 && ipVersion(destination) === version) return version;
  throw new WireError(
    "ERR_WIRE_SYNTAX",
    what,
    "addresses",
    `${JSON.stringify(source)} and ${JSON.stringify(destination)} are not IP addresses of one version`,
  );
}

/** The EtherType of the network header with these addresses. */
export function etherTypeOf(version: 4 | 6): number {
  return version === 4 ? EtherType.ipv4 : EtherType.ipv6;
}

export function ipLayer(
  depth: Depth,
  { source, destination, ttl, dscp, dontFragment }: IpFields,
  protocol: number,
): HeaderLayer<"ipv4" | "ipv6"> {
  const version = commonVersion(depth === 0 ? "outer" : "inner", source, destination);
  const place = { depth, offset: 0, source, destination };
  if (version === 4)
    return {
      layer: "ipv4",
      ...place,
      dscp,
      ecn: 0,
      totalLength: TO_BE_SET,
      // What is never taken apart needs none (RFC 6864 section 4.1).
      identification: 0,
      reservedFlag: false,
      dontFragment,
      moreFragments: false,
      fragmentOffset: 0,
      ttl,
      protocol,
      checksum: TO_BE_SET,
      options: NO_BYTES,
    };
  ranged("ipv6", "dscp", dscp, DSCP_MAX);
  return {
    layer: "ipv6",
    ...place,
    trafficClass: dscp << DSCP_SHIFT,
    flowLabel: 0,
    payloadLength: TO_BE_SET,
    nextHeader: protocol,
    hopLimit: ttl,
    extensions: NO_BYTES,
  };
}

/** A UDP header, with a checksum or without. */
export function udpLayer(
  depth: Depth,
  source: number,
  destination: number,
  hasChecksum = true,
): HeaderLayer<"udp"> {
  const checksum = hasChecksum ? TO_BE_SET : 0;
  return { layer: "udp", depth, offset: 0, source, destination, length: TO_BE_SET, checksum };
}

/** A TCP header. */
export function tcpLayer(
  depth: Depth,
  source: number,
  destination: number,
  flags: number,
  acknowledgment = 0,
): HeaderLayer<"tcp"> {
  return {
    layer: "tcp",
    depth,
    offset: 0,
    source,
    destination,
    sequence: 0,
    acknowledgment,
    reserved: 0,
    flags,
    window: WINDOW,
    checksum: TO_BE_SET,
    urgent: 0,
    options: NO_BYTES,
  };
}
