/* OVSDB for the tests: a real server where there is one, and database files made by hand. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findCommand, peer } from "../setup/peer.js";

export const SB_SCHEMA = "/usr/share/ovn/ovn-sb.ovsschema";
export const describeOvsdb = peer("ovsdb-server", [
  "ovsdb-server",
  "ovsdb-tool",
  "ovsdb-client",
  "ovs-appctl",
  SB_SCHEMA,
]);

const command = (name: string) => findCommand(name) ?? name;

/** A directory that is removed by `dispose`. */
export class TempDirectory {
  readonly path = mkdtempSync(join(tmpdir(), "genevescope-sb-"));

  file(name: string, content?: string | Buffer): string {
    const path = join(this.path, name);
    if (content !== undefined) writeFileSync(path, content);
    return path;
  }

  dispose(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** A server of its own, with socket, control socket and database in a directory of its own. */
export class OvsdbServer {
  readonly directory = new TempDirectory();
  readonly database = this.directory.file("sb.db");
  readonly remote = `unix:${this.directory.file("s")}`;
  readonly name: string;
  #process: ChildProcess | null = null;

  /** `create` are the arguments of ovsdb-tool that make the database, given its path. */
  constructor(
    schema = SB_SCHEMA,
    name = "OVN_Southbound",
    create = (database: string) => ["create", database, schema],
  ) {
    this.name = name;
    execFileSync(command("ovsdb-tool"), create(this.database), { stdio: "ignore" });
  }

  /** `more` are further options of ovsdb-server: remotes, keys. */
  async start(more: readonly string[] = []): Promise<void> {
    const options = [
      `--remote=p${this.remote}`,
      `--unixctl=${this.directory.file("ctl")}`,
      `--pidfile=${this.directory.file("pid")}`,
      "-vconsole:off",
      "-vsyslog:off",
      ...more,
      this.database,
    ];
    // A server that was killed leaves its socket behind.
    rmSync(this.directory.file("s"), { force: true });
    this.#process = spawn(command("ovsdb-server"), options, { stdio: "ignore" });
    for (let tries = 0; !existsSync(this.directory.file("s")); tries++) {
      if (tries > 500) throw new Error("ovsdb-server does not come up");
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  /** Ends the server, by default without a chance to say goodbye. It can be started again. */
  async kill(signal: "SIGKILL" | "SIGTERM" = "SIGKILL"): Promise<void> {
    const server = this.#process;
    if (server === null || server.exitCode !== null || server.signalCode !== null) return;
    const ended = new Promise((resolve) => server.once("exit", resolve));
    server.kill("SIGCONT");
    server.kill(signal);
    await ended;
  }

  /** Stops or continues the process. */
  signal(signal: "SIGSTOP" | "SIGCONT"): void {
    this.#process?.kill(signal);
  }

  async stop(): Promise<void> {
    await this.kill("SIGTERM");
    this.directory.dispose();
  }

  /** Runs operations in one transaction. Returns the error's text, or null. */
  transact(operations: object[]): string | null {
    const reply = JSON.parse(
      this.#client(["transact", this.remote, JSON.stringify([this.name, ...operations])]),
    );
    for (const result of reply) if (result?.error) return `${result.error}: ${result.details}`;
    return null;
  }

  dump(): string {
    return this.#client(["-f", "json", "dump", this.remote, this.name]);
  }

  backup(): string {
    return this.#client(["backup", this.remote, this.name]);
  }

  convert(schema: string): void {
    this.#client(["convert", this.remote, schema]);
  }

  compact(): void {
    this.control(["ovsdb-server/compact"]);
  }

  /** Gives the server a command, as ovs-appctl(8) does. */
  control(args: string[]): void {
    execFileSync(command("ovs-appctl"), ["-t", this.directory.file("ctl"), ...args]);
  }

  bytes(): Buffer {
    return readFileSync(this.database);
  }

  #client(args: string[]): string {
    return execFileSync(command("ovsdb-client"), args, { encoding: "utf8", maxBuffer: 1 << 30 });
  }
}

/** One record of a database file. */
export function record(json: unknown): string {
  const body = `${typeof json === "string" ? json : JSON.stringify(json)}\n`;
  const digest = createHash("sha1").update(body).digest("hex");
  return `OVSDB JSON ${Buffer.byteLength(body)} ${digest}\n${body}`;
}

const atom = (type: string, min = 1, max: number | string = 1) => ({ type: { key: { type }, min, max } });
const map = { type: { key: "string", value: "string", min: 0, max: "unlimited" } };

/** A schema of the tables and columns that matter, for files made by hand. */
export function smallSchema() {
  return {
    name: "OVN_Southbound",
    version: "20.33.0",
    tables: {
      Datapath_Binding: { columns: { tunnel_key: { type: "integer" }, external_ids: map } },
      Port_Binding: {
        columns: {
          logical_port: { type: "string" },
          datapath: atom("uuid"),
          tunnel_key: { type: "integer" },
          type: { type: "string" },
          chassis: atom("uuid", 0),
          additional_chassis: atom("uuid", 0, "unlimited"),
          requested_chassis: atom("uuid", 0),
          encap: atom("uuid", 0),
          additional_encap: atom("uuid", 0, "unlimited"),
          mac: atom("string", 0, "unlimited"),
          nat_addresses: atom("string", 0, "unlimited"),
          parent_port: atom("string", 0),
          virtual_parent: atom("string", 0),
          up: atom("boolean", 0),
          options: map,
          external_ids: map,
        },
      },
      Multicast_Group: {
        columns: { name: { type: "string" }, datapath: atom("uuid"), tunnel_key: { type: "integer" } },
      },
      Chassis: {
        columns: {
          name: { type: "string" },
          hostname: { type: "string" },
          encaps: atom("uuid", 1, "unlimited"),
          nb_cfg: { type: "integer" },
          other_config: map,
        },
      },
      Encap: {
        columns: {
          type: { type: "string" },
          ip: { type: "string" },
          options: map,
          chassis_name: { type: "string" },
        },
      },
    } as Record<string, { columns: Record<string, unknown> }>,
  };
}

/** A uuid that tells by its digits what it is. */
export function uuid(kind: number, number: number): string {
  return `${String(kind).padStart(8, "0")}-0000-4000-8000-${String(number).padStart(12, "0")}`;
}
export const ref = (text: string) => ["uuid", text];
export const pairs = (object: Record<string, string>) => ["map", Object.entries(object)];

/** A database file made of transactions. */
export function databaseFile(transactions: object[], schema: object = smallSchema()): string {
  return [schema, ...transactions].map(record).join("");
}
