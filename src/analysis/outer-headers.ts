/* What the tunnels of decoded packets say, as objects: of the same words the same one. */
import type { PacketBatch } from "../capture/batch.js";
import { type FrameBatch, FrameFlag } from "../frame/columns.js";
import { isOuterIpv6, outerAddress, outerDestinationAt, outerSourceAt } from "../frame/outer.js";
import { HeaderPool, type TunnelHeader } from "./tunnel-header.js";
import { WordCache } from "./word-cache.js";

const OVN = FrameFlag.ovn;
/** Words of a tunnel header: VNI, keys, flags, and the outer addresses. */
const HEADER_WORDS = 11;
/** Headers that are remembered, as a power of two. */
const HEADER_BITS = 10;

/** Headers of packets in tunnels, without text being made of those that come again. */
export class OuterHeaders {
  readonly pool = new HeaderPool();
  readonly #words = new Int32Array(HEADER_WORDS);
  readonly #headers = new WordCache<TunnelHeader>(HEADER_WORDS, HEADER_BITS);

  /** That of packet `i`. */
  of({ view }: PacketBatch, frames: FrameBatch, i: number): TunnelHeader {
    const words = this.#words;
    const isIpv6 = isOuterIpv6(frames, i);
    const source = outerSourceAt(frames, i);
    const destination = outerDestinationAt(frames, i);
    const hasKeys = (frames.flags[i] & OVN) !== 0;
    words.fill(0);
    words[0] = frames.vni[i];
    words[1] = hasKeys ? frames.ovnKeys[i] : 0;
    words[2] = (isIpv6 ? 1 : 0) | (hasKeys ? 2 : 0);
    for (let word = 0; word < (isIpv6 ? 4 : 1); word++) {
      words[3 + word] = view.getInt32(source + word * 4);
      words[7 + word] = view.getInt32(destination + word * 4);
    }
    const kept = this.#headers.at(words);
    if (kept !== undefined) return kept;
    const header = this.pool.get(
      words[0],
      hasKeys ? words[1] : null,
      outerAddress(view, frames, i, source),
      outerAddress(view, frames, i, destination),
    );
    this.#headers.keep(words, header);
    return header;
  }
}
