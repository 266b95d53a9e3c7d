/* The addon's core under sanitizers: memory, undefined behaviour, and what two threads do to each other. */
import { type ChildProcessWithoutNullStreams, execFileSync } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, expect, test } from "vitest";
import { packet, pcap, temporary } from "../capture/helper.js";
import { eventually } from "../southbound/cluster.js";
import { describeLive, Wire } from "./wire.js";

const ROOT = join(import.meta.dirname, "../..");
const SOURCES = ["test/native/core.cc", "native/device.cc"].map((file) => join(ROOT, file));

/** Frames of many lengths, some longer than the blocks they go to. */
const FRAMES = Array.from({ length: 500 }, (_, i) => packet(i, [60, 61, 300, 14, 1000, 99][i % 6]));
const file = temporary(pcap(FRAMES));
const bytes = FRAMES.map(({ data }) => Buffer.from(data, "hex"));
const sumOf = (parts: readonly Uint8Array[]) =>
  parts.reduce((sum, part) => part.reduce((before, byte) => before + byte, sum), 0);
/** What the program says of all frames where `most` bytes of each are kept. */
const all = (most: number) => {
  const kept = bytes.map((frame) => frame.subarray(0, most));
  const total = (frames: readonly Uint8Array[]) => frames.reduce((sum, { length }) => sum + length, 0);
  return `packets ${FRAMES.length} ${total(bytes)} ${total(kept)} ${sumOf(kept)}`;
};

class Core {
  readonly lines: string[] = [];
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #exit: Promise<unknown[]>;
  #said = "";

  constructor(child: ChildProcessWithoutNullStreams) {
    this.#process = child;
    this.#exit = once(child, "close");
    createInterface({ input: child.stdout }).on("line", (line) => this.lines.push(line));
    child.stderr.on("data", (text) => {
      this.#said += text;
    });
  }

  tell(command: string): void {
    this.#process.stdin.write(command);
  }

  async line(pattern: RegExp): Promise<string> {
    const find = () => this.lines.find((line) => pattern.test(line));
    await eventually(`${pattern} of ${this.lines}; ${this.#said}`, () => find() !== undefined);
    return find() as string;
  }

  /** Waits for its end, at which sanitizers speak. */
  async end(): Promise<string[]> {
    this.#process.stdin.end();
    const [status] = await this.#exit;
    expect(this.#said).toBe("");
    expect(status).toBe(0);
    return this.lines;
  }
}

for (const sanitizer of ["address,undefined", "thread"])
  describeLive(`the core under -fsanitize=${sanitizer}`, () => {
    let wire: Wire;
    let program: string;
    beforeAll(() => {
      wire = new Wire();
      program = wire.file("core");
      const flags = ["-std=c++17", "-g", "-O1", "-Wall", "-Wextra", "-Werror", "-fno-sanitize-recover=all"];
      execFileSync("g++", [...flags, `-fsanitize=${sanitizer}`, "-o", program, ...SOURCES, "-lpcap"]);
    });
    afterAll(() => wire?.down());

    const start = (...args: (string | number)[]) => new Core(wire.start(program, ...args.map(String)));

    test.each([
      ["that packets do not fill", 65_536],
      ["that packets fill unevenly", 1100],
      ["smaller than some packets", 256],
      // The first two frames have 60 and 61 bytes, and a header of 16 each.
      ["that two packets fill to the byte", 153],
      ["a byte too small for two packets", 152],
    ])("blocks %s", async (_, size) => {
      const core = start("rx0", size);
      expect(await core.line(/^open/)).toBe("open 1");
      wire.send(file, { perSecond: 20_000 });
      core.tell("csc");
      const lines = await core.end();
      expect(lines).toContain(all(size - 16));
      expect(lines).toContain(`counts ${FRAMES.length} 0`);
      expect(lines.at(-1)).toBe("end");
    });

    test("interrupted while it waits", async () => {
      const core = start("rx0", 4096);
      await core.line(/^open/);
      core.tell("cii");
      expect(await core.end()).toEqual(["open 1", "counts 0 0", "packets 0 0 0 0", "end"]);
    });

    test("counted, looked after and interrupted while packets come", async () => {
      const core = start("rx0", 4096);
      await core.line(/^open/);
      const sender = wire.sending(file, 1000, 20_000);
      await eventually("packets", () => {
        core.tell("cp");
        return core.lines.some((line) => /^counts [1-9]/.test(line));
      });
      core.tell("i");
      const said = (await core.end()).filter((line) => line.startsWith("presence"));
      expect(new Set(said)).toEqual(new Set(["presence 0"]));
      const exit = once(sender, "exit");
      sender.kill();
      await exit;
    });

    test("what cannot be opened", async () => {
      expect(await start("nowhere0", 100).end()).toEqual([expect.stringMatching(/^failed 2 /)]);
      expect(await start("rx0", 100, "no filter").end()).toEqual([expect.stringMatching(/^failed 4 /)]);
      wire.ip("link", "set", "rx0", "down");
      expect(await start("rx0", 100).end()).toEqual([expect.stringMatching(/^failed 3 /)]);
      wire.ip("link", "set", "rx0", "up");
    });

    test("down, up, and gone", async () => {
      const core = start("rx0", 4096);
      await core.line(/^open/);
      wire.ip("link", "set", "rx0", "down");
      await core.line(/^down/);
      core.tell("p");
      await core.line(/^presence 1/);
      wire.ip("link", "set", "rx0", "up");
      await core.line(/^up/);
      wire.send(file, { perSecond: 20_000 });
      wire.ip("link", "del", "rx0");
      const lines = (await core.end()).filter((line) => !/^(down|up|presence 1)$/.test(line));
      expect(lines).toEqual(["open 1", all(4096), expect.stringMatching(/^failed 2 /), "end"]);
      wire.add();
    });
  });
