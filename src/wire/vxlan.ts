/*
 * VXLAN, RFC 7348 section 5.
 *
 *   0                   1                   2                   3
 *   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |R|R|R|R|I|R|R|R|                   Reserved                    |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |     VXLAN Network Identifier (VNI)            |   Reserved    |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *
 * An Ethernet frame follows. What OVN puts into the VNI is in ovn-tunnel-id.ts.
 */
import { UNBOUND } from "./bytes.js";
import { ranged, room } from "./error.js";
import { Reason } from "./reason.js";

/** Byte offsets of the header's fields, shared by reader and writer; `reserved` has 24 bits, `reserved2` eight. */
export const VxlanOffset = { flags: 0, reserved: 1, vni: 4, reserved2: 7 } as const;

/** Masks and shifts; the VNI, and the reserved bits behind the flags, are three bytes of a word. */
export const VxlanMask = { vni: 0xffffff, vniShift: 8, reserved: 0xffffff, flagsShift: 24 } as const;

/** The I bit of `flags`: without it the VNI is not valid. */
export const VXLAN_VNI_FLAG = 0x08;

/** Bytes in a VXLAN header. */
export const VXLAN_HEADER_BYTES = 8;

/** The UDP destination port IANA assigned to VXLAN. */
export const VXLAN_PORT = 4789;

/**
 * A VXLAN header as plain values: `flags` 0..255, of which RFC 7348 has the I bit alone ({@link VXLAN_VNI_FLAG});
 * `reserved` (24 bits) and `reserved2` (eight), zero on transmission, ignored on receipt.
 */
export interface VxlanRecord {
  flags: number;
  reserved: number;
  vni: number;
  reserved2: number;
}

/**
 * A VXLAN header over the caller's bytes. Rebind it for each packet, never keep it: its getters read the bytes of
 * the last `bind`. `toRecord()` copies.
 */
export class VxlanView {
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
   * Points the view at the bytes `start` to `end` of `view`. Returns `ok`, `short` or `badValue` (the I bit is not
   * set; all fields are readable).
   */
  bind(view: DataView, start: number, end: number): Reason {
    this.#view = view;
    this.#start = start;
    this.payloadStart = start + VXLAN_HEADER_BYTES;
    this.payloadEnd = end;
    if (end - start < VXLAN_HEADER_BYTES) return Reason.short;
    return (this.flags & VXLAN_VNI_FLAG) === 0 ? Reason.badValue : Reason.ok;
  }

  /** The eight flag bits, 0 to 255. */
  get flags(): number {
    return this.#view.getUint8(this.#start + VxlanOffset.flags);
  }
  /** The 24 bits behind the flags. */
  get reserved(): number {
    return this.#view.getUint32(this.#start + VxlanOffset.flags) & VxlanMask.reserved;
  }
  /** VXLAN network identifier, 0 to 0xffffff. */
  get vni(): number {
    return this.#view.getUint32(this.#start + VxlanOffset.vni) >>> VxlanMask.vniShift;
  }
  /** The byte behind the VNI, 0 to 255. */
  get reserved2(): number {
    return this.#view.getUint8(this.#start + VxlanOffset.reserved2);
  }

  toRecord(): VxlanRecord {
    return { flags: this.flags, reserved: this.reserved, vni: this.vni, reserved2: this.reserved2 };
  }
}

/**
 * Writes a VXLAN header at `offset` and returns its size in bytes. Every field is written as given, the I bit too.
 * Throws a WireError where a field does not fit.
 */
export function writeVxlan(view: DataView, offset: number, record: VxlanRecord): number {
  room("vxlan", view, offset, VXLAN_HEADER_BYTES);
  const flags = ranged("vxlan", "flags", record.flags, 0xff);
  const reserved = ranged("vxlan", "reserved", record.reserved, VxlanMask.reserved);
  view.setUint32(offset + VxlanOffset.flags, ((flags << VxlanMask.flagsShift) | reserved) >>> 0);
  const vni = ranged("vxlan", "vni", record.vni, VxlanMask.vni);
  const reserved2 = ranged("vxlan", "reserved2", record.reserved2, 0xff);
  view.setUint32(offset + VxlanOffset.vni, ((vni << VxlanMask.vniShift) | reserved2) >>> 0);
  return VXLAN_HEADER_BYTES;
}
