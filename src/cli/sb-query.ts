/*
 * What `sb resolve` is asked for: keys as numbers, as an option word or in Open vSwitch's words, an address, or
 * a name.
 */
import { isIP } from "node:net";
import { shown } from "../text.js";
import { egressOf, ingressOf } from "../wire/ovn-option.js";
import { vniDatapathOf, vniEgressOf } from "../wire/ovn-tunnel-id.js";
import { CliError } from "./fault.js";
import {
  egressArgument,
  isNumber,
  keyArgument,
  LAST_EGRESS,
  LAST_INGRESS,
  LAST_VNI,
  numberArgument,
  vniArgument,
} from "./key-argument.js";

/** Keys; null for one that was not given. */
export interface KeysQuery {
  readonly kind: "keys";
  readonly vni: number;
  readonly ingress: number | null;
  readonly egress: number | null;
  /** The VNI of VXLAN that they were in. */
  readonly vxlan?: number;
}

export type SbQuery =
  | KeysQuery
  | { readonly kind: "address"; readonly address: string }
  | {
      readonly kind: "name";
      readonly name: string;
      /** Why it is nothing else, where it looks like something else: all that has this name may have been meant. */
      readonly fault: string | null;
    };

/**
 * Reads the words after `sb resolve`. A single word that looks like keys and is none is a name. Throws a CliError
 * that says which word is wrong.
 */
export function resolveQuery(words: readonly string[]): SbQuery {
  const [first, second, third] = words;
  if (words.length === 1 && first !== "") return wordQuery(first);
  if (words.some((word) => word.includes("="))) return flowQuery(words.join(" "));
  if (words.length === 2) {
    const vni = vniArgument(first);
    const word = optionWord(second);
    return { kind: "keys", vni, ingress: ingressOf(word), egress: egressOf(word) };
  }
  if (words.length === 3)
    return {
      kind: "keys",
      vni: vniArgument(first),
      ingress: keyArgument("ingress key", second, 0, LAST_INGRESS),
      egress: egressArgument(third),
    };
  throw new CliError(
    "sb resolve: give VNI INGRESS EGRESS, VNI 0xWORD, VNI, metadata=0x8,reg14=0x2,reg15=0x1 as Open vSwitch prints it, an outer address, or a name",
  );
}

/** Reads the word after `sb resolve --vxlan`: the VNI of a tunnel between hypervisors, with two keys in it. */
export function vxlanQuery(words: readonly string[]): KeysQuery {
  if (words.length !== 1) throw new CliError("sb resolve --vxlan: give one VNI of VXLAN, such as 0x001002");
  const vxlan = vniArgument(words[0]);
  const vni = vniDatapathOf(vxlan);
  if (vni === 0)
    throw new CliError(
      `VNI ${shown(words[0])} has no datapath key in its low 12 bits: it is none of OVN's between hypervisors`,
    );
  // Without one it is a VTEP gateway's.
  return { kind: "keys", vni, ingress: null, egress: vniEgressOf(vxlan) || null, vxlan };
}

function wordQuery(word: string): SbQuery {
  try {
    if (word.includes("=")) return flowQuery(word);
    if (isNumber(word)) return { kind: "keys", vni: vniArgument(word), ingress: null, egress: null };
  } catch (error) {
    if (error instanceof CliError) return { kind: "name", name: word, fault: error.message };
    throw error;
  }
  return isIP(word) > 0 ? { kind: "address", address: word } : { kind: "name", name: word, fault: null };
}

/**
 * The data of OVN's option: eight hexadecimal digits as `decode -o json` prints them, also where they could be
 * decimal, or a number of any other length.
 */
function optionWord(text: string): number {
  const isDigits = /^[0-9a-f]{8}$/i.test(text);
  const value = isDigits ? Number.parseInt(text, 16) : numberArgument("option word", text);
  if (!(value <= 0xffffffff))
    throw new CliError(
      `option word ${shown(text)} is no number of 32 bits such as 0x00020001 (ingress key 2, egress key 1)`,
    );
  return value;
}

/** Keys in a flow, as `ovs-ofctl dump-flows`, `ovs-appctl dpctl/dump-flows` or ofproto/trace print it. */
function flowQuery(text: string): KeysQuery {
  // What a flow does is asked only where what it matches tells nothing.
  const [match] = text.split(/\bactions[=:]/, 1);
  const query = keysIn(match) ?? keysIn(text);
  if (query === null)
    throw new CliError(
      `${shown(text, 80)}: has no datapath key; what is needed is metadata=0x8,reg14=0x2,reg15=0x1, or tun_id=0x8,tun_metadata0=0x20001, or tunnel(tun_id=0x8,geneve({class=0x102,type=0x80,len=4,0x20001}))`,
    );
  return query;
}

function keysIn(text: string): KeysQuery | null {
  const metadata = field(text, "metadata", LAST_VNI);
  if (metadata !== null)
    return {
      kind: "keys",
      vni: metadata,
      ingress: field(text, "reg14", LAST_INGRESS),
      egress: field(text, "reg15", LAST_EGRESS),
    };
  const vni = field(text, "tun_id", LAST_VNI) ?? field(text, "vni", LAST_VNI);
  if (vni === null) return null;
  const option =
    masked(text, /\btun_metadata0=/) ?? masked(text, /\bclass=0x0?102,type=0x80,len=4,/i) ?? NOTHING;
  if (option.value > 0xffffffffn)
    throw new CliError(`option word 0x${option.value.toString(16)} is longer than 32 bits`);
  const word = Number(option.value);
  return {
    kind: "keys",
    vni,
    // A megaflow leaves bits open that no flow looked at.
    ingress: (option.mask & 0x7fff0000n) === 0x7fff0000n ? ingressOf(word) : null,
    egress: (option.mask & 0xffffn) === 0xffffn ? egressOf(word) : null,
  };
}

interface Masked {
  readonly value: bigint;
  /** Bits that are not set here may be anything. */
  readonly mask: bigint;
}

const ALL = (1n << 64n) - 1n;
const NOTHING: Masked = { value: 0n, mask: 0n };

/** The number, perhaps with a mask, behind `before`; null where there is none. */
function masked(text: string, before: RegExp): Masked | null {
  const number = "(0x[0-9a-f]{1,16}|\\d{1,20})";
  const found = new RegExp(`${before.source}${number}(?:/${number})?`, "i").exec(text);
  if (found === null) return null;
  return { value: BigInt(found[1]), mask: found[2] === undefined ? ALL : BigInt(found[2]) };
}

function field(text: string, name: string, last: number): number | null {
  const found = masked(text, new RegExp(`\\b${name}=`));
  const bits = BigInt(last);
  if (found === null || (found.mask & bits) !== bits) return null;
  if (found.value > bits)
    throw new CliError(`${name}=0x${found.value.toString(16)} is above 0x${last.toString(16)}`);
  return Number(found.value);
}
