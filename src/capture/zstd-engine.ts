/*
 * Two decompressors behind one interface: node:zlib's where this Node has it (22.15 and later), else fzstd.
 * Both are fed piece by piece by zstd-source.ts, which knows where frames begin and end; neither is trusted
 * with more than one block at a time. (Node's stream forgets the rest of a chunk in which a frame ends, and
 * fzstd recurses once a frame and holds on to its input.)
 */
import type { Transform } from "node:stream";
import * as zlib from "node:zlib";
import { Decompress } from "fzstd";
import xxhash, { type XXHash } from "xxhash-wasm";

/** The hash of a frame's content; its WebAssembly is compiled when first asked for. */
async function createHash(): Promise<() => XXHash<bigint>> {
  hashes ??= xxhash().then(
    ({ create64 }) =>
      () =>
        create64(),
  );
  return hashes;
}
let hashes: Promise<() => XXHash<bigint>> | null = null;

/** Takes a zstd stream in pieces: a frame's header with its first block, further blocks, its checksum. */
export interface ZstdEngine {
  /** Largest window in bytes that frames for this engine may ask for. */
  readonly largestWindow: number;
  /**
   * Decompresses `piece`, which the engine may keep; `last` marks the end of a frame. Answers with what came
   * out, possibly of earlier pieces too. Throws what the decompressor throws.
   */
  push(piece: Uint8Array, last: boolean): Promise<Uint8Array[]>;
  /**
   * Ends a frame with its four checksum bytes: the low half of XXH64 of what came out of it, little endian.
   * Throws where it does not match.
   */
  verify(checksum: Uint8Array): Promise<Uint8Array[]>;
  close(): void;
}

type CreateZstd = (options: { chunkSize: number }) => Transform;

/** A zstd block yields at most 128 KiB. */
const CHUNK_BYTES = 128 * 1024;

/** The best engine of this Node; `portable` asks for fzstd all the same. */
export function zstdEngine(portable = false): ZstdEngine {
  const create = (zlib as unknown as { createZstdDecompress?: CreateZstd }).createZstdDecompress;
  return create && !portable ? new NativeEngine(create) : new PortableEngine();
}

/** libzstd in node:zlib. It checks the frames' checksums. */
class NativeEngine implements ZstdEngine {
  /** zstd's own default: larger ones (`--ultra --long=31`) must be allowed explicitly there, too. */
  readonly largestWindow = 128 * 1024 * 1024;
  readonly #stream: Transform;
  #out: Uint8Array[] = [];
  #fail: (error: Error) => void = () => {};
  #failure: Error | null = null;

  constructor(create: CreateZstd) {
    this.#stream = create({ chunkSize: CHUNK_BYTES });
    this.#stream.on("data", (chunk: Uint8Array) => this.#out.push(chunk));
    this.#stream.on("error", (error) => {
      this.#failure = error;
      this.#fail(error);
    });
  }

  push(piece: Uint8Array): Promise<Uint8Array[]> {
    return new Promise((resolve, reject) => {
      if (this.#failure) return reject(this.#failure);
      this.#fail = reject;
      this.#stream.write(piece, (error) => {
        if (error) return reject(error);
        // Chunks pushed in this turn are emitted before the next one.
        setImmediate(() => {
          const out = this.#out;
          this.#out = [];
          resolve(out);
        });
      });
    });
  }

  verify(checksum: Uint8Array): Promise<Uint8Array[]> {
    return this.push(checksum);
  }

  close(): void {
    this.#stream.destroy();
  }
}

/** fzstd, which does not check checksums: xxhash-wasm does. */
class PortableEngine implements ZstdEngine {
  /** fzstd reads match offsets of up to 25 bits reliably and answers with wrong bytes beyond. */
  readonly largestWindow = 32 * 1024 * 1024;
  #stream: Decompress | null = null;
  #out: Uint8Array[] = [];
  #hash: XXHash<bigint> | null = null;

  async push(piece: Uint8Array, last: boolean): Promise<Uint8Array[]> {
    if (this.#stream === null) this.#hash = (await createHash())();
    this.#stream ??= new Decompress((chunk) => this.#out.push(chunk));
    const stream = this.#stream;
    // A push that completes a block leaves an empty view of itself behind, and the whole piece with it,
    // until a push that completes none clears them: so each block comes in two.
    const cut = piece.length - 1;
    if (cut > 0) stream.push(piece.subarray(0, cut));
    stream.push(piece.subarray(cut), last);
    if (last) this.#stream = null;
    const out = this.#out;
    this.#out = [];
    for (const chunk of out) this.#hash?.update(chunk);
    return out;
  }

  async verify(checksum: Uint8Array): Promise<Uint8Array[]> {
    const found = Number((this.#hash?.digest() ?? 0n) & 0xffff_ffffn);
    const stored = new DataView(checksum.buffer, checksum.byteOffset, 4).getUint32(0, true);
    if (found !== stored) throw new Error("checksum mismatch");
    return this.push(checksum, true);
  }

  close(): void {
    this.#stream = null;
  }
}
