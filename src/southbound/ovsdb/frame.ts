/*
 * JSON-RPC 1.0 messages as OVSDB uses them (RFC 7047 section 4), gone through as they arrive. The members of a
 * message come in any order. Rows, of which a reply may hold hundreds of megabytes, are handed on one by one;
 * the rest of a message is small and kept until its end.
 */

import type { ScanHandler, ScanKey, Take } from "./json-scan.js";

/** What is known of a message while its rows go by. */
export interface UpdatesFrame {
  /** The reply to a request to monitor; else a notification. */
  readonly isReply: boolean;
  /**
   * What stands in the array before its `<table-updates>`: `[<found>, <last-txn-id>]` in a reply to
   * monitor_cond_since, `[<json-value>]` or `[<json-value>, <last-txn-id>]` in a notification.
   */
  readonly head: readonly unknown[];
}

/** Takes the rows of one monitor, RFC 7047 section 4.1.5 and 4.1.6, ovsdb-server(7) 4.1.12 to 4.1.16. */
export interface RowReceiver {
  wants(table: string): boolean;
  /** `update` is a `<row-update>` or `<row-update2>`, not yet looked at. */
  row(frame: UpdatesFrame, table: string, uuid: string, update: unknown): void;
  /** Something stands where rows should. */
  malformed(table: string): void;
  /** All rows of the message have come. */
  complete(frame: UpdatesFrame): void;
}

/** A message that has come to its end. What it does not mention is undefined. */
export interface Message {
  readonly id: unknown;
  readonly method: unknown;
  readonly params: readonly unknown[];
  readonly error: unknown;
  /** Undefined also where its rows went to a receiver. */
  readonly result: unknown;
  /** Who took the rows of a reply or notification, and under which heading. */
  readonly receiver: RowReceiver | null;
  readonly frame: UpdatesFrame;
}

/** The other side of a {@link FrameReader}. What it throws ends the scan. */
export interface FrameOwner {
  /** Who takes the rows of the reply that is awaited; null where it is to be kept whole. */
  replyReceiver(): RowReceiver | null;
  /** Who takes the rows of the monitor with this `<json-value>`. */
  updateReceiver(monitor: unknown): RowReceiver | null;
  /** Before each row. */
  onRow(frame: UpdatesFrame): void;
  onMessage(message: Message): void;
}

/** Assembles messages from what a JsonScanner finds. */
export class FrameReader implements ScanHandler {
  readonly #owner: FrameOwner;
  #members: Record<string, unknown> = {};
  #isReply = false;
  #head: unknown[] = [];
  #frame: UpdatesFrame = { isReply: false, head: this.#head };
  #receiver: RowReceiver | null = null;
  /** At which depth the tables are members: 2 in `result: {...}`, 3 in `result: [..., {...}]` and `params`. */
  #tableDepth = 0;
  #table = "";

  constructor(owner: FrameOwner) {
    this.#owner = owner;
  }

  take(depth: number, key: ScanKey): Take {
    if (depth === 1) return this.#takeMember(key as string);
    if (depth === 2 && this.#tableDepth !== 2) {
      if (typeof key === "number") return this.#takeElement(key);
      if (!this.#isReply) return "skip";
      this.#tableDepth = 2;
    }
    if (depth === this.#tableDepth) {
      this.#table = String(key);
      return typeof key === "string" && this.#receiver?.wants(key) ? "parts" : "skip";
    }
    return "whole";
  }

  #takeMember(key: string): Take {
    if (key === "id" || key === "method" || key === "error") return "whole";
    if (key !== "result" && key !== "params") return "skip";
    this.#isReply = key === "result";
    this.#tableDepth = 0;
    this.#head = [];
    this.#receiver = this.#isReply ? this.#owner.replyReceiver() : null;
    this.#frame = { isReply: this.#isReply, head: this.#head };
    return this.#isReply && this.#receiver === null ? "whole" : "parts";
  }

  /** An element of `params`, or of a reply to monitor_cond_since. */
  #takeElement(index: number): Take {
    this.#tableDepth = 3;
    if (!this.#isReply && index === 1) this.#receiver = this.#owner.updateReceiver(this.#head[0]);
    return index === 0 || this.#receiver === null ? "whole" : "parts";
  }

  whole(depth: number, key: ScanKey, json: unknown): void {
    if (depth === 1) this.#members[key] = json;
    else if (depth < this.#tableDepth) this.#head.push(json);
    else if (depth === this.#tableDepth || typeof key !== "string") this.#receiver?.malformed(this.#table);
    else {
      this.#owner.onRow(this.#frame);
      this.#receiver?.row(this.#frame, this.#table, key, json);
    }
  }

  end(depth: number): void {
    if (depth !== 1) return;
    const { id, method, error, result } = this.#members;
    const message: Message = {
      id,
      method,
      params: this.#isReply ? [] : this.#head,
      error,
      result,
      receiver: this.#receiver,
      frame: this.#frame,
    };
    this.#members = {};
    this.#isReply = false;
    this.#head = [];
    this.#frame = { isReply: false, head: this.#head };
    this.#receiver = null;
    this.#owner.onMessage(message);
  }
}
