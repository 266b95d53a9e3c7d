/* Expressions on the shipped captures, against what `decode -o json` and tshark say of the same packets. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { openCapture } from "../../src/capture/index.js";
import { FrameBatch } from "../../src/frame/columns.js";
import { FrameDecoder } from "../../src/frame/decode.js";
import { compileFilters } from "../../src/match/filters.js";
import type { Names } from "../../src/match/names.js";
import { parseExpression } from "../../src/match/parser.js";
import { openKnownNames, openSouthbound } from "../../src/southbound/index.js";
import { TcpFlag } from "../../src/wire/tcp.js";
import { type Capture, captures } from "../conformance/captures.js";
import { decodeAll, type Packet } from "../conformance/genevescope.js";
import { describeTshark } from "../conformance/pdml.js";
import { findCommand } from "../setup/peer.js";
import { expressionsOver, type Fields, type ModelExpression } from "./language-model.js";

/** The numbers of the packets of a capture that an expression matches. */
type Matching = (text: string) => number[];

/** Reads a capture into one batch, to be asked many times. */
async function opened({ path, sb }: Capture): Promise<Matching> {
  const known = await openKnownNames({});
  const names: Names = { inventory: await openSouthbound(sb), known, at: null };
  const source = await openCapture(path);
  const batches: ((text: string) => number[])[] = [];
  for (let first = 1; ; ) {
    const packets = await source.next();
    if (packets === null) break;
    const { count } = packets;
    // The next batch takes the place of this one.
    const copy = Object.assign(Object.create(Object.getPrototypeOf(packets)), packets, {
      bytes: packets.bytes.slice(),
      tsSec: packets.tsSec.slice(),
      tsNsec: packets.tsNsec.slice(),
    });
    copy.view = new DataView(copy.bytes.buffer, copy.bytes.byteOffset, copy.bytes.byteLength);
    const frames = new FrameBatch(packets.capacity);
    new FrameDecoder().decode(copy, source.interfaces, frames);
    const start = first;
    batches.push((text) => {
      const predicate = compileFilters(
        [{ kind: "match", expression: parseExpression(text), negated: false }],
        names,
      );
      const rows = new Int32Array(count);
      return [...rows.subarray(0, predicate.select(copy, frames, count, rows))].map((row) => row + start);
    });
    first += count;
  }
  await source.close();
  return (text) => batches.flatMap((batch) => batch(text));
}

const bits = (address: string): bigint => {
  if (/^(..:){5}..$/.test(address)) return BigInt(`0x${address.replaceAll(":", "")}`);
  if (!address.includes(":")) return address.split(".").reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
  const [head, tail] = address.split("::");
  const [left, right] = [head, tail ?? ""].map((side) => (side === "" ? [] : side.split(":")));
  const middle = tail === undefined ? [] : Array(8 - left.length - right.length).fill("0");
  return [...left, ...middle, ...right].reduce((sum, group) => sum * 65536n + BigInt(`0x${group}`), 0n);
};

/** The fields of a packet as JSON shows it; a name is its place among `names`, from 1, and 0 where it is none of them. */
function fieldsOf({ inner, ovn }: Packet, names: readonly string[]): Fields {
  const fields = new Map<string, bigint>();
  const put = (name: string, value: unknown) => {
    if (typeof value === "number") fields.set(name, BigInt(value));
    else if (typeof value === "string") fields.set(name, bits(value));
  };
  const name = (symbol: string, key: number | null | undefined, of: string | undefined) => {
    if (key !== null && key !== undefined && key !== 0)
      fields.set(symbol, BigInt(of === undefined ? 0 : names.indexOf(of) + 1));
  };
  name("datapath", ovn?.datapathKey, ovn?.datapath?.name);
  name("inport", ovn?.ingressKey, ovn?.inport?.name);
  name("outport", ovn?.egressKey, ovn?.outport?.name);
  const { eth, ip, arp, tcp, udp, icmp, icmpv6 } = inner ?? {};
  if (eth !== undefined) {
    put("eth.src", eth.src);
    put("eth.dst", eth.dst);
    put("eth.type", eth.type);
    // None of them has a tag.
    expect(eth.vlans).toEqual([]);
    fields.set("vlan.tci", 0n);
  }
  if (ip !== undefined) {
    const is6 = ip.version === 6;
    put("ip.proto", icmpv6 === undefined ? ip.protocol : 58);
    put("ip.dscp", (ip.tos as number) >> 2);
    put("ip.ecn", (ip.tos as number) & 3);
    put("ip.ttl", ip.ttl);
    expect(ip.fragment).toBeUndefined();
    put("ip.frag", 0);
    put(is6 ? "ip6.src" : "ip4.src", ip.src);
    put(is6 ? "ip6.dst" : "ip4.dst", ip.dst);
    if (is6) put("ip6.label", ip.flowLabel);
  }
  if (arp !== undefined) {
    put("arp.op", arp.operation);
    put("arp.sha", arp.senderMac);
    put("arp.spa", arp.senderIp);
    put("arp.tha", arp.targetMac);
    put("arp.tpa", arp.targetIp);
  }
  if (tcp !== undefined) {
    put("tcp.src", tcp.src);
    put("tcp.dst", tcp.dst);
    put(
      "tcp.flags",
      (tcp.flags as (keyof typeof TcpFlag)[]).reduce((sum, flag) => sum | TcpFlag[flag], 0),
    );
  }
  if (udp !== undefined) {
    put("udp.src", udp.src);
    put("udp.dst", udp.dst);
  }
  for (const [symbol, message] of [
    ["icmp4", icmp],
    ["icmp6", icmpv6],
  ] as const) {
    if (message === undefined) continue;
    put(`${symbol}.type`, message.type);
    put(`${symbol}.code`, message.code);
  }
  if (icmpv6 !== undefined && (icmpv6.type === 135 || icmpv6.type === 136) && ip?.ttl === 255) {
    put("nd.target", icmpv6.target);
    const isSolicitation = icmpv6.type === 135;
    for (const { type, data } of icmpv6.options as { type: number; data: string }[])
      if (type === (isSolicitation ? 1 : 2))
        fields.set(isSolicitation ? "nd.sll" : "nd.tll", BigInt(`0x${data}`));
  }
  return fields;
}

/** Comparisons of names. */
function namesOver(names: readonly string[]): fc.Arbitrary<ModelExpression> {
  return fc
    .tuple(
      fc.constantFrom("inport", "outport", "datapath"),
      fc.constantFrom("==", "!="),
      fc.uniqueArray(fc.constantFrom(...names), { minLength: 1, maxLength: 3 }),
    )
    .map(([symbol, relation, wanted]) => ({
      text: `${symbol} ${relation} {${wanted.map((name) => JSON.stringify(name)).join(", ")}}`,
      kind: "comparison",
      holds: (fields, negated) => {
        const place = fields.get(symbol);
        if (place === undefined) return false;
        const isOne = wanted.some((name) => place === BigInt(names.indexOf(name) + 1));
        return (isOne === (relation === "==")) !== negated;
      },
    }));
}

describe("random expressions agree with what decode shows", () => {
  test.each(captures.map((each) => [each.title, each] as const))(
    "%s",
    { timeout: 60_000 },
    async (_, capture) => {
      const packets = decodeAll(capture.path, "--sb", capture.sb);
      const names = [
        ...new Set(
          packets.flatMap(({ ovn }) =>
            [ovn?.datapath, ovn?.inport, ovn?.outport].flatMap((each) => (each == null ? [] : [each.name])),
          ),
        ),
        "nothing of that name",
      ];
      const all = packets.map((packet) => ({ number: packet.number, fields: fieldsOf(packet, names) }));
      const values = new Map<string, bigint[]>();
      for (const { fields } of all)
        for (const [field, value] of fields) {
          const known = values.get(field) ?? [];
          if (!known.includes(value)) values.set(field, [...known, value].slice(-20));
        }
      const matching = await opened(capture);
      fc.assert(
        fc.property(
          expressionsOver((field) => values.get(field) ?? [], namesOver(names)),
          ({ text, holds }) => {
            const wanted = all.filter(({ fields }) => holds(fields, false)).map(({ number }) => number);
            expect(matching(text), text).toEqual(wanted);
          },
        ),
        { numRuns: 300 },
      );
    },
  );
});

/** Display filters of what is inside one tunnel over IPv4, beside expressions that mean the same. */
const TRANSLATED: readonly (readonly [expression: string, filter: string])[] = [
  ["tcp.dst == 5201", "tcp.dstport == 5201"],
  ["tcp && tcp.src != 5201", "tcp.srcport != 5201"],
  ["tcp.flags[1] && !tcp.flags[4]", "tcp.flags.syn == 1 && tcp.flags.ack == 0"],
  ["1024 <= tcp.dst <= 5200 || tcp.dst > 5201", "tcp.dstport in {1024..5200, 5202..65535}"],
  ["icmp4.type == {0, 8} && icmp4.code == 0", "icmp.type in {0, 8} && icmp.code == 0"],
  ["ip4.src == 192.168.0.0/24", "ip.src#2 == 192.168.0.0/24"],
  ["ip4.dst == {192.168.1.12, 192.168.0.13}", "ip.dst#2 in {192.168.1.12, 192.168.0.13}"],
  ["ip4 && !(ip4.dst == 192.168.1.0/24)", "ip.dst#2 && !(ip.dst#2 == 192.168.1.0/24)"],
  ["ip.ttl == 63", "ip.ttl#2 == 63 || ipv6.hlim == 63"],
  ["ip.ttl < 64", "ip.ttl#2 < 64 || ipv6.hlim < 64"],
  ["arp.op == 1 && arp.tpa == 192.168.0.99", "arp.opcode == 1 && arp.dst.proto_ipv4 == 192.168.0.99"],
  ["arp && eth.bcast", "arp && eth.dst#2 == ff:ff:ff:ff:ff:ff"],
  ["eth.mcast", "eth.dst.ig#2 == 1"],
  ["eth.src == 40:44:00:00:00:00/ff:ff:ff:ff:ff:f8", "eth.src#2[0:5] == 40:44:00:00:00 && eth.src#2[5] < 8"],
  ["icmp6.type == 143 || nd_ns", "icmpv6.type == 143 || icmpv6.type == 135"],
  [
    "nd.target == fd00:1::15",
    "icmpv6.nd.ns.target_address == fd00:1::15 || icmpv6.nd.na.target_address == fd00:1::15",
  ],
  ["nd.sll == 40:44:00:00:00:01", "icmpv6.type == 135 && icmpv6.opt.src_linkaddr == 40:44:00:00:00:01"],
  ["ip6.src == fd00:1::/64 && icmp6", "ipv6.src == fd00:1::/64 && icmpv6"],
  ["ip6.label[0] && icmp6", "ipv6.flow & 1 && icmpv6"],
  ["udp.dst == 3784", "udp.dstport#2 == 3784"],
  ["udp && ip.dscp == 48", "udp.dstport#2 && ip.dsfield.dscp#2 == 48"],
];

describeTshark("expressions agree with tshark's display filters", () => {
  const tshark = (path: string, filter: string): number[] =>
    execFileSync(
      findCommand("tshark") as string,
      ["-n", "-r", path, "-Y", filter, "-T", "fields", "-e", "frame.number"],
      {
        encoding: "utf8",
        stdio: ["ignore", "pipe", "ignore"],
        env: { ...process.env, HOME: "/nonexistent", XDG_CONFIG_HOME: "/nonexistent" },
      },
    )
      .split("\n")
      .filter((line) => line !== "")
      .map(Number);

  test("each matches some packets, and the same", { timeout: 60_000 }, async () => {
    const wanted = ["tcp-transfer", "ipv6-inner", "arp-broadcast", "ha-gateway"];
    const parts = captures.filter(({ scenario, name }) => wanted.includes(scenario) && name === "hv1.pcap");
    expect(parts).toHaveLength(4);
    // They are of one kind: their records behind one header are a capture, too.
    const files = parts.map(({ path }) => readFileSync(path));
    const directory = mkdtempSync(join(tmpdir(), "genevescope-match-"));
    try {
      const path = join(directory, "all.pcap");
      writeFileSync(path, Buffer.concat([files[0], ...files.slice(1).map((file) => file.subarray(24))]));
      const matching = await opened({ ...parts[0], path });
      for (const [expression, filter] of TRANSLATED) {
        const numbers = matching(expression);
        expect(numbers.length, expression).toBeGreaterThan(0);
        expect(numbers, expression).toEqual(tshark(path, `geneve && (${filter})`));
      }
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
