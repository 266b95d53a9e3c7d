import type { HeaderLayer } from "../frame/layers.js";
import type { JsonFields } from "./json-fields.js";

/** How a checksum is to be: set, or as its record has it. */
export type ChecksumRule = "right" | "unfilled" | "stored";

/** A header of which lengths and checksums are still to be worked out. */
export interface Draft<Layer extends HeaderLayer = HeaderLayer> {
  layer: Layer;
  /** Its fields, for messages. */
  fields: JsonFields;
  /** Its length field as given; undefined where it is absent or the header has none. */
  length?: number | undefined;
  /** Of headers that have one. */
  checksum?: ChecksumRule;
}

/** Stands where a length will be worked out: not 0, which means "larger than can be said". */
export const UNKNOWN_LENGTH = 1;

/** Outside the tunnel, or in it. */
export type Depth = 0 | 1;

/** What every layer has besides its record; its writer has no use for the offset. */
export function place(depth: Depth): { depth: Depth; offset: number } {
  return { depth, offset: 0 };
}

/** Takes what an object says of a checksum, whose largest value is `limit`, to its record. */
export function checksum(
  fields: JsonFields,
  layer: { layer: string; checksum: number },
  limit: number,
): { checksum: ChecksumRule } {
  const word = fields.word("checksum", ["good", "bad", "absent", "unverified"]);
  const value = fields.given("checksumValue", limit);
  const isUnfilled = fields.flag("unfilled");
  if (value !== undefined && (word === "good" || word === "absent" || isUnfilled))
    throw fields.wrong("checksumValue", "is for a checksum that is bad or unverified");
  if (isUnfilled) {
    if (word === "bad" && ["udp", "tcp", "icmpv6"].includes(layer.layer)) return { checksum: "unfilled" };
    throw fields.wrong("unfilled", "is for a bad checksum of UDP, TCP or ICMPv6");
  }
  if (word === "absent" && layer.layer !== "udp") throw fields.wrong("checksum", "only UDP's can be absent");
  if (value === undefined && (word === "good" || word === undefined)) return { checksum: "right" };
  if (value === undefined && word !== "absent") throw fields.wrong("checksumValue", "is missing");
  layer.checksum = value ?? 0;
  return { checksum: "stored" };
}
