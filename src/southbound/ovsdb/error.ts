import { shown } from "../../text.js";

/**
 * What kept a southbound database from being opened.
 * - `ERR_SB_OPEN`: the file is missing, unreadable or a directory;
 * - `ERR_SB_FORMAT`: it is no database file, backup or dump, or is damaged before its first row;
 * - `ERR_SB_DATABASE`: it is an OVSDB database, but not OVN_Southbound;
 * - `ERR_SB_SCHEMA`: a table or column without which nothing can be named is missing;
 * - `ERR_SB_UNSUPPORTED`: a kind of source that is known but not read.
 */
export type SouthboundErrorCode =
  | "ERR_SB_OPEN"
  | "ERR_SB_FORMAT"
  | "ERR_SB_DATABASE"
  | "ERR_SB_SCHEMA"
  | "ERR_SB_UNSUPPORTED";

/**
 * A southbound source that cannot be used. `message` is one line, safe to print: it starts with the source
 * and says what is wrong, at which byte, and what to do. `source` is the source as the caller named it.
 */
export class SouthboundError extends Error {
  override readonly name = "SouthboundError";
  readonly code: SouthboundErrorCode;
  readonly source: string;

  constructor(code: SouthboundErrorCode, source: string, message: string, cause?: unknown) {
    super(`${shown(source, 200)}: ${message}`, cause === undefined ? undefined : { cause });
    this.code = code;
    this.source = source;
  }
}
