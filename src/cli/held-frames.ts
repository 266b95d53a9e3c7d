/*
 * Bare frames that wait until it is known what their tunnels said: until their twins may have come on the underlay, and
 * the datapath's flows have been asked for since. They leave in the order in which they came.
 */
import { FramePairs, type PairCounts } from "../analysis/frame-pairs.js";
import type { TunnelHeaders } from "../analysis/tunnel-header.js";
import { type CaptureSource, PacketBatch } from "../capture/batch.js";
import type { LiveSource } from "../capture/live.js";
import { momentMs } from "../capture/moment.js";
import { FrameBatch } from "../frame/columns.js";
import type { FrameDecoder } from "../frame/decode.js";
import type { DatapathFlows } from "./datapath-flows.js";

/** How long after a packet's time it has come from its device, in milliseconds, unless it is held up. */
const ARRIVAL_MS = 400;
/** A batch takes no more frames once it has waited for so long. */
const FILL_MS = 100;
/** How often it is looked what has waited enough. */
const LOOK_MS = 50;
/** Set back by more than so many milliseconds, the clock says nothing of how long a frame has waited. */
const SET_BACK_MS = 1000;
/** How long it is waited for a dump of flows. */
const DUMP_MS = 3000;
/** A flow is there so long, in milliseconds, after the first packet that it was made for. */
const INSTALL_MS = 50;
/** Room of a batch. A longer frame has one of its own. */
const BATCH_FRAMES = 1024;
const BATCH_BYTES = 256 * 1024;
/** Batches that nobody takes, from which on no more packets are taken from devices. */
const MOST_READY = 16;
/** Bytes that wait for flows at most. */
const MOST_BYTES = 64 * 1024 * 1024;

/** Frames that wait together. */
class HeldBatch {
  readonly packets = new PacketBatch(BATCH_FRAMES);
  readonly twins: (TunnelHeaders | null)[] = [];
  /** Frames whose twins may still come. */
  pending = 0;
  /** When its first frame was put in, and the time of its latest one, in milliseconds since 1970. */
  begun = 0;
  latest = Number.NEGATIVE_INFINITY;
  used = 0;

  constructor(bytes: number) {
    this.packets.bytes = new Uint8Array(bytes);
    this.packets.view = new DataView(this.packets.bytes.buffer);
  }

  hasRoom(bytes: number): boolean {
    return this.packets.count < BATCH_FRAMES && this.used + bytes <= this.packets.bytes.length;
  }

  /** Copies packet `i`; returns its row. */
  push(from: PacketBatch, i: number): number {
    const { packets } = this;
    const row = packets.count++;
    const at = from.offset[i];
    packets.bytes.set(from.bytes.subarray(at, at + from.capturedBytes[i]), this.used);
    packets.offset[row] = this.used;
    packets.capturedBytes[row] = from.capturedBytes[i];
    packets.originalBytes[row] = from.originalBytes[i];
    packets.tsSec[row] = from.tsSec[i];
    packets.tsNsec[row] = from.tsNsec[i];
    packets.interfaceIndex[row] = from.interfaceIndex[i];
    this.used += from.capturedBytes[i];
    this.latest = Math.max(this.latest, momentMs(from.tsSec[i], from.tsNsec[i]));
    this.twins[row] = null;
    return row;
  }
}

export interface HeldOptions {
  readonly source: LiveSource;
  readonly decoder: FrameDecoder;
  /** Which of the source's interfaces show bare frames; the others are the underlay. */
  readonly isBare: (interfaceIndex: number) => boolean;
  /** Whether there is any of the underlay. */
  readonly hasUnderlay: boolean;
  readonly flows: DatapathFlows | null;
}

/** The bare frames of a live source. */
export class HeldFrames implements CaptureSource {
  /** Of the batch that was given last: by row, what its twin on the underlay said. */
  twins: readonly (TunnelHeaders | null)[] = [];
  readonly #source: LiveSource;
  readonly #decoder: FrameDecoder;
  readonly #isBare: (interfaceIndex: number) => boolean;
  readonly #flows: DatapathFlows | null;
  /** Null without the underlay. */
  readonly #pairs: FramePairs | null;
  /** Those that wait, by number; the last may take more frames. */
  readonly #waiting = new Map<number, HeldBatch>();
  #last: HeldBatch | null = null;
  #lastNumber = 0;
  #waitingBytes = 0;
  readonly #ready: HeldBatch[] = [];
  #numbered = 0;
  #isEnded = false;
  #failure: unknown = null;
  #pumping: Promise<void> | null = null;
  #timer: NodeJS.Timeout | null = null;
  /** Since when no packets are taken from devices, because nobody takes frames from here. */
  #blockedAt: number | null = null;
  /** By interface: the time of the packet that was taken last, and when that was, in milliseconds since 1970. */
  readonly #latest = new Map<number, { time: number; taken: number }>();
  /** When it was last looked what has waited enough. */
  #lookedAt = Number.NEGATIVE_INFINITY;
  #wakeTaker = (): void => {};
  #wakePump = (): void => {};

  constructor({ source, decoder, isBare, hasUnderlay, flows }: HeldOptions) {
    this.#source = source;
    this.#decoder = decoder;
    this.#isBare = isBare;
    this.#flows = flows;
    this.#pairs = hasUnderlay ? new FramePairs((token, headers) => this.#settle(token, headers)) : null;
  }

  get name(): string {
    return this.#source.name;
  }
  get format() {
    return this.#source.format;
  }
  get interfaces() {
    return this.#source.interfaces;
  }
  get damage() {
    return this.#source.damage;
  }
  readonly odd = 0;
  readonly position = 0;
  readonly size = null;

  /** What became of the frames so far; null without the underlay. */
  get counts(): PairCounts | null {
    return this.#pairs?.counts ?? null;
  }

  async next(): Promise<PacketBatch | null> {
    this.#pumping ??= this.#begin();
    while (this.#ready.length === 0 && !this.#isEnded)
      await new Promise<void>((resolve) => {
        this.#wakeTaker = resolve;
      });
    const batch = this.#ready.shift();
    this.#wakePump();
    if (batch === undefined) {
      if (this.#failure !== null) throw this.#failure;
      return null;
    }
    const { packets } = batch;
    packets.firstNumber = this.#numbered + 1;
    this.#numbered += packets.count;
    this.twins = batch.twins;
    return packets;
  }

  records(): null {
    return null;
  }

  pass(): void {}

  async close(): Promise<void> {
    this.#isEnded = true;
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#wakePump();
    this.#wakeTaker();
    await this.#source.close();
    await this.#pumping;
  }

  async #begin(): Promise<void> {
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
    try {
      await this.#pump();
    } catch (error) {
      this.#failure = error;
    }
    clearInterval(this.#timer);
    this.#pairs?.end();
    for (const batch of this.#waiting.values()) this.#ready.push(batch);
    this.#waiting.clear();
    this.#isEnded = true;
    this.#wakeTaker();
  }

  /** Takes packets from the devices until there are no more. */
  async #pump(): Promise<void> {
    let frames = new FrameBatch(0);
    while (!this.#isEnded) {
      await this.#room();
      const packets = await this.#source.next();
      if (packets === null) return;
      if (frames.capacity < packets.capacity) frames = new FrameBatch(packets.capacity);
      const { interfaces } = this.#source;
      this.#note(packets);
      // All packets of a batch are of one device.
      if (this.#isBare(packets.interfaceIndex[0])) {
        if (this.#last !== null && Date.now() - this.#last.begun >= FILL_MS) this.#last = null;
        this.#decoder.decodeInner(packets, interfaces, frames);
        for (let i = 0; i < packets.count; i++) this.#hold(packets, frames, i);
      } else {
        this.#decoder.decode(packets, interfaces, frames);
        for (let i = 0; i < packets.count; i++) this.#pairs?.tunnelled(packets, frames, i);
      }
    }
  }

  #note({ count, tsSec, tsNsec, interfaceIndex }: PacketBatch): void {
    const last = count - 1;
    if (last < 0) return;
    const time = momentMs(tsSec[last], tsNsec[last]);
    this.#latest.set(interfaceIndex[last], { time, taken: Date.now() });
  }

  /** The time, in milliseconds since 1970, before which all packets have been taken. */
  #givenUntil(): number {
    // What the devices have while nobody takes it may be of any time since.
    const now = this.#blockedAt ?? Date.now();
    let until = now - ARRIVAL_MS;
    // Under a flood they are late, and what they have follows upon what they gave.
    for (const { time, taken } of this.#latest.values())
      if (now - taken < ARRIVAL_MS) until = Math.min(until, time);
    return until;
  }

  /** Waits until somebody takes what is ready. */
  async #room(): Promise<void> {
    while (this.#ready.length >= MOST_READY && !this.#isEnded) {
      this.#blockedAt ??= Date.now();
      await new Promise<void>((resolve) => {
        this.#wakePump = resolve;
      });
    }
    this.#blockedAt = null;
  }

  #hold(packets: PacketBatch, frames: FrameBatch, i: number): void {
    const bytes = packets.capturedBytes[i];
    let batch = this.#last;
    if (batch === null || !batch.hasRoom(bytes)) {
      batch = new HeldBatch(Math.max(BATCH_BYTES, bytes));
      batch.begun = Date.now();
      this.#last = batch;
      this.#waiting.set(++this.#lastNumber, batch);
      this.#waitingBytes += batch.packets.bytes.length;
    }
    const row = batch.push(packets, i);
    if (this.#pairs === null) return;
    batch.pending++;
    this.#pairs.bare(packets, frames, i, this.#lastNumber * BATCH_FRAMES + row);
  }

  #settle(token: number, headers: TunnelHeaders | null): void {
    const batch = this.#waiting.get(Math.floor(token / BATCH_FRAMES));
    if (batch === undefined) return;
    batch.twins[token % BATCH_FRAMES] = headers;
    batch.pending--;
  }

  /** Lets go what has waited enough. */
  #look(): void {
    const now = Date.now();
    if (now < this.#lookedAt - SET_BACK_MS) this.#startOver(now);
    this.#lookedAt = now;
    this.#pairs?.advance(this.#givenUntil());
    for (const [number, batch] of this.#waiting) {
      if (batch.pending > 0 || !this.#isDone(batch)) break;
      this.#waiting.delete(number);
      this.#waitingBytes -= batch.packets.bytes.length;
      if (batch === this.#last) this.#last = null;
      this.#ready.push(batch);
    }
    if (this.#ready.length > 0) this.#wakeTaker();
  }

  /** What came before the clock was set back to `now` waits for nothing more. */
  #startOver(now: number): void {
    this.#pairs?.advance(Number.POSITIVE_INFINITY);
    this.#latest.clear();
    for (const batch of this.#waiting.values()) batch.begun = batch.latest = now;
  }

  /** Whether there is nothing more to wait for, now that no twin will come. */
  #isDone(batch: HeldBatch): boolean {
    const now = Date.now();
    if (batch === this.#last && now - batch.begun < FILL_MS) return false;
    const flows = this.#flows;
    return (
      flows === null ||
      !flows.isAvailable ||
      flows.askedAt > batch.latest + INSTALL_MS ||
      now - batch.latest > DUMP_MS ||
      this.#waitingBytes > MOST_BYTES
    );
  }
}
