/*
 * Whole inner frames that wait for something, first in, first out, in memory that is reserved once: their bytes in a ring, and
 * columns beside it. A frame's number counts from 0 up; `number & mask` is its place in the columns while it waits.
 */
import { IpProtocol } from "../wire/ethertype.js";

/** Of a frame's first and last bytes so many go into its hash. */
const HASHED_HEAD = 256;
const HASHED_TAIL = 64;
const TCP = IpProtocol.tcp;
const UDP = IpProtocol.udp;
const SCTP = IpProtocol.sctp;

/**
 * Frames in the order they came. Their checksums of TCP, UDP and SCTP are kept as 0: a sender's card fills them in
 * somewhere between one device and the next.
 */
export class FrameRing {
  /** Of numbers. */
  readonly mask: number;
  /** When each was captured, in milliseconds since 1970. */
  readonly time: Float64Array;
  readonly bytes: Int32Array;
  readonly hash: Int32Array;
  /** Numbers of the first that waits, and of the next to come. */
  first = 0;
  next = 0;
  /** Where each begins in the ring; what it takes there is a multiple of 4. */
  readonly #start: Int32Array;
  readonly #ring: Buffer;
  readonly #view: DataView;
  /** Where the next begins, if there is room. */
  #end = 0;
  readonly #seed: number;

  /** Room for `frames` (a power of 2) frames of `bytes` (a multiple of 4) bytes together. */
  constructor(frames: number, bytes: number, seed: number) {
    this.mask = frames - 1;
    this.time = new Float64Array(frames);
    this.bytes = new Int32Array(frames);
    this.hash = new Int32Array(frames);
    this.#start = new Int32Array(frames);
    const memory = new ArrayBuffer(bytes);
    this.#ring = Buffer.from(memory);
    this.#view = new DataView(memory);
    this.#seed = seed;
  }

  get isEmpty(): boolean {
    return this.first === this.next;
  }

  /** Whether a frame of so many bytes fits without that another leaves. */
  hasRoom(bytes: number): boolean {
    return this.next - this.first <= this.mask && this.#place(bytes) >= 0;
  }

  /** Whether one would fit if there was no other. */
  canHold(bytes: number): boolean {
    return bytes <= this.#ring.byteLength;
  }

  /** Where in the ring so many bytes fit, or -1. */
  #place(bytes: number): number {
    if (this.isEmpty) return this.canHold(bytes) ? 0 : -1;
    const taken = (bytes + 3) & ~3;
    const oldest = this.#start[this.first & this.mask];
    const end = this.#end;
    if (end > oldest) {
      if (end + taken <= this.#ring.byteLength) return end;
      return taken <= oldest ? 0 : -1;
    }
    return end + taken <= oldest ? end : -1;
  }

  /**
   * Takes the frame in the bytes `from` to `to` of `source`, of which there is room; its transport header of the IP
   * protocol `protocol` is at `transport`, or that is negative. Gives its number.
   */
  push(
    source: Uint8Array,
    from: number,
    to: number,
    protocol: number,
    transport: number,
    time: number,
  ): number {
    const ring = this.#ring;
    const bytes = to - from;
    const start = this.#place(bytes);
    const number = this.next++;
    const at = number & this.mask;
    this.#end = start + ((bytes + 3) & ~3);
    this.#start[at] = start;
    this.bytes[at] = bytes;
    this.time[at] = time;
    // Of a large frame this takes a fraction of the time of a loop.
    Buffer.prototype.copy.call(source, ring, start, from, to);
    for (let byte = start + bytes; byte < this.#end; byte++) ring[byte] = 0;
    if (transport >= 0) this.#clearChecksum(start, bytes, protocol, transport - from);
    this.hash[at] = this.#hashOf(start, bytes);
    return number;
  }

  #clearChecksum(start: number, bytes: number, protocol: number, transport: number): void {
    const offset = transport + (protocol === TCP ? 16 : protocol === UDP ? 6 : 8);
    const length = protocol === TCP || protocol === UDP ? 2 : protocol === SCTP ? 4 : 0;
    for (let byte = offset; byte < offset + length && byte < bytes; byte++) this.#ring[start + byte] = 0;
  }

  #hashOf(start: number, bytes: number): number {
    const view = this.#view;
    const end = start + bytes;
    const head = Math.min(end, start + HASHED_HEAD);
    let hash = this.#seed ^ bytes;
    for (let at = start; at < head; at += 4) {
      hash = Math.imul(hash ^ view.getInt32(at), 0x9e3779b1);
      hash ^= hash >>> 15;
    }
    for (let at = Math.max(head, (end - HASHED_TAIL) & ~3); at < end; at += 4) {
      hash = Math.imul(hash ^ view.getInt32(at), 0x9e3779b1);
      hash ^= hash >>> 15;
    }
    return hash;
  }

  /** The first one leaves. */
  shift(): void {
    this.first++;
  }

  /** The last one leaves again. */
  pop(): void {
    this.#end = this.#start[--this.next & this.mask];
  }

  /** The first one goes to the end, and gets another number. Only where there is room for it. */
  recycle(): number {
    const at = this.first & this.mask;
    const start = this.#start[at];
    const to = start + this.bytes[at];
    return this.push(this.#ring, start, to, 0, -1, this.time[at]);
  }

  /** Whether two frames, each waiting in its ring, are the same. */
  equals(number: number, other: FrameRing, otherNumber: number): boolean {
    const at = number & this.mask;
    const there = otherNumber & other.mask;
    const bytes = this.bytes[at];
    if (this.hash[at] !== other.hash[there] || bytes !== other.bytes[there]) return false;
    const start = this.#start[at];
    const otherStart = other.#start[there];
    return this.#ring.compare(other.#ring, otherStart, otherStart + bytes, start, start + bytes) === 0;
  }
}
