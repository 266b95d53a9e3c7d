/* The frame that a datapath flow is about: what its match says, and what its actions make of it. */
import { parseMac } from "../wire/address.js";
import { isTpid } from "../wire/vlan.js";
import type { FlowFault } from "./flow-header.js";
import { eachItem, ipWords, numberOf, withMask } from "./flow-text.js";
import {
  DESTINATION_WORD,
  FRAME_WORDS,
  PROTOCOL_WORD,
  SOURCE_WORD,
  TAGGED,
  TYPE_WORD,
  VLAN_SHIFT,
} from "./frame-words.js";
import type { TunnelHeader } from "./tunnel-header.js";

/** Nested encapsulations are followed so far. */
const DEEPEST = 8;

/** The frame that a flow's actions have to do with, as they change it. */
export class FlowFrame {
  readonly values = new Int32Array(FRAME_WORDS);
  readonly masks = new Int32Array(FRAME_WORDS);
  /** What encapsulates it at the next output; "inexact": it cannot be told. */
  tunnel: TunnelHeader | FlowFault | null = null;
  /** It is no longer the Ethernet frame it was. */
  isLost = false;

  readonly #faults: Set<FlowFault>;

  /** `faults`: is given what is wrong with it, or with a copy. */
  constructor(faults: Set<FlowFault>) {
    this.#faults = faults;
  }

  copy(): FlowFrame {
    const copy = new FlowFrame(this.#faults);
    copy.values.set(this.values);
    copy.masks.set(this.masks);
    copy.tunnel = this.tunnel;
    copy.isLost = this.isLost;
    return copy;
  }

  #fail(): void {
    this.#faults.add("unreadable");
  }

  /** Bits of a word become known. */
  #set(word: number, value: number, mask: number): void {
    this.values[word] = (this.values[word] & ~mask) | (value & mask);
    this.masks[word] |= mask;
  }

  /** Its IP addresses may be any. */
  forgetAddresses(): void {
    this.values.fill(0, SOURCE_WORD, PROTOCOL_WORD);
    this.masks.fill(0, SOURCE_WORD, PROTOCOL_WORD);
  }

  /** A tag is put on; `fields` of it. */
  pushVlan(fields: string): void {
    const isUntagged = (this.masks[TYPE_WORD] & TAGGED) !== 0 && (this.values[TYPE_WORD] & TAGGED) === 0;
    if (!isUntagged) this.isLost = true;
    this.#set(TYPE_WORD, TAGGED, TAGGED);
    this.attribute("vlan", fields);
  }

  /** An attribute of the match, or of what `set` changes. */
  attribute(name: string, value: string, depth = 0): void {
    const fields = (take: (field: string, text: string) => void): void => {
      if (!eachItem(value, (field, text) => text !== null && take(field, text))) this.#fail();
    };
    switch (name) {
      case "eth":
        return fields((field, text) => this.#mac(field, text));
      case "eth_type":
        return this.#etherType(value);
      case "vlan":
        return fields((field, text) => field === "vid" && this.#vlan(text));
      case "encap":
        if (depth === DEEPEST) return this.#fail();
        return fields((inner, text) => this.attribute(inner, text, depth + 1));
      case "ipv4":
      case "ipv6":
        return fields((field, text) => this.#ip(field, text, "src", "dst"));
      case "arp":
        return fields((field, text) => this.#ip(field, text, "sip", "tip"));
    }
  }

  #mac(field: string, text: string): void {
    if (field !== "src" && field !== "dst") return;
    const [value, mask] = withMask(text);
    const bits = macWords(value);
    const ones = mask === null ? [0xffff, -1] : macWords(mask);
    if (bits === null || ones === null) return this.#fail();
    if (field === "dst") {
      this.#set(0, (bits[0] << 16) | (bits[1] >>> 16), (ones[0] << 16) | (ones[1] >>> 16));
      this.#set(1, bits[1] << 16, ones[1] << 16);
    } else {
      this.#set(1, bits[0], ones[0]);
      this.#set(2, bits[1], ones[1]);
    }
  }

  #etherType(text: string): void {
    const [value, mask] = withMask(text);
    const type = numberOf(value);
    const ones = mask === null ? 0xffff : numberOf(mask);
    if (type < 0 || ones < 0) return this.#fail();
    if (isTpid(type)) this.#set(TYPE_WORD, TAGGED, TAGGED);
    // Behind a tag the type is that of what the tag encapsulates.
    else if (ones !== 0)
      this.#set(TYPE_WORD, type, (ones & 0xffff) | ((this.values[TYPE_WORD] & TAGGED) === 0 ? TAGGED : 0));
  }

  #vlan(text: string): void {
    // Of several tags the outermost counts, which comes first.
    if (this.masks[TYPE_WORD] >>> VLAN_SHIFT !== 0) return;
    const [value, mask] = withMask(text);
    const vlan = numberOf(value);
    const ones = mask === null ? 0xfff : numberOf(mask);
    if (vlan < 0 || ones < 0) return this.#fail();
    this.#set(TYPE_WORD, vlan << VLAN_SHIFT, (ones & 0xfff) << VLAN_SHIFT);
  }

  #ip(field: string, text: string, source: string, destination: string): void {
    if (field === "proto") return this.#protocol(text);
    if (field !== source && field !== destination) return;
    const first = field === source ? SOURCE_WORD : DESTINATION_WORD;
    const [value, mask] = withMask(text);
    const words = ipWords(value);
    const ones = mask === null ? words?.map(() => -1) : ipWords(mask);
    if (words == null || ones == null || ones.length !== words.length) return this.#fail();
    words.forEach((word, index) => {
      this.#set(first + index, word, ones[index]);
    });
  }

  #protocol(text: string): void {
    const [value, mask] = withMask(text);
    const protocol = numberOf(value);
    const ones = mask === null ? 0xff : numberOf(mask);
    if (protocol < 0 || ones < 0) this.#fail();
    else this.#set(PROTOCOL_WORD, protocol, ones & 0xff);
  }
}

/** The first 16 and the last 32 bits of a MAC. */
function macWords(text: string): [number, number] | null {
  if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(text)) return null;
  const bits = parseMac(text);
  return [Math.floor(bits / 2 ** 32), (bits % 2 ** 32) | 0];
}
