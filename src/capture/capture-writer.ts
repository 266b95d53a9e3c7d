import type { Patience } from "../patience.js";
import type { CaptureInterface, PacketBatch } from "./batch.js";
import { CaptureError, systemCode } from "./error.js";
import { GrowingFile, writeFailure } from "./growing-file.js";
import { PcapFormat } from "./pcap-format.js";
import { PcapngFormat, type SectionOrigin } from "./pcapng-format.js";
import { LARGEST_WRITTEN_BYTES, RecordBuffer } from "./record-buffer.js";
import { diskFiles, type SaveFile, type SaveFiles } from "./save-file.js";
import type { AddressName, Bounds, InterfaceCounts, SaveFormat } from "./save-format.js";
import { type Rotation, SaveNames } from "./save-names.js";

/** How to write a capture; all fields but the first two may be absent. */
export interface WriteOptions {
  readonly format: "pcap" | "pcapng";
  /**
   * The source's own list, to which batches refer. It may grow in a pcapng; a pcap wants its first one
   * beforehand, and others alike.
   */
  readonly interfaces: readonly CaptureInterface[];
  /** Times of a pcap in nanoseconds (default), or cut off at the microsecond. A pcapng has nanoseconds. */
  readonly nanoseconds?: boolean;
  /**
   * Snapshot length of a pcap, 0 for any; default that of its first interface. Readers cut or refuse longer packets,
   * which other interfaces may have.
   */
  readonly snapLength?: number;
  /** When another file begins, which are kept, and their names; default one file. */
  readonly rotation?: Rotation;
  /** Second since 1970 after which the first file is named, default the present one. */
  readonly start?: number;
  /** Asked at the end of each file of a pcapng: what the interfaces have counted, in their order. */
  readonly counts?: () => readonly InterfaceCounts[];
  /** What a pcapng says of its origin. */
  readonly origin?: SectionOrigin;
  /** How long a pipe is waited for that nobody reads, default without an end. */
  readonly patience?: Patience;
  /** Where files begin, default the disk. */
  readonly files?: SaveFiles;
}

/**
 * Begins to write a capture to `path`, `-` for standard output: its first file is there, and complete for a
 * reader, when this answers. Throws a {@link CaptureError} where that cannot be.
 */
export async function createCapture(path: string, options: WriteOptions): Promise<CaptureWriter> {
  return await CaptureWriter.create(path, options);
}

/**
 * Writes packets to one file after the other. Calls are carried out in their order; memory is one buffer,
 * which is handed to the system when it is full, at `flush` and at the end of a file. What has been handed on
 * ends with a whole record, so that a file can be read while it grows. After an error the writer is closed:
 * its files keep the whole records that the system took.
 */
export class CaptureWriter {
  /** The path or pattern as given. */
  readonly name: string;
  /** Packets taken, and files begun. */
  packets = 0;
  files = 0;
  readonly #options: WriteOptions;
  readonly #rotation: Rotation;
  readonly #names: SaveNames;
  readonly #disk: SaveFiles;
  readonly #format: SaveFormat;
  readonly #out = new RecordBuffer();
  /** Its seconds are those of the period that runs. */
  readonly #bounds: Bounds = { end: 0, earliest: 0, latest: 0 };
  /** Second after which the files of the period are named. */
  #second: number;
  /** The file that is being written; null after the last. */
  #file: GrowingFile | null = null;
  /** Files that are there, the oldest first; empty where none is ever removed. */
  readonly #kept: SaveFile[] = [];
  /** What files to come say of addresses. */
  readonly #known: AddressName[] = [];
  /** The rows of a batch, one after the other. */
  #every = new Int32Array(0);
  /** Over when all that was asked for is done. */
  #turn: Promise<void> = Promise.resolve();
  #failure: unknown = null;

  static async create(path: string, options: WriteOptions): Promise<CaptureWriter> {
    const writer = new CaptureWriter(path, options);
    await writer.#inTurn(() => writer.#open());
    return writer;
  }

  private constructor(path: string, options: WriteOptions) {
    this.name = path;
    this.#options = options;
    this.#rotation = options.rotation ?? {};
    this.#names = new SaveNames(path, this.#rotation);
    this.#disk = options.files ?? diskFiles;
    this.#second = options.start ?? Math.floor(Date.now() / 1000);
    const isPcap = options.format === "pcap";
    if (isPcap && options.interfaces.length === 0)
      throw new CaptureError("ERR_CAPTURE_OPTION", path, "a pcap cannot begin before its interface is known");
    if (path === "-" && this.#isRotated)
      throw new CaptureError(
        "ERR_CAPTURE_OPTION",
        path,
        "standard output is one file; name one to have several",
      );
    this.#format = isPcap
      ? new PcapFormat(options.nanoseconds ?? true, options.snapLength)
      : new PcapngFormat(options.origin ?? {});
  }

  /**
   * Takes the packets of a batch whose indices the first `count` of `rows` are, by default all. The batch is
   * its owner's again when this has answered.
   */
  write(batch: PacketBatch, rows?: Int32Array, count = batch.count): Promise<void> {
    return this.#inTurn(() => this.#write(batch, rows ?? this.#all(count), count));
  }

  /**
   * Says in the file that is being written, and in those that follow, what an address is called, for the packets
   * behind; a pcap has no place for it. Of a file of limited size names take at most a half ahead of its packets.
   */
  nameAddress(known: AddressName): Promise<void> {
    return this.#inTurn(() => this.#name(known));
  }

  /** Hands what was taken to the system. */
  flush(): Promise<void> {
    return this.#inTurn(() => this.#current().flush());
  }

  /** Ends the last file. Twice, or after an error, does no harm. */
  close(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#file !== null) await this.#end(this.#file);
    });
  }

  get #isRotated(): boolean {
    return this.#rotation.bytes !== undefined || this.#rotation.seconds !== undefined;
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(work).catch((error) => this.#fail(error));
    this.#turn = turn.catch(() => {});
    return turn;
  }

  /** A file that the system takes no more of stays as it is; one that is not even begun goes; any other ends. */
  async #fail(error: unknown): Promise<never> {
    this.#failure ??= error;
    const isWrite = error instanceof CaptureError && error.code === "ERR_CAPTURE_WRITE";
    if (this.#file?.isBegun && !isWrite) await this.#end(this.#file).catch(() => {});
    const left = this.#file;
    this.#file = null;
    if (left !== null) {
      await left.close().catch(() => {});
      if (!left.isBegun) await left.file.remove().catch(() => {});
    }
    throw error;
  }

  #current(): GrowingFile {
    if (this.#file !== null) return this.#file;
    throw this.#failure ?? new CaptureError("ERR_CAPTURE_WRITE", this.name, "is closed; write before that");
  }

  async #open(): Promise<void> {
    if (this.#isRotated)
      for (const path of this.#names.ring())
        if (await this.#disk.exists(path)) throw writeFailure(path, { code: "EEXIST" });
    await this.#begin();
  }

  async #name(known: AddressName): Promise<void> {
    const file = this.#current();
    if (this.#isRotated) this.#known.push(known);
    if (this.#hasRoomForName(file)) await file.name(known);
    else if (file.packets > 0) {
      await this.#end(file);
      await this.#begin();
    }
  }

  #all(count: number): Int32Array {
    if (this.#every.length < count) this.#every = Int32Array.from({ length: count }, (_, i) => i);
    return this.#every;
  }

  async #write(batch: PacketBatch, rows: Int32Array, count: number): Promise<void> {
    let file = this.#current();
    if (count === 0) return;
    await file.describe();
    if (this.packets === 0) this.#beginPeriod(batch.tsSec[rows[0]]);
    for (let row = 0; ; ) {
      row = this.#take(file, batch, rows, row, count);
      if (row === count) return;
      const i = rows[row];
      const second = batch.tsSec[i];
      const reason = this.#unfit(batch, i);
      if (reason !== null) throw new CaptureError("ERR_CAPTURE_UNFIT", this.name, reason);
      const isOver = second < this.#bounds.earliest || second > this.#bounds.latest;
      if (isOver) {
        this.#beginPeriod(second);
        this.#second = second;
      }
      const record = this.#recordBytes(batch, i);
      if (isOver || record > this.#room(file, record)) {
        await this.#end(file);
        file = await this.#begin();
      } else await file.flush();
    }
  }

  #take(file: GrowingFile, batch: PacketBatch, rows: Int32Array, row: number, count: number): number {
    const out = this.#out;
    this.#bounds.end = Math.min(out.end, out.at + this.#room(file, this.#recordBytes(batch, rows[row])));
    const next = file.take(batch, rows, row, count, this.#bounds);
    this.packets += next - row;
    return next;
  }

  #beginPeriod(second: number): void {
    const { seconds = Number.POSITIVE_INFINITY } = this.#rotation;
    this.#bounds.earliest = Math.max(0, second - seconds + 1);
    this.#bounds.latest = Math.min(this.#format.latest, second + seconds - 1);
  }

  #recordBytes({ capturedBytes, comments }: PacketBatch, i: number): number {
    return this.#format.recordBytes(capturedBytes[i], comments === null ? 0 : comments.length[i]);
  }

  /** Bytes that may still be taken of the file; a packet's record of `least` bytes may in any case be its first. */
  #room(file: GrowingFile, least = 0): number {
    const { bytes } = this.#rotation;
    if (bytes === undefined) return Number.POSITIVE_INFINITY;
    const left = bytes - file.bytes - this.#countsBytes(file);
    return file.packets > 0 ? left : Math.max(left, least);
  }

  #hasRoomForName(file: GrowingFile): boolean {
    const { bytes = 0 } = this.#rotation;
    return this.#room(file) - this.#format.nameBytes >= (file.packets > 0 ? 0 : bytes / 2);
  }

  /** Bytes of the counts that the file will end with. */
  #countsBytes(file: GrowingFile): number {
    return this.#options.counts === undefined ? 0 : file.described * this.#format.countsBytes;
  }

  /** Why packet `i` cannot be written in this format, or null. */
  #unfit({ tsSec, capturedBytes, firstNumber }: PacketBatch, i: number): string | null {
    const { latest } = this.#format;
    if (capturedBytes[i] > LARGEST_WRITTEN_BYTES)
      return `packet ${firstNumber + i} has ${capturedBytes[i]} captured bytes, more than the ${LARGEST_WRITTEN_BYTES} that tools read`;
    if (tsSec[i] < 0 || tsSec[i] > latest)
      return `packet ${firstNumber + i} was captured ${tsSec[i]} seconds after 1970, outside the 0 to ${latest} that a ${this.#options.format} can tell`;
    return null;
  }

  /** Begins another file, in the place of the oldest where there are enough. */
  async #begin(): Promise<GrowingFile> {
    const { bytes, files } = this.#rotation;
    if (files !== undefined && this.#kept.length === files) await this.#removeOldest();
    const created = await this.#create();
    const file = new GrowingFile(created, this.#format, this.#options.interfaces, this.#out);
    this.#file = file;
    this.files++;
    if (files !== undefined) this.#kept.push(created);
    await file.begin();
    const least = file.bytes + this.#countsBytes(file);
    if (bytes !== undefined && least >= bytes) {
      const reason = `its interfaces alone take ${least} bytes of a file, and it may have ${bytes}`;
      throw new CaptureError("ERR_CAPTURE_UNFIT", this.name, reason);
    }
    file.isBegun = true;
    for (const known of this.#known) if (this.#hasRoomForName(file)) await file.name(known);
    return file;
  }

  async #create(): Promise<SaveFile> {
    for (;;) {
      const path = this.#names.next(this.#second);
      try {
        return await this.#disk.create(path, !this.#isRotated, this.#options.patience);
      } catch (error) {
        if (!this.#names.goesOn || systemCode(error) !== "EEXIST") throw writeFailure(path, error);
      }
    }
  }

  async #removeOldest(): Promise<void> {
    const oldest = this.#kept.shift() as SaveFile;
    try {
      await oldest.remove();
    } catch (error) {
      throw writeFailure(oldest.path, error);
    }
  }

  async #end(file: GrowingFile): Promise<void> {
    const { counts } = this.#options;
    if (counts !== undefined && this.#format.countsBytes > 0) await file.count(counts());
    await file.flush();
    await file.close();
    this.#file = null;
  }
}
