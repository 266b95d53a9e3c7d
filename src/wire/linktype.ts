/*
 * Link types: what the first byte of a captured packet is the start of. The registry is
 * https://www.tcpdump.org/linktypes.html; pcap and pcapng files carry these numbers.
 */

/** The LINKTYPE_ numbers this package reads, by their registered names. */
export const LinkType = {
  /** BSD loopback: an address family in the capturing host's byte order. */
  NULL: 0,
  ETHERNET: 1,
  /** DLT_RAW as some BSDs number it: bare IP, version from its first nibble. */
  RAW_BSD: 12,
  /** DLT_RAW as OpenBSD numbers it. */
  RAW_OPENBSD: 14,
  /** Bare IP, version from its first nibble. */
  RAW: 101,
  /** OpenBSD loopback: an address family in network byte order. */
  LOOP: 108,
  /** Linux "cooked" capture, version 1. */
  LINUX_SLL: 113,
  IPV4: 228,
  IPV6: 229,
  /** Linux "cooked" capture, version 2: what `tcpdump -i any` writes. */
  LINUX_SLL2: 276,
} as const;

/** One of the {@link LinkType} numbers. */
export type LinkType = (typeof LinkType)[keyof typeof LinkType];

const names = new Map<number, string>([
  [LinkType.NULL, "NULL"],
  [LinkType.ETHERNET, "ETHERNET"],
  [LinkType.RAW_BSD, "RAW"],
  [LinkType.RAW_OPENBSD, "RAW"],
  [LinkType.RAW, "RAW"],
  [LinkType.LOOP, "LOOP"],
  [LinkType.LINUX_SLL, "LINUX_SLL"],
  [LinkType.IPV4, "IPV4"],
  [LinkType.IPV6, "IPV6"],
  [LinkType.LINUX_SLL2, "LINUX_SLL2"],
]);

/** True for a link type this package reads. */
export function isKnownLinkType(linkType: number): linkType is LinkType {
  return names.has(linkType);
}

/** The registered name without `LINKTYPE_`, or the number as text for one this package does not read. */
export function linkTypeName(linkType: number): string {
  return names.get(linkType) ?? String(linkType);
}
