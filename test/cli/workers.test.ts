import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { isShareable, shareOut } from "../../src/cli/shares.js";
import { block, enhanced, interfaceBlock, packet, pcap, pcapRecord, section } from "../capture/helper.js";
import { packetBytes } from "../vectors/packets.js";
import { usualFrames } from "../vectors/shapes.js";
import { genevescope, root } from "./run.js";

const directory = mkdtempSync(join(tmpdir(), "genevescope-workers-"));
afterAll(() => rmSync(directory, { recursive: true }));

function written(name: string, bytes: Uint8Array): string {
  const file = join(directory, name);
  writeFileSync(file, bytes);
  return file;
}

/** `analyze` with so many threads. */
async function analyzed(workers: number, files: readonly string[], ...flags: string[]) {
  const { code, stdout, stderr } = await genevescope(
    ["analyze", ...files, "--workers", String(workers), ...flags],
    { env: { TMPDIR: directory } },
  );
  return { code, stdout, stderr };
}

/** Usual frames of all shapes and others between them, some of them damaged, in the order of time. */
const mixture = Array.from({ length: 3000 }, (_, index) => {
  const frames = Object.values(usualFrames);
  const bytes = index % 37 === 36 ? packetBytes("bfd") : frames[index % frames.length].slice();
  if (index % 37 !== 36) bytes[index % 53 === 52 ? 30 : 5] ^= index & 0xff;
  const data = Buffer.from(bytes).toString("hex");
  return {
    sec: 1_700_000_000 + (index >> 6),
    nsec: (index & 63) * 1000,
    data,
    original: bytes.length,
    interface: 0,
  };
});

describe("one thread and several give the same answer", () => {
  const captures = join(root, "captures");
  const scenarios = readdirSync(captures, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  test.each(scenarios.map(({ name }) => name))("captures/%s, with names", async (name) => {
    const folder = join("captures", name);
    const files = readdirSync(join(root, folder)).filter((file) => /\.pcap(ng)?$/.test(file));
    const paths = files.map((file) => join(folder, file));
    const flags = ["--sb", join(folder, "sb.db"), "--all"];
    for (const format of ["json", "text"]) {
      const one = await analyzed(1, paths, ...flags, "-o", format);
      for (const workers of [2, 3])
        expect(await analyzed(workers, paths, ...flags, "-o", format)).toEqual(one);
      expect(one.stdout).not.toBe("");
    }
  });

  test("captures that are divided", async () => {
    const blocks = [section(), interfaceBlock({ name: "eth1" }), ...mixture.map((each) => enhanced(each))];
    for (const file of [
      written("mixture.pcap", pcap(mixture)),
      written("nano.pcap", pcap(mixture, { nano: true })),
      written("mixture.pcapng", Buffer.concat(blocks)),
    ]) {
      const one = await analyzed(1, [file], "-o", "json");
      expect(JSON.parse(one.stdout)).toMatchObject({ packets: 3000, bfd: 81 });
      for (const workers of [2, 4]) expect(await analyzed(workers, [file], "-o", "json")).toEqual(one);
    }
  });

  test("captures that cannot be divided where they seem to be", async () => {
    const inside = Buffer.concat(mixture.slice(0, 100).map((each) => pcapRecord(each)));
    const carriers = Array.from({ length: 61 }, (_, index) =>
      packet(index, 1, { data: inside.toString("hex"), original: inside.length }),
    );
    const sections = [0, 1].flatMap((number) => [
      section(),
      interfaceBlock({ resolution: number === 0 ? 6 : 9 }),
      ...mixture.slice(0, 1000 + number).map((each) => enhanced(each)),
    ]);
    const interfaces = [
      section(),
      interfaceBlock(),
      ...mixture.slice(0, 1000).map((each) => enhanced(each)),
      interfaceBlock({ resolution: 9 }),
      ...mixture.map((each) => enhanced({ ...each, interface: 1 }, { unitsPerSecond: 1_000_000_000n })),
    ];
    const whole = pcap(mixture);
    const damaged = Buffer.from(whole);
    damaged.fill(0xff, 100_000, 100_040);
    const early = [
      section(),
      interfaceBlock(),
      ...mixture.slice(0, 6).map((each) => enhanced(each, { type: 2 })),
      ...mixture.map((each) => enhanced(each)),
    ];
    const later = [
      ...interfaces.slice(0, 700),
      interfaceBlock({ resolution: 9 }),
      ...mixture.slice(0, 800).map((each) => enhanced(each)),
      interfaceBlock({ resolution: 6 }),
      ...mixture.map((each) => enhanced({ ...each, interface: 1 }, { unitsPerSecond: 1_000_000_000n })),
    ];
    for (const file of [
      written("early.pcapng", Buffer.concat(early)),
      written("later.pcapng", Buffer.concat(later)),
      written("carriers.pcap", pcap(carriers)),
      written("sections.pcapng", Buffer.concat(sections)),
      written("interfaces.pcapng", Buffer.concat(interfaces)),
      written("damaged.pcap", damaged),
      written("cut.pcap", whole.subarray(0, whole.length - 7)),
      written("odd.pcap", Buffer.concat([whole, pcapRecord({ ...mixture[0], nsec: 1_000_000_000 })])),
      written(
        "gap.pcapng",
        Buffer.concat([...sections.slice(0, 900), block(99, Buffer.alloc(300_000)), ...sections.slice(900)]),
      ),
    ]) {
      const one = await analyzed(1, [file], "-o", "json", "--all");
      expect(await analyzed(2, [file], "-o", "json", "--all"), file).toEqual(one);
      expect(await analyzed(3, [file, file], "-o", "json"), file).toEqual(
        await analyzed(1, [file, file], "-o", "json"),
      );
    }
  });

  test("with a file among them that is none", async () => {
    const text = written("text.pcap", Buffer.from("this is no capture\n"));
    const good = join("captures", "routed-ping", "hv1.pcap");
    const one = await analyzed(1, [good, text, "absent.pcap", good]);
    expect(one.code).toBe(2);
    expect(await analyzed(2, [good, text, "absent.pcap", good])).toEqual(one);
    expect(await analyzed(2, [good, text, good])).toEqual(await analyzed(1, [good, text, good]));
  });
});

test("a large file is divided among threads, and so are several", async () => {
  const file = written("divided.pcap", pcap(mixture));
  const options = { workers: 2, output: "json", names: false, reader: "builtin" } as const;
  const bins = await shareOut([file, file], options, []);
  expect(bins.map((shares) => shares.length)).toEqual([2, 2]);
  const parts = bins.flat().map((share) => `${share.file} ${share.part}`);
  expect(parts.sort()).toEqual(["0 0", "0 1", "1 0", "1 1"]);
  expect((await shareOut([file], { ...options, workers: 1 }, [])).length).toBe(1);
  const empty = written("empty.pcap", Buffer.alloc(0));
  // No thread is begun for nothing.
  for (const files of [
    [empty, empty],
    [file, empty, empty],
  ])
    for (const shares of await shareOut(files, { ...options, workers: 3 }, []))
      expect(shares.length).toBeGreaterThan(0);
  // A small one is read by one thread sooner.
  const { workers: _, ...usual } = options;
  expect((await shareOut([file], usual, [])).length).toBe(1);
  expect(isShareable([file], usual)).toBe(true);
  expect(isShareable([file], { ...usual, count: 5 })).toBe(false);
  expect(isShareable([file, "-"], usual)).toBe(false);
});

test("stops of parts are numbered as in the file", async () => {
  const packets = mixture.map((each, index) =>
    index === 2999
      ? { ...each, data: each.data.slice(0, 80) }
      : { ...each, data: Buffer.from(usualFrames.icmp).toString("hex"), original: usualFrames.icmp.length },
  );
  const file = written("stop.pcap", pcap(packets));
  const { stdout } = await analyzed(2, [file]);
  expect(stdout).toContain("#3000");
  expect(stdout).toBe((await analyzed(1, [file])).stdout);
});
