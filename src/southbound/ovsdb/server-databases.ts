/*
 * What a server says of the databases it has: the table Database of its database _Server, ovsdb-server(5).
 */

import { shown } from "../../text.js";
import { LinkError } from "./error.js";
import type { RowReceiver, UpdatesFrame } from "./frame.js";
import { readUuid } from "./value.js";

export const SERVER_DATABASE = "_Server";
/** The columns of Database that count here; all are as old as the table (OVS 2.9). */
export const DATABASE_COLUMNS = ["name", "model", "connected", "leader", "cid", "index"] as const;

type DatabaseRow = Partial<Record<(typeof DATABASE_COLUMNS)[number], unknown>>;

/** Nobody has more; whoever says so wants our memory. */
const MOST_DATABASES = 1000;

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
    if (typeof update !== "object" || update === null || Array.isArray(update)) return;
    const { initial, insert, modify } = update as Record<string, object | undefined>;
    // Each of the columns is single, so that its difference is its new value.
    const row = initial ?? insert ?? { ...this.#rows.get(uuid), ...modify };
    if (Object.hasOwn(update, "delete")) this.#rows.delete(uuid);
    else if (this.#rows.has(uuid) || this.#rows.size < MOST_DATABASES) this.#rows.set(uuid, row);
  }

  malformed(): void {}

  complete(): void {
    // A server that is just starting has told nothing yet; whether it has the database, get_schema says.
    if (this.#rows.size === 0) return;
    const { database, leaderOnly, progress } = this.#demands;
    const row = [...this.#rows.values()].find(({ name }) => name === database);
    if (row === undefined)
      throw noDatabase(
        database,
        [...this.#rows.values()].map(({ name }) => name),
      );
    const isCluster = row.model === "clustered";
    if (row.connected !== true)
      throw detached(
        isCluster ? "not in touch with a majority of its cluster" : "not connected to the server it relays",
        database,
      );
    if (!isCluster) return;
    if (leaderOnly && row.leader !== true) throw detached("not the leader of its cluster", database);
    this.#checkProgress(readUuid(row.cid), row.index, progress);
  }

  #checkProgress(cid: string | null, index: unknown, progress: ClusterProgress): void {
    if (progress.isFixed && cid !== progress.cluster)
      throw new LinkError(
        "ERR_SB_DATABASE",
        `the server belongs to cluster ${shown(cid ?? "(none)", 40)}`,
        "check cid: and the addresses",
      );
    const at = typeof index === "number" ? index : 0;
    // A cluster that was made anew counts from the beginning.
    if (cid === progress.cluster && at < progress.index)
      throw detached("behind the other members of its cluster", this.#demands.database);
    progress.cluster = cid;
    progress.index = at;
  }
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

function detached(how: string, database: string): LinkError {
  return new LinkError(
    "ERR_SB_CLUSTER",
    `the server is ${how}`,
    `see ovs-appctl cluster/status ${database} on the members, or give one that is up`,
  );
}
