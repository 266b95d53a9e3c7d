/*
 * The classic capture file, draft-ietf-opsawg-pcap and pcap-savefile(5).
 *
 *  file header, 24 bytes                            record header, 16 bytes (24 in the modified format)
 *  +---------------------------------------+        +---------------------------------------+
 *  | magic: byte order, unit, variant      |  0     | seconds since 1970                    |  0
 *  | major version     | minor version     |  4     | micro- or nanoseconds                 |  4
 *  | reserved (time zone)                  |  8     | captured bytes                        |  8
 *  | reserved (accuracy)                   | 12     | original bytes                        | 12
 *  | snapshot length                       | 16     | (modified: interface, protocol, type) | 16
 *  | FCS words, f, reserved | LINKTYPE_    | 20     +---------------------------------------+
 *  +---------------------------------------+
 */
import type { CaptureInterface, RecordLayout, RecordRun } from "./batch.js";
import { BatchSource } from "./batch-source.js";
import type { BlockBuffer } from "./block-buffer.js";
import { CaptureError } from "./error.js";

export const PCAP_FILE_HEADER_BYTES = 24;
export const RECORD_HEADER_BYTES = 16;
const MODIFIED_RECORD_HEADER_BYTES = 24;

/** Largest captured length believed where the file names no larger snapshot length; libpcap's own bound. */
export const USUAL_CAPTURED_BYTES = 262_144;
/** Largest captured length believed in any file: a wrong length must not cost the memory it claims. */
export const LARGEST_CAPTURED_BYTES = 16 * 1024 * 1024;

/** The magic numbers as a big-endian reader sees them. */
export const Magic = { micro: 0xa1b2c3d4, nano: 0xa1b23c4d, modified: 0xa1b2cd34 } as const;

export const FCS_PRESENT = 0x0400_0000;

/** What the file header says. */
export interface PcapHeader {
  readonly littleEndian: boolean;
  /** Time fractions are nanoseconds, not microseconds. */
  readonly nanoseconds: boolean;
  /** Alexey Kuznetzov's variant with 24-byte record headers, written by old Red Hat and SuSE systems. */
  readonly modified: boolean;
  readonly majorVersion: number;
  readonly minorVersion: number;
  readonly snapLength: number;
  readonly linkType: number;
  /** Bytes of frame check sequence at each packet's end; 0 where the file does not say. */
  readonly fcsBytes: number;
}

/** True where the four bytes at `start` begin a pcap file. */
export function isPcapMagic(bytes: Uint8Array, start = 0): boolean {
  if (bytes.length < start + 4) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset + start, 4);
  return known(view.getUint32(0)) || known(view.getUint32(0, true));
}

function known(magic: number): boolean {
  return magic === Magic.micro || magic === Magic.nano || magic === Magic.modified;
}

/** Reads the 24 bytes at `start`, which must be there and begin with a known magic number. */
export function readPcapHeader(view: DataView, start: number): PcapHeader {
  const littleEndian = !known(view.getUint32(start));
  const magic = view.getUint32(start, littleEndian);
  const linkField = view.getUint32(start + 20, littleEndian);
  return {
    littleEndian,
    nanoseconds: magic === Magic.nano,
    modified: magic === Magic.modified,
    majorVersion: view.getUint16(start + 4, littleEndian),
    minorVersion: view.getUint16(start + 6, littleEndian),
    snapLength: view.getUint32(start + 16, littleEndian),
    linkType: linkField & 0xffff,
    fcsBytes: (linkField & FCS_PRESENT) === 0 ? 0 : (linkField >>> 28) * 2,
  };
}

/** The captured length from which on a record of this file is taken for damage, in bytes. */
export function largestCaptured(snapLength: number): number {
  return Math.min(LARGEST_CAPTURED_BYTES, Math.max(USUAL_CAPTURED_BYTES, snapLength));
}

/** Reads the file header and leaves the buffer at the first record. Throws a {@link CaptureError}. */
export async function openPcap(buffer: BlockBuffer, capacity: number): Promise<PcapSource> {
  const { name } = buffer.source;
  if (!(await buffer.fill(PCAP_FILE_HEADER_BYTES))) {
    if (buffer.failure) throw buffer.failure;
    throw new CaptureError(
      "ERR_CAPTURE_FORMAT",
      name,
      `the pcap file header ends at byte ${buffer.available} of ${PCAP_FILE_HEADER_BYTES}; capture or copy the file again`,
      buffer.available,
    );
  }
  const header = readPcapHeader(buffer.view, buffer.start);
  // As libpcap: 2.4 is the last version, older ones differ in the order of the lengths at most.
  if (header.majorVersion !== 2 || header.minorVersion > 4)
    throw new CaptureError(
      "ERR_CAPTURE_FORMAT",
      name,
      `pcap version ${header.majorVersion}.${header.minorVersion} at byte 4 is not one that is read here (up to 2.4); convert the file with editcap`,
      4,
    );
  buffer.start += PCAP_FILE_HEADER_BYTES;
  return new PcapSource(buffer, header, capacity);
}

/** Packets of a pcap file. A fraction of a second beyond its unit is carried into the seconds and counted in `odd`. */
export class PcapSource extends BatchSource {
  readonly format = "pcap";
  readonly header: PcapHeader;
  readonly isMicroseconds: boolean;
  readonly interfaces: readonly CaptureInterface[];
  readonly #headerBytes: number;
  readonly #limit: number;
  /** Offsets in the record header of the two lengths, which files before version 2.3 swap. */
  readonly #capturedAt: number;
  readonly #originalAt: number;
  readonly #layout: RecordLayout;
  readonly #records: RecordRun | null;
  /** Version 2.3 was written both ways: the smaller length is the captured one. */
  readonly #eitherOrder: boolean;

  constructor(buffer: BlockBuffer, header: PcapHeader, capacity: number) {
    super(buffer, capacity);
    this.header = header;
    this.isMicroseconds = !header.nanoseconds;
    const { linkType, snapLength, fcsBytes, minorVersion } = header;
    this.interfaces = [{ linkType, name: null, snapLength, fcsBytes }];
    this.#headerBytes = header.modified ? MODIFIED_RECORD_HEADER_BYTES : RECORD_HEADER_BYTES;
    this.#limit = largestCaptured(snapLength);
    this.#capturedAt = minorVersion < 3 ? 12 : 8;
    this.#originalAt = minorVersion < 3 ? 8 : 12;
    this.#eitherOrder = minorVersion === 3;
    this.#layout = {
      littleEndian: header.littleEndian,
      units: header.nanoseconds ? 1_000_000_000 : 1_000_000,
      nsecPerUnit: header.nanoseconds ? 1 : 1000,
      largest: this.#limit,
      linkType,
      blocks: null,
    };
    const plain = !header.modified && minorVersion === 4;
    this.#records = plain ? { view: buffer.view, start: 0, end: 0, layout: this.#layout } : null;
  }

  override records(): RecordRun | null {
    const run = this.#records;
    if (run === null || this.done) return null;
    run.view = this.buffer.view;
    run.start = this.buffer.start;
    run.end = this.buffer.end;
    return run;
  }

  protected override scan(): number {
    const { buffer } = this;
    const { view, end } = buffer;
    const { offset, capturedBytes, originalBytes, tsSec, tsNsec } = this.batch;
    const { most } = this;
    const littleEndian = this.header.littleEndian;
    const headerBytes = this.#headerBytes;
    const capturedAt = this.#capturedAt;
    const originalAt = this.#originalAt;
    const eitherOrder = this.#eitherOrder;
    const limit = this.#limit;
    const unitsPerSecond = this.#layout.units;
    const nanosecondsPerUnit = this.#layout.nsecPerUnit;
    let at = buffer.start;
    let count = 0;
    let needed = headerBytes;
    while (count < most) {
      const data = at + headerBytes;
      if (data > end) break;
      let captured = view.getUint32(at + capturedAt, littleEndian);
      let original = view.getUint32(at + originalAt, littleEndian);
      if (eitherOrder && captured > original) {
        const larger = captured;
        captured = original;
        original = larger;
      }
      if (captured > limit) {
        // What came before goes out first; the next call finds this record at the buffer's start.
        if (count === 0) this.#tooLong(captured);
        break;
      }
      const next = data + captured;
      if (next > end) {
        needed = headerBytes + captured;
        break;
      }
      let seconds = view.getUint32(at, littleEndian);
      let fraction = view.getUint32(at + 4, littleEndian);
      if (fraction >= unitsPerSecond) {
        const carried = Math.floor(fraction / unitsPerSecond);
        seconds += carried;
        fraction -= carried * unitsPerSecond;
        this.odd++;
      }
      offset[count] = data;
      capturedBytes[count] = captured;
      originalBytes[count] = original;
      tsSec[count] = seconds;
      tsNsec[count] = fraction * nanosecondsPerUnit;
      count++;
      at = next;
    }
    buffer.start = at;
    this.needed = needed;
    return count;
  }

  #tooLong(captured: number): void {
    this.stop(
      `packet ${this.packets + 1} claims ${captured} captured bytes, more than the ${this.#limit} this file can hold`,
    );
  }

  protected override cut(): { offset: number; reason: string } | null {
    const { available, offset } = this.buffer;
    if (available === 0) return null;
    const number = this.packets + 1;
    const reason =
      available < this.#headerBytes
        ? `the file ends after ${available} of ${this.#headerBytes} bytes of the header of packet ${number}`
        : `the file ends after ${available - this.#headerBytes} of ${this.needed - this.#headerBytes} bytes of packet ${number}`;
    return { offset, reason };
  }
}
