import type { CaptureSource } from "../capture/batch.js";
import { openCapture } from "../capture/index.js";
import { MergedSource } from "../capture/merged-source.js";
import { SortedSource } from "../capture/sorted-source.js";
import { type PacketSink, type ReadPlan, type ReadResult, reportFaults, SourceReader } from "./read.js";

/** Bytes that blocks of many captures may take together, and the least of one. */
const BLOCKS_BYTES = 64 * 1024 * 1024;
const LEAST_BLOCK_BYTES = 64 * 1024;

/** How captures are read together. */
export interface MergePlan extends ReadPlan {
  /** Whether packets may be out of order within a capture. */
  sort: boolean;
}

/**
 * Reads several captures into the sink as one, in the order of their packets' times. What is wrong with one is
 * reported as by readCaptures.
 */
export async function readMerged(
  plan: MergePlan,
  sink: PacketSink,
  report: (line: string) => Promise<void>,
): Promise<ReadResult> {
  let sound = true;
  const sources: CaptureSource[] = [];
  const { files, reader, sort } = plan;
  const share = Math.max(LEAST_BLOCK_BYTES, Math.floor(BLOCKS_BYTES / files.length));
  const blocks = share < 512 * 1024 ? { blockBytes: share } : {};
  try {
    for (const file of files)
      try {
        sources.push(await openCapture(file, { reader, ...blocks }));
      } catch (error) {
        await report(error instanceof Error ? error.message : String(error));
        sound = false;
      }
    if (sources.length === 0) return { sound: false, packets: 0 };
    const parts = sort ? sources.map((source) => new SortedSource(source, 1 / sources.length)) : sources;
    const packets = new SourceReader(plan, sink);
    const stopped = await packets.read(parts.length === 1 ? parts[0] : new MergedSource(parts));
    for (const source of sources) if (!(await reportFaults(source.name, source, report))) sound = false;
    return { sound: sound || stopped, packets: packets.packets };
  } finally {
    for (const source of sources) await source.close();
  }
}
