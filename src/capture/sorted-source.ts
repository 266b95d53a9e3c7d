import { type CaptureInterface, type CaptureSource, type Damage, PacketBatch } from "./batch.js";
import { CaptureError } from "./error.js";

const BATCH_CAPACITY = 512;
/** Packets that are held at most, and their bytes where no batch of the source has more. */
const MOST_PACKETS = 1 << 18;
const MOST_BYTES = 64 * 1024 * 1024;
/** Those of a source with a small share. */
const LEAST_PACKETS = 1024;
const LEAST_BYTES = 2 * 1024 * 1024;

/**
 * The packets of a capture in the order of their times, those of the same time as they were. It holds as many as its
 * memory takes and gives the earlier half of them: so a packet may be out of its place by half of that. One that is
 * further out throws a CaptureError.
 */
export class SortedSource implements CaptureSource {
  readonly #source: CaptureSource;
  readonly #most: number;
  /** In the order in which they came. */
  #held: PacketBatch;
  /** Bytes of those, behind one another. */
  #end = 0;
  /** Indices of what is held in the order of their times, those that are next, and where that half ends. */
  #order = new Int32Array(0);
  #next = 0;
  #half = 0;
  /** A batch that did not fit. */
  #waiting: PacketBatch | null = null;
  #isEnded = false;
  readonly #batch = new PacketBatch(BATCH_CAPACITY);
  /** Of the packet that was given last. */
  #sec = Number.NEGATIVE_INFINITY;
  #nsec = 0;

  /** `share`: of the memory for all that are sorted, the part of this one, 0 to 1. */
  constructor(source: CaptureSource, share = 1) {
    this.#source = source;
    this.#most = Math.max(LEAST_BYTES, Math.ceil(MOST_BYTES * share));
    this.#held = new PacketBatch(Math.max(LEAST_PACKETS, Math.ceil(MOST_PACKETS * share)));
  }

  get name(): string {
    return this.#source.name;
  }
  get format(): CaptureSource["format"] {
    return this.#source.format;
  }
  get isMicroseconds(): boolean {
    return this.#source.isMicroseconds === true;
  }
  get interfaces(): readonly CaptureInterface[] {
    return this.#source.interfaces;
  }
  get damage(): Damage | null {
    return this.#source.damage;
  }
  get odd(): number {
    return this.#source.odd;
  }
  get position(): number {
    return this.#source.position;
  }
  get size(): number | null {
    return this.#source.size;
  }

  async next(most = BATCH_CAPACITY): Promise<PacketBatch | null> {
    if (this.#next === this.#half) await this.#fill();
    const held = this.#held;
    const batch = this.#batch;
    batch.firstNumber += batch.count;
    batch.bytes = held.bytes;
    batch.view = held.view;
    batch.count = Math.min(most, BATCH_CAPACITY, this.#half - this.#next);
    for (let n = 0; n < batch.count; n++) copyRow(held, this.#order[this.#next++], batch, n);
    if (batch.count === 0) return null;
    if (batch.tsSec[0] < this.#sec || (batch.tsSec[0] === this.#sec && batch.tsNsec[0] < this.#nsec))
      throw new CaptureError(
        "ERR_CAPTURE_ORDER",
        this.name,
        `has packets further from their places than the ${held.capacity >> 1} packets or ${this.#most >> 21} MiB that are held to sort; sort it with reordercap`,
      );
    this.#sec = batch.tsSec[batch.count - 1];
    this.#nsec = batch.tsNsec[batch.count - 1];
    return batch;
  }

  records(): null {
    return null;
  }

  pass(): void {}

  close(): Promise<void> {
    return this.#source.close();
  }

  /** Closes up over the packets that were given, takes as many more as fit, and orders them. */
  async #fill(): Promise<void> {
    this.#closeUp();
    const held = this.#held;
    while (!this.#isEnded) {
      const batch = this.#waiting ?? (await this.#source.next());
      this.#waiting = batch;
      if (batch === null) this.#isEnded = true;
      else if (this.#hold(batch)) this.#waiting = null;
      else break;
    }
    const { count, tsSec, tsNsec } = held;
    const isLater = (a: number, b: number): number => tsSec[a] - tsSec[b] || tsNsec[a] - tsNsec[b] || a - b;
    this.#order = Int32Array.from({ length: count }, (_, i) => i);
    let isSorted = true;
    for (let i = 1; i < count && isSorted; i++) isSorted = isLater(i - 1, i) < 0;
    if (!isSorted) this.#order.sort(isLater);
    this.#next = 0;
    this.#half = this.#isEnded ? count : (count + 1) >> 1;
  }

  /** Moves what is left of the packets and their bytes to the front. */
  #closeUp(): void {
    const held = this.#held;
    const left = this.#order.subarray(this.#half).sort();
    this.#end = 0;
    for (let n = 0; n < left.length; n++) {
      const i = left[n];
      const start = held.offset[i];
      held.bytes.copyWithin(this.#end, start, start + held.capturedBytes[i]);
      copyRow(held, i, held, n);
      held.offset[n] = this.#end;
      this.#end += held.capturedBytes[n];
    }
    held.count = left.length;
  }

  /** Takes the packets of a batch; false where there is no room. */
  #hold(batch: PacketBatch): boolean {
    const held = this.#held;
    const { offset, capturedBytes, count } = batch;
    const start = offset[0];
    const end = offset[count - 1] + capturedBytes[count - 1];
    if (held.count + count > held.capacity) return false;
    if (this.#end + end - start > held.bytes.length) {
      if (held.count > 0 && held.bytes.length >= this.#most) return false;
      this.#grow(this.#end + end - start);
    }
    held.bytes.set(batch.bytes.subarray(start, end), this.#end);
    for (let i = 0; i < count; i++) {
      copyRow(batch, i, held, held.count + i);
      held.offset[held.count + i] += this.#end - start;
    }
    held.count += count;
    this.#end += end - start;
    return true;
  }

  /** Makes room for so many bytes, or for as many as may be held. */
  #grow(needed: number): void {
    const held = this.#held;
    const bytes = new Uint8Array(Math.max(needed, Math.min(this.#most, 4 * held.bytes.length)));
    bytes.set(held.bytes);
    held.bytes = bytes;
    held.view = new DataView(bytes.buffer);
  }
}

function copyRow(from: PacketBatch, i: number, to: PacketBatch, n: number): void {
  to.offset[n] = from.offset[i];
  to.capturedBytes[n] = from.capturedBytes[i];
  to.originalBytes[n] = from.originalBytes[i];
  to.tsSec[n] = from.tsSec[i];
  to.tsNsec[n] = from.tsNsec[i];
  to.interfaceIndex[n] = from.interfaceIndex[i];
}
