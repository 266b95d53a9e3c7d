/*
 * IPv6, RFC 8200; extension headers: its section 4, AH: RFC 4302.
 *
 *   0                   1                   2                   3
 *   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |Version| Traffic Class |           Flow Label                  |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |         Payload Length        |  Next Header  |   Hop Limit   |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |                     Source Address (16)                       |
 *  |                   Destination Address (16)                    |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |  Next Header  | Hdr Ext Len   |  ... extension headers, each  |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+   8 * (len + 1) bytes; AH is  |
 *  |                                   4 * (len + 2), fragment 8   |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
import { readIpv6, writeIpv6 } from "./address.js";
import { copyBytes, putBytes, UNBOUND } from "./bytes.js";
import { ranged, room } from "./error.js";
import { IpProtocol } from "./ethertype.js";
import { Reason } from "./reason.js";

/** Byte offsets of the IPv6 header's fields, shared by reader and writer. */
export const Ipv6Offset = {
  versionClassFlow: 0,
  payloadLength: 4,
  nextHeader: 6,
  hopLimit: 7,
  source: 8,
  destination: 24,
  extensions: 40,
} as const;

/** Masks and shifts inside the first word. */
export const Ipv6Mask = { versionShift: 28, classShift: 20, trafficClass: 0xff, flowLabel: 0xfffff } as const;

/** Byte offsets and masks inside an extension header; the last three belong to the fragment header. */
export const Ipv6ExtensionOffset = { nextHeader: 0, length: 1, fragment: 2, identification: 4 } as const;
export const Ipv6FragmentMask = { offsetShift: 3, moreFragments: 0x0001 } as const;

/** Bytes in an IPv6 header without extension headers. */
export const IPV6_HEADER_BYTES = 40;

/**
 * An IPv6 header as plain values. `payloadLength` in bytes behind the fixed header, as stored;
 * `extensions`: the raw extension headers, whole, in their order. The upper protocol is not stored: it is
 * the first byte of the last extension header, or `nextHeader` where there is none.
 */
export interface Ipv6Record {
  trafficClass: number;
  flowLabel: number;
  payloadLength: number;
  nextHeader: number;
  hopLimit: number;
  source: string;
  destination: string;
  extensions: Uint8Array;
}

/**
 * An IPv6 header and its extension headers over the caller's bytes. Rebind it for each packet, never keep
 * it: its getters read the bytes of the last `bind`. `toRecord()` copies.
 */
export class Ipv6View {
  #view: DataView;
  #start = 0;
  #fragmentStart = -1;
  #finalDestination = 0;
  /** Offset of the upper layer: behind the last extension header that is whole. */
  payloadStart = 0;
  /** Offset behind the last payload byte: the smaller of what `payloadLength` says and what is there. */
  payloadEnd = 0;
  /** Protocol number of the upper layer; of the extension header that does not fit after `badOption`. */
  protocol = 0;

  constructor(view: DataView = UNBOUND) {
    this.#view = view;
  }

  /**
   * Points the view at the bytes `start` to `end` of `view` and walks the extension headers: hop-by-hop,
   * routing, fragment, destination options and AH; ESP, "no next header" and a later fragment end the walk.
   * Payload length 0 (jumbogram or GSO segment) means: to `end`.
   * Returns `ok`, `short`, `badVersion`, `badOption` (an extension header runs past the payload, or past
   * `end` in a cut packet; everything before it is readable) or `lengthBeyondData`.
   */
  bind(view: DataView, start: number, end: number): Reason {
    this.#view = view;
    this.#start = start;
    this.#fragmentStart = -1;
    this.#finalDestination = start + Ipv6Offset.destination;
    this.payloadStart = start + IPV6_HEADER_BYTES;
    this.payloadEnd = end;
    this.protocol = IpProtocol.noNext;
    if (end - start < IPV6_HEADER_BYTES) return Reason.short;
    if (view.getUint32(start) >>> Ipv6Mask.versionShift !== 6) return Reason.badVersion;
    this.protocol = view.getUint8(start + Ipv6Offset.nextHeader);
    const payloadLength = view.getUint16(start + Ipv6Offset.payloadLength);
    let reason: Reason = Reason.ok;
    if (payloadLength > end - this.payloadStart) reason = Reason.lengthBeyondData;
    else if (payloadLength > 0) this.payloadEnd = this.payloadStart + payloadLength;
    return this.#walk() ? reason : Reason.badOption;
  }

  /** Moves `payloadStart` and `protocol` past the extension headers; false where one does not fit. */
  #walk(): boolean {
    const view = this.#view;
    for (;;) {
      const at = this.payloadStart;
      const kind = this.protocol;
      if (
        kind !== IpProtocol.hopByHop &&
        kind !== IpProtocol.routing &&
        kind !== IpProtocol.fragment &&
        kind !== IpProtocol.destinationOptions &&
        kind !== IpProtocol.authentication
      )
        return true;
      if (at + 2 > this.payloadEnd) return false;
      const length = view.getUint8(at + Ipv6ExtensionOffset.length);
      let bytes = 8 * (length + 1);
      if (kind === IpProtocol.fragment) bytes = 8;
      else if (kind === IpProtocol.authentication) bytes = 4 * (length + 2);
      if (at + bytes > this.payloadEnd) return false;
      if (kind === IpProtocol.routing) this.#noteRouting(at, bytes);
      this.payloadStart = at + bytes;
      this.protocol = view.getUint8(at + Ipv6ExtensionOffset.nextHeader);
      if (kind !== IpProtocol.fragment) continue;
      this.#fragmentStart = at;
      if (this.fragmentOffset !== 0) return true;
    }
  }

  /** Where a routing header with segments left keeps the address that the upper checksums cover. */
  #noteRouting(at: number, bytes: number): void {
    if (this.#view.getUint8(at + 3) === 0 || bytes < 24) return;
    const type = this.#view.getUint8(at + 2);
    if (type === 0 || type === 2) this.#finalDestination = at + bytes - 16;
    else if (type === 4) this.#finalDestination = at + 8;
  }

  /** Traffic class, 0 to 255: DSCP in the high six bits, ECN in the low two. */
  get trafficClass(): number {
    return (this.#view.getUint32(this.#start) >>> Ipv6Mask.classShift) & Ipv6Mask.trafficClass;
  }
  /** Flow label, 0 to 0xfffff (RFC 6437). */
  get flowLabel(): number {
    return this.#view.getUint32(this.#start) & Ipv6Mask.flowLabel;
  }
  /** Bytes behind the fixed header as stored; 0 in a jumbogram (RFC 2675) or GSO segment. */
  get payloadLength(): number {
    return this.#view.getUint16(this.#start + Ipv6Offset.payloadLength);
  }
  /** The type of the first header behind the fixed one; the upper layer is `protocol`. */
  get nextHeader(): number {
    return this.#view.getUint8(this.#start + Ipv6Offset.nextHeader);
  }
  /** Hop limit, 0 to 255. */
  get hopLimit(): number {
    return this.#view.getUint8(this.#start + Ipv6Offset.hopLimit);
  }
  /** Source address as RFC 5952 text. */
  get source(): string {
    return readIpv6(this.#view, this.#start + Ipv6Offset.source);
  }
  /** Destination address as RFC 5952 text. */
  get destination(): string {
    return readIpv6(this.#view, this.#start + Ipv6Offset.destination);
  }
  /** Offset of the 16 source bytes in the bound view. */
  get sourceOffset(): number {
    return this.#start + Ipv6Offset.source;
  }
  /** Offset of the 16 destination bytes in the bound view. */
  get destinationOffset(): number {
    return this.#start + Ipv6Offset.destination;
  }
  /**
   * Offset of the destination that upper-layer checksums cover (RFC 8200 section 8.1): the last address of a
   * routing header with segments left (type 0, 2; segment routing, RFC 8754), else the destination.
   */
  get finalDestinationOffset(): number {
    return this.#finalDestination;
  }
  /** True when there is a fragment header, also an atomic one (offset 0, no more fragments; RFC 6946). */
  get hasFragment(): boolean {
    return this.#fragmentStart >= 0;
  }
  /** Place of the payload in its datagram in units of eight bytes; 0 without a fragment header. */
  get fragmentOffset(): number {
    if (this.#fragmentStart < 0) return 0;
    const field = this.#view.getUint16(this.#fragmentStart + Ipv6ExtensionOffset.fragment);
    return field >>> Ipv6FragmentMask.offsetShift;
  }
  /** M: a fragment and not the last one. */
  get moreFragments(): boolean {
    if (this.#fragmentStart < 0) return false;
    const field = this.#view.getUint16(this.#fragmentStart + Ipv6ExtensionOffset.fragment);
    return (field & Ipv6FragmentMask.moreFragments) !== 0;
  }
  /** The fragment header's 32-bit identification; 0 without one. */
  get identification(): number {
    if (this.#fragmentStart < 0) return 0;
    return this.#view.getUint32(this.#fragmentStart + Ipv6ExtensionOffset.identification);
  }

  toRecord(): Ipv6Record {
    return {
      trafficClass: this.trafficClass,
      flowLabel: this.flowLabel,
      payloadLength: this.payloadLength,
      nextHeader: this.nextHeader,
      hopLimit: this.hopLimit,
      source: this.source,
      destination: this.destination,
      extensions: copyBytes(this.#view, this.#start + Ipv6Offset.extensions, this.payloadStart),
    };
  }
}

/** Bytes {@link writeIpv6Header} writes for this record. */
export function ipv6HeaderBytes(record: Ipv6Record): number {
  return IPV6_HEADER_BYTES + record.extensions.length;
}

/**
 * Writes an IPv6 header and its raw extension headers at `offset` and returns their size in bytes.
 * `payloadLength` is written as given. Throws a WireError where a field does not fit.
 */
export function writeIpv6Header(view: DataView, offset: number, record: Ipv6Record): number {
  const bytes = ipv6HeaderBytes(record);
  room("ipv6", view, offset, bytes);
  const trafficClass = ranged("ipv6", "traffic class", record.trafficClass, Ipv6Mask.trafficClass);
  view.setUint32(
    offset + Ipv6Offset.versionClassFlow,
    ((6 << Ipv6Mask.versionShift) |
      (trafficClass << Ipv6Mask.classShift) |
      ranged("ipv6", "flow label", record.flowLabel, Ipv6Mask.flowLabel)) >>>
      0,
  );
  view.setUint16(
    offset + Ipv6Offset.payloadLength,
    ranged("ipv6", "payload length", record.payloadLength, 0xffff),
  );
  view.setUint8(offset + Ipv6Offset.nextHeader, ranged("ipv6", "next header", record.nextHeader, 0xff));
  view.setUint8(offset + Ipv6Offset.hopLimit, ranged("ipv6", "hop limit", record.hopLimit, 0xff));
  writeIpv6(view, offset + Ipv6Offset.source, record.source);
  writeIpv6(view, offset + Ipv6Offset.destination, record.destination);
  putBytes("ipv6", view, offset + Ipv6Offset.extensions, record.extensions);
  return bytes;
}
