/* The verb `live` while nobody reads what it writes, or reads it slowly: what it says, and that it ends. */
import { execFileSync, spawn } from "node:child_process";
import { closeSync, constants, openSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeLive, Wire } from "../native/wire.js";
import { eventually } from "../southbound/cluster.js";
import { beginLive } from "./live-verb.js";

const CAPTURE = "captures/routed-ping/hv2.pcap";

describeLive("live, unread", () => {
  let wire: Wire;
  beforeAll(() => {
    wire = new Wire();
  });
  afterAll(() => wire?.down());

  /** Begins a capture whose output nobody reads, and fills the pipe. */
  async function unread(...args: string[]) {
    const live = await beginLive(wire, {}, "-i", "rx0", "-n", ...args);
    live.child.stdout.pause();
    wire.send(CAPTURE, { repeat: 2000 });
    await new Promise((resolve) => setTimeout(resolve, 500));
    return live;
  }

  /** Its end, and how long that took. */
  async function ending(live: Awaited<ReturnType<typeof unread>>) {
    const start = performance.now();
    await eventually("its end", () => live.child.exitCode !== null || live.child.signalCode !== null);
    const ms = performance.now() - start;
    live.child.stdout.resume();
    return { ms, ...(await live.end()) };
  }

  test.each([
    ["lines", [], "standard output: nobody reads it; the rest is given up"],
    ["a capture", ["-w", "-"], "-: cannot be written: nobody reads it"],
  ])("%s: the first signal ends it in two seconds", async (_, args, said) => {
    const live = await unread(...args);
    live.child.kill("SIGTERM");
    const { ms, status, err } = await ending(live);
    expect(status).toBe(2);
    expect(err).toMatch(
      /genevescope: rx0: [\d,]+ packets received by the filter, [\d,]+ dropped by the kernel/,
    );
    expect(err.split("\n").slice(-2)).toEqual([`genevescope: ${said}`, ""]);
    expect(ms).toBeGreaterThan(1500);
    expect(ms).toBeLessThan(8000);
  });

  test("--duration ends it, too", async () => {
    const { ms, status, err } = await ending(await unread("--duration", "1s"));
    expect(status).toBe(2);
    expect(err).toContain("standard output: nobody reads it");
    expect(ms).toBeLessThan(9000);
  });

  test("whoever reads slowly gets everything", async () => {
    const live = await unread("-B", "65536");
    wire.send(CAPTURE, { repeat: 2000 });
    // All of it takes this reader longer than one that reads nothing is waited for.
    const start = performance.now();
    live.child.kill("SIGTERM");
    const more = setInterval(() => {
      live.child.stdout.resume();
      setTimeout(() => live.child.stdout.pause(), 1);
    }, 300);
    try {
      const { status, out, err } = await live.end();
      expect(err).toMatch(/rx0: 40,000 packets received by the filter, 0 dropped/);
      expect(status).toBe(0);
      expect(out.split("\n")).toHaveLength(40_001);
      expect(performance.now() - start).toBeGreaterThan(2500);
    } finally {
      clearInterval(more);
    }
  });

  test.each([
    ["opens", false],
    ["reads", true],
  ])("a named pipe that nobody %s does not keep it from ending", async (_, isOpen) => {
    const pipe = wire.file(`pipe-${isOpen}`);
    execFileSync("mkfifo", [pipe]);
    const reader = isOpen ? openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK) : null;
    const child = wire.start(
      ...[process.execPath, "dist/cli/main.js", "live", "-i", "rx0", "-n", "-w", pipe, "--duration", "1s"],
    );
    let err = "";
    child.stderr.on("data", (text) => {
      err += text;
    });
    if (isOpen) {
      await eventually("its start", () => err.includes("listening"));
      wire.send(CAPTURE, { repeat: 2000 });
    }
    await eventually("its end", () => child.exitCode !== null);
    expect(child.exitCode).toBe(2);
    expect(err).toMatch(new RegExp(`genevescope: ${pipe}: cannot be written: nobody reads it\\n$`));
    if (reader !== null) closeSync(reader);
  });

  test("a named pipe is waited for until somebody reads it, and gets all", async () => {
    const pipe = wire.file("pipe");
    execFileSync("mkfifo", [pipe]);
    const starting = beginLive(wire, {}, "-i", "rx0", "-n", "-w", pipe);
    await new Promise((resolve) => setTimeout(resolve, 300));
    const reader = spawn("cat", [pipe]);
    let bytes = 0;
    reader.stdout.on("data", (data) => {
      bytes += data.length;
    });
    const live = await starting;
    const sent = wire.send(CAPTURE, { repeat: 1000 });
    await new Promise((resolve) => setTimeout(resolve, 300));
    const { status, err } = await live.end("SIGINT");
    expect(err).toContain("10,000 packets written to");
    expect(status).toBe(0);
    await eventually("the reader's end", () => reader.exitCode !== null);
    expect(bytes).toBeGreaterThan(sent * 156);
  });

  test("what is dropped, and a device that goes down, is said while it runs", async () => {
    const live = await beginLive(wire, {}, "-i", "rx0", "-n", "-B", "64");
    live.child.stdout.pause();
    const flood = wire.sending(CAPTURE, 1_000_000, 20_000);
    try {
      const line =
        /^genevescope: rx0: ([\d,]+) packets dropped in the last \d+\.\d s; a larger ring \(-B\) or fewer packets \(--bpf\) may help$/gm;
      const said = () => [...live.said.err.matchAll(line)];
      await eventually("losses", () => said().length > 0);
      await new Promise((resolve) => setTimeout(resolve, 2000));
      expect(said()).toHaveLength(1);
      expect(Number(said()[0][1].replaceAll(",", ""))).toBeGreaterThan(0);
      wire.ip("link", "set", "rx0", "down");
      await eventually("the gap", () =>
        /^genevescope: rx0: down since \S+; waiting for it$/m.test(live.said.err),
      );
      wire.ip("link", "set", "rx0", "up");
      await eventually("its end", () => /rx0: back; nothing captured for \d+\.\d s\n/.test(live.said.err));
    } finally {
      flood.kill();
    }
    live.child.stdout.resume();
    const { status, err } = await live.end("SIGINT");
    expect(status).toBe(0);
    expect(err).toMatch(
      /rx0: [\d,]+ packets received by the filter, [1-9][\d,]* dropped by the kernel, 0 by/,
    );
  });
});
