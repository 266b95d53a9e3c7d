/* However long a capture is, converting it takes the same memory. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { packetBytes } from "../vectors/packets.js";
import { program, root } from "./run.js";

const directory = mkdtempSync(join(tmpdir(), "genevescope-memory-"));
afterAll(() => rmSync(directory, { recursive: true }));
const key = join(directory, "key");
writeFileSync(key, "5".repeat(64));

const HEADER = Buffer.from("4d3cb2a1020004000000000000000000ffff000001000000", "hex");
const PACKETS = 20_000;

/** Records of so many packets, a second for each such piece; each packet is of another connection. */
function records(second: number): Buffer {
  const echo = packetBytes("echoRequest");
  const size = 16 + echo.length;
  const bytes = Buffer.alloc(PACKETS * size);
  for (let n = 0; n < PACKETS; n++) {
    const at = n * size;
    bytes.writeUInt32LE(1000 + second, at);
    bytes.writeUInt32LE(n, at + 4);
    bytes.writeUInt32LE(echo.length, at + 8);
    bytes.writeUInt32LE(echo.length, at + 12);
    bytes.set(echo, at + 16);
    bytes.writeUInt32BE(second * PACKETS + n, at + 16 + 58 + 14 + 12);
  }
  return bytes;
}

/** Most memory that a process has had, in MiB. */
function peak(pid: number): number {
  const found = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  return Number(found?.[1]) / 1024;
}

describe.skipIf(!existsSync("/proc/self/status"))("memory", () => {
  test.each([
    [[]],
    [["--decapsulate", "--annotate"]],
    [["--anonymize", key]],
    [["--strip-payload", "--ip", "0.0.0.0/0"]],
    [["--sort"]],
  ])(
    "%j: three times as much to convert takes no more",
    async (args) => {
      const out =
        args.length === 0 ? "/dev/null" : join(directory, `${args.join("")}.pcapng`.replaceAll("/", "_"));
      const command = [program, "convert", ...args, "-", out];
      const child = spawn(process.execPath, command, { cwd: root, stdio: ["pipe", "ignore", "pipe"] });
      let said = "";
      child.stderr.on("data", (text) => {
        said += text;
      });
      const exit = once(child, "exit");
      const feed = async (from: number, to: number): Promise<void> => {
        for (let second = from; second < to; second++)
          if (!child.stdin.write(records(second))) await once(child.stdin, "drain");
      };
      child.stdin.write(HEADER);
      // More than is held to sort.
      await feed(0, 30);
      const before = peak(child.pid as number);
      await feed(30, 90);
      const after = peak(child.pid as number);
      child.stdin.end();
      await exit;
      expect(said).toBe(`genevescope: 1,800,000 packets written to ${out}\n`);
      expect(after - before).toBeLessThan(24);
    },
    60_000,
  );
});
