/* What the tunnels of decoded packets say, as objects: of the same words the same one. */
import type { PacketBatch } from "../capture/batch.js";
import { type FrameBatch, FrameFlag } from "../frame/columns.js";
import { isOuterIpv6, outerAddress, outerDestinationAt, outerSourceAt } from "../frame/outer.js";
import { HeaderPool, type TunnelHeader } from "./tunnel-header.js";

const OVN = FrameFlag.ovn;
/** Words of a tunnel header: VNI, keys, flags, and the outer addresses. */
const HEADER_WORDS = 11;
/** Headers that are remembered by the hash of their words. */
const HEADER_SHIFT = 22;
const HEADER_SLOTS = 1 << (32 - HEADER_SHIFT);

/** Headers of packets with a Geneve header, without text being made of those that come again. */
export class OuterHeaders {
  readonly pool = new HeaderPool();
  readonly #words = new Int32Array(HEADER_WORDS);
  /** The words of the headers in the slots. */
  readonly #known = new Int32Array(HEADER_SLOTS * HEADER_WORDS);
  readonly #headers: (TunnelHeader | undefined)[] = new Array(HEADER_SLOTS).fill(undefined);

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
    let hash = 0;
    for (let word = 0; word < HEADER_WORDS; word++) hash = (Math.imul(hash, 31) ^ words[word]) | 0;
    const slot = Math.imul(hash, 0x9e3779b1) >>> HEADER_SHIFT;
    const at = slot * HEADER_WORDS;
    const kept = this.#headers[slot];
    if (kept !== undefined) {
      let word = 0;
      while (word < HEADER_WORDS && this.#known[at + word] === words[word]) word++;
      if (word === HEADER_WORDS) return kept;
    }
    const header = this.pool.get(
      words[0],
      hasKeys ? words[1] : null,
      outerAddress(view, frames, i, source),
      outerAddress(view, frames, i, destination),
    );
    this.#known.set(words, at);
    this.#headers[slot] = header;
    return header;
  }
}
