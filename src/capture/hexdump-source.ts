import { LinkType } from "../wire/linktype.js";
import { SLL_HEADER_BYTES, SLL2_HEADER_BYTES } from "../wire/sll.js";
import type { CaptureInterface, PacketBatch } from "./batch.js";
import { BatchSource } from "./batch-source.js";
import type { BlockBuffer } from "./block-buffer.js";
import { CaptureError } from "./error.js";
import { beginsWithIp, bytesByIp, cookedVersion } from "./hexdump-link.js";
import { HexLine, type SummaryTime, summaryTime } from "./hexdump-text.js";
import { USUAL_CAPTURED_BYTES } from "./pcap-source.js";

/** What the dumped packets begin with; `auto` decides packet by packet. */
export type HexDumpLink = "auto" | "ethernet" | "ip";

/** Longer lines are no part of a dump; what is beyond is not looked at. */
const LONGEST_LINE = 4096;
/** Characters at a line's start in which a time is looked for. */
const TIME_CHARACTERS = 80;
/** Text read at most before the first line of a dump. */
const LONGEST_PREFACE = 1024 * 1024;

const NEWLINE = 0x0a;
const RETURN = 0x0d;

const text = new TextDecoder("latin1");

/** Reads up to the first line of a dump. Throws a {@link CaptureError} where the input is no text or has none. */
export async function openHexDump(
  buffer: BlockBuffer,
  capacity: number,
  link: HexDumpLink,
): Promise<HexDumpSource> {
  const source = new HexDumpSource(buffer, capacity, link);
  await source.begin();
  return source;
}

/**
 * Packets out of the text of `tcpdump -x`, `-xx`, `-X` or `-XX`, whatever stands around them. Interface 0 is
 * Ethernet, interface 1 begins at the IP header.
 *
 * A packet begins with offset 0 and goes on for as long as offsets follow each other; blank lines do not
 * matter, any other text ends it. Where a line does not continue its packet (another offset, something that
 * is not hexadecimal) the packet ends with what there is and `odd` counts one; lines up to the next offset 0
 * are dropped. `originalBytes` is what the IP header says where that is more than was dumped. A packet takes
 * its time from the last summary line before it, else it has none (0). Bare strings of hexadecimal digits
 * without offsets are not packets.
 */
export class HexDumpSource extends BatchSource {
  readonly format = "hexdump";
  /** Grows with the link types met. */
  readonly interfaces: CaptureInterface[] = [];
  readonly #link: HexDumpLink;
  readonly #line = new HexLine();
  /** The packets' bytes: complete ones from 0, then the one that is still growing. */
  #out: Uint8Array;
  #outView: DataView;
  /** The growing packet, `#packetEnd` where it has no byte yet. */
  #packetStart = 0;
  #packetEnd = 0;
  #packetTime: SummaryTime | null = null;
  /** Complete packets of the batch. */
  #count = 0;
  /** Lines are dropped until the next offset 0. */
  #dropping = false;
  /** The rest of a line too long to look at. */
  #skippingLine = false;
  #time: SummaryTime | null = null;
  #sawDump = false;
  /** Offset in the input of a byte no text has, seen before the first line of a dump; else -1. */
  #binaryAt = -1;

  constructor(buffer: BlockBuffer, capacity: number, link: HexDumpLink) {
    super(buffer, capacity);
    this.#link = link;
    this.#out = new Uint8Array(USUAL_CAPTURED_BYTES + LONGEST_LINE);
    this.#outView = new DataView(this.#out.buffer);
  }

  /** Reads on until the first line of a dump. Throws a {@link CaptureError} where there is none. */
  async begin(): Promise<void> {
    const { buffer } = this;
    while (!this.#sawDump && buffer.offset <= LONGEST_PREFACE) {
      buffer.reserve(this.needed);
      const more = await buffer.more();
      this.#parseLines(true);
      if (this.#binaryAt >= 0) throw this.#notText(this.#binaryAt);
      if (!more) break;
    }
    if (this.#sawDump) return;
    if (buffer.failure) throw buffer.failure;
    throw new CaptureError(
      "ERR_CAPTURE_FORMAT",
      this.name,
      "is neither pcap nor pcapng nor text with a hex dump; give a capture, or the output of tcpdump -xx",
      0,
    );
  }

  #notText(offset: number): CaptureError {
    return new CaptureError(
      "ERR_CAPTURE_FORMAT",
      this.name,
      `is neither pcap nor pcapng nor text (byte ${offset}); check that it is the right file`,
      offset,
    );
  }

  protected override scan(): number {
    // What the last batch showed is free again; the growing packet moves to the front.
    this.#out.copyWithin(0, this.#packetStart, this.#packetEnd);
    this.#packetEnd -= this.#packetStart;
    this.#packetStart = 0;
    this.#count = 0;
    this.#parseLines(false);
    if (this.#isOver() && this.#count < this.batch.capacity) this.#endPacket();
    return this.#count;
  }

  protected override deliver(count: number): PacketBatch {
    const batch = super.deliver(count);
    batch.bytes = this.#out;
    batch.view = this.#outView;
    return batch;
  }

  /** The end of the text ends the last line and the last packet, so both are taken first. */
  protected override finish(): void {
    if (this.#isOver() && this.#packetStart === this.#packetEnd) super.finish();
  }

  #isOver(): boolean {
    return this.buffer.ended && this.buffer.available === 0;
  }

  protected override cut(): null {
    return null;
  }

  /** Takes the complete lines of the buffer, until the batch is full; with `preface` only up to the first of a dump. */
  #parseLines(preface: boolean): void {
    const { buffer } = this;
    const { capacity } = this.batch;
    this.needed = 1;
    while (this.#count < capacity && !(preface && this.#sawDump)) {
      const { bytes, start, end } = buffer;
      if (start === end) break;
      const newline = bytes.indexOf(NEWLINE, start);
      let next = newline + 1;
      let lineEnd = newline;
      if (newline < 0 || newline >= end) {
        const length = end - start;
        if (length < LONGEST_LINE && !buffer.ended) {
          this.needed = length + 1;
          break;
        }
        next = end;
        lineEnd = end;
      }
      // A line without its end in sight: look at its first part, pass the rest.
      const skip = this.#skippingLine;
      this.#skippingLine = next === lineEnd && !buffer.ended;
      if (!skip) {
        if (this.#packetEnd + LONGEST_LINE > this.#out.length && this.#count > 0) break;
        this.#takeLine(bytes, start, Math.min(lineEnd, start + LONGEST_LINE));
      }
      buffer.start = next;
    }
  }

  #takeLine(bytes: Uint8Array, lineStart: number, lineEnd: number): void {
    // A byte order mark is no part of the line.
    const marked =
      bytes[lineStart] === 0xef && bytes[lineStart + 1] === 0xbb && bytes[lineStart + 2] === 0xbf;
    const start = marked ? Math.min(lineStart + 3, lineEnd) : lineStart;
    let end = lineEnd;
    while (end > start && (bytes[end - 1] === RETURN || bytes[end - 1] === 0x20 || bytes[end - 1] === 0x09))
      end--;
    if (end === start) return;
    const line = this.#line;
    if (!line.parse(bytes, start, end)) {
      if (!this.#sawDump) this.#checkText(bytes, start, end);
      this.#endPacket();
      this.#dropping = false;
      const shown = text.decode(bytes.subarray(start, Math.min(end, start + TIME_CHARACTERS)));
      this.#time = summaryTime(shown) ?? this.#time;
      return;
    }
    this.#sawDump = true;
    if (line.offset === 0) {
      this.#endPacket();
      this.#dropping = false;
      this.#packetTime = this.#time;
      this.#time = null;
    } else if (this.#dropping) {
      return;
    } else if (line.offset !== this.#packetEnd - this.#packetStart || line.offset > USUAL_CAPTURED_BYTES) {
      this.#breakPacket();
      return;
    }
    const good = line.read(bytes, end, this.#out, this.#packetEnd);
    this.#packetEnd += line.count;
    if (!good) this.#breakPacket();
  }

  /** A binary file is refused at its first such byte, and not searched for a dump. */
  #checkText(bytes: Uint8Array, start: number, end: number): void {
    for (let at = start; at < end && this.#binaryAt < 0; at++)
      if (isBinary(bytes[at])) this.#binaryAt = this.buffer.offsetOf(at);
  }

  /** The line just seen does not continue the packet: end it and drop what follows. */
  #breakPacket(): void {
    this.odd++;
    this.#dropping = true;
    this.#endPacket();
  }

  #interfaceOf(linkType: number): number {
    const known = this.interfaces.findIndex((each) => each.linkType === linkType);
    return known >= 0 ? known : this.interfaces.push({ linkType, name: null, snapLength: 0 }) - 1;
  }

  /** Enters the growing packet into the batch, if it has a byte. */
  #endPacket(): void {
    const start = this.#packetStart;
    const end = this.#packetEnd;
    if (start === end) return;
    const { batch } = this;
    const index = this.#count++;
    const bytes = this.#out;
    const ip = this.#link === "auto" ? beginsWithIp(bytes, start, end) : this.#link === "ip";
    const cooked = ip || this.#link !== "auto" ? 0 : cookedVersion(bytes, start, end);
    batch.offset[index] = start;
    batch.capturedBytes[index] = end - start;
    const headerBytes = cooked === 0 ? 0 : cooked === 1 ? SLL_HEADER_BYTES : SLL2_HEADER_BYTES;
    const wireBytes = headerBytes + bytesByIp(bytes, start + headerBytes, end, ip || cooked > 0);
    batch.originalBytes[index] = Math.max(end - start, wireBytes);
    batch.tsSec[index] = this.#packetTime?.seconds ?? 0;
    batch.tsNsec[index] = this.#packetTime?.nanoseconds ?? 0;
    batch.interfaceIndex[index] = this.#interfaceOf(ip ? LinkType.RAW : linkTypes[cooked]);
    this.#packetTime = null;
    this.#packetStart = end;
  }
}

/** By the version of the cooked header. */
const linkTypes = [LinkType.ETHERNET, LinkType.LINUX_SLL, LinkType.LINUX_SLL2];

/** True for bytes that text, even with colours and page breaks, does not have. */
function isBinary(byte: number): boolean {
  return byte < 0x20 ? !(byte >= 0x07 && byte <= 0x0d) && byte !== 0x1b : byte === 0x7f;
}
