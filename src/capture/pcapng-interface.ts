/*
 * The Interface Description Block of pcapng, draft-ietf-opsawg-pcapng section 4.2, and its options
 * (section 3.5): code, length, value padded to four bytes.
 *
 *  +---------------------------------------+
 *  | block type = 1                        |  0
 *  | block total length                    |  4
 *  | LINKTYPE_         | reserved          |  8
 *  | snapshot length, 0 for unlimited      | 12
 *  | options ...                           | 16
 *  | block total length                    |
 *  +---------------------------------------+
 */
import type { CaptureInterface } from "./batch.js";
import { DEFAULT_RESOLUTION, TimestampClock } from "./pcapng-time.js";

export const Option = { end: 0, name: 2, description: 3, resolution: 9, fcsBytes: 13, offset: 14 } as const;

/** Fixed bytes of the block in front of its options, and in all. */
const OPTIONS_AT = 16;
export const INTERFACE_BLOCK_BYTES = 20;

/** Bytes of an interface's name that are kept; a name is foreign text, so its size is not the file's to choose. */
export const NAME_BYTES = 255;

const text = new TextDecoder();

/** What a block describes: the interface as shown, and the clock for its packets. */
export interface DescribedInterface {
  readonly shown: CaptureInterface;
  readonly clock: TimestampClock;
}

/**
 * Reads the interface block of `length` bytes (at least 20, all there) at `start`.
 * Returns what is wrong with its options instead where they cannot be read: a packet's time and length
 * depend on them.
 */
export function readInterface(
  bytes: Uint8Array,
  view: DataView,
  start: number,
  length: number,
  littleEndian: boolean,
): DescribedInterface | string {
  let name: string | null = null;
  let resolution = DEFAULT_RESOLUTION;
  let offsetSeconds = 0;
  let fcsBytes = 0;
  const end = start + length - 4;
  let at = start + OPTIONS_AT;
  while (at < end) {
    if (at + 4 > end) return "an option of an interface description is cut";
    const code = view.getUint16(at, littleEndian);
    const size = view.getUint16(at + 2, littleEndian);
    const value = at + 4;
    if (code === Option.end) break;
    if (value + size > end)
      return `option ${code} of an interface description claims ${size} bytes, ${end - value} are left`;
    if (code === Option.name) {
      name = nameOf(bytes, value, size);
    } else if (code === Option.resolution) {
      if (size !== 1) return `if_tsresol of an interface description has ${size} bytes, not 1`;
      resolution = bytes[value];
    } else if (code === Option.fcsBytes) {
      if (size !== 1) return `if_fcslen of an interface description has ${size} bytes, not 1`;
      fcsBytes = bytes[value];
    } else if (code === Option.offset) {
      if (size !== 8) return `if_tsoffset of an interface description has ${size} bytes, not 8`;
      const high = view.getInt32(littleEndian ? value + 4 : value, littleEndian);
      const low = view.getUint32(littleEndian ? value : value + 4, littleEndian);
      offsetSeconds = high * 4_294_967_296 + low;
    }
    at = value + ((size + 3) & ~3);
  }
  return {
    shown: {
      linkType: view.getUint16(start + 8, littleEndian),
      name,
      snapLength: view.getUint32(start + 12, littleEndian),
      fcsBytes,
    },
    clock: new TimestampClock(resolution, offsetSeconds),
  };
}

/** The name in UTF-8, up to its NUL where a writer left one, as in the file: not escaped. */
function nameOf(bytes: Uint8Array, start: number, size: number): string {
  const name = bytes.subarray(start, start + Math.min(size, NAME_BYTES));
  const nul = name.indexOf(0);
  return text.decode(nul < 0 ? name : name.subarray(0, nul));
}
