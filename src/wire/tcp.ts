/*
 * TCP, RFC 9293 section 3.1; AE: RFC 9768 (the bit was NS in RFC 3540).
 *
 *   0                   1                   2                   3
 *   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |          Source Port          |       Destination Port        |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |                        Sequence Number                        |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |                    Acknowledgment Number                      |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |  Data |     |A|C|E|U|A|P|R|S|F|                               |
 *  | Offset| Rsv |E|W|C|R|C|S|S|Y|I|            Window             |
 *  |       |     | |R|E|G|K|H|T|N|N|                               |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |           Checksum            |         Urgent Pointer        |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |                  Options (0 to 40 bytes) ...                  |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
import { copyBytes, putBytes, UNBOUND } from "./bytes.js";
import { ranged, room, WireError } from "./error.js";
import { Reason } from "./reason.js";

/** Byte offsets of the TCP header's fields, shared by reader and writer. */
export const TcpOffset = {
  source: 0,
  destination: 2,
  sequence: 4,
  acknowledgment: 8,
  dataOffsetFlags: 12,
  window: 14,
  checksum: 16,
  urgent: 18,
  options: 20,
} as const;

/** Masks and shifts of the 16 bits at `TcpOffset.dataOffsetFlags`. */
export const TcpMask = { dataOffsetShift: 12, reserved: 0x07, reservedShift: 9, flags: 0x01ff } as const;

/** The bits of `flags`. */
export const TcpFlag = {
  fin: 0x001,
  syn: 0x002,
  rst: 0x004,
  psh: 0x008,
  ack: 0x010,
  urg: 0x020,
  ece: 0x040,
  cwr: 0x080,
  /** Accurate ECN; NS before that. */
  ae: 0x100,
} as const;

/** Bytes in a TCP header without options, and the most its options can take. */
export const TCP_HEADER_BYTES = 20;
export const TCP_OPTIONS_MAX = 40;

/**
 * A TCP header as plain values. Data offset is not among them: it follows from `options` (raw bytes, a
 * multiple of four). `flags`: nine bits, see {@link TcpFlag}; `reserved`: the three bits before them.
 */
export interface TcpRecord {
  source: number;
  destination: number;
  sequence: number;
  acknowledgment: number;
  reserved: number;
  flags: number;
  window: number;
  checksum: number;
  urgent: number;
  options: Uint8Array;
}

/**
 * A TCP header over the caller's bytes. Rebind it for each packet, never keep it: its getters read the
 * bytes of the last `bind`. `toRecord()` copies.
 */
export class TcpView {
  #view: DataView;
  #start = 0;
  /** Offset of the first payload byte, behind the options. */
  payloadStart = 0;
  /** Offset behind the last payload byte. */
  payloadEnd = 0;

  constructor(view: DataView = UNBOUND) {
    this.#view = view;
  }

  /**
   * Points the view at the bytes `start` to `end` of `view`. Returns `ok`, `short` or `badHeaderLength`
   * (data offset below 5 or past `end`; the fixed fields are readable).
   */
  bind(view: DataView, start: number, end: number): Reason {
    this.#view = view;
    this.#start = start;
    this.payloadStart = start + TCP_HEADER_BYTES;
    this.payloadEnd = end;
    if (end - start < TCP_HEADER_BYTES) return Reason.short;
    const headerBytes = 4 * (view.getUint16(start + TcpOffset.dataOffsetFlags) >>> TcpMask.dataOffsetShift);
    if (headerBytes < TCP_HEADER_BYTES || start + headerBytes > end) return Reason.badHeaderLength;
    this.payloadStart = start + headerBytes;
    return Reason.ok;
  }

  /** Source port, 0 to 65535. */
  get source(): number {
    return this.#view.getUint16(this.#start + TcpOffset.source);
  }
  /** Destination port, 0 to 65535. */
  get destination(): number {
    return this.#view.getUint16(this.#start + TcpOffset.destination);
  }
  /** Sequence number, 0 to 2^32-1. */
  get sequence(): number {
    return this.#view.getUint32(this.#start + TcpOffset.sequence);
  }
  /** Acknowledgment number, 0 to 2^32-1; counts when ACK is set. */
  get acknowledgment(): number {
    return this.#view.getUint32(this.#start + TcpOffset.acknowledgment);
  }
  /** Header length in 4-byte words, 5 to 15. */
  get dataOffset(): number {
    return this.#view.getUint16(this.#start + TcpOffset.dataOffsetFlags) >>> TcpMask.dataOffsetShift;
  }
  /** The three reserved bits behind the data offset, 0 to 7. */
  get reserved(): number {
    const field = this.#view.getUint16(this.#start + TcpOffset.dataOffsetFlags);
    return (field >>> TcpMask.reservedShift) & TcpMask.reserved;
  }
  /** Nine flag bits: {@link TcpFlag}. */
  get flags(): number {
    return this.#view.getUint16(this.#start + TcpOffset.dataOffsetFlags) & TcpMask.flags;
  }
  /** Window in bytes before scaling, 0 to 65535. */
  get window(): number {
    return this.#view.getUint16(this.#start + TcpOffset.window);
  }
  /** The checksum as stored. */
  get checksum(): number {
    return this.#view.getUint16(this.#start + TcpOffset.checksum);
  }
  /** Urgent pointer, 0 to 65535; counts when URG is set. */
  get urgent(): number {
    return this.#view.getUint16(this.#start + TcpOffset.urgent);
  }

  toRecord(): TcpRecord {
    return {
      source: this.source,
      destination: this.destination,
      sequence: this.sequence,
      acknowledgment: this.acknowledgment,
      reserved: this.reserved,
      flags: this.flags,
      window: this.window,
      checksum: this.checksum,
      urgent: this.urgent,
      options: copyBytes(this.#view, this.#start + TcpOffset.options, this.payloadStart),
    };
  }
}

/** Bytes {@link writeTcp} writes for this record. */
export function tcpBytes(record: TcpRecord): number {
  return TCP_HEADER_BYTES + record.options.length;
}

/** Writes a TCP header with its options at `offset` and returns its size in bytes. */
export function writeTcp(view: DataView, offset: number, record: TcpRecord): number {
  const { options } = record;
  if (options.length > TCP_OPTIONS_MAX || options.length % 4 !== 0)
    throw new WireError(
      "ERR_WIRE_RANGE",
      "tcp",
      "options",
      `${options.length} bytes, not a multiple of 4 up to ${TCP_OPTIONS_MAX}`,
      TCP_OPTIONS_MAX,
    );
  const bytes = tcpBytes(record);
  room("tcp", view, offset, bytes);
  view.setUint16(offset + TcpOffset.source, ranged("tcp", "source port", record.source, 0xffff));
  view.setUint16(
    offset + TcpOffset.destination,
    ranged("tcp", "destination port", record.destination, 0xffff),
  );
  view.setUint32(offset + TcpOffset.sequence, ranged("tcp", "sequence", record.sequence, 0xffff_ffff));
  view.setUint32(
    offset + TcpOffset.acknowledgment,
    ranged("tcp", "acknowledgment", record.acknowledgment, 0xffff_ffff),
  );
  view.setUint16(
    offset + TcpOffset.dataOffsetFlags,
    ((bytes / 4) << TcpMask.dataOffsetShift) |
      (ranged("tcp", "reserved bits", record.reserved, TcpMask.reserved) << TcpMask.reservedShift) |
      ranged("tcp", "flags", record.flags, TcpMask.flags),
  );
  view.setUint16(offset + TcpOffset.window, ranged("tcp", "window", record.window, 0xffff));
  view.setUint16(offset + TcpOffset.checksum, ranged("tcp", "checksum", record.checksum, 0xffff));
  view.setUint16(offset + TcpOffset.urgent, ranged("tcp", "urgent pointer", record.urgent, 0xffff));
  putBytes("tcp", view, offset + TcpOffset.options, options);
  return bytes;
}
