import { shown } from "../../text.js";

/**
 * What kept a southbound database from being opened.
 * - `ERR_SB_OPEN`: the file is missing, unreadable or a directory;
 * - `ERR_SB_FORMAT`: it is no database file, backup or dump, or is damaged before its first row;
 * - `ERR_SB_DATABASE`: it is an OVSDB database, but not OVN_Southbound, or the server does not have that;
 * - `ERR_SB_SCHEMA`: a table or column without which nothing can be named is missing;
 * - `ERR_SB_UNSUPPORTED`: a kind of source that is known but not read;
 * - `ERR_SB_WRITE`: a snapshot cannot be written there;
 * - `ERR_SB_REMOTE`: the name of a server is not one, or one where a server would listen (`ptcp:`);
 * - `ERR_SB_CONNECT`: no server can be reached there, or it went away or fell silent;
 * - `ERR_SB_TLS`: a key or certificate cannot be used, or one side refuses that of the other;
 * - `ERR_SB_PROTOCOL`: what answers is no OVSDB server, or breaks the protocol;
 * - `ERR_SB_CLUSTER`: the server is up but not in touch with its cluster.
 */
export type SouthboundErrorCode =
  | "ERR_SB_OPEN"
  | "ERR_SB_FORMAT"
  | "ERR_SB_DATABASE"
  | "ERR_SB_SCHEMA"
  | "ERR_SB_UNSUPPORTED"
  | "ERR_SB_WRITE"
  | "ERR_SB_REMOTE"
  | "ERR_SB_CONNECT"
  | "ERR_SB_TLS"
  | "ERR_SB_PROTOCOL"
  | "ERR_SB_CLUSTER";

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

/** Why one member of a list of servers cannot be used. `message` is one line, without the member, safe to print. */
export class LinkError extends Error {
  override readonly name = "LinkError";
  readonly code: SouthboundErrorCode;
  /** What to do about it; empty where `message` says so already. */
  readonly advice: string;

  constructor(code: SouthboundErrorCode, message: string, advice = "", cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.advice = advice;
  }
}
