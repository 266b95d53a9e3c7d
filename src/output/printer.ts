import type { CaptureSource, PacketBatch } from "../capture/batch.js";
import type { FrameBatch } from "../frame/columns.js";

/** Turns decoded packets into text, one after the other. */
export interface PacketPrinter {
  /** The packets to come are of this capture. */
  startFile(source: Pick<CaptureSource, "name" | "interfaces">): void;
  /** The text of packet `i`, with its line end. */
  packet(packets: PacketBatch, frames: FrameBatch, i: number): string;
}
