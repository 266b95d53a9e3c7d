/*
 * BFD control packets, RFC 5880 section 4.1. OVN runs them between chassis over Geneve (UDP port 3784).
 *
 *   0                   1                   2                   3
 *   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |Vers |  Diag   |Sta|P|F|C|A|D|M|  Detect Mult  |    Length     |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |                       My Discriminator                        |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |                      Your Discriminator                       |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |                    Desired Min TX Interval                    |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |                   Required Min RX Interval                    |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |                 Required Min Echo RX Interval                 |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |          Authentication section (when A is set) ...           |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
import { copyBytes, putBytes, UNBOUND } from "./bytes.js";
import { ranged, room } from "./error.js";
import { Reason } from "./reason.js";

/** Byte offsets of a BFD control packet's fields, shared by reader and writer. */
export const BfdOffset = {
  versionDiag: 0,
  stateFlags: 1,
  detectMultiplier: 2,
  length: 3,
  myDiscriminator: 4,
  yourDiscriminator: 8,
  desiredMinTx: 12,
  requiredMinRx: 16,
  requiredMinEchoRx: 20,
  authentication: 24,
} as const;

/** Masks and shifts in the first two bytes. */
export const BfdMask = {
  version: 0x07,
  versionShift: 5,
  diag: 0x1f,
  state: 0x03,
  stateShift: 6,
  flags: 0x3f,
} as const;

/** The bits of `flags`. */
export const BfdFlag = {
  poll: 0x20,
  final: 0x10,
  controlPlaneIndependent: 0x08,
  authentication: 0x04,
  demand: 0x02,
  multipoint: 0x01,
} as const;

/** The values of `state`. */
export const BfdState = { adminDown: 0, down: 1, init: 2, up: 3 } as const;

const stateTexts = ["AdminDown", "Down", "Init", "Up"] as const;

/** The name RFC 5880 gives a state, 0 to 3. */
export function bfdStateText(state: number): string {
  return stateTexts[state] ?? `state ${state}`;
}

/** Bytes of a control packet without authentication; the defined version; UDP destination ports (RFC 5881, 5883). */
export const BFD_BYTES = 24;
export const BFD_VERSION = 1;
export const BFD_PORT = 3784;
export const BFD_MULTIHOP_PORT = 4784;

/**
 * A BFD control packet as plain values: intervals in microseconds; `authentication` the raw bytes behind
 * the mandatory section. Length is not stored: it is 24 and the bytes of `authentication`.
 */
export interface BfdRecord {
  version: number;
  diag: number;
  state: number;
  flags: number;
  detectMultiplier: number;
  myDiscriminator: number;
  yourDiscriminator: number;
  desiredMinTxUsec: number;
  requiredMinRxUsec: number;
  requiredMinEchoRxUsec: number;
  authentication: Uint8Array;
}

/**
 * A BFD control packet over the caller's bytes. Rebind it for each packet, never keep it: its getters read
 * the bytes of the last `bind`. `toRecord()` copies.
 */
export class BfdView {
  #view: DataView;
  #start = 0;
  /** Offset behind the packet as its length says. */
  payloadStart = 0;
  /** Offset behind the bytes given; what lies between is no part of BFD. */
  payloadEnd = 0;

  constructor(view: DataView = UNBOUND) {
    this.#view = view;
  }

  /**
   * Points the view at the bytes `start` to `end` of `view`. Returns `ok`, `short`, `badVersion`, `badLength`
   * (below 24) or `lengthBeyondData`; after the last three the mandatory section is readable.
   */
  bind(view: DataView, start: number, end: number): Reason {
    this.#view = view;
    this.#start = start;
    this.payloadStart = start + BFD_BYTES;
    this.payloadEnd = end;
    if (end - start < BFD_BYTES) return Reason.short;
    if (this.version !== BFD_VERSION) return Reason.badVersion;
    const length = this.length;
    if (length < BFD_BYTES) return Reason.badLength;
    if (start + length > end) return Reason.lengthBeyondData;
    this.payloadStart = start + length;
    return Reason.ok;
  }

  /** Version, 0 to 7; 1 is defined. */
  get version(): number {
    return this.#view.getUint8(this.#start + BfdOffset.versionDiag) >>> BfdMask.versionShift;
  }
  /** Why the sender last left the state Up, 0 to 31. */
  get diag(): number {
    return this.#view.getUint8(this.#start + BfdOffset.versionDiag) & BfdMask.diag;
  }
  /** Session state as the sender sees it: {@link BfdState}. */
  get state(): number {
    return this.#view.getUint8(this.#start + BfdOffset.stateFlags) >>> BfdMask.stateShift;
  }
  /** Six flag bits: {@link BfdFlag}. */
  get flags(): number {
    return this.#view.getUint8(this.#start + BfdOffset.stateFlags) & BfdMask.flags;
  }
  /** Detection time multiplier, 0 to 255 (0 is forbidden). */
  get detectMultiplier(): number {
    return this.#view.getUint8(this.#start + BfdOffset.detectMultiplier);
  }
  /** Bytes of the control packet as stored. */
  get length(): number {
    return this.#view.getUint8(this.#start + BfdOffset.length);
  }
  /** The sender's name for the session, not 0 in a valid packet. */
  get myDiscriminator(): number {
    return this.#view.getUint32(this.#start + BfdOffset.myDiscriminator);
  }
  /** The receiver's name for the session; 0 while unknown. */
  get yourDiscriminator(): number {
    return this.#view.getUint32(this.#start + BfdOffset.yourDiscriminator);
  }
  /** Shortest interval between packets the sender wants to use, in microseconds. */
  get desiredMinTxUsec(): number {
    return this.#view.getUint32(this.#start + BfdOffset.desiredMinTx);
  }
  /** Shortest interval between packets the sender can take, in microseconds; 0: send none. */
  get requiredMinRxUsec(): number {
    return this.#view.getUint32(this.#start + BfdOffset.requiredMinRx);
  }
  /** Shortest interval between echo packets the sender can take, in microseconds; 0: none. */
  get requiredMinEchoRxUsec(): number {
    return this.#view.getUint32(this.#start + BfdOffset.requiredMinEchoRx);
  }

  toRecord(): BfdRecord {
    return {
      version: this.version,
      diag: this.diag,
      state: this.state,
      flags: this.flags,
      detectMultiplier: this.detectMultiplier,
      myDiscriminator: this.myDiscriminator,
      yourDiscriminator: this.yourDiscriminator,
      desiredMinTxUsec: this.desiredMinTxUsec,
      requiredMinRxUsec: this.requiredMinRxUsec,
      requiredMinEchoRxUsec: this.requiredMinEchoRxUsec,
      authentication: copyBytes(this.#view, this.#start + BfdOffset.authentication, this.payloadStart),
    };
  }
}

/** Bytes {@link writeBfd} writes for this record. */
export function bfdBytes(record: BfdRecord): number {
  return BFD_BYTES + record.authentication.length;
}

/** Writes a BFD control packet at `offset` and returns its size in bytes. */
export function writeBfd(view: DataView, offset: number, record: BfdRecord): number {
  const bytes = ranged("bfd", "length", bfdBytes(record), 0xff);
  room("bfd", view, offset, bytes);
  view.setUint8(
    offset + BfdOffset.versionDiag,
    (ranged("bfd", "version", record.version, BfdMask.version) << BfdMask.versionShift) |
      ranged("bfd", "diag", record.diag, BfdMask.diag),
  );
  view.setUint8(
    offset + BfdOffset.stateFlags,
    (ranged("bfd", "state", record.state, BfdMask.state) << BfdMask.stateShift) |
      ranged("bfd", "flags", record.flags, BfdMask.flags),
  );
  view.setUint8(
    offset + BfdOffset.detectMultiplier,
    ranged("bfd", "detect multiplier", record.detectMultiplier, 0xff),
  );
  view.setUint8(offset + BfdOffset.length, bytes);
  putWord(view, offset + BfdOffset.myDiscriminator, "my discriminator", record.myDiscriminator);
  putWord(view, offset + BfdOffset.yourDiscriminator, "your discriminator", record.yourDiscriminator);
  putWord(view, offset + BfdOffset.desiredMinTx, "desired min tx", record.desiredMinTxUsec);
  putWord(view, offset + BfdOffset.requiredMinRx, "required min rx", record.requiredMinRxUsec);
  putWord(view, offset + BfdOffset.requiredMinEchoRx, "required min echo rx", record.requiredMinEchoRxUsec);
  putBytes("bfd", view, offset + BfdOffset.authentication, record.authentication);
  return bytes;
}

function putWord(view: DataView, offset: number, field: string, value: number): void {
  view.setUint32(offset, ranged("bfd", field, value, 0xffff_ffff));
}
