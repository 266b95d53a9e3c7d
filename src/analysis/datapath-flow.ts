/*
 * One line of `ovs-appctl dpctl/dump-flows` (also `ovs-dpctl dump-flows`, with `-m`, `--names` or without): which inner
 * frames it is about, and the header of the tunnel that they came with (`tunnel(...)` of the match) or go with
 * (`set(tunnel(...))` of a kernel's actions, `tnl_push(...)` of those in user space).
 */
import { formatIpv4, formatIpv6, ipVersion, parseIpv4, parseIpv6, parseMac } from "../wire/address.js";
import { EtherType } from "../wire/ethertype.js";
import { OVN_OPTION_CLASS, OVN_OPTION_TYPE } from "../wire/ovn-option.js";
import { isTpid } from "../wire/vlan.js";
import { eachItem, numberOf, withMask } from "./flow-text.js";
import {
  DESTINATION_WORD,
  FRAME_WORDS,
  PROTOCOL_WORD,
  SOURCE_WORD,
  TAGGED,
  TYPE_WORD,
  VLAN_SHIFT,
} from "./frame-words.js";
import type { HeaderPool, TunnelHeader } from "./tunnel-header.js";

/** Why a flow that has to do with tunnels tells no keys. */
export type FlowFault = "unreadable" | "inexact";

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
/** The bits of the OVN option that are keys. */
const KEY_BITS = 0x7fffffff;
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
  return { flows: reader.fault === "unreadable" ? [] : reader.flows, fault: reader.fault };
}

/** The frame that a flow's actions have to do with, as they change it. */
class Frame {
  readonly values = new Int32Array(FRAME_WORDS);
  readonly masks = new Int32Array(FRAME_WORDS);
  /** What encapsulates it at the next output; "inexact": it cannot be told. */
  tunnel: TunnelHeader | FlowFault | null = null;
  /** It is no longer the Ethernet frame it was. */
  isLost = false;

  copy(): Frame {
    const copy = new Frame();
    copy.values.set(this.values);
    copy.masks.set(this.masks);
    copy.tunnel = this.tunnel;
    copy.isLost = this.isLost;
    return copy;
  }

  /** Bits of a word become known. */
  set(word: number, value: number, mask: number): void {
    this.values[word] = (this.values[word] & ~mask) | (value & mask);
    this.masks[word] |= mask;
  }

  /** Four words from `word` on may be anything. */
  forget(word: number): void {
    this.values.fill(0, word, word + 4);
    this.masks.fill(0, word, word + 4);
  }
}

class FlowReader {
  readonly flows: TunnelFlow[] = [];
  fault: FlowFault | null = null;
  readonly #pool: HeaderPool;

  constructor(pool: HeaderPool) {
    this.#pool = pool;
  }

  read(match: string, actions: string): void {
    const frame = new Frame();
    let tunnel: string | null = null;
    let isFirst = true;
    const isWhole = eachItem(match, (name, value) => {
      if (value === null) return;
      if (name === "tunnel") tunnel = value;
      else if (name === "recirc_id") isFirst = numberOf(withMask(value)[0]) === 0;
      else this.#match(frame, name, value, 0);
    });
    if (!isWhole) return this.#note("unreadable");
    // When a packet comes round again its headers may no longer be those that it came with.
    if (tunnel !== null && isFirst) this.#add(frame, this.#header(tunnel));
    this.#actions(frame, actions, 0);
  }

  #note(fault: FlowFault): void {
    if (this.fault !== "unreadable") this.fault = fault;
  }

  #add(frame: Frame, header: TunnelHeader | FlowFault): void {
    if (typeof header === "string") return this.#note(header);
    if (frame.isLost) return this.#note("inexact");
    if (this.flows.length < MOST_FLOWS)
      this.flows.push({ values: frame.values.slice(), masks: frame.masks.slice(), header });
  }

  /** An attribute of the match, or of what `set` changes. */
  #match(frame: Frame, name: string, value: string, depth: number): void {
    const fields = (take: (field: string, text: string) => void): void => {
      if (!eachItem(value, (field, text) => text !== null && take(field, text))) this.#note("unreadable");
    };
    switch (name) {
      case "eth":
        return fields((field, text) => this.#mac(frame, field, text));
      case "eth_type":
        return this.#etherType(frame, value);
      case "vlan":
        return fields((field, text) => field === "vid" && this.#vlan(frame, text));
      case "encap":
        if (depth === DEEPEST) return this.#note("unreadable");
        return fields((inner, text) => this.#match(frame, inner, text, depth + 1));
      case "ipv4":
      case "ipv6":
        return fields((field, text) => this.#ip(frame, field, text, "src", "dst"));
      case "arp":
        return fields((field, text) => this.#ip(frame, field, text, "sip", "tip"));
    }
  }

  #mac(frame: Frame, field: string, text: string): void {
    if (field !== "src" && field !== "dst") return;
    const [value, mask] = withMask(text);
    const bits = macWords(value);
    const ones = mask === null ? [0xffff, -1] : macWords(mask);
    if (bits === null || ones === null) return this.#note("unreadable");
    if (field === "dst") {
      frame.set(0, (bits[0] << 16) | (bits[1] >>> 16), (ones[0] << 16) | (ones[1] >>> 16));
      frame.set(1, bits[1] << 16, ones[1] << 16);
    } else {
      frame.set(1, bits[0], ones[0]);
      frame.set(2, bits[1], ones[1]);
    }
  }

  #etherType(frame: Frame, text: string): void {
    const [value, mask] = withMask(text);
    const type = numberOf(value);
    const ones = mask === null ? 0xffff : numberOf(mask);
    if (type < 0 || ones < 0) return this.#note("unreadable");
    if (isTpid(type)) frame.set(TYPE_WORD, TAGGED, TAGGED);
    // Behind a tag the type is that of what the tag encapsulates.
    else if (ones !== 0)
      frame.set(TYPE_WORD, type, (ones & 0xffff) | ((frame.values[TYPE_WORD] & TAGGED) === 0 ? TAGGED : 0));
  }

  #vlan(frame: Frame, text: string): void {
    // Of several tags the outermost counts, which comes first.
    if (frame.masks[TYPE_WORD] >>> VLAN_SHIFT !== 0) return;
    const [value, mask] = withMask(text);
    const vlan = numberOf(value);
    const ones = mask === null ? 0xfff : numberOf(mask);
    if (vlan < 0 || ones < 0) return this.#note("unreadable");
    frame.set(TYPE_WORD, vlan << VLAN_SHIFT, (ones & 0xfff) << VLAN_SHIFT);
  }

  #ip(frame: Frame, field: string, text: string, source: string, destination: string): void {
    if (field === "proto") return this.#protocol(frame, text);
    if (field !== source && field !== destination) return;
    const first = field === source ? SOURCE_WORD : DESTINATION_WORD;
    const [value, mask] = withMask(text);
    const words = ipWords(value);
    const ones = mask === null ? words?.map(() => -1) : ipWords(mask);
    if (words == null || ones == null || ones.length !== words.length) return this.#note("unreadable");
    words.forEach((word, index) => {
      frame.set(first + index, word, ones[index]);
    });
  }

  #protocol(frame: Frame, text: string): void {
    const [value, mask] = withMask(text);
    const protocol = numberOf(value);
    const ones = mask === null ? 0xff : numberOf(mask);
    if (protocol < 0 || ones < 0) this.#note("unreadable");
    else frame.set(PROTOCOL_WORD, protocol, ones & 0xff);
  }

  /** Follows the actions, and adds a flow for each output to a tunnel. */
  #actions(frame: Frame, text: string, depth: number): void {
    if (depth === DEEPEST) return this.#note("unreadable");
    const isWhole = eachItem(text, (name, value) => {
      if (value === null) this.#output(frame, name);
      else this.#action(frame, name, value, depth);
    });
    if (!isWhole) this.#note("unreadable");
  }

  /** The first output behind `set(tunnel(...))` is the tunnel's; what comes later is somebody else's. */
  #output(frame: Frame, name: string): void {
    if (NO_OUTPUT.has(name)) {
      if (name.startsWith("p")) frame.isLost = true;
    } else if (frame.tunnel !== null) {
      this.#add(frame, frame.tunnel);
      frame.tunnel = null;
    }
  }

  #action(frame: Frame, name: string, value: string, depth: number): void {
    switch (name) {
      case "set":
      case "set_masked":
        if (!eachItem(value, (what, text) => text !== null && this.#set(frame, what, text)))
          this.#note("unreadable");
        return;
      case "tnl_push":
        return this.#add(frame, this.#pushed(value));
      case "ct":
        // Translation gives it other addresses.
        if (/(^|,)nat(\(|,|$)/.test(value)) {
          frame.forget(SOURCE_WORD);
          frame.forget(DESTINATION_WORD);
        }
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
          this.#note("unreadable");
        return;
      case "push_vlan":
        if ((frame.masks[TYPE_WORD] & TAGGED) === 0 || (frame.values[TYPE_WORD] & TAGGED) !== 0)
          frame.isLost = true;
        else {
          this.#etherType(frame, VLAN_TYPE);
          this.#match(frame, "vlan", value, depth);
        }
        return;
      case "push_mpls":
      case "pop_mpls":
      case "push_eth":
      case "push_nsh":
      case "add_mpls":
        frame.isLost = true;
    }
  }

  #set(frame: Frame, what: string, text: string): void {
    if (what === "tunnel") frame.tunnel = this.#header(text);
    else if (what === "vlan" || what === "encap" || what === "mpls") frame.isLost = true;
    else this.#match(frame, what, text, 0);
  }

  /** The header in a `tunnel(...)`. */
  #header(text: string): TunnelHeader | FlowFault {
    let vni = -1;
    let source: string | null = null;
    let destination: string | null = null;
    let keys: number | null = null;
    let fault: FlowFault | null = null;
    const isWhole = eachItem(text, (name, value) => {
      if (value === null) return;
      if (name === "tun_id") vni = vniOf(value);
      else if (name === "src" || name === "ipv6_src") source = addressOf(value) ?? source;
      else if (name === "dst" || name === "ipv6_dst") destination = addressOf(value) ?? destination;
      else if (name === "geneve") {
        const found = ovnKeysOf(value);
        if (typeof found === "string") fault = found;
        else keys = found;
      }
    });
    if (!isWhole) return "unreadable";
    if (fault !== null) return fault;
    return vni < 0 ? "inexact" : this.#pool.get(vni, keys, source, destination);
  }

  /** The header in a `tnl_push(...)`, which has all bytes of it. */
  #pushed(text: string): TunnelHeader | FlowFault {
    let vni = -1;
    let source: string | null = null;
    let destination: string | null = null;
    let keys: number | null | FlowFault = null;
    let isWhole = true;
    const within = (content: string, take: (name: string, value: string) => void): void => {
      if (!eachItem(content, (name, value) => value !== null && take(name, value))) isWhole = false;
    };
    within(text, (part, header) => {
      if (part !== "header") return;
      within(header, (layer, fields) => {
        if (!PUSHED.has(layer)) return;
        within(fields, (name, value) => {
          if (name === "vni") vni = vniOf(value);
          else if (name === "options") keys = ovnKeysOf(value);
          else if (name === "src") source = addressOf(value);
          else if (name === "dst") destination = addressOf(value);
        });
      });
    });
    if (!isWhole) return "unreadable";
    if (typeof keys === "string") return keys;
    return vni < 0 ? "inexact" : this.#pool.get(vni, keys, source, destination);
  }
}

const VLAN_TYPE = `${EtherType.vlan}`;
/** Words among the actions that are no ports; those with "p" change what kind of packet it is. */
const NO_OUTPUT: ReadonlySet<string> = new Set(["drop", "ct_clear", "pop_vlan", "pop_eth", "pop_nsh"]);
/** What of the pushed bytes tells where they go and what they say. */
const PUSHED: ReadonlySet<string> = new Set(["ipv4", "ipv6", "geneve", "vxlan"]);
/** Where the actions of an action are. */
const BRANCHES: ReadonlySet<string> = new Set(["actions", "gt", "le", "le_1"]);

/** A VNI that is known in all its 24 bits, or -1: STT's keys, too, have more. */
function vniOf(text: string): number {
  const [value, mask] = withMask(text);
  const vni = numberOf(value);
  if (vni > 0xffffff) return -1;
  return mask === null || /^0x[0-9a-f]*ffffff$/i.test(mask) ? vni : -1;
}

/** The keys in OVN's option of `{class=...,type=...,len=...,0x...}{...}`; null where there is no such option. */
function ovnKeysOf(text: string): number | null | FlowFault {
  let keys: number | null | FlowFault = null;
  const isWhole = eachItem(text, (name, option) => {
    if (name !== "" || option === null || keys !== null) return;
    // As "{}" where the flow does not look at the options, of which there may be any.
    if (option === "") {
      keys = "inexact";
      return;
    }
    let optionClass = "";
    let type = "";
    let data: string | null = null;
    if (
      !eachItem(option, (field, value) => {
        if (field === "class") optionClass = value ?? "";
        else if (field === "type") type = value ?? "";
        else if (value === null) data = field;
      })
    ) {
      keys = "unreadable";
      return;
    }
    if (numberOf(optionClass) !== OVN_OPTION_CLASS || numberOf(type) !== OVN_OPTION_TYPE) return;
    keys = data === null ? "inexact" : keysIn(data);
  });
  return isWhole ? keys : "unreadable";
}

function keysIn(data: string): number | FlowFault {
  const [value, mask] = withMask(data);
  const keys = numberOf(value);
  const ones = mask === null ? KEY_BITS : numberOf(mask);
  if (keys < 0 || ones < 0) return "unreadable";
  return (ones & KEY_BITS) === KEY_BITS ? keys | 0 : "inexact";
}

/** An address all bits of which are known, in canonical text; null of any other. */
function addressOf(text: string): string | null {
  const [value, mask] = withMask(text);
  if (mask !== null && !ipWords(mask)?.every((word) => word === -1)) return null;
  // Written anew: a piece of the line would keep all of it in memory.
  switch (ipVersion(value)) {
    case 4:
      return formatIpv4(parseIpv4(value));
    case 6:
      return formatIpv6(parseIpv6(value));
    default:
      return null;
  }
}

/** The first 16 and the last 32 bits of a MAC. */
function macWords(text: string): [number, number] | null {
  if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(text)) return null;
  const bits = parseMac(text);
  return [Math.floor(bits / 2 ** 32), (bits % 2 ** 32) | 0];
}

/** The words of an IP address: one of IPv4, four of IPv6. */
function ipWords(text: string): number[] | null {
  const version = ipVersion(text);
  if (version === 4) return [parseIpv4(text) | 0];
  if (version === 0) return null;
  const view = new DataView(parseIpv6(text).buffer);
  return [0, 4, 8, 12].map((at) => view.getInt32(at));
}
