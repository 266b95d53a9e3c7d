/*
 * Ethernet, IEEE 802.3-2018 clause 3, with any number of VLAN tags (vlan.ts).
 *
 *  +--------+--------+--------+--------+--------+--------+
 *  |               Destination address (6)               |
 *  +--------+--------+--------+--------+--------+--------+
 *  |                 Source address (6)                  |
 *  +--------+--------+--------+--------+--------+--------+
 *  | Tags (0, 4, 8, ... bytes)  |  EtherType or length   |
 *  +--------+--------+--------+--------+--------+--------+
 */

import { MAC_BYTES, readMac, readMacBits, writeMac } from "./address.js";
import { UNBOUND } from "./bytes.js";
import { room } from "./error.js";
import { ETHER_TYPE_MIN } from "./ethertype.js";
import { Reason } from "./reason.js";
import { readTags, skipTags, TciMask, VLAN_TAG_BYTES, type VlanTag, writeTags } from "./vlan.js";

/** Byte offsets of an Ethernet header's fields; `type` holds the first TPID when there are tags. */
export const EthernetOffset = { destination: 0, source: MAC_BYTES, type: 12 } as const;

/** Bytes of an Ethernet header without tags. */
export const ETHERNET_HEADER_BYTES = 14;

/**
 * An Ethernet header as plain values: addresses as text, the tags from the outermost in, and the
 * EtherType behind them (below 1536: the 802.3 length of the payload in bytes).
 */
export interface EthernetRecord {
  destination: string;
  source: string;
  tags: VlanTag[];
  etherType: number;
}

/**
 * An Ethernet header over the caller's bytes. Rebind it for each packet, never keep it: its getters read
 * the bytes of the last `bind`. `toRecord()` copies.
 */
export class EthernetView {
  #view: DataView;
  #start = 0;
  /** Offset of the first byte behind the EtherType. */
  payloadStart = 0;
  /** Offset behind the last payload byte; an 802.3 length ends the payload before the padding. */
  payloadEnd = 0;

  constructor(view: DataView = UNBOUND) {
    this.#view = view;
  }

  /**
   * Points the view at the bytes `start` to `end` of `view`, past all tags, in time linear in the tags.
   * Returns `ok`, `short` (also for a stack of tags that is cut) or, for an 802.3 length, `lengthBeyondData`
   * with all fields readable.
   */
  bind(view: DataView, start: number, end: number): Reason {
    this.#view = view;
    this.#start = start;
    this.payloadStart = start + ETHERNET_HEADER_BYTES;
    this.payloadEnd = end;
    if (end - start < ETHERNET_HEADER_BYTES) return Reason.short;
    const next = skipTags(view, start + EthernetOffset.type, start + ETHERNET_HEADER_BYTES, end);
    if (next < 0) return Reason.short;
    this.payloadStart = next;
    const type = view.getUint16(next - 2);
    if (type >= ETHER_TYPE_MIN) return Reason.ok;
    if (next + type > end) return Reason.lengthBeyondData;
    this.payloadEnd = next + type;
    return Reason.ok;
  }

  /** Destination MAC as text. */
  get destination(): string {
    return readMac(this.#view, this.#start + EthernetOffset.destination);
  }
  /** Source MAC as text. */
  get source(): string {
    return readMac(this.#view, this.#start + EthernetOffset.source);
  }
  /** Destination MAC as an integer, 0 to 2^48-1. */
  get destinationBits(): number {
    return readMacBits(this.#view, this.#start + EthernetOffset.destination);
  }
  /** Source MAC as an integer, 0 to 2^48-1. */
  get sourceBits(): number {
    return readMacBits(this.#view, this.#start + EthernetOffset.source);
  }
  /** The EtherType behind all tags; below 1536 an 802.3 length in bytes. */
  get etherType(): number {
    return this.#view.getUint16(this.payloadStart - 2);
  }
  /** Number of VLAN tags. */
  get tagCount(): number {
    return (this.payloadStart - this.#start - ETHERNET_HEADER_BYTES) / VLAN_TAG_BYTES;
  }
  /** VLAN id of the outermost tag, 0 to 4095; -1 without tags. */
  get vlan(): number {
    if (this.payloadStart === this.#start + ETHERNET_HEADER_BYTES) return -1;
    return this.#view.getUint16(this.#start + ETHERNET_HEADER_BYTES) & TciMask.vlan;
  }

  toRecord(): EthernetRecord {
    return {
      destination: this.destination,
      source: this.source,
      tags: readTags(
        this.#view,
        this.#start + EthernetOffset.type,
        this.#start + ETHERNET_HEADER_BYTES,
        this.tagCount,
      ),
      etherType: this.etherType,
    };
  }
}

/** Bytes {@link writeEthernet} writes for this record. */
export function ethernetBytes(record: EthernetRecord): number {
  return ETHERNET_HEADER_BYTES + VLAN_TAG_BYTES * record.tags.length;
}

/** Writes an Ethernet header with its tags at `offset` and returns its size in bytes. */
export function writeEthernet(view: DataView, offset: number, record: EthernetRecord): number {
  room("ethernet", view, offset, ethernetBytes(record));
  writeMac(view, offset + EthernetOffset.destination, record.destination);
  writeMac(view, offset + EthernetOffset.source, record.source);
  return (
    ETHERNET_HEADER_BYTES +
    writeTags(
      "ethernet",
      view,
      offset + EthernetOffset.type,
      offset + ETHERNET_HEADER_BYTES,
      record.tags,
      record.etherType,
    )
  );
}
