/** One flow as plain values. Times are seconds since 1970 and nanoseconds. */
export interface FlowEntry {
  vni: number;
  /** The option's data word without its reserved bit. */
  keys: number;
  packets: number;
  bytes: number;
  firstSec: number;
  firstNsec: number;
  lastSec: number;
  lastNsec: number;
}

/** From when until when keys mean what they mean, in milliseconds since 1970. */
export interface Validity {
  readonly from: number;
  readonly until: number;
}

/** A flow without a slot: of another meaning of its keys, or because its bucket is full. */
export interface Aside extends FlowEntry {
  from: number;
  until: number;
}

/** Flows set aside. */
export class FlowsAside {
  /** In the order in which they came. */
  readonly all: Aside[] = [];
  /** By VNI, then keys; in order of `from`. */
  readonly #byKeys = new Map<number, Map<number, Aside[]>>();

  /** The flow of these keys whose meaning holds at `ms`, or null. */
  at(vni: number, keys: number, ms: number): Aside | null {
    if (this.all.length === 0) return null;
    const flows = this.#of(vni, keys);
    const at = lastFrom(flows, ms);
    return at >= 0 && ms < flows[at].until ? flows[at] : null;
  }

  add(flow: Aside): void {
    const byKeys = this.#byKeys.get(flow.vni) ?? new Map<number, Aside[]>();
    const flows = byKeys.get(flow.keys) ?? [];
    this.#byKeys.set(flow.vni, byKeys.set(flow.keys, flows));
    insertByFrom(flows, flow);
    this.all.push(flow);
  }

  /** `flow` takes the place of `old`, a flow here of the same keys. */
  exchange(old: Aside, flow: Aside): void {
    const flows = this.#of(old.vni, old.keys);
    flows.splice(flows.indexOf(old), 1);
    insertByFrom(flows, Object.assign(old, flow));
  }

  #of(vni: number, keys: number): Aside[] {
    return this.#byKeys.get(vni)?.get(keys) ?? [];
  }
}

/** Index of the last of `flows`, which are in order of `from`, whose `from` is `ms` or before; -1 for none. */
function lastFrom(flows: readonly Aside[], ms: number): number {
  let low = 0;
  let high = flows.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (flows[middle].from <= ms) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

function insertByFrom(flows: Aside[], flow: Aside): void {
  flows.splice(lastFrom(flows, flow.from) + 1, 0, flow);
}
