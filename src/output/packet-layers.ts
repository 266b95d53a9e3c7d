import type { PacketBatch } from "../capture/batch.js";
import { type FrameBatch, FrameFlag } from "../frame/columns.js";
import type { FrameDecoder } from "../frame/decode.js";
import { type Layer, readLayers } from "../frame/layers.js";

/** The layers of packet `i` of a decoded batch, of an interface with this link type. */
export function packetLayers(
  packets: PacketBatch,
  frames: FrameBatch,
  i: number,
  linkType: number,
  { ports }: FrameDecoder,
): readonly Layer[] {
  const start = packets.offset[i];
  const bare = (frames.flags[i] & FrameFlag.bare) !== 0;
  const options = { ports, bare };
  return readLayers(packets.view, start, start + packets.capturedBytes[i], linkType, options).layers;
}
