/* The headers of one depth, as `decode -o json` nests them: `outer` or `inner`. */
import type { HeaderLayer, TrailerLayer } from "../frame/layers.js";
import { BFD_MULTIHOP_PORT, BFD_PORT } from "../wire/bfd.js";
import { EtherType, IpProtocol } from "../wire/ethertype.js";
import { Ipv6View } from "../wire/ipv6.js";
import { Reason } from "../wire/reason.js";
import { type Depth, type Draft, place } from "./json-draft.js";
import type { JsonFields } from "./json-fields.js";
import { ipVersionOf, ipv4, ipv6 } from "./json-ip.js";
import { arp, ethernet, loopback, sll, sll2 } from "./json-link.js";
import { bfd, icmp, icmpv6, sctp, tcp, udp } from "./json-upper.js";
import { writeLayers } from "./layers.js";

/** One depth, its headers read. */
export interface Nest {
  fields: JsonFields;
  depth: Depth;
  drafts: Draft[];
}

/** The protocol numbers of what IP carries, by name. */
const UPPERS = {
  udp: IpProtocol.udp,
  tcp: IpProtocol.tcp,
  icmp: IpProtocol.icmp,
  icmpv6: IpProtocol.icmpv6,
  sctp: IpProtocol.sctp,
} as const;
type Upper = keyof typeof UPPERS;

const LINKS = ["eth", "sll", "sll2", "null"] as const;
/** Names of layers that objects name otherwise. */
const NAMES: Readonly<Record<string, string>> = { ethernet: "eth", ipv4: "ip", ipv6: "ip" };

/** The EtherType in the Geneve header of what `inner` begins with; undefined where no header says it. */
export function carriedBy(inner: JsonFields | null): number | undefined {
  if (inner?.has("eth")) return EtherType.bridged;
  return inner === null ? undefined : network(inner);
}

/** The EtherType of the network header in an object. */
function network(fields: JsonFields): number | undefined {
  if (fields.has("arp")) return EtherType.arp;
  const ip = fields.peek("ip");
  if (ip === null) return undefined;
  return ipVersionOf(ip) === 6 ? EtherType.ipv6 : EtherType.ipv4;
}

/** Reads the headers of `outer` (depth 0) or `inner`. `port`: where its UDP or TCP goes to unless it says so. */
export function headersOf(fields: JsonFields, depth: Depth, port?: number): Nest {
  const drafts: Draft[] = [];
  const upper = onlyOne(fields, Object.keys(UPPERS) as Upper[]);
  const nets = onlyOne(fields, ["ip", "arp"]);
  if (upper !== undefined && nets !== "ip") throw fields.wrong("ip", `is missing, which carries ${upper}`);
  const link = onlyOne(fields, LINKS);
  const carried = network(fields);
  if (link !== undefined) drafts.push(linkOf(fields, link, depth, carried));
  if (nets === "arp") drafts.push(arp(fields.needed("arp"), depth));
  if (nets === "ip") drafts.push(ipOf(fields.needed("ip"), carried, depth, upper));
  const hasBfd = fields.has("bfd");
  if (hasBfd && upper !== "udp") throw fields.wrong("udp", "is missing, which carries bfd");
  if (upper !== undefined) drafts.push(upperOf(fields.needed(upper), upper, depth, hasBfd ? BFD_PORT : port));
  if (hasBfd) {
    const { layer, fields: udpFields } = drafts.at(-1) as Draft<HeaderLayer<"udp">>;
    if (layer.destination !== BFD_PORT && layer.destination !== BFD_MULTIHOP_PORT)
      throw udpFields.wrong("dst", `${layer.destination}, but BFD is at ${BFD_PORT} or ${BFD_MULTIHOP_PORT}`);
    drafts.push(bfd(fields.needed("bfd"), depth));
  }
  for (const draft of drafts) draft.fields.end();
  return { fields, depth, drafts };
}

/** The one of some names that is there, if any. */
function onlyOne<Name extends string>(fields: JsonFields, names: readonly Name[]): Name | undefined {
  const [first, second] = names.filter((name) => fields.has(name));
  if (second !== undefined) throw fields.wrong(second, `there is ${first} already`);
  return first;
}

function linkOf(
  fields: JsonFields,
  name: (typeof LINKS)[number],
  depth: Depth,
  carried: number | undefined,
): Draft {
  const header = fields.needed(name);
  if (name === "eth") return ethernet(header, depth, carried);
  if (depth === 1) throw fields.wrong(name, "is for captures, a tunnel carries eth");
  if (name === "sll") return sll(header, carried);
  return name === "sll2" ? sll2(header, carried) : loopback(header, carried);
}

function ipOf(fields: JsonFields, type: number | undefined, depth: Depth, upper: Upper | undefined): Draft {
  const isIpv6 = type === EtherType.ipv6;
  if (upper === (isIpv6 ? "icmp" : "icmpv6"))
    throw fields.wrong("version", `IPv${isIpv6 ? 6 : 4} does not carry ${upper}`);
  const carried = upper && UPPERS[upper];
  if (isIpv6) {
    const draft = ipv6(fields, depth, carried);
    if (carried !== undefined) checkExtensions(draft, carried);
    return draft;
  }
  const draft = ipv4(fields, depth, carried);
  if (upper !== undefined && draft.layer.fragmentOffset > 0)
    throw fields.wrong("fragment", `a later fragment has payload, not ${upper}`);
  return draft;
}

/** Throws where the extension headers do not lead to the protocol `carried`. */
function checkExtensions({ layer, fields }: Draft<HeaderLayer<"ipv6">>, carried: number): void {
  if (layer.extensions.length === 0) return;
  const bytes = writeLayers([{ ...layer, payloadLength: 0 }]);
  const view = new Ipv6View();
  const reason = view.bind(new DataView(bytes.buffer), 0, bytes.length);
  if (reason !== Reason.ok || view.payloadStart !== bytes.length)
    throw fields.wrong("extensions", "are not whole extension headers");
  if (view.fragmentOffset > 0) throw fields.wrong("extensions", "a later fragment has payload and no more");
  if (view.protocol !== carried)
    throw fields.wrong("extensions", `lead to protocol ${view.protocol}, but what follows has ${carried}`);
}

function upperOf(fields: JsonFields, name: Upper, depth: Depth, port: number | undefined): Draft {
  switch (name) {
    case "udp":
      return udp(fields, depth, port);
    case "tcp":
      return tcp(fields, depth, port);
    case "icmp":
      return icmp(fields, depth);
    case "icmpv6":
      return icmpv6(fields, depth);
    case "sctp":
      return sctp(fields, depth);
  }
}

/** What the innermost header carries. */
export function payloadOf({ fields }: Nest): Uint8Array {
  return fields.bytes("payload");
}

/** Bytes behind the ends of headers, from the inside out. */
export function trailersOf({ fields, depth, drafts }: Nest): TrailerLayer[] {
  let inside = drafts.length;
  return fields.objects("trailers").map((trailer) => {
    const name = trailer.text("of");
    const owner = drafts.findIndex(({ layer }) => (NAMES[layer.layer] ?? layer.layer) === name);
    if (owner < 0) throw trailer.wrong("of", "names no header of its object");
    if (owner >= inside) throw trailer.wrong("of", "trailers stand from the inside out");
    inside = owner;
    const { layer } = (drafts[owner] as Draft).layer;
    const bytes = trailer.bytes("data");
    trailer.end();
    return { layer: "trailer", of: layer, ...place(depth), bytes };
  });
}
