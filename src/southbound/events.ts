/*
 * What happened to a logical port, or to the holders of one key, in the order of time: told from the versions
 * of the rows of Port_Binding and Multicast_Group and of those they name (ovn-sb(5)).
 */
import { at2, type Composer } from "./compose.js";
import type { History, RowHistory } from "./history.js";
import type { Chassis, Encap, Interval, MulticastGroup, Port } from "./model.js";
import { LAST_PORT_KEY } from "./resolver.js";
import type { OverTime } from "./timeline.js";

/**
 * - `known`: it was there when the record begins; since when, is not known;
 * - `created`, `deleted`: its row was inserted, deleted;
 * - `replaced`: another row with the same name (or key) takes its place, or gives it back: a damaged database;
 * - `renamed`: `logical_port` changed; `type-changed`; `addresses-changed`: `mac` changed;
 * - `key-changed`: another datapath, another key of its datapath, or another tunnel key;
 * - `key-reused`: a key that was the port's until then was given to another port or group, its `holder`;
 * - `bound`, `unbound`: a chassis claimed or released it; `moved`: one that is not the last one claimed it;
 * - `also-bound`, `also-unbound`: the same of a chassis of `additional_chassis` (live migration);
 * - `tunnel-changed`: the tunnel end points of the chassis it is bound to changed;
 * - `up`, `down`: what `up` says.
 */
export type PortEventKind =
  | "known"
  | "created"
  | "replaced"
  | "renamed"
  | "type-changed"
  | "key-changed"
  | "key-reused"
  | "addresses-changed"
  | "bound"
  | "moved"
  | "unbound"
  | "also-bound"
  | "also-unbound"
  | "tunnel-changed"
  | "up"
  | "down"
  | "deleted";

/** One thing that happened at `time` (milliseconds since 1970, `-Infinity` where the source has no history). */
export interface PortEvent {
  readonly time: number;
  readonly event: PortEventKind;
  /** Whom it happened to, as it was from then on; as it was last for `deleted` and `key-reused`. */
  readonly subject: Port | MulticastGroup;
  /** The same just before, for what changed. */
  readonly before: Port | MulticastGroup | null;
  /** The chassis that claimed or released it, for events that are about one. */
  readonly chassis: Chassis | null;
  /** For `bound` and `moved`: where it was bound before, and until when. */
  readonly lastBinding: { readonly chassis: Chassis; readonly until: number } | null;
  /**
   * For `known`, `created`, `renamed` and `key-changed`: another one that had the key before, where there was one.
   * For `key-reused`: the one that has it from then on.
   */
  readonly holder: KeyHolder | null;
}

/** Who had a key, from `from` to before `until`. */
export interface KeyHolder extends Interval {
  /** As it was last. */
  readonly owner: Port | MulticastGroup;
}

/** A row's time under a name or a key. */
interface Tenure extends Interval {
  readonly row: RowHistory;
  readonly of: "name" | "key";
}

type Details = Partial<Omit<PortEvent, "time" | "event" | "subject">>;

function happened(
  time: number,
  event: PortEventKind,
  subject: PortEvent["subject"],
  details: Details = {},
): PortEvent {
  return { time, event, subject, before: null, chassis: null, lastBinding: null, holder: null, ...details };
}

/** A state of a row, and when it begins. */
interface State {
  readonly time: number;
  readonly state: Port | MulticastGroup;
}

/**
 * Tells events. `start` is when the record begins (`Inventory.historyStart`). It remembers what it has read of
 * the history, so use it for one question; costs time in proportion to the versions of the rows asked for.
 */
export class Chronicle {
  readonly #history: History;
  readonly #composer: Composer;
  readonly #start: number;
  readonly #states = new Map<RowHistory, readonly State[]>();
  /** By datapath key, then key. */
  readonly #tenures = new Map<number, Map<number, readonly Tenure[]>>();

  constructor(history: History, composer: Composer, start: number) {
    this.#history = history;
    this.#composer = composer;
    this.#start = start;
  }

  /** What happened to the port with the `logical_port` `name`, and to its keys after it; all rows that had the name. */
  ofPort(name: string): PortEvent[] {
    const tenures = tenuresOf(this.#history.portByName.get(name), "name");
    const ours = new Set(tenures.map(({ row }) => row));
    const events = tenures.flatMap((tenure) => this.#tenureEvents(tenure));
    const keys = new Map<string, readonly [number, number]>();
    for (const { subject } of events)
      if (subject.kind === "port")
        keys.set(`${subject.datapathKey} ${subject.tunnelKey}`, [subject.datapathKey, subject.tunnelKey]);
    for (const [datapathKey, key] of keys.values())
      this.#tenuresOfKey(datapathKey, key).forEach((next, i, all) => {
        const last = all[i - 1];
        if (last === undefined || ours.has(next.row) || !ours.has(last.row)) return;
        const subject = this.#lastOwner(last);
        if (subject !== null)
          events.push(happened(next.from, "key-reused", subject, { holder: this.#holder(next) }));
      });
    return events.sort((a, b) => compare(a.time, b.time));
  }

  /** What happened to the ports (or multicast groups) with this key in the datapath with this key, while they had it. */
  ofKey(datapathKey: number, key: number): PortEvent[] {
    return this.#tenuresOfKey(datapathKey, key).flatMap((tenure) => this.#tenureEvents(tenure));
  }

  /** Who had this key in the datapath with this key, in the order of time. */
  holders(datapathKey: number, key: number): KeyHolder[] {
    return this.#tenuresOfKey(datapathKey, key)
      .map((tenure) => this.#holder(tenure))
      .filter((holder) => holder !== null);
  }

  #tenuresOfKey(datapathKey: number, key: number): readonly Tenure[] {
    let byKey = this.#tenures.get(datapathKey);
    if (byKey === undefined) {
      byKey = new Map();
      this.#tenures.set(datapathKey, byKey);
    }
    let tenures = byKey.get(key);
    if (tenures === undefined) {
      tenures = this.#readTenures(datapathKey, key);
      byKey.set(key, tenures);
    }
    return tenures;
  }

  /** The tenures of a key in each datapath's row, cut to the times when that row had the datapath's key. */
  #readTenures(datapathKey: number, key: number): Tenure[] {
    const { datapathByKey, portByKey, groupByKey } = this.#history;
    const index = key <= LAST_PORT_KEY ? portByKey : groupByKey;
    const inRow = new Map<RowHistory, Tenure[]>();
    const found: Tenure[] = [];
    for (const datapath of tenuresOf(datapathByKey.get(datapathKey), "key")) {
      let all = inRow.get(datapath.row);
      if (all === undefined) {
        all = tenuresOf(at2(index, datapath.row.uuid, key), "key");
        inRow.set(datapath.row, all);
      }
      for (let i = countWhile(all, ({ until }) => until <= datapath.from); i < all.length; i++) {
        const from = Math.max(all[i].from, datapath.from);
        const until = Math.min(all[i].until, datapath.until);
        if (from >= until) break;
        found.push({ ...all[i], from, until });
      }
    }
    return found;
  }

  #holder(tenure: Tenure): KeyHolder | null {
    const owner = this.#lastOwner(tenure);
    return owner === null ? null : { owner, from: tenure.from, until: tenure.until };
  }

  #lastOwner({ row, from, until }: Tenure): PortEvent["subject"] | null {
    const last = this.#lastBefore(row, until);
    return last === undefined || last.state.until <= from ? null : last.state;
  }

  /** All states of a row, in order. There are none while it does not exist. */
  #statesOf(row: RowHistory): readonly State[] {
    const known = this.#states.get(row);
    if (known !== undefined) return known;
    const isPort = this.#history.rows.Port_Binding.get(row.uuid) === row;
    const states: State[] = [];
    for (const { from, until, value } of row.versions.segments)
      for (let time = from; time < until; ) {
        const state = isPort ? this.#composer.port(value, time) : this.#composer.group(value, time);
        if (state === null) break;
        states.push({ time, state });
        time = state.until;
      }
    this.#states.set(row, states);
    return states;
  }

  /** The last state of a row that begins before `time`. */
  #lastBefore(row: RowHistory, time: number): State | undefined {
    const states = this.#statesOf(row);
    return states[countWhile(states, (each) => each.time < time) - 1];
  }

  /** The states of a row in a tenure, each with when it begins in it. */
  *#statesIn({ row, from, until }: Tenure): Generator<State> {
    const states = this.#statesOf(row);
    for (let i = countWhile(states, ({ state }) => state.until <= from); i < states.length; i++) {
      const { time, state } = states[i];
      if (time >= until) return;
      yield { time: Math.max(time, from), state };
    }
  }

  #tenureEvents(tenure: Tenure): PortEvent[] {
    const { row, from, until } = tenure;
    const events: PortEvent[] = [];
    const binding = new Bindings();
    let last: Port | MulticastGroup | null = null;
    for (const { time, state } of this.#statesIn(tenure)) {
      if (last === null) {
        const before = this.#stateBefore(row, from);
        events.push(this.#entry(tenure, state, before));
        if (state.kind === "port" && events[0].event === "created") binding.tell(time, null, state, events);
        else if (state.kind === "port") binding.begin(state);
      } else this.#tellChange(time, last, state, binding, events);
      last = state;
    }
    if (last !== null && until !== Number.POSITIVE_INFINITY) events.push(this.#exit(tenure, last));
    return events;
  }

  /** What brought a row to its name or key. */
  #entry(
    { of, from }: Tenure,
    state: Port | MulticastGroup,
    before: Port | MulticastGroup | null,
  ): PortEvent {
    const holder = state.kind === "port" ? this.#holderBefore(state, from) : null;
    if (before === null) return happened(from, from === this.#start ? "known" : "created", state, { holder });
    return happened(from, turned(of, before, state), state, { before, holder });
  }

  /** What ended a row's time under a name or key, and with it the story. */
  #exit({ row, of, until }: Tenure, last: Port | MulticastGroup): PortEvent {
    const states = this.#statesOf(row);
    const next = states[countWhile(states, ({ state }) => state.until <= until)];
    if (next === undefined || next.time > until) return happened(until, "deleted", last);
    return happened(until, turned(of, last, next.state), next.state, { before: last });
  }

  #tellChange(
    time: number,
    before: Port | MulticastGroup,
    after: Port | MulticastGroup,
    binding: Bindings,
    events: PortEvent[],
  ): void {
    const tell = (event: PortEventKind, details: Details = {}) =>
      events.push(happened(time, event, after, { before, ...details }));
    if (before.name !== after.name) tell("renamed");
    if (before.kind !== "port" || after.kind !== "port") return;
    if (keyChanged(before, after)) tell("key-changed", { holder: this.#holderBefore(after, time) });
    if (before.type !== after.type) tell("type-changed");
    if (!sameTexts(before.mac, after.mac)) tell("addresses-changed");
    binding.tell(time, before, after, events);
    if (after.up !== null && before.up !== after.up) tell(after.up ? "up" : "down");
  }

  /** Another row that had the port's key last before `time`. */
  #holderBefore(port: Port, time: number): KeyHolder | null {
    const tenures = this.#tenuresOfKey(port.datapathKey, port.tunnelKey);
    const before = tenures[countWhile(tenures, ({ from }) => from < time) - 1];
    return before === undefined || before.row.uuid === port.uuid ? null : this.#holder(before);
  }

  /** The row's state that ended at `time`, if it had one. */
  #stateBefore(row: RowHistory, time: number): Port | MulticastGroup | null {
    const last = this.#lastBefore(row, time);
    return last === undefined || last.state.until < time ? null : last.state;
  }
}

/** Where a port is and was bound. */
class Bindings {
  #last: PortEvent["lastBinding"] = null;

  begin(port: Port): void {
    if (port.chassis !== null) this.#last = { chassis: port.chassis, until: Number.POSITIVE_INFINITY };
  }

  tell(time: number, before: Port | null, after: Port, events: PortEvent[]): void {
    const tell = (event: PortEventKind, details: Details = {}) =>
      events.push(happened(time, event, after, { before, ...details }));
    const old = before?.chassis ?? null;
    const now = after.chassis;
    if (old !== null && old.name !== now?.name) this.#last = { chassis: old, until: time };
    if (now === null) {
      if (old !== null) tell("unbound", { chassis: old });
    } else if (old?.name !== now.name) {
      const lastBinding = this.#last;
      const elsewhere = lastBinding !== null && lastBinding.chassis.name !== now.name;
      tell(elsewhere ? "moved" : "bound", { chassis: now, lastBinding });
    } else if (before !== null && !sameTexts(tunnels(before), tunnels(after))) {
      tell("tunnel-changed", { chassis: now });
    }
    for (const chassis of missing(before?.additionalChassis ?? [], after.additionalChassis))
      tell("also-unbound", { chassis });
    for (const chassis of missing(after.additionalChassis, before?.additionalChassis ?? []))
      tell("also-bound", { chassis });
  }
}

/** Those of `some` that are not among `others`, by name. */
function missing(some: readonly Chassis[], others: readonly Chassis[]): Chassis[] {
  return some.filter(({ name }) => !others.some((other) => other.name === name));
}

/** The end points of the tunnels to a port: the one prescribed, else all of its chassis. */
export function portEncaps({ encap, chassis }: Port): readonly Encap[] {
  return encap !== null ? [encap] : (chassis?.encaps ?? []);
}

function tunnels(port: Port): string[] {
  return portEncaps(port).map(({ type, ip }) => `${type} ${ip}`);
}

function sameTexts(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((text, i) => text === b[i]);
}

function keyChanged(before: Port | MulticastGroup, after: Port | MulticastGroup): boolean {
  if (before.tunnelKey !== after.tunnelKey) return true;
  if (before.kind !== "port" || after.kind !== "port") return false;
  return before.datapathKey !== after.datapathKey || before.datapath?.uuid !== after.datapath?.uuid;
}

/** Why a row that still exists came to, or lost, its name or key. */
function turned(
  of: Tenure["of"],
  before: Port | MulticastGroup,
  after: Port | MulticastGroup,
): PortEventKind {
  if (of === "name") return before.name !== after.name ? "renamed" : "replaced";
  return keyChanged(before, after) ? "key-changed" : "replaced";
}

function tenuresOf(timeline: OverTime<RowHistory> | undefined, of: Tenure["of"]): Tenure[] {
  const tenures: Tenure[] = [];
  for (const { from, until, value } of timeline?.segments ?? [])
    if (value !== null) tenures.push({ row: value, of, from, until });
  return tenures;
}

/** How many of `sorted` fulfil `condition`, which those do that come first. */
function countWhile<T>(sorted: readonly T[], condition: (element: T) => boolean): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (condition(sorted[middle])) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** As numbers compare, with infinities. */
function compare(a: number, b: number): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
