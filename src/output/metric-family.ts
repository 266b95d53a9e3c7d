import { Counter, type Registry } from "prom-client";

/** In the place of every label of what has no series of its own. */
const OTHER = "other";

/** How long a series has not changed that makes room for others where there is none left, in milliseconds. */
const IDLE_MS = 3_600_000;

export type Labels = Record<string, string | number>;

/** Two series of the same labels. */
interface Sums {
  readonly labels: Labels;
  packets: number;
  bytes: number;
  /** When it was added to last. */
  changed: number;
}

type Unit = "packets" | "bytes";

/**
 * A counter of sums that are kept elsewhere. prom-client's own tells series apart by a text in which labels with
 * commas and colons, as anybody may choose them, can pass for others.
 */
class SumsCounter extends Counter {
  readonly #unit: Unit;
  readonly #sums: () => Iterable<Sums>;

  constructor(
    config: ConstructorParameters<typeof Counter<string>>[0],
    unit: Unit,
    sums: () => Iterable<Sums>,
  ) {
    super(config);
    this.#unit = unit;
    this.#sums = sums;
  }

  override async get(): ReturnType<Counter["get"]> {
    const unit = this.#unit;
    const values = Array.from(this.#sums(), (each) => ({ labels: each.labels, value: each[unit] }));
    return { ...(await super.get()), values };
  }
}

/** Packets and bytes by labels, for a bounded number of label sets. */
export class Family {
  readonly #who: readonly string[];
  readonly #more: readonly string[];
  readonly #most: number;
  readonly #sums = new Map<string, Sums>();
  /** What is counted as other, by the labels that have few values. */
  readonly #others = new Map<string, Sums>();
  /** When room was last looked for. */
  #looked = Number.NEGATIVE_INFINITY;
  /** Whether something had to be counted as other. */
  isFull = false;

  /** `who`: the labels that say whose packets they are, `more`: those with few values. */
  constructor(
    registers: Registry[],
    what: string,
    help: string,
    most: number,
    who: readonly string[],
    more: readonly string[] = [],
  ) {
    const labelNames = [...who, ...more];
    const counter = (unit: Unit, of: string) =>
      new SumsCounter(
        { name: `genevescope_${what}_${unit}_total`, help: of, labelNames, registers },
        unit,
        () => [...this.#sums.values(), ...this.#others.values()],
      );
    counter("packets", `Packets ${help}.`);
    counter("bytes", `Bytes of packets ${help}, outer headers included.`);
    this.#who = who;
    this.#more = more;
    this.#most = most;
  }

  /**
   * `isKnown`: names were found for them. What nobody knows, and anybody could send, gets at most the first half
   * of the room. `now`: in milliseconds, the same for what is added together.
   */
  add(labels: Labels, isKnown: boolean, packets: number, bytes: number, now: number): void {
    const id = idOf(labels);
    if (!this.#sums.has(id) && !this.#hasRoom(isKnown ? this.#most : this.#most / 2, now))
      return this.addOther(labels, packets, bytes);
    addTo(this.#sums, id, labels, packets, bytes).changed = now;
  }

  /** Counts as other, with the labels of `labels` that have few values. */
  addOther(labels: Labels, packets: number, bytes: number): void {
    this.isFull = true;
    const other: Labels = {};
    for (const name of this.#who) other[name] = OTHER;
    for (const name of this.#more) other[name] = labels[name];
    addTo(this.#others, idOf(other), other, packets, bytes);
  }

  /** Whether there are fewer than `room`, once those have gone that have not changed for long. */
  #hasRoom(room: number, now: number): boolean {
    if (this.#sums.size < room) return true;
    if (this.#looked === now) return false;
    this.#looked = now;
    for (const [id, { changed }] of this.#sums) if (now - changed >= IDLE_MS) this.#sums.delete(id);
    return this.#sums.size < room;
  }
}

function idOf(labels: Labels): string {
  return JSON.stringify(Object.values(labels));
}

function addTo(to: Map<string, Sums>, id: string, labels: Labels, packets: number, bytes: number): Sums {
  let sums = to.get(id);
  if (sums === undefined) {
    sums = { labels, packets: 0, bytes: 0, changed: 0 };
    to.set(id, sums);
  }
  sums.packets += packets;
  sums.bytes += bytes;
  return sums;
}
