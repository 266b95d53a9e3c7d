/* Inner frames of captured tunnel packets, as a tunnel's own device shows them. */
import { openCapture, type PacketBatch } from "../../src/capture/index.js";
import { FrameBatch, FrameFlag } from "../../src/frame/columns.js";
import { FrameDecoder } from "../../src/frame/decode.js";
import { egressOf, ingressOf } from "../../src/wire/ovn-option.js";
import { batchOf, type TestPacket } from "../frame/batch.js";

/** An inner frame, and what the header of its tunnel said; a key that it does not carry, as VXLAN's ingress key, is 0. */
export interface Inner extends TestPacket {
  sec: number;
  nsec: number;
  vni: number;
  ingress: number;
  egress: number;
}

/** Decodes a capture, and hands on batch by batch. */
export async function eachBatch(
  path: string,
  way: "decode" | "decodeInner",
  take: (packets: PacketBatch, frames: FrameBatch) => void,
): Promise<void> {
  const source = await openCapture(path);
  const decoder = new FrameDecoder();
  for (let batch = await source.next(); batch !== null; batch = await source.next()) {
    const frames = new FrameBatch(batch.capacity);
    decoder[way](batch, source.interfaces, frames);
    take(batch, frames);
  }
  await source.close();
}

/** The inner frames of all packets of a capture with an OVN option, without their tunnels. */
export async function innerFrames(path: string): Promise<Inner[]> {
  const found: Inner[] = [];
  await eachBatch(path, "decode", (batch, frames) => {
    for (let i = 0; i < batch.count; i++)
      if ((frames.flags[i] & FrameFlag.ovn) !== 0 && frames.inner[i] >= 0)
        found.push({
          bytes: batch.bytes.slice(frames.inner[i], frames.innerEnd[i]),
          sec: batch.tsSec[i],
          nsec: batch.tsNsec[i],
          vni: frames.vni[i],
          ingress: ingressOf(frames.ovnKeys[i]),
          egress: egressOf(frames.ovnKeys[i]),
        });
  });
  return found;
}

/** The frames as a batch of a device that shows them bare, decoded. */
export function bareBatch(given: readonly TestPacket[]) {
  const { packets, interfaces } = batchOf(given);
  const frames = new FrameBatch(packets.capacity);
  new FrameDecoder().decodeInner(packets, interfaces, frames);
  return { packets, frames };
}
