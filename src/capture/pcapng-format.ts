/*
 * Packets as pcapng, little-endian, one section a file; pcapng-source.ts, pcapng-section.ts and
 * pcapng-interface.ts have the pictures. Times are nanoseconds.
 *
 *  Interface Statistics Block, draft-ietf-opsawg-pcapng section 4.6
 *  +---------------------------------------+
 *  | block type = 5                        |  0
 *  | block total length                    |  4
 *  | interface                             |  8
 *  | time, high half                       | 12
 *  | time, low half                        | 16
 *  | options: 64-bit counts                | 20
 *  | block total length                    |
 *  +---------------------------------------+
 *
 *  Name Resolution Block, section 4.5
 *  +---------------------------------------+
 *  | block type = 4                        |  0
 *  | block total length                    |  4
 *  | 1 IPv4, 2 IPv6    | bytes             |  8
 *  | address, name, 0, padded to 4 bytes   | 12
 *  | 0                 | 0                 |
 *  | block total length                    |
 *  +---------------------------------------+
 */
import type { CaptureInterface, PacketBatch, PacketComments } from "./batch.js";
import { NAME_BYTES, Option } from "./pcapng-interface.js";
import { BYTE_ORDER, MAJOR_VERSION, SECTION_BLOCK } from "./pcapng-section.js";
import { Block, PACKET_BYTES } from "./pcapng-source.js";
import { LARGEST_WRITTEN_BYTES, type RecordBuffer } from "./record-buffer.js";
import type { AddressName, Bounds, InterfaceCounts, SaveFormat } from "./save-format.js";

/** What a section says of its origin; each text is cut after 255 bytes. */
export interface SectionOrigin {
  /** The machine, for people: its processor. */
  readonly hardware?: string;
  /** The operating system. */
  readonly system?: string;
  /** The program that writes. */
  readonly application?: string;
}

const SectionOption = { hardware: 2, system: 3, application: 4 } as const;
const CountOption = { received: 4, droppedByDevice: 5, dropped: 7 } as const;
const COMMENT = 1;
const NAMES_BLOCK = 4;
/** Records of a names block, by the bytes of an address. */
const NameRecord = { 4: 1, 16: 2 } as const;
const STATISTICS_BLOCK = 5;
/** With all options. */
const COUNTS_BYTES = 64;
/** Around a name of any length, with the longest address. */
const LARGEST_NAME_BYTES = 40 + NAME_BYTES;

const ENHANCED_PACKET = Block.enhancedPacket;
const HEADER = PACKET_BYTES - 4;
const LARGEST = LARGEST_WRITTEN_BYTES;
/** if_tsresol: nanoseconds. */
const RESOLUTION = 9;
const NANO = 1_000_000_000;
const TWO_16 = 65_536;
const TWO_32 = 4_294_967_296;

const encoder = new TextEncoder();

export class PcapngFormat implements SaveFormat {
  /** The last whole second of 2^64 nanoseconds. */
  readonly latest = 18_446_744_072;
  readonly countsBytes = COUNTS_BYTES;
  readonly nameBytes = LARGEST_NAME_BYTES;
  readonly #origin: SectionOrigin;
  /** The two halves of the time stamp at which a second begins. */
  #high = 0;
  #low = 0;

  constructor(origin: SectionOrigin) {
    this.#origin = origin;
  }

  begin(out: RecordBuffer): void {
    const { view, at: start } = out;
    const { hardware, system, application } = this.#origin;
    view.setUint32(start + 8, BYTE_ORDER, true);
    view.setUint16(start + 12, MAJOR_VERSION, true);
    view.setUint16(start + 14, 0, true);
    view.setInt32(start + 16, -1, true);
    view.setInt32(start + 20, -1, true);
    out.at = start + 24;
    putText(out, SectionOption.hardware, hardware);
    putText(out, SectionOption.system, system);
    putText(out, SectionOption.application, application);
    endBlock(out, start, SECTION_BLOCK);
  }

  describe(out: RecordBuffer, one: CaptureInterface): null {
    const { view, at: start } = out;
    view.setUint16(start + 8, one.linkType, true);
    view.setUint16(start + 10, 0, true);
    view.setUint32(start + 12, one.snapLength, true);
    out.at = start + 16;
    putText(out, Option.name, one.name ?? undefined);
    putText(out, Option.description, one.description);
    putByte(out, Option.resolution, RESOLUTION);
    if (one.fcsBytes) putByte(out, Option.fcsBytes, one.fcsBytes);
    endBlock(out, start, Block.interface);
    return null;
  }

  recordBytes(captured: number, comment: number): number {
    return PACKET_BYTES + ((captured + 3) & ~3) + commentBytes(comment);
  }

  packets(
    out: RecordBuffer,
    batch: PacketBatch,
    rows: Int32Array,
    from: number,
    to: number,
    bounds: Bounds,
  ): number {
    const { bytes, view } = out;
    const { offset, capturedBytes, originalBytes, tsSec, tsNsec, interfaceIndex } = batch;
    const { end, earliest, latest } = bounds;
    const { comments } = batch;
    const commentLengths = comments === null ? null : comments.length;
    const last = offset[rows[to - 1]] + capturedBytes[rows[to - 1]];
    out.unstage();
    let second = -1;
    let high = 0;
    let low = 0;
    let at = out.at;
    let row = from;
    for (; row < to; row++) {
      const i = rows[row];
      const captured = capturedBytes[i];
      const seconds = tsSec[i];
      const padded = HEADER + ((captured + 3) & ~3);
      const said = commentLengths === null ? 0 : commentLengths[i];
      const length = padded + 4 + commentBytes(said);
      if (captured > LARGEST || at + length > end || seconds < earliest || seconds > latest) break;
      const moved = out.staged(batch, offset[i], captured, last);
      if (seconds !== second) {
        this.#stamp(seconds);
        high = this.#high;
        low = this.#low;
        second = seconds;
      }
      const stamp = low + tsNsec[i];
      // First what pads the packet: all that is no padding is written over.
      view.setUint32(at + padded - 4, 0, true);
      view.setUint32(at, ENHANCED_PACKET, true);
      view.setUint32(at + 4, length, true);
      view.setUint32(at + 8, interfaceIndex[i], true);
      view.setUint32(at + 12, stamp < TWO_32 ? high : high + 1, true);
      view.setUint32(at + 16, stamp, true);
      view.setUint32(at + 20, captured, true);
      view.setUint32(at + 24, originalBytes[i], true);
      view.setUint32(at + length - 4, length, true);
      bytes.copyWithin(at + HEADER, moved, moved + captured);
      if (said !== 0) putComment(view, at + padded, comments as PacketComments, i);
      at += length;
    }
    out.at = at;
    return row;
  }

  counts(out: RecordBuffer, index: number, counts: InterfaceCounts, milliseconds: number): void {
    const { view, at: start } = out;
    const seconds = Math.floor(milliseconds / 1000);
    this.#stamp(seconds);
    const stamp = this.#low + (milliseconds - seconds * 1000) * 1_000_000;
    view.setUint32(start + 8, index, true);
    view.setUint32(start + 12, stamp < TWO_32 ? this.#high : this.#high + 1, true);
    view.setUint32(start + 16, stamp, true);
    out.at = start + 20;
    putCount(out, CountOption.received, counts.received);
    if (counts.droppedByDevice !== null) putCount(out, CountOption.droppedByDevice, counts.droppedByDevice);
    if (counts.dropped !== null) putCount(out, CountOption.dropped, counts.dropped);
    endBlock(out, start, STATISTICS_BLOCK);
  }

  names(out: RecordBuffer, { address, name }: AddressName): void {
    const { bytes, view, at: start } = out;
    const value = start + 12;
    bytes.set(address, value);
    const text = value + address.length;
    const end = text + encoder.encodeInto(name, bytes.subarray(text, text + NAME_BYTES)).written;
    bytes.fill(0, end, end + 4);
    view.setUint16(start + 8, NameRecord[address.length as 4 | 16], true);
    view.setUint16(start + 10, end + 1 - value, true);
    out.at = value + ((end + 4 - value) & ~3);
    endBlock(out, start, NAMES_BLOCK);
  }

  wholeBytes({ view }: RecordBuffer, length: number): number {
    let at = 0;
    while (at + 8 <= length) {
      const next = at + view.getUint32(at + 4, true);
      if (next > length) break;
      at = next;
    }
    return at;
  }

  /** Sets both halves for a second of 0 to `latest`. Every intermediate value is an integer below 2^53. */
  #stamp(seconds: number): void {
    const upper = Math.floor(seconds / TWO_16) * NANO;
    const lower = (upper % TWO_16) * TWO_16 + (seconds % TWO_16) * NANO;
    this.#high = Math.floor(upper / TWO_16) + Math.floor(lower / TWO_32);
    this.#low = lower % TWO_32;
  }
}

/** Bytes that a comment takes of a record, with the end of the options; 0 where there is none. */
function commentBytes(length: number): number {
  return length === 0 ? 0 : 8 + ((length + 3) & ~3);
}

/** Writes the comment of packet `i` and the end of the options behind it. */
function putComment(out: DataView, start: number, comments: PacketComments, i: number): void {
  const { view, start: starts, length: lengths } = comments;
  const length = lengths[i];
  const from = starts[i];
  out.setUint16(start, COMMENT, true);
  out.setUint16(start + 2, length, true);
  const value = start + 4;
  for (let at = 0; at < length; at += 4) out.setInt32(value + at, view.getInt32(from + at));
  const end = value + ((length + 3) & ~3);
  for (let at = value + length; at < end; at++) out.setUint8(at, 0);
  out.setUint32(end, Option.end, true);
}

/** Writes an option's header; its value goes behind it, padded to four bytes. */
function putOption({ view, at }: RecordBuffer, code: number, size: number): void {
  view.setUint16(at, code, true);
  view.setUint16(at + 2, size, true);
}

/** A text as UTF-8; whole characters only are kept. */
function putText(out: RecordBuffer, code: number, text = ""): void {
  const value = out.at + 4;
  const size = encoder.encodeInto(text, out.bytes.subarray(value, value + NAME_BYTES)).written;
  if (size === 0) return;
  const end = value + ((size + 3) & ~3);
  out.bytes.fill(0, value + size, end);
  putOption(out, code, size);
  out.at = end;
}

function putByte(out: RecordBuffer, code: number, value: number): void {
  const { view, at } = out;
  putOption(out, code, 1);
  view.setUint32(at + 4, value, true);
  out.at = at + 8;
}

/** A whole number of 0 to 2^53. */
function putCount(out: RecordBuffer, code: number, count: number): void {
  const { view, at } = out;
  putOption(out, code, 8);
  view.setUint32(at + 4, count % TWO_32, true);
  view.setUint32(at + 8, Math.floor(count / TWO_32), true);
  out.at = at + 12;
}

/** Ends the options of the block that began at `start`, and the block. */
function endBlock(out: RecordBuffer, start: number, type: number): void {
  const { view, at } = out;
  const length = at + 8 - start;
  view.setUint32(at, Option.end, true);
  view.setUint32(start, type, true);
  view.setUint32(start + 4, length, true);
  view.setUint32(at + 4, length, true);
  out.at = at + 8;
}
