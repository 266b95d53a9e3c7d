import { type CaptureInterface, type CaptureSource, PacketBatch } from "./batch.js";
import { CaptureError } from "./error.js";

const BATCH_CAPACITY = 512;
/** Bytes of the packets of several sources in one memory, where no packet is larger. */
const MEMORY_BYTES = 2 * 1024 * 1024;
/** Of that, what is brought over of one source at once: memory that may go unused when it is full. */
const SHARE = 4;
/** Interfaces of a capture at most: an index has 16 bits. */
const MOST_INTERFACES = 65_536;

/** One of the sources, and its next packet. */
interface Input {
  /** Its place among them. */
  readonly index: number;
  readonly source: CaptureSource;
  batch: PacketBatch;
  /** Index in the batch of its next packet. */
  i: number;
  /** For each of the source's interfaces that of the whole. */
  readonly interfaces: number[];
  /** Bytes of the batch that were brought over, as offsets there, and where they lie. */
  from: number;
  to: number;
  at: number;
}

/**
 * The packets of several captures in the order of their times, of packets of the same time those of the first
 * capture first. Each capture has to be in that order itself: a packet that is earlier than the one before it throws
 * a CaptureError. Memory is a few MiB, and a block of each source. `odd` and `damage` are the sources' own.
 */
export class MergedSource implements CaptureSource {
  readonly name: string;
  readonly format: CaptureSource["format"];
  readonly isMicroseconds: boolean;
  /** Those of all sources, each with the name of its file as its description. */
  readonly interfaces: CaptureInterface[] = [];
  readonly damage = null;
  readonly odd = 0;
  readonly #sources: readonly CaptureSource[];
  /** By source. */
  readonly #indexes: readonly number[][];
  /** A heap: no input is later than those at 2n + 1 and 2n + 2. Null before the first packet. */
  #heap: Input[] | null = null;
  /** What ends it, once the packets before that were given. */
  #fault: CaptureError | null = null;
  readonly #batch = new PacketBatch(BATCH_CAPACITY);
  /** Behind what is taken of the batch's memory. */
  #end = 0;
  readonly #stretch: number;

  constructor(sources: readonly CaptureSource[]) {
    this.#sources = sources;
    this.name = sources.map(({ name }) => name).join(", ");
    this.format = sources[0].format;
    this.isMicroseconds = sources.every((source) => source.isMicroseconds === true);
    this.#stretch = Math.floor(MEMORY_BYTES / (SHARE * sources.length));
    this.#use(MEMORY_BYTES);
    this.#indexes = sources.map((source) => {
      const indexes: number[] = [];
      this.#describe(source, indexes);
      return indexes;
    });
  }

  get position(): number {
    return this.#sources.reduce((sum, { position }) => sum + position, 0);
  }

  get size(): number | null {
    let sum = 0;
    for (const { size } of this.#sources) {
      if (size === null) return null;
      sum += size;
    }
    return sum;
  }

  async next(most = BATCH_CAPACITY): Promise<PacketBatch | null> {
    if (this.#fault !== null) throw this.#fault;
    this.#heap ??= await this.#begin();
    const heap = this.#heap;
    const batch = this.#batch;
    const wanted = Math.min(most, BATCH_CAPACITY);
    batch.firstNumber += batch.count;
    batch.count = 0;
    while (heap.length > 0 && batch.count < wanted) {
      const input = heap[0];
      const start = input.batch.offset[input.i];
      const end = start + input.batch.capturedBytes[input.i];
      if ((start < input.from || end > input.to) && !this.#bring(input, start, end)) break;
      this.#take(input, start);
      const { tsSec, tsNsec } = input.batch;
      const sec = tsSec[input.i];
      const nsec = tsNsec[input.i];
      if (++input.i < input.batch.count || (await this.#refill(input))) {
        this.#fault = orderFault(input, sec, nsec);
        if (this.#fault !== null) break;
      } else {
        heap[0] = heap[heap.length - 1];
        heap.pop();
      }
      sink(heap, 0);
    }
    return batch.count === 0 ? null : batch;
  }

  records(): null {
    return null;
  }

  pass(): void {}

  async close(): Promise<void> {
    for (const source of this.#sources) await source.close();
  }

  async #begin(): Promise<Input[]> {
    const heap: Input[] = [];
    for (const [index, source] of this.#sources.entries()) {
      const batch = await source.next();
      const interfaces = this.#indexes[index];
      if (batch !== null) heap.push({ index, source, batch, i: 0, interfaces, from: 0, to: -1, at: 0 });
    }
    for (let n = (heap.length >> 1) - 1; n >= 0; n--) sink(heap, n);
    return heap;
  }

  #use(bytes: number): void {
    this.#batch.bytes = new Uint8Array(bytes);
    this.#batch.view = new DataView(this.#batch.bytes.buffer);
  }

  /** Brings bytes of an input's batch over, from `start` to `end` at least. False where packets have to go first. */
  #bring(input: Input, start: number, end: number): boolean {
    if (this.#end + end - start > this.#batch.bytes.length) {
      if (this.#batch.count > 0) return false;
      this.#end = 0;
      for (const each of this.#heap ?? []) each.to = -1;
      if (end - start > this.#batch.bytes.length) this.#use(end - start);
    }
    const { bytes, offset, capturedBytes, count } = input.batch;
    const last = offset[count - 1] + capturedBytes[count - 1];
    const room = this.#batch.bytes.length - this.#end;
    const to = Math.min(Math.max(end, Math.min(last, start + this.#stretch)), start + room);
    this.#batch.bytes.set(bytes.subarray(start, to), this.#end);
    input.from = start;
    input.to = to;
    input.at = this.#end;
    this.#end += to - start;
    return true;
  }

  /** Adds the next packet of an input, whose bytes are there, to the batch. */
  #take(input: Input, start: number): void {
    const { batch, i } = input;
    const out = this.#batch;
    const n = out.count++;
    const on = batch.interfaceIndex[i];
    if (on >= input.interfaces.length) this.#describe(input.source, input.interfaces);
    out.offset[n] = input.at + start - input.from;
    out.capturedBytes[n] = batch.capturedBytes[i];
    out.originalBytes[n] = batch.originalBytes[i];
    out.tsSec[n] = batch.tsSec[i];
    out.tsNsec[n] = batch.tsNsec[i];
    out.interfaceIndex[n] = input.interfaces[on];
  }

  /** Takes an input's next batch; false where it has no more. */
  async #refill(input: Input): Promise<boolean> {
    const next = await input.source.next();
    if (next === null) return false;
    input.batch = next;
    input.i = 0;
    input.to = -1;
    return true;
  }

  /** Adds the interfaces of a source that are not among those of the whole. */
  #describe({ interfaces, name }: CaptureSource, indexes: number[]): void {
    while (indexes.length < interfaces.length) {
      if (this.interfaces.length === MOST_INTERFACES)
        throw new CaptureError(
          "ERR_CAPTURE_UNFIT",
          name,
          `together the captures have more than ${MOST_INTERFACES} interfaces`,
        );
      indexes.push(this.interfaces.length);
      this.interfaces.push({ ...interfaces[indexes.length - 1], description: name });
    }
  }
}

/** Puts the input at `index` of a heap where it belongs. */
function sink(heap: Input[], index: number): void {
  if (index >= heap.length) return;
  const input = heap[index];
  for (let n = index; ; ) {
    let child = 2 * n + 1;
    if (child >= heap.length) return;
    if (child + 1 < heap.length && isEarlier(heap[child + 1], heap[child])) child++;
    if (!isEarlier(heap[child], input)) return;
    heap[n] = heap[child];
    heap[child] = input;
    n = child;
  }
}

/** What is wrong where the input's next packet is earlier than the one before it, else null. */
function orderFault({ source, batch, i }: Input, sec: number, nsec: number): CaptureError | null {
  const { tsSec, tsNsec, firstNumber } = batch;
  if (tsSec[i] > sec || (tsSec[i] === sec && tsNsec[i] >= nsec)) return null;
  return new CaptureError(
    "ERR_CAPTURE_ORDER",
    source.name,
    `packet ${firstNumber + i} is earlier than the one before it, and captures are merged in the order of time; sort them`,
  );
}

function isEarlier(a: Input, b: Input): boolean {
  const sec = a.batch.tsSec[a.i] - b.batch.tsSec[b.i];
  if (sec !== 0) return sec < 0;
  const nsec = a.batch.tsNsec[a.i] - b.batch.tsNsec[b.i];
  return nsec === 0 ? a.index < b.index : nsec < 0;
}
