import type { CaptureInterface, PacketBatch } from "../../src/capture/batch.js";
import { FrameBatch } from "../../src/frame/columns.js";
import { FrameDecoder } from "../../src/frame/decode.js";
import { LineBuffer } from "../../src/output/line-buffer.js";
import type { PacketPrinter } from "../../src/output/printer.js";

/** The rows 0 to before `count`. */
export function rowsTo(count: number): Int32Array {
  return Int32Array.from({ length: count }, (_, row) => row);
}

/** Decodes a batch, as far as `printer` needs it. */
export function decoded(
  packets: PacketBatch,
  interfaces: readonly CaptureInterface[],
  keysOnly = false,
): FrameBatch {
  const frames = new FrameBatch(packets.capacity);
  const decoder = new FrameDecoder();
  if (keysOnly) decoder.decodeKeys(packets, interfaces, frames);
  else decoder.decode(packets, interfaces, frames);
  return frames;
}

/** What `printer` writes of the packets `rows`, by whatever many steps. */
export function printed(
  printer: PacketPrinter,
  packets: PacketBatch,
  frames: FrameBatch,
  rows = rowsTo(packets.count),
  out = new LineBuffer(),
): string {
  let text = "";
  for (let done = 0; done < rows.length; ) {
    const next = printer.write(packets, frames, rows, done, rows.length, out);
    if (next <= done) throw new Error("no packet was written");
    done = next;
    text += out.bytes.toString("utf8", 0, out.at);
    out.clear();
  }
  return text;
}
