/*
 * STT, draft-davie-stt-08 section 3. Its segments look like TCP's: in front of the first of a frame stands a header
 * of TCP's form (tcp.ts), whose sequence number has the bytes of the STT frame in its upper half, and those of them
 * that went before this segment in its lower one. The STT header is at the start of the frame:
 *
 *   0                   1                   2                   3
 *   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |    Version    |     Flags     |   L4 Offset   |   Reserved    |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |      Maximum Segment Size     | PCP |V|        VLAN ID        |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |                                                               |
 *  +                       Context ID (64 bits)                    +
 *  |                                                               |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |            Padding            |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *
 * An Ethernet frame follows. What OVN puts into the context id is in ovn-tunnel-id.ts.
 */
import { UNBOUND } from "./bytes.js";
import { ranged, room, WireError } from "./error.js";
import { Reason } from "./reason.js";

/** Byte offsets of the header's fields, shared by reader and writer. */
export const SttOffset = {
  version: 0,
  flags: 1,
  l4Offset: 2,
  reserved: 3,
  mss: 4,
  vlan: 6,
  contextId: 8,
  padding: 16,
} as const;

/** The bits of `flags`. */
export const SttFlag = {
  /** The inner packet's checksum is known to be right. */
  checksumVerified: 0x01,
  /** The inner checksum is of the pseudo-header alone: the receiver, or its network card, completes it. */
  checksumPartial: 0x02,
  /** The inner packet is IPv4; else IPv6. */
  ipv4: 0x04,
  /** The inner packet is TCP. */
  tcp: 0x08,
} as const;

/** Bytes in an STT header, with the padding that puts the inner IP header on a boundary of four bytes. */
export const STT_HEADER_BYTES = 18;

/** The destination port IANA assigned to STT, of its header that looks like TCP's. */
export const STT_PORT = 7471;

/** The sequence number of TCP's form: bytes of the STT frame, and which of them the segment begins with. */
export const SttSequence = { frameShift: 16, offset: 0xffff } as const;

/** Largest context id. */
const CONTEXT_MAX = 0xffffffffffffffffn;

/**
 * An STT header as plain values: `l4Offset`, `mss`, `vlan` (PCP, a bit that says that there is a tag, and its VLAN)
 * tell what the sender left to offload; `contextId` has 64 bits; `reserved` and `padding` are zero on transmission.
 */
export interface SttRecord {
  version: number;
  flags: number;
  l4Offset: number;
  reserved: number;
  mss: number;
  vlan: number;
  contextId: bigint;
  padding: number;
}

/**
 * An STT header over the caller's bytes. Rebind it for each packet, never keep it: its getters read the bytes of
 * the last `bind`. `toRecord()` copies.
 */
export class SttView {
  #view: DataView;
  #start = 0;
  /** Offset of the first byte of the Ethernet frame inside. */
  payloadStart = 0;
  /** Offset behind its last byte. */
  payloadEnd = 0;

  constructor(view: DataView = UNBOUND) {
    this.#view = view;
  }

  /**
   * Points the view at the bytes `start` to `end` of `view`. Returns `ok`, `short` or `badVersion` (not 0; all
   * fields are readable as if it were).
   */
  bind(view: DataView, start: number, end: number): Reason {
    this.#view = view;
    this.#start = start;
    this.payloadStart = start + STT_HEADER_BYTES;
    this.payloadEnd = end;
    if (end - start < STT_HEADER_BYTES) return Reason.short;
    return this.version === 0 ? Reason.ok : Reason.badVersion;
  }

  /** Version, 0 to 255; only 0 is defined. */
  get version(): number {
    return this.#view.getUint8(this.#start + SttOffset.version);
  }
  /** The flags, 0 to 255, see {@link SttFlag}. */
  get flags(): number {
    return this.#view.getUint8(this.#start + SttOffset.flags);
  }
  /** Bytes from the start of the inner Ethernet frame to its transport header, where a checksum is partial; else 0. */
  get l4Offset(): number {
    return this.#view.getUint8(this.#start + SttOffset.l4Offset);
  }
  /** The byte behind it, 0 to 255. */
  get reserved(): number {
    return this.#view.getUint8(this.#start + SttOffset.reserved);
  }
  /** Bytes of TCP payload that the receiver may put into a segment, 0 to 65535; 0: it need not segment. */
  get mss(): number {
    return this.#view.getUint16(this.#start + SttOffset.mss);
  }
  /** PCP, V and VLAN of the inner frame's tag, 0 to 65535; without V it has none here. */
  get vlan(): number {
    return this.#view.getUint16(this.#start + SttOffset.vlan);
  }
  /** The context id, 64 bits. */
  get contextId(): bigint {
    return this.#view.getBigUint64(this.#start + SttOffset.contextId);
  }
  /** The two bytes before the Ethernet frame. */
  get padding(): number {
    return this.#view.getUint16(this.#start + SttOffset.padding);
  }

  toRecord(): SttRecord {
    return {
      version: this.version,
      flags: this.flags,
      l4Offset: this.l4Offset,
      reserved: this.reserved,
      mss: this.mss,
      vlan: this.vlan,
      contextId: this.contextId,
      padding: this.padding,
    };
  }
}

/** Writes an STT header at `offset` and returns its size in bytes. Throws a WireError where a field does not fit. */
export function writeStt(view: DataView, offset: number, record: SttRecord): number {
  const { contextId } = record;
  room("stt", view, offset, STT_HEADER_BYTES);
  view.setUint8(offset + SttOffset.version, ranged("stt", "version", record.version, 0xff));
  view.setUint8(offset + SttOffset.flags, ranged("stt", "flags", record.flags, 0xff));
  view.setUint8(offset + SttOffset.l4Offset, ranged("stt", "l4 offset", record.l4Offset, 0xff));
  view.setUint8(offset + SttOffset.reserved, ranged("stt", "reserved", record.reserved, 0xff));
  view.setUint16(offset + SttOffset.mss, ranged("stt", "mss", record.mss, 0xffff));
  view.setUint16(offset + SttOffset.vlan, ranged("stt", "vlan", record.vlan, 0xffff));
  if (contextId < 0n || contextId > CONTEXT_MAX)
    throw new WireError("ERR_WIRE_RANGE", "stt", "context id", `${contextId} does not fit into 64 bits`);
  view.setBigUint64(offset + SttOffset.contextId, contextId);
  view.setUint16(offset + SttOffset.padding, ranged("stt", "padding", record.padding, 0xffff));
  return STT_HEADER_BYTES;
}
