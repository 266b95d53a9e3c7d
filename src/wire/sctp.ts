/*
 * SCTP, RFC 9260 section 3.1: the common header; chunks are its payload. The checksum is CRC32c (appendix A).
 *
 *   0                   1                   2                   3
 *   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |      Source Port Number       |    Destination Port Number    |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |                       Verification Tag                        |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |                           Checksum                            |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
import { UNBOUND } from "./bytes.js";
import { ranged, room } from "./error.js";
import { Reason } from "./reason.js";

/** Byte offsets of the SCTP common header's fields, shared by reader and writer. */
export const SctpOffset = { source: 0, destination: 2, verificationTag: 4, checksum: 8 } as const;

/** Bytes in an SCTP common header. */
export const SCTP_HEADER_BYTES = 12;

/** An SCTP common header as plain values; `checksum` as the four stored bytes read in network order. */
export interface SctpRecord {
  source: number;
  destination: number;
  verificationTag: number;
  checksum: number;
}

/**
 * An SCTP common header over the caller's bytes. Rebind it for each packet, never keep it: its getters
 * read the bytes of the last `bind`. `toRecord()` copies.
 */
export class SctpView {
  #view: DataView;
  #start = 0;
  /** Offset of the first chunk. */
  payloadStart = 0;
  /** Offset behind the last chunk. */
  payloadEnd = 0;

  constructor(view: DataView = UNBOUND) {
    this.#view = view;
  }

  /** Points the view at the bytes `start` to `end` of `view`. Returns `ok` or `short`. */
  bind(view: DataView, start: number, end: number): Reason {
    this.#view = view;
    this.#start = start;
    this.payloadStart = start + SCTP_HEADER_BYTES;
    this.payloadEnd = end;
    return end - start < SCTP_HEADER_BYTES ? Reason.short : Reason.ok;
  }

  /** Source port, 0 to 65535. */
  get source(): number {
    return this.#view.getUint16(this.#start + SctpOffset.source);
  }
  /** Destination port, 0 to 65535. */
  get destination(): number {
    return this.#view.getUint16(this.#start + SctpOffset.destination);
  }
  /** Verification tag, 0 to 2^32-1. */
  get verificationTag(): number {
    return this.#view.getUint32(this.#start + SctpOffset.verificationTag);
  }
  /** The CRC32c as stored, read in network order. */
  get checksum(): number {
    return this.#view.getUint32(this.#start + SctpOffset.checksum);
  }

  toRecord(): SctpRecord {
    return {
      source: this.source,
      destination: this.destination,
      verificationTag: this.verificationTag,
      checksum: this.checksum,
    };
  }
}

/** Writes an SCTP common header at `offset` and returns its size in bytes. */
export function writeSctp(view: DataView, offset: number, record: SctpRecord): number {
  room("sctp", view, offset, SCTP_HEADER_BYTES);
  view.setUint16(offset + SctpOffset.source, ranged("sctp", "source port", record.source, 0xffff));
  view.setUint16(
    offset + SctpOffset.destination,
    ranged("sctp", "destination port", record.destination, 0xffff),
  );
  view.setUint32(
    offset + SctpOffset.verificationTag,
    ranged("sctp", "verification tag", record.verificationTag, 0xffff_ffff),
  );
  view.setUint32(offset + SctpOffset.checksum, ranged("sctp", "checksum", record.checksum, 0xffff_ffff));
  return SCTP_HEADER_BYTES;
}

/** CRC32c (polynomial 0x1edc6f41) bit-reversed, one entry a byte. */
const crcTable = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ ((crc & 1) * 0x82f6_3b78);
  return crc;
});

/**
 * The checksum to store for the SCTP packet from `start` to `end`, the checksum field taken as zero; as a
 * number to write in network order (the CRC itself goes out with its low byte first).
 */
export function computeSctpChecksum(view: DataView, start: number, end: number): number {
  const field = start + SctpOffset.checksum;
  let crc = -1;
  for (let at = start; at < end; at++) {
    const byte = at >= field && at < field + 4 ? 0 : view.getUint8(at);
    crc = (crc >>> 8) ^ (crcTable[(crc ^ byte) & 0xff] as number);
  }
  const value = ~crc;
  return ((value << 24) | ((value & 0xff00) << 8) | ((value >>> 8) & 0xff00) | (value >>> 24)) >>> 0;
}
