/* What a file is by its first bytes: how it is compressed, or for what is no capture what to do instead. */

/** Bytes looked at. */
export const RECOGNISED_BYTES = 16;

/** Beginnings as Latin-1 text, and what to say about the file. */
const KNOWN: readonly (readonly [string, string])[] = [
  ["OVSDB JSON ", "is an OVSDB database, not a capture; give it with --sb"],
  ["OVSDB CLUSTER ", "is an OVSDB database, not a capture; give it with --sb"],
  ["\xfd7zXZ\0", "is compressed with xz; run `xz -dc FILE` and pipe it in (FILE -)"],
  ["BZh", "is compressed with bzip2; run `bzip2 -dc FILE` and pipe it in (FILE -)"],
  ["\x04\x22\x4d\x18", "is compressed with lz4; run `lz4 -dc FILE` and pipe it in (FILE -)"],
  ["PK\x03\x04", "is a zip archive; unpack it and give the capture in it"],
  ["snoop\0\0\0", "is a Solaris snoop capture; convert it with `editcap -F pcapng`"],
  ["\xff\xfe", "is text in UTF-16; save it in UTF-8"],
  ["\xfe\xff", "is text in UTF-16; save it in UTF-8"],
  ["\x7fELF", "is a program, not a capture; check that it is the right file"],
  ["SQLite format 3", "is an SQLite database, not a capture; check that it is the right file"],
  ["PAR1", "is a Parquet file, not a capture; give the capture it was made from"],
];

/** What to say about a file that begins with these bytes, or null for one that is not known here. */
export function knownOther(head: Uint8Array): string | null {
  const start = Buffer.from(head).toString("latin1");
  for (const [beginning, reason] of KNOWN) if (start.startsWith(beginning)) return reason;
  return null;
}

/** The magic number of a zstd frame, and that of skippable frames without its last four bits (RFC 8878 section 3.1). */
export const ZSTD_FRAME_MAGIC = 0xfd2fb528;
export const ZSTD_SKIPPABLE_MAGIC = 0x184d2a5;

/** True where the four bytes begin a zstd file: a frame or a skippable frame. */
export function isZstdMagic(bytes: Uint8Array): boolean {
  if (bytes.length < 4) return false;
  const magic = new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true);
  return magic === ZSTD_FRAME_MAGIC || magic >>> 4 === ZSTD_SKIPPABLE_MAGIC;
}

/** True where the bytes begin a gzip file, RFC 1952 section 2.3.1. */
export function isGzipMagic(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}
