/**
 * Why a header could not be read, as a small number: a view's `bind` returns one, and a frame's
 * columns store one beside the layer and the offset where decoding stopped.
 */
export const Reason = {
  /** The header and everything its length fields promise is there. */
  ok: 0,
  /** Fewer bytes are left than the header needs. */
  short: 1,
  /** The version field is not one this layer is defined for. */
  badVersion: 2,
  /** The header-length field is below the fixed header, or runs past the bytes left. */
  badHeaderLength: 3,
  /** A length field says less than the header that carries it. */
  badLength: 4,
  /** A length field says more than the enclosing layer holds. */
  lengthBeyondData: 5,
  /** An option or extension header overruns the space its parent gives it. */
  badOption: 6,
  /** An IP fragment: the rest of what it carries, or the next layer's header, travels in another packet. */
  fragment: 7,
  /** A protocol this decoder does not read. */
  unknownProtocol: 8,
  /** The headers are whole; payload bytes are missing. */
  payloadCut: 9,
  /** A link type this decoder does not read. */
  unknownLinkType: 10,
  /** A field holds a value its specification forbids (named by the layer). */
  badValue: 11,
} as const;

/** One of the {@link Reason} numbers. */
export type Reason = (typeof Reason)[keyof typeof Reason];

const reasonTexts: readonly string[] = [
  "ok",
  "too few bytes for the header",
  "unknown version",
  "bad header length",
  "length field below the header",
  "length field beyond the data",
  "option overruns its space",
  "fragment, not reassembled",
  "unknown protocol",
  "payload cut",
  "unknown link type",
  "forbidden value or size",
];

/** The words for a {@link Reason}, as shown to people and in JSON. */
export function reasonText(reason: number): string {
  return reasonTexts[reason] ?? `reason ${reason}`;
}
