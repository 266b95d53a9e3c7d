/* Tunnelled packets to the frames that they carry. */
import type { PacketBatch } from "../capture/batch.js";
import { ABSENT, type FrameBatch, FrameFlag } from "../frame/columns.js";
import { FrameStatus } from "../frame/status.js";
import { EtherType } from "../wire/ethertype.js";
import type { Rewrite } from "./rewrite.js";

/** Why a packet has no inner frame to show. */
const Left = {
  notGeneve: 0,
  fragment: 1,
  control: 2,
  cut: 3,
  malformed: 4,
  unsupported: 5,
  notEthernet: 6,
} as const;
const WORDS = [
  "not in a tunnel",
  "fragments of tunnel packets",
  "control packets (OAM)",
  "cut before the inner frame",
  "malformed before the inner frame",
  "of a kind that is not read",
  "with something other than an Ethernet frame inside",
] as const;

// Numbers of the module's own: what is imported is looked up at each use, which shows here.
const FRAGMENT = FrameFlag.fragment;
const OAM = FrameFlag.oam;
const NOT_GENEVE = FrameStatus.notGeneve;
const TRUNCATED = FrameStatus.truncated;
const MALFORMED = FrameStatus.malformed;
const BRIDGED = EtherType.bridged;
const NONE = ABSENT;
const UDP_HEADER_BYTES = 8;

/**
 * Leaves of each packet the inner Ethernet frame. Its original length is what the tunnel's UDP length says of it, or
 * else what is left of the packet's; the captured one is what is there of that. Packets without one are counted.
 */
export class Decapsulation implements Rewrite {
  readonly #left = new Float64Array(WORDS.length);

  /** What was left out and how often, such as `3 not in a tunnel`. */
  get leftOut(): { packets: number; why: string }[] {
    return WORDS.map((why, index) => ({ packets: this.#left[index], why })).filter(
      ({ packets }) => packets > 0,
    );
  }

  rewrite(packets: PacketBatch, frames: FrameBatch, rows: Int32Array, count: number): number {
    const { view, offset, capturedBytes, originalBytes } = packets;
    const { flags, geneve, udp, inner, innerEnd } = frames;
    let left = 0;
    for (let row = 0; row < count; row++) {
      const i = rows[row];
      const start = inner[i];
      const end = Math.min(innerEnd[i], offset[i] + capturedBytes[i]);
      const isEthernet = geneve[i] === NONE || view.getUint16(geneve[i] + 2) === BRIDGED;
      if ((flags[i] & (FRAGMENT | OAM)) !== 0 || start === NONE || end <= start || !isEthernet) {
        this.#left[reasonOf(frames, i, isEthernet)]++;
        continue;
      }
      // Where the packet ended on the wire, and, within that, the datagram. What a whole one has behind is a trailer.
      const wireEnd = originalBytes[i] > capturedBytes[i] ? offset[i] + originalBytes[i] : end;
      // STT has none.
      const length = udp[i] === NONE ? 0 : view.getUint16(udp[i] + 4);
      const limit = length < UDP_HEADER_BYTES ? wireEnd : Math.min(wireEnd, udp[i] + length);
      offset[i] = start;
      capturedBytes[i] = end - start;
      originalBytes[i] = Math.max(limit, end) - start;
      rows[left++] = i;
    }
    return left;
  }
}

function reasonOf({ flags, status, inner }: FrameBatch, i: number, isEthernet: boolean): number {
  if (status[i] === NOT_GENEVE) return Left.notGeneve;
  if ((flags[i] & FRAGMENT) !== 0) return Left.fragment;
  if ((flags[i] & OAM) !== 0) return Left.control;
  if (inner[i] !== NONE && !isEthernet) return Left.notEthernet;
  if (inner[i] !== NONE || status[i] === TRUNCATED) return Left.cut;
  return status[i] === MALFORMED ? Left.malformed : Left.unsupported;
}
