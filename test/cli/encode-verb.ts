/* The verb `encode`, and what it makes as decode shows it. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect } from "vitest";
import { decodeAll, type Packet } from "../conformance/genevescope.js";
import { genevescope } from "./run.js";

/** A directory for the tests of a file. */
export const directory = mkdtempSync(join(tmpdir(), "genevescope-encode-"));
afterAll(() => rmSync(directory, { recursive: true }));
let files = 0;

/** The packets that encode writes, as decode shows them. */
export async function encoded(...flags: string[]): Promise<Packet[]> {
  const file = join(directory, `${files++}.pcapng`);
  const { stdout, stderr, code } = await genevescope(["encode", "-w", file, ...flags]);
  expect([code, stdout]).toEqual([0, ""]);
  const packets = decodeAll(file);
  const many = packets.length === 1 ? "1 packet" : `${packets.length.toLocaleString("en-US")} packets`;
  expect(stderr).toBe(`genevescope: ${many} written to ${file}\n`);
  return packets;
}

/** What encode says where it writes nothing. */
export async function refusal(...flags: string[]): Promise<string> {
  const { stdout, stderr, code } = await genevescope(["encode", ...flags]);
  expect([stdout, code]).toEqual(["", 2]);
  expect(stderr).toMatch(/^genevescope: .*\n$/);
  return stderr.slice("genevescope: ".length, -1);
}
