/* Packets that encode makes of objects written by hand, before tshark and tcpdump: field by field, all sums right. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { findCommand, peer } from "../setup/peer.js";
import { MAIN } from "./genevescope.js";
import { describeTshark, tshark } from "./pdml.js";
import { expected } from "./tshark-packets.js";

const outer4 = {
  eth: { src: "52:54:00:13:e0:a2", dst: "52:54:00:ac:67:5b" },
  ip: {
    version: 4,
    src: "192.168.50.100",
    dst: "192.168.50.101",
    ttl: 33,
    tos: 4,
    id: 7,
    dontFragment: true,
  },
  udp: { src: 7549, dst: 6081 },
};
const outer6 = {
  ...outer4,
  ip: { version: 6, src: "fd00:50::64", dst: "fd00:50::65", ttl: 255, tos: 184, flowLabel: 0xfffff },
};
const eth = { src: "40:44:00:00:00:01", dst: "40:44:00:00:00:02" };
const ip4 = { version: 4, src: "192.168.0.11", dst: "192.168.0.12" };
const ip6 = { version: 6, src: "fe80::1", dst: "ff02::1:ff00:12", ttl: 255 };
const keys = { datapathKey: 1, ingressKey: 1, egressKey: 2 };

/** Objects with the fields that nobody could know, and some that are unusual. */
const given = [
  {
    outer: outer4,
    ovn: keys,
    inner: { eth, ip: ip4, icmp: { type: 8, id: 5, seq: 6 }, payload: "0102030405" },
  },
  {
    outer: outer6,
    ovn: { datapathKey: 0xffffff, ingressKey: 0x7fff, egressKey: 0xffff },
    inner: { eth, ip: ip4, udp: { src: 1, dst: 53000 }, payload: "00".repeat(1473) },
  },
  {
    outer: outer4,
    ovn: keys,
    inner: {
      eth,
      ip: { ...ip4, tos: 255, ttl: 1 },
      tcp: {
        src: 40000,
        dst: 65000,
        seq: 0xffffffff,
        ack: 1,
        flags: ["syn", "ack", "ece", "cwr", "ae"],
        window: 1,
        options: "020405b40103030701010101",
      },
    },
  },
  {
    outer: outer4,
    ovn: keys,
    inner: {
      eth,
      ip: ip6,
      icmpv6: { type: 135, target: "fe80::12", options: [{ type: 1, data: "404400000001" }] },
    },
  },
  { outer: outer4, ovn: keys, inner: { eth, ip: ip6, icmpv6: { type: 128, id: 9, seq: 10 }, payload: "aa" } },
  {
    outer: outer4,
    ovn: { ...keys, egressKey: 32768 },
    inner: {
      eth: { ...eth, dst: "ff:ff:ff:ff:ff:ff" },
      arp: {
        operation: 1,
        senderMac: eth.src,
        senderIp: "10.0.0.1",
        targetMac: "00:00:00:00:00:00",
        targetIp: "10.0.0.2",
      },
      trailers: [{ of: "arp", data: "00".repeat(18) }],
    },
  },
  {
    outer: outer4,
    geneve: { vni: 0 },
    inner: {
      eth,
      ip: ip4,
      udp: { src: 49153, dst: 3784 },
      bfd: {
        state: "Up",
        diag: 3,
        multiplier: 5,
        myDiscriminator: 1,
        yourDiscriminator: 2,
        desiredMinTxUsec: 100000,
        requiredMinRxUsec: 3,
        requiredMinEchoRxUsec: 4,
      },
    },
  },
  {
    outer: outer4,
    geneve: {
      vni: 9,
      options: [
        { class: 0x102, type: 0x80, data: "00030004" },
        { class: 0xffff, type: 0x7f, data: "00".repeat(124) },
        { class: 1, type: 0xff, data: "01020304".repeat(27) },
      ],
    },
    inner: { eth, ip: ip4, icmp: { type: 0, id: 1, seq: 1 } },
  },
  {
    outer: outer6,
    geneve: { vni: 3, options: [] },
    inner: { ip: ip4, udp: { src: 9, dst: 10 }, payload: "ff" },
  },
  { outer: { ...outer4, udp: { src: 5, dst: 4000 }, payload: "beef" } },
].map((object, index) => ({ ...object, time: `2026-11-21T07:20:17.64627900${index}Z` }));

let folder = "";
let path = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "genevescope-encode-"));
  path = join(folder, "made.pcap");
  const lines = given.map((object) => JSON.stringify(object)).join("\n");
  writeFileSync(path, execFileSync(process.execPath, [MAIN, "encode", "-o", "pcap"], { input: lines }));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A depth as it was given, with what tshark is not asked for left out and each checksum right. */
function asSeen(depth: Record<string, unknown> | undefined): Record<string, unknown> | null {
  if (depth === undefined) return null;
  const { payload: _, trailers: __, ...headers } = depth;
  const sums = ["udp", "tcp", "icmp", "icmpv6"];
  return Object.fromEntries(
    Object.entries(headers).map(([name, fields]) => {
      const { options, ...rest } = fields as { options?: unknown };
      const isGood = sums.includes(name) || (rest as { version?: number }).version === 4;
      const given = name === "tcp" ? (fields as object) : rest;
      return [name, { ...given, ...(isGood && name !== "bfd" ? { checksum: "good" } : {}) }];
    }),
  );
}

describeTshark("tshark reads what encode writes", () => {
  test("field by field", () => {
    const seen = tshark(path).map(expected);
    expect(seen).toHaveLength(given.length);
    for (const [index, object] of given.entries()) {
      const { outer, inner, geneve, ovn } = object as {
        outer: Record<string, unknown>;
        inner?: Record<string, unknown>;
        geneve?: { vni: number; options?: object[] };
        ovn?: typeof keys;
      };
      const found = seen[index];
      expect(found?.outer, `packet ${index}, outside`).toMatchObject(asSeen(outer) as object);
      expect(found?.inner === null, `packet ${index}, inside`).toBe(inner === undefined);
      if (inner !== undefined) expect(found?.inner).toMatchObject(asSeen(inner) as object);
      expect(found?.time).toBe(1795245617646279000n + BigInt(index));
      if (geneve !== undefined) expect(found?.geneve).toMatchObject(geneve);
      if (ovn === undefined) continue;
      const word = (ovn.ingressKey << 16) | ovn.egressKey;
      const data = word.toString(16).padStart(8, "0");
      expect(found?.geneve).toMatchObject({
        critical: true,
        vni: ovn.datapathKey,
        options: [{ class: 0x102, type: 0x80, critical: true, data }],
      });
    }
  });

  test("and has nothing to say against it", () => {
    const args = [
      "-n",
      "-r",
      path,
      "-T",
      "fields",
      "-e",
      "frame.number",
      "-e",
      "_ws.expert.message",
      "-Y",
      "_ws.malformed || _ws.expert.severity >= 0x600000",
    ];
    const text = execFileSync(findCommand("tshark") ?? "tshark", args, {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
    expect(text).toBe("");
  });
});

peer("tcpdump", ["tcpdump"])("tcpdump reads what encode writes", () => {
  test("with every checksum right", () => {
    const text = execFileSync(findCommand("tcpdump") ?? "tcpdump", ["-nn", "-t", "-vvv", "-r", path], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
    expect(text).not.toMatch(/bad|wrong|incorrect|\[\||truncated|invalid/i);
    expect(text.match(/Geneve, Flags \[/g)).toHaveLength(given.length - 1);
    expect(text.match(/udp sum ok/g)?.length).toBeGreaterThanOrEqual(given.length);
    expect(text).toContain("192.168.0.11.40000 > 192.168.0.12.65000: Flags [S.EW");
    expect(text).toContain("who-has 10.0.0.2 tell 10.0.0.1");
    expect(text).toContain("vni 0xffffff");
  });
});
