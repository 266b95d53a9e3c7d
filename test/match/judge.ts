import { FrameBatch } from "../../src/frame/columns.js";
import { FrameDecoder } from "../../src/frame/decode.js";
import { compileFilters } from "../../src/match/filters.js";
import { parseExpression } from "../../src/match/parser.js";
import { batchOf, type TestPacket } from "../frame/batch.js";

/** The indices of those frames, which have no tunnel, that match; `negated`: that do not. */
export function matching(text: string, given: readonly TestPacket[], negated = false): number[] {
  const { packets, interfaces } = batchOf(given);
  const columns = new FrameBatch(packets.capacity);
  new FrameDecoder().decodeInner(packets, interfaces, columns);
  const predicate = compileFilters([{ kind: "match", expression: parseExpression(text), negated }], null);
  const rows = new Int32Array(packets.count);
  return [...rows.subarray(0, predicate.select(packets, columns, packets.count, rows))];
}
