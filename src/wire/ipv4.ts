/*
 * IPv4, RFC 791; DSCP and ECN: RFC 2474 and RFC 3168.
 *
 *   0                   1                   2                   3
 *   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |Version|  IHL  |    DSCP   |ECN|          Total Length         |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |         Identification        |R|D|M|     Fragment Offset     |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |  Time to Live |    Protocol   |        Header Checksum        |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |                        Source Address                         |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |                      Destination Address                      |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |                 Options (0 to 40 bytes) ...                   |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
import { readIpv4, writeIpv4 } from "./address.js";
import { copyBytes, putBytes, UNBOUND } from "./bytes.js";
import { ranged, room, WireError } from "./error.js";
import { Reason } from "./reason.js";

/** Byte offsets of the IPv4 header's fields, shared by reader and writer. */
export const Ipv4Offset = {
  versionIhl: 0,
  service: 1,
  totalLength: 2,
  identification: 4,
  fragment: 6,
  ttl: 8,
  protocol: 9,
  checksum: 10,
  source: 12,
  destination: 16,
  options: 20,
} as const;

/** Masks and shifts inside the fields of {@link Ipv4Offset}. */
export const Ipv4Mask = {
  ihl: 0x0f,
  versionShift: 4,
  ecn: 0x03,
  dscpShift: 2,
  reservedFlag: 0x8000,
  dontFragment: 0x4000,
  moreFragments: 0x2000,
  fragmentOffset: 0x1fff,
} as const;

/** Bytes in an IPv4 header without options, and the most its options can take. */
export const IPV4_HEADER_BYTES = 20;
export const IPV4_OPTIONS_MAX = 40;

/**
 * An IPv4 header as plain values. IHL is not among them: it follows from `options` (raw bytes, a multiple
 * of four). `totalLength` in bytes with the header (0: a segment larger than the field can say),
 * `fragmentOffset` in units of eight bytes, the checksum as stored.
 */
export interface Ipv4Record {
  dscp: number;
  ecn: number;
  totalLength: number;
  identification: number;
  reservedFlag: boolean;
  dontFragment: boolean;
  moreFragments: boolean;
  fragmentOffset: number;
  ttl: number;
  protocol: number;
  checksum: number;
  source: string;
  destination: string;
  options: Uint8Array;
}

/**
 * An IPv4 header over the caller's bytes. Rebind it for each packet, never keep it: its getters read the
 * bytes of the last `bind`. `toRecord()` copies.
 */
export class Ipv4View {
  #view: DataView;
  #start = 0;
  /** Offset of the first payload byte, behind the options. */
  payloadStart = 0;
  /** Offset behind the last payload byte: the smaller of what `totalLength` says and what is there. */
  payloadEnd = 0;

  constructor(view: DataView = UNBOUND) {
    this.#view = view;
  }

  /**
   * Points the view at the bytes `start` to `end` of `view`.
   * Returns `ok`, `short`, `badVersion`, `badHeaderLength` (IHL below 5 or past `end`; the fixed fields are
   * readable), `badLength` (total length below the header) or `lengthBeyondData`; after the last two the
   * header is whole and readable, and the payload runs to `end`. Fragments are `ok`: see `fragmentOffset`.
   */
  bind(view: DataView, start: number, end: number): Reason {
    this.#view = view;
    this.#start = start;
    this.payloadStart = start + IPV4_HEADER_BYTES;
    this.payloadEnd = end;
    if (end - start < IPV4_HEADER_BYTES) return Reason.short;
    const first = view.getUint8(start + Ipv4Offset.versionIhl);
    if (first >>> Ipv4Mask.versionShift !== 4) return Reason.badVersion;
    const headerBytes = (first & Ipv4Mask.ihl) * 4;
    if (headerBytes < IPV4_HEADER_BYTES || start + headerBytes > end) return Reason.badHeaderLength;
    this.payloadStart = start + headerBytes;
    const totalLength = view.getUint16(start + Ipv4Offset.totalLength);
    if (totalLength === 0) return Reason.ok;
    if (totalLength < headerBytes) return Reason.badLength;
    if (start + totalLength > end) return Reason.lengthBeyondData;
    this.payloadEnd = start + totalLength;
    return Reason.ok;
  }

  /** Header length in 4-byte words, 5 to 15 (RFC 791 section 3.1). */
  get ihl(): number {
    return this.#view.getUint8(this.#start + Ipv4Offset.versionIhl) & Ipv4Mask.ihl;
  }
  /** Differentiated services code point, 0 to 63 (RFC 2474). */
  get dscp(): number {
    return this.#view.getUint8(this.#start + Ipv4Offset.service) >>> Ipv4Mask.dscpShift;
  }
  /** Explicit congestion notification, 0 to 3 (RFC 3168). */
  get ecn(): number {
    return this.#view.getUint8(this.#start + Ipv4Offset.service) & Ipv4Mask.ecn;
  }
  /** Bytes of header and payload as stored; 0 in a segment larger than the field can say (GSO, BIG TCP). */
  get totalLength(): number {
    return this.#view.getUint16(this.#start + Ipv4Offset.totalLength);
  }
  /** Identification, 0 to 65535: equal in the fragments of one datagram (RFC 6864). */
  get identification(): number {
    return this.#view.getUint16(this.#start + Ipv4Offset.identification);
  }
  /** The highest flag bit: reserved, zero on transmission. */
  get reservedFlag(): boolean {
    return (this.#view.getUint16(this.#start + Ipv4Offset.fragment) & Ipv4Mask.reservedFlag) !== 0;
  }
  /** DF: routers must not fragment. */
  get dontFragment(): boolean {
    return (this.#view.getUint16(this.#start + Ipv4Offset.fragment) & Ipv4Mask.dontFragment) !== 0;
  }
  /** MF: this is a fragment and not the last one. */
  get moreFragments(): boolean {
    return (this.#view.getUint16(this.#start + Ipv4Offset.fragment) & Ipv4Mask.moreFragments) !== 0;
  }
  /** Place of the payload in its datagram, in units of eight bytes; not 0 in a later fragment. */
  get fragmentOffset(): number {
    return this.#view.getUint16(this.#start + Ipv4Offset.fragment) & Ipv4Mask.fragmentOffset;
  }
  /** Time to live, 0 to 255 hops. */
  get ttl(): number {
    return this.#view.getUint8(this.#start + Ipv4Offset.ttl);
  }
  /** IP protocol number of the payload, 0 to 255. */
  get protocol(): number {
    return this.#view.getUint8(this.#start + Ipv4Offset.protocol);
  }
  /** The header checksum as stored. */
  get checksum(): number {
    return this.#view.getUint16(this.#start + Ipv4Offset.checksum);
  }
  /** Source address in dotted decimal. */
  get source(): string {
    return readIpv4(this.#view, this.#start + Ipv4Offset.source);
  }
  /** Destination address in dotted decimal. */
  get destination(): string {
    return readIpv4(this.#view, this.#start + Ipv4Offset.destination);
  }
  /** Source address as an unsigned 32-bit integer. */
  get sourceBits(): number {
    return this.#view.getUint32(this.#start + Ipv4Offset.source);
  }
  /** Destination address as an unsigned 32-bit integer. */
  get destinationBits(): number {
    return this.#view.getUint32(this.#start + Ipv4Offset.destination);
  }

  toRecord(): Ipv4Record {
    return {
      dscp: this.dscp,
      ecn: this.ecn,
      totalLength: this.totalLength,
      identification: this.identification,
      reservedFlag: this.reservedFlag,
      dontFragment: this.dontFragment,
      moreFragments: this.moreFragments,
      fragmentOffset: this.fragmentOffset,
      ttl: this.ttl,
      protocol: this.protocol,
      checksum: this.checksum,
      source: this.source,
      destination: this.destination,
      options: copyBytes(this.#view, this.#start + Ipv4Offset.options, this.payloadStart),
    };
  }
}

/** Bytes {@link writeIpv4Header} writes for this record. */
export function ipv4HeaderBytes(record: Ipv4Record): number {
  return IPV4_HEADER_BYTES + record.options.length;
}

/**
 * Writes an IPv4 header with its options at `offset` and returns its size in bytes. `totalLength` and
 * `checksum` are written as given. Throws a WireError where a field does not fit.
 */
export function writeIpv4Header(view: DataView, offset: number, record: Ipv4Record): number {
  const { options } = record;
  if (options.length > IPV4_OPTIONS_MAX || options.length % 4 !== 0)
    throw new WireError(
      "ERR_WIRE_RANGE",
      "ipv4",
      "options",
      `${options.length} bytes, not a multiple of 4 up to ${IPV4_OPTIONS_MAX}`,
      IPV4_OPTIONS_MAX,
    );
  const headerBytes = IPV4_HEADER_BYTES + options.length;
  room("ipv4", view, offset, headerBytes);
  view.setUint8(offset + Ipv4Offset.versionIhl, (4 << Ipv4Mask.versionShift) | (headerBytes / 4));
  view.setUint8(
    offset + Ipv4Offset.service,
    (ranged("ipv4", "dscp", record.dscp, 0x3f) << Ipv4Mask.dscpShift) |
      ranged("ipv4", "ecn", record.ecn, Ipv4Mask.ecn),
  );
  view.setUint16(offset + Ipv4Offset.totalLength, ranged("ipv4", "total length", record.totalLength, 0xffff));
  view.setUint16(
    offset + Ipv4Offset.identification,
    ranged("ipv4", "identification", record.identification, 0xffff),
  );
  view.setUint16(
    offset + Ipv4Offset.fragment,
    (record.reservedFlag ? Ipv4Mask.reservedFlag : 0) |
      (record.dontFragment ? Ipv4Mask.dontFragment : 0) |
      (record.moreFragments ? Ipv4Mask.moreFragments : 0) |
      ranged("ipv4", "fragment offset", record.fragmentOffset, Ipv4Mask.fragmentOffset),
  );
  view.setUint8(offset + Ipv4Offset.ttl, ranged("ipv4", "ttl", record.ttl, 0xff));
  view.setUint8(offset + Ipv4Offset.protocol, ranged("ipv4", "protocol", record.protocol, 0xff));
  view.setUint16(offset + Ipv4Offset.checksum, ranged("ipv4", "checksum", record.checksum, 0xffff));
  writeIpv4(view, offset + Ipv4Offset.source, record.source);
  writeIpv4(view, offset + Ipv4Offset.destination, record.destination);
  putBytes("ipv4", view, offset + Ipv4Offset.options, options);
  return headerBytes;
}
