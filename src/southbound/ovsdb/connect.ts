/*
 * Opens the byte stream to a server, and puts into words why it cannot be had.
 */

import { connect as connectPlain, type Socket } from "node:net";
import { shown } from "../../text.js";
import { LinkError } from "./error.js";
import type { Remote } from "./remote.js";
import { loadTls, type TlsFiles, tlsReason } from "./tls.js";

const RUNNING = "is ovsdb-server running, and does it listen there?";

/** What to do where it is not that. */
const ADVICE: Readonly<Record<string, string>> = {
  ENOTSOCK: "give the socket of ovsdb-server; a file is named without unix:",
  EACCES: "run as a user who may use it",
  EPERM: "run as a user who may use it",
  ENOTFOUND: "check the name, or give the address",
  EAI_AGAIN: "check this host's name servers, or give the address",
  EHOSTUNREACH: "check the address, and this host's routes",
  ENETUNREACH: "check the address, and this host's routes",
};

const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ECONNRESET: "the connection was reset",
  EPIPE: "the server closed the connection",
  ENOENT: "there is no such socket",
  ENOTSOCK: "this is no socket",
  EACCES: "permission denied",
  EPERM: "permission denied",
  ENOTFOUND: "the host name is not known",
  EAI_AGAIN: "the host name cannot be looked up now",
  EHOSTUNREACH: "there is no route to the host",
  ENETUNREACH: "there is no route to its network",
  ETIMEDOUT: "the host does not answer",
};

/**
 * Connects, TLS handshake included, within `timeout` milliseconds. Rejects with a {@link LinkError}, or with
 * the signal's reason. The caller owns the socket.
 */
export async function connect(
  remote: Remote,
  files: TlsFiles,
  timeout: number,
  signal: AbortSignal,
): Promise<Socket> {
  signal.throwIfAborted();
  const socket = await start(remote, files);
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => fail(new LinkError("ERR_SB_CONNECT", `no connection within ${timeout} ms`, RUNNING)),
      timeout,
    );
    const ready = remote.kind === "ssl" ? "secureConnect" : "connect";
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
      socket.off(ready, onReady).off("error", onError).off("close", onClose);
    };
    const fail = (error: unknown) => {
      done();
      // A socket that nobody wants any more may still have something to complain of.
      socket.on("error", () => {}).destroy();
      reject(error);
    };
    const onAbort = () => fail(signal.reason);
    const onError = (error: Error) => fail(lossReason(error, remote, files));
    const onClose = () => fail(lossReason(null, remote, files));
    const onReady = () => {
      done();
      resolve(socket);
    };
    signal.addEventListener("abort", onAbort, { once: true });
    socket.once(ready, onReady).once("error", onError).once("close", onClose);
    if (signal.aborted) onAbort();
  });
}

async function start(remote: Remote, files: TlsFiles): Promise<Socket> {
  if (remote.kind === "unix") return connectPlain({ path: remote.path });
  const { host, port } = remote;
  if (remote.kind === "tcp") return connectPlain({ host, port, noDelay: true });
  const options = await loadTls(files);
  const { connect: connectTls } = await import("node:tls");
  return connectTls({ ...options, host, port });
}

/** Why a connection failed or ended; `cause` is the socket's error, null where the server just closed. */
export function lossReason(cause: Error | null, remote: Remote, files: TlsFiles): LinkError {
  if (cause === null) return new LinkError("ERR_SB_CONNECT", "the server closed the connection", RUNNING);
  const error = (cause as AggregateError).errors?.[0] ?? cause;
  if (remote.kind === "ssl") {
    const reason = tlsReason(error, files);
    if (reason !== null) return reason;
  }
  const code = String((error as NodeJS.ErrnoException).code ?? "");
  const words = WORDS[code] ?? shown(error.message, 100);
  return new LinkError("ERR_SB_CONNECT", words, ADVICE[code] ?? RUNNING, cause);
}
