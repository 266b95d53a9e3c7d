import { BatchCopy, type Rewrite } from "../../src/encode/rewrite.js";
import { decodedBatch, type TestPacket } from "../frame/batch.js";

/** What a step makes of packets, each with the index of the one that it was. */
export function rewritten(step: Rewrite, given: readonly TestPacket[]) {
  const { packets, frames } = decodedBatch(given);
  const copy = new BatchCopy();
  const changed = copy.packets(packets);
  const rows = copy.rows(frames.every, given.length);
  const count = step.rewrite(changed, frames, rows, given.length);
  return Array.from(rows.subarray(0, count), (i) => ({
    row: i,
    bytes: Buffer.from(
      changed.bytes.subarray(changed.offset[i], changed.offset[i] + changed.capturedBytes[i]),
    ),
    original: changed.originalBytes[i],
  }));
}
