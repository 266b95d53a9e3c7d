/* Bare frames that wait for their twins, from devices that are played. */
import { setTimeout as wait } from "node:timers/promises";
import { afterEach, expect, test, vi } from "vitest";
import type { PacketBatch } from "../../src/capture/index.js";
import type { LiveSource } from "../../src/capture/live.js";
import { HeldFrames } from "../../src/cli/held-frames.js";
import { FrameFlag } from "../../src/frame/columns.js";
import { FrameDecoder } from "../../src/frame/decode.js";
import { eachBatch, innerFrames } from "../analysis/inner-only.js";
import { batchOf } from "../frame/batch.js";

const CAPTURE = "captures/ha-gateway/hv1.pcap";
const BARE = 0;
const UNDERLAY = 1;

afterEach(() => {
  vi.restoreAllMocks();
});

/** A source of batches that `give` says when to give; null at its end. */
function playing(give: () => AsyncGenerator<PacketBatch>): LiveSource {
  const batches = give();
  const entry = (name: string) => ({ linkType: 1, name, snapLength: 0 });
  return {
    name: "played",
    format: "live",
    interfaces: [entry("genev_sys_6081"), entry("eth1")],
    damage: null,
    gaps: [],
    odd: 0,
    position: 0,
    size: null,
    next: async () => (await batches.next()).value ?? null,
    records: () => null,
    pass: () => {},
    counts: () => [],
    stop: () => {},
    close: async () => {},
  };
}

/** One packet of a device, with the time so many milliseconds ago. */
function at(device: number, bytes: Uint8Array, ago: number): PacketBatch {
  const ms = Date.now() - ago;
  const { packets } = batchOf([{ bytes, sec: Math.floor(ms / 1000), nsec: (ms % 1000) * 1_000_000 }]);
  packets.interfaceIndex[0] = device;
  return packets;
}

const heldOf = (source: LiveSource) =>
  new HeldFrames({
    source,
    decoder: new FrameDecoder(),
    isBare: (index) => index === BARE,
    hasUnderlay: true,
    flows: null,
  });

test("a device that is late is waited for as long as it goes on", async () => {
  const tunnelled: Uint8Array[] = [];
  await eachBatch(CAPTURE, "decode", (batch, { flags, inner }) => {
    for (let i = 0; i < batch.count; i++)
      if ((flags[i] & FrameFlag.ovn) !== 0 && inner[i] >= 0)
        tunnelled.push(batch.bytes.slice(batch.offset[i], batch.offset[i] + batch.capturedBytes[i]));
  });
  const bare = (await innerFrames(CAPTURE)).map(({ bytes }) => bytes);
  expect(tunnelled).toHaveLength(bare.length);
  const LATE = 1200;
  const STEP = 60;
  const source = playing(async function* () {
    // The underlay has been under way for long; its packets come as many steps later as they are late.
    for (let step = 0; step < bare.length + LATE / STEP; step++) {
      const twin = step - LATE / STEP;
      yield at(UNDERLAY, tunnelled[Math.max(0, twin)], LATE);
      if (step < bare.length) yield at(BARE, bare[step], 0);
      await wait(STEP);
    }
  });
  const held = heldOf(source);
  let frames = 0;
  for (let batch = await held.next(); batch !== null; batch = await held.next()) {
    frames += batch.count;
    expect(held.twins.slice(0, batch.count)).not.toContain(null);
  }
  await held.close();
  expect(frames).toBe(bare.length);
  expect(held.counts).toMatchObject({ paired: bare.length, unpaired: 0, hurried: 0 });
});

test("a clock that is set back holds nothing up", async () => {
  const [{ bytes }] = await innerFrames(CAPTURE);
  const clock = Date.now;
  let back = 0;
  vi.spyOn(Date, "now").mockImplementation(() => clock() - back);
  const held = heldOf(
    playing(async function* () {
      yield at(BARE, bytes, 0);
      await wait(200);
      back = 3_600_000;
      await wait(2000);
    }),
  );
  const begun = performance.now();
  const batch = await held.next();
  expect(batch?.count).toBe(1);
  expect(performance.now() - begun).toBeLessThan(1900);
  await held.close();
});

test("frames that keep coming do not hold up those before them", async () => {
  const [{ bytes }] = await innerFrames(CAPTURE);
  const held = heldOf(
    playing(async function* () {
      for (let sent = 0; sent < 60; sent++) {
        yield at(BARE, bytes, 0);
        await wait(50);
      }
    }),
  );
  const begun = performance.now();
  await held.next();
  expect(performance.now() - begun).toBeLessThan(1500);
  await held.close();
});
