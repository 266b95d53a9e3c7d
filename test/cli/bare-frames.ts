/* Files with frames that have lost their tunnels, to be sent to a device. */
import { innerFrames } from "../analysis/inner-only.js";
import { pcap, temporary } from "../capture/helper.js";

/** A file with frames as they are. */
export function captureOf(frames: readonly Uint8Array[]): string {
  const packet = (bytes: Uint8Array, index: number) => ({
    sec: 1_700_000_000 + index,
    nsec: 0,
    data: Buffer.from(bytes).toString("hex"),
    original: bytes.length,
    interface: 0,
  });
  return temporary(pcap(frames.map(packet)));
}

/** A file with the inner frames of a capture. */
export const bareOf = async (capture: string) =>
  captureOf((await innerFrames(capture)).map(({ bytes }) => bytes));
