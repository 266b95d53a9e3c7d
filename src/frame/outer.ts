/* Where the outer addresses of a decoded packet lie, and what they are; only where there is an outer IP header. */
import { readIpv4, readIpv6 } from "../wire/address.js";
import { Ipv4Offset } from "../wire/ipv4.js";
import { Ipv6Offset } from "../wire/ipv6.js";
import { type FrameBatch, FrameFlag } from "./columns.js";

/** True where the outer IP header of packet `i` is IPv6. */
export function isOuterIpv6(frames: FrameBatch, i: number): boolean {
  return (frames.flags[i] & FrameFlag.outerIpv6) !== 0;
}

/** Offset of the outer source address of packet `i` in the batch's bytes. */
export function outerSourceAt(frames: FrameBatch, i: number): number {
  return frames.outerIp[i] + (isOuterIpv6(frames, i) ? Ipv6Offset.source : Ipv4Offset.source);
}

/** As outerSourceAt, for the destination. */
export function outerDestinationAt(frames: FrameBatch, i: number): number {
  return frames.outerIp[i] + (isOuterIpv6(frames, i) ? Ipv6Offset.destination : Ipv4Offset.destination);
}

/** Words of both outer addresses of any packet. */
export const OUTER_WORDS = 8;

/** Puts the outer addresses of packet `i` into the first OUTER_WORDS of `words`: two of IPv4, and zeros, or eight. */
export function putOuterWords(view: DataView, frames: FrameBatch, i: number, words: Int32Array): void {
  // The destination is right behind the source.
  const source = outerSourceAt(frames, i);
  const many = isOuterIpv6(frames, i) ? OUTER_WORDS : 2;
  for (let word = 0; word < OUTER_WORDS; word++)
    words[word] = word < many ? view.getInt32(source + 4 * word) : 0;
}

/** The text of the outer address of packet `i` at `offset`. */
export function outerAddress(view: DataView, frames: FrameBatch, i: number, offset: number): string {
  return isOuterIpv6(frames, i) ? readIpv6(view, offset) : readIpv4(view, offset);
}
