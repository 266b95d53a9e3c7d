/*
 * One connection to one member, from its opening to the picture of the database: is it good enough, what is its
 * schema, what are the rows.
 */

import { connect, lossReason } from "./connect.js";
import { LinkError, SouthboundError } from "./error.js";
import type { Remote } from "./remote.js";
import type { Replica } from "./replica.js";
import { MONITOR_METHODS } from "./replica.js";
import { protocolError, RpcConnection, RpcError } from "./rpc.js";
import {
  DATABASE_COLUMNS,
  type Demands,
  noDatabase,
  otherCluster,
  SERVER_DATABASE,
  ServerDatabases,
} from "./server-databases.js";
import type { TransactionSink } from "./sink.js";
import { refusedByServer, type TlsFiles } from "./tls.js";

export interface SessionOptions<S extends TransactionSink> {
  readonly remote: Remote;
  readonly files: TlsFiles;
  readonly replica: Replica<S>;
  readonly demands: Demands;
  /** Milliseconds for the connection. */
  readonly connectTimeout: number;
  /** Milliseconds for each reply to begin and go on; and for the first one. */
  readonly patience: number;
  readonly firstPatience: number;
  readonly probeInterval: number;
  readonly signal: AbortSignal;
}

/** Who sends which rows; `<json-value>` of RFC 7047 section 4.1.5. */
const DATA_MONITOR = "data";
const SERVER_MONITOR = "server";

/**
 * Connects and brings the replica up to date; from then on the connection keeps it so until it `ended`.
 * Rejects with a {@link LinkError}, with the signal's reason, or with what the sink threw.
 */
export async function openSession<S extends TransactionSink>(
  options: SessionOptions<S>,
): Promise<RpcConnection> {
  const { remote, files, replica, signal } = options;
  const socket = await connect(remote, files, options.connectTimeout, signal);
  const rpc = new RpcConnection(socket, {
    patience: options.patience,
    firstPatience: options.firstPatience,
    probeInterval: options.probeInterval,
    lossReason: (cause, bytesRead) =>
      firstWordReason(lossReason(cause, remote, files), bytesRead, remote, files),
  });
  const onAbort = () => rpc.fail(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  void rpc.ended.then(() => {
    signal.removeEventListener("abort", onAbort);
    replica.interrupted();
  });
  try {
    await watchServer(rpc, options.demands);
    replica.prepare(await fetchSchema(rpc, replica.database), remote.text);
    await monitor(rpc, replica);
    return rpc;
  } catch (error) {
    const reason = asLinkError(error, remote);
    rpc.fail(reason);
    await rpc.ended;
    throw reason;
  }
}

/** A server that goes away before it has said anything does not want to talk to us this way. */
function firstWordReason(loss: LinkError, bytesRead: number, remote: Remote, files: TlsFiles): LinkError {
  if (bytesRead > 0 || loss.code !== "ERR_SB_CONNECT" || remote.kind === "unix") return loss;
  // TLS 1.3 is done, for us, before the server has looked at our certificate.
  if (remote.kind === "ssl") return refusedByServer(files, loss.message, loss);
  return new LinkError(loss.code, loss.message, "is it an ovsdb-server, and does it want ssl: there?", loss);
}

/** Asks what the server says of its databases, where it can say so (OVS 2.9 and later). */
async function watchServer(rpc: RpcConnection, demands: Demands): Promise<void> {
  const databases = new ServerDatabases(demands);
  const requests = { Database: [{ columns: DATABASE_COLUMNS }] };
  const isWatched = await known(
    rpc.monitor("monitor_cond", [SERVER_DATABASE, SERVER_MONITOR, requests], databases),
  );
  if (!isWatched && demands.progress.isFixed) throw otherCluster(null);
  // Else we are dropped whenever one of its databases comes, goes or is converted, ovsdb-server(7) 4.1.18.
  if (isWatched) await known(rpc.request("set_db_change_aware", [true]));
}

/** Whether the server knows what is asked of it. */
async function known(reply: Promise<unknown>): Promise<boolean> {
  try {
    await reply;
    return true;
  } catch (error) {
    if (!(error instanceof RpcError)) throw error;
    if (error.kind !== "unknown database" && error.kind !== "unknown method") throw error;
    return false;
  }
}

async function fetchSchema(rpc: RpcConnection, database: string): Promise<unknown> {
  try {
    return await rpc.request("get_schema", [database]);
  } catch (error) {
    if (!(error instanceof RpcError) || error.kind !== "unknown database") throw error;
    const names = await rpc.request("list_dbs", []);
    throw noDatabase(database, Array.isArray(names) ? names : []);
  }
}

async function monitor<S extends TransactionSink>(rpc: RpcConnection, replica: Replica<S>): Promise<void> {
  for (const method of MONITOR_METHODS) {
    try {
      await rpc.monitor(method, replica.monitorParams(method, DATA_MONITOR), replica);
      return;
    } catch (error) {
      if (!(error instanceof RpcError) || error.kind !== "unknown method") throw error;
    }
  }
  throw protocolError("the server knows no way to monitor a database");
}

/** Errors that speak of the server become what is said of this member; others are none of ours. */
function asLinkError(error: unknown, remote: Remote): unknown {
  if (error instanceof RpcError)
    return new LinkError(
      "ERR_SB_PROTOCOL",
      `the server says ${error.message}`,
      "see the log of ovsdb-server",
    );
  if (!(error instanceof SouthboundError)) return error;
  if (error.code === "ERR_SB_FORMAT") return protocolError("what the server gives as schema is none");
  const message = error.message.slice(error.message.indexOf(remote.text) + remote.text.length + ": ".length);
  return new LinkError(error.code, message, "", error);
}
