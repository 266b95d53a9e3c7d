/*
 * pcapng, draft-ietf-opsawg-pcapng: a sequence of blocks, each
 *
 *  +---------------------------------------+
 *  | block type                            |  0
 *  | block total length, a multiple of 4   |  4
 *  | body                                  |  8
 *  | block total length again              |
 *  +---------------------------------------+
 *
 *  Section Header  magic 8, major 12, minor 14, section length 16 (not needed here: blocks tell their own)
 *  Enhanced Packet interface 8, time high 12, low 16, captured 20, original 24, data 28
 *  Packet (old)    interface 8 (16 bits), drops 10 (16 bits), then as Enhanced Packet
 *  Simple Packet   original 8, data 12
 */
import type { BlockLayout, CaptureInterface, RecordLayout, RecordRun } from "./batch.js";
import { BatchSource } from "./batch-source.js";
import type { BlockBuffer } from "./block-buffer.js";
import { CaptureError } from "./error.js";
import { INTERFACE_BLOCK_BYTES, readInterface } from "./pcapng-interface.js";
import { isLittleEndian, SECTION_BLOCK, SECTION_BYTES, sectionFault } from "./pcapng-section.js";
import type { TimestampClock } from "./pcapng-time.js";

export const Block = {
  section: SECTION_BLOCK,
  interface: 1,
  packet: 2,
  simplePacket: 3,
  enhancedPacket: 6,
} as const;

/** Bytes of the smallest block, and of packet blocks without data and options. */
const BLOCK_BYTES = 12;
export const PACKET_BYTES = 32;
const SIMPLE_PACKET_BYTES = 16;

/** Largest packet or interface block that is read (libpcap's bound too); other blocks may have any size. */
export const LARGEST_BLOCK_BYTES = 16 * 1024 * 1024;
/** Interfaces of one input at most: a batch numbers them with 16 bits. */
const LARGEST_INTERFACE_COUNT = 65_536;

/** Checks the first section header and returns the source. Throws a {@link CaptureError}. */
export async function openPcapng(buffer: BlockBuffer, capacity: number): Promise<PcapngSource> {
  const { name } = buffer.source;
  if (!(await buffer.fill(SECTION_BYTES))) {
    if (buffer.failure) throw buffer.failure;
    throw new CaptureError(
      "ERR_CAPTURE_FORMAT",
      name,
      `the pcapng section header ends at byte ${buffer.available} of ${SECTION_BYTES}; capture or copy the file again`,
      buffer.available,
    );
  }
  const wrong = sectionFault(buffer.view, buffer.start);
  if (wrong) throw new CaptureError("ERR_CAPTURE_FORMAT", name, `${wrong}; capture or convert it again`, 8);
  return new PcapngSource(buffer, capacity);
}

/**
 * Packets of a pcapng file. A Simple Packet has no time (0) and belongs to its section's first interface.
 * Blocks without packets are passed over, whatever their size, without being held in memory.
 */
export class PcapngSource extends BatchSource {
  readonly format = "pcapng";
  readonly interfaces: CaptureInterface[] = [];
  readonly #clocks: TimestampClock[] = [];
  /** Its `firstInterface` is the section's first one. */
  readonly #blocks: BlockLayout = { interfaces: this.interfaces, clocks: this.#clocks, firstInterface: 0 };
  readonly #layout: RecordLayout = {
    littleEndian: false,
    largest: LARGEST_BLOCK_BYTES,
    units: 0,
    nsecPerUnit: 0,
    linkType: -1,
    blocks: this.#blocks,
  };
  readonly #records: RecordRun;
  /** Total length of the block being passed over, whose last four bytes repeat it; 0 where there is none. */
  #passing = 0;
  /** Offset in the input of that block. */
  #passingOffset = 0;

  constructor(buffer: BlockBuffer, capacity: number) {
    super(buffer, capacity);
    this.needed = SECTION_BYTES;
    this.#records = { view: buffer.view, start: 0, end: 0, layout: this.#layout };
  }

  override records(): RecordRun | null {
    if (this.done) return null;
    const run = this.#records;
    run.view = this.buffer.view;
    run.start = this.buffer.start;
    // A block being passed over is no record.
    run.end = this.#passing > 0 ? run.start : this.buffer.end;
    return run;
  }

  protected override scan(): number {
    const { buffer } = this;
    const { view, end } = buffer;
    const { most } = this;
    let count = 0;
    if (this.#passing > 0 && !this.#finishPassing()) return 0;
    for (;;) {
      count = this.#run(count);
      if (count === most) break;
      const at = buffer.start;
      this.needed = BLOCK_BYTES;
      if (at + BLOCK_BYTES > end) break;
      const type = view.getUint32(at, this.#layout.littleEndian);
      if (type === Block.section) {
        if (!this.#beginSection(at, count)) break;
        continue;
      }
      const length = view.getUint32(at + 4, this.#layout.littleEndian);
      if (length < BLOCK_BYTES || (length & 3) !== 0) {
        if (count === 0) this.stop(lengthFault(length));
        break;
      }
      if (type === Block.enhancedPacket || type === Block.packet || type === Block.simplePacket) {
        if (!this.#isComplete(length, count)) break;
        const fault =
          view.getUint32(at + length - 4, this.#layout.littleEndian) !== length
            ? this.#trailerFault(at, length)
            : type === Block.simplePacket
              ? this.#simplePacket(at, length, count)
              : this.#packet(at, length, count, type);
        if (fault !== null) {
          if (count === 0) this.stop(fault);
          break;
        }
        count++;
        buffer.start = at + length;
      } else if (type === Block.interface) {
        if (!this.#isComplete(length, count)) break;
        const fault = this.#describe(at, length);
        if (fault !== null) {
          if (count === 0) this.stop(fault);
          break;
        }
        buffer.start = at + length;
      } else {
        this.#pass(length);
        if (!this.#finishPassing(count)) break;
      }
    }
    return count;
  }

  /**
   * Enters flawless Enhanced Packet Blocks for as long as they follow each other; returns the new count.
   * This is the hot loop: whatever else there is, it leaves to `scan`.
   */
  #run(from: number): number {
    const { buffer } = this;
    const { view, end } = buffer;
    const { offset, capturedBytes, originalBytes, tsSec, tsNsec, interfaceIndex } = this.batch;
    const { most } = this;
    const littleEndian = this.#layout.littleEndian;
    const clocks = this.#clocks;
    const firstInterface = this.#blocks.firstInterface;
    let at = buffer.start;
    let count = from;
    while (count < most && at + PACKET_BYTES <= end) {
      if (view.getUint32(at, littleEndian) !== Block.enhancedPacket) break;
      const length = view.getUint32(at + 4, littleEndian);
      const next = at + length;
      if (length < PACKET_BYTES || length > LARGEST_BLOCK_BYTES || (length & 3) !== 0 || next > end) break;
      const captured = view.getUint32(at + 20, littleEndian);
      const index = firstInterface + view.getUint32(at + 8, littleEndian);
      if (captured > length - PACKET_BYTES || index >= clocks.length) break;
      if (view.getUint32(next - 4, littleEndian) !== length) break;
      const clock = clocks[index];
      clock.convert(view.getUint32(at + 12, littleEndian), view.getUint32(at + 16, littleEndian));
      offset[count] = at + 28;
      capturedBytes[count] = captured;
      originalBytes[count] = view.getUint32(at + 24, littleEndian);
      tsSec[count] = clock.seconds;
      tsNsec[count] = clock.nanoseconds;
      interfaceIndex[count] = index;
      count++;
      at = next;
    }
    buffer.start = at;
    return count;
  }

  /** True where the block at the buffer's start is all there; else waits for it, or stops at one larger than any that is read. */
  #isComplete(length: number, count: number): boolean {
    if (length > LARGEST_BLOCK_BYTES) {
      if (count === 0)
        this.stop(`a block claims ${length} bytes, more than the ${LARGEST_BLOCK_BYTES} that are read`);
      return false;
    }
    this.needed = length;
    return this.buffer.available >= length;
  }

  /** Enters the Enhanced or old Packet Block at `at` as packet `count` of the batch; returns what is wrong with it, or null. */
  #packet(at: number, length: number, count: number, type: number): string | null {
    const { batch } = this;
    const { view } = this.buffer;
    const littleEndian = this.#layout.littleEndian;
    if (length < PACKET_BYTES) return `a packet block has ${length} bytes, fewer than ${PACKET_BYTES}`;
    const captured = view.getUint32(at + 20, littleEndian);
    if (captured > length - PACKET_BYTES)
      return `packet ${this.packets + count + 1} claims ${captured} captured bytes, its block has room for ${length - PACKET_BYTES}`;
    const index =
      this.#blocks.firstInterface +
      (type === Block.enhancedPacket
        ? view.getUint32(at + 8, littleEndian)
        : view.getUint16(at + 8, littleEndian));
    if (index >= this.interfaces.length) return this.#interfaceFault(index, count);
    const clock = this.#clocks[index];
    clock.convert(view.getUint32(at + 12, littleEndian), view.getUint32(at + 16, littleEndian));
    batch.offset[count] = at + 28;
    batch.capturedBytes[count] = captured;
    batch.originalBytes[count] = view.getUint32(at + 24, littleEndian);
    batch.tsSec[count] = clock.seconds;
    batch.tsNsec[count] = clock.nanoseconds;
    batch.interfaceIndex[count] = index;
    return null;
  }

  /** Enters the Simple Packet Block at `at`; returns what is wrong with it, or null. */
  #simplePacket(at: number, length: number, count: number): string | null {
    const { batch } = this;
    if (length < SIMPLE_PACKET_BYTES)
      return `a simple packet block has ${length} bytes, fewer than ${SIMPLE_PACKET_BYTES}`;
    const index = this.#blocks.firstInterface;
    if (index >= this.interfaces.length) return this.#interfaceFault(index, count);
    const original = this.buffer.view.getUint32(at + 8, this.#layout.littleEndian);
    const snapLength = this.interfaces[index].snapLength || original;
    const captured = Math.min(original, snapLength);
    if (captured > length - SIMPLE_PACKET_BYTES)
      return `packet ${this.packets + count + 1} needs ${captured} bytes, its block has room for ${length - SIMPLE_PACKET_BYTES}`;
    batch.offset[count] = at + 12;
    batch.capturedBytes[count] = captured;
    batch.originalBytes[count] = original;
    batch.tsSec[count] = 0;
    batch.tsNsec[count] = 0;
    batch.interfaceIndex[count] = index;
    return null;
  }

  /** Takes up the section whose header is at `at`. False where it has to wait or is damaged. */
  #beginSection(at: number, count: number): boolean {
    const { buffer } = this;
    this.needed = SECTION_BYTES;
    if (buffer.available < SECTION_BYTES) return false;
    const { view } = buffer;
    const littleEndian = isLittleEndian(view, at);
    const length = view.getUint32(at + 4, littleEndian);
    const fault =
      sectionFault(view, at) ?? (length < SECTION_BYTES || (length & 3) !== 0 ? lengthFault(length) : null);
    if (fault) {
      if (count === 0) this.stop(fault);
      return false;
    }
    this.#layout.littleEndian = littleEndian;
    this.#blocks.firstInterface = this.interfaces.length;
    this.#pass(length);
    return this.#finishPassing(count);
  }

  /** Enters the interface described at `at`; returns what is wrong with it, or null. */
  #describe(at: number, length: number): string | null {
    const { bytes, view } = this.buffer;
    if (view.getUint32(at + length - 4, this.#layout.littleEndian) !== length)
      return this.#trailerFault(at, length);
    if (length < INTERFACE_BLOCK_BYTES)
      return `an interface description has ${length} bytes, fewer than ${INTERFACE_BLOCK_BYTES}`;
    if (this.interfaces.length === LARGEST_INTERFACE_COUNT)
      return `more than ${LARGEST_INTERFACE_COUNT} interfaces are described; split the file with editcap`;
    const described = readInterface(bytes, view, at, length, this.#layout.littleEndian);
    if (typeof described === "string") return described;
    this.interfaces.push(described.shown);
    this.#clocks.push(described.clock);
    return null;
  }

  /** Begins to pass over the block of `length` bytes at the buffer's start. */
  #pass(length: number): void {
    this.#passing = length;
    this.#passingOffset = this.buffer.offset;
    this.buffer.skip(length - 4);
  }

  /** Checks the last four bytes of the block passed over once they are there; true then. */
  #finishPassing(count = 0): boolean {
    const { buffer } = this;
    this.needed = 4;
    if (buffer.available < 4) return false;
    const length = this.#passing;
    if (buffer.view.getUint32(buffer.start, this.#layout.littleEndian) !== length) {
      if (count === 0) this.stop(this.#trailerFault(buffer.start + 4 - length, length), this.#passingOffset);
      return false;
    }
    buffer.start += 4;
    this.#passing = 0;
    return true;
  }

  #trailerFault(at: number, length: number): string {
    const repeated = this.buffer.view.getUint32(at + length - 4, this.#layout.littleEndian);
    return `a block begins with length ${length} and ends with ${repeated}`;
  }

  #interfaceFault(index: number, count: number): string {
    const described = this.interfaces.length - this.#blocks.firstInterface;
    return `packet ${this.packets + count + 1} refers to interface ${index - this.#blocks.firstInterface}, ${described} are described in its section`;
  }

  protected override cut(): { offset: number; reason: string } | null {
    const { available, offset } = this.buffer;
    if (this.#passing > 0)
      return {
        offset: this.#passingOffset,
        reason: `the file ends within a block of ${this.#passing} bytes, after packet ${this.packets}`,
      };
    if (available === 0) return null;
    return {
      offset,
      reason: `the file ends after ${available} of ${this.needed} bytes of a block, after packet ${this.packets}`,
    };
  }
}

function lengthFault(length: number): string {
  return length < BLOCK_BYTES
    ? `a block claims ${length} bytes, fewer than the ${BLOCK_BYTES} any block has`
    : `a block claims ${length} bytes, not a multiple of 4`;
}
