/* A real ovsdb-server for bench/southbound.js, and what ovsdb-client says of it. */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { SOUTHBOUND } from "../dist/southbound/tables.js";
import { run } from "./measure.js";
import { SCHEMA } from "./southbound-generate.js";
import { Writer } from "./southbound-writer.js";

export class Server {
  #process;

  /** Serves the database file, with its sockets in `directory`. Resolves once it answers. */
  static async start(database, directory) {
    const server = new Server();
    server.path = join(directory, "sb.sock");
    server.remote = `unix:${server.path}`;
    const options = [
      `--remote=p${server.remote}`,
      `--unixctl=${join(directory, "ctl")}`,
      `--pidfile=${join(directory, "pid")}`,
      "-vconsole:off",
      "-vsyslog:off",
    ];
    server.#process = spawn("ovsdb-server", [...options, database], { stdio: "ignore" });
    while (!existsSync(server.path)) {
      if (server.#process.exitCode !== null) throw new Error("ovsdb-server does not start");
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    // The socket is there before the database has been read.
    const writer = await Writer.connect(server.path);
    await writer.transact(0, []);
    await writer.close();
    return server;
  }

  async stop() {
    if (this.#process.exitCode !== null) return;
    const ended = once(this.#process, "exit");
    this.#process.kill("SIGTERM");
    await ended;
  }

  /** Seconds that ovsdb-client takes to dump what genevescope asks for, table by table, to /dev/null. */
  dumpSeconds(format) {
    const { tables } = JSON.parse(readFileSync(SCHEMA, "utf8"));
    let sum = 0;
    for (const [table, columns] of Object.entries(SOUTHBOUND.tables)) {
      const names = columns.map(([name]) => name).filter((name) => name in tables[table].columns);
      const what = ["-f", format, "dump", this.remote, "OVN_Southbound", table, "_uuid", ...names];
      sum += run("ovsdb-client", what, ["ignore", "ignore", "pipe"]).seconds;
    }
    return sum;
  }

  /** The ports as ovsdb-client dumps them, in the words of bench/southbound-child.js: their number and a digest. */
  ports() {
    // The columns come in an order of their own.
    const rows = (table, ...columns) => {
      const what = ["-f", "json", "dump", this.remote, "OVN_Southbound", table, ...columns];
      const { headings, data } = JSON.parse(run("ovsdb-client", what).result.stdout);
      return data.map((row) => columns.map((name) => row[headings.indexOf(name)]));
    };
    const text = (cell) => (Array.isArray(cell) ? cell[1] : cell);
    const byUuid = (table, column) =>
      new Map(rows(table, "_uuid", column).map(([uuid, value]) => [text(uuid), value]));
    const keys = byUuid("Datapath_Binding", "tunnel_key");
    const chassisNames = byUuid("Chassis", "name");
    const columns = ["logical_port", "datapath", "tunnel_key", "chassis", "up"];
    const lines = rows("Port_Binding", ...columns).map(
      ([name, datapath, key, chassis, up]) =>
        `${name} ${keys.get(text(datapath))} ${key} ${chassisNames.get(text(chassis))} ${up}`,
    );
    const digest = createHash("sha1").update(lines.sort().join("\n")).digest("hex");
    return { ports: lines.length, digest };
  }
}
