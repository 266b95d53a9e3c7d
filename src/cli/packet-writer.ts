/* Where packets that were made go: captures, and text for programs. */
import { type CaptureInterface, type CaptureWriter, createCapture, PacketBatch } from "../capture/index.js";
import type { EncodedPacket } from "../encode/packet.js";
import { isoTime } from "../output/time.js";
import { LinkType } from "../wire/linktype.js";
import { CliError } from "./fault.js";
import { Stdout } from "./stdout.js";
import { formatOf, isReaderGone, MOST_INTERFACES, origin } from "./written-file.js";

/** What packets are written as. */
export type PacketFormat = "hex" | "c" | "pcap" | "pcapng";

/** Takes packets in their order. */
export interface PacketWriter {
  /** Packets taken. */
  readonly packets: number;
  /** Writes packets that came together, and hands them on. False where nobody wants more. */
  write(packets: readonly EncodedPacket[]): Promise<boolean>;
  /** Ends what was written. */
  close(): Promise<void>;
}

/** A writer to a file, a capture after its name, or to standard output. */
export function packetWriter(file: string | undefined, format: PacketFormat): PacketWriter {
  if (file !== undefined) return new CaptureFile(file, formatOf(file));
  return format === "hex" || format === "c" ? new TextWriter(format) : new CaptureFile("-", format);
}

/** A capture, which begins with its first packet: a pcap has to know its link type. */
class CaptureFile implements PacketWriter {
  packets = 0;
  readonly #path: string;
  readonly #format: "pcap" | "pcapng";
  readonly #interfaces: CaptureInterface[] = [];
  /** Their indexes, by link type and name. */
  readonly #indexes = new Map<string, number>();
  #writer: CaptureWriter | null = null;

  constructor(path: string, format: "pcap" | "pcapng") {
    this.#path = path;
    this.#format = format;
  }

  async write(packets: readonly EncodedPacket[]): Promise<boolean> {
    if (packets.length === 0) return true;
    const batch = this.#batch(packets);
    return await this.#unlessGone(async () => {
      this.#writer ??= await this.#open();
      await this.#writer.write(batch);
      this.packets += packets.length;
      await this.#writer.flush();
    });
  }

  async close(): Promise<void> {
    // Without packets, as captures of Ethernet begin.
    if (this.#writer === null && this.#format === "pcap") this.#index(LinkType.ETHERNET, null);
    await this.#unlessGone(async () => {
      this.#writer ??= await this.#open();
      await this.#writer.close();
    });
  }

  /** Does some work; false where whoever read standard output has gone, which is no fault. */
  async #unlessGone(work: () => Promise<void>): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (error) {
      if (isReaderGone(error)) return false;
      throw error;
    }
  }

  #open(): Promise<CaptureWriter> {
    const format = this.#format;
    return createCapture(this.#path, { format, interfaces: this.#interfaces, origin: origin() });
  }

  #batch(packets: readonly EncodedPacket[]): PacketBatch {
    const batch = new PacketBatch(packets.length);
    batch.bytes = new Uint8Array(packets.reduce((sum, { bytes }) => sum + bytes.length, 0));
    batch.view = new DataView(batch.bytes.buffer);
    batch.count = packets.length;
    batch.firstNumber = this.packets + 1;
    let at = 0;
    for (const [i, packet] of packets.entries()) {
      batch.bytes.set(packet.bytes, at);
      batch.offset[i] = at;
      batch.capturedBytes[i] = packet.bytes.length;
      batch.originalBytes[i] = packet.originalBytes;
      batch.tsSec[i] = packet.sec;
      batch.tsNsec[i] = packet.nsec;
      batch.interfaceIndex[i] = this.#index(packet.linkType, packet.interface);
      at += packet.bytes.length;
    }
    return batch;
  }

  #index(linkType: number, name: string | null): number {
    const key = `${linkType} ${name === null ? "" : `"${name}`}`;
    const known = this.#indexes.get(key);
    if (known !== undefined) return known;
    const index = this.#interfaces.length;
    if (index === MOST_INTERFACES)
      throw new CliError(`packets are of more than ${MOST_INTERFACES} interfaces, more than a capture has`);
    this.#interfaces.push({ linkType, name, snapLength: 0 });
    this.#indexes.set(key, index);
    return index;
  }
}

/** Text on standard output: hexadecimal digits, a packet a line, or arrays of C. */
class TextWriter implements PacketWriter {
  packets = 0;
  readonly #stdout = new Stdout();
  readonly #format: "hex" | "c";

  constructor(format: "hex" | "c") {
    this.#format = format;
  }

  async write(packets: readonly EncodedPacket[]): Promise<boolean> {
    for (const packet of packets) {
      this.packets++;
      const digits = Buffer.from(packet.bytes).toString("hex");
      this.#stdout.write(this.#format === "hex" ? `${digits}\n` : cArray(packet, digits, this.packets));
      if (this.#stdout.full) await this.#stdout.flush();
    }
    await this.close();
    return !this.#stdout.closed;
  }

  close(): Promise<void> {
    return this.#stdout.flush();
  }
}

/** A packet as an array of C. */
function cArray({ sec, nsec }: EncodedPacket, digits: string, number: number): string {
  const time = isoTime(sec, nsec);
  const rows = (digits.match(/.{1,24}/g) ?? []).map((row) => `\t${row.replace(/../g, "0x$&, ").trimEnd()}\n`);
  const comment = time === null ? "" : `/* ${time} */\n`;
  return `${comment}static const unsigned char packet${number}[${digits.length / 2}] = {\n${rows.join("")}};\n`;
}
