/*
 * Geneve, RFC 8926: fixed header section 3.4, options section 3.5.
 *
 *   0                   1                   2                   3
 *   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |Ver|  Opt Len  |O|C|    Rsvd.  |          Protocol Type        |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |        Virtual Network Identifier (VNI)       |    Reserved   |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |                                                               |
 *  ~                    Variable-Length Options                    ~
 *  |                                                               |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |          Option Class         |C|    Type     |R|R|R| Length  |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  ~                  Variable-Length Option Data                  ~
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
import { copyBytes, UNBOUND } from "./bytes.js";
import {
  GENEVE_HEADER_BYTES,
  GENEVE_OPTION_HEADER_BYTES,
  GeneveMask,
  GeneveOffset,
  GeneveOptionMask,
  GeneveOptionOffset,
} from "./geneve-fields.js";
import type { GeneveOptionRecord, GeneveRecord } from "./geneve-writer.js";
import { Reason } from "./reason.js";

export * from "./geneve-fields.js";
export * from "./geneve-writer.js";

/**
 * A Geneve header over the caller's bytes, with a cursor over its options. Rebind it for each packet, never
 * keep it: its getters read the bytes of the last `bind`. `toRecord()` copies.
 *
 * Options: `for (let more = g.firstOption(); more; more = g.nextOption())`, reading `optionClass`,
 * `optionType`, ... of the current one. The walk ends at Opt Len, or earlier at an option that overruns it;
 * `optionReason` says which, at any time and without moving the cursor.
 */
export class GeneveView {
  #view: DataView;
  #start = 0;
  /** Offset behind the option bytes that are there. */
  optionsEnd = 0;
  /** Offset of the first payload byte: always where Opt Len puts it, whatever the options say. */
  payloadStart = 0;
  /** Offset behind the last payload byte. */
  payloadEnd = 0;
  /** Offset of the current option's 4-byte header. */
  optionStart = 0;
  /** Offset of the current option's data. */
  optionDataStart = 0;
  /** Offset behind the current option's data: 0, 4, ... 124 bytes further. */
  optionDataEnd = 0;

  constructor(view: DataView = UNBOUND) {
    this.#view = view;
  }

  /**
   * Points the view at the bytes `start` to `end` of `view`.
   * Returns `ok`, `short`, `badHeaderLength` (Opt Len runs past `end`; the fixed fields and the options that
   * are there are readable) or `badVersion` (all fields readable as if the version were 0; an endpoint
   * drops such a packet, RFC 8926 section 3.4).
   */
  bind(view: DataView, start: number, end: number): Reason {
    this.#view = view;
    this.#start = start;
    this.payloadStart = start + GENEVE_HEADER_BYTES;
    this.payloadEnd = end;
    this.optionsEnd = this.payloadStart;
    this.optionStart = this.payloadStart;
    this.optionDataStart = this.payloadStart;
    this.optionDataEnd = this.payloadStart;
    if (end - start < GENEVE_HEADER_BYTES) return Reason.short;
    const first = view.getUint8(start + GeneveOffset.versionOptLen);
    const payloadStart = this.payloadStart + 4 * (first & GeneveMask.optLen);
    const cut = payloadStart > end;
    this.optionsEnd = cut ? end : payloadStart;
    this.payloadStart = cut ? end : payloadStart;
    if (first >>> GeneveMask.versionShift !== 0) return Reason.badVersion;
    return cut ? Reason.badHeaderLength : Reason.ok;
  }

  /** Version, 0 to 3; only 0 is defined. */
  get version(): number {
    return this.#view.getUint8(this.#start + GeneveOffset.versionOptLen) >>> GeneveMask.versionShift;
  }
  /** Length of the options in 4-byte words, 0 to 63, without the 8 fixed bytes. */
  get optLen(): number {
    return this.#view.getUint8(this.#start + GeneveOffset.versionOptLen) & GeneveMask.optLen;
  }
  /** O: a control packet; its payload is no tenant traffic. */
  get oam(): boolean {
    return (this.#view.getUint8(this.#start + GeneveOffset.flags) & GeneveMask.oam) !== 0;
  }
  /** C: at least one option is critical. */
  get critical(): boolean {
    return (this.#view.getUint8(this.#start + GeneveOffset.flags) & GeneveMask.critical) !== 0;
  }
  /** The six reserved bits behind O and C, 0 to 63: zero on transmission, ignored on receipt. */
  get reservedBits(): number {
    return this.#view.getUint8(this.#start + GeneveOffset.flags) & GeneveMask.reservedBits;
  }
  /** EtherType of the payload: 0x6558 Ethernet, 0x0800 and 0x86dd bare IP. */
  get protocolType(): number {
    return this.#view.getUint16(this.#start + GeneveOffset.protocolType);
  }
  /** Virtual network identifier, 0 to 0xffffff; in OVN `Datapath_Binding.tunnel_key`. */
  get vni(): number {
    return this.#view.getUint32(this.#start + GeneveOffset.vni) >>> GeneveMask.vniShift;
  }
  /** The reserved byte behind the VNI, 0 to 255: zero on transmission, ignored on receipt. */
  get reserved(): number {
    return this.#view.getUint8(this.#start + GeneveOffset.reserved);
  }

  /** Moves the cursor to the first option; false if there is none that fits. */
  firstOption(): boolean {
    return this.#moveTo(this.#start + GENEVE_HEADER_BYTES);
  }
  /** Moves the cursor to the option behind the current one; false if there is none that fits. */
  nextOption(): boolean {
    return this.#moveTo(this.optionDataEnd);
  }
  #moveTo(at: number): boolean {
    this.optionStart = at;
    this.optionDataStart = at;
    this.optionDataEnd = at;
    const data = at + GENEVE_OPTION_HEADER_BYTES;
    if (data > this.optionsEnd) return false;
    const dataEnd =
      data + 4 * (this.#view.getUint8(at + GeneveOptionOffset.length) & GeneveOptionMask.length);
    if (dataEnd > this.optionsEnd) return false;
    this.optionDataStart = data;
    this.optionDataEnd = dataEnd;
    return true;
  }

  /** Class of the current option, 0 to 65535 (IANA "Geneve Option Class"). */
  get optionClass(): number {
    return this.#view.getUint16(this.optionStart + GeneveOptionOffset.optionClass);
  }
  /** Type of the current option, 0 to 255, with the critical bit as its highest. */
  get optionType(): number {
    return this.#view.getUint8(this.optionStart + GeneveOptionOffset.type);
  }
  /** True when the current option's type has its critical bit set. */
  get optionCritical(): boolean {
    return (this.optionType & GeneveOptionMask.critical) !== 0;
  }
  /** The three reserved bits of the current option, 0 to 7. */
  get optionReserved(): number {
    return (
      this.#view.getUint8(this.optionStart + GeneveOptionOffset.length) >>> GeneveOptionMask.reservedShift
    );
  }

  /**
   * `ok` when the options sum exactly to Opt Len (RFC 8926 section 3.5: otherwise the packet is invalid),
   * else `badOption`. Leaves the cursor where it is.
   */
  get optionReason(): Reason {
    let at = this.#start + GENEVE_HEADER_BYTES;
    while (at + GENEVE_OPTION_HEADER_BYTES <= this.optionsEnd)
      at +=
        GENEVE_OPTION_HEADER_BYTES +
        4 * (this.#view.getUint8(at + GeneveOptionOffset.length) & GeneveOptionMask.length);
    return at === this.optionsEnd && at === this.#start + GENEVE_HEADER_BYTES + 4 * this.optLen
      ? Reason.ok
      : Reason.badOption;
  }
  /** True when an option that fits is critical: what C has to say. Leaves the cursor where it is. */
  get anyOptionCritical(): boolean {
    let at = this.#start + GENEVE_HEADER_BYTES;
    while (at + GENEVE_OPTION_HEADER_BYTES <= this.optionsEnd) {
      const next =
        at +
        GENEVE_OPTION_HEADER_BYTES +
        4 * (this.#view.getUint8(at + GeneveOptionOffset.length) & GeneveOptionMask.length);
      if (next > this.optionsEnd) return false;
      if ((this.#view.getUint8(at + GeneveOptionOffset.type) & GeneveOptionMask.critical) !== 0) return true;
      at = next;
    }
    return false;
  }

  /**
   * The header and its options, copied; moves the cursor behind the last option. With a version other than
   * 0 the option bytes are all in `optionsRest`: their format is not known.
   */
  toRecord(): GeneveRecord {
    const options: GeneveOptionRecord[] = [];
    let rest = this.#start + GENEVE_HEADER_BYTES;
    if (this.version === 0)
      for (let more = this.firstOption(); more; more = this.nextOption()) {
        options.push({
          optionClass: this.optionClass,
          type: this.optionType,
          reserved: this.optionReserved,
          data: copyBytes(this.#view, this.optionDataStart, this.optionDataEnd),
        });
        rest = this.optionDataEnd;
      }
    return {
      version: this.version,
      oam: this.oam,
      critical: this.critical,
      reservedBits: this.reservedBits,
      protocolType: this.protocolType,
      vni: this.vni,
      reserved: this.reserved,
      options,
      optionsRest: copyBytes(this.#view, rest, this.optionsEnd),
    };
  }
}
