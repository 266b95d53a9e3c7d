/* Lines of dpctl/dump-flows, real ones and such as no OVS prints. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type FlowLine, isPinned, readFlowLine } from "../../src/analysis/datapath-flow.js";
import { HeaderPool } from "../../src/analysis/tunnel-header.js";
import { flowLines } from "../vectors/dump-flows.js";

const hex = (words: Int32Array, from: number, to: number, digits = (to - from) * 8) =>
  [...words.subarray(from, to)]
    .map((word) => (word >>> 0).toString(16).padStart(8, "0"))
    .join("")
    .slice(-digits);
/** Words as hexadecimal digits, "*" where nothing of them is looked at, and the mask where it is not all ones. */
function part(values: Int32Array, masks: Int32Array, from: number, to: number, digits?: number): string {
  const mask = hex(masks, from, to, digits);
  if (/^0*$/.test(mask)) return "*";
  const value = hex(values, from, to, digits);
  return /^f*$/.test(mask) ? value : `${value}/${mask}`;
}

/** What a line says in words: MACs, type, addresses, protocol; header. */
function told(line: string): { flows: string[]; fault: FlowLine["fault"] } | null {
  const read = readFlowLine(line, new HeaderPool());
  if (read === null) return null;
  const flows = read.flows.map((flow) => {
    const { values, masks, header } = flow;
    const ip = (from: number) =>
      part(values, masks, from, from + (/^0+$/.test(hex(masks, from + 1, from + 4)) ? 1 : 4));
    const keys = header.ovnKeys;
    const shown = keys === null ? "-" : `${(keys >>> 16) & 0x7fff}>${keys & 0xffff}`;
    return [
      part(values, masks, 0, 3),
      part(values, masks, 3, 4),
      ip(4),
      ip(8),
      part(values, masks, 12, 13, 2),
      `${isPinned(flow) ? "" : "loose "}${header.vni}:${shown}`,
      `${header.source}>${header.destination}`,
    ].join(" ");
  });
  return { flows, fault: read.fault };
}
const flowsOf = (line: string) => told(line)?.flows;

/** Untagged, of this EtherType. */
const V4 = "00000800/0001ffff";
const V6 = "000086dd/0001ffff";
const ARP = "00000806/0001ffff";
const HV12 = "10.127.0.3>10.127.0.4";
const HV21 = "10.127.0.4>10.127.0.3";

describe("real lines", () => {
  test("of frames from a tunnel, in each form", () => {
    const mask = "010000000000ffffffffffff";
    const loose = `000000000000404400000003/${mask} ${V4} * * * loose 1:3>1 ${HV21}`;
    expect(flowsOf(flowLines.received)).toEqual([loose]);
    expect(flowsOf(flowLines.receivedWithNames)).toEqual([loose]);
    expect(flowsOf(flowLines.receivedVerbose)).toEqual([loose]);
    expect(flowsOf(flowLines.receivedNoMacs)).toEqual([
      `* ${V4} c0a80000/ffff0000 ac180440/ffffffc0 * loose 3:1>4 ${HV12}`,
    ]);
    expect(flowsOf(flowLines.receivedArp)).toEqual([
      `010000000000404400000001/${mask} ${ARP} * * * loose 1:1>32768 ${HV12}`,
    ]);
    expect(flowsOf(flowLines.receivedIpv6)).toEqual([
      `000000000000404400000003/${mask} ${V6} fd000000/ffc00000 fd000001000000000000000000000011 3a loose 1:3>1 fd00:127::4>fd00:127::3`,
    ]);
  });

  test("a frame that comes round again is not the one that came", () => {
    expect(told(flowLines.receivedAgain)).toEqual({ flows: [], fault: null });
    expect(told(flowLines.received.replace("recirc_id(0)", "recirc_id(0x5)"))?.flows).toEqual([]);
  });

  test("of frames to a tunnel, as they are when they go", () => {
    expect(flowsOf(flowLines.sent)).toEqual([`404400000005404400000001 ${V4} * * * 1:1>2 ${HV12}`]);
    const routed = `26b6c9f13449404400000007 ${V4} c0a80008/fffffff8 ac180464 01 3:1>4 ${HV12}`;
    expect(flowsOf(flowLines.sentRouted)).toEqual([routed]);
    expect(flowsOf(flowLines.sentBranched)).toEqual([routed]);
    expect(flowsOf(flowLines.sentAgain)).toEqual([
      `404400000001404400000003 ${V4} * c0a8000b 01 1:3>1 ${HV21}`,
    ]);
    expect(flowsOf(flowLines.arpSent)).toEqual([
      `ffffffffffff404400000001 ${ARP} c0a8000b c0a8004d * 1:1>32768 ${HV12}`,
    ]);
    expect(flowsOf(flowLines.sentCloned)).toEqual([
      `333300000016404400000005 ${V6} 00000000/ffc00000 ff020000000000000000000000000016 3a 1:2>32768 fd00:127::4>fd00:127::3`,
    ]);
    expect(flowsOf(flowLines.sentIpv6)).toEqual([
      `404400000002404400000004 ${V6} fd000001000000000000000000000000/ffffffffffffffff0000000000000000 fd000002000000000000000000000012 3a 2:2>1 fd00:127::3>fd00:127::4`,
    ]);
  });

  test("a kernel's: the header is set first, then the frame changed, then comes the tunnel and later others", () => {
    expect(flowsOf(flowLines.setTunnel)).toEqual([
      `404400000001404400000003 ${V4} * * * 1:1>2 null>10.127.0.4`,
    ]);
    const vlan5 = (5 * 0x20000 + 0x10000 + 0x800).toString(16).padStart(8, "0");
    expect(flowsOf(flowLines.setTunnelVlan)).toEqual([
      `404400000009404400000001 ${vlan5}/1fffffff * * * 1:1>2 null>10.127.0.4`,
    ]);
  });

  test("others", () => {
    expect(told(flowLines.local)).toEqual({ flows: [], fault: null });
    for (const line of ["flow-dump from the main thread:", "flow-dump from pmd on cpu core: 2", ""])
      expect(told(line)).toBe(null);
  });
});

/** The flow of a line with this match and these actions. */
const line = (match: string, actions = "7") => `${match}, packets:0, bytes:0, used:never, actions:${actions}`;
const TUNNEL =
  "tunnel(tun_id=0x1,src=10.127.0.4,dst=10.127.0.3,geneve({class=0x102,type=0x80,len=4,0x30001}),flags(-df+csum+key))";
const ETH = "eth(src=40:44:00:00:00:03,dst=40:44:00:00:00:01)";
const MACS = "404400000001404400000003";
/** Of a tunnel(...) the keys, or why there are none. */
const keysOf = (tunnel: string) => {
  const read = told(line(`${tunnel},recirc_id(0),in_port(4),${ETH},eth_type(0x0800)`));
  return read?.fault ?? read?.flows.map((flow) => flow.split(" ").slice(5).join(" "));
};
const tunnelWith = (geneve: string, id = "0x1") =>
  `tunnel(tun_id=${id},src=1.1.1.1,dst=2.2.2.2,${geneve}flags(+key))`;

describe("forms that ovs-dpctl(8) allows", () => {
  test("keys that are matched whole, in part, or not at all", () => {
    const option = (rest: string) => tunnelWith(`geneve({${rest}}),`);
    expect(keysOf(option("class=0x102,type=0x80,len=4,0x7fffffff/0xffffffff"))).toEqual([
      "1:32767>65535 1.1.1.1>2.2.2.2",
    ]);
    expect(keysOf(option("class=0x102,type=0x80,len=4,0"))).toEqual(["1:0>0 1.1.1.1>2.2.2.2"]);
    expect(keysOf(option("class=0x102,type=0x80,len=4,0x30001/0xffff"))).toBe("inexact");
    expect(keysOf(option("class=0x102,type=0x80,len=4"))).toBe("inexact");
    expect(keysOf(option(""))).toBe("inexact");
    expect(keysOf(option("class=0x102,type=0x80,len=4,0xzz"))).toBe("unreadable");
    expect(keysOf(tunnelWith("", "0x5/0xff"))).toBe("inexact");
    expect(keysOf(tunnelWith("", "0x5/0xffffffffffffffff"))).toEqual(["5:- 1.1.1.1>2.2.2.2"]);
    expect(keysOf("tunnel(src=1.1.1.1,dst=2.2.2.2,flags(+key))")).toBe("inexact");
    // STT: 64 bits of keys.
    expect(keysOf(tunnelWith("", "0x10f3e000002"))).toBe("inexact");
  });

  test("other options, no options, other tunnels", () => {
    expect(
      keysOf(
        tunnelWith(
          "geneve({class=0xffff,type=0x1,len=8,0xffffffff12345678/0xff}{class=0x102,type=0x80,len=4,0x10002}),",
        ),
      ),
    ).toEqual(["1:1>2 1.1.1.1>2.2.2.2"]);
    expect(
      keysOf(tunnelWith("geneve({class=0,type=0,len=0},{class=0x102,type=0x80,len=4,0x10002}),")),
    ).toEqual(["1:1>2 1.1.1.1>2.2.2.2"]);
    expect(keysOf(tunnelWith("geneve(),", "0x0"))).toEqual(["0:- 1.1.1.1>2.2.2.2"]);
    expect(keysOf(tunnelWith("geneve({class=0x103,type=0x80,len=4,0x1}),"))).toEqual(["1:- 1.1.1.1>2.2.2.2"]);
    expect(keysOf(tunnelWith("vxlan(gbp(id=10/0xff,flags=0xb)),"))).toEqual(["1:- 1.1.1.1>2.2.2.2"]);
    expect(keysOf(tunnelWith("erspan(ver=2,dir=1,hwid=0x7/0xf),"))).toEqual(["1:- 1.1.1.1>2.2.2.2"]);
    expect(
      keysOf("tunnel(tun_id=0x1,src=1.1.1.0/255.255.255.0,dst=2.2.2.2/255.255.255.255,flags(+key))"),
    ).toEqual(["1:- null>2.2.2.2"]);
  });

  test("tags and what they encapsulate; masks; what is not looked at", () => {
    const match = (rest: string) =>
      flowsOf(line(`${TUNNEL},recirc_id(0),in_port(4),${rest}`))?.[0]
        .split(" ")
        .slice(0, 5);
    const tag = (vlan: number, type: number) =>
      (vlan * 0x20000 + 0x10000 + type).toString(16).padStart(8, "0");
    expect(
      match(
        `${ETH},eth_type(0x8100),vlan(vid=99,pcp=7),encap(eth_type(0x0800),ipv4(src=35.8.2.41/255.255.255.0,dst=172.16.0.20,proto=6,tos=0,ttl=128,frag=no),tcp(src=80/0xff00,dst=8080/0xff))`,
      ),
    ).toEqual([MACS, `${tag(99, 0x800)}/1fffffff`, "23080200/ffffff00", "ac100014", "06"]);
    expect(match(`${ETH},eth_type(0x8100),vlan(vid=99/0xff0,pcp=7/0xe),encap(eth_type(0x0806),arp(sip=1.2.3.4/255.255.255.250,tip=5.6.7.8,op=1/0xf0))`)).toEqual([
      MACS, `${tag(96, 0x806)}/${tag(0xff0, 0xffff)}`, "01020300/fffffffa", "05060708", "*"]); // biome-ignore format: one line
    expect(
      match(
        `${ETH},eth_type(0x88a8),vlan(vid=7,pcp=0),encap(eth_type(0x8100),vlan(vid=9,pcp=0),encap(eth_type(0x86dd),ipv6(frag=no)))`,
      ),
    ).toEqual([MACS, `${tag(7, 0x86dd)}/1fffffff`, "*", "*", "*"]);
    expect(match(`${ETH},eth_type(0x8100),vlan(vid=3,pcp=0),encap()`)).toEqual([
      MACS,
      `${tag(3, 0)}/${tag(0xfff, 0)}`,
      "*",
      "*",
      "*",
    ]);
    expect(match("eth(src=00:01:02:03:04:05/ff:ff:ff:ff:ff:f0,dst=10:11:12:13:14:15/ff:00:ff:ff:ff:ff),eth_type(0x1234/0xfff0)")).toEqual([
      "100012131415000102030400/ff00fffffffffffffffffff0", "00001230/0001fff0", "*", "*", "*"]); // biome-ignore format: one line
    expect(match("eth(),eth_type(0x0800),ipv4(frag=no)")).toEqual(["*", V4, "*", "*", "*"]);
    expect(match(`${ETH},eth_type(0x86dd),ipv6(src=::1/::255,dst=::2,proto=10/0xf0)`)).toEqual([
      MACS, V6, "00000000000000000000000000000001/00000000000000000000000000000255", `${"0".repeat(31)}2`, "00/f0"]); // biome-ignore format: one line
  });

  test("actions", () => {
    const set = (keys: string) =>
      `set(tunnel(tun_id=0x1,dst=2.2.2.2,ttl=64,tp_dst=6081,geneve({class=0x102,type=0x80,len=4,${keys}}),flags(df|csum|key)))`;
    const sent = (actions: string) =>
      told(
        line(
          `recirc_id(0),in_port(7),${ETH},eth_type(0x0800),ipv4(src=10.0.0.1,dst=10.0.0.2,proto=17,frag=no)`,
          actions,
        ),
      );
    const whole = (keys: string, macs = MACS, source = "0a000001") =>
      `${macs} ${V4} ${source} ${source === "*" ? "*" : "0a000002"} 11 1:${keys} null>2.2.2.2`;
    expect(sent(`${set("0x10002")},2`)?.flows).toEqual([whole("1>2")]);
    expect(sent(`${set("0x10002")},2,3,4`)?.flows).toEqual([whole("1>2")]);
    expect(sent(`${set("0x10002")},genev_sys_6081,tap0,${set("0x10003")},genev_sys_6081`)?.flows).toEqual([
      whole("1>2"),
      whole("1>3"),
    ]);
    // No output: it goes nowhere.
    expect(sent(`${set("0x10002")},drop`)?.flows).toEqual([]);
    expect(sent(`ct_clear,ct(commit,zone=19,mark=0/0x1,nat(src)),${set("0x10002")},5`)?.flows).toEqual([
      whole("1>2", MACS, "*"),
    ]);
    expect(sent(`ct(zone=3),${set("0x10002")},5`)?.flows).toEqual([whole("1>2")]);
    // As an OVS that does not know the attribute prints it.
    expect(
      sent(
        `set(tunnel(tun_id=0x1,dst=2.2.2.2,ttl=64,tp_dst=6081,key6(bad key length 1, expected 0)(01)geneve({class=0x102,type=0x80,len=4,0x70006}),flags(key))),2`,
      )?.flows,
    ).toEqual([whole("7>6")]);
    // What is set in part leaves the rest as it was.
    expect(sent(`${set("0x10002")},set(eth(src=02:00:00:00:00:00/ff:00:00:00:00:00)),set(ipv4(src=10.1.0.0/255.255.0.0)),2`)?.flows).toEqual([
      whole("1>2", "404400000001024400000003", "0a010001")]); // biome-ignore format: one line
    expect(sent(`sample(sample=10.0%,actions(${set("0x10002")},2)),3`)?.flows).toEqual([whole("1>2")]);
    expect(sent(`check_pkt_len(size=200,gt(set(eth(dst=40:44:00:00:00:09)),${set("0x10002")},2),le(${set("0x10003")},2))`)?.flows).toEqual([
      whole("1>2", "404400000009404400000003"), whole("1>3")]); // biome-ignore format: one line
    // No longer the frame that the match is about.
    for (const change of ["pop_vlan", "push_mpls(label=1,tc=0,ttl=64,bos=1,eth_type=0x8847)", "pop_eth"])
      expect(sent(`${change},${set("0x10002")},2`)).toEqual({ flows: [], fault: "inexact" });
    const push = (layers: string) =>
      `tnl_push(tnl_port(4),header(size=50,type=4,eth(dst=f8:bc:12:44:34:b6,src=f8:bc:12:46:58:e0,dl_type=0x0800),${layers}),out_port(1))`;
    expect(sent(push("ipv4(src=1.1.2.88,dst=1.1.2.92,proto=17,tos=0,ttl=64,frag=0x4000),udp(src=0,dst=4789,csum=0x0),vxlan(flags=0x8000000,vni=0x1c7)"))?.flows).toEqual([
      `${MACS} ${V4} 0a000001 0a000002 11 455:- 1.1.2.88>1.1.2.92`]); // biome-ignore format: one line
    expect(sent(push("gre((flags=0x2000,proto=0x6558),key=0x1e241))"))).toMatchObject({ flows: [] });
  });
});

describe("what nobody prints", () => {
  test.each([
    ["an open parenthesis", line(`${TUNNEL.slice(0, -1)},${ETH}`)],
    ["a MAC that is none", line(`${TUNNEL},recirc_id(0),eth(src=40:44:00:00:00,dst=40:44:00:00:00:01)`)],
    ["an address that is none", line(`${TUNNEL},recirc_id(0),${ETH},eth_type(0x0800),ipv4(src=1.2.3.400)`)],
    [
      "a mask of another family",
      line(`${TUNNEL},recirc_id(0),${ETH},eth_type(0x0800),ipv4(src=1.2.3.4/ffff::)`),
    ],
    ["too deep", line(`${TUNNEL},recirc_id(0),${"encap(".repeat(50)}${")".repeat(50)}`)],
    ["actions too deep", line(ETH, `${"clone(".repeat(50)}tnl_push(1)${")".repeat(50)}`)],
  ])("%s", (_what, text) => {
    expect(told(text)).toEqual({ flows: [], fault: "unreadable" });
  });

  test("any text, and real lines with anything in them, in time that grows with their length only", () => {
    const pool = new HeaderPool();
    const real = Object.values(flowLines);
    const alphabet = '(){}[],=/:. 0x1fag\\"\u0000é';
    const mutated = fc
      .tuple(
        fc.constantFrom(...real),
        fc.array(fc.tuple(fc.nat(), fc.nat(3), fc.constantFrom(...alphabet)), { maxLength: 6 }),
      )
      .map(([text, edits]) => {
        let result: string = text;
        for (const [where, cut, put] of edits) {
          const at = where % (result.length + 1);
          result = result.slice(0, at) + put + result.slice(at + cut);
        }
        return result;
      });
    fc.assert(
      fc.property(
        fc.oneof(mutated, fc.string({ unit: fc.constantFrom(...alphabet, "tunnel(", "actions:", "eth(") })),
        (text) => {
          for (const { values, masks, header } of readFlowLine(text, pool)?.flows ?? []) {
            values.forEach((value, word) => {
              expect(value & ~masks[word]).toBe(0);
            });
            expect(header.vni).toBeGreaterThanOrEqual(0);
            expect(header.vni).toBeLessThan(2 ** 24);
          }
        },
      ),
      { numRuns: 20_000 },
    );
    for (const text of [
      "(".repeat(60_000),
      "{(".repeat(30_000),
      "a(b".repeat(20_000),
      "x=(),".repeat(12_000),
      "clone(".repeat(10_000),
    ]) {
      const start = performance.now();
      told(line(`${TUNNEL},${text}`));
      told(line(TUNNEL, text));
      expect(performance.now() - start).toBeLessThan(500);
    }
  });
});
