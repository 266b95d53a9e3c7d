/* The symbols of OVN's match language (ovn-sb(5), Logical_Flow.match; lib/logical-fields.c). */
import { quoted, shown } from "../text.js";
import { NAME_SYMBOLS } from "./expression.js";
import { FIELDS } from "./fields.js";
import { nearest } from "./nearest.js";

/** Predicates, by what they expand to. */
export const PREDICATES: ReadonlyMap<string, string> = new Map([
  ["eth.bcast", "eth.dst == ff:ff:ff:ff:ff:ff"],
  ["eth.mcastv6", "eth.dst[32..47] == 0x3333"],
  ["vlan.present", "vlan.tci[12]"],
  ["ip4", "eth.type == 0x800"],
  ["ip6", "eth.type == 0x86dd"],
  ["ip", "ip4 || ip6"],
  ["ip.is_frag", "ip.frag[0]"],
  ["ip.later_frag", "ip.frag[1]"],
  ["ip.first_frag", "ip.is_frag && !ip.later_frag"],
  ["ip4.src_mcast", "ip4.src[28..31] == 0xe"],
  ["ip4.mcast", "eth.mcast && ip4.dst[28..31] == 0xe"],
  ["ip6.mcast", "eth.mcastv6 && ip6.dst[120..127] == 0xff"],
  ["ip6.mcast_rsvd", "ip6.dst[116..127] == 0xff0 && ip6.dst[0..111] == 0x0"],
  ["ip6.mcast_all_nodes", "ip6.dst == {ff01::1, ff02::1}"],
  ["ip6.mcast_all_rtrs", "ip6.dst == {ff01::2, ff02::2, ff05::2}"],
  ["ip6.mcast_sol_node", "ip6.dst == ff02::1:ff00:0000/104"],
  [
    "ip6.mcast_flood",
    "eth.mcastv6 && (ip6.mcast_rsvd || ip6.mcast_all_nodes || ip6.mcast_all_rtrs || ip6.mcast_sol_node)",
  ],
  ["arp", "eth.type == 0x806"],
  ["rarp", "eth.type == 0x8035"],
  ["icmp4", "ip4 && ip.proto == 1"],
  ["icmp6", "ip6 && ip.proto == 58"],
  ["icmp", "icmp4 || icmp6"],
  ["igmp", "ip4 && ip.proto == 2"],
  ["tcp", "ip.proto == 6"],
  ["udp", "ip.proto == 17"],
  ["sctp", "ip.proto == 132"],
  ["nd", "icmp6.type == {135, 136} && icmp6.code == 0 && ip.ttl == 255"],
  ["nd_ns", "icmp6.type == 135 && icmp6.code == 0 && ip.ttl == 255"],
  ["nd_na", "icmp6.type == 136 && icmp6.code == 0 && ip.ttl == 255"],
  ["nd_rs", "icmp6.type == 133 && icmp6.code == 0 && ip.ttl == 255"],
  ["nd_ra", "icmp6.type == 134 && icmp6.code == 0 && ip.ttl == 255"],
  ["mldv1", "ip6.src == fe80::/10 && icmp6.type == {130, 131, 132}"],
  ["mldv2", "ip6.dst == ff02::16 && icmp6.type == 143"],
]);

/** Symbols of OVN's that no packet has, and what they are. */
const OVN_ALONE: readonly (readonly [pattern: RegExp, what: string])[] = [
  [/^(?:reg|xreg|xxreg)\d+$/, "a register of the pipeline"],
  [/^flags(?:\..*)?$/, "a flag of the pipeline"],
  [/^ct(?:[._].*)?$/, "the state of a host's connection tracking"],
  [/^metadata$/, "the pipeline's word for the datapath, which is datapath or --vni here"],
  [/^pkt\.mark$/, "a mark that a host's kernel puts beside a packet"],
  [/^icmp[46]\.frag_mtu$/, "set by actions and never matched"],
  [/^is_chassis_resident$/, "a matter of the chassis that asks"],
];

/** Why `name` is no symbol that packets can be asked for. */
export function refusal(name: string): string {
  const alone = OVN_ALONE.find(([pattern]) => pattern.test(name));
  if (alone !== undefined) return `${shown(name, 64)} is ${alone[1]}: no captured packet has it`;
  const alike = nearest(name, [...FIELDS.keys(), ...PREDICATES.keys(), ...Object.keys(NAME_SYMBOLS)]);
  return `there is no field ${quoted(name, 64)}${alike.length === 0 ? "" : `; nearest: ${alike.join(", ")}`}`;
}
