/*
 * What a server says of the databases it has: the table Database of its database _Server, ovsdb-server(5).
 */

import { shown } from "../../text.js";
import { LinkError } from "./error.js";
import type { RowReceiver, UpdatesFrame } from "./frame.js";
import { isObject, isUuid, readUuid } from "./value.js";

export const SERVER_DATABASE = "_Server";
/** The columns of Database that count here; all are as old as the table (OVS 2.9). */
export const DATABASE_COLUMNS = ["name", "model", "connected", "leader", "cid", "index"] as const;

interface DatabaseRow {
  readonly name: string;
  /** "standalone", "clustered" or "relay". */
  readonly model: string;
  readonly connected: boolean;
  readonly leader: boolean;
  /** The cluster; null where it is none, or not known to the server yet. */
  readonly cid: string | null;
  /** Of the cluster's log. */
  readonly index: number;
}

const NO_ROW: DatabaseRow = { name: "", model: "", connected: false, leader: false, cid: null, index: 0 };

/** Nobody has more, or longer names; whoever says so wants our memory. */
const MOST_DATABASES = 1000;
const LONGEST_STRING = 256;

/** How far along a cluster's log we have been, over all members: none that lags behind is gone back to. */
export interface ClusterProgress {
  /** `cid`, in the list of servers or as first met. */
  cluster: string | null;
  readonly isFixed: boolean;
  index: number;
}

export interface Demands {
  readonly database: string;
  readonly leaderOnly: boolean;
  readonly progress: ClusterProgress;
}

/** Follows _Server of one connection. Throws, within the scan, where the server is no longer good enough. */
export class ServerDatabases implements RowReceiver {
  readonly #demands: Demands;
  readonly #rows = new Map<string, DatabaseRow>();

  constructor(demands: Demands) {
    this.#demands = demands;
  }

  wants(table: string): boolean {
    return table === "Database";
  }

  row(_frame: UpdatesFrame, _table: string, uuid: string, update: unknown): void {
    if (!isObject(update) || !isUuid(uuid)) return;
    const { initial, insert, modify } = update;
    if (Object.hasOwn(update, "delete")) {
      this.#rows.delete(uuid);
      return;
    }
    const known = this.#rows.get(uuid);
    if (known === undefined && this.#rows.size === MOST_DATABASES) return;
    // Each of the columns is single, so that its difference is its new value.
    const row = initial ?? insert;
    this.#rows.set(uuid, row === undefined ? readRow(modify, known ?? NO_ROW) : readRow(row, NO_ROW));
  }

  malformed(): void {}

  complete(): void {
    const { database, leaderOnly, progress } = this.#demands;
    if (this.#rows.size === 0) {
      // A server that is just starting has told nothing yet; whether it has the database, get_schema says.
      if (progress.isFixed) throw detached("not saying yet which cluster it belongs to", seeStatus(database));
      return;
    }
    const rows = [...this.#rows.values()];
    const row = rows.find(({ name }) => name === database);
    if (row === undefined)
      throw noDatabase(
        database,
        rows.map(({ name }) => name),
      );
    if (row.model === "relay") checkRelay(row, leaderOnly);
    else if (!row.connected)
      throw detached("not in touch with a majority of its cluster", seeStatus(database));
    if (progress.isFixed && row.cid !== progress.cluster) throw otherCluster(row.cid);
    if (row.model !== "clustered") return;
    if (leaderOnly && !row.leader) throw detached("not the leader of its cluster", seeStatus(database));
    this.#checkProgress(row, progress);
  }

  #checkProgress({ cid, index }: DatabaseRow, progress: ClusterProgress): void {
    // A cluster that was made anew counts from the beginning.
    if (cid === progress.cluster && index < progress.index)
      throw detached("behind the other members of its cluster", seeStatus(this.#demands.database));
    progress.cluster = cid;
    progress.index = index;
  }
}

/** `row` with what `json` says of it. */
function readRow(json: unknown, row: DatabaseRow): DatabaseRow {
  if (!isObject(json)) return row;
  const { name = row.name, model = row.model, connected = row.connected, leader = row.leader } = json;
  const { index = row.index } = json;
  return {
    name: readString(name),
    model: readString(model),
    connected: connected === true,
    leader: leader === true,
    cid: json.cid === undefined ? row.cid : readCluster(json.cid),
    index: typeof index === "number" ? index : 0,
  };
}

function readString(json: unknown): string {
  return typeof json === "string" && json.length <= LONGEST_STRING ? json : "";
}

function readCluster(json: unknown): string | null {
  const uuid = readUuid(json);
  return uuid !== null && isUuid(uuid) ? uuid.toLowerCase() : null;
}

function checkRelay({ connected }: DatabaseRow, leaderOnly: boolean): void {
  if (leaderOnly) throw detached("a relay, not the leader of a cluster", "give the members of the cluster");
  if (!connected) throw detached("not connected to the server it relays", "is that up? Or give that itself");
}

/** The error for a server that is not of the cluster that `cid:` demands; `cid` is its own, null for none. */
export function otherCluster(cid: string | null): LinkError {
  const whose = cid === null ? "to no cluster, as far as it says" : `to cluster ${shown(cid, 40)}`;
  return new LinkError("ERR_SB_DATABASE", `the server belongs ${whose}`, "check cid: and the addresses");
}

/** The error for a server without the database; `names` are those it has. */
export function noDatabase(database: string, names: readonly unknown[]): LinkError {
  const others = names
    .filter((name): name is string => typeof name === "string" && name !== SERVER_DATABASE)
    .slice(0, 5)
    .map((name) => shown(name, 40));
  const has = others.length === 0 ? "it has none" : `it has ${others.join(", ")}`;
  return new LinkError(
    "ERR_SB_DATABASE",
    `the server has no database ${database}, ${has}`,
    `give the server of ${database}`,
  );
}

function seeStatus(database: string): string {
  return `see ovs-appctl cluster/status ${database} on the members, or give one that is up`;
}

function detached(how: string, advice: string): LinkError {
  return new LinkError("ERR_SB_CLUSTER", `the server is ${how}`, advice);
}
