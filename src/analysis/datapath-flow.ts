/*
 * One line of `ovs-appctl dpctl/dump-flows` (also `ovs-dpctl dump-flows`, with `-m`, `--names` or without): which inner
 * frames it is about, and the header of the tunnel that they came with (`tunnel(...)` of the match) or go with
 * (`set(tunnel(...))` of a kernel's actions, `tnl_push(...)` of those in user space).
 */
import { FlowFrame } from "./flow-frame.js";
import { type FlowFault, pushedHeader, tunnelHeader } from "./flow-header.js";
import { eachItem, numberOf, withMask } from "./flow-text.js";
import type { HeaderPool, TunnelHeader } from "./tunnel-header.js";

/** Frames on a tunnel's device that a flow is about: those that have `values` in the bits of `masks`. */
export interface TunnelFlow {
  readonly values: Int32Array;
  readonly masks: Int32Array;
  readonly header: TunnelHeader;
}

/** Whether a flow is about frames between two MACs only. */
export function isPinned({ masks }: TunnelFlow): boolean {
  return masks[0] === -1 && masks[1] === -1 && masks[2] === -1;
}

/** What a line says. */
export interface FlowLine {
  readonly flows: readonly TunnelFlow[];
  /** What of it could not be used: syntax, or keys that it matches in part only. */
  readonly fault: FlowFault | null;
}

/** Nested actions are followed so far: `clone(check_pkt_len(...))`. */
const DEEPEST = 8;
/** Flows of one line at most: one for each tunnel that it sends to. */
const MOST_FLOWS = 256;
const NOTHING: FlowLine = Object.freeze({ flows: Object.freeze([]), fault: null });

/** Reads one line; null for what is no flow, such as a heading. */
export function readFlowLine(line: string, pool: HeaderPool): FlowLine | null {
  const split = line.indexOf("actions:");
  if (split < 0) return null;
  // Most flows of a host have nothing to do with tunnels.
  if (!line.includes("tunnel(") && !line.includes("tnl_push(")) return NOTHING;
  const reader = new FlowReader(pool);
  reader.read(line.slice(0, split), line.slice(split + "actions:".length));
  // What could not be read may have been what tells it from other flows.
  if (reader.faults.has("unreadable")) return { flows: [], fault: "unreadable" };
  return { flows: reader.flows, fault: reader.faults.has("inexact") ? "inexact" : null };
}

class FlowReader {
  readonly flows: TunnelFlow[] = [];
  readonly faults = new Set<FlowFault>();
  readonly #pool: HeaderPool;

  constructor(pool: HeaderPool) {
    this.#pool = pool;
  }

  read(match: string, actions: string): void {
    const frame = new FlowFrame(this.faults);
    let tunnel: string | null = null;
    let isFirst = true;
    const isWhole = eachItem(match, (name, value) => {
      if (value === null) return;
      if (name === "tunnel") tunnel = value;
      else if (name === "recirc_id") isFirst = numberOf(withMask(value)[0]) === 0;
      else frame.attribute(name, value);
    });
    if (!isWhole) return this.#fail();
    // When a packet comes round again its headers may no longer be those that it came with.
    if (tunnel !== null && isFirst) this.#add(frame, tunnelHeader(tunnel, this.#pool));
    this.#actions(frame, actions, 0);
  }

  #fail(): void {
    this.faults.add("unreadable");
  }

  #add(frame: FlowFrame, header: TunnelHeader | FlowFault): void {
    if (typeof header === "string") this.faults.add(header);
    else if (frame.isLost) this.faults.add("inexact");
    else if (this.flows.length < MOST_FLOWS)
      this.flows.push({ values: frame.values.slice(), masks: frame.masks.slice(), header });
  }

  /** Follows the actions, and adds a flow for each output to a tunnel. */
  #actions(frame: FlowFrame, text: string, depth: number): void {
    if (depth === DEEPEST) return this.#fail();
    const isWhole = eachItem(text, (name, value) => {
      if (value === null) this.#output(frame, name);
      else this.#action(frame, name, value, depth);
    });
    if (!isWhole) this.#fail();
  }

  /** The first output behind `set(tunnel(...))` is the tunnel's; what comes later is somebody else's. */
  #output(frame: FlowFrame, name: string): void {
    if (POPS.has(name)) frame.isLost = true;
    else if (!NO_OUTPUT.has(name) && frame.tunnel !== null) {
      this.#add(frame, frame.tunnel);
      frame.tunnel = null;
    }
  }

  #action(frame: FlowFrame, name: string, value: string, depth: number): void {
    switch (name) {
      case "set":
      case "set_masked":
        if (!eachItem(value, (what, text) => text !== null && this.#set(frame, what, text))) this.#fail();
        return;
      case "tnl_push":
        return this.#add(frame, pushedHeader(value, this.#pool));
      case "ct":
        // Translation gives it other addresses.
        if (/(^|,)nat(\(|,|$)/.test(value)) frame.forgetAddresses();
        return;
      case "clone":
        return this.#actions(frame.copy(), value, depth + 1);
      case "sample":
      case "check_pkt_len":
      case "dec_ttl":
        if (
          !eachItem(value, (branch, text) => {
            if (text !== null && BRANCHES.has(branch)) this.#actions(frame.copy(), text, depth + 1);
          })
        )
          this.#fail();
        return;
      case "push_vlan":
        return frame.pushVlan(value);
      case "push_mpls":
      case "pop_mpls":
      case "push_eth":
      case "push_nsh":
      case "add_mpls":
        frame.isLost = true;
    }
  }

  #set(frame: FlowFrame, what: string, text: string): void {
    if (what === "tunnel") frame.tunnel = tunnelHeader(text, this.#pool);
    else if (what === "vlan" || what === "encap" || what === "mpls") frame.isLost = true;
    else frame.attribute(what, text);
  }
}

/** Words among the actions that are no ports; the second ones make another kind of packet of it. */
const NO_OUTPUT: ReadonlySet<string> = new Set(["drop", "ct_clear"]);
const POPS: ReadonlySet<string> = new Set(["pop_vlan", "pop_eth", "pop_nsh"]);
/** Where the actions of an action are. */
const BRANCHES: ReadonlySet<string> = new Set(["actions", "gt", "le", "le_1"]);
