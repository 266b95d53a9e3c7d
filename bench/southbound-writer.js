/*
 * Changes ports of a southbound database faster than a process per transaction could: an OVSDB client that only
 * transacts (RFC 7047 section 4.1.3), without waiting for one reply before the next request, and the changes.
 */
import { once } from "node:events";
import { connect } from "node:net";
import { random } from "./generate.js";

/** The key of SB_Global.external_ids under which a transaction's number is found. */
export const SEQUENCE = "bench-sequence";

export class Writer {
  #socket;
  #waiting = new Map();
  #failed = null;
  #ended;
  #text = "";
  #at = 0;
  #depth = 0;
  #inString = false;

  constructor(socket) {
    this.#socket = socket;
    this.#ended = once(socket, "close");
    socket.setEncoding("utf8");
    socket.on("data", (text) => this.#receive(text));
    socket.on("error", (error) => this.#fail(error));
    socket.on("close", () => this.#fail(new Error("the server closed the connection")));
  }

  /** Connects to the socket at `path`. */
  static async connect(path) {
    const socket = connect(path);
    await once(socket, "connect");
    return new Writer(socket);
  }

  /** Runs the operations in a transaction numbered `sequence`. Resolves with the results once it is committed. */
  transact(sequence, operations) {
    if (this.#failed !== null) return Promise.reject(this.#failed);
    const external_ids = ["map", [[SEQUENCE, String(sequence)]]];
    const mark = { op: "update", table: "SB_Global", where: [], row: { external_ids } };
    this.#send({ id: sequence, method: "transact", params: ["OVN_Southbound", ...operations, mark] });
    return new Promise((resolve, reject) => this.#waiting.set(sequence, { resolve, reject }));
  }

  async close() {
    this.#socket.destroy();
    await this.#ended;
  }

  #send(message) {
    this.#socket.write(JSON.stringify(message));
  }

  #fail(error) {
    this.#failed ??= error;
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }

  /** Messages follow each other without a separator: they end where their braces do. */
  #receive(text) {
    this.#text += text;
    for (; this.#at < this.#text.length; this.#at++) {
      const character = this.#text[this.#at];
      if (this.#inString) {
        if (character === "\\") this.#at++;
        else if (character === '"') this.#inString = false;
      } else if (character === '"') this.#inString = true;
      else if (character === "{") this.#depth++;
      else if (character === "}" && --this.#depth === 0) {
        this.#message(JSON.parse(this.#text.slice(0, this.#at + 1)));
        this.#text = this.#text.slice(this.#at + 1);
        this.#at = -1;
      }
    }
  }

  #message({ id, method, params, error, result }) {
    if (method === "echo") return this.#send({ id, result: params, error: null });
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    const fault = error ?? result.find((each) => each?.error);
    if (fault) waiting?.reject(new Error(`transaction ${id}: ${JSON.stringify(fault)}`));
    else waiting?.resolve(result);
  }
}

/** Transactions of a deletion ago is a port created again, with its name and key, as another row. */
const CREATED_AFTER = 10;

/** Makes transactions of changes to the ports of a GeneratedSouthbound. Fixed seed. */
export class PortChanges {
  #southbound;
  #random = random(20_251_121);
  /** By port: the uuid of its row where that is not the generated one; null while it has none, or none known. */
  #uuids = new Map();
  #isDown = new Set();
  #deleted = [];
  /** Ports that move again and again. */
  #hot;

  constructor(southbound) {
    this.#southbound = southbound;
    this.#hot = Math.ceil(southbound.ports / 100);
  }

  /**
   * The operations of the next transaction, `rows` changes of a row each: every tenth port deleted, as many
   * created, the others moved to another chassis, or brought up or down. `committed` must be given the results.
   */
  next(rows) {
    const used = new Set();
    const operations = [];
    const created = [];
    const few = Math.max(1, Math.floor(rows / 10));
    const deleted = [];
    for (let count = 0; count < few; count++) deleted.push(this.#pick(used, this.#southbound.ports));
    for (const index of deleted) {
      operations.push({ op: "delete", table: "Port_Binding", where: this.#where(index) });
      this.#uuids.set(index, null);
    }
    this.#deleted.push(deleted);
    if (this.#deleted.length > CREATED_AFTER)
      for (const index of this.#deleted.shift()) {
        created.push({ index, at: operations.length });
        this.#isDown.delete(index);
        operations.push({ op: "insert", table: "Port_Binding", row: this.#southbound.portRow(index) });
      }
    while (operations.length < rows)
      operations.push(operations.length % 2 === 0 ? this.#move(used) : this.#turn(used));
    const committed = (results) => {
      for (const { index, at } of created) this.#uuids.set(index, results[at].uuid[1]);
    };
    return { operations, committed };
  }

  #move(used) {
    const where = this.#where(this.#pick(used, this.#hot));
    const chassis = ["uuid", this.#southbound.chassisUuid(this.#random() % this.#southbound.chassis)];
    return { op: "update", table: "Port_Binding", where, row: { chassis, requested_chassis: chassis } };
  }

  #turn(used) {
    const index = this.#pick(used, this.#southbound.ports);
    const up = this.#isDown.delete(index);
    if (!up) this.#isDown.add(index);
    return { op: "update", table: "Port_Binding", where: this.#where(index), row: { up } };
  }

  /** One of the first `count` ports that has a row and is not `used` in this transaction. */
  #pick(used, count) {
    for (;;) {
      const index = this.#random() % count;
      if (used.has(index) || this.#uuids.get(index) === null) continue;
      used.add(index);
      return index;
    }
  }

  #where(index) {
    return [["_uuid", "==", ["uuid", this.#uuids.get(index) ?? this.#southbound.portUuid(index)]]];
  }
}
