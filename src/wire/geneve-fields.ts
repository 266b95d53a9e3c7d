/** Where the fields of Geneve (RFC 8926) stand; the bit diagram is in geneve.ts. Shared by reader and writer. */

/** Byte offsets in the fixed header. */
export const GeneveOffset = { versionOptLen: 0, flags: 1, protocolType: 2, vni: 4, reserved: 7 } as const;

/** Masks and shifts in the fixed header. */
export const GeneveMask = {
  version: 0x03,
  versionShift: 6,
  optLen: 0x3f,
  oam: 0x80,
  critical: 0x40,
  reservedBits: 0x3f,
  vni: 0xffffff,
  /** The VNI is the high 24 bits of the word at `GeneveOffset.vni`. */
  vniShift: 8,
} as const;

/** Byte offsets in an option's header. */
export const GeneveOptionOffset = { optionClass: 0, type: 2, length: 3 } as const;

/** Masks and shifts in an option's header. */
export const GeneveOptionMask = { critical: 0x80, reserved: 0x07, reservedShift: 5, length: 0x1f } as const;

/** Bytes of the fixed header, of an option's header, and the most that fit: all options, one option's data. */
export const GENEVE_HEADER_BYTES = 8;
export const GENEVE_OPTION_HEADER_BYTES = 4;
export const GENEVE_OPTIONS_MAX = 252;
export const GENEVE_OPTION_DATA_MAX = 124;

/** The UDP destination port IANA assigned to Geneve (RFC 8926 section 3.3). */
export const GENEVE_PORT = 6081;
