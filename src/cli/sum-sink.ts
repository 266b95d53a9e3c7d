import type { Analyzer } from "../analysis/analyzer.js";
import type { CaptureSource, FilePart, PacketBatch, RecordLayout, RecordRun } from "../capture/index.js";
import type { FrameBatch } from "../frame/columns.js";
import type { PacketSink } from "./read.js";

/** Hands packets to an analyzer. */
export class SumSink implements PacketSink {
  readonly #analyzer: Analyzer;
  readonly #part: FilePart | null;
  #source: CaptureSource | null = null;
  #layout: RecordLayout | undefined;
  #ended = false;
  /** Whether the last file ended with nothing to say of it: a part of a file counts only then. */
  flawless = false;

  /** `part`: the part of a file that is read, if it is one. */
  constructor(analyzer: Analyzer, part: FilePart | null = null) {
    this.#analyzer = analyzer;
    this.#part = part;
  }

  /** Takes no more packets, and closes the account of the file at hand. */
  end(): void {
    this.#ended = true;
    if (this.#source !== null) this.#analyzer.endFile(this.#source);
    this.#source = null;
  }

  startFile(source: CaptureSource): void {
    if (this.#ended) return;
    this.#source = source;
    this.#layout = source.records()?.layout;
    this.#analyzer.startFile(source.name);
  }

  records(run: RecordRun, most: number): number {
    return this.#ended ? 0 : this.#analyzer.takeRecords(run, most);
  }

  recordsEnd(): number {
    return this.#analyzer.recordsEnd;
  }

  async packets(
    _source: CaptureSource,
    packets: PacketBatch,
    frames: FrameBatch,
    rows: Int32Array,
    count: number,
  ): Promise<boolean> {
    if (this.#ended) return false;
    this.#analyzer.add(packets, frames, rows, count);
    return true;
  }

  async endFile(source: CaptureSource): Promise<void> {
    if (this.#ended) return;
    this.#source = null;
    this.#analyzer.endFile(source);
    // Interfaces and sections that a part describes the parts behind it would not know.
    const isFirstSection = (this.#layout?.blocks?.firstInterface ?? 0) === 0;
    const interfaces = this.#part?.interfaces ?? source.interfaces.length;
    this.flawless =
      source.damage === null && source.odd === 0 && isFirstSection && source.interfaces.length === interfaces;
  }
}
