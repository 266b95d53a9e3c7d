/* Servers to follow: what stands in front of a real one, what only pretends, and an inventory to watch. */
import { EventEmitter, once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { expect } from "vitest";
import { Inventory } from "../../src/southbound/index.js";
import {
  type DatabaseLink,
  type FollowOptions,
  followDatabase,
  type LinkState,
} from "../../src/southbound/ovsdb/follow.js";
import type { Transaction } from "../../src/southbound/ovsdb/transaction.js";
import { SOUTHBOUND } from "../../src/southbound/tables.js";
import { TempDirectory } from "./ovsdb.js";
import { type Picture, picture, pictureOfDump } from "./picture.js";

export const NOW = Number.POSITIVE_INFINITY;

/** What a single wait may take; those that go well take milliseconds. */
const LONGEST_WAIT = 10_000;

/** What was applied, without its rows. */
export type Applied = Omit<Transaction, "rows"> & { rows: number; timeless: boolean };

/** An inventory that tells of each transaction. */
export class WatchedInventory extends Inventory {
  readonly events = new EventEmitter();
  readonly applied: Applied[] = [];

  override apply(transaction: Transaction, timeless = false): void {
    super.apply(transaction, timeless);
    this.applied.push({ ...transaction, rows: transaction.rows.length, timeless });
    this.events.emit("apply");
  }

  get picture(): Picture {
    return picture(this, NOW);
  }

  /** Waits until it says what the dump says, and fails with the difference where it never does. */
  async expectDump(dump: string): Promise<void> {
    // A column that the schema lacks is undefined in the one, null in the other.
    const text = JSON.stringify(pictureOfDump(dump), (_, value) => value ?? null);
    const signal = AbortSignal.timeout(LONGEST_WAIT);
    while (JSON.stringify(this.picture) !== text) {
      try {
        await once(this.events, "apply", { signal });
      } catch {
        expect(this.picture).toEqual(JSON.parse(text));
      }
    }
  }
}

export interface Followed {
  readonly inventory: WatchedInventory;
  readonly link: DatabaseLink;
}

const links: DatabaseLink[] = [];

/** Follows until {@link closeAll}. */
export async function follow(remote: string, options: FollowOptions = {}): Promise<Followed> {
  const begin = (description: ConstructorParameters<typeof Inventory>[0]) =>
    new WatchedInventory(description);
  const { sink, link } = await followDatabase(remote, SOUTHBOUND, begin, { backoff: 50, ...options });
  links.push(link);
  return { inventory: sink, link };
}

/** Waits until the link is in this state. */
export async function reached(link: DatabaseLink, state: LinkState): Promise<void> {
  if (link.state === state) return;
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`the link is never ${state}: ${link.lastError}`)),
      LONGEST_WAIT,
    );
    const end = link.onState((now) => {
      if (now !== state) return;
      clearTimeout(timer);
      end();
      resolve();
    });
  });
}

/** A server on a socket of its own. `serve` is called for each connection. */
export class FakeServer {
  readonly directory = new TempDirectory();
  readonly path = this.directory.file("s");
  readonly remote = `unix:${this.path}`;
  readonly sockets = new Set<Socket>();
  connections = 0;
  readonly #server: Server;

  constructor(serve: (socket: Socket, number: number) => void) {
    this.#server = createServer((socket) => {
      this.sockets.add(socket);
      socket.on("close", () => this.sockets.delete(socket));
      socket.on("error", () => {});
      serve(socket, this.connections++);
    });
    fakes.push(this);
  }

  async start(): Promise<this> {
    this.#server.listen(this.path);
    await once(this.#server, "listening");
    return this;
  }

  stop(): void {
    this.#server.close();
    for (const socket of this.sockets) socket.destroy();
    this.directory.dispose();
  }
}

const fakes: FakeServer[] = [];

/** Ends all that was followed and all fake servers. */
export function closeAll(): void {
  for (const link of links.splice(0)) link.close();
  for (const fake of fakes.splice(0)) fake.stop();
}

export interface ProxyOptions {
  /** Methods that are answered with "unknown method". */
  readonly unknown?: readonly string[];
  /** Bytes that the client gets at a time. */
  readonly pieces?: number;
  /** Changes what the server sends; whole messages. */
  readonly rewrite?: (message: string) => string;
}

/** Stands in front of the server at the socket `path`. Requests must come in one piece each, as ours do. */
export function proxy(path: string, { unknown = [], pieces, rewrite }: ProxyOptions): Promise<FakeServer> {
  const fake = new FakeServer((client) => {
    const server = connect(path);
    server.on("error", () => client.destroy());
    client.on("close", () => server.destroy());
    server.on("close", () => client.destroy());
    client.on("data", (data) => {
      const { id, method } = JSON.parse(data.toString());
      if (!unknown.includes(method)) server.write(data);
      else client.write(JSON.stringify({ id, error: "unknown method", result: null }));
    });
    let waiting = "";
    server.on("data", (data) => {
      if (pieces !== undefined) {
        client.setNoDelay();
        for (let at = 0; at < data.length; at += pieces) client.write(data.subarray(at, at + pieces));
      } else if (rewrite === undefined) client.write(data);
      else {
        waiting += data.toString("latin1");
        const text = Buffer.from(waiting, "latin1").toString();
        try {
          JSON.parse(text);
        } catch {
          return;
        }
        waiting = "";
        client.write(rewrite(text));
      }
    });
  });
  return fake.start();
}
