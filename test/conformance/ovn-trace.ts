/* ovn-trace as a judge of expressions: whether OVN takes one, and whether one holds for a packet it is told of. */
import { spawnSync } from "node:child_process";
import { findCommand, peer } from "../setup/peer.js";
import { OvsdbServer, SB_SCHEMA } from "../southbound/ovsdb.js";

export const describeTrace = peer("ovn-trace", [
  "ovn-trace",
  "ovsdb-server",
  "ovsdb-tool",
  "ovsdb-client",
  SB_SCHEMA,
]);

/** Expressions at once: each has a table of the pipeline. */
export const TABLES = 20;

/** What OVN says. */
export interface Trace {
  /** By the index of an expression, why OVN refuses it. */
  readonly refused: ReadonlyMap<number, string>;
  /** The indices of those that hold. */
  readonly holding: readonly number[];
}

/** A southbound of one datapath, "net", with the ports "in" and "out", whose flows are the expressions. */
export class Tracer {
  readonly #server = new OvsdbServer();
  #expressions: readonly string[] = [];

  start(): Promise<void> {
    return this.#server.start();
  }

  stop(): Promise<void> {
    return this.#server.stop();
  }

  /** Has these expressions instead of those before; these address sets, and the port group "ins" with the port "in". */
  take(expressions: readonly string[], sets: Readonly<Record<string, readonly string[]>> = {}): void {
    if (expressions.length > TABLES) throw new RangeError(`more than ${TABLES} expressions`);
    this.#expressions = expressions;
    const insert = (table: string, row: object) => ({ op: "insert", table, row });
    const flow = (table: number, priority: number, match: string) =>
      insert("Logical_Flow", {
        pipeline: "ingress",
        table_id: table,
        priority,
        match,
        // What does nothing at all is not shown.
        actions: "reg0 = 1; next;",
        logical_datapath: ["named-uuid", "dp"],
      });
    const ids = [
      ["name", "net"],
      ["logical-switch", "00000000-0000-0000-0000-000000000001"],
    ];
    const fault = this.#server.transact([
      ...["Logical_Flow", "Port_Binding", "Datapath_Binding", "Address_Set", "Port_Group"].map((table) => ({
        op: "delete",
        table,
        where: [],
      })),
      {
        ...insert("Datapath_Binding", { tunnel_key: 1, external_ids: ["map", ids] }),
        "uuid-name": "dp",
      },
      ...["in", "out"].map((name, key) =>
        insert("Port_Binding", { logical_port: name, tunnel_key: key + 1, datapath: ["named-uuid", "dp"] }),
      ),
      ...Object.entries(sets).map(([name, addresses]) =>
        insert("Address_Set", { name, addresses: ["set", addresses] }),
      ),
      insert("Port_Group", { name: "1_ins", ports: "in" }),
      ...expressions.flatMap((match, table) => [flow(table, 2, match), flow(table, 1, "1")]),
    ]);
    if (fault !== null) throw new Error(fault);
  }

  /** Sends the packet that `microflow` says through the expressions. */
  trace(microflow: string): Trace {
    const { stdout, stderr, status } = spawnSync(
      findCommand("ovn-trace") ?? "ovn-trace",
      [`--db=${this.#server.remote}`, "net", microflow],
      { encoding: "utf8", timeout: 10_000 },
    );
    if (status !== 0) throw new Error(`ovn-trace: ${stderr}`);
    const refused = new Map<number, string>();
    for (const [, text, why] of stderr.matchAll(/WARN\|(.*): parsing expression failed \((.*)\)$/gm))
      for (const [index, each] of this.#expressions.entries()) if (each === text) refused.set(index, why);
    const holding = [...stdout.matchAll(/^ ?(\d+)\. .*priority 2, uuid/gm)].map(([, table]) => Number(table));
    return { refused, holding };
  }
}
