/*
 * UDP, RFC 768 (length 0: RFC 2675 section 4).
 *
 *   0      7 8     15 16    23 24    31
 *  +--------+--------+--------+--------+
 *  |   Source Port   | Destination Port|
 *  +--------+--------+--------+--------+
 *  |     Length      |    Checksum     |
 *  +--------+--------+--------+--------+
 */
import { UNBOUND } from "./bytes.js";
import { ranged, room } from "./error.js";
import { Reason } from "./reason.js";

/** Byte offsets of the UDP header's fields, shared by reader and writer. */
export const UdpOffset = { source: 0, destination: 2, length: 4, checksum: 6 } as const;

/** Bytes in a UDP header. */
export const UDP_HEADER_BYTES = 8;

/** A UDP header as plain values: ports 0..65535, `length` in bytes with the header, checksum as stored. */
export interface UdpRecord {
  source: number;
  destination: number;
  length: number;
  checksum: number;
}

/**
 * A UDP header over the caller's bytes. Rebind it for each packet, never keep it: its getters read the
 * bytes of the last `bind`. `toRecord()` copies.
 */
export class UdpView {
  #view: DataView;
  #start = 0;
  /** Offset of the first payload byte. */
  payloadStart = 0;
  /** Offset behind the last payload byte: the smaller of what `length` says and what is there. */
  payloadEnd = 0;

  constructor(view: DataView = UNBOUND) {
    this.#view = view;
  }

  /**
   * Points the view at the bytes `start` to `end` of `view`.
   * Returns `ok`, `short`, `badLength` or `lengthBeyondData`; after the last the fields are readable.
   */
  bind(view: DataView, start: number, end: number): Reason {
    this.#view = view;
    this.#start = start;
    this.payloadStart = start + UDP_HEADER_BYTES;
    this.payloadEnd = end;
    if (end - start < UDP_HEADER_BYTES) return Reason.short;
    const length = view.getUint16(start + UdpOffset.length);
    if (length === 0) return Reason.ok;
    if (length < UDP_HEADER_BYTES) return Reason.badLength;
    if (start + length > end) return Reason.lengthBeyondData;
    this.payloadEnd = start + length;
    return Reason.ok;
  }

  /** Source port, 0 to 65535; entropy in Geneve (RFC 8926 section 3.3). */
  get source(): number {
    return this.#view.getUint16(this.#start + UdpOffset.source);
  }
  /** Destination port, 0 to 65535. */
  get destination(): number {
    return this.#view.getUint16(this.#start + UdpOffset.destination);
  }
  /** Bytes of header and payload; 0 in a segment larger than the field can say. */
  get length(): number {
    return this.#view.getUint16(this.#start + UdpOffset.length);
  }
  /** The checksum as stored; 0 means absent over IPv4 (RFC 768) and in tunnels over IPv6 (RFC 6935). */
  get checksum(): number {
    return this.#view.getUint16(this.#start + UdpOffset.checksum);
  }

  toRecord(): UdpRecord {
    return {
      source: this.source,
      destination: this.destination,
      length: this.length,
      checksum: this.checksum,
    };
  }
}

/** Writes a UDP header at `offset` and returns its size in bytes. Throws a WireError where a field does not fit. */
export function writeUdp(view: DataView, offset: number, record: UdpRecord): number {
  room("udp", view, offset, UDP_HEADER_BYTES);
  view.setUint16(offset + UdpOffset.source, ranged("udp", "source port", record.source, 0xffff));
  view.setUint16(
    offset + UdpOffset.destination,
    ranged("udp", "destination port", record.destination, 0xffff),
  );
  view.setUint16(offset + UdpOffset.length, ranged("udp", "length", record.length, 0xffff));
  view.setUint16(offset + UdpOffset.checksum, ranged("udp", "checksum", record.checksum, 0xffff));
  return UDP_HEADER_BYTES;
}
