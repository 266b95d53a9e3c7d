import type { CaptureSource, PacketBatch } from "../capture/batch.js";
import type { FrameBatch } from "../frame/columns.js";
import type { LineBuffer } from "./line-buffer.js";

/** Turns decoded packets into lines. */
export interface PacketPrinter {
  /** Whether the columns of FrameDecoder.decodeKeys are enough. */
  readonly keysOnly: boolean;
  /** Packets so far that have keys, and are older than all that is known of names. */
  readonly beforeHistory: number;
  /** The packets to come are of this capture. */
  startFile(source: Pick<CaptureSource, "name" | "interfaces">): void;
  /**
   * Writes packets `rows[from]` to before `rows[count]` of a batch, as far as `out` takes them, and returns how
   * far that was: where it is less than `count`, `out` is to be emptied.
   */
  write(
    packets: PacketBatch,
    frames: FrameBatch,
    rows: Int32Array,
    from: number,
    count: number,
    out: LineBuffer,
  ): number;
}
