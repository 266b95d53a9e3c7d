import { EventEmitter } from "node:events";
import { shown } from "../text.js";
import { type CaptureInterface, type CaptureSource, type Damage, PacketBatch } from "./batch.js";
import type { ByteSource } from "./byte-source.js";
import { CaptureError } from "./error.js";
import { largestCaptured } from "./pcap-source.js";

const FILE_HEADER_BYTES = 24;
const RECORD_HEADER_BYTES = 16;
const MICROSECONDS = 1_000_000;

/** What of pcap-parser 0.2 is used; it has no types of its own. */
interface Parser extends EventEmitter {
  on(event: "globalHeader", listener: (header: GlobalHeader) => void): this;
  on(event: "packetHeader", listener: (header: PacketHeader) => void): this;
  on(event: "packet", listener: (packet: { header: PacketHeader; data: Buffer }) => void): this;
  on(event: "error", listener: (error: Error) => void): this;
}
interface GlobalHeader {
  majorVersion: number;
  minorVersion: number;
  snapshotLength: number;
  linkLayerType: number;
}
interface PacketHeader {
  timestampSeconds: number;
  timestampMicroseconds: number;
  capturedLength: number;
  originalLength: number;
}

/** The stream pcap-parser listens to; it emits what it is told to, when it is told to. */
class Feed extends EventEmitter {
  pause(): this {
    return this;
  }
  resume(): this {
    return this;
  }
}

/** Loads pcap-parser and opens the capture with it. Throws a {@link CaptureError}. */
export async function openWithPcapParser(
  source: ByteSource,
  blockBytes: number,
  capacity: number,
): Promise<PcapParserSource> {
  let parse: (stream: EventEmitter) => Parser;
  try {
    // By a variable, for the package has no types to resolve.
    const name: string = "pcap-parser";
    const loaded = await import(name);
    parse = loaded.parse ?? loaded.default.parse;
  } catch (error) {
    throw new CaptureError(
      "ERR_CAPTURE_READER",
      source.name,
      "the package pcap-parser is not installed; run `npm install pcap-parser` or use the builtin reader",
      null,
      error,
    );
  }
  const opened = new PcapParserSource(source, blockBytes, capacity, parse);
  await opened.begin();
  return opened;
}

/**
 * Packets of a pcap file as the npm package pcap-parser takes it apart, for those who trust it or want a
 * second opinion. It is chosen with `reader: "pcap-parser"`, never by itself: it makes several objects a
 * packet and takes some fifty times as long. What it cannot do, and what is done about it here:
 *
 * - It reads files with microseconds and 16-byte record headers in both byte orders, and nothing else: no
 *   nanoseconds, no modified pcap, no pcapng. Those are refused by the opener.
 * - It says nothing when a file ends within a record: the bytes fed are counted against those of the packets
 *   that came out, and the difference is reported as damage.
 * - It buffers without bounds on a huge captured length: each record header is checked against the same
 *   limit as in the builtin reader, and reading stops there.
 * - It has no back-pressure: it is fed so little at a time that the packets always fit into one batch, and
 *   only when the next batch is asked for.
 * - It copies its buffer with every chunk, so chunks are small; packets are copied once more into the batch.
 * - It takes versions 2.x and x.4 for 2.4, though older files may swap the two lengths: those are refused.
 */
export class PcapParserSource implements CaptureSource {
  readonly format = "pcap";
  readonly isMicroseconds = true;
  readonly name: string;
  readonly interfaces: CaptureInterface[] = [];
  damage: Damage | null = null;
  odd = 0;
  readonly #source: ByteSource;
  readonly #feed = new Feed();
  readonly #batch: PacketBatch;
  readonly #chunkBytes: number;
  #limit = largestCaptured(0);
  /** The batch's bytes, and how many of them its packets fill. */
  #bytes = new Uint8Array(0);
  #filled = 0;
  #packets = 0;
  /** Bytes given to the parser, and those of them that came back as the file header and packets. */
  #fed = 0;
  #accounted = 0;
  /** The captured length that is too large, or -1. */
  #tooLong = -1;
  #failure: Error | null = null;
  #done = false;

  constructor(
    source: ByteSource,
    blockBytes: number,
    capacity: number,
    parse: (stream: EventEmitter) => Parser,
  ) {
    this.name = source.name;
    this.#source = source;
    this.#batch = new PacketBatch(capacity);
    // A chunk completes at most one packet begun before, and one for every record header in it.
    const largest = Math.max(RECORD_HEADER_BYTES - 1, RECORD_HEADER_BYTES * (capacity - 1));
    this.#chunkBytes = Math.min(64 * 1024, largest, Math.max(1, blockBytes));
    const parser = parse(this.#feed);
    parser.on("globalHeader", (header) => this.#begun(header));
    parser.on("packetHeader", (header) => {
      if (header.capturedLength > this.#limit && this.#tooLong < 0) this.#tooLong = header.capturedLength;
    });
    parser.on("packet", ({ header, data }) => {
      if (this.#tooLong < 0) this.#take(header, data);
    });
    parser.on("error", (error) => {
      this.#failure = error;
    });
  }

  get position(): number {
    return this.#source.position;
  }
  get size(): number | null {
    return this.#source.size;
  }

  /** Feeds the file header. */
  async begin(): Promise<void> {
    while (this.#fed < FILE_HEADER_BYTES) {
      if (await this.#give(FILE_HEADER_BYTES - this.#fed)) continue;
      throw new CaptureError(
        "ERR_CAPTURE_FORMAT",
        this.name,
        `the pcap file header ends at byte ${this.#fed} of ${FILE_HEADER_BYTES}; capture or copy the file again`,
        this.#fed,
      );
    }
    if (this.#failure || this.interfaces.length === 0)
      throw new CaptureError(
        "ERR_CAPTURE_READER",
        this.name,
        `pcap-parser refuses the file header (${shown(this.#failure?.message ?? "no reason given")}); use the builtin reader`,
        0,
        this.#failure,
      );
  }

  records(): null {
    return null;
  }

  pass(): void {}

  async next(): Promise<PacketBatch | null> {
    const batch = this.#batch;
    batch.count = 0;
    this.#filled = 0;
    while (!this.#done) {
      let more = false;
      try {
        more = await this.#give(this.#chunkBytes);
      } catch (error) {
        if (!(error instanceof CaptureError)) throw error;
        this.#stop(error.reason, false);
      }
      if (this.#failure) this.#stop(`pcap-parser: ${shown(this.#failure.message)}`, false);
      else if (this.#tooLong >= 0) this.#stop(this.#lengthFault(), false);
      else if (!more && !this.#done) this.#end();
      if (batch.count === 0) continue;
      batch.bytes = this.#bytes;
      if (batch.view.buffer !== this.#bytes.buffer) batch.view = new DataView(this.#bytes.buffer);
      batch.firstNumber = this.#packets - batch.count + 1;
      return batch;
    }
    return null;
  }

  async close(): Promise<void> {
    this.#done = true;
    this.#feed.removeAllListeners();
    await this.#source.close();
  }

  /** Reads up to `count` bytes and has them parsed; false at the end of the input. */
  async #give(count: number): Promise<boolean> {
    // The parser keeps slices of its chunks, so each is a buffer of its own.
    const chunk = Buffer.allocUnsafeSlow(count);
    const got = await this.#source.read(chunk, 0, count);
    if (got === 0) return false;
    this.#fed += got;
    this.#feed.emit("data", chunk.subarray(0, got));
    return true;
  }

  #begun(header: GlobalHeader): void {
    const { majorVersion, minorVersion } = header;
    if (majorVersion !== 2 || minorVersion !== 4) {
      this.#failure = new Error(`version ${majorVersion}.${minorVersion}, not 2.4`);
      return;
    }
    this.#accounted = FILE_HEADER_BYTES;
    this.#limit = largestCaptured(header.snapshotLength);
    this.interfaces.push({
      linkType: header.linkLayerType & 0xffff,
      name: null,
      snapLength: header.snapshotLength,
      fcsBytes: (header.linkLayerType & 0x0400_0000) === 0 ? 0 : (header.linkLayerType >>> 28) * 2,
    });
  }

  #take(header: PacketHeader, data: Buffer): void {
    const batch = this.#batch;
    const index = batch.count++;
    const carried = Math.floor(header.timestampMicroseconds / MICROSECONDS);
    if (carried > 0) this.odd++;
    this.#makeRoom(data.length);
    this.#bytes.set(data, this.#filled);
    batch.offset[index] = this.#filled;
    batch.capturedBytes[index] = data.length;
    batch.originalBytes[index] = header.originalLength;
    batch.tsSec[index] = header.timestampSeconds + carried;
    batch.tsNsec[index] = (header.timestampMicroseconds - carried * MICROSECONDS) * 1000;
    this.#filled += data.length;
    this.#accounted += RECORD_HEADER_BYTES + data.length;
    this.#packets++;
  }

  #makeRoom(count: number): void {
    const needed = this.#filled + count;
    if (needed <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(needed, 2 * this.#bytes.length, this.#chunkBytes));
    larger.set(this.#bytes.subarray(0, this.#filled));
    this.#bytes = larger;
  }

  #lengthFault(): string {
    return `packet ${this.#packets + 1} claims ${this.#tooLong} captured bytes, more than the ${this.#limit} this file can hold`;
  }

  #end(): void {
    this.#done = true;
    const left = this.#fed - this.#accounted;
    if (left > 0) this.#stop(`the file ends after ${left} bytes of packet ${this.#packets + 1}`, true);
  }

  #stop(reason: string, ended: boolean): void {
    this.#done = true;
    const offset = this.#accounted;
    const { total } = this.#source;
    const end = ended ? this.#fed : total === null ? null : Math.max(total, this.#fed);
    this.damage = { offset, reason, lostBytes: end === null ? null : end - offset };
  }
}
