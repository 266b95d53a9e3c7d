/*
 * Where a server is: the active connection methods of ovsdb(7), "CONNECTION METHODS", as every OVS and OVN
 * tool takes them.
 */

import { isIP } from "node:net";
import { quoted, shown } from "../../text.js";
import { SouthboundError } from "./error.js";
import { METHOD } from "./method.js";
import { isUuid } from "./value.js";

/** One server. `text` is how the user named it, safe to print. */
export type Remote =
  | { readonly kind: "tcp" | "ssl"; readonly host: string; readonly port: number; readonly text: string }
  | { readonly kind: "unix"; readonly path: string; readonly text: string };

/** The servers to try in turn. */
export interface RemoteList {
  readonly members: readonly Remote[];
  /** The cluster they must belong to (`cid:UUID` in the list), or null. */
  readonly cluster: string | null;
}

/** Where a connection method names no port, says ovsdb(7). (OVN's southbound is usually at 6642.) */
const DEFAULT_PORT = 6640;
const MOST_MEMBERS = 64;
const FORMS = "give tcp:HOST:PORT, ssl:HOST:PORT or unix:PATH";

/**
 * Parses `tcp:HOST:PORT`, `ssl:HOST:PORT`, `unix:PATH`, or several separated by commas and optional spaces. An
 * IPv6 address stands in brackets; the port may be left out and is 6640 then. Throws a
 * {@link SouthboundError} (`ERR_SB_REMOTE`).
 */
export function parseRemotes(source: string): RemoteList {
  const members: Remote[] = [];
  let cluster: string | null = null;
  for (const part of source.split(",")) {
    const text = part.trim();
    if (text === "") continue;
    if (text.startsWith("cid:")) {
      cluster = text.slice("cid:".length).toLowerCase();
      if (!isUuid(cluster)) throw bad(source, `${quoted(text, 60)} names no cluster; give cid:UUID`);
      continue;
    }
    members.push(parseRemote(text, source));
  }
  if (members.length === 0) throw bad(source, `no server is named; ${FORMS}`);
  if (members.length > MOST_MEMBERS) throw bad(source, `more than ${MOST_MEMBERS} servers are named`);
  return { members, cluster };
}

function parseRemote(text: string, source: string): Remote {
  const method = METHOD.exec(text)?.[1];
  const rest = text.slice(text.indexOf(":") + 1);
  const name = quoted(text, 60);
  if (method === undefined) throw bad(source, `${name} is no server; ${FORMS}`);
  if (method === "unix") {
    if (rest === "" || rest.includes("\0")) throw bad(source, `${name} names no socket; give unix:PATH`);
    return { kind: "unix", path: rest, text: shown(text, 100) };
  }
  if (method !== "tcp" && method !== "ssl")
    throw bad(source, `${method}: is where a server listens; to connect to it, ${FORMS}`);
  const match = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::([^:]*))?$/.exec(rest);
  if (match === null)
    throw bad(
      source,
      `${name} is no ${method}:HOST:PORT; an IPv6 address goes in brackets: ${method}:[::1]:6642`,
    );
  const [, bracketed, plain, portText] = match;
  if (bracketed !== undefined && isIP(bracketed) !== 6)
    throw bad(source, `${name} has no IPv6 address in its brackets`);
  const host = bracketed ?? plain;
  // A number alone would be taken for an address: somebody forgot the host.
  if (!/^[\w.%:-]+$/.test(host) || /^\d+$/.test(host))
    throw bad(source, `${name} names no host; give ${method}:HOST:PORT`);
  const port = portText === undefined ? DEFAULT_PORT : /^\d{1,5}$/.test(portText) ? +portText : 0;
  if (port < 1 || port > 0xffff) throw bad(source, `${name} has no port from 1 to 65535`);
  return { kind: method, host, port, text: shown(text, 100) };
}

function bad(source: string, message: string): SouthboundError {
  return new SouthboundError("ERR_SB_REMOTE", source, message);
}
