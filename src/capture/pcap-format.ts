/* Packets as a classic capture file, little-endian; pcap-source.ts has the picture. */
import type { CaptureInterface, PacketBatch } from "./batch.js";
import { FCS_PRESENT, Magic, PCAP_FILE_HEADER_BYTES, RECORD_HEADER_BYTES } from "./pcap-source.js";
import { LARGEST_WRITTEN_BYTES, type RecordBuffer } from "./record-buffer.js";
import type { Bounds, SaveFormat } from "./save-format.js";

const HEADER = RECORD_HEADER_BYTES;
const LARGEST = LARGEST_WRITTEN_BYTES;
/** Largest frame check sequence that the file header can tell, in bytes; it counts in words of two. */
const LARGEST_FCS_BYTES = 30;

/** pcap knows one interface: several may share a file where their packets begin and end alike. */
export class PcapFormat implements SaveFormat {
  readonly latest = 0xffff_ffff;
  readonly countsBytes = 0;
  readonly nameBytes = 0;
  readonly #nanoseconds: boolean;
  readonly #snapLength: number | undefined;
  #first: CaptureInterface | null = null;

  /**
   * With `nanoseconds` false times are cut off at the microsecond, for readers that know nothing finer. `snapLength`:
   * 0 for any, by default that of the first interface.
   */
  constructor(nanoseconds: boolean, snapLength?: number) {
    this.#nanoseconds = nanoseconds;
    this.#snapLength = snapLength;
  }

  begin(): void {
    this.#first = null;
  }

  describe(out: RecordBuffer, one: CaptureInterface): string | null {
    const { linkType, fcsBytes = 0 } = one;
    if (this.#first !== null) {
      if (linkType !== this.#first.linkType)
        return `has packets of link types ${this.#first.linkType} and ${linkType}, a pcap has one; write pcapng`;
      if (fcsBytes !== (this.#first.fcsBytes ?? 0))
        return "has packets with and without a frame check sequence, a pcap cannot tell them apart; write pcapng";
      if (this.#longest(one) > this.#longest(this.#first))
        return `has an interface with longer packets than the ${this.#longest(this.#first)} bytes that its beginning tells of; write pcapng`;
      return null;
    }
    if (fcsBytes > LARGEST_FCS_BYTES || fcsBytes % 2 !== 0)
      return `has a frame check sequence of ${fcsBytes} bytes, which a pcap cannot tell; write pcapng`;
    this.#first = one;
    const { view, at } = out;
    view.setUint32(at, this.#nanoseconds ? Magic.nano : Magic.micro, true);
    view.setUint16(at + 4, 2, true);
    view.setUint16(at + 6, 4, true);
    view.setUint32(at + 8, 0, true);
    view.setUint32(at + 12, 0, true);
    view.setUint32(at + 16, this.#longest(one), true);
    view.setUint32(
      at + 20,
      fcsBytes === 0 ? linkType : linkType | FCS_PRESENT | ((fcsBytes / 2) << 28),
      true,
    );
    out.at = at + PCAP_FILE_HEADER_BYTES;
    return null;
  }

  /** The snapshot length that is told where this is the first interface. */
  #longest({ snapLength }: CaptureInterface): number {
    return (this.#snapLength ?? snapLength) || LARGEST;
  }

  recordBytes(captured: number): number {
    return HEADER + captured;
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
    const { offset, capturedBytes, originalBytes, tsSec, tsNsec } = batch;
    const { end, earliest, latest } = bounds;
    const nanoseconds = this.#nanoseconds;
    const last = offset[rows[to - 1]] + capturedBytes[rows[to - 1]];
    out.unstage();
    let at = out.at;
    let row = from;
    for (; row < to; row++) {
      const i = rows[row];
      const captured = capturedBytes[i];
      const seconds = tsSec[i];
      const next = at + HEADER + captured;
      if (captured > LARGEST || next > end || seconds < earliest || seconds > latest) break;
      const moved = out.staged(batch, offset[i], captured, last);
      view.setUint32(at, seconds, true);
      view.setUint32(at + 4, nanoseconds ? tsNsec[i] : (tsNsec[i] / 1000) | 0, true);
      view.setUint32(at + 8, captured, true);
      view.setUint32(at + 12, originalBytes[i], true);
      bytes.copyWithin(at + HEADER, moved, moved + captured);
      at = next;
    }
    out.at = at;
    return row;
  }

  counts(): void {}

  names(): void {}

  wholeBytes({ view }: RecordBuffer, length: number): number {
    let at = 0;
    while (at + HEADER <= length) {
      const next = at + HEADER + view.getUint32(at + 8, true);
      if (next > length) break;
      at = next;
    }
    return at;
  }
}
