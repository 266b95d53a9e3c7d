import { quoted } from "../../text.js";
import type { DatabaseSpec } from "./schema.js";

/** What the first bytes of a file say it is. */
export type Kind = "log" | "cluster" | "json" | "gzip" | "other";

const SPACES = /^\s*/;

/** Recognises a source by its first bytes (some thousand, or all there are). */
export function recognise(head: Buffer): Kind {
  if (head[0] === 0x1f && head[1] === 0x8b) return "gzip";
  const text = head.toString("latin1");
  if (text.startsWith("OVSDB JSON ")) return "log";
  if (text.startsWith("OVSDB CLUSTER ")) return "cluster";
  return text.replace(SPACES, "").startsWith("{") ? "json" : "other";
}

/** Formats that end up in the wrong option. */
const SIGNATURES: readonly [hex: string, what: string][] = [
  ["0a0d0d0a", "is a pcapng capture"],
  ["d4c3b2a1", "is a pcap capture"],
  ["a1b2c3d4", "is a pcap capture"],
  ["4d3cb2a1", "is a pcap capture"],
  ["a1b23c4d", "is a pcap capture"],
  ["1f8b", "is compressed with gzip more than once; unpack it with gunzip first"],
  ["28b52ffd", "is compressed (zstd); unpack it with unzstd first"],
  ["fd377a585a00", "is compressed (xz); unpack it with unxz first"],
  ["425a68", "is compressed (bzip2); unpack it with bunzip2 first"],
  ["53514c69746520", "is an SQLite database, not one of ovsdb-server"],
];

/** What a file that cannot be read seems to be, and what to do. */
export function describeUnknown(head: Buffer, spec: DatabaseSpec): string {
  if (head.length === 0) return `is empty; it should be an ${spec.name} database, backup or dump`;
  const hex = head.subarray(0, 8).toString("hex");
  for (const [signature, what] of SIGNATURES)
    if (hex.startsWith(signature))
      return what.endsWith("capture") ? `${what}, not a database; give the ${spec.name} database here` : what;
  const text = head.toString("latin1");
  if (text.startsWith("ustar", 257)) return "is a tar archive; unpack the database from it first";
  if (text.startsWith("OVSDB "))
    return `byte 0: ${quoted(firstLine(text), 40)} is no header of a database that is read here`;
  if (/^[A-Za-z_]+ table\n/.test(text)) return "is a dump in text; repeat it with ovsdb-client -f json dump";
  const start = quoted(firstLine(text), 24);
  return `is no ${spec.name} database, backup or JSON dump (byte 0: ${start}); give the file ${spec.usualFile}`;
}

function firstLine(text: string): string {
  const end = text.indexOf("\n");
  return end < 0 ? text : text.slice(0, end);
}
