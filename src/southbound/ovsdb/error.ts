import { shown } from "../../text.js";

/**
 * What kept a database of OVN from being opened, or a snapshot from being written.
 * - `ERR_SB_OPEN`: the file is missing, unreadable or a directory, or a pipe holds more than is kept of one;
 * - `ERR_SB_FORMAT`: it is no database file, backup, dump or snapshot, or is damaged before its first row;
 * - `ERR_SB_DATABASE`: it is an OVSDB database, but not the one that is wanted; or the server does not have that,
 *   no longer has it, or belongs to another cluster than `cid:` says;
 * - `ERR_SB_SCHEMA`: a table or column without which nothing can be named is missing;
 * - `ERR_SB_UNSUPPORTED`: a kind of source that is known but not read, as a snapshot of a later version is;
 * - `ERR_SB_WRITE`: a snapshot cannot be written there;
 * - `ERR_SB_REMOTE`: the name of a server is not one, or one where a server would listen (`ptcp:`);
 * - `ERR_SB_CONNECT`: no server can be reached there, or it went away, fell silent or got nowhere;
 * - `ERR_SB_TLS`: a key or certificate is missing or cannot be used, or one side refuses that of the other;
 * - `ERR_SB_PROTOCOL`: what answers is no OVSDB server, breaks the protocol, or refuses a request;
 * - `ERR_SB_CLUSTER`: the server is up but not in touch with its cluster or with the server it relays, is behind
 *   the other members, or is not the leader where that is asked for.
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
