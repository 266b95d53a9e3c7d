/*
 * One JSON-RPC connection to an OVSDB server, RFC 7047 section 4. What arrives is dealt with at once, in the
 * socket's own call: nothing queues up here, and a slow receiver slows the server down.
 */

import type { Socket } from "node:net";
import { performance } from "node:perf_hooks";
import { quoted, shown } from "../../text.js";
import { LinkError } from "./error.js";
import { type FrameOwner, FrameReader, type Message, type RowReceiver, type UpdatesFrame } from "./frame.js";
import { JsonScanner, ScanError } from "./json-scan.js";

/** Bytes in which a row or a message must have come to its end; honest ones have kilobytes. */
const LARGEST_STEP = 16 * 1024 * 1024;
/** Answers that the server does not read. */
const LARGEST_BACKLOG = 1024 * 1024;
const HEAD_BYTES = 24;
const ECHO_ID = "echo";

export interface RpcOptions {
  /** Milliseconds that a reply may take to begin, and to go on; a message that has begun, too. */
  readonly patience: number;
  /** The same for the first reply. */
  readonly firstPatience: number;
  /**
   * Milliseconds of silence after which an echo is asked for; 0: never. After twice that the server is given up,
   * or later if it is known to be slow: while it makes a big reply for anybody, it hears nobody.
   */
  readonly probeInterval: number;
  /** Why the connection ended: the socket's error, null where the server closed it. */
  readonly lossReason: (cause: Error | null, bytesRead: number) => LinkError;
}

/** The server answered with an error. `json` is `<error>` of RFC 7047 section 3.1, or a string. */
export class RpcError extends Error {
  readonly json: unknown;

  constructor(json: unknown) {
    super(describeError(json));
    this.json = json;
  }

  /** The kind of error: "unknown method", "unknown database", ... */
  get kind(): string {
    return errorKind(this.json);
  }
}

interface Pending {
  readonly id: number;
  readonly method: string;
  readonly monitor: unknown;
  readonly receiver: RowReceiver | null;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Takes over a connected socket. One request at a time. After any fault the connection is closed for good and
 * `ended` says why.
 */
export class RpcConnection implements FrameOwner {
  /** Resolves, never rejects, once the connection is closed: with a {@link LinkError} or whatever was thrown. */
  readonly ended: Promise<unknown>;
  /** When a row or message was last complete, in milliseconds since 1970. */
  lastHeard = Date.now();
  readonly #socket: Socket;
  readonly #options: RpcOptions;
  readonly #receivers = new Map<unknown, RowReceiver>();
  readonly #scanner = new JsonScanner(new FrameReader(this));
  readonly #timer: NodeJS.Timeout;
  #end: (reason: unknown) => void = () => {};
  #reason: unknown = null;
  #pending: Pending | null = null;
  #requests = 0;
  /** Bytes read; and how many when a row or message was last complete. */
  #bytes = 0;
  #stepBytes = 0;
  #head = Buffer.alloc(0);
  /**
   * By the steady clock, which is not set: when bytes came last, when the message at hand began, when a row or
   * message was last complete, and when the reply that is awaited last made progress.
   */
  #lastBytes = performance.now();
  #began = this.#lastBytes;
  #lastStep = this.#lastBytes;
  #lastReply = this.#lastBytes;
  #arrived = Date.now();
  #isFirstReply = true;
  /** When the echo was sent that is not answered yet; 0: none was. */
  #echoSentAt = 0;
  /** Milliseconds that the slowest reply took to begin. */
  #slowest = 0;

  constructor(socket: Socket, options: RpcOptions) {
    this.#socket = socket;
    this.#options = options;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    socket.on("data", (chunk: Buffer) => this.#receive(chunk));
    socket.on("error", (error) => this.fail(this.#loss(error)));
    socket.on("close", () => this.fail(this.#loss(null)));
    const { patience, firstPatience, probeInterval } = options;
    const shortest = Math.min(patience, firstPatience, probeInterval > 0 ? probeInterval : patience);
    this.#timer = setInterval(() => this.#tick(), Math.max(10, shortest / 4));
  }

  /** Sends a request. Resolves with the result; rejects with an {@link RpcError} or with what ended the connection. */
  request(method: string, params: readonly unknown[]): Promise<unknown> {
    return this.#request(method, params, null);
  }

  /**
   * Sends a request to monitor, `params[1]` being its `<json-value>`. Resolves when `receiver` has seen all rows
   * of the reply; what changes after that goes to it, too.
   */
  async monitor(method: string, params: readonly unknown[], receiver: RowReceiver): Promise<void> {
    await this.#request(method, params, receiver);
  }

  #request(method: string, params: readonly unknown[], receiver: RowReceiver | null): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#reason !== null) return reject(this.#reason);
      const id = this.#requests++;
      this.#pending = { id, method, monitor: params[1], receiver, resolve, reject };
      this.#lastReply = performance.now();
      this.#send({ id, method, params });
    });
  }

  /** Closes the connection; the first reason counts. */
  fail(reason: unknown): void {
    if (this.#reason !== null) return;
    this.#reason = reason;
    clearInterval(this.#timer);
    this.#socket.destroy();
    this.#pending?.reject(reason as Error);
    this.#end(reason);
  }

  replyReceiver(): RowReceiver | null {
    return this.#pending?.receiver ?? null;
  }

  updateReceiver(monitor: unknown): RowReceiver | null {
    return this.#receivers.get(monitor) ?? null;
  }

  onRow({ isReply }: UpdatesFrame): void {
    this.#step();
    if (isReply) this.#lastReply = this.#lastBytes;
  }

  onMessage(message: Message): void {
    this.#step();
    const { id, method, params } = message;
    if (typeof method !== "string") return this.#onReply(message);
    if (id === null || id === undefined) return this.#onNotification(method, message);
    if (method === "echo") this.#send({ id, result: params, error: null });
    else this.#send({ id, result: null, error: "unknown method" });
  }

  #onNotification(method: string, { params, receiver, frame }: Message): void {
    if (method.startsWith("update")) receiver?.complete(frame);
    else if (method === "monitor_canceled" && this.#receivers.has(params[0]))
      throw new LinkError("ERR_SB_DATABASE", "the database was removed from the server, or converted");
  }

  #onReply({ id, error, result, receiver, frame }: Message): void {
    if (id === ECHO_ID) return;
    this.#isFirstReply = false;
    const pending = this.#pending;
    if (pending === null || pending.id !== id)
      throw protocolError(`a reply comes that nobody asked for, ${this.#place()}`);
    if (error !== null && error !== undefined) {
      this.#pending = null;
      return pending.reject(new RpcError(error));
    }
    if (pending.receiver !== null) {
      if (receiver === null || !frame.isReply || result !== undefined)
        throw protocolError(`the reply to ${pending.method} holds no tables, ${this.#place()}`);
      // Within this call: updates may follow in the same chunk, before anybody who awaits can run.
      receiver.complete(frame);
      this.#receivers.set(pending.monitor, receiver);
    }
    this.#pending = null;
    pending.resolve(result);
  }

  #send(message: object): void {
    if (this.#socket.writableLength > LARGEST_BACKLOG)
      throw protocolError("the server sends requests without reading the answers");
    this.#socket.write(JSON.stringify(message));
  }

  #receive(chunk: Buffer): void {
    if (this.#reason !== null) return;
    this.#arrived = Date.now();
    this.#lastBytes = performance.now();
    if (this.#scanner.complete) {
      this.#began = this.#lastBytes;
      if (this.#pending !== null) this.#slowest = Math.max(this.#slowest, this.#lastBytes - this.#lastReply);
    }
    if (this.#head.length < HEAD_BYTES)
      this.#head = Buffer.concat([this.#head, chunk.subarray(0, HEAD_BYTES - this.#head.length)]);
    try {
      this.#scanner.feed(chunk, this.#bytes);
      this.#bytes += chunk.length;
      if (this.#bytes - this.#stepBytes > LARGEST_STEP)
        throw protocolError(`a message is longer than ${LARGEST_STEP} bytes, ${this.#place()}`);
    } catch (error) {
      this.fail(error instanceof ScanError ? this.#nonsense(error) : error);
    }
  }

  #step(): void {
    // Whoever took the last row may have closed the connection.
    if (this.#reason !== null) throw this.#reason;
    this.#stepBytes = this.#bytes;
    this.#lastStep = this.#lastBytes;
    this.lastHeard = this.#arrived;
    this.#echoSentAt = 0;
  }

  #place(): string {
    return `byte ${this.#scanner.objectOffset}`;
  }

  #nonsense({ offset, message }: ScanError): LinkError {
    const foreign = foreignProtocol(this.#head);
    return protocolError(foreign ?? `what it sends is broken at byte ${offset}: ${message}`);
  }

  #loss(cause: Error | null): LinkError {
    // A TLS alert, read as JSON, is nothing but space.
    const foreign = this.#bytes > 0 && this.#scanner.objects === 0 ? foreignProtocol(this.#head) : null;
    if (foreign !== null) return protocolError(foreign);
    const loss = this.#options.lossReason(cause, this.#bytes);
    if (this.#scanner.complete) return loss;
    return new LinkError(loss.code, `${loss.message} in the middle of a message`, loss.advice, loss);
  }

  #tick(): void {
    const now = performance.now();
    const { probeInterval } = this.#options;
    const patience = this.#isFirstReply ? this.#options.firstPatience : this.#options.patience;
    if (this.#pending !== null) {
      const { method } = this.#pending;
      if (now - this.#lastReply >= patience)
        this.#overdue(() => this.#lastReply, `it does not answer ${method} within ${patience} ms`);
      return;
    }
    // Space between messages is silence, too.
    const last = () => (this.#scanner.complete ? this.#lastStep : this.#lastBytes);
    const progress = () => Math.max(this.#lastStep, this.#began);
    if (!this.#scanner.complete && now - progress() >= patience)
      return this.#overdue(progress, `it goes on with a message for ${patience} ms without getting anywhere`);
    if (probeInterval === 0) return;
    const silent = now - last();
    // A process that had no time itself has asked nothing yet.
    if (this.#echoSentAt === 0) {
      if (silent < probeInterval) return;
      this.#echoSentAt = now;
      this.#socket.write(JSON.stringify({ id: ECHO_ID, method: "echo", params: [] }));
    } else if (now - this.#echoSentAt >= probeInterval + 2 * this.#slowest)
      this.#overdue(last, `it has been silent for ${(silent / 1000).toFixed(1)} s`);
  }

  /** Gives up, unless it was this process that had no time and the answer lies waiting in the socket. */
  #overdue(last: () => number, reason: string): void {
    const before = last();
    setImmediate(() => {
      if (last() === before)
        this.fail(new LinkError("ERR_SB_CONNECT", reason, "is it overloaded or stopped?"));
    });
  }
}

/** The error for a server that does not keep to the protocol. */
export function protocolError(message: string): LinkError {
  return new LinkError("ERR_SB_PROTOCOL", message, "give the address of an ovsdb-server");
}

/** What else it is that begins like this, or null. */
function foreignProtocol(head: Buffer): string | null {
  const text = head.toString("latin1");
  if (text.startsWith("HTTP/") || text.startsWith("<")) return "an HTTP server answers, not OVSDB";
  // A TLS record: alert (21) or handshake (22) of version 3.x.
  if ((head[0] === 0x15 || head[0] === 0x16) && head[1] === 3) return "the server speaks TLS; use ssl:";
  return text.startsWith("{") ? null : `it sends ${quoted(text, HEAD_BYTES)}, which is no OVSDB`;
}

function errorKind(json: unknown): string {
  if (typeof json === "string") return json;
  const kind = typeof json === "object" && json !== null ? (json as { error?: unknown }).error : undefined;
  return typeof kind === "string" ? kind : "error";
}

function describeError(json: unknown): string {
  const details = typeof json === "object" ? (json as { details?: unknown } | null)?.details : undefined;
  const kind = shown(errorKind(json), 60);
  return typeof details === "string" ? `${kind}: ${shown(details, 120)}` : kind;
}
