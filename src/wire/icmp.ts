/*
 * ICMP, RFC 792; the MTU of "fragmentation needed": RFC 1191 section 4.
 *
 *   0                   1                   2                   3
 *   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |     Type      |     Code      |          Checksum             |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |  Rest of header: identifier and sequence number in an echo,   |
 *  |  16 unused bits and the MTU in "fragmentation needed"         |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
import { UNBOUND } from "./bytes.js";
import { ranged, room } from "./error.js";
import { Reason } from "./reason.js";

/** Byte offsets of the ICMP header's fields, shared by reader and writer; the last three share `rest`. */
export const IcmpOffset = {
  type: 0,
  code: 1,
  checksum: 2,
  rest: 4,
  identifier: 4,
  sequence: 6,
  mtu: 6,
} as const;

/** Bytes in an ICMP header. */
export const ICMP_HEADER_BYTES = 8;

/** The types this package has words for. */
export const IcmpType = {
  echoReply: 0,
  unreachable: 3,
  redirect: 5,
  echoRequest: 8,
  timeExceeded: 11,
} as const;

/** The code of `unreachable` that carries an MTU. */
export const ICMP_FRAGMENTATION_NEEDED = 4;

/** An ICMP header as plain values; `rest`: its last four bytes, unsigned. */
export interface IcmpRecord {
  type: number;
  code: number;
  checksum: number;
  rest: number;
}

/**
 * An ICMP header over the caller's bytes. Rebind it for each packet, never keep it: its getters read the
 * bytes of the last `bind`. `toRecord()` copies.
 */
export class IcmpView {
  #view: DataView;
  #start = 0;
  /** Offset of the first byte behind the header. */
  payloadStart = 0;
  /** Offset behind the last payload byte. */
  payloadEnd = 0;

  constructor(view: DataView = UNBOUND) {
    this.#view = view;
  }

  /** Points the view at the bytes `start` to `end` of `view`. Returns `ok` or `short`. */
  bind(view: DataView, start: number, end: number): Reason {
    this.#view = view;
    this.#start = start;
    this.payloadStart = start + ICMP_HEADER_BYTES;
    this.payloadEnd = end;
    return end - start < ICMP_HEADER_BYTES ? Reason.short : Reason.ok;
  }

  /** Type, 0 to 255: {@link IcmpType}. */
  get type(): number {
    return this.#view.getUint8(this.#start + IcmpOffset.type);
  }
  /** Code within the type, 0 to 255. */
  get code(): number {
    return this.#view.getUint8(this.#start + IcmpOffset.code);
  }
  /** The checksum as stored. */
  get checksum(): number {
    return this.#view.getUint16(this.#start + IcmpOffset.checksum);
  }
  /** The last four bytes of the header, unsigned. */
  get rest(): number {
    return this.#view.getUint32(this.#start + IcmpOffset.rest);
  }
  /** True for an echo request or reply: `identifier` and `sequence` mean something. */
  get isEcho(): boolean {
    return this.type === IcmpType.echoReply || this.type === IcmpType.echoRequest;
  }
  /** Identifier of an echo. */
  get identifier(): number {
    return this.#view.getUint16(this.#start + IcmpOffset.identifier);
  }
  /** Sequence number of an echo. */
  get sequence(): number {
    return this.#view.getUint16(this.#start + IcmpOffset.sequence);
  }
  /** MTU of the next hop in bytes from a "fragmentation needed" (0: the router does not say); else -1. */
  get mtu(): number {
    if (this.type !== IcmpType.unreachable || this.code !== ICMP_FRAGMENTATION_NEEDED) return -1;
    return this.#view.getUint16(this.#start + IcmpOffset.mtu);
  }

  toRecord(): IcmpRecord {
    return { type: this.type, code: this.code, checksum: this.checksum, rest: this.rest };
  }
}

/** Writes an ICMP header at `offset` and returns its size in bytes. */
export function writeIcmp(view: DataView, offset: number, record: IcmpRecord): number {
  room("icmp", view, offset, ICMP_HEADER_BYTES);
  view.setUint8(offset + IcmpOffset.type, ranged("icmp", "type", record.type, 0xff));
  view.setUint8(offset + IcmpOffset.code, ranged("icmp", "code", record.code, 0xff));
  view.setUint16(offset + IcmpOffset.checksum, ranged("icmp", "checksum", record.checksum, 0xffff));
  view.setUint32(offset + IcmpOffset.rest, ranged("icmp", "rest of header", record.rest, 0xffff_ffff));
  return ICMP_HEADER_BYTES;
}
