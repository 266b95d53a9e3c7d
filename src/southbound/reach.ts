/*
 * Which datapaths one is connected with: pairs of ports that are each other's peer
 * (`options:peer` of patch and l3gateway ports, ovn-sb(5)) join switches and routers.
 */
import type { History, RowHistory, RowVersion } from "./history.js";
import type { Interval } from "./model.js";
import { pairValue } from "./ovsdb/value.js";
import { Answer, Answers, Span } from "./span.js";
import { ColumnIndex } from "./tables.js";
import { Timeline } from "./timeline.js";

const PORT = ColumnIndex.Port_Binding;

/** The datapaths (by uuid) that one is connected with, itself among them. */
export interface Reach extends Interval {
  readonly datapaths: ReadonlySet<string>;
}

/** A port of `datapath` that leads somewhere: over time to the peer of this name, or outside. */
interface Joint {
  readonly datapath: string;
  readonly peer: Timeline<string>;
  readonly outside: Timeline<true>;
}

export class ReachIndex {
  readonly #history: History;
  readonly #joints = new Map<RowHistory, Joint>();
  readonly #byDatapath = new Map<string, Joint[]>();
  readonly #answers = new Map<string, Answers<Reach>>();
  /** How many joints there were when the answers were made: a new one may change any of them. */
  #answersFor = 0;
  #count = 0;

  constructor(history: History) {
    this.#history = history;
  }

  /** Takes note of a version of a Port_Binding row that begins at `time` (null: the row ends). */
  add(row: RowHistory, version: RowVersion | null, time: number): void {
    const values = version?.values;
    const datapath = values?.[PORT.datapath] as string | undefined;
    const peer = values === undefined ? undefined : pairValue(values[PORT.options], "peer");
    const outside = values?.[PORT.type] === "localnet" ? true : null;
    let joint = this.#joints.get(row);
    if (joint !== undefined && joint.datapath !== datapath) {
      joint.peer.set(time, null);
      joint.outside.set(time, null);
    }
    if (datapath === undefined) return;
    if (joint?.datapath !== datapath) {
      if (peer === undefined && outside === null) return;
      joint = { datapath, peer: new Timeline(), outside: new Timeline() };
      this.#joints.set(row, joint);
      const others = this.#byDatapath.get(datapath);
      if (others === undefined) this.#byDatapath.set(datapath, [joint]);
      else others.push(joint);
      this.#count++;
    }
    joint.peer.set(time, peer ?? null);
    joint.outside.set(time, outside);
  }

  /** What the datapath with this uuid was connected with at `time`. */
  of(datapath: string, time: number): Answer<Reach> {
    if (this.#answersFor !== this.#count) {
      this.#answers.clear();
      this.#answersFor = this.#count;
    }
    const { generation } = this.#history;
    let answers = this.#answers.get(datapath);
    if (answers === undefined) {
      answers = new Answers();
      this.#answers.set(datapath, answers);
    }
    const kept = answers.at(time, generation);
    if (kept !== null) return kept;
    const span = new Span();
    const datapaths = this.#search(datapath, span, time);
    const answer = new Answer({ datapaths, from: span.from, until: span.until }, span, generation);
    answers.add(answer);
    return answer;
  }

  /**
   * A network with a way to the outside is reached but not passed through: a tenant's private addresses are not
   * those of another whose router is on the same public network.
   */
  #search(start: string, span: Span, time: number): ReadonlySet<string> {
    const reached = new Set([start]);
    for (const datapath of reached) {
      const joints = this.#byDatapath.get(datapath) ?? [];
      const leadsOutside = joints.filter((joint) => span.read(joint.outside, time) !== null).length > 0;
      if (datapath !== start && leadsOutside) continue;
      for (const joint of joints) {
        const peer = span.read(joint.peer, time);
        if (peer === null) continue;
        const row = span.read(this.#history.portByName.get(peer), time);
        const there = row === null ? null : span.read(row.versions, time);
        if (there !== null) reached.add(there.values[PORT.datapath] as string);
      }
    }
    return reached;
  }
}
