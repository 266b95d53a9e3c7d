/* What can be wrong with a device, before and while it is captured from, and what a program is told of it. */
import { afterEach, beforeEach, expect, test } from "vitest";
import type { LiveOptions } from "../../src/capture/index.js";
import { pcap, somePackets, temporary } from "../capture/helper.js";
import { describeCap, describeLive, Wire } from "./wire.js";

const frames = temporary(pcap(somePackets(100).filter(({ data }) => data.length >= 28)));
const FRAMES = 50;

for (const backend of ["native", "cap"] as const) {
  const describeBackend = backend === "cap" ? describeCap : describeLive;

  describeBackend(`a device that cannot be captured from, by ${backend}`, () => {
    let wire: Wire;
    beforeEach(() => {
      wire = new Wire();
    });
    afterEach(() => wire?.down());

    async function refused(options: LiveOptions, ...prefix: string[]) {
      const live = wire.capture({ backend, ...options }, { prefix });
      const { event, ...error } = await live.event("error");
      expect(await live.exit(), live.said).toBe(0);
      expect(live.said).toBe("");
      return error;
    }

    test("there is none of that name", async () => {
      for (const device of ["nowhere0", "a-name-that-is-longer-than-any-device", "../rx0", "rx0\n\x1b[31m"])
        expect(await refused({ devices: ["rx0", device] })).toMatchObject({
          name: "CaptureError",
          code: "ERR_CAPTURE_DEVICE",
          file: device,
          message: expect.stringMatching(/^[ -~]+: there is no such device; `ip link` lists them$/),
        });
    });

    test("it is down", async () => {
      wire.ip("link", "set", "rx0", "down");
      expect(await refused({ devices: ["tx0", "rx0"] })).toEqual({
        name: "CaptureError",
        code: "ERR_CAPTURE_DOWN",
        file: "rx0",
        message: "rx0: the device is down; `ip link set DEVICE up`",
      });
    });

    test("the filter is none", async () => {
      expect(await refused({ devices: ["rx0"], filter: "udp prot 6081" })).toEqual({
        name: "CaptureError",
        code: "ERR_CAPTURE_FILTER",
        file: "rx0",
        message: expect.stringMatching(/^rx0: the filter is not one of pcap-filter\(7\): .*syntax error/),
      });
    });

    test("nobody allows it", async () => {
      const without = ["setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw"];
      expect(await refused({ devices: ["rx0"] }, ...without)).toEqual({
        name: "CaptureError",
        code: "ERR_CAPTURE_PERMISSION",
        file: "rx0",
        message: "rx0: capturing is not permitted; it takes root or CAP_NET_RAW",
      });
    });

    test("CAP_NET_RAW is all it takes", async () => {
      const only = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
      const capable = [
        "--inh-caps=-all,+net_raw",
        "--ambient-caps=-all,+net_raw",
        "--bounding-set=-all,+net_raw",
      ];
      const live = wire.capture({ backend, devices: ["rx0"] }, { prefix: [...only, ...capable] });
      await live.event("open");
      wire.send(frames);
      expect((await live.stop()).packets).toBe(FRAMES);
    });

    test.each<[string, object]>([
      ["no device is named", { devices: [] }],
      ["is no name of a device", { devices: ["rx0\0x"] }],
      ["is no name of a device", { devices: [""] }],
      ["the filter has a NUL character", { devices: ["rx0"], filter: "udp\0!" }],
      ["snapBytes is 0, not an integer from 1 to 262144", { devices: ["rx0"], snapBytes: 0 }],
      ["delayMs is 0.5, not an integer from 1 to 1000", { devices: ["rx0"], delayMs: 0.5 }],
      ["bufferBytes is 1, not an integer from 65536 to 2147483647", { devices: ["rx0"], bufferBytes: 1 }],
    ])("an option makes no sense: %s", async (reason, options) => {
      const error = await refused(options as LiveOptions);
      expect(error.code).toBe("ERR_CAPTURE_OPTION");
      expect(error.message).toMatch(new RegExp(`: ${reason}$`));
    });
  });
}

describeLive("a device that changes while it is captured from", () => {
  let wire: Wire;
  beforeEach(() => {
    wire = new Wire();
  });
  afterEach(() => wire?.down());

  test("goes down and comes up again, and nothing that comes is lost", async () => {
    const live = wire.capture({ devices: ["rx0"], delayMs: 300 });
    await live.event("open");
    wire.send(frames);
    const before = Date.now();
    // The ring has not given its packets yet.
    wire.ip("link", "set", "rx0", "down");
    const down = await live.until("a gap", ({ gaps }) => gaps.length === 1);
    expect(down.gaps).toEqual([{ device: "rx0", reason: "down", fromMs: expect.any(Number), untilMs: null }]);
    expect(down.gaps[0].fromMs - before).toBeGreaterThanOrEqual(0);
    expect(down.gaps[0].fromMs - before).toBeLessThan(2000);
    // Those that came before, and are given only then, are no sign of its return.
    const late = await live.until("the packets before", ({ packets }) => packets === FRAMES);
    expect(late.gaps).toEqual(down.gaps);
    wire.ip("link", "set", "rx0", "up");
    wire.send(frames);
    await live.until(
      "the gap's end",
      ({ gaps, packets }) => gaps[0].untilMs !== null && packets === 2 * FRAMES,
    );
    const { packets, gaps, damage, counts } = await live.stop();
    expect(packets).toBe(2 * FRAMES);
    expect(counts[0]).toMatchObject({ received: 2 * FRAMES, dropped: 0 });
    expect(gaps).toHaveLength(1);
    expect(gaps[0].untilMs).toBeGreaterThan(gaps[0].fromMs);
    expect(damage).toBe(null);
  });

  test("is removed and made again, and the packets before are given", async () => {
    const live = wire.capture({ devices: ["rx0"], delayMs: 300 });
    await live.event("open");
    wire.send(frames);
    wire.ip("link", "del", "rx0");
    const gone = await live.until("a gap", ({ gaps }) => gaps.some(({ reason }) => reason === "gone"));
    expect(gone.packets).toBe(FRAMES);
    expect(gone.gaps.at(-1)).toMatchObject({ device: "rx0", untilMs: null });
    wire.add();
    const again = await live.until("the gap's end", ({ gaps }) => gaps.at(-1)?.untilMs !== null);
    expect(again.damage).toBe(null);
    wire.send(frames);
    const { packets, counts, interfaces, gaps } = await live.stop();
    expect(packets).toBe(2 * FRAMES);
    expect(counts).toEqual([{ device: "rx0", received: 2 * FRAMES, dropped: 0, droppedByDevice: 0 }]);
    expect(interfaces).toHaveLength(1);
    for (const { fromMs, untilMs } of gaps) expect(untilMs).toBeGreaterThanOrEqual(fromMs);
  });

  test("is another of the same name before anybody looked", async () => {
    const live = wire.capture({ devices: ["rx0"] });
    await live.event("open");
    wire.ip("link", "del", "rx0");
    wire.add();
    await live.until("the gap's end", ({ gaps }) => gaps.length > 0 && gaps.at(-1)?.untilMs !== null);
    wire.send(frames);
    const { packets, gaps } = await live.stop();
    expect(packets).toBe(FRAMES);
    expect(gaps.at(-1)?.reason).toBe("gone");
  });

  test.each([
    ["down and up", "down"],
    ["removed and made again", "gone"],
  ])("is %s while nobody asks for packets, and that is one gap", async (_, reason) => {
    const live = wire.capture({ devices: ["rx0"], delayMs: 10 }, { quiet: true });
    await live.event("open");
    live.tell("hold");
    // One batch is looked at and another waits: what else comes stays in the ring.
    let sent = 0;
    for (let batch = 0; batch < 3; batch++) {
      sent += wire.send(frames);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    const before = Date.now();
    if (reason === "down") wire.ip("link", "set", "rx0", "down");
    else wire.ip("link", "del", "rx0");
    const { gaps } = await live.until("a gap", ({ gaps }) => gaps.length > 0);
    expect(gaps).toEqual([{ device: "rx0", reason, fromMs: expect.any(Number), untilMs: null }]);
    expect(gaps[0].fromMs).toBeGreaterThanOrEqual(before);
    if (reason === "down") {
      wire.ip("link", "set", "rx0", "up");
      await live.until("the gap's end", ({ gaps }) => gaps[0].untilMs !== null);
    } else wire.add();
    live.tell("go");
    await live.until("the gap's end", ({ gaps }) => gaps[0].untilMs !== null);
    sent += wire.send(frames);
    const end = await live.stop();
    expect(end.gaps).toHaveLength(1);
    expect(end.packets).toBe(sent);
    expect(end.counts[0]).toMatchObject({ received: sent, dropped: 0 });
  });

  test("is down still when the packets from before are asked for: one gap", async () => {
    const live = wire.capture({ devices: ["rx0"], delayMs: 10 }, { quiet: true });
    await live.event("open");
    live.tell("hold");
    for (let batch = 0; batch < 3; batch++) {
      wire.send(frames);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    wire.ip("link", "set", "rx0", "down");
    const { gaps } = await live.until("a gap", ({ gaps }) => gaps.length > 0);
    live.tell("go");
    await live.until("the packets", ({ packets }) => packets === 3 * FRAMES);
    await new Promise((resolve) => setTimeout(resolve, 700));
    expect((await live.stop()).gaps).toEqual(gaps);
  });

  test("can be stopped and closed while it is away", async () => {
    wire.ip("link", "set", "lo", "up");
    for (const command of ["stop", "close"]) {
      const live = wire.capture({ devices: ["rx0", "lo"] });
      await live.event("open");
      wire.ip("link", "del", "rx0");
      await live.until("a gap", ({ gaps }) => gaps.some(({ reason }) => reason === "gone"));
      const told = Date.now();
      live.tell(command);
      const end = await live.event("end");
      expect(Date.now() - told).toBeLessThan(1000);
      expect(end.gaps).toMatchObject([
        ...(end.gaps as object[]).slice(0, -1),
        { reason: "gone", untilMs: null },
      ]);
      expect(await live.exit()).toBe(0);
      wire.add();
    }
  });
});
