/** Changes that are remembered one by one. */
const REMEMBERED = 1 << 16;

/** In which datapaths keys of packets have changed hands, and when: by a number that grows with each change. */
export class KeyChanges {
  /** When the last one was, in milliseconds since 1970: what keys mean is the same ever after. */
  latest = Number.NEGATIVE_INFINITY;
  #vnis: number[] = [];
  #forgotten = 0;

  /** How many there were. */
  get generation(): number {
    return this.#forgotten + this.#vnis.length;
  }

  /** A key in the datapath with this tunnel key, or that key itself, has another owner from `time` on. */
  add(vni: number, time: number): void {
    this.latest = time;
    if (this.#vnis.length === REMEMBERED) {
      this.#forgotten += REMEMBERED;
      this.#vnis = [];
    }
    this.#vnis.push(vni);
  }

  /** The datapaths (tunnel keys) concerned since `generation`; null: it could be any. */
  since(generation: number): ReadonlySet<number> | null {
    if (generation < this.#forgotten) return null;
    return new Set(this.#vnis.slice(generation - this.#forgotten));
  }
}
