import type { AddressName, CaptureWriter, PacketBatch } from "../capture/index.js";
import type { FrameBatch } from "../frame/columns.js";
import { grouped } from "../output/table.js";
import { shown } from "../text.js";

/** Where packets are written to. */
export interface PacketOutput {
  /** Takes those packets of a batch whose indices the first `count` of `rows` are. */
  write(packets: PacketBatch, frames: FrameBatch, rows: Int32Array, count: number): Promise<void>;
  /** Says what an address is called. */
  nameAddress(known: AddressName): Promise<void>;
  close(): Promise<void>;
  /** What has been written, in words. */
  summary(): string;
}

/** One file, or one after the other. */
export class OneFile implements PacketOutput {
  readonly #writer: CaptureWriter;

  constructor(writer: CaptureWriter) {
    this.#writer = writer;
  }

  write(packets: PacketBatch, _frames: FrameBatch, rows: Int32Array, count: number): Promise<void> {
    return this.#writer.write(packets, rows, count);
  }

  nameAddress(known: AddressName): Promise<void> {
    return this.#writer.nameAddress(known);
  }

  close(): Promise<void> {
    return this.#writer.close();
  }

  summary(): string {
    const { packets, files, name } = this.#writer;
    const many = files === 1 ? "" : `, ${grouped(files)} files`;
    return `${packetCount(packets)} written to ${shown(name)}${many}`;
  }
}

export function packetCount(packets: number): string {
  return packets === 1 ? "1 packet" : `${grouped(packets)} packets`;
}
