/*
 * BSD loopback, LINKTYPE_NULL and LINKTYPE_LOOP: four bytes of address family before the IP header.
 * https://www.tcpdump.org/linktypes/LINKTYPE_NULL.html
 *
 *   0                   1                   2                   3
 *   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |        Address family, in the capturing host's byte order     |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *
 * Families are small numbers, so the order shows: what exceeds 16 bits read one way is meant the other way.
 */
import { UNBOUND } from "./bytes.js";
import { ranged, room } from "./error.js";
import { EtherType } from "./ethertype.js";
import { Reason } from "./reason.js";

/** Byte offset of the only field. */
export const NullOffset = { family: 0 } as const;

/** Bytes in the header. */
export const NULL_HEADER_BYTES = 4;

/** The address families of IP: AF_INET everywhere; AF_INET6 on Linux, NetBSD/OpenBSD, FreeBSD and macOS. */
export const AddressFamily = {
  inet: 2,
  inet6Linux: 10,
  inet6Bsd: 24,
  inet6FreeBsd: 28,
  inet6Darwin: 30,
} as const;

/** The header as plain values: `family` 0..2^32-1 and the byte order it is stored in. */
export interface NullRecord {
  family: number;
  littleEndian: boolean;
}

/** The header over the caller's bytes. Rebind it for each packet, never keep it. `toRecord()` copies. */
export class NullView {
  #view: DataView;
  #start = 0;
  /** Offset of the first payload byte. */
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
    this.payloadStart = start + NULL_HEADER_BYTES;
    this.payloadEnd = end;
    return end - start < NULL_HEADER_BYTES ? Reason.short : Reason.ok;
  }

  /** True when the family is stored with its low byte first. */
  get littleEndian(): boolean {
    return this.#view.getUint32(this.#start + NullOffset.family) > 0xffff;
  }
  /** The address family, in whichever order makes it a small number. */
  get family(): number {
    return this.#view.getUint32(this.#start + NullOffset.family, this.littleEndian);
  }
  /** The EtherType the family stands for: IPv4, IPv6, or 0 for another family. */
  get etherType(): number {
    switch (this.family) {
      case AddressFamily.inet:
        return EtherType.ipv4;
      case AddressFamily.inet6Linux:
      case AddressFamily.inet6Bsd:
      case AddressFamily.inet6FreeBsd:
      case AddressFamily.inet6Darwin:
        return EtherType.ipv6;
      default:
        return 0;
    }
  }

  toRecord(): NullRecord {
    return { family: this.family, littleEndian: this.littleEndian };
  }
}

/** Writes the header at `offset` and returns its size in bytes. Throws a WireError where the family does not fit. */
export function writeNull(view: DataView, offset: number, record: NullRecord): number {
  room("null", view, offset, NULL_HEADER_BYTES);
  view.setUint32(
    offset + NullOffset.family,
    ranged("null", "family", record.family, 0xffff_ffff),
    record.littleEndian,
  );
  return NULL_HEADER_BYTES;
}
