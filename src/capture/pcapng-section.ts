/*
 * The Section Header Block of pcapng, draft-ietf-opsawg-pcapng section 4.1.
 *
 *  +---------------------------------------+
 *  | block type = 0a0d0d0a                 |  0
 *  | block total length                    |  4
 *  | byte-order magic 1a2b3c4d             |  8
 *  | major version     | minor version     | 12
 *  | section length, -1 where not known    | 16
 *  | options ...                           | 24
 *  | block total length                    |
 *  +---------------------------------------+
 */

/** The block's type, the same in both byte orders. */
export const SECTION_BLOCK = 0x0a0d0d0a;
/** Bytes of the block without options. */
export const SECTION_BYTES = 28;

export const BYTE_ORDER = 0x1a2b3c4d;
export const MAJOR_VERSION = 1;

/** True where the four bytes begin a pcapng file. */
export function isPcapngMagic(bytes: Uint8Array): boolean {
  return bytes[0] === 0x0a && bytes[1] === 0x0d && bytes[2] === 0x0d && bytes[3] === 0x0a;
}

/** What is wrong with the section header at `start` (16 bytes needed), or null. */
export function sectionFault(view: DataView, start: number): string | null {
  const littleEndian = isLittleEndian(view, start);
  if (!littleEndian && view.getUint32(start + 8) !== BYTE_ORDER)
    return `the pcapng section header has the byte-order magic 0x${view.getUint32(start + 8).toString(16)}, not 0x1a2b3c4d`;
  const major = view.getUint16(start + 12, littleEndian);
  return major === MAJOR_VERSION ? null : `pcapng version ${major} is not one that is read here (1)`;
}

/** The byte order of the section whose header is at `start`. */
export function isLittleEndian(view: DataView, start: number): boolean {
  return view.getUint32(start + 8, true) === BYTE_ORDER;
}
