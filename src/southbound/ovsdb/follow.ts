/*
 * Keeps a database at hand from a server or a cluster: the first picture, then every change, over as many
 * connections as it takes.
 */

import { performance } from "node:perf_hooks";
import { setTimeout as wait } from "node:timers/promises";
import { LinkError, SouthboundError } from "./error.js";
import { allFailed, type Failure, lost } from "./link-error.js";
import { parseRemotes, type Remote, type RemoteList } from "./remote.js";
import { Replica } from "./replica.js";
import type { RpcConnection } from "./rpc.js";
import type { DatabaseSpec } from "./schema.js";
import type { Demands } from "./server-databases.js";
import { openSession } from "./session.js";
import type { Begin, TransactionSink } from "./sink.js";
import { loadTls, type TlsFiles } from "./tls.js";

/** How a server is connected to and followed. Times are in milliseconds. */
export interface FollowOptions extends TlsFiles {
  /** Whether to stay connected after the first picture. Default: true. */
  readonly follow?: boolean | undefined;
  /**
   * What connecting may take, for all members together. Also how long an answer is sought from a cluster that
   * has no majority at the moment. Default: 10,000.
   */
  readonly connectTimeout?: number | undefined;
  /**
   * What a reply may take to begin, and a row or message to come to its end. A server that is at work for
   * somebody else answers nobody, which may last many seconds with a big database. Where several members are
   * named, one that does not answer at all is left for the next sooner: after twice the probe interval, or its
   * part of `connectTimeout` if that is longer. Default: 60,000.
   */
  readonly replyTimeout?: number | undefined;
  /**
   * Silence after which the server is asked whether it is there; 0: never. After twice that it is given up, or
   * later if its first replies were slow. Default: 5,000, as in OVS.
   */
  readonly probeInterval?: number | undefined;
  /** After each member was tried once without success: the first pause, which doubles up to eightfold. Default: 1,000. */
  readonly backoff?: number | undefined;
  /** Accept only the cluster's leader. Default: any member in touch with its cluster (`--no-leader-only`). */
  readonly leaderOnly?: boolean | undefined;
  /** Gives up, or closes the link. */
  readonly signal?: AbortSignal | undefined;
  /** Given each link that stays open, with the source it is of. */
  readonly onLink?: ((source: string, link: DatabaseLink) => void) | undefined;
}

export type LinkState = "connected" | "reconnecting" | "closed";

/** The connection behind an inventory that is kept current. While it is open it keeps the process alive. */
export interface DatabaseLink {
  readonly state: LinkState;
  /** The member in use, or used last, as the user named it; safe to print. */
  readonly remote: string;
  /**
   * When the rows were last known to be those of the server, in milliseconds since 1970: while connected
   * seldom older than twice the probe interval, else the time when the server was last heard.
   */
  readonly lastCurrent: number;
  /** Why there is no connection at the moment, or there was an attempt in vain; null while connected. */
  readonly lastError: SouthboundError | null;
  /** Calls `listener`, which must not throw, at each change of `state`. Returns a function that ends that. */
  onState(listener: (state: LinkState) => void): () => void;
  /** Ends the connection and all attempts at once. What was received stays valid. */
  close(): void;
}

/** A pause between rounds while a cluster elects a leader. */
const ELECTION_PAUSE = 250;
const MOST_DOUBLINGS = 3;

/**
 * Connects to the first good member of `remote` (see {@link parseRemotes}) and feeds its database to the sink
 * that `begin` makes: the picture as `timeless` transactions, then each change, dated with the time of its
 * arrival. Follows RFC 7047, and ovsdb-server(7) for monitor_cond_since and `_Server`: a member that is not in
 * touch with its cluster is skipped, and left when it loses touch.
 *
 * Resolves when the picture is complete and `sink.finish` was called. Rejects with a {@link SouthboundError}
 * when each member has been tried in vain; its message names them with their reasons. `begin` may be called
 * again where a picture broke off: the last sink counts. Memory does not grow with the size of a message.
 */
export async function followDatabase<S extends TransactionSink>(
  remote: string,
  spec: DatabaseSpec,
  begin: Begin<S>,
  options: FollowOptions = {},
): Promise<{ readonly sink: S; readonly link: DatabaseLink }> {
  const list = parseRemotes(remote);
  if (list.members.some(({ kind }) => kind === "ssl")) await checkFiles(remote, options);
  const link = new Link(remote, list, new Replica(remote, spec, begin), options);
  await link.start(options.follow ?? true);
  if (link.state !== "closed") options.onLink?.(remote, link);
  return { sink: link.sink, link };
}

/** Files that cannot be used are no matter of this or that member. */
async function checkFiles(source: string, files: TlsFiles): Promise<void> {
  try {
    await loadTls(files);
  } catch (error) {
    if (!(error instanceof LinkError)) throw error;
    throw new SouthboundError(error.code, source, error.message, error);
  }
}

class Link<S extends TransactionSink> implements DatabaseLink {
  state: LinkState = "reconnecting";
  remote: string;
  lastError: SouthboundError | null = null;
  readonly #source: string;
  readonly #members: readonly Remote[];
  readonly #replica: Replica<S>;
  readonly #options: FollowOptions;
  readonly #demands: Demands;
  readonly #connectTimeout: number;
  readonly #backoff: number;
  readonly #closing = new AbortController();
  readonly #listeners = new Set<(state: LinkState) => void>();
  /** The member to try next, and how many were tried since a connection lasted. */
  #next = 0;
  #tries = 0;
  #session: RpcConnection | null = null;
  #lastCurrent = 0;

  constructor(source: string, { members, cluster }: RemoteList, replica: Replica<S>, options: FollowOptions) {
    this.#source = source;
    this.#members = members;
    this.#replica = replica;
    this.#options = options;
    this.#demands = {
      database: replica.database,
      leaderOnly: options.leaderOnly ?? false,
      progress: { cluster, isFixed: cluster !== null, index: 0 },
    };
    this.#connectTimeout = options.connectTimeout ?? 10_000;
    this.#backoff = options.backoff ?? 1000;
    this.remote = members[0].text;
  }

  get sink(): S {
    return this.#replica.sink;
  }

  get lastCurrent(): number {
    return this.#session?.lastHeard ?? this.#lastCurrent;
  }

  onState(listener: (state: LinkState) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    this.#lastCurrent = this.lastCurrent;
    this.#session = null;
    this.#options.signal?.removeEventListener("abort", this.#onAbort);
    this.#closing.abort();
    this.#setState("closed");
  }

  readonly #onAbort = () => this.close();

  /** Resolves with the first picture. */
  async start(follow: boolean): Promise<void> {
    const { signal } = this.#options;
    signal?.throwIfAborted();
    signal?.addEventListener("abort", this.#onAbort, { once: true });
    try {
      await this.#connectFirst();
    } catch (error) {
      this.close();
      signal?.throwIfAborted();
      throw error;
    }
    if (follow) void this.#run();
    else this.close();
  }

  async #connectFirst(): Promise<void> {
    const deadline = performance.now() + this.#connectTimeout;
    for (;;) {
      const failures: Failure[] = [];
      for (const _ of this.#members) {
        const failure = await this.#try();
        if (failure === null) return;
        failures.push(failure);
      }
      // An election takes a second or two. Whatever else is wrong will be wrong then, too.
      const isElection = failures.some(({ error }) => error.code === "ERR_SB_CLUSTER");
      if (!isElection || performance.now() + ELECTION_PAUSE > deadline)
        throw allFailed(this.#source, failures, this.#members.length);
      await wait(ELECTION_PAUSE, undefined, { signal: this.#closing.signal });
    }
  }

  /** Follows the session at hand and those after it, until closed. */
  async #run(): Promise<void> {
    while (this.#session !== null) {
      const since = performance.now();
      const reason = await this.#session.ended;
      if (this.#closing.signal.aborted) return;
      this.#lastCurrent = this.lastCurrent;
      this.#session = null;
      if (!(reason instanceof LinkError)) return this.#crash(reason);
      this.lastError = lost(this.#source, { remote: this.#member(-1), error: reason }, this.#members.length);
      this.#setState("reconnecting");
      // A server that accepts and drops us at once is no better than one that refuses.
      if (performance.now() - since >= this.#backoff) this.#tries = 0;
      try {
        await this.#reconnect();
      } catch (error) {
        if (this.#closing.signal.aborted) return;
        this.#crash(error);
      }
    }
  }

  async #reconnect(): Promise<void> {
    let failures: Failure[] = [];
    for (;;) {
      const rounds = Math.floor(this.#tries / this.#members.length);
      if (rounds > 0 && this.#tries % this.#members.length === 0) {
        const pause = this.#backoff * 2 ** Math.min(rounds - 1, MOST_DOUBLINGS);
        await wait(pause, undefined, { signal: this.#closing.signal });
      }
      const failure = await this.#try();
      if (failure === null) return;
      failures = [...failures, failure].slice(-this.#members.length);
      this.lastError = allFailed(this.#source, failures, this.#members.length);
    }
  }

  /** Tries the next member. Returns why it failed; null where it did not. */
  async #try(): Promise<Failure | null> {
    const remote = this.#member(0);
    this.remote = remote.text;
    this.#next++;
    this.#tries++;
    const { replyTimeout: patience = 60_000, probeInterval = 5000 } = this.#options;
    const connectTimeout = Math.ceil(this.#connectTimeout / this.#members.length);
    // Others may be good where this one says nothing.
    const firstPatience = Math.max(2 * probeInterval, connectTimeout);
    try {
      const session = await openSession({
        remote,
        files: this.#options,
        replica: this.#replica,
        demands: this.#demands,
        connectTimeout,
        patience,
        firstPatience: this.#members.length === 1 ? patience : Math.min(patience, firstPatience),
        probeInterval,
        signal: this.#closing.signal,
      });
      // Closed since the picture came: the session has ended with that.
      this.#closing.signal.throwIfAborted();
      this.#session = session;
    } catch (error) {
      if (error instanceof LinkError) return { remote, error };
      throw error;
    }
    this.lastError = null;
    this.#setState("connected");
    return null;
  }

  #member(step: number): Remote {
    return this.#members[(this.#next + step) % this.#members.length];
  }

  #setState(state: LinkState): void {
    if (this.state === state) return;
    this.state = state;
    for (const listener of [...this.#listeners]) listener(state);
  }

  /** The receiver cannot go on: that is a fault of the program, not of a server. */
  #crash(error: unknown): never {
    this.close();
    throw error;
  }
}
