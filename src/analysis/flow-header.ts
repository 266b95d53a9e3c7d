/*
 * The header of a tunnel in the notation of datapath flows: in a `tunnel(...)`, as a kernel's datapath matches and sets
 * it, and in a `tnl_push(...)`, as the datapath in user space puts it before a frame.
 */
import { formatIpv4, formatIpv6, ipVersion, parseIpv4, parseIpv6 } from "../wire/address.js";
import { OVN_OPTION_CLASS, OVN_OPTION_TYPE } from "../wire/ovn-option.js";
import { eachItem, ipWords, numberOf, withMask } from "./flow-text.js";
import type { HeaderPool, TunnelHeader } from "./tunnel-header.js";

/** Why a flow that has to do with tunnels tells no keys. */
export type FlowFault = "unreadable" | "inexact";

/** The bits of the OVN option that are keys. */
const KEY_BITS = 0x7fffffff;
/** What of the pushed bytes tells where they go and what they say. */
const PUSHED: ReadonlySet<string> = new Set(["ipv4", "ipv6", "geneve", "vxlan"]);

/** The header in a `tunnel(...)`. */
export function tunnelHeader(text: string, pool: HeaderPool): TunnelHeader | FlowFault {
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
  return vni < 0 ? "inexact" : pool.get(vni, keys, source, destination);
}

/** The header in a `tnl_push(...)`, which has all bytes of it. */
export function pushedHeader(text: string, pool: HeaderPool): TunnelHeader | FlowFault {
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
  return vni < 0 ? "inexact" : pool.get(vni, keys, source, destination);
}

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
