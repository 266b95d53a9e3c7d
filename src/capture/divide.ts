/*
 * Where a capture file can be cut, so that its parts are read at the same time. Records do not say where they
 * begin: a place is guessed from a chain of records that make sense one after the other. That is no proof; it is
 * proved by the part before, when its last record ends exactly there.
 */
import { type FileHandle, open } from "node:fs/promises";
import type { FilePart } from "./byte-source.js";
import { isPcapMagic, largestCaptured, PCAP_FILE_HEADER_BYTES, readPcapHeader } from "./pcap-source.js";
import { isLittleEndian, isPcapngMagic, SECTION_BYTES } from "./pcapng-section.js";

/** Bytes that are searched for a beginning, and a chain's length from which on it is believed. */
const WINDOW_BYTES = 1024 * 1024;
const CHAIN_RECORDS = 32;
const CHAIN_BYTES = WINDOW_BYTES / 2;

/** Bytes of a pcapng file before its first packet at most. */
const LARGEST_PRELUDE_BYTES = 64 * 1024;
const LARGEST_BLOCK_BYTES = 16 * 1024 * 1024;
const ENHANCED_PACKET = 6;
const INTERFACE = 1;
/** Packet blocks of all kinds, of which only Enhanced ones say all of their packet. */
const PACKET_TYPES: ReadonlySet<number> = new Set([2, 3, ENHANCED_PACKET]);
/** Block types from 1 on that are read or passed over all the time: interfaces to systemd journal entries. */
const LAST_USUAL_TYPE = 10;
/** Years between the packets of a file at most, in seconds. */
const SPAN_SECONDS = 10 * 366 * 86_400;

/** Where the record after the one at `at` begins, or -1 where there is none that makes sense. */
type Step = (view: DataView, at: number) => number;

interface Shape {
  /** Bytes before the first packet. */
  readonly prelude: number;
  /** Interfaces described there. */
  readonly interfaces: number;
  /** What offsets of records are multiples of. */
  readonly unit: number;
  readonly step: Step;
  /** Whether a part may begin with the record at `at`. */
  readonly isBeginning: (view: DataView, at: number) => boolean;
}

/**
 * Divides an uncompressed pcap or pcapng file into about equal parts; null where it is none, or no place to cut
 * was found. A part is good where all before it have ended exactly, without damage, and none has described
 * interfaces of its own.
 */
export async function divide(name: string, parts: number): Promise<FilePart[] | null> {
  let file: FileHandle;
  try {
    file = await open(name, "r");
  } catch {
    // Whoever reads it says what is wrong.
    return null;
  }
  try {
    const { size } = await file.stat();
    const shape = shapeOf(await viewOf(file, 0, LARGEST_PRELUDE_BYTES));
    if (shape === null) return null;
    const cuts = [shape.prelude];
    for (let part = 1; part < parts; part++) {
      const near = shape.prelude + Math.floor(((size - shape.prelude) / parts) * part);
      const start = near - (near % shape.unit);
      const cut = beginning(await viewOf(file, start, WINDOW_BYTES), shape);
      if (cut < 0 || start + cut <= cuts[part - 1]) return null;
      cuts.push(start + cut);
    }
    const { prelude, interfaces } = shape;
    return cuts.map((start, part) => ({ prelude, interfaces, start, end: cuts[part + 1] ?? size }));
  } catch {
    return null;
  } finally {
    await file.close();
  }
}

async function viewOf(file: FileHandle, position: number, length: number): Promise<DataView> {
  const bytes = new Uint8Array(length);
  let have = 0;
  while (have < length) {
    const { bytesRead } = await file.read(bytes, have, length - have, position + have);
    if (bytesRead === 0) break;
    have += bytesRead;
  }
  return new DataView(bytes.buffer, 0, have);
}

/** Offset of the first record that a chain begins with, -1 without one. */
function beginning(view: DataView, { unit, step, isBeginning }: Shape): number {
  for (let at = 0; at < CHAIN_BYTES && at + PCAP_FILE_HEADER_BYTES < view.byteLength; at += unit) {
    if (!isBeginning(view, at)) continue;
    let next = at;
    let records = 0;
    while (next >= 0 && records < CHAIN_RECORDS && next - at < CHAIN_BYTES) {
      next = step(view, next);
      records++;
    }
    if (next >= 0) return at;
  }
  return -1;
}

function shapeOf(view: DataView): Shape | null {
  if (view.byteLength < SECTION_BYTES) return null;
  const bytes = new Uint8Array(view.buffer, 0, view.byteLength);
  if (isPcapMagic(bytes)) return pcapShape(view);
  return isPcapngMagic(bytes) ? pcapngShape(view) : null;
}

function pcapShape(head: DataView): Shape | null {
  const { littleEndian, nanoseconds, modified, minorVersion, snapLength } = readPcapHeader(head, 0);
  if (modified || minorVersion !== 4 || head.byteLength < PCAP_FILE_HEADER_BYTES + 16) return null;
  const units = nanoseconds ? 1_000_000_000 : 1_000_000;
  const largest = largestCaptured(snapLength);
  const first = head.getUint32(PCAP_FILE_HEADER_BYTES, littleEndian);
  const step: Step = (view, at) => {
    if (at + 16 > view.byteLength) return -1;
    const captured = view.getUint32(at + 8, littleEndian);
    const makesSense =
      captured > 0 &&
      captured <= largest &&
      view.getUint32(at + 12, littleEndian) >= captured &&
      view.getUint32(at + 4, littleEndian) < units &&
      Math.abs(view.getUint32(at, littleEndian) - first) < SPAN_SECONDS;
    return makesSense ? at + 16 + captured : -1;
  };
  return { prelude: PCAP_FILE_HEADER_BYTES, interfaces: 1, unit: 1, step, isBeginning: () => true };
}

function pcapngShape(head: DataView): Shape | null {
  const littleEndian = isLittleEndian(head, 0);
  const step: Step = (view, at) => {
    if (at + 12 > view.byteLength) return -1;
    const type = view.getUint32(at, littleEndian);
    const length = view.getUint32(at + 4, littleEndian);
    if (type === 0 || type > LAST_USUAL_TYPE || length < 12 || (length & 3) !== 0) return -1;
    if (length > LARGEST_BLOCK_BYTES || at + length > view.byteLength) return -1;
    return view.getUint32(at + length - 4, littleEndian) === length ? at + length : -1;
  };
  const typeAt = (view: DataView, at: number): number => view.getUint32(at, littleEndian);
  // Everything up to the first packet belongs to every part.
  let prelude = head.getUint32(4, littleEndian);
  let interfaces = 0;
  while (prelude > 0 && prelude + 12 <= head.byteLength && !PACKET_TYPES.has(typeAt(head, prelude))) {
    if (typeAt(head, prelude) === INTERFACE) interfaces++;
    prelude = step(head, prelude);
  }
  if (prelude < 0 || prelude + 12 > head.byteLength || typeAt(head, prelude) !== ENHANCED_PACKET) return null;
  const isBeginning = (view: DataView, at: number): boolean => typeAt(view, at) === ENHANCED_PACKET;
  return { prelude, interfaces, unit: 4, step, isBeginning };
}
