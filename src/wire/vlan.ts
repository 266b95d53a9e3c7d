/*
 * VLAN tags, IEEE 802.1Q-2018 clause 9: any number of them between the addresses and the EtherType.
 *
 *   0                   1                   2                   3
 *   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |        TPID (8100, ...)       | PCP |D|        VLAN ID        |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *
 * A tag's TPID stands where an untagged frame has its EtherType, so a stack is read as a chain: a type
 * field, and behind it, as long as the type is a TPID, two bytes of TCI and the next type field.
 */
import { ranged, WireError } from "./error.js";
import { EtherType } from "./ethertype.js";

/** Bytes one tag adds to a frame. */
export const VLAN_TAG_BYTES = 4;

/** Masks and shifts inside the tag control information (TCI), shared by reader and writer. */
export const TciMask = { priority: 0x7, priorityShift: 13, dropEligible: 0x1000, vlan: 0x0fff } as const;

/** One tag: `tpid` 0x8100, 0x88a8 or 0x9100, `priority` 0..7, `vlan` 0..4095. */
export interface VlanTag {
  tpid: number;
  priority: number;
  dropEligible: boolean;
  vlan: number;
}

/** True for the three tag protocol identifiers this package reads. */
export function isTpid(type: number): boolean {
  return type === EtherType.vlan || type === EtherType.serviceVlan || type === EtherType.legacyVlan;
}

/**
 * Walks the tags whose first type field is at `typeOffset` and whose first TCI is at `next`. Returns the
 * offset behind the last type field, or -1 when a tag does not fit before `end`. Linear in the tags.
 */
export function skipTags(view: DataView, typeOffset: number, next: number, end: number): number {
  let type = view.getUint16(typeOffset);
  let at = next;
  while (isTpid(type)) {
    if (at + VLAN_TAG_BYTES > end) return -1;
    type = view.getUint16(at + 2);
    at += VLAN_TAG_BYTES;
  }
  return at;
}

/** Copies `count` tags that {@link skipTags} has measured. */
export function readTags(view: DataView, typeOffset: number, next: number, count: number): VlanTag[] {
  const tags: VlanTag[] = [];
  for (let index = 0, at = next; index < count; index++, at += VLAN_TAG_BYTES) {
    const tci = view.getUint16(at);
    tags.push({
      tpid: view.getUint16(index === 0 ? typeOffset : at - 2),
      priority: tci >>> TciMask.priorityShift,
      dropEligible: (tci & TciMask.dropEligible) !== 0,
      vlan: tci & TciMask.vlan,
    });
  }
  return tags;
}

/**
 * Writes tags and the EtherType behind them: the first type field at `typeOffset`, the rest from `next`.
 * Returns the bytes written from `next` on. The caller has checked the room.
 */
export function writeTags(
  layer: string,
  view: DataView,
  typeOffset: number,
  next: number,
  tags: readonly VlanTag[],
  etherType: number,
): number {
  let typeAt = typeOffset;
  let at = next;
  for (const tag of tags) {
    if (!isTpid(tag.tpid))
      throw new WireError("ERR_WIRE_RANGE", layer, "tpid", `${tag.tpid} is not 0x8100, 0x88a8 or 0x9100`);
    view.setUint16(typeAt, tag.tpid);
    const priority = ranged(layer, "vlan priority", tag.priority, TciMask.priority);
    view.setUint16(
      at,
      (priority << TciMask.priorityShift) |
        (tag.dropEligible ? TciMask.dropEligible : 0) |
        ranged(layer, "vlan id", tag.vlan, TciMask.vlan),
    );
    typeAt = at + 2;
    at += VLAN_TAG_BYTES;
  }
  view.setUint16(typeAt, ranged(layer, "ether type", etherType, 0xffff));
  return at - next;
}
