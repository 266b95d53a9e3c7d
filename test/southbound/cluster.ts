/* Members of real clusters, and the files of members made by hand. */
import { type ChildProcess, execFileSync, type StdioOptions, spawn } from "node:child_process";
import { findCommand } from "../setup/peer.js";
import { record, SB_SCHEMA, smallSchema, TempDirectory, uuid } from "./ovsdb.js";

const command = (name: string) => findCommand(name) ?? name;

function run(name: string, args: string[]): string {
  const stdio: StdioOptions = ["ignore", "pipe", "ignore"];
  return execFileSync(command(name), args, { encoding: "utf8", maxBuffer: 1 << 30, stdio });
}

/** Asks again and again until `condition` holds. */
export async function eventually(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await condition()); tries++) {
    if (tries > 1000) throw new Error(`${what}: it does not happen`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** One server of a cluster of its own, or of that of others. */
export class ClusterMember {
  readonly directory = new TempDirectory();
  readonly database = this.directory.file("sb.db");
  readonly remote = `unix:${this.directory.file("s")}`;
  readonly raft = `unix:${this.directory.file("r")}`;
  readonly name: string;
  #process: ChildProcess | null = null;

  /** `contents`: a schema or a standalone database, or the member to join. */
  constructor(contents: string | ClusterMember = SB_SCHEMA, name = "OVN_Southbound") {
    this.name = name;
    const args =
      typeof contents === "string"
        ? ["create-cluster", this.database, contents, this.raft]
        : ["join-cluster", this.database, name, this.raft, contents.raft];
    run("ovsdb-tool", args);
  }

  /** Starts the server and waits until it is in touch with its cluster. */
  async start(): Promise<void> {
    const options = [
      `--remote=p${this.remote}`,
      `--unixctl=${this.directory.file("ctl")}`,
      `--pidfile=${this.directory.file("pid")}`,
      "-vconsole:off",
      "-vsyslog:off",
      this.database,
    ];
    this.#process = spawn(command("ovsdb-server"), options, { stdio: "ignore" });
    await eventually("the member joins", () => {
      try {
        const status = this.status();
        return /^Status: cluster member$/m.test(status) && !/^Leader: unknown$/m.test(status);
      } catch {
        return false;
      }
    });
  }

  /** Ends the server as a power failure would. */
  async kill(): Promise<void> {
    const server = this.#process;
    this.#process = null;
    if (server === null || server.exitCode !== null) return;
    const ended = new Promise((resolve) => server.once("exit", resolve));
    server.kill("SIGKILL");
    await ended;
  }

  async stop(): Promise<void> {
    await this.kill();
    this.directory.dispose();
  }

  /** Runs operations in one transaction. Returns the error's text, or null. */
  transact(operations: object[]): string | null {
    const json = JSON.stringify([this.name, ...operations]);
    const reply = JSON.parse(this.#client(["transact", this.remote, json]));
    for (const result of reply) if (result?.error) return `${result.error}: ${result.details}`;
    return null;
  }

  /** Asks for a transaction and does not wait for its reply; resolves when `until` holds. */
  async begin(operations: object[], until: () => boolean): Promise<void> {
    const args = ["transact", this.remote, JSON.stringify([this.name, ...operations])];
    const client = spawn(command("ovsdb-client"), args, { stdio: "ignore" });
    const ended = new Promise((resolve) => client.once("exit", resolve));
    await eventually("the transaction gets into the log", until);
    client.kill();
    await ended;
  }

  dump(): string {
    return this.#client(["-f", "json", "--no-leader-only", "dump", this.remote, this.name]);
  }

  convert(schema: string): void {
    this.#client(["convert", this.remote, schema]);
  }

  compact(): void {
    this.#control(["ovsdb-server/compact"]);
  }

  status(): string {
    return this.#control(["cluster/status", this.name]);
  }

  get isLeader(): boolean {
    return /^Role: leader$/m.test(this.status());
  }

  #client(args: string[]): string {
    return run("ovsdb-client", ["--timeout=30", ...args]);
  }

  #control(args: string[]): string {
    return run("ovs-appctl", ["-t", this.directory.file("ctl"), ...args]);
  }
}

/** One record of a member's file. */
export function clusterRecord(json: unknown): string {
  return record(json).replace(/^OVSDB JSON/, "OVSDB CLUSTER");
}

/** The first record, of a snapshot at index 1. */
export function header(
  data: readonly [schema: object | null, transaction: object | null],
  more = {},
): string {
  return clusterRecord({
    cluster_id: uuid(90, 1),
    name: "OVN_Southbound",
    prev_term: 1,
    prev_data: data,
    prev_eid: uuid(91, 1),
    prev_servers: { [uuid(92, 1)]: "tcp:127.0.0.1:6644" },
    prev_index: 1,
    server_id: uuid(92, 1),
    local_address: "tcp:127.0.0.1:6644",
    ...more,
  });
}

/** An entry of the log; its data is [schema, transaction]. */
export function entry(index: number, data: readonly (object | null)[], term = 1): string {
  return clusterRecord({ eid: uuid(91, index), data, term, index });
}

export const commit = (index: number) => clusterRecord({ commit_index: index });

/** A member's file that begins with an empty database of the small schema. */
export function memberFile(...records: string[]): string {
  return header([smallSchema(), {}]) + records.join("");
}
