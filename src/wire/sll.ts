/*
 * Linux "cooked" captures: what `tcpdump -i any` puts where the link header was.
 * https://www.tcpdump.org/linktypes/LINKTYPE_LINUX_SLL.html and ..._SLL2.html
 *
 *  version 1, 16 bytes                     version 2, 20 bytes
 *  +--------------------+                  +--------------------+--------------------+
 *  | Packet type (2)    |                  | Protocol type (2)  | Reserved (2)       |
 *  | ARPHRD type (2)    |                  | Interface index (4)                     |
 *  | Address length (2) |                  | ARPHRD type (2)    | Packet type (1)    |
 *  | Address (8)        |                  |                    | Address length (1) |
 *  | Protocol type (2)  |                  | Address (8)                             |
 *  +--------------------+                  +-----------------------------------------+
 *
 * The protocol type is an EtherType, or for frames without one a small number (4: 802.2 LLC). Where it is a
 * VLAN TPID, the tags follow the header as they would in Ethernet (vlan.ts).
 */
import { copyBytes, putBytes, UNBOUND } from "./bytes.js";
import { ranged, room, WireError } from "./error.js";
import { Reason } from "./reason.js";
import { readTags, skipTags, VLAN_TAG_BYTES, type VlanTag, writeTags } from "./vlan.js";

/** Byte offsets of version 1. */
export const SllOffset = {
  packetType: 0,
  hardwareType: 2,
  addressLength: 4,
  address: 6,
  protocol: 14,
} as const;

/** Byte offsets of version 2. */
export const Sll2Offset = {
  protocol: 0,
  reserved: 2,
  interfaceIndex: 4,
  hardwareType: 8,
  packetType: 10,
  addressLength: 11,
  address: 12,
} as const;

/** Bytes of each header without tags, and of its address field. */
export const SLL_HEADER_BYTES = 16;
export const SLL2_HEADER_BYTES = 20;
export const SLL_ADDRESS_BYTES = 8;

/** Values of the packet type: whom the packet was for. */
export const SllPacketType = { toUs: 0, broadcast: 1, multicast: 2, toOther: 3, outgoing: 4 } as const;

/**
 * A version 1 header as plain values: `hardwareType` an ARPHRD_ number, `addressLength` the bytes of the
 * sender's address that count, `address` all eight bytes of its field, `etherType` behind all tags.
 */
export interface SllRecord {
  packetType: number;
  hardwareType: number;
  addressLength: number;
  address: Uint8Array;
  tags: VlanTag[];
  etherType: number;
}

/** A version 2 header as plain values: as version 1, and the index of the interface on its host. */
export interface Sll2Record extends SllRecord {
  reserved: number;
  interfaceIndex: number;
}

/** What both versions read alike; `version` is 1 or 2, set once. Rebind for each packet, never keep. */
class CookedView {
  protected view: DataView = UNBOUND;
  protected start = 0;
  readonly #headerBytes: number;
  readonly #typeOffset: number;
  /** Offset of the first byte behind the header and its tags. */
  payloadStart = 0;
  /** Offset behind the last payload byte. */
  payloadEnd = 0;

  constructor(headerBytes: number, typeOffset: number) {
    this.#headerBytes = headerBytes;
    this.#typeOffset = typeOffset;
  }

  /**
   * Points the view at the bytes `start` to `end` of `view`, past all tags. Returns `ok` or `short` (also
   * for a stack of tags that is cut).
   */
  bind(view: DataView, start: number, end: number): Reason {
    this.view = view;
    this.start = start;
    this.payloadStart = start + this.#headerBytes;
    this.payloadEnd = end;
    if (end < this.payloadStart) return Reason.short;
    const next = skipTags(view, start + this.#typeOffset, this.payloadStart, end);
    if (next < 0) return Reason.short;
    this.payloadStart = next;
    return Reason.ok;
  }

  /** Number of VLAN tags. */
  get tagCount(): number {
    return (this.payloadStart - this.start - this.#headerBytes) / VLAN_TAG_BYTES;
  }
  /** The EtherType behind all tags (small numbers: no EtherType). */
  get etherType(): number {
    return this.view.getUint16(this.tagCount === 0 ? this.start + this.#typeOffset : this.payloadStart - 2);
  }
  protected tags(): VlanTag[] {
    return readTags(this.view, this.start + this.#typeOffset, this.start + this.#headerBytes, this.tagCount);
  }
}

/** A version 1 header over the caller's bytes. Rebind it for each packet, never keep it. */
export class SllView extends CookedView {
  constructor() {
    super(SLL_HEADER_BYTES, SllOffset.protocol);
  }
  /** Whom the packet was for: a {@link SllPacketType}. */
  get packetType(): number {
    return this.view.getUint16(this.start + SllOffset.packetType);
  }
  /** ARPHRD_ number of the interface. */
  get hardwareType(): number {
    return this.view.getUint16(this.start + SllOffset.hardwareType);
  }
  /** Bytes of the address that count; may say more than the field's eight. */
  get addressLength(): number {
    return this.view.getUint16(this.start + SllOffset.addressLength);
  }

  toRecord(): SllRecord {
    const address = this.start + SllOffset.address;
    return {
      packetType: this.packetType,
      hardwareType: this.hardwareType,
      addressLength: this.addressLength,
      address: copyBytes(this.view, address, address + SLL_ADDRESS_BYTES),
      tags: this.tags(),
      etherType: this.etherType,
    };
  }
}

/** A version 2 header over the caller's bytes. Rebind it for each packet, never keep it. */
export class Sll2View extends CookedView {
  constructor() {
    super(SLL2_HEADER_BYTES, Sll2Offset.protocol);
  }
  /** Reserved, zero on transmission. */
  get reserved(): number {
    return this.view.getUint16(this.start + Sll2Offset.reserved);
  }
  /** Index of the interface on the capturing host, 0 to 2^32-1. */
  get interfaceIndex(): number {
    return this.view.getUint32(this.start + Sll2Offset.interfaceIndex);
  }
  /** ARPHRD_ number of the interface. */
  get hardwareType(): number {
    return this.view.getUint16(this.start + Sll2Offset.hardwareType);
  }
  /** Whom the packet was for: a {@link SllPacketType}. */
  get packetType(): number {
    return this.view.getUint8(this.start + Sll2Offset.packetType);
  }
  /** Bytes of the address that count; may say more than the field's eight. */
  get addressLength(): number {
    return this.view.getUint8(this.start + Sll2Offset.addressLength);
  }

  toRecord(): Sll2Record {
    const address = this.start + Sll2Offset.address;
    return {
      reserved: this.reserved,
      interfaceIndex: this.interfaceIndex,
      packetType: this.packetType,
      hardwareType: this.hardwareType,
      addressLength: this.addressLength,
      address: copyBytes(this.view, address, address + SLL_ADDRESS_BYTES),
      tags: this.tags(),
      etherType: this.etherType,
    };
  }
}

/** Bytes {@link writeSll} writes for this record. */
export function sllBytes(record: SllRecord): number {
  return SLL_HEADER_BYTES + VLAN_TAG_BYTES * record.tags.length;
}

/** Bytes {@link writeSll2} writes for this record. */
export function sll2Bytes(record: Sll2Record): number {
  return SLL2_HEADER_BYTES + VLAN_TAG_BYTES * record.tags.length;
}

/** Writes a version 1 header with its tags at `offset` and returns its size in bytes. */
export function writeSll(view: DataView, offset: number, record: SllRecord): number {
  room("sll", view, offset, sllBytes(record));
  view.setUint16(offset + SllOffset.packetType, ranged("sll", "packet type", record.packetType, 0xffff));
  view.setUint16(
    offset + SllOffset.hardwareType,
    ranged("sll", "hardware type", record.hardwareType, 0xffff),
  );
  view.setUint16(
    offset + SllOffset.addressLength,
    ranged("sll", "address length", record.addressLength, 0xffff),
  );
  putAddress("sll", view, offset + SllOffset.address, record.address);
  const next = offset + SLL_HEADER_BYTES;
  return (
    SLL_HEADER_BYTES +
    writeTags("sll", view, offset + SllOffset.protocol, next, record.tags, record.etherType)
  );
}

/** Writes a version 2 header with its tags at `offset` and returns its size in bytes. */
export function writeSll2(view: DataView, offset: number, record: Sll2Record): number {
  room("sll2", view, offset, sll2Bytes(record));
  view.setUint16(offset + Sll2Offset.reserved, ranged("sll2", "reserved", record.reserved, 0xffff));
  view.setUint32(
    offset + Sll2Offset.interfaceIndex,
    ranged("sll2", "interface index", record.interfaceIndex, 0xffff_ffff),
  );
  view.setUint16(
    offset + Sll2Offset.hardwareType,
    ranged("sll2", "hardware type", record.hardwareType, 0xffff),
  );
  view.setUint8(offset + Sll2Offset.packetType, ranged("sll2", "packet type", record.packetType, 0xff));
  view.setUint8(
    offset + Sll2Offset.addressLength,
    ranged("sll2", "address length", record.addressLength, 0xff),
  );
  putAddress("sll2", view, offset + Sll2Offset.address, record.address);
  const next = offset + SLL2_HEADER_BYTES;
  return (
    SLL2_HEADER_BYTES +
    writeTags("sll2", view, offset + Sll2Offset.protocol, next, record.tags, record.etherType)
  );
}

function putAddress(layer: string, view: DataView, offset: number, address: Uint8Array): void {
  if (address.length !== SLL_ADDRESS_BYTES)
    throw new WireError(
      "ERR_WIRE_RANGE",
      layer,
      "address",
      `${address.length} bytes, ${SLL_ADDRESS_BYTES} needed`,
      SLL_ADDRESS_BYTES,
    );
  putBytes(layer, view, offset, address);
}
