/* Bare inner frames and their twins in tunnels, captured at the same time. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FramePairs, type PairOptions } from "../../src/analysis/frame-pairs.js";
import type { TunnelHeaders } from "../../src/analysis/tunnel-header.js";
import { FrameBatch } from "../../src/frame/columns.js";
import { FrameDecoder } from "../../src/frame/decode.js";
import { captures } from "../conformance/captures.js";
import { batchOf, type TestPacket } from "../frame/batch.js";
import { bareBatch, innerFrames } from "./inner-only.js";

const SECOND = 1_700_000_000;
const WINDOW = 200;

interface Stamped extends TestPacket {
  sec: number;
  nsec: number;
}
const at = (ms: number) => ({
  sec: SECOND + Math.floor(ms / 1000),
  nsec: Math.floor(((ms % 1000) + 1000) % 1000) * 1e6,
});
const msOf = ({ sec, nsec }: Stamped) => sec * 1000 + nsec / 1e6;

/** An inner frame: UDP over IPv4 with this number in it. */
function udp(number: number, checksum = 0, length = 46): Uint8Array {
  const bytes = new Uint8Array(length);
  bytes.set([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0, 0, length - 14, 0, 0, 0, 0, 64, 17, 0, 0]);
  bytes.set([10, 0, 0, 1, 10, 0, 0, 2, 0, 9, 0, 9, 0, length - 34, checksum >> 8, checksum & 255], 26);
  new DataView(bytes.buffer).setUint32(42, number);
  return bytes;
}

/** The frame in a tunnel to 10.9.0.`to`. */
function tunnelled(inner: Uint8Array, vni: number, keys: number, to = 4): Uint8Array {
  const bytes = new Uint8Array(58 + inner.length);
  const view = new DataView(bytes.buffer);
  bytes.set([
    2,
    0,
    0,
    0,
    9,
    1,
    2,
    0,
    0,
    0,
    9,
    2,
    8,
    0,
    0x45,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    64,
    17,
    0,
    0,
    10,
    9,
    0,
    3,
    10,
    9,
    0,
    to,
  ]);
  view.setUint16(16, 44 + inner.length);
  bytes.set([0x1d, 0x7d, 0x17, 0xc1, 0, 0, 0, 0, 2, 0x40, 0x65, 0x58], 34);
  view.setUint16(38, 24 + inner.length);
  view.setUint32(46, vni << 8);
  view.setUint32(50, 0x01028001);
  view.setUint32(54, keys);
  bytes.set(inner, 58);
  return bytes;
}

/** What is said of each bare frame, in words, and the counts. */
class Pairing {
  readonly said: (string | undefined)[] = [];
  readonly order: number[] = [];
  readonly pairs: FramePairs;

  constructor(options: PairOptions = {}) {
    this.pairs = new FramePairs((token, headers) => {
      expect(this.said[token]).toBe(undefined);
      this.said[token] = shown(headers);
      this.order.push(token);
    }, options);
  }

  bare(given: readonly Stamped[], token: number): void {
    const { packets, frames } = bareBatch(given);
    for (let i = 0; i < given.length; i++) this.pairs.bare(packets, frames, i, token + i);
  }

  tunnelled(given: readonly Stamped[]): void {
    const { packets, interfaces } = batchOf(given);
    const frames = new FrameBatch(packets.capacity);
    new FrameDecoder().decode(packets, interfaces, frames);
    for (let i = 0; i < given.length; i++) this.pairs.tunnelled(packets, frames, i);
  }

  advance(ms: number): void {
    this.pairs.advance(SECOND * 1000 + ms);
  }
}

function shown(headers: TunnelHeaders | null): string {
  if (headers === null) return "-";
  const list = headers.headers.map(
    ({ vni, ovnKeys, destination }) => `${vni}:${ovnKeys?.toString(16)}>${destination}`,
  );
  return `${list.sort().join(" ")}${headers.isOneKey ? "" : " ?"}`;
}

const NONE = { paired: 0, ambiguous: 0, unpaired: 0, hurried: 0, cut: 0, alone: 0, dropped: 0 };

describe("a frame and its twin", () => {
  const twin = tunnelled(udp(1), 5, 0x10002);
  test.each([
    ["the bare one first", 0, 3],
    ["the tunnelled one first", 3, 0],
    ["as far apart as they may be", 0, WINDOW],
  ])("%s", (_title, bare, other) => {
    for (const isFirst of [true, false]) {
      const pairing = new Pairing();
      if (isFirst) pairing.tunnelled([{ bytes: twin, ...at(other) }]);
      pairing.bare([{ bytes: udp(1), ...at(bare) }], 0);
      if (!isFirst) pairing.tunnelled([{ bytes: twin, ...at(other) }]);
      pairing.advance(bare + WINDOW);
      expect(pairing.said).toEqual([]);
      pairing.advance(bare + WINDOW + 1);
      expect(pairing.said).toEqual(["5:10002>10.9.0.4"]);
      pairing.pairs.end();
      expect(pairing.pairs.counts).toEqual({ ...NONE, paired: 1 });
    }
  });

  test("too far apart, other bytes, another length: no twins", () => {
    for (const [bytes, ms] of [
      [udp(1), WINDOW + 1],
      [udp(2), 0],
      [udp(1, 0, 50), 0],
    ] as const) {
      const pairing = new Pairing();
      pairing.tunnelled([{ bytes: twin, ...at(0) }]);
      pairing.bare([{ bytes, ...at(ms) }], 0);
      pairing.pairs.end();
      expect(pairing.said).toEqual(["-"]);
      expect(pairing.pairs.counts).toEqual({ ...NONE, unpaired: 1, alone: 1 });
    }
  });

  test("a checksum that a card fills in later makes no difference, any other byte does", () => {
    const whole = udp(1, 0, 80);
    const bare = Array.from(whole, (byte, offset) => {
      const bytes = whole.slice();
      bytes[offset] = byte ^ 0x40;
      return { bytes, ...at(0) };
    });
    const pairing = new Pairing();
    pairing.tunnelled([{ bytes: tunnelled(whole, 5, 0x10002), ...at(0) }]);
    pairing.bare(bare, 0);
    pairing.pairs.end();
    expect(pairing.said.flatMap((text, offset) => (text === "-" ? [] : [offset]))).toEqual([40, 41]);
  });

  test("cut ones are not compared", () => {
    const pairing = new Pairing();
    pairing.tunnelled([{ bytes: twin.slice(0, 80), original: twin.length, ...at(0) }]);
    pairing.bare([{ bytes: udp(1).slice(0, 30), original: 46, ...at(0) }], 0);
    expect(pairing.said).toEqual(["-"]);
    expect(pairing.pairs.counts).toEqual({ ...NONE, cut: 2 });
  });
});

describe("several of the same bytes", () => {
  const of = (vni: number, keys: number, to: number, ms = 0) => ({
    bytes: tunnelled(udp(1), vni, keys, to),
    ...at(ms),
  });
  const saidOf = (given: Stamped[], bareMs = 0) => {
    const pairing = new Pairing();
    pairing.tunnelled(given);
    pairing.bare([{ bytes: udp(1), ...at(bareMs) }], 0);
    pairing.pairs.end();
    return pairing.said[0];
  };

  test("copies to several chassis have one key", () => {
    expect(saidOf([of(5, 0x18000, 4), of(5, 0x18000, 6)])).toBe("5:18000>null");
  });
  test("of two tenants: both are told", () => {
    expect(saidOf([of(5, 0x10002, 4), of(6, 0x10002, 4)])).toBe("5:10002>10.9.0.4 6:10002>10.9.0.4 ?");
    expect(saidOf([of(5, 0x10002, 4), of(5, 0x10003, 4)])).toBe("5:10002>10.9.0.4 5:10003>10.9.0.4 ?");
  });
  test("again and again, also where the underlay's are given far ahead, or out of order", () => {
    const pairing = new Pairing();
    pairing.tunnelled([0, 150, 300, 450].map((ms) => of(5, 0x10002, 4, ms)));
    pairing.bare([{ bytes: udp(1), ...at(210) }], 0);
    pairing.advance(405);
    expect(pairing.said).toEqual([]);
    pairing.pairs.end();
    expect(pairing.said).toEqual(["5:10002>10.9.0.4"]);
    expect(saidOf([of(5, 0x10002, 4, 100), of(5, 0x10002, 4, 0)], -150)).toBe("5:10002>10.9.0.4");
  });
  test("of two tenants one after the other: each its own", () => {
    expect(saidOf([of(5, 0x10002, 4, -500), of(6, 0x10002, 4, 500)], 490)).toBe("6:10002>10.9.0.4");
    expect(saidOf([of(5, 0x10002, 4, -500), of(6, 0x10002, 4, 500)], -490)).toBe("5:10002>10.9.0.4");
  });
});

test.each(captures)("$title: every inner frame gets the keys of its tunnel back", async ({ path }) => {
  // Copies to a VTEP gateway, whose tunnel names no port, have none to give back.
  const inner = (await innerFrames(path)).filter(({ egress }) => egress !== 0);
  const pairing = new Pairing();
  const given = inner.map((each) => ({
    ...each,
    bytes: tunnelled(each.bytes, each.vni, ((each.ingress << 16) | each.egress) >>> 0),
  }));
  // The two devices' batches come in turns; bare frames 2 ms after their twins.
  for (let from = 0; from < inner.length; from += 16) {
    const some = inner.slice(from, from + 16);
    pairing.bare(
      some.map((each) => ({ bytes: each.bytes, sec: each.sec, nsec: each.nsec + 2e6 })),
      from,
    );
    pairing.tunnelled(given.slice(from, from + 16));
    pairing.pairs.advance(msOf(some[some.length - 1]) - 50);
  }
  pairing.pairs.end();
  inner.forEach(({ vni, ingress, egress }, i) => {
    expect(pairing.said[i]).toBe(`${vni}:${((ingress << 16) | egress).toString(16)}>10.9.0.4`);
  });
  expect(pairing.pairs.counts).toEqual({ ...NONE, paired: inner.length });
});

test("as is found by comparing all with all, whatever comes when", () => {
  const event = fc.record({
    wait: fc.constantFrom(0, 0, 1, 30, 120, 201, 500),
    isBare: fc.boolean(),
    number: fc.nat(3),
    vni: fc.integer({ min: 1, max: 3 }),
    to: fc.integer({ min: 4, max: 5 }),
    advance: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(event, { maxLength: 60 }), (events) => {
      let now = 0;
      const timed = events.map((each) => {
        now += each.wait;
        return { ...each, ms: now };
      });
      const pairing = new Pairing({ frames: 64, bytes: 64 * 48 });
      let token = 0;
      for (const { isBare, number, vni, to, ms, advance } of timed) {
        if (isBare) pairing.bare([{ bytes: udp(number), ...at(ms) }], token++);
        else pairing.tunnelled([{ bytes: tunnelled(udp(number), vni, 0x10002, to), ...at(ms) }]);
        if (advance) pairing.advance(ms);
      }
      pairing.pairs.end();
      const expected = timed
        .filter(({ isBare }) => isBare)
        .map((bare) => {
          const twins = timed.filter(
            ({ isBare, number, ms }) => !isBare && number === bare.number && Math.abs(ms - bare.ms) <= WINDOW,
          );
          return [...new Set(twins.map(({ vni }) => vni))].sort();
        });
      const found = pairing.said.map((text) =>
        text === "-" ? [] : [...(text ?? "").matchAll(/(\d):/g)].map(([, vni]) => +vni),
      );
      expect(found).toEqual(expected.map((list) => expect.arrayContaining(list)));
      expect(found.map((list) => new Set(list).size)).toEqual(expected.map((list) => list.length));
      expect(pairing.order).toEqual(pairing.said.map((_, index) => index));
      const { paired, ambiguous, unpaired } = pairing.pairs.counts;
      expect([paired, ambiguous, unpaired]).toEqual([
        expected.filter((list) => list.length === 1).length,
        expected.filter((list) => list.length > 1).length,
        expected.filter((list) => list.length === 0).length,
      ]);
    }),
    { numRuns: 3000 },
  );
});

describe("room", () => {
  test("of frames and of bytes: the oldest are settled, or given up, before their time, and counted", () => {
    for (const [options, dropped] of [
      [{ frames: 4, bytes: 1 << 16 }, 6],
      // A gap at its end is too short for another.
      [{ frames: 64, bytes: 4 * 48 + 4 }, 6],
    ] as const) {
      const pairing = new Pairing(options);
      for (let n = 0; n < 10; n++) {
        pairing.tunnelled([{ bytes: tunnelled(udp(n), 5, n), ...at(n) }]);
        pairing.bare([{ bytes: udp(n), ...at(n) }], n);
      }
      pairing.pairs.end();
      expect(pairing.said).toEqual(Array.from({ length: 10 }, (_, n) => `5:${n}>10.9.0.4`));
      expect(pairing.pairs.counts).toEqual({ ...NONE, paired: 10, hurried: 8, dropped });
    }
    const pairing = new Pairing({ frames: 4, bytes: 64 });
    pairing.tunnelled([{ bytes: tunnelled(udp(1, 0, 100), 5, 1), ...at(0) }]);
    pairing.bare([{ bytes: udp(1, 0, 100), ...at(0) }], 0);
    expect(pairing.said).toEqual(["-"]);
    expect(pairing.pairs.counts).toEqual({ ...NONE, unpaired: 1, dropped: 1 });
  });

  test("frames of all lengths, many times around the ring", () => {
    const pairing = new Pairing({ frames: 16, bytes: 4096 });
    const given = Array.from({ length: 2000 }, (_, n) => ({
      bytes: udp(n, 0, 46 + ((n * 37) % 300)),
      ...at(n * 20),
    }));
    given.forEach((frame, n) => {
      pairing.bare([frame], n);
      pairing.tunnelled([{ ...frame, bytes: tunnelled(frame.bytes, 7, n) }]);
      pairing.advance(n * 20);
    });
    pairing.pairs.end();
    expect(pairing.said).toEqual(given.map((_, n) => `7:${n.toString(16)}>10.9.0.4`));
  });

  test("a flood of one and the same frame takes one place, for as long as it lasts", () => {
    const pairing = new Pairing({ frames: 1024, bytes: 1 << 16 });
    const bytes = udp(1);
    const twin = tunnelled(bytes, 5, 0x10002);
    for (let ms = 0; ms < 3000; ms++) {
      pairing.tunnelled([{ bytes: twin, ...at(ms) }]);
      pairing.bare([{ bytes, ...at(ms) }], ms);
      pairing.advance(ms);
    }
    pairing.pairs.end();
    expect(pairing.pairs.counts).toEqual({ ...NONE, paired: 3000 });
  });
});

test("other packets of the underlay are passed over", () => {
  const pairing = new Pairing();
  const control = tunnelled(udp(1), 5, 1);
  control[43] |= 0x80;
  const bareIp = tunnelled(udp(1), 5, 1);
  bareIp.set([8, 0], 44);
  const dns = tunnelled(udp(1), 5, 1);
  dns.set([0, 53], 36);
  pairing.tunnelled([control, bareIp, dns].map((bytes) => ({ bytes, ...at(0) })));
  pairing.bare([{ bytes: udp(1), ...at(0) }], 0);
  pairing.pairs.end();
  expect(pairing.said).toEqual(["-"]);
  expect(pairing.pairs.counts).toEqual({ ...NONE, unpaired: 1 });
});
