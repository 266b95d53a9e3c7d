/*
 * Exact tunnel keys of inner frames, from the flows of Open vSwitch's datapath: a dump tells for each flow which
 * frames it is about, and the header that they had or get.
 */
import type { PacketBatch } from "../capture/batch.js";
import type { FrameBatch } from "../frame/columns.js";
import { isPinned, readFlowLine, type TunnelFlow } from "./datapath-flow.js";
import { FRAME_WORDS, readFrameWords } from "./frame-words.js";
import { HeaderPool, type TunnelHeader } from "./tunnel-header.js";
import { WordCache } from "./word-cache.js";

/** Characters of a line; a longer one is passed over. */
const LONGEST_LINE = 1 << 16;
/** Flows that are kept, some 300 bytes each. OVS itself has 200,000 at most, unless it is told otherwise. */
const MOST_FLOWS = 1 << 18;
/** Different masks; each is tried when frames of a kind come that was not seen yet. */
const MOST_SHAPES = 1 << 10;
/** Headers of one frame at most. */
const MOST_HEADERS = 16;
/** Frames whose answers are remembered, as a power of two. */
const ANSWER_BITS = 12;

/** What became of the lines of a dump. */
export interface FlowCounts {
  /** Flows, and of them those that told keys. */
  flows: number;
  used: number;
  /** Flows with something that could not be read, or with keys that they match in part only. */
  unreadable: number;
  inexact: number;
  /** Flows for which there was no room. */
  dropped: number;
}

/** Flows with the same masks, by their values. */
interface Shape {
  readonly masks: Int32Array;
  readonly isPinned: boolean;
  readonly headers: Map<string, TunnelHeader | Set<TunnelHeader>>;
}

/** The headers of the flows that a frame belongs to, each once and at most 16. */
export interface FlowHeaders {
  /** Of flows between the frame's two MACs. */
  readonly pinned: readonly TunnelHeader[];
  /**
   * Of flows that do not look at one of the MACs, for what a tunnel's keys say is enough to them: the frame may belong
   * to another such flow that has not been dumped.
   */
  readonly loose: readonly TunnelHeader[];
}

/** The tunnel headers of one dump. Flows come and go within seconds: each dump makes a table of its own. */
export class FlowKeys {
  readonly counts: FlowCounts = { flows: 0, used: 0, unreadable: 0, inexact: 0, dropped: 0 };
  readonly #pool = new HeaderPool();
  readonly #shapes = new Map<string, Shape>();
  #kept = 0;
  /** What of the dump has come behind its last line feed. */
  #rest = "";
  /** The line at hand is longer than any that is read. */
  #isLong = false;

  readonly #words = new Int32Array(FRAME_WORDS);
  readonly #masked = new Int32Array(FRAME_WORDS);
  readonly #answers = new WordCache<FlowHeaders | null>(FRAME_WORDS, ANSWER_BITS);

  /** Takes a piece of a dump, cut anywhere. */
  write(text: string): void {
    let start = 0;
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", start)) {
      this.#extend(text, start, end);
      this.#line();
      start = end + 1;
    }
    this.#extend(text, start, text.length);
  }

  /** The dump has come to its end, be it within a line. */
  end(): void {
    this.#line();
    this.#answers.clear();
  }

  /**
   * The headers that packet `i` may have, of a batch that `FrameDecoder.decodeInner` has decoded; null where no flow
   * tells. The same object as before for frames with the same addresses, mostly.
   */
  find({ view }: PacketBatch, frames: FrameBatch, i: number): FlowHeaders | null {
    const words = this.#words;
    if (!readFrameWords(view, frames, i, words)) return null;
    const known = this.#answers.at(words);
    if (known !== undefined) return known;
    const answer = this.#search(words);
    this.#answers.keep(words, answer);
    return answer;
  }

  #search(words: Int32Array): FlowHeaders | null {
    const masked = this.#masked;
    const pinned = new Set<TunnelHeader>();
    const loose = new Set<TunnelHeader>();
    for (const { masks, isPinned, headers } of this.#shapes.values()) {
      for (let word = 0; word < FRAME_WORDS; word++) masked[word] = words[word] & masks[word];
      const here = headers.get(masked.join());
      const found = isPinned ? pinned : loose;
      if (here instanceof Set) for (const header of here) found.add(header);
      else if (here !== undefined) found.add(here);
    }
    if (pinned.size + loose.size === 0) return null;
    return { pinned: [...pinned].slice(0, MOST_HEADERS), loose: [...loose].slice(0, MOST_HEADERS) };
  }

  #extend(text: string, start: number, end: number): void {
    if (this.#rest.length + end - start > LONGEST_LINE) {
      this.#isLong = true;
      this.#rest = "";
    } else if (!this.#isLong) this.#rest += text.slice(start, end);
  }

  #line(): void {
    const line = this.#rest;
    const isLong = this.#isLong;
    this.#rest = "";
    this.#isLong = false;
    const read = isLong ? null : readFlowLine(line, this.#pool);
    if (read === null && !isLong) return;
    const { counts } = this;
    counts.flows++;
    if (read === null || read.fault === "unreadable") counts.unreadable++;
    else if (read.fault === "inexact") counts.inexact++;
    if (read === null || read.flows.length === 0) return;
    let isKept = true;
    for (const flow of read.flows) isKept = this.#add(flow) && isKept;
    if (isKept) counts.used++;
    else counts.dropped++;
  }

  /** False where there is no room. */
  #add(flow: TunnelFlow): boolean {
    const { values, masks, header } = flow;
    const kind = masks.join();
    let shape = this.#shapes.get(kind);
    if (this.#kept >= MOST_FLOWS || (shape === undefined && this.#shapes.size >= MOST_SHAPES)) return false;
    if (shape === undefined) {
      shape = { masks, isPinned: isPinned(flow), headers: new Map() };
      this.#shapes.set(kind, shape);
    }
    const key = values.join();
    const known = shape.headers.get(key);
    if (known === header || (known instanceof Set && known.has(header))) return true;
    this.#kept++;
    if (known === undefined) shape.headers.set(key, header);
    else if (known instanceof Set) known.add(header);
    else shape.headers.set(key, new Set([known, header]));
    return true;
  }
}
