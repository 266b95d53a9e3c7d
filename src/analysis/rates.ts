/*
 * How much there is of things just now. What is counted of them is added whenever it is known; a tick, one a second,
 * makes rates of what has come since the last one. Rows without packets are forgotten after a while, and there is
 * room for so many only, so that a capture without end needs no more memory than a busy minute.
 */

/** Ticks that a row remembers. */
export const REMEMBERED = 60;
/** Ticks without a packet after which a row is forgotten. */
const IDLE_TICKS = 180;
/** Rows that stay after a tick. */
const MOST_ROWS = 5000;

/** What is counted of something. */
export interface Counted {
  /** The same for the same thing, and no other of its kind. */
  readonly id: string;
  readonly packets: number;
  readonly bytes: number;
  /** Bytes among them that went to it; 0 where that is no question. */
  readonly received: number;
  /** Texts that say what it is, safe to print. */
  readonly cells: () => readonly string[];
}

/** Something, how much there has been of it and how much there is. */
export class RateRow {
  readonly id: string;
  packets = 0;
  bytes = 0;
  /** Of the last tick, a second. */
  packetRate = 0;
  byteRate = 0;
  receivedRate = 0;
  /** Bytes a second of the last ticks, as many as are remembered, the newest last. */
  readonly lately: number[];
  #cells: () => readonly string[];
  #newPackets = 0;
  #newBytes = 0;
  #newReceived = 0;
  #idle = 0;

  constructor({ id, cells }: Pick<Counted, "id" | "cells">, lately: number[] = []) {
    this.id = id;
    this.#cells = cells;
    this.lately = lately;
  }

  /** What it is, as of its last packets. */
  get cells(): readonly string[] {
    return this.#cells();
  }

  /** Ticks since its last packet. */
  get idle(): number {
    return this.#idle;
  }

  add({ packets, bytes, received, cells }: Counted): void {
    this.#newPackets += packets;
    this.#newBytes += bytes;
    this.#newReceived += received;
    this.#cells = cells;
  }

  tick(seconds: number): void {
    this.#idle = this.#newPackets > 0 ? 0 : this.#idle + 1;
    this.packets += this.#newPackets;
    this.bytes += this.#newBytes;
    this.packetRate = this.#newPackets / seconds;
    this.byteRate = this.#newBytes / seconds;
    this.receivedRate = this.#newReceived / seconds;
    if (this.lately.push(this.byteRate) > REMEMBERED) this.lately.shift();
    this.#newPackets = 0;
    this.#newBytes = 0;
    this.#newReceived = 0;
  }

  /** The row as it is, whatever comes. */
  copy(): RateRow {
    const row = new RateRow({ id: this.id, cells: this.#cells }, this.lately.slice());
    row.packets = this.packets;
    row.bytes = this.bytes;
    row.packetRate = this.packetRate;
    row.byteRate = this.byteRate;
    row.receivedRate = this.receivedRate;
    return row;
  }
}

/** Rows of one kind. */
export class Rates {
  readonly #rows = new Map<string, RateRow>();

  add(counted: Counted): void {
    let row = this.#rows.get(counted.id);
    if (row === undefined) {
      row = new RateRow(counted);
      this.#rows.set(counted.id, row);
    }
    row.add(counted);
  }

  /** Ends a stretch of so many `seconds`, and forgets rows that have been idle for long, or longest where room is short. */
  tick(seconds: number): void {
    for (const row of this.#rows.values()) {
      row.tick(seconds);
      if (row.idle >= IDLE_TICKS) this.#rows.delete(row.id);
    }
    if (this.#rows.size > MOST_ROWS) this.#shrink(this.#rows.size - MOST_ROWS);
  }

  /** Forgets `surplus` rows. There may be many, and this is done in each tick of a flood, so nothing is sorted. */
  #shrink(surplus: number): void {
    const byIdle = new Int32Array(IDLE_TICKS);
    for (const { idle } of this.#rows.values()) byIdle[idle]++;
    let idlest = IDLE_TICKS - 1;
    let left = surplus;
    while (byIdle[idlest] < left) left -= byIdle[idlest--];
    for (const { id, idle } of this.#rows.values())
      if (idle > idlest || (idle === idlest && left-- > 0)) this.#rows.delete(id);
  }

  /** In no particular order. */
  rows(): RateRow[] {
    return [...this.#rows.values()];
  }
}
