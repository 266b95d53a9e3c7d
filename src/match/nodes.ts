/*
 * An expression at work: each part of it gives verdicts on packets (Verdict: yes, unknown or no), for whole batches,
 * and the packets on which the parts before it leave something open.
 */
import type { PacketBatch } from "../capture/batch.js";
import type { FrameBatch } from "../frame/columns.js";
import type { Field, Loaded } from "./fields.js";
import { MOST_WORDS } from "./fields.js";
import { EGRESS_MASK, INGRESS_MASK, INGRESS_SHIFT, type KeySide } from "./key-term.js";
import { Verdict, type Verdicts } from "./verdicts.js";
import { Equal, type WordTest } from "./word-tests.js";

// A module's own constants are compiled in; what is imported, or a property, is looked up at each use.
const YES = Verdict.yes;
const UNKNOWN = Verdict.unknown;
const NO = Verdict.no;

/** A part of an expression. */
export interface Node {
  /** Writes the verdict on each packet whose index is among the first `count` of `rows` to `verdicts`, at the index. */
  judge(
    packets: PacketBatch,
    frames: FrameBatch,
    rows: Int32Array,
    count: number,
    verdicts: Uint8Array,
  ): void;
}

/** Verdicts and rows of those that judge for others, at one depth of an expression. */
export interface Level {
  readonly verdicts: Uint8Array;
  readonly rows: Int32Array;
}

/** Memory that the parts of one expression share, as large as the batches are. */
export class Scratch {
  #capacity = 0;
  #loaded: Loaded = { at: new Int32Array(0), words: new Int32Array(0) };
  #levels: Level[] = [];

  /** To be called before a batch. */
  fit({ capacity }: FrameBatch): void {
    if (capacity <= this.#capacity) return;
    this.#capacity = capacity;
    this.#levels = [];
    this.#loaded = { at: new Int32Array(capacity), words: new Int32Array(capacity * MOST_WORDS) };
  }

  /** For what is read of a field; nobody keeps it. */
  get loaded(): Loaded {
    return this.#loaded;
  }

  /** For whoever is so deep in the expression. */
  level(depth: number): Level {
    for (let made = this.#levels.length; made <= depth; made++)
      this.#levels.push({
        verdicts: new Uint8Array(this.#capacity),
        rows: new Int32Array(this.#capacity),
      });
    return this.#levels[depth];
  }
}

/** All, or any, of the parts hold; there is one at least. */
export class Combination implements Node {
  readonly #parts: readonly Node[];
  readonly #scratch: Scratch;
  readonly #depth: number;
  /** The verdict of one part that settles it. */
  readonly #settled: number;

  constructor(kind: "all" | "any", parts: readonly Node[], scratch: Scratch, depth: number) {
    this.#parts = parts;
    this.#scratch = scratch;
    this.#depth = depth;
    this.#settled = kind === "all" ? NO : YES;
  }

  judge(
    packets: PacketBatch,
    frames: FrameBatch,
    rows: Int32Array,
    count: number,
    verdicts: Uint8Array,
  ): void {
    const parts = this.#parts;
    const settled = this.#settled;
    const { verdicts: own, rows: open } = this.#scratch.level(this.#depth);
    parts[0].judge(packets, frames, rows, count, verdicts);
    let left = 0;
    for (let row = 0; row < count; row++) {
      const i = rows[row];
      open[left] = i;
      left += verdicts[i] === settled ? 0 : 1;
    }
    for (let part = 1; part < parts.length && left > 0; part++) {
      parts[part].judge(packets, frames, open, left, own);
      let kept = 0;
      for (let row = 0; row < left; row++) {
        const i = open[row];
        const verdict = own[i];
        open[kept] = i;
        // What is unknown stays so unless another part settles it.
        if (verdict === settled || verdict === UNKNOWN) verdicts[i] = verdict;
        kept += verdict === settled ? 0 : 1;
      }
      left = kept;
    }
  }
}

/** The part does not hold. */
export class Negation implements Node {
  readonly #part: Node;

  constructor(part: Node) {
    this.#part = part;
  }

  judge(
    packets: PacketBatch,
    frames: FrameBatch,
    rows: Int32Array,
    count: number,
    verdicts: Uint8Array,
  ): void {
    this.#part.judge(packets, frames, rows, count, verdicts);
    for (let row = 0; row < count; row++) {
      const i = rows[row];
      if (verdicts[i] !== UNKNOWN) verdicts[i] = verdicts[i] === YES ? NO : YES;
    }
  }
}

/** 1 or 0. */
export class Constant implements Node {
  readonly #verdict: number;

  constructor(value: boolean) {
    this.#verdict = value ? YES : NO;
  }

  judge(_: PacketBatch, __: FrameBatch, rows: Int32Array, count: number, verdicts: Uint8Array): void {
    for (let row = 0; row < count; row++) verdicts[rows[row]] = this.#verdict;
  }
}

/** The packet has the field, and a test of it holds, or, negated, does not. */
export class FieldNode implements Node {
  readonly #field: Field;
  readonly #test: WordTest;
  readonly #negated: boolean;
  readonly #scratch: Scratch;

  constructor(field: Field, test: WordTest, negated: boolean, scratch: Scratch) {
    this.#field = field;
    this.#test = test;
    this.#negated = negated;
    this.#scratch = scratch;
  }

  judge(
    packets: PacketBatch,
    frames: FrameBatch,
    rows: Int32Array,
    count: number,
    verdicts: Uint8Array,
  ): void {
    const { load, words: size } = this.#field;
    const { loaded } = this.#scratch;
    load(packets, frames, rows, count, loaded);
    const { at, words } = loaded;
    const test = this.#test;
    const wanted = this.#negated ? 0 : 1;
    if (size === 1 && test instanceof Equal) {
      const value = test.value[0];
      const mask = test.mask[0];
      const [same, other] = this.#negated ? [NO, YES] : [YES, NO];
      for (let row = 0; row < count; row++)
        verdicts[rows[row]] = at[row] < 0 ? NO : (words[row] & mask) === value ? same : other;
      return;
    }
    for (let row = 0; row < count; row++)
      verdicts[rows[row]] = at[row] >= 0 && test.holds(words, row * size) === wanted ? YES : NO;
  }
}

/** The packet has the key, and what it means has one of the names, or, negated, has none of them. */
export class NameNode implements Node {
  readonly #verdicts: Verdicts;
  readonly #isDatapath: boolean;
  readonly #negated: boolean;
  readonly #shift: number;
  readonly #mask: number;

  /** `table`: see verdictsOn. */
  constructor(side: Exclude<KeySide, "either">, table: Verdicts, negated: boolean) {
    this.#verdicts = table;
    this.#isDatapath = side === "datapath";
    this.#negated = negated;
    this.#shift = side === "ingress" ? INGRESS_SHIFT : 0;
    this.#mask = side === "ingress" ? INGRESS_MASK : side === "egress" ? EGRESS_MASK : 0;
  }

  judge(
    { tsSec, tsNsec }: PacketBatch,
    { vni, ovnKeys }: FrameBatch,
    rows: Int32Array,
    count: number,
    verdicts: Uint8Array,
  ): void {
    const table = this.#verdicts;
    table.refresh();
    const isDatapath = this.#isDatapath;
    const negated = this.#negated;
    const shift = this.#shift;
    const mask = this.#mask;
    for (let row = 0; row < count; row++) {
      const i = rows[row];
      const key = (ovnKeys[i] >>> shift) & mask;
      // No datapath has the key 0, nor any port.
      let verdict: number = NO;
      if ((isDatapath ? vni[i] : key) > 0) {
        verdict = table.on(tsSec[i], tsNsec[i], vni[i], key);
        if (negated && verdict !== UNKNOWN) verdict = verdict === YES ? NO : YES;
      }
      verdicts[i] = verdict;
    }
  }
}
