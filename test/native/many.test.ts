/* Several devices at once, more packets than anybody takes, and captures that begin and end at any moment. */
import { once } from "node:events";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { packet, pcap, temporary } from "../capture/helper.js";
import { describeLive, Wire } from "./wire.js";

const alike = (length: number) => temporary(pcap(Array.from({ length: 10 }, (_, i) => packet(i, length))));
const OVN = "captures/tcp-transfer/hv2.pcap";
const script = (name: string) => join(import.meta.dirname, name);

describeLive("live captures", () => {
  let wire: Wire;
  beforeEach(() => {
    wire = new Wire(3);
  });
  afterEach(() => wire?.down());

  test("several devices, each packet with its own", async () => {
    const devices = ["rx0", "rx1", "rx2"];
    const live = wire.capture({ devices: [...devices, "rx0"], delayMs: 10 });
    await live.event("open");
    const senders = devices.map((_, i) =>
      wire.sending(alike(100 + i), 100 * (i + 1), 4000 * (i + 1), `tx${i}`),
    );
    await Promise.all(senders.map((sender) => once(sender, "exit")));
    const { packets, counts, interfaces } = await live.stop();
    expect(packets).toBe(6000);
    expect(interfaces.map(({ name }) => name).sort()).toEqual(devices);
    const received = [1000, 2000, 3000];
    expect(counts).toEqual(
      devices.map((device, i) => ({ device, received: received[i], dropped: 0, droppedByDevice: 0 })),
    );
    for (const [i, device] of devices.entries()) {
      const index = interfaces.findIndex(({ name }) => name === device);
      const own = live.packets.filter((one) => one.interface === index);
      expect(own).toHaveLength(received[i]);
      expect(new Set(own.map(({ original }) => original))).toEqual(new Set([100 + i]));
      const times = own.map(({ sec, nsec }) => sec * 1000 + nsec / 1e6);
      expect(times).toEqual(times.toSorted((a, b) => a - b));
    }
  });

  test("a packet is given as it comes where that is wanted, and at the end in any case", async () => {
    const prompt = wire.capture({ devices: ["rx0"], immediate: true, delayMs: 1000 });
    const late = wire.capture({ devices: ["rx0"], delayMs: 1000 });
    await Promise.all([prompt.event("open"), late.event("open")]);
    wire.send(alike(100));
    await prompt.until("packets", ({ packets }) => packets === 10);
    expect((await late.state()).packets).toBe(0);
    expect((await late.stop()).packets).toBe(10);
    expect((await prompt.stop()).packets).toBe(10);
  });

  test("packets that come one by one are handed on many at once", async () => {
    const live = wire.capture({ devices: ["rx0"] }, { quiet: true });
    await live.event("open");
    // The kernel hands on a quarter of a megabyte at once: some 400 of them.
    wire.send(alike(500), { repeat: 1000, perSecond: 20_000 });
    const { packets, batches } = await live.stop();
    expect(packets).toBe(10_000);
    // Half a second of them, collected for a tenth of a second each.
    expect(batches).toBeLessThan(16);
  });

  test("a filter is the kernel's", async () => {
    const live = wire.capture({ devices: ["rx0"], filter: "greater 200" });
    await live.event("open");
    wire.send(alike(100), { repeat: 10 });
    wire.send(alike(300), { repeat: 20 });
    const { packets, counts } = await live.stop();
    expect(packets).toBe(200);
    expect(counts[0].received).toBe(200);
  });

  test("who asks for no batch has packets dropped, and they are counted", async () => {
    const live = wire.capture({ devices: ["rx0"], bufferBytes: 1 << 20 }, { quiet: true });
    await live.event("open");
    live.tell("hold");
    await live.until("the command", () => true);
    const sent = wire.send(alike(500), { repeat: 6000, perSecond: 50_000 });
    const held = await live.state();
    expect(held.packets).toBeLessThanOrEqual(2048);
    expect(held.counts[0]).toMatchObject({ received: sent });
    expect(held.counts[0].dropped).toBeGreaterThan(sent / 2);
    live.tell("go");
    const { packets, counts } = await live.stop();
    // Every packet was either given or counted.
    expect(packets).toBe(sent - Number(counts[0].dropped));
    expect(counts[0].received).toBe(sent);
  });

  test("a flood ends where it is stopped", async () => {
    const live = wire.capture({ devices: ["rx0"] }, { quiet: true });
    await live.event("open");
    const flood = wire.sending(alike(100), 10_000_000, 0);
    await live.until("packets", ({ packets }) => packets > 10_000);
    const told = Date.now();
    const { packets, counts } = await live.stop();
    expect(Date.now() - told).toBeLessThan(5000);
    expect(packets).toBeGreaterThan(10_000);
    // What came after the stop is in neither number.
    expect(counts[0].received).toBe(packets + Number(counts[0].dropped));
    flood.kill();
  });

  test("a flood leaves the event loop its turns", { retry: 2 }, () => {
    const flood = wire.sending(OVN, 10_000_000, 0);
    const lag = JSON.parse(wire.run(process.execPath, script("live-lag.js"), "rx0", "2", "0"));
    flood.kill();
    expect(lag.packets).toBeGreaterThan(20_000);
    expect(lag.p99).toBeLessThan(20);
  });

  test("whoever is slow with a batch has one a turn of the event loop", () => {
    const flood = wire.sending(OVN, 10_000_000, 50_000);
    const lag = JSON.parse(wire.run(process.execPath, script("live-lag.js"), "rx0", "1", "3"));
    flood.kill();
    expect(lag.packets).toBeGreaterThan(2000);
    expect(lag.most).toBe(1);
  });

  test("closing ends a wait for packets", async () => {
    const live = wire.capture({ devices: ["rx0", "rx1"] });
    await live.event("open");
    live.tell("close");
    expect((await live.event("end")).packets).toBe(0);
    expect(await live.exit()).toBe(0);
  });

  test("threads are ended at any moment", async () => {
    const flood = wire.sending(alike(100), 10_000_000, 50_000);
    const reached = JSON.parse(wire.run(process.execPath, script("live-worker.js"), "rx0", "40"));
    flood.kill();
    expect(reached.loaded).toBe(40);
    expect(reached.open).toBeGreaterThanOrEqual(30);
    expect(reached.packets).toBeGreaterThanOrEqual(20);
  }, 60_000);

  test("a thousand captures leave nothing behind", async () => {
    const said = wire.run(process.execPath, "--expose-gc", script("live-cycles.js"), "rx0", "1000");
    const [before, after] = JSON.parse(said);
    // Node itself may open one or two more.
    expect(after.descriptors).toBeLessThanOrEqual(before.descriptors + 2);
    expect(after.threads).toBe(before.threads);
    expect(after.external).toBeLessThanOrEqual(before.external + 4 * 1024 * 1024);
    // Of blocks that are freed malloc keeps now more, now less.
    expect(after.kib).toBeLessThan(before.kib + 32 * 1024);
  }, 90_000);

  test("misuse of the addon is answered, not died of", async () => {
    const flood = wire.sending(alike(100), 10_000_000, 50_000);
    const answers = JSON.parse(wire.run(process.execPath, "--expose-gc", script("live-abuse.js"), "rx0"));
    flood.kill();
    expect(answers).toEqual({
      plainCall: expect.stringContaining("without 'new'"),
      nothing: "options expected",
      noName: "device is no string",
      noNumber: "snapBytes is no number from 1 to 2^31 - 1",
      thrower: "mine",
      otherThis: expect.stringMatching(/Illegal invocation|Invalid argument/),
      early: "ended",
      earlyCounts: { received: 0, dropped: 0, droppedByDevice: 0 },
      again: "The device was opened before",
      noBlock: "block is neither 0 nor 1",
      first: true,
      reads: true,
      closed: null,
      closedTwice: "The device is closed",
      late: "The device is closed",
      lateCounts: true,
      kept: true,
    });
  });
});
