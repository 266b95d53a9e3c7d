/* Captures that were written here, as capinfos, tshark, tcpdump and mergecap read them. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { createCapture, openCapture, type WriteOptions } from "../../src/capture/index.js";
import { collect } from "../capture/helper.js";
import { root as checkout } from "../cli/run.js";
import { type DescribePeer, findCommand, peer } from "../setup/peer.js";
import { CAPTURES, captures } from "./captures.js";

const directory = mkdtempSync(join(tmpdir(), "genevescope-written-"));
afterAll(() => rmSync(directory, { recursive: true }));

const at = (...names: string[]): string => join(directory, ...names);

/** What a program prints; it has to end well, and to find nothing wrong. */
function output(command: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(findCommand(command) ?? command, args, {
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  expect({
    status,
    stderr: stderr.replace(
      /^(reading from file|Running as user|dropped privs|Warning: interface names) .*\n/gm,
      "",
    ),
  }).toEqual({
    status: 0,
    stderr: "",
  });
  return stdout;
}

/** tcpdump on what is behind it: times to the nanosecond, numbers as they are, all bytes. */
const TCPDUMP = ["-nn", "-tt", "-S", "-xx", "--time-stamp-precision=nano", "-r"];

function tcpdump(file: string): string {
  return output("tcpdump", ...TCPDUMP, file);
}

function tshark(file: string, ...fields: string[]): string {
  return output("tshark", "-n", "-r", file, "-T", "fields", ...fields.flatMap((field) => ["-e", field]));
}

/** Lines of capinfos, by what is before the colon. */
function capinfos(file: string): Record<string, string> {
  const lines = output("capinfos", "-M", file).split("\n");
  return Object.fromEntries(lines.map((line) => line.split(/:\s+|\s+= /, 2).map((part) => part.trim())));
}

/** Writes the packets of captures, so many times over. */
async function copy(
  from: readonly string[],
  to: string,
  options: Omit<WriteOptions, "interfaces">,
  times = 1,
): Promise<void> {
  const sources = await Promise.all(from.map((path) => openCapture(path)));
  const interfaces = sources.flatMap(({ interfaces: [one], name }) => ({
    ...one,
    name: name.split("/").at(-1) ?? null,
  }));
  for (const source of sources) await source.close();
  const writer = await createCapture(to, { ...options, interfaces });
  for (let time = 0; time < times; time++)
    for (const [index, path] of from.entries()) {
      const source = await openCapture(path);
      for (let batch = await source.next(); batch !== null; batch = await source.next()) {
        batch.interfaceIndex.fill(index);
        await writer.write(batch);
      }
      await source.close();
    }
  await writer.close();
}

peer("Wireshark and tcpdump", ["capinfos", "mergecap", "tcpdump", "tshark"])(
  "captures that were written",
  () => {
    test.each(captures.map(({ title, path }) => [title, path]))("%s", async (title, path) => {
      const fields = ["frame.time_epoch", "frame.len", "frame.cap_len", "_ws.col.Info"];
      const ours = await collect(path);
      const packets = tcpdump(path);
      const dissected = tshark(path, ...fields);
      const original = capinfos(path);
      for (const format of ["pcap", "pcapng"] as const) {
        const written = at(`${title.replace("/", "-")}.${format}`);
        await copy([path], written, { format });
        expect(await collect(written)).toMatchObject({ packets: ours.packets, damage: null, odd: 0, format });
        expect(tcpdump(written)).toBe(packets);
        expect(tshark(written, ...fields)).toBe(dissected);
        expect(capinfos(written)).toMatchObject({
          "File type": format === "pcap" ? "nsecpcap" : "pcapng",
          "File timestamp precision": "nanoseconds (9)",
          "Number of packets": original["Number of packets"],
          "File encapsulation": original["File encapsulation"],
        });
      }
    });

    test("a pcapng tells its origin, its devices, and what they counted", async () => {
      const file = at("told.pcapng");
      await copy(
        [join(CAPTURES, "tcp-transfer/hv1.pcap"), join(CAPTURES, "routed-ping/hv1.nano.pcap")],
        file,
        {
          format: "pcapng",
          origin: { hardware: "a machine", system: "Linux 6.1", application: "genevescope 0" },
          counts: () => [
            { received: 2 ** 40 + 1, dropped: 2, droppedByDevice: 3 },
            { received: 4, dropped: 2 ** 33, droppedByDevice: 0 },
          ],
        },
      );
      expect(capinfos(file)).toMatchObject({
        "Capture hardware": "a machine",
        "Capture oper-sys": "Linux 6.1",
        "Capture application": "genevescope 0",
        "Number of interfaces in file": "2",
        "Number of stat entries": "1",
      });
      expect(new Set(tshark(file, "frame.interface_name").split("\n"))).toEqual(
        new Set(["hv1.pcap", "hv1.nano.pcap", ""]),
      );
      // The file as Wireshark's dissector of pcapng itself sees it.
      const blocks = output("tshark", "-X", "read_format:MIME Files Format", "-V", "-r", file);
      expect(blocks.match(/Block: Interface Statistics Block/g)).toHaveLength(2);
      const counts = [...blocks.matchAll(/Option: Number of (.*) = (\d+)/g)].map(([, what, count]) => [
        what,
        count,
      ]);
      expect(counts).toEqual([
        ["Received Packets", String(2 ** 40 + 1)],
        ["Dropped Packets", "3"],
        ["Packets Dropped by OS", "2"],
        ["Received Packets", "4"],
        ["Dropped Packets", "0"],
        ["Packets Dropped by OS", String(2 ** 33)],
      ]);
      const stamps = [...blocks.matchAll(/\[Timestamp: (.*?)(?:\d{6})? UTC\]/g)].map(([, time]) =>
        Date.parse(`${time} UTC`),
      );
      expect(Math.abs((stamps.at(-1) as number) - Date.now())).toBeLessThan(60_000);
      expect(blocks).not.toMatch(/Malformed|Expert Info/);
    });

    test.each(["pcap", "pcapng"] as const)(
      "mergecap makes one of a %s's files, by size and by time",
      async (format) => {
        const path = join(CAPTURES, "migration/hv1.pcap");
        for (const [name, rotation] of [
          ["size", { bytes: 2_000 }],
          ["ring", { bytes: 2_000, files: 50 }],
          ["time", { seconds: 3 }],
        ] as const) {
          const folder = at(`${format}-${name}`);
          mkdirSync(folder);
          const counts = () => [{ received: 1, dropped: 0, droppedByDevice: 0 }];
          await copy([path], join(folder, "f-%s"), { format, rotation, counts });
          const parts = readdirSync(folder).map((part) => join(folder, part));
          expect(parts.length).toBeGreaterThan(3);
          // Each is a capture of its own.
          for (const part of parts) expect(Number(capinfos(part)["Number of packets"])).toBeGreaterThan(0);
          const merged = at(`${format}-${name}.merged`);
          output("mergecap", "-F", "nsecpcap", "-w", merged, ...parts);
          expect(tcpdump(merged)).toBe(tcpdump(path));
        }
      },
    );

    test("files have the names that tcpdump gives", async () => {
      const large = at("large.pcap");
      await copy([join(CAPTURES, "tcp-transfer/hv1.pcap")], large, { format: "pcap" }, 24);
      for (const [turn, files] of [undefined, 1, 3, 12].entries()) {
        const theirs = at(`theirs-${turn}`);
        const ours = at(`ours-${turn}`);
        mkdirSync(theirs);
        mkdirSync(ours);
        const ring = files === undefined ? [] : ["-W", String(files)];
        output("tcpdump", "-Z", "root", "-r", large, "-w", join(theirs, "f"), "-C", "1", ...ring);
        const rotation = { bytes: 1_000_000, ...(files === undefined ? {} : { files }) };
        await copy([large], join(ours, "f"), { format: "pcap", rotation });
        expect(readdirSync(ours)).toEqual(readdirSync(theirs));
      }
    });
  },
);

/** A program that writes the packets of a capture so many times over; what is wrong goes to standard error. */
function program(input: string, output: string, options: Partial<WriteOptions>, times = 1): string {
  return `
    import { createCapture, openCapture } from ${JSON.stringify(join(checkout, "dist/capture/index.js"))};
    let writer = null;
    try {
      for (let time = 0; time < ${times}; time++) {
        const source = await openCapture(${JSON.stringify(input)});
        for (let batch = await source.next(20); batch !== null; batch = await source.next(20)) {
          const options = { interfaces: source.interfaces, ...${JSON.stringify(options)} };
          writer ??= await createCapture(${JSON.stringify(output)}, options);
          await writer.write(batch);
        }
        await source.close();
      }
      await writer.close();
    } catch ({ message }) {
      console.error(message);
    }`;
}

const node = [process.execPath, "--input-type=module", "-e"];
const large = join(CAPTURES, "tcp-transfer/hv1.pcap");

peer("tcpdump", ["tcpdump"])("standard output", () => {
  /** Runs the program with a reader behind a pipe. */
  const piped = (script: string, reader: string) =>
    spawnSync("sh", ["-c", `"$@" | ${reader}`, "sh", ...node, script], {
      encoding: "utf8",
      maxBuffer: 1 << 28,
    });

  test.each([
    ["pcap", ""],
    ["pcapng", ""],
    // Node makes a pipe one that does not block once its stream is asked for.
    ["pcapng", "process.stdout;"],
  ] as const)("a %s to a reader that takes its time %s", (format, before) => {
    const script = before + program(large, "-", { format }, 20);
    const reader = `(sleep 0.3; exec tcpdump ${TCPDUMP.join(" ")} -)`;
    const { stdout, stderr } = piped(script, reader);
    expect(stderr).not.toContain("cannot be written");
    expect(stdout === tcpdump(large).repeat(20)).toBe(true);
  });

  test("a reader that goes is an error of one line", () => {
    const { stderr } = piped(program(large, "-", { format: "pcap" }, 20), "head -c 100 >/dev/null");
    expect(stderr).toBe("-: cannot be written: its reader has gone\n");
  });
});

/** Runs a command in the directory, where `m` is an empty file system of 64 KiB. */
function inSmall(...command: string[]) {
  const script = 'cd "$0" && mkdir -p m && mount -t tmpfs -o size=64k none m && exec "$@"';
  return spawnSync("unshare", ["-rm", "sh", "-c", script, directory, ...command], { encoding: "utf8" });
}

const commands = ["unshare", "mount", "capinfos"];
// Not every user, and not every container, may make file systems.
const mayMount = commands.some((command) => findCommand(command) === null) || inSmall("true").status === 0;
const describeSmall: DescribePeer = mayMount
  ? peer("a full file system", commands)
  : (title, body) => describe.skip(`${title} [peer: a full file system, which may not be made here]`, body);

describeSmall("a disk that becomes full", () => {
  test.each([
    ["pcap", {}, 1],
    ["pcapng", {}, 1],
    ["pcap", { bytes: 30_000 }, 2],
    ["pcapng", { bytes: 30_000 }, 2],
    ["pcapng", { bytes: 20_000, files: 3 }, 3],
  ] as const)(
    "%s, %j: one line where it does not fit, and every file is whole",
    (format, rotation, count) => {
      const script = `${program(large, "m/f", { format, rotation })}
      const { spawnSync } = await import("node:child_process");
      const { readdirSync } = await import("node:fs");
      const files = readdirSync("m").map((name) => {
        const { status, stdout } = spawnSync("capinfos", ["-Mc", "m/" + name], { encoding: "utf8" });
        return { status, packets: Number(/packets: +(\\d+)/.exec(stdout)?.[1]) };
      });
      console.log(JSON.stringify(files));`;
      const { stdout, stderr } = inSmall(...node, script);
      if ("files" in rotation) expect(stderr).toBe("");
      else expect(stderr).toMatch(/^m\/f\d?: cannot be written: no space is left on the device\n$/);
      const files = JSON.parse(stdout);
      expect(files).toHaveLength(count);
      for (const file of files) expect(file).toEqual({ status: 0, packets: expect.any(Number) });
      for (const { packets } of files) expect(packets).toBeGreaterThan(10);
    },
  );
});
