/* The verb `encode` as users run it: JSON Lines in, captures, digits and C out. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createCapture } from "../../src/capture/index.js";
import { captures } from "../conformance/captures.js";
import { batchOf } from "../frame/batch.js";
import { findCommand, peer } from "../setup/peer.js";
import { packetBytes, packetNames, packets as vectors } from "../vectors/packets.js";
import { genevescope, program, run } from "./run.js";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "genevescope-encode-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const ours = `"${process.execPath}" "${program}"`;

/** Runs a line of the shell, which is to succeed without a word. */
async function shell(line: string): Promise<void> {
  const { code, stderr } = await run("bash", ["-c", `set -o pipefail; ${line}`], { timeout: 60_000 });
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
}

/** The records of a pcap, read without this package. */
function records(file: Buffer): { linkType: number; packets: string[] } {
  const little = [0xa1b2c3d4, 0xa1b23c4d].includes(file.readUInt32LE(0));
  const word = (at: number): number => (little ? file.readUInt32LE(at) : file.readUInt32BE(at));
  const unit = word(0) === 0xa1b23c4d ? 1 : 1000;
  const packets: string[] = [];
  for (let at = 24; at < file.length; at += 16 + word(at + 8)) {
    const bytes = file.subarray(at + 16, at + 16 + word(at + 8));
    packets.push(`${word(at)}.${word(at + 4) * unit} ${word(at + 12)} ${bytes.toString("hex")}`);
  }
  return { linkType: word(20), packets };
}

describe("decode | encode", () => {
  test.each(captures)("gives $title again", async ({ path, sb }) => {
    const out = join(folder, "again.pcap");
    await shell(`${ours} decode --all -o json "${path}" --sb "${sb}" | ${ours} encode -o pcap > "${out}"`);
    const there = records(readFileSync(path));
    expect(there.packets.length).toBeGreaterThan(5);
    expect(records(readFileSync(out))).toEqual(there);
  });

  /** Every vector, of an interface with a name for each link type; a few cut, and one of each kind without a name. */
  async function everything(): Promise<string> {
    const path = join(folder, "everything.pcapng");
    const given = packetNames.flatMap((name) => {
      const bytes = packetBytes(name);
      const { linkType } = vectors[name];
      const cut = { bytes: bytes.slice(0, 70), original: bytes.length, linkType, sec: 2 ** 33 };
      return [{ bytes, linkType, sec: 1_700_000_000, nsec: 123_456_789 }, cut];
    });
    const { packets, interfaces } = batchOf([...given, { bytes: Uint8Array.of(1, 2, 3), linkType: 147 }]);
    const named = interfaces.map((one, index) => ({ ...one, name: index === 1 ? null : `if "${index}" ü` }));
    const writer = await createCapture(path, { format: "pcapng", interfaces: named });
    await writer.write(packets);
    await writer.close();
    return path;
  }

  test("gives packets of many interfaces again, malformed, cut and unknown ones too", async () => {
    const path = await everything();
    const out = join(folder, "everything-again.pcapng");
    await shell(`${ours} decode --all -o json "${path}" | ${ours} encode -o pcapng > "${out}"`);
    const lines = async (file: string) =>
      (await genevescope(["decode", "--all", "-o", "json", file])).stdout
        .split("\n")
        .map((line) => line.replace(/^\{"file":"[^"]*",/, ""));
    const before = await lines(path);
    expect(before).toHaveLength(2 * packetNames.length + 2);
    expect(new Set(before.map((line) => /"interface":("(?:[^"\\]|\\.)*"|null)/.exec(line)?.[1])).size).toBe(
      7,
    );
    expect(await lines(out)).toEqual(before);
  });
});

/** Lines of `decode -o json`. */
function linesOf(count: number): string[] {
  const path = join(import.meta.dirname, "../../captures/routed-ping/hv1.nano.pcap");
  const text = execFileSync(process.execPath, [
    program,
    "decode",
    "-n",
    "-o",
    "json",
    "-c",
    `${count}`,
    path,
  ]);
  return text.toString().trimEnd().split("\n");
}

describe("what is written", () => {
  test("as hexadecimal digits, a packet a line", async () => {
    const lines = linesOf(2);
    const result = await genevescope(["encode"], { input: `${lines.join("\n")}\n` });
    expect(result).toMatchObject({ code: 0, stderr: "" });
    const again = result.stdout.trimEnd().split("\n");
    expect(again).toHaveLength(2);
    for (const digits of again) expect(digits).toMatch(/^(?:[0-9a-f]{2}){100,}$/);
    expect((await genevescope(["encode", "-o", "hex", "-"], { input: lines.join("\r\n") })).stdout).toBe(
      result.stdout,
    );
  });

  test("as a capture whose kind its name says, and which is not written over", async () => {
    const input = linesOf(3).join("\n");
    for (const [name, magic] of [
      ["a.pcap", 0xa1b23c4d],
      ["b.PCAP", 0xa1b23c4d],
      ["c.pcapng", 0x0a0d0d0a],
      ["d", 0x0a0d0d0a],
    ] as const) {
      const path = join(folder, name);
      const result = await genevescope(["encode", "-w", path], { input });
      expect(result).toMatchObject({ code: 0, stdout: "" });
      expect(result.stderr).toBe(`genevescope: 3 packets written to ${path}\n`);
      expect(readFileSync(path).readUInt32LE(0)).toBe(magic);
      const again = await genevescope(["encode", "-w", path], { input });
      expect(again).toMatchObject({ code: 2 });
      expect(again.stderr).toContain("it exists, and what exists is not written over");
    }
  });

  test("without packets a capture without any", async () => {
    for (const format of ["pcap", "pcapng"]) {
      const out = join(folder, `empty.${format}`);
      await shell(`${ours} encode -o ${format} < /dev/null > "${out}"`);
      const { code, stderr } = await genevescope(["decode", out]);
      expect({ code, stderr }).toEqual({
        code: 2,
        stderr: `genevescope: ${out}: no packets; nothing captured\n`,
      });
    }
  });

  test("to somebody who goes away, quietly", async () => {
    const path = join(folder, "many.json");
    const [line] = linesOf(1);
    writeFileSync(path, `${line}\n`.repeat(5000));
    await shell(`set +o pipefail; ${ours} encode "${path}" | head -c 300 > /dev/null`);
    await shell(`set +o pipefail; ${ours} encode -w - "${path}" 2> /dev/null | head -c 300 > /dev/null`);
  });

  test("as it comes, without waiting for the end", async () => {
    const out = join(folder, "growing");
    const [line] = linesOf(1);
    // The writer waits for what the reader has to have written by then.
    await shell(
      `mkfifo "${out}"; { echo '${line}'; read -r _ < "${out}"; } | ${ours} encode | { head -1 > "${out}"; cat > /dev/null; }`,
    );
  });
});

peer("a C compiler", ["cc"])("what is written", () => {
  test("as arrays of C, which a compiler takes", async () => {
    const input = linesOf(2).join("\n");
    const { stdout } = await genevescope(["encode", "-o", "c"], { input });
    const digits = (await genevescope(["encode"], { input })).stdout.split("\n");
    const source = join(folder, "packets.c");
    const main =
      'int main(void) { for (unsigned i = 0; i < sizeof packet2; i++) printf("%02x", packet2[i]); return sizeof packet1 == 0; }';
    writeFileSync(source, `#include <stdio.h>\n${stdout}${main}\n`);
    execFileSync(findCommand("cc") ?? "cc", ["-Wall", "-Werror", "-o", join(folder, "packets"), source]);
    expect(execFileSync(join(folder, "packets")).toString()).toBe(digits[1]);
  });
});

describe("what is wrong", () => {
  const said = async (input: string | Uint8Array, ...args: string[]) => {
    const { code, stdout, stderr } = await genevescope(["encode", ...args], { input });
    return { code, packets: stdout.split("\n").length - 1, stderr };
  };

  test("is said with its line, and everything before it is written", async () => {
    const [first, second] = linesOf(2) as [string, string];
    const wrong = second.replace('"vni":2', '"vni":16777216').replace('"vni":1,', '"vni":16777216,');
    expect(await said(`${first}\r\n\n   \n${wrong}\n${first}\n`)).toEqual({
      code: 2,
      packets: 1,
      stderr: "genevescope: -: line 4: geneve.vni: 16777216 is not a whole number from 0 to 16777215\n",
    });
    const path = join(folder, "part.pcap");
    const { code } = await genevescope(["encode", "-w", path], { input: `${first}\n${second}\n{}\n` });
    expect(code).toBe(2);
    expect(records(readFileSync(path)).packets).toHaveLength(2);
  });

  test.each([
    ["{", "line 1: is not JSON: "],
    ["\u001b[31m{", "line 1: is not JSON: "],
    ["5", "line 1: 5 is not an object"],
    ["{}", "line 1: outer: is missing"],
    ['{"outer":{"\\u001b[31m":1}}', "line 1: outer.\\x1b[31m: there is no such field here"],
    [Uint8Array.of(0x22, 0xff, 0x22), "line 1: is not UTF-8"],
    [`\n"${"x".repeat(16 * 1024 * 1024)}"`, "line 2: is longer than 16777216 bytes"],
    ['{"frame":"00","geneve":{}}', "line 1: geneve: the bytes in frame say something else; leave frame out"],
  ])("%j", async (input, message) => {
    const { code, packets, stderr } = await said(input);
    expect({ code, packets }).toEqual({ code: 2, packets: 0 });
    expect(stderr.startsWith(`genevescope: -: ${message}`) ? message : stderr).toBe(message);
    expect(stderr.trimEnd()).toMatch(/^[\x20-\x7e]+$/);
  });

  test("of files", async () => {
    const directory = join(folder, "directory");
    mkdirSync(directory);
    const [line] = linesOf(1) as [string];
    const file = join(folder, "one.json");
    writeFileSync(file, line);
    expect(await said("", join(folder, "none"))).toEqual({
      code: 2,
      packets: 0,
      stderr: `genevescope: ${join(folder, "none")}: cannot be read: there is no such file\n`,
    });
    expect(await said("", file, directory)).toEqual({
      code: 2,
      packets: 1,
      stderr: `genevescope: ${directory}: cannot be read: it is a directory\n`,
    });
    expect(await said(line, file, "-")).toMatchObject({ code: 0, packets: 2 });
  });

  test("of flags and link types", async () => {
    expect((await said("", "-w", "x.pcap", "-o", "hex")).stderr).toContain("cannot be used with option");
    expect((await said("", "-o", "json")).stderr).toContain("Allowed choices are hex, c, pcap, pcapng");
    const frame = (linkType: number) => `{"frame":"00","linkType":${linkType}}\n`;
    const two = await said(frame(1) + frame(101), "-w", join(folder, "two.pcap"));
    expect(two).toMatchObject({ code: 2 });
    expect(two.stderr).toContain("has packets of link types 1 and 101, a pcap has one; write pcapng");
  });
});
