/*
 * The Geneve option of OVN: class 0x0102, type 0x80, four bytes of data (controller/physical.c,
 * put_encapsulation; ovn-architecture(7), "Tunnel Encapsulations").
 *
 *   0                   1                   2                   3
 *   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |      Option Class 0x0102      |   Type 0x80   |R|R|R|Length 1 |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |R|        Ingress key          |          Egress key           |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
import { UNBOUND } from "./bytes.js";
import { ranged, room } from "./error.js";
import { GENEVE_OPTION_HEADER_BYTES, type GeneveOptionRecord, type GeneveView } from "./geneve.js";
import { Reason } from "./reason.js";

/** Option class and type that OVN sets; the type's critical bit is set, so Geneve's C bit must be too. */
export const OVN_OPTION_CLASS = 0x0102;
export const OVN_OPTION_TYPE = 0x80;
/** Bytes of the option's data, and of the option with its header. */
export const OVN_OPTION_DATA_BYTES = 4;
export const OVN_OPTION_BYTES = GENEVE_OPTION_HEADER_BYTES + OVN_OPTION_DATA_BYTES;

/** Masks and shifts in the option's one word of data, shared by reader and writer. */
export const OvnOptionMask = {
  reservedShift: 31,
  ingress: 0x7fff,
  ingressShift: 16,
  egress: 0xffff,
} as const;

/** The ingress key in the option's word of data, signed or not: 0 to 32767. */
export function ingressOf(word: number): number {
  return (word >>> OvnOptionMask.ingressShift) & OvnOptionMask.ingress;
}

/** The egress key in the option's word of data, signed or not: 0 to 65535. */
export function egressOf(word: number): number {
  return word & OvnOptionMask.egress;
}

/** Smallest egress key that names a multicast group (`Multicast_Group.tunnel_key`), and the best known ones. */
export const OVN_MULTICAST_MIN = 32768;
export const OvnMulticastKey = {
  flood: 32768,
  unknown: 32769,
  mrouterFlood: 32770,
  static: 32771,
  floodL2: 32772,
} as const;

/**
 * The option's data: `reserved` 0..1 (zero on transmission), `ingress` 0..32767 and `egress` 0..65535:
 * tunnel keys of ports of the datapath that the VNI names; `egress` from 32768 on is a multicast group.
 */
export interface OvnOptionRecord {
  reserved: number;
  ingress: number;
  egress: number;
}

/**
 * The option's four data bytes over the caller's bytes. Rebind it for each packet, never keep it: its
 * getters read the bytes of the last `bind`. `toRecord()` copies.
 */
export class OvnOptionView {
  #view: DataView;
  #start = 0;

  constructor(view: DataView = UNBOUND) {
    this.#view = view;
  }

  /**
   * Points the view at the option's data, `start` to `end` of `view`: a GeneveView's `optionDataStart` and
   * `optionDataEnd`. Returns `ok`, `short`, or `badLength` with more than four bytes (the first four are
   * readable then).
   */
  bind(view: DataView, start: number, end: number): Reason {
    this.#view = view;
    this.#start = start;
    if (end - start < OVN_OPTION_DATA_BYTES) return Reason.short;
    return end - start === OVN_OPTION_DATA_BYTES ? Reason.ok : Reason.badLength;
  }

  /** The reserved highest bit, 0 or 1. */
  get reserved(): number {
    return this.#view.getUint32(this.#start) >>> OvnOptionMask.reservedShift;
  }
  /** Tunnel key of the logical ingress port, 0 to 32767; 0 is no port. */
  get ingress(): number {
    return ingressOf(this.#view.getUint32(this.#start));
  }
  /** Tunnel key of the egress port (0 to 32767; 0 is legal) or multicast group (32768 to 65535). */
  get egress(): number {
    return egressOf(this.#view.getUint32(this.#start));
  }

  toRecord(): OvnOptionRecord {
    return { reserved: this.reserved, ingress: this.ingress, egress: this.egress };
  }
}

/**
 * Moves the cursor of `geneve` to its first option of OVN's class and type, whatever its length; false if
 * there is none (the cursor is then behind the last option).
 */
export function findOvnOption(geneve: GeneveView): boolean {
  for (let more = geneve.firstOption(); more; more = geneve.nextOption())
    if (geneve.optionClass === OVN_OPTION_CLASS && geneve.optionType === OVN_OPTION_TYPE) return true;
  return false;
}

/** Writes the option's four data bytes at `offset`; returns 4. Throws a WireError where a key does not fit. */
export function writeOvnOptionData(view: DataView, offset: number, record: OvnOptionRecord): number {
  room("ovn-option", view, offset, OVN_OPTION_DATA_BYTES);
  const reserved = ranged("ovn-option", "reserved", record.reserved, 1);
  const ingress = ranged("ovn-option", "ingress", record.ingress, OvnOptionMask.ingress);
  const egress = ranged("ovn-option", "egress", record.egress, OvnOptionMask.egress);
  view.setUint32(
    offset,
    ((reserved << OvnOptionMask.reservedShift) | (ingress << OvnOptionMask.ingressShift) | egress) >>> 0,
  );
  return OVN_OPTION_DATA_BYTES;
}

/** The option as a Geneve record's `options` hold it, its data in new bytes. */
export function ovnOption(record: OvnOptionRecord): GeneveOptionRecord {
  const data = new Uint8Array(OVN_OPTION_DATA_BYTES);
  writeOvnOptionData(new DataView(data.buffer), 0, record);
  return { optionClass: OVN_OPTION_CLASS, type: OVN_OPTION_TYPE, reserved: 0, data };
}
