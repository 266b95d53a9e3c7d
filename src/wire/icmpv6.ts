/*
 * ICMPv6, RFC 4443; Neighbor Discovery: RFC 4861 section 4; Multicast Listener Discovery: RFC 2710.
 *
 *   0                   1                   2                   3
 *   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |     Type      |     Code      |          Checksum             |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |  Rest: id and sequence (echo), MTU, flags, max. delay (MLD)   |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |  Body: target (NS, NA), target and destination (redirect),    |
 *  |  reachable time and retrans timer (RA), group (MLD)           |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |     Type      |  Length (8)   |  Options of ND messages ...   |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */

import { readIpv6 } from "./address.js";
import { copyBytes, putBytes, UNBOUND } from "./bytes.js";
import { ranged, room, WireError } from "./error.js";
import { Reason } from "./reason.js";

/** Byte offsets of the fields, shared by reader and writer; what follows `rest` depends on the type. */
export const Icmpv6Offset = {
  type: 0,
  code: 1,
  checksum: 2,
  rest: 4,
  identifier: 4,
  sequence: 6,
  body: 8,
  target: 8,
  redirectDestination: 24,
} as const;

/** Byte offsets in an ND option; its length counts units of eight bytes with these two. */
export const NdOptionOffset = { type: 0, length: 1, data: 2 } as const;

/** Bytes in the header that all messages have. */
export const ICMPV6_HEADER_BYTES = 8;

/** The types this package has words for. */
export const Icmpv6Type = {
  unreachable: 1,
  packetTooBig: 2,
  timeExceeded: 3,
  echoRequest: 128,
  echoReply: 129,
  mldQuery: 130,
  mldReport: 131,
  mldDone: 132,
  routerSolicitation: 133,
  routerAdvertisement: 134,
  neighborSolicitation: 135,
  neighborAdvertisement: 136,
  redirect: 137,
  mldv2Report: 143,
} as const;

/** ND option types (RFC 4861 section 4.6). */
export const NdOptionType = {
  sourceLinkLayer: 1,
  targetLinkLayer: 2,
  prefix: 3,
  redirected: 4,
  mtu: 5,
} as const;

/** The bits of `rest` in a neighbor advertisement. */
export const NeighborFlag = { router: 0x8000_0000, solicited: 0x4000_0000, override: 0x2000_0000 } as const;

/** Bytes of a type's body behind the first eight. */
export function icmpv6BodyBytes(type: number): number {
  switch (type) {
    case Icmpv6Type.mldQuery:
    case Icmpv6Type.mldReport:
    case Icmpv6Type.mldDone:
    case Icmpv6Type.neighborSolicitation:
    case Icmpv6Type.neighborAdvertisement:
      return 16;
    case Icmpv6Type.routerAdvertisement:
      return 8;
    case Icmpv6Type.redirect:
      return 32;
    default:
      return 0;
  }
}

/** True for the five ND messages, which end in options. */
function hasOptions(type: number): boolean {
  return type >= Icmpv6Type.routerSolicitation && type <= Icmpv6Type.redirect;
}

/** One ND option: its type 0..255, and its data behind type and length: 6, 14, ... 2038 bytes. */
export interface NdOptionRecord {
  type: number;
  data: Uint8Array;
}

/**
 * An ICMPv6 message without its payload, as plain values. `rest`: bytes 4 to 7, unsigned; `body`: the raw
 * fixed part behind them, whose size the type gives (0, 8, 16 or 32 bytes); `options`: of ND messages.
 */
export interface Icmpv6Record {
  type: number;
  code: number;
  checksum: number;
  rest: number;
  body: Uint8Array;
  options: NdOptionRecord[];
}

/**
 * An ICMPv6 message over the caller's bytes, with a cursor over its ND options. Rebind it for each packet,
 * never keep it: its getters read the bytes of the last `bind`. `toRecord()` copies.
 */
export class Icmpv6View {
  #view: DataView;
  #start = 0;
  #optionsStart = 0;
  /** Offset of the first byte behind the header, its body and the options that fit. */
  payloadStart = 0;
  /** Offset behind the last payload byte. */
  payloadEnd = 0;
  /** Offset of the current ND option. */
  optionStart = 0;
  /** Offset behind the current ND option; equal to `optionStart` when there is none. */
  optionEnd = 0;

  constructor(view: DataView = UNBOUND) {
    this.#view = view;
  }

  /**
   * Points the view at the bytes `start` to `end` of `view`. Returns `ok`, `short` (also when the body of
   * its type is cut; the first eight bytes are readable where they are there) or `badOption` (an ND option
   * of length 0 or past `end`: it and what follows is left as payload).
   */
  bind(view: DataView, start: number, end: number): Reason {
    this.#view = view;
    this.#start = start;
    this.payloadStart = start + ICMPV6_HEADER_BYTES;
    this.payloadEnd = end;
    this.#optionsStart = this.payloadStart;
    if (end - start < ICMPV6_HEADER_BYTES) return Reason.short;
    const type = view.getUint8(start + Icmpv6Offset.type);
    const options = this.payloadStart + icmpv6BodyBytes(type);
    if (options > end) return Reason.short;
    this.payloadStart = options;
    this.#optionsStart = options;
    this.optionStart = options;
    this.optionEnd = options;
    if (!hasOptions(type)) return Reason.ok;
    while (this.payloadStart + NdOptionOffset.data <= end) {
      const bytes = 8 * view.getUint8(this.payloadStart + NdOptionOffset.length);
      if (bytes === 0 || this.payloadStart + bytes > end) return Reason.badOption;
      this.payloadStart += bytes;
    }
    return this.payloadStart === end ? Reason.ok : Reason.badOption;
  }

  /** Type, 0 to 255: {@link Icmpv6Type}. */
  get type(): number {
    return this.#view.getUint8(this.#start + Icmpv6Offset.type);
  }
  /** Code within the type, 0 to 255. */
  get code(): number {
    return this.#view.getUint8(this.#start + Icmpv6Offset.code);
  }
  /** The checksum as stored. */
  get checksum(): number {
    return this.#view.getUint16(this.#start + Icmpv6Offset.checksum);
  }
  /** Bytes 4 to 7, unsigned: what they mean depends on the type. */
  get rest(): number {
    return this.#view.getUint32(this.#start + Icmpv6Offset.rest);
  }
  /** True for an echo request or reply: `identifier` and `sequence` mean something. */
  get isEcho(): boolean {
    return this.type === Icmpv6Type.echoRequest || this.type === Icmpv6Type.echoReply;
  }
  /** Identifier of an echo. */
  get identifier(): number {
    return this.#view.getUint16(this.#start + Icmpv6Offset.identifier);
  }
  /** Sequence number of an echo. */
  get sequence(): number {
    return this.#view.getUint16(this.#start + Icmpv6Offset.sequence);
  }
  /** MTU in bytes from a "packet too big" (RFC 4443 section 3.2); else -1. */
  get mtu(): number {
    return this.type === Icmpv6Type.packetTooBig ? this.rest : -1;
  }
  /** Target of a neighbor solicitation, advertisement or redirect, or the group of an MLD message; else "". */
  get target(): string {
    return icmpv6BodyBytes(this.type) >= 16 ? readIpv6(this.#view, this.#start + Icmpv6Offset.target) : "";
  }
  /** Destination that a redirect is about (RFC 4861 section 4.5); else "". */
  get redirectDestination(): string {
    if (this.type !== Icmpv6Type.redirect) return "";
    return readIpv6(this.#view, this.#start + Icmpv6Offset.redirectDestination);
  }

  /** Moves the cursor to the first ND option; false if there is none. */
  firstOption(): boolean {
    return this.#moveTo(this.#optionsStart);
  }
  /** Moves the cursor to the next ND option; false behind the last. */
  nextOption(): boolean {
    return this.#moveTo(this.optionEnd);
  }
  #moveTo(at: number): boolean {
    this.optionStart = at;
    this.optionEnd = at;
    if (at >= this.payloadStart) return false;
    this.optionEnd = at + 8 * this.#view.getUint8(at + NdOptionOffset.length);
    return true;
  }
  /** Type of the current ND option: {@link NdOptionType}. */
  get optionType(): number {
    return this.#view.getUint8(this.optionStart + NdOptionOffset.type);
  }

  /** The message without its payload, copied; moves the cursor behind the last option. */
  toRecord(): Icmpv6Record {
    const options: NdOptionRecord[] = [];
    for (let more = this.firstOption(); more; more = this.nextOption())
      options.push({
        type: this.optionType,
        data: copyBytes(this.#view, this.optionStart + NdOptionOffset.data, this.optionEnd),
      });
    return {
      type: this.type,
      code: this.code,
      checksum: this.checksum,
      rest: this.rest,
      body: copyBytes(this.#view, this.#start + Icmpv6Offset.body, this.#optionsStart),
      options,
    };
  }
}

/** Bytes {@link writeIcmpv6} writes for this record. */
export function icmpv6Bytes(record: Icmpv6Record): number {
  let bytes = ICMPV6_HEADER_BYTES + record.body.length;
  for (const option of record.options) bytes += NdOptionOffset.data + option.data.length;
  return bytes;
}

/** Writes an ICMPv6 message without its payload at `offset` and returns its size in bytes. */
export function writeIcmpv6(view: DataView, offset: number, record: Icmpv6Record): number {
  const bytes = icmpv6Bytes(record);
  room("icmpv6", view, offset, bytes);
  const type = ranged("icmpv6", "type", record.type, 0xff);
  view.setUint8(offset + Icmpv6Offset.type, type);
  view.setUint8(offset + Icmpv6Offset.code, ranged("icmpv6", "code", record.code, 0xff));
  view.setUint16(offset + Icmpv6Offset.checksum, ranged("icmpv6", "checksum", record.checksum, 0xffff));
  view.setUint32(offset + Icmpv6Offset.rest, ranged("icmpv6", "rest of header", record.rest, 0xffff_ffff));
  const needed = icmpv6BodyBytes(type);
  if (record.body.length !== needed)
    throw refused("body", `${record.body.length} bytes, type ${type} has ${needed}`, needed);
  if (record.options.length > 0 && !hasOptions(type)) throw refused("options", `type ${type} has none`, 0);
  let at = offset + Icmpv6Offset.body + putBytes("icmpv6", view, offset + Icmpv6Offset.body, record.body);
  for (const option of record.options) {
    const units = (NdOptionOffset.data + option.data.length) / 8;
    if (!Number.isInteger(units) || units > 0xff)
      throw refused("option data", `${option.data.length} bytes, not 6, 14, ... 2038`, 2038);
    view.setUint8(at + NdOptionOffset.type, ranged("icmpv6", "option type", option.type, 0xff));
    view.setUint8(at + NdOptionOffset.length, units);
    putBytes("icmpv6", view, at + NdOptionOffset.data, option.data);
    at += 8 * units;
  }
  return bytes;
}

function refused(field: string, message: string, limit: number): WireError {
  return new WireError("ERR_WIRE_RANGE", "icmpv6", field, message, limit);
}
