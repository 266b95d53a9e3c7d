/*
 * The Internet checksum, RFC 1071, and what it covers: the IPv4 header (RFC 791), and UDP, TCP and ICMPv6
 * with a pseudo header (RFC 768, RFC 9293, RFC 8200 section 8.1), ICMP (RFC 792) without one.
 *
 * A sum is an ordinary number that has not been folded; functions take the sum so far and give it back, so
 * that parts add up. All offsets are into the view and may be odd.
 */

import { IPV6_BYTES } from "./address.js";
import { Ipv4Offset } from "./ipv4.js";
import { UdpOffset } from "./udp.js";

/** What a stored checksum is worth. */
export const ChecksumVerdict = {
  /** None was sent: UDP's 0. */
  absent: 0,
  good: 1,
  bad: 2,
} as const;

/** One of the {@link ChecksumVerdict} numbers. */
export type ChecksumVerdict = (typeof ChecksumVerdict)[keyof typeof ChecksumVerdict];

const verdictTexts = ["absent", "good", "bad"] as const;

/** The word for a {@link ChecksumVerdict}. */
export function checksumVerdictText(verdict: ChecksumVerdict): "absent" | "good" | "bad" {
  return verdictTexts[verdict];
}

/** Bytes summed between two folds: halves of 32-bit words stay far below 2^31. */
const CHUNK_BYTES = 1 << 14;

/**
 * `sum` plus the 16-bit words of the bytes `start` to `end`; an odd last byte counts as the high half of a
 * word. Sixteen bytes a step. `sum` and the result are below 2^31.
 */
export function addToSum(view: DataView, start: number, end: number, sum = 0): number {
  let total = foldSum(sum);
  let at = start;
  while (at < end) {
    const chunkEnd = Math.min(end, at + CHUNK_BYTES);
    for (const stop = chunkEnd - 15; at < stop; at += 16) {
      const a = view.getUint32(at);
      const b = view.getUint32(at + 4);
      const c = view.getUint32(at + 8);
      const d = view.getUint32(at + 12);
      total += (a >>> 16) + (a & 0xffff) + (b >>> 16) + (b & 0xffff);
      total += (c >>> 16) + (c & 0xffff) + (d >>> 16) + (d & 0xffff);
    }
    for (const stop = chunkEnd - 1; at < stop; at += 2) total += view.getUint16(at);
    if (at < chunkEnd) total += view.getUint8(at++) << 8;
    total = foldSum(total);
  }
  return total;
}

/** A sum folded to 16 bits, end-around carries added; not complemented. */
export function foldSum(sum: number): number {
  let folded = sum;
  while (folded > 0xffff) folded = (folded & 0xffff) + (folded >>> 16);
  return folded;
}

/** The checksum that a folded and complemented sum gives, 0 to 65535. */
export function finishSum(sum: number): number {
  return foldSum(sum) ^ 0xffff;
}

/** The sum of the pseudo header of an IPv4 packet whose header starts at `ip`; `length` counts the upper layer's bytes. */
export function pseudoSumIpv4(view: DataView, ip: number, protocol: number, length: number): number {
  const source = view.getUint32(ip + Ipv4Offset.source);
  const destination = view.getUint32(ip + Ipv4Offset.destination);
  const addresses = (source >>> 16) + (source & 0xffff) + (destination >>> 16) + (destination & 0xffff);
  return foldSum(addresses) + protocol + foldSum(length);
}

/**
 * The sum of the IPv6 pseudo header: 16 bytes at `source` and at `destination` (the final one: an Ipv6View's
 * `finalDestinationOffset`), the upper protocol and its length in bytes (32 bits).
 */
export function pseudoSumIpv6(
  view: DataView,
  source: number,
  destination: number,
  protocol: number,
  length: number,
): number {
  const addresses = addToSum(view, source, source + IPV6_BYTES);
  return addToSum(view, destination, destination + IPV6_BYTES, addresses) + protocol + foldSum(length);
}

/**
 * The checksum to store in the 16-bit field at `field` of the bytes `start` to `end` (whatever it holds
 * now), with the sum of a pseudo header. `field - start` is even.
 */
export function computeChecksum(
  view: DataView,
  start: number,
  end: number,
  field: number,
  pseudoSum = 0,
): number {
  return finishSum(addToSum(view, field + 2, end, addToSum(view, start, field, pseudoSum)));
}

/** `good` or `bad`: whether the bytes `start` to `end`, which hold their checksum, sum to nothing. */
export function verifyChecksum(view: DataView, start: number, end: number, pseudoSum = 0): ChecksumVerdict {
  return addToSum(view, start, end, pseudoSum) === 0xffff ? ChecksumVerdict.good : ChecksumVerdict.bad;
}

/** The checksum to store in the IPv4 header from `start` to `headerEnd` (an Ipv4View's `payloadStart`). */
export function computeIpv4Checksum(view: DataView, start: number, headerEnd: number): number {
  return computeChecksum(view, start, headerEnd, start + Ipv4Offset.checksum);
}

/** Whether the IPv4 header from `start` to `headerEnd` holds the right checksum. */
export function verifyIpv4Checksum(view: DataView, start: number, headerEnd: number): ChecksumVerdict {
  return verifyChecksum(view, start, headerEnd);
}

/**
 * The checksum to store in the UDP header at `start` for the datagram that ends at `end`: 0xffff where the
 * sum gives 0, which would mean that there is none (RFC 768).
 */
export function computeUdpChecksum(view: DataView, start: number, end: number, pseudoSum: number): number {
  return computeChecksum(view, start, end, start + UdpOffset.checksum, pseudoSum) || 0xffff;
}

/**
 * Whether the UDP datagram from `start` to `end` (all of it: a cut one cannot be judged) holds the right
 * checksum; `absent` for 0, which IPv6 allows to tunnels only (RFC 6935).
 */
export function verifyUdpChecksum(
  view: DataView,
  start: number,
  end: number,
  pseudoSum: number,
): ChecksumVerdict {
  if (view.getUint16(start + UdpOffset.checksum) === 0) return ChecksumVerdict.absent;
  return verifyChecksum(view, start, end, pseudoSum);
}

/**
 * True when the field holds the bare sum of the pseudo header: what Linux leaves there for the network card
 * to complete (CHECKSUM_PARTIAL). On the sending host such a "bad" checksum is no corruption.
 */
export function isUnfilledChecksum(stored: number, pseudoSum: number): boolean {
  return stored === foldSum(pseudoSum);
}
