/* What a file is by its first bytes, for those that are no captures: a message that says what to do instead. */

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
