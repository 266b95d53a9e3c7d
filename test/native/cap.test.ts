/*
 * What a program that uses the npm package cap dies of, and that neither the addon nor cap behind openLive or
 * openCap does; what no adapter can prevent, and what a process of its own can.
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { packet, pcap, temporary } from "../capture/helper.js";
import { eventually } from "../southbound/cluster.js";
import { describeCap, Wire } from "./wire.js";

const SURVIVE = join(import.meta.dirname, "survive.js");
const FRAMES = 10;
const frames = temporary(pcap(Array.from({ length: FRAMES }, (_, i) => packet(i, 100))));

describeCap("faults of cap", () => {
  let wire: Wire;
  beforeEach(() => {
    wire = new Wire();
  });
  afterEach(() => wire?.down());

  function survive(how: string, fault: string) {
    const flood = wire.sending(frames, 10_000_000, 2000);
    const [program, ...args] = wire.within([process.execPath, "--expose-gc", SURVIVE, how, fault, "rx0"]);
    // Memory that is free does not look as it did.
    const env = { ...process.env, MALLOC_PERTURB_: "165" };
    const options = { encoding: "utf8", timeout: 60_000, env } as const;
    const { status, signal, stdout, stderr } = spawnSync(program, args, options);
    flood.kill();
    return { status, signal, stdout, stderr };
  }

  test("a device that could not be opened: cap by itself dies where it is collected", () => {
    expect(["SIGSEGV", "SIGABRT"]).toContain(survive("alone", "failed").signal);
  });

  describe.each<[string, string, number]>([
    ["devices that could not be opened are collected", "failed", 5],
    ["devices that were closed are collected", "closed", 100],
    ["memory that packets go to is given to nobody else", "dropped", 250],
  ])("%s", (_, fault, times) => {
    test.each(["native", "openCap"])("by %s", (how) => {
      expect(survive(how, fault)).toMatchObject({ status: 0, stdout: JSON.stringify({ times }) });
    });
  });

  test("a Cap that was opened before is refused", () => {
    const refusal = "rx0: this Cap was opened before; make another";
    expect(survive("openCap", "again")).toMatchObject({
      status: 0,
      stdout: JSON.stringify({ times: [refusal, refusal] }),
    });
  });

  test("in a program's own process it is aborted where the device goes down", async () => {
    const live = wire.capture({ devices: ["rx0"] }, { through: "new" });
    await live.event("open");
    wire.ip("link", "set", "rx0", "down");
    expect(await live.exit()).toBe("SIGABRT");
  });

  test.each(["down", "gone"])("in one of its own a device that is %s is a gap", async (reason) => {
    const live = wire.capture({ backend: "cap", devices: ["rx0"] });
    await live.event("open");
    wire.send(frames);
    await live.until("packets", ({ packets }) => packets === FRAMES);
    wire.ip("link", ...(reason === "down" ? ["set", "rx0", "down"] : ["del", "rx0"]));
    const { gaps, damage } = await live.until("a gap", ({ gaps }) => gaps.length > 0);
    expect(gaps).toEqual([{ device: "rx0", reason, fromMs: expect.any(Number), untilMs: null }]);
    expect(damage).toBe(null);
    if (reason === "down") wire.ip("link", "set", "rx0", "up");
    else wire.add();
    await live.until("the gap's end", ({ gaps }) => gaps[0].untilMs !== null);
    wire.send(frames);
    const end = await live.stop();
    expect(end.packets).toBe(2 * FRAMES);
    expect(end.counts).toEqual([
      { device: "rx0", received: 2 * FRAMES, dropped: null, droppedByDevice: null },
    ]);
    expect(end.gaps).toHaveLength(1);
    // Bytes and order, of both.
    const hashes = live.packets.map(({ hash }) => hash);
    expect(hashes.slice(FRAMES)).toEqual(hashes.slice(0, FRAMES));
    expect(new Set(hashes).size).toBe(FRAMES);
  });

  test("can be stopped and closed while the device is away", async () => {
    for (const command of ["stop", "close"]) {
      const live = wire.capture({ backend: "cap", devices: ["rx0"] });
      await live.event("open");
      wire.ip("link", "set", "rx0", "down");
      await live.until("a gap", ({ gaps }) => gaps.length > 0);
      live.tell(command);
      await live.event("end");
      expect(await live.exit()).toBe(0);
      wire.ip("link", "set", "rx0", "up");
    }
  });

  test("a process of its own that is killed ends the capture with a reason", async () => {
    const live = wire.capture({ backend: "cap", devices: ["rx0"] });
    await live.event("open");
    process.kill(childOf(Number(live.process.pid)), "SIGKILL");
    expect((await live.event("end")).damage).toMatchObject({
      reason: "rx0: the process with cap ended by SIGKILL",
    });
    expect(await live.exit()).toBe(0);
  });

  test("a process of its own ends with who began it", async () => {
    const live = wire.capture({ backend: "cap", devices: ["rx0"] });
    await live.event("open");
    // `ip` has become it.
    const parent = Number(live.process.pid);
    const child = childOf(parent);
    process.kill(parent, "SIGKILL");
    await eventually("its end", () => !isAlive(child));
  });

  test("more than anybody takes waits in bounded memory, and what is lost is in the counts", async () => {
    const live = wire.capture({ devices: ["rx0"], bufferBytes: 1 << 26 }, { through: "new", quiet: true });
    await live.event("open");
    live.tell("hold");
    await live.until("the command", () => true);
    const large = temporary(pcap(Array.from({ length: 100 }, (_, i) => packet(i, 1500))));
    const sent = wire.send(large, { repeat: 700, perSecond: 30_000 });
    await live.until("all", ({ counts }) => counts[0].received >= 0);
    live.tell("go");
    const { packets, counts } = await live.stop();
    expect(packets).toBeGreaterThan(40_000);
    expect(packets * 1516).toBeLessThan(68 * 1024 * 1024);
    expect(counts[0].received).toBeGreaterThan(packets);
    expect(counts[0].received).toBeLessThanOrEqual(sent);
  });
});

/** The only child of a process. */
function childOf(pid: number): number {
  const { stdout } = spawnSync("ps", ["--ppid", `${pid}`, "-o", "pid="], { encoding: "utf8" });
  return Number(stdout.trim());
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
