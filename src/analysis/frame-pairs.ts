/*
 * Exact tunnel keys of inner frames, from a capture of the underlay at the same time: the frame is in both, bare and
 * in its tunnel, a moment apart, in either order. Bare frames wait until no other twin can come any more; tunnelled
 * ones until no bare frame can. Frames of the same bytes may be of different tunnels: then all of them are told.
 */
import type { PacketBatch } from "../capture/batch.js";
import { momentMs } from "../capture/moment.js";
import { type FrameBatch, FrameFlag, TunnelKind } from "../frame/columns.js";
import { entryOf } from "../southbound/entry.js";
import { EtherType } from "../wire/ethertype.js";
import { GeneveOffset } from "../wire/geneve-fields.js";
import { FrameRing } from "./frame-ring.js";
import { OuterHeaders } from "./outer-headers.js";
import { type TunnelHeader, type TunnelHeaders, tunnelHeaders } from "./tunnel-header.js";

/** How far apart the two may be, ms: a queue of the underlay's device lies between them. */
const WINDOW_MS = 200;
/** Waiting frames of either kind, and their bytes. */
const FRAMES = 1 << 16;
const BYTES = 1 << 26;
/** Frames of one hash that are compared at most. */
const MOST_COMPARED = 64;
/** Bytes without which an Ethernet header counts as cut. */
const ETHERNET_BYTES = 14;
const NONE = -1;
const OAM = FrameFlag.oam;
const OTHER_TUNNEL = FrameFlag.otherTunnel;
const BRIDGED = EtherType.bridged;
const PROTOCOL_TYPE = GeneveOffset.protocolType;

/** What became of the frames of both captures. */
export interface PairCounts {
  /** Bare frames that were settled: with the keys of one tunnel, with those of several, without a twin. */
  paired: number;
  ambiguous: number;
  unpaired: number;
  /** Of them those that were settled before their time, for lack of room. */
  hurried: number;
  /** Frames of either kind that the capture has cut: of them nothing is said. */
  cut: number;
  /** Tunnelled frames that no bare one was the twin of, and those that there was no room for; of equal ones one counts. */
  alone: number;
  dropped: number;
}

export interface PairOptions {
  /** Milliseconds that the two captures of a frame may be apart. */
  readonly windowMs?: number;
  /** How many frames of either kind may wait (a power of 2), and how many bytes of them. */
  readonly frames?: number;
  readonly bytes?: number;
}

/** Is told of each bare frame, mostly in the order they were given, what its tunnel's header was; null: nobody knows. */
export type Settle = (token: number, headers: TunnelHeaders | null) => void;

/** Pairs the frames of two captures of one machine. */
export class FramePairs {
  readonly counts: PairCounts = {
    paired: 0,
    ambiguous: 0,
    unpaired: 0,
    hurried: 0,
    cut: 0,
    alone: 0,
    dropped: 0,
  };
  readonly #window: number;
  readonly #settle: Settle;
  readonly #bare: FrameRing;
  readonly #tunnelled: FrameRing;
  readonly #tokens: Float64Array;
  /** Tunnelled frames by hash: the number of the last one, and of each the one before it. */
  readonly #last: Float64Array;
  readonly #before: Float64Array;
  /** Of a tunnelled frame that came several times, when it came last. */
  readonly #until: Float64Array;
  readonly #headers: (TunnelHeader | null)[];
  readonly #isPaired: Uint8Array;
  readonly #outer = new OuterHeaders();
  /** What is told of one header alone. */
  readonly #single = new WeakMap<TunnelHeader, TunnelHeaders>();

  constructor(settle: Settle, { windowMs = WINDOW_MS, frames = FRAMES, bytes = BYTES }: PairOptions = {}) {
    const seed = (Math.random() * 2 ** 32) | 0;
    this.#settle = settle;
    this.#window = windowMs;
    this.#bare = new FrameRing(frames, bytes, seed);
    this.#tunnelled = new FrameRing(frames, bytes, seed);
    this.#tokens = new Float64Array(frames);
    this.#last = new Float64Array(frames).fill(NONE);
    this.#before = new Float64Array(frames);
    this.#until = new Float64Array(frames);
    this.#headers = new Array(frames).fill(null);
    this.#isPaired = new Uint8Array(frames);
  }

  /**
   * Takes packet `i` of a batch that `FrameDecoder.decodeInner` has decoded. `token`: what the caller knows it by. It is
   * settled later; at once where it is cut.
   */
  bare(packets: PacketBatch, frames: FrameBatch, i: number, token: number): void {
    const ring = this.#bare;
    const from = frames.inner[i];
    const to = frames.innerEnd[i];
    if (from < 0 || to - from < packets.originalBytes[i] || to - from < ETHERNET_BYTES) {
      this.counts.cut++;
      return this.#settle(token, null);
    }
    if (!ring.canHold(to - from)) return this.#tell(token, null);
    while (!ring.hasRoom(to - from)) this.#hurry();
    const number = pushInner(ring, packets, frames, i, momentMs(packets.tsSec[i], packets.tsNsec[i]));
    this.#tokens[number & ring.mask] = token;
  }

  /** Takes packet `i` of a batch of the underlay that `FrameDecoder.decode` has decoded; passes over what is no frame in a tunnel. */
  tunnelled(packets: PacketBatch, frames: FrameBatch, i: number): void {
    const { view } = packets;
    const ring = this.#tunnelled;
    const from = frames.inner[i];
    const to = frames.innerEnd[i];
    if (from < 0 || (frames.flags[i] & OAM) !== 0) return;
    // Geneve alone says what it carries, other tunnels carry Ethernet; of them those count that tell sure keys.
    if ((frames.flags[i] & OTHER_TUNNEL) !== 0) {
      if (frames.tunnel[i] !== TunnelKind.vxlan && frames.tunnel[i] !== TunnelKind.stt) return;
    } else if (view.getUint16(frames.geneve[i] + PROTOCOL_TYPE) !== BRIDGED) return;
    if (to < frames.outerIp[i] + frames.outerBytes[i] || to - from < ETHERNET_BYTES) {
      this.counts.cut++;
      return;
    }
    if (!ring.canHold(to - from)) {
      this.counts.dropped++;
      return;
    }
    const time = momentMs(packets.tsSec[i], packets.tsNsec[i]);
    while (!ring.hasRoom(to - from)) this.#drop(time);
    const number = pushInner(ring, packets, frames, i, time);
    const at = number & ring.mask;
    this.#headers[at] = this.#outer.of(packets, frames, i);
    this.#until[at] = time;
    this.#isPaired[at] = 0;
    if (!this.#isAgain(number)) this.#enter(number);
  }

  /** All that was captured before `ms` (milliseconds since 1970) has been given: settles what can be settled. */
  advance(ms: number): void {
    const window = this.#window;
    const bare = this.#bare;
    while (!bare.isEmpty && bare.time[bare.first & bare.mask] + window < ms) this.#settleFirst();
    const ring = this.#tunnelled;
    while (!ring.isEmpty) {
      const at = ring.first & ring.mask;
      if (ring.time[at] + 2 * window >= ms) return;
      // One that came again goes on waiting, behind those that came meanwhile.
      if (this.#until[at] + 2 * window >= ms && ring.hasRoom(ring.bytes[at]))
        this.#recycleFirst(ms - 2 * window);
      else this.#forgetFirst();
    }
  }

  /** Both captures have come to their end: settles all. */
  end(): void {
    while (!this.#bare.isEmpty) this.#settleFirst();
    while (!this.#tunnelled.isEmpty) this.#forgetFirst();
  }

  /** Makes a tunnelled frame to be found by its hash. */
  #enter(number: number): void {
    const ring = this.#tunnelled;
    const at = number & ring.mask;
    const chain = ring.hash[at] & ring.mask;
    this.#before[at] = this.#last[chain];
    this.#last[chain] = number;
  }

  /** Whether the last tunnelled frame is one that waits already, with the same keys: then that one stands for both. */
  #isAgain(number: number): boolean {
    const ring = this.#tunnelled;
    const { mask, first } = ring;
    const at = number & mask;
    const header = this.#headers[at] as TunnelHeader;
    const time = ring.time[at];
    let compared = 0;
    let each = this.#last[ring.hash[at] & mask];
    for (; each >= first && compared < MOST_COMPARED; each = this.#before[each & mask]) {
      const there = each & mask;
      if (ring.hash[there] !== ring.hash[at]) continue;
      compared++;
      const old = this.#headers[there] as TunnelHeader;
      if (old.vni !== header.vni || old.ovnKeys !== header.ovnKeys || ring.bytes[there] !== ring.bytes[at])
        continue;
      if (Math.abs(time - this.#until[there]) > 2 * this.#window || !ring.equals(each, ring, number))
        continue;
      if (old !== header) this.#headers[there] = this.#joint(old, header);
      this.#until[there] = Math.max(time, this.#until[there]);
      ring.time[there] = Math.min(time, ring.time[there]);
      this.#headers[at] = null;
      ring.pop();
      return true;
    }
    return false;
  }

  /** The header of copies to several chassis. */
  #joint(a: TunnelHeader, b: TunnelHeader): TunnelHeader {
    const source = a.source === b.source ? a.source : null;
    const destination = a.destination === b.destination ? a.destination : null;
    return this.#outer.pool.get(a.vni, a.ovnKeys, source, destination);
  }

  /** The first tunnelled frame waits on. Bare frames from before `since` have been settled. */
  #recycleFirst(since: number): void {
    const ring = this.#tunnelled;
    const old = ring.first & ring.mask;
    const number = ring.recycle();
    const at = number & ring.mask;
    this.#headers[at] = this.#headers[old];
    this.#isPaired[at] = this.#isPaired[old];
    this.#until[at] = this.#until[old];
    ring.time[at] = since;
    this.#headers[old] = null;
    ring.shift();
    this.#enter(number);
  }

  #forgetFirst(): void {
    const ring = this.#tunnelled;
    const at = ring.first & ring.mask;
    if (this.#isPaired[at] === 0) this.counts.alone++;
    this.#headers[at] = null;
    ring.shift();
  }

  /**
   * Gives up the first tunnelled frame, for one of `time` that needs its room. The bare frames that it is most likely a
   * twin of are settled before: those that came nearer to it than to the latest.
   */
  #drop(time: number): void {
    const { time: times, first, mask } = this.#tunnelled;
    const bare = this.#bare;
    const middle = times[first & mask] + (time - times[first & mask]) / 2;
    while (!bare.isEmpty && bare.time[bare.first & bare.mask] <= middle) this.#hurry();
    this.counts.dropped++;
    this.#forgetFirst();
  }

  /** Settles the first bare frame though a twin may still come. */
  #hurry(): void {
    this.counts.hurried++;
    this.#settleFirst();
  }

  #settleFirst(): void {
    const bare = this.#bare;
    const ring = this.#tunnelled;
    const { mask, first } = ring;
    const window = this.#window;
    const number = bare.first;
    const hash = bare.hash[number & bare.mask];
    const time = bare.time[number & bare.mask];
    let found: TunnelHeader | null = null;
    let others: TunnelHeader[] | null = null;
    let compared = 0;
    let each = this.#last[hash & mask];
    for (; each >= first && compared < MOST_COMPARED; each = this.#before[each & mask]) {
      const at = each & mask;
      if (ring.hash[at] !== hash) continue;
      compared++;
      if (!(time >= ring.time[at] - window && time <= this.#until[at] + window)) continue;
      if (!bare.equals(number, ring, each)) continue;
      this.#isPaired[at] = 1;
      const header = this.#headers[at] as TunnelHeader;
      if (found === null) found = header;
      else if (found !== header) {
        others ??= [found];
        others.push(header);
      }
    }
    bare.shift();
    const token = this.#tokens[number & bare.mask];
    this.#tell(token, found === null ? null : others === null ? this.#one(found) : tunnelHeaders(others));
  }

  #one(header: TunnelHeader): TunnelHeaders {
    return entryOf(this.#single, header, () => ({ headers: [header], isOneKey: true }));
  }

  #tell(token: number, headers: TunnelHeaders | null): void {
    if (headers === null) this.counts.unpaired++;
    else if (headers.isOneKey) this.counts.paired++;
    else this.counts.ambiguous++;
    this.#settle(token, headers);
  }
}

/** Puts the inner frame of packet `i` into a ring that has room for it; gives its number. */
function pushInner(
  ring: FrameRing,
  packets: PacketBatch,
  frames: FrameBatch,
  i: number,
  time: number,
): number {
  const { inner, innerEnd, innerProtocol, innerTransport } = frames;
  return ring.push(packets.bytes, inner[i], innerEnd[i], innerProtocol[i], innerTransport[i], time);
}
