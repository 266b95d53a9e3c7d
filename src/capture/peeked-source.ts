import type { ByteSource } from "./byte-source.js";

/**
 * A source whose first bytes can be looked at before anybody reads them: formats are recognised by
 * content, and a pipe cannot be rewound.
 */
export class PeekedSource implements ByteSource {
  readonly #source: ByteSource;
  #head: Uint8Array = new Uint8Array(0);
  #used = 0;

  constructor(source: ByteSource) {
    this.#source = source;
  }

  get name(): string {
    return this.#source.name;
  }
  get position(): number {
    return this.#source.position;
  }
  get size(): number | null {
    return this.#source.size;
  }
  get total(): number | null {
    return this.#source.total;
  }

  /** What was looked at comes first, and is given by `read`. */
  get readAhead(): ByteSource["readAhead"] {
    return this.#used === this.#head.length ? this.#source.readAhead : null;
  }

  /** The first `count` bytes, fewer where the input ends before. Call it before `read`; a copy. */
  async peek(count: number): Promise<Uint8Array> {
    const head = new Uint8Array(count);
    head.set(this.#head);
    let have = this.#head.length;
    while (have < count) {
      const got = await this.#source.read(head, have, count - have);
      if (got === 0) break;
      have += got;
    }
    this.#head = head.slice(0, have);
    return this.#head;
  }

  read(into: Uint8Array, start: number, length: number): number | Promise<number> {
    if (this.#used === this.#head.length) return this.#source.read(into, start, length);
    const got = Math.min(length, this.#head.length - this.#used);
    into.set(this.#head.subarray(this.#used, this.#used + got), start);
    this.#used += got;
    return got;
  }

  again(): ByteSource | null {
    return this.#source.again();
  }

  close(): Promise<void> {
    return this.#source.close();
  }
}
