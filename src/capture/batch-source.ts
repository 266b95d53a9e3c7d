import {
  type CaptureInterface,
  type CaptureSource,
  type Damage,
  PacketBatch,
  type RecordRun,
} from "./batch.js";
import type { BlockBuffer } from "./block-buffer.js";

/**
 * What every reader here shares: parse what the buffer holds, read on when that is not one packet, stop at
 * the end or at damage. A reader says how to parse (`scan`) and what an end in mid-record means (`cut`).
 */
export abstract class BatchSource implements CaptureSource {
  abstract readonly format: CaptureSource["format"];
  abstract readonly interfaces: readonly CaptureInterface[];
  readonly name: string;
  damage: Damage | null = null;
  odd = 0;
  protected readonly buffer: BlockBuffer;
  protected readonly batch: PacketBatch;
  /** Packets in the batches before this one. */
  protected packets = 0;
  /** Bytes from the buffer's start on that the next step of `scan` waits for. */
  protected needed = 1;
  protected done = false;
  /** Packets wanted of the next batch at most; binds sources that have a RecordRun. */
  protected most = Number.POSITIVE_INFINITY;

  constructor(buffer: BlockBuffer, capacity: number) {
    this.name = buffer.source.name;
    this.buffer = buffer;
    this.batch = new PacketBatch(capacity);
  }

  get position(): number {
    return this.buffer.source.position;
  }
  get size(): number | null {
    return this.buffer.source.size;
  }

  /**
   * Enters complete packets of the buffer into the batch's columns, up to its capacity, passes them and
   * returns their number. With 0 it has either set `needed` to what it lacks or called `stop`. Damage is
   * left in place until the packets before it are out.
   */
  protected abstract scan(): number;

  /** At the end of the input: what is incomplete, from which offset on; null where nothing is. */
  protected abstract cut(): { offset: number; reason: string } | null;

  records(): RecordRun | null {
    return null;
  }

  /** Passes the first `packets` records of the run, the last of which ends at `end`. */
  pass(end: number, packets: number): void {
    this.buffer.start = end;
    this.packets += packets;
  }

  async next(most = this.batch.capacity): Promise<PacketBatch | null> {
    const { buffer } = this;
    this.most = Math.min(most, this.batch.capacity);
    while (!this.done) {
      const count = this.scan();
      if (count > 0) return this.deliver(count);
      if (this.done) break;
      buffer.reserve(this.needed);
      const more = buffer.more();
      if (!(typeof more === "boolean" ? more : await more)) this.finish();
    }
    return null;
  }

  async close(): Promise<void> {
    this.done = true;
    await this.buffer.close();
  }

  protected deliver(count: number): PacketBatch {
    const { batch, buffer } = this;
    batch.bytes = buffer.bytes;
    batch.view = buffer.view;
    batch.count = count;
    batch.firstNumber = this.packets + 1;
    this.packets += count;
    return batch;
  }

  /** The input has ended: cleanly, within a record, or because reading or decompressing failed. */
  protected finish(): void {
    this.done = true;
    const cut = this.cut();
    const { failure } = this.buffer;
    if (failure) this.stop(failure.reason, cut?.offset);
    else if (cut) this.stop(cut.reason, cut.offset);
  }

  /** Ends the source with damage at `offset`, by default at the buffer's start. */
  protected stop(reason: string, offset = this.buffer.offset): void {
    this.done = true;
    this.damage = { offset, reason, lostBytes: this.buffer.lostFrom(offset) };
  }
}
