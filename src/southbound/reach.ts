/*
 * Which datapaths one is connected with: pairs of ports that are each other's peer (`options:peer` of patch and
 * l3gateway ports, ovn-sb(5)) join switches and routers.
 */
import { entryOf } from "./entry.js";
import type { History, RowHistory, RowVersion } from "./history.js";
import type { Interval } from "./model.js";
import { pairValue } from "./ovsdb/value.js";
import { Answer, Answers, Span } from "./span.js";
import { ColumnIndex } from "./tables.js";
import { Timeline } from "./timeline.js";

const PORT = ColumnIndex.Port_Binding;
/** Kept answers: beyond this they start over. */
const CACHE_LIMIT = 1 << 12;

/** The datapaths (by uuid) that one is connected with, itself among them. */
export interface Reach extends Interval {
  readonly datapaths: ReadonlySet<string>;
}

/** A port that leads somewhere: over time to the peer of this name, or outside. */
interface Joint {
  readonly name: string;
  readonly datapath: string;
  readonly peer: Timeline<string>;
  readonly outside: Timeline<true>;
}

export class ReachIndex {
  readonly #history: History;
  /** By row: one for each name and datapath it ever had, which is one, but for databases made by hand. */
  readonly #joints = new Map<RowHistory, Joint[]>();
  readonly #byDatapath = new Map<string, Joint[]>();
  readonly #answers = new Map<string, Answers<Reach>>();
  #kept = 0;
  /** How many joints there were when the answers were made: a new one may change any of them. */
  #answersFor = 0;
  #count = 0;

  constructor(history: History) {
    this.#history = history;
  }

  /** Takes note of a version of a Port_Binding row that begins at `time` (null: the row ends). */
  add(row: RowHistory, version: RowVersion | null, time: number): void {
    const values = version?.values;
    const name = values?.[PORT.logical_port] as string | undefined;
    const datapath = values?.[PORT.datapath] as string | undefined;
    const peer = (values === undefined ? undefined : pairValue(values[PORT.options], "peer")) ?? null;
    const outside = values?.[PORT.type] === "localnet" ? true : null;
    let own: Joint | undefined;
    for (const joint of this.#joints.get(row) ?? []) {
      if (joint.name === name && joint.datapath === datapath) own = joint;
      else {
        joint.peer.set(time, null);
        joint.outside.set(time, null);
      }
    }
    if (name === undefined || datapath === undefined) return;
    if (own === undefined) {
      if (peer === null && outside === null) return;
      own = { name, datapath, peer: new Timeline(), outside: new Timeline() };
      entryOf(this.#joints, row, () => []).push(own);
      entryOf(this.#byDatapath, datapath, () => []).push(own);
      this.#count++;
    }
    own.peer.set(time, peer);
    own.outside.set(time, outside);
  }

  /** What the datapath with this uuid was connected with at `time`. */
  of(datapath: string, time: number): Reach {
    if (this.#answersFor !== this.#count || this.#kept > Math.max(CACHE_LIMIT, 4 * this.#byDatapath.size)) {
      this.#answers.clear();
      this.#answersFor = this.#count;
      this.#kept = 0;
    }
    const { generation } = this.#history;
    const kept = this.#answers.get(datapath)?.at(time, generation);
    if (kept != null) return kept.value;
    const span = new Span();
    const { reached, insides } = this.#search(datapath, span, time);
    const answer = new Answer({ datapaths: reached, from: span.from, until: span.until }, span, generation);
    // All that are joined without going outside reach the same; to each of them its own list is a square.
    for (const each of insides) entryOf(this.#answers, each, () => new Answers()).add(answer);
    this.#kept += insides.length;
    return answer.value;
  }

  /**
   * A network with a way to the outside is reached but not passed through: a tenant's private addresses are not
   * those of another whose router is on the same public network. From there, only the routers at it are reached.
   */
  #search(start: string, span: Span, time: number) {
    const reached = new Set([start]);
    const insides: string[] = [];
    const startsOutside = this.#leadsOutside(start, span, time);
    for (const datapath of reached) {
      const isStart = datapath === start;
      if (startsOutside ? !isStart : !isStart && this.#leadsOutside(datapath, span, time)) continue;
      insides.push(datapath);
      for (const joint of this.#byDatapath.get(datapath) ?? []) {
        const there = this.#otherEnd(joint, span, time);
        if (there !== null) reached.add(there);
      }
    }
    return { reached, insides };
  }

  #leadsOutside(datapath: string, span: Span, time: number): boolean {
    let found = false;
    for (const joint of this.#byDatapath.get(datapath) ?? [])
      if (span.read(joint.outside, time) !== null) found = true;
    return found;
  }

  /** The datapath of a joint's peer, if that names the joint as its own. */
  #otherEnd(joint: Joint, span: Span, time: number): string | null {
    const peer = span.read(joint.peer, time);
    const row = peer === null ? null : span.read(this.#history.portByName.get(peer), time);
    if (row === null) return null;
    for (const other of this.#joints.get(row) ?? [])
      if (other.name === peer && span.read(other.peer, time) === joint.name) return other.datapath;
    return null;
  }
}
