/* Keys of bare inner frames from dumps of the datapath's flows. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { confirmed } from "../../src/analysis/confirmed.js";
import { Correlator } from "../../src/analysis/correlator.js";
import { FlowKeys } from "../../src/analysis/flow-keys.js";
import { Namer } from "../../src/analysis/namer.js";
import { openSouthbound } from "../../src/southbound/index.js";
import { egressOf, ingressOf } from "../../src/wire/ovn-option.js";
import { CAPTURES } from "../conformance/captures.js";
import { bareBatch, innerFrames } from "./inner-only.js";

const file = (name: string) => join(CAPTURES, "routed-ping", name);

function keysOf(dump: string): FlowKeys {
  const keys = new FlowKeys();
  keys.write(dump);
  keys.end();
  return keys;
}

/** A frame of IPv4 between two hosts' MACs, which end in these bytes. */
function frame(source: number, destination: number, ip = 1, protocol = 17) {
  const bytes = new Uint8Array(14 + 28);
  bytes.set([2, 0, 0, 0, 0, destination, 2, 0, 0, 0, 0, source, 8, 0]);
  bytes.set(
    [0x45, 0, 0, 28, 0, 0, 0, 0, 64, protocol, 0, 0, 10, 0, 0, ip, 10, 0, 0, 200, 0, 1, 0, 2, 0, 8, 0, 0],
    14,
  );
  return { bytes };
}
const mac = (last: number) => `02:00:00:00:00:${last.toString(16).padStart(2, "0")}`;
const flow = (keys: number, match: string, vni = 1) =>
  `tunnel(tun_id=0x${vni.toString(16)},src=1.1.1.1,dst=2.2.2.2,geneve({class=0x102,type=0x80,len=4,0x${keys.toString(16)}}),flags(+key)),recirc_id(0),in_port(4),${match}, packets:0, bytes:0, used:never, actions:7\n`;
const between = (source: number, destination: number, more = "") =>
  `eth(src=${mac(source)},dst=${mac(destination)}),eth_type(0x0800)${more}`;

/** The keys of frames: those of pinned flows, and of loose ones. */
function found(keys: FlowKeys, ...given: { bytes: Uint8Array }[]) {
  const { packets, frames } = bareBatch(given);
  return given.map((_, i) => {
    const headers = keys.find(packets, frames, i);
    const shown = (list: readonly { ovnKeys: number | null }[]) =>
      list.map(({ ovnKeys }) => ovnKeys).join(" ");
    return headers === null ? null : [shown(headers.pinned), shown(headers.loose)];
  });
}

test.each(["hv1", "hv2"])(
  "the flows of %s tell the keys of every tunnelled frame of its capture",
  async (host) => {
    const inventory = await openSouthbound(file("sb.db"));
    const correlator = new Correlator(inventory, null, new Namer(inventory, null));
    const keys = keysOf(readFileSync(file(`${host}.flows.txt`), "utf8"));
    expect(keys.counts).toEqual({ flows: 17, used: 2, unreadable: 0, inexact: 0, dropped: 0 });
    const inner = await innerFrames(file(`${host}.pcap`));
    expect(inner.length).toBe(10);
    const { packets, frames } = bareBatch(inner);
    const ways = new Set<string>();
    inner.forEach(({ vni, ingress, egress }, i) => {
      const headers = keys.find(packets, frames, i);
      expect(headers).not.toBe(null);
      if (headers === null) return;
      ways.add(headers.pinned.length > 0 ? "pinned" : "loose");
      const sure = confirmed(headers, correlator.find(packets, frames, i));
      expect(sure?.isOneKey).toBe(true);
      const [header] = sure?.headers ?? [];
      expect([header.vni, ingressOf(header.ovnKeys ?? 0), egressOf(header.ovnKeys ?? 0)]).toEqual([
        vni,
        ingress,
        egress,
      ]);
    });
    // Sent ones by their MACs, received ones by what the southbound confirms.
    expect([...ways].sort()).toEqual(["loose", "pinned"]);
  },
);

describe("a table", () => {
  test("finds by what the flows look at, and by nothing else", () => {
    const keys = keysOf(
      flow(0x10001, between(1, 2)) +
        flow(0x10002, between(1, 3, ",ipv4(src=10.0.0.0/255.255.255.254,frag=no)")) +
        flow(0x10003, between(1, 3, ",ipv4(src=10.0.0.2,proto=6,frag=no)")) +
        flow(0x10004, `eth(src=${mac(4)}),eth_type(0x0800)`) +
        flow(0x10005, between(5, 6)) +
        flow(0x10006, between(5, 6), 2),
    );
    expect(
      found(
        keys,
        frame(1, 2),
        frame(2, 1),
        frame(1, 3, 1),
        frame(1, 3, 2),
        frame(1, 3, 2, 6),
        frame(4, 9),
        frame(5, 6),
      ),
    ).toEqual([["65537", ""], null, ["65538", ""], null, ["65539", ""], ["", "65540"], ["65541 65542", ""]]);
  });

  test("gives the same object for frames of a kind, and none for a frame that is cut", () => {
    const keys = keysOf(flow(1, between(1, 2)));
    const { packets, frames } = bareBatch([
      frame(1, 2),
      frame(1, 2),
      { bytes: frame(1, 2).bytes.slice(0, 20) },
    ]);
    const first = keys.find(packets, frames, 0);
    expect(first).not.toBe(null);
    expect(keys.find(packets, frames, 1)).toBe(first);
    expect(keys.find(packets, frames, 2)).toBe(null);
  });

  test("remembers answers as it would find them anew", () => {
    const dump = Array.from({ length: 200 }, (_, n) => flow(n + 1, between(n % 16, (n * 7) % 32))).join("");
    const old = keysOf(dump);
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(31), fc.nat(31), fc.nat(255)), { maxLength: 50 }), (list) => {
        const given = list.map(([source, destination, ip]) => frame(source, destination, ip));
        expect(found(old, ...given)).toEqual(found(keysOf(dump), ...given));
      }),
      { numRuns: 50 },
    );
  });

  test("is the same however the dump is cut, with or without a last line feed", () => {
    const dump = `flow-dump from the main thread:\n${flow(7, between(1, 2))}${flow(8, between(2, 1)).trimEnd()}`;
    for (const size of [1, 2, 7, 100, 1000]) {
      const keys = new FlowKeys();
      for (let at = 0; at < dump.length; at += size) keys.write(dump.slice(at, at + size));
      keys.end();
      expect(keys.counts).toEqual({ flows: 2, used: 2, unreadable: 0, inexact: 0, dropped: 0 });
      expect(found(keys, frame(1, 2), frame(2, 1))).toEqual([
        ["7", ""],
        ["8", ""],
      ]);
    }
  });

  test("what was found while the dump still came is not kept", () => {
    const keys = new FlowKeys();
    keys.write(flow(7, between(1, 2)).trimEnd());
    expect(found(keys, frame(1, 2))).toEqual([null]);
    keys.end();
    expect(found(keys, frame(1, 2))).toEqual([["7", ""]]);
  });

  test("counts what it cannot use, and goes on behind it", () => {
    const long = `eth(${"x".repeat(70_000)}), actions:drop\n`;
    const keys = keysOf(
      flow(1, between(1, 2)).replace("(src", "((src") +
        flow(1, between(1, 2)).replace("0x1})", "0x1/0xff})") +
        long +
        flow(9, between(1, 2)),
    );
    expect(keys.counts).toEqual({ flows: 4, used: 1, unreadable: 2, inexact: 1, dropped: 0 });
    expect(found(keys, frame(1, 2))).toEqual([["9", ""]]);
  });

  test("a line without an end takes no memory", () => {
    const keys = new FlowKeys();
    const piece = "a".repeat(1 << 20);
    const before = process.memoryUsage().heapUsed;
    for (let n = 0; n < 300; n++) keys.write(piece);
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(50e6);
    keys.end();
    expect(keys.counts).toMatchObject({ flows: 1, unreadable: 1 });
  });

  test("as many masks as anybody can think of: so many are kept, the rest is counted", () => {
    const keys = new FlowKeys();
    for (let n = 0; n < 1500; n++)
      keys.write(flow(n, between(1, 2, `,ipv4(src=10.0.0.1/255.255.${n >> 8}.${n & 255},frag=no)`)));
    keys.end();
    expect(keys.counts).toMatchObject({ flows: 1500, used: 1024, dropped: 476 });
    expect(found(keys, frame(1, 2))[0]?.[0].split(" ")).toHaveLength(16);
  });

  test("300,000 flows within seconds: as many as it keeps, the rest is counted", () => {
    const keys = new FlowKeys();
    const start = performance.now();
    for (let n = 0; n < 300_000; n++)
      keys.write(
        flow(
          n,
          `eth(src=02:00:00:${(n >> 16).toString(16).padStart(2, "0")}:00:01,dst=${mac(2)}),eth_type(0x0800),ipv4(src=10.0.${(n >> 8) & 255}.${n & 255},frag=no)`,
        ),
      );
    keys.end();
    expect(keys.counts).toMatchObject({ flows: 300_000, used: 1 << 18, dropped: 300_000 - (1 << 18) });
    expect(performance.now() - start).toBeLessThan(20_000);
  });
});

describe("confirmed by the southbound", async () => {
  const inventory = await openSouthbound(file("sb.db"));
  const correlator = new Correlator(inventory, null, new Namer(inventory, null));
  const inner = await innerFrames(file("hv2.pcap"));
  const { packets, frames } = bareBatch(inner);
  const request = inner.findIndex(({ vni }) => vni === 2);
  const loose = "eth(src=40:44:00:00:00:04),eth_type(0x0800)";
  const pinned = "eth(src=40:44:00:00:00:04,dst=40:44:00:00:00:02),eth_type(0x0800)";
  const keysFor = (...flows: string[]) => {
    const headers = keysOf(flows.join("")).find(packets, frames, request);
    const sure = headers && confirmed(headers, correlator.find(packets, frames, request));
    return (
      sure &&
      `${sure.headers.map(({ vni, ovnKeys }) => `${vni}:${ovnKeys?.toString(16)}`).join(" ")} ${sure.isOneKey}`
    );
  };

  test("a flow that does not look at a MAC says nothing of a frame to somebody else", () => {
    // The truth is network2, from net2-router1 (2) to vm2 (1).
    expect(keysFor(flow(0x20001, loose, 2))).toBe("2:20001 true");
    expect(keysFor(flow(0x20003, loose, 2))).toBe(null);
    expect(keysFor(flow(0x20003, loose, 2), flow(0x20001, loose, 2))).toBe("2:20001 true");
    expect(keysFor(flow(0x20001, loose, 1))).toBe(null);
  });

  test("a flow between both MACs counts first, unless it contradicts every reading", () => {
    expect(keysFor(flow(0x20001, pinned, 2), flow(0x20001, loose, 2).replace("2.2.2.2", "3.3.3.3"))).toBe(
      "2:20001 true",
    );
    expect(keysFor(flow(0x20002, pinned, 2))).toBe(null);
    expect(keysFor(flow(0x20001, pinned, 2), flow(0x20001, pinned, 3))).toBe("2:20001 true");
  });

  test("of a frame that the southbound knows nothing of, only both MACs are enough", () => {
    const nothing = { readings: [], count: 0, byMacs: 0, from: 0, until: Number.POSITIVE_INFINITY };
    const sureOf = (dump: string) => {
      const headers = keysOf(dump).find(packets, frames, request);
      return headers && confirmed(headers, nothing)?.headers.length;
    };
    expect(sureOf(flow(1, pinned))).toBe(1);
    expect(sureOf(flow(1, loose))).toBe(undefined);
  });
});
