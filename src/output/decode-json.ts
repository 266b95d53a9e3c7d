import type { Namer } from "../analysis/namer.js";
import type { CaptureSource, PacketBatch } from "../capture/batch.js";
import type { FrameBatch } from "../frame/columns.js";
import type { FrameDecoder } from "../frame/decode.js";
import { JsonNames } from "./json-names.js";
import type { LineBuffer } from "./line-buffer.js";
import { type NameSources, NO_SOURCES } from "./names.js";
import { PacketObjects } from "./packet-objects.js";
import type { PacketPrinter } from "./printer.js";

/** One JSON object a line (docs/cli.md). */
export class JsonPrinter implements PacketPrinter {
  readonly keysOnly = false;
  beforeHistory = 0;
  readonly #objects: PacketObjects;

  constructor(namer: Namer | null, decoder: FrameDecoder, sources: NameSources = NO_SOURCES) {
    this.#objects = new PacketObjects(new JsonNames(namer, sources), decoder);
  }

  startFile(source: Pick<CaptureSource, "name" | "interfaces">): void {
    this.#objects.startFile(source);
  }

  write(
    packets: PacketBatch,
    frames: FrameBatch,
    rows: Int32Array,
    from: number,
    count: number,
    out: LineBuffer,
  ): number {
    let n = from;
    for (; n < count && !out.full; n++) {
      out.text(`${this.#objects.text(packets, frames, rows[n])}\n`);
      if (this.#objects.isBeforeHistory) this.beforeHistory++;
    }
    return n;
  }
}
