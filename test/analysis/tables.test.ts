import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { flowHash } from "../../src/analysis/flow-slots.js";
import { FlowTable } from "../../src/analysis/flow-table.js";
import { TunnelTable } from "../../src/analysis/tunnel-table.js";
import { PacketBatch } from "../../src/capture/batch.js";
import { FrameBatch, FrameFlag } from "../../src/frame/columns.js";
import { FrameStatus } from "../../src/frame/status.js";

interface Counted {
  vni: number;
  keys: number;
  bytes: number;
  sec: number;
  nsec: number;
}

const counted: fc.Arbitrary<Counted> = fc.record({
  // Few values, so that keys repeat; the extremes among them.
  vni: fc.constantFrom(0, 1, 2, 255, 256, 0xffffff),
  keys: fc.constantFrom(0, 1, 0x10002, 0x20001, 0x7fffffff, 0x80000000, 0xffffffff, 0x18000),
  bytes: fc.constantFrom(0, 60, 1500, 70_000, 0xffff_ffff),
  sec: fc.integer({ min: 1_700_000_000, max: 1_700_000_005 }),
  nsec: fc.integer({ min: 0, max: 999_999_999 }),
});

function addAll(table: FlowTable, given: readonly Counted[]): void {
  for (const { vni, keys, bytes, sec, nsec } of given) table.add(vni, keys, bytes, sec, nsec);
}

const listed = (table: FlowTable) => [...table.entries()].sort((a, b) => a.firstSec - b.firstSec);
const ns = (sec: number, nsec: number): bigint => BigInt(sec) * 1_000_000_000n + BigInt(nsec);

describe("flow table", () => {
  test("counts as a Map does, whatever the order, however small it starts", () => {
    fc.assert(
      fc.property(fc.array(fc.array(counted, { maxLength: 30 }), { maxLength: 8 }), (batches) => {
        const table = new FlowTable();
        const truth = new Map<string, { packets: number; bytes: number; first: bigint; last: bigint }>();
        for (const batch of batches) {
          addAll(table, batch);
          for (const each of batch) {
            const at = ns(each.sec, each.nsec);
            // The reserved bit is no part of the keys.
            const key = `${each.vni} ${(each.keys & 0x7fffffff) >>> 0}`;
            const known = truth.get(key) ?? { packets: 0, bytes: 0, first: at, last: at };
            known.packets++;
            known.bytes += each.bytes;
            if (at < known.first) known.first = at;
            if (at > known.last) known.last = at;
            truth.set(key, known);
          }
        }
        const found = new Map(
          listed(table).map((flow) => [
            `${flow.vni} ${flow.keys}`,
            {
              packets: flow.packets,
              bytes: flow.bytes,
              first: ns(flow.firstSec, flow.firstNsec),
              last: ns(flow.lastSec, flow.lastNsec),
            },
          ]),
        );
        expect(found).toEqual(truth);
      }),
      { numRuns: 500 },
    );
  });

  test("many flows: every one is found again after growth", () => {
    const table = new FlowTable();
    const given = Array.from({ length: 50_000 }, (_, i) => ({
      vni: i % 251,
      keys: i * 7,
      bytes: 1,
      sec: 1,
      nsec: 0,
    }));
    addAll(table, given);
    addAll(table, given);
    expect(table.count).toBe(50_000);
    expect(listed(table).every((flow) => flow.packets === 2 && flow.bytes === 2)).toBe(true);
  });

  test("flows counted apart and merged are those counted together, whatever their meanings", () => {
    const validity = (_vni: number, _keys: number, ms: number) => {
      const second = Math.floor(ms / 1000) * 1000;
      return { from: second, until: second + 1000 };
    };
    fc.assert(
      fc.property(
        fc.array(fc.array(counted, { maxLength: 20 }), { minLength: 1, maxLength: 4 }),
        fc.boolean(),
        (parts, timed) => {
          const together = new FlowTable(timed ? validity : null);
          const first = new FlowTable(timed ? validity : null);
          addAll(together, parts.flat());
          addAll(first, parts[0]);
          const merged = FlowTable.of(first.state(), timed ? validity : null);
          for (const part of parts.slice(1)) {
            const other = new FlowTable(timed ? validity : null);
            addAll(other, part);
            merged.merge(FlowTable.of(other.state(), timed ? validity : null));
          }
          const sorted = (table: FlowTable) =>
            [...table.entries()].sort((a, b) => a.vni - b.vni || a.keys - b.keys || a.firstSec - b.firstSec);
          expect(merged.count).toBe(together.count);
          const plain = (table: FlowTable) =>
            sorted(table).map(({ vni, keys, packets, bytes, ...times }) => ({
              vni,
              keys,
              packets,
              bytes,
              first: ns(times.firstSec, times.firstNsec),
              last: ns(times.lastSec, times.lastNsec),
            }));
          expect(plain(merged)).toEqual(plain(together));
        },
      ),
      { numRuns: 200 },
    );
  });

  test("holds as many flows as it is told to, and counts the packets of others", () => {
    const table = new FlowTable(null, 1000);
    const given = Array.from({ length: 3000 }, (_, i) => ({ vni: 7, keys: i, bytes: 10, sec: 1, nsec: 0 }));
    addAll(table, given);
    addAll(table, given);
    expect(table.count).toBe(1000);
    expect(table.overflow).toBe(4000);
    expect(listed(table).every((flow) => flow.packets === 2 && flow.keys < 1000)).toBe(true);
  });

  test("keys that all have the same hash are told apart", () => {
    // Of 2^24 flows those of one bucket and place: more than a bucket holds.
    const alike: Counted[] = [];
    const hash = flowHash(8, 0);
    for (let keys = 0; alike.length < 300 && keys < 2 ** 31; keys += 1)
      if (((flowHash(8, keys) ^ hash) & 0xffff) === 0)
        alike.push({ vni: 7, keys, bytes: 1, sec: 1, nsec: 0 });
    const table = new FlowTable();
    addAll(table, alike);
    addAll(table, alike);
    expect(alike.length).toBe(300);
    expect(table.count).toBe(300);
    expect(listed(table).every((flow) => flow.packets === 2)).toBe(true);
  });

  test("keys that change their meaning are told apart by time, also out of order", () => {
    let asked = 0;
    // The meaning changes at every full second.
    const table = new FlowTable((_vni, _keys, ms) => {
      asked++;
      const second = Math.floor(ms / 1000) * 1000;
      return { from: second, until: second + 1000 };
    });
    const times = [
      [1e9 + 10, 0],
      [1e9 + 10, 999_999_999],
      [1e9 + 11, 0],
      [1e9 + 10, 500],
      [1e9 + 12, 1],
      [1e9 + 11, 7],
    ];
    addAll(
      table,
      times.map(([sec, nsec]) => ({ vni: 5, keys: 9, bytes: 100, sec, nsec })),
    );
    expect(listed(table).map((flow) => [flow.firstSec, flow.packets, flow.lastSec, flow.lastNsec])).toEqual([
      [1e9 + 10, 3, 1e9 + 10, 999_999_999],
      [1e9 + 11, 2, 1e9 + 11, 7],
      [1e9 + 12, 1, 1e9 + 12, 1],
    ]);
    expect(asked).toBe(3);
  });
});

describe("flows while meanings change", () => {
  test("each meaning of a key is a flow of its own, and none loses a packet", () => {
    const table = new FlowTable((_vni, _keys, ms) => {
      const second = Math.floor(ms / 1000) * 1000;
      return { from: second, until: second + 1000 };
    });
    const truth = new Map<number, number>();
    const add = (second: number, nsec: number): void => {
      table.add(5, 9, 100, second, nsec);
      truth.set(second, (truth.get(second) ?? 0) + 1);
    };
    for (let second = 100_000; second < 100_400; second++) {
      for (let each = 0; each < 3; each++) add(second, each);
      // A late one still finds its own.
      if (second % 7 === 0) add(second - 1 - (second % 5), 0);
    }
    expect(table.count).toBe(truth.size);
    expect(new Map([...table.entries()].map((flow) => [flow.firstSec, flow.packets]))).toEqual(truth);
  });

  test("an entry without an end gets one when its key is given to another", () => {
    let until = Number.POSITIVE_INFINITY;
    const table = new FlowTable((_vni, _keys, ms) =>
      ms < until
        ? { from: Number.NEGATIVE_INFINITY, until }
        : { from: until, until: Number.POSITIVE_INFINITY },
    );
    table.add(5, 9, 100, 100_000, 0);
    table.add(5, 9, 100, 100_001, 0);
    until = 100_001_500;
    // Not for another datapath's sake.
    table.revalidate(new Set([4]));
    table.add(5, 9, 100, 100_001, 600_000_000);
    expect(table.count).toBe(1);
    table.revalidate(new Set([5]));
    table.add(5, 9, 100, 100_001, 400_000_000);
    table.add(5, 9, 100, 100_001, 500_000_000);
    table.add(5, 9, 100, 100_002, 0);
    expect(listed(table).map((flow) => [flow.firstSec, flow.firstNsec, flow.packets])).toEqual([
      [100_000, 0, 4],
      [100_001, 500_000_000, 2],
    ]);
  });
});

interface Tunnelled {
  v6: boolean;
  source: number;
  destination: number;
  bytes: number;
  outer: number;
  kind: "geneve" | "first" | "later" | "other";
}

describe("tunnel table", () => {
  const tunnelled: fc.Arbitrary<Tunnelled> = fc.record({
    v6: fc.boolean(),
    source: fc.integer({ min: 1, max: 4 }),
    destination: fc.integer({ min: 1, max: 4 }),
    bytes: fc.integer({ min: 60, max: 9000 }),
    outer: fc.integer({ min: 40, max: 65535 }),
    kind: fc.constantFrom("geneve", "first", "later", "other"),
  });

  test("counts as a Map does, IPv4 and IPv6 mixed", () => {
    fc.assert(
      fc.property(fc.array(fc.array(tunnelled, { maxLength: 20 }), { maxLength: 5 }), (batches) => {
        const table = new TunnelTable(2);
        const truth = new Map<string, object & { packets: number }>();
        for (const batch of batches) {
          const packets = new PacketBatch(Math.max(1, batch.length));
          const frames = new FrameBatch(packets.capacity);
          packets.count = batch.length;
          packets.view = new DataView(new ArrayBuffer(batch.length * 40 + 40));
          batch.forEach((each, i) => {
            const ip = i * 40;
            frames.outerIp[i] = ip;
            frames.outerBytes[i] = each.outer;
            packets.originalBytes[i] = each.bytes;
            frames.vni[i] = each.kind === "geneve" || each.kind === "first" ? 7 : -1;
            frames.status[i] =
              each.kind === "geneve"
                ? FrameStatus.ok
                : each.kind === "other"
                  ? FrameStatus.notGeneve
                  : FrameStatus.unsupported;
            const fragment = each.kind === "first" || each.kind === "later";
            frames.flags[i] = (each.v6 ? FrameFlag.outerIpv6 : 0) | (fragment ? FrameFlag.fragment : 0);
            if (each.v6) {
              packets.view.setUint16(ip + 8, 0xfd00);
              packets.view.setUint8(ip + 23, each.source);
              packets.view.setUint16(ip + 24, 0xfd00);
              packets.view.setUint8(ip + 39, each.destination);
            } else {
              packets.view.setUint32(ip + 12, 0x0a000000 + each.source);
              packets.view.setUint32(ip + 16, 0x0a000000 + each.destination);
            }
            if (each.kind === "other") return;
            const name = (host: number) => (each.v6 ? `fd00::${host}` : `10.0.0.${host}`);
            const key = `${name(each.source)} ${name(each.destination)}`;
            const known = (truth.get(key) ?? {
              source: name(each.source),
              destination: name(each.destination),
              packets: 0,
              bytes: 0,
              largestOuterBytes: 0,
              fragments: 0,
              tunnelled: 0,
            }) as Record<string, number> & { packets: number };
            known.packets++;
            known.bytes += each.bytes;
            known.largestOuterBytes = Math.max(known.largestOuterBytes, each.outer);
            if (fragment) known.fragments++;
            known.lastSec = 0;
            known.lastNsec = 0;
            if (frames.vni[i] >= 0) known.tunnelled++;
            truth.set(key, known);
          });
          table.add(packets, frames, frames.every, batch.length);
        }
        const found = Array.from({ length: table.count }, (_, index) => table.entry(index));
        expect(new Map(found.map((each) => [`${each.source} ${each.destination}`, each]))).toEqual(truth);
      }),
      { numRuns: 500 },
    );
  });
});
