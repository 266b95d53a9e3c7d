/* What `convert` writes, as tshark, editcap, mergecap and capinfos read it. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, test } from "vitest";
import { collect, pcap } from "../capture/helper.js";
import { genevescope } from "../cli/run.js";
import { findCommand, peer } from "../setup/peer.js";
import { packetBytes } from "../vectors/packets.js";
import { CAPTURES, captures } from "./captures.js";

const directory = mkdtempSync(join(tmpdir(), "genevescope-convert-"));
afterAll(() => rmSync(directory, { recursive: true }));
let files = 0;
/** A name that nothing has. */
const fresh = (extension: string): string => join(directory, `${files++}.${extension}`);

/** Converts into a file and returns its name; `said` is what stands on standard error before the last line. */
async function converted(
  extension: string,
  args: readonly string[],
  said: string | RegExp = "",
): Promise<string> {
  const out = fresh(extension);
  const { code, stdout, stderr } = await genevescope(["convert", ...args, out]);
  expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: "", stderr: expect.any(String) });
  const before = stderr.replace(/^genevescope: [\d,]+ packets? written to .*\n$/m, "");
  if (typeof said === "string") expect(before).toBe(said);
  else expect(before).toMatch(said);
  return out;
}

/** What a program prints; it has to end well. */
function output(command: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(findCommand(command) ?? command, args, {
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  expect({ status, stderr }).toMatchObject({ status: 0 });
  return stdout;
}

function tshark(file: string, ...fields: string[]): string[] {
  const text = output("tshark", "-n", "-r", file, "-T", "fields", ...fields.flatMap((each) => ["-e", each]));
  return text.split("\n").slice(0, -1);
}

const BYTES = ["frame.time_epoch", "frame.len", "frame.cap_len", "_ws.col.Info"];

describe("pcap and pcapng", () => {
  test.each(captures.map(({ title, path }) => [title, path]))("%s there and back", async (_, path) => {
    const first = await converted("pcap", [path]);
    expect(readFileSync(first).equals(readFileSync(path))).toBe(true);
    const between = await converted("pcapng", [first]);
    const back = await converted("pcap", [between]);
    const original = await collect(path);
    for (const [file, format] of [
      [between, "pcapng"],
      [back, "pcap"],
    ] as const)
      expect(await collect(file)).toMatchObject({ packets: original.packets, format, damage: null, odd: 0 });
  });

  test("a pcap with nanoseconds comes back byte by byte", async () => {
    const path = join(CAPTURES, "routed-ping/hv1.nano.pcap");
    const back = await converted("pcap", [await converted("pcapng", [path])]);
    expect(readFileSync(back).equals(readFileSync(path))).toBe(true);
  });

  test("a pcap is one of microseconds only where all that is read is", async () => {
    const micro = join(CAPTURES, "routed-ping/hv1.pcap");
    const nano = join(CAPTURES, "routed-ping/hv1.nano.pcap");
    const other = join(CAPTURES, "routed-ping/hv2.pcap");
    const packed = fresh("pcap.gz");
    writeFileSync(packed, gzipSync(readFileSync(micro)));
    const damaged = fresh("pcap");
    writeFileSync(damaged, readFileSync(micro).subarray(0, 1000));
    const text = fresh("txt");
    writeFileSync(text, "2026-11-21 07:20:17.646279 IP 10.0.0.1 > 10.0.0.2: x\n\t0x0000:  4500 0014 0000\n");
    const units = async (...args: string[]) => {
      const out = fresh("pcap");
      await genevescope(["convert", "--all", ...args, out]);
      return readFileSync(out).readUInt32LE(0) === 0xa1b2c3d4 ? "us" : "ns";
    };
    for (const args of [[micro], [micro, other], ["--sort", micro], ["--sort", other, packed], [damaged]])
      expect([args, await units(...args)]).toEqual([args, "us"]);
    expect(await units("--reader", "pcap-parser", micro)).toBe("us");
    const pcapng = await converted("pcapng", [micro]);
    for (const args of [[nano], [micro, nano], ["--sort", nano, micro], [micro, pcapng], [pcapng], [text]])
      expect([args, await units(...args)]).toEqual([args, "ns"]);
    const { packets } = await collect(await converted("pcap", [micro, nano]));
    expect(packets.some(({ nsec }) => nsec % 1000 !== 0)).toBe(true);
  });

  test("-F says what is written, whatever the name", async () => {
    const path = join(CAPTURES, "routed-ping/hv1.pcap");
    expect((await collect(await converted("pcap", ["-F", "pcapng", path]))).format).toBe("pcapng");
    expect((await collect(await converted("cap", ["-F", "pcap", path]))).format).toBe("pcap");
    expect((await collect(await converted("cap", [path]))).format).toBe("pcapng");
  });

  test("from standard input to standard output", async () => {
    const path = join(CAPTURES, "routed-ping/hv1.nano.pcap");
    const command = `"$0" dist/cli/main.js convert - -F pcap - < "$1" | cmp - "$1"`;
    const { status, stderr } = spawnSync("bash", ["-o", "pipefail", "-c", command, process.execPath, path], {
      cwd: join(CAPTURES, ".."),
      encoding: "utf8",
    });
    expect({ status, stderr }).toEqual({
      status: 0,
      stderr: expect.stringMatching(/^genevescope: \d+ packets written to -\n$/),
    });
  });

  test("a file that is there is not written over, and a reader that goes is no fault", async () => {
    const path = join(CAPTURES, "tcp-transfer/hv1.pcap");
    const there = fresh("pcap");
    writeFileSync(there, "precious");
    const { code, stderr } = await genevescope(["convert", path, there]);
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: `genevescope: ${there}: cannot be written: it exists, and what exists is not written over\n`,
    });
    expect(readFileSync(there, "utf8")).toBe("precious");
    const script = `"$0" dist/cli/main.js convert "$1" - | head -c 100 > "$2"; echo "\${PIPESTATUS[0]}"`;
    const gone = spawnSync("bash", ["-c", script, process.execPath, path, fresh("part")], {
      cwd: join(CAPTURES, ".."),
      encoding: "utf8",
    });
    expect(gone.stdout).toBe("0\n");
    expect(gone.stderr).not.toContain("cannot");
  });

  test("what is before the damage is written", async () => {
    const cut = fresh("pcap");
    const whole = readFileSync(join(CAPTURES, "tcp-transfer/hv1.pcap"));
    writeFileSync(cut, whole.subarray(0, whole.length - 7));
    const out = fresh("pcapng");
    const { code, stderr } = await genevescope(["convert", cut, out]);
    expect(code).toBe(2);
    expect(stderr).toContain("damaged at byte");
    const original = await collect(cut);
    expect(original.packets.length).toBeGreaterThan(10);
    expect((await collect(out)).packets).toEqual(original.packets);
  });
});

peer("Wireshark", ["capinfos", "editcap", "mergecap", "reordercap", "tshark"])("what is written", () => {
  test.each(captures.map(({ title, path }) => [title, path]))("%s, for tshark", async (_, path) => {
    const out = await converted("pcapng", [path]);
    expect(tshark(out, ...BYTES)).toEqual(tshark(path, ...BYTES));
    expect(output("capinfos", "-M", out)).toMatch(/File type: +pcapng/);
  });

  test("filters, times and counts: all packets without, those that match with", async () => {
    const path = fresh("pcapng");
    const captured = join(CAPTURES, "tcp-transfer/hv1.pcap");
    output("tshark", "-r", captured, "-Y", "geneve.vni > 0", "-w", path);
    const numbers = (file: string, ...filter: string[]): string[] =>
      output("tshark", "-n", "-r", file, ...filter, "-T", "fields", "-e", "frame.time_epoch").split("\n");
    const mixed = fresh("pcapng");
    // Packets with no tunnel beside those with one.
    const inner = fresh("pcap");
    output("editcap", "-F", "nsecpcap", "-C", "58", path, inner);
    output("mergecap", "-w", mixed, path, inner);
    expect(numbers(await converted("pcapng", [mixed]))).toEqual(numbers(mixed));
    const times = numbers(mixed);
    const since = times[20];
    const until = times[60];
    const during = `frame.time_epoch >= ${since} && frame.time_epoch < ${until}`;
    expect(numbers(await converted("pcapng", ["--since", since, "--until", until, mixed]))).toEqual(
      numbers(mixed, "-Y", during),
    );
    const geneve = numbers(mixed, "-Y", "geneve");
    expect(geneve.length).toBeLessThan(times.length);
    expect(numbers(await converted("pcapng", ["--not", "--vni", "77", mixed]))).toEqual(geneve);
    expect(numbers(await converted("pcapng", ["--not", "--vni", "77", "--all", mixed]))).toEqual(times);
    expect(numbers(await converted("pcapng", ["-c", "7", mixed]))).toEqual([...times.slice(0, 7), ""]);
    const none = await converted(
      "pcapng",
      ["--vni", "77", mixed],
      "genevescope: no packet matches the filters\n",
    );
    expect(numbers(none)).toEqual([""]);
  });

  /** Bytes in front of the inner frame of OVN's packets, by scenario; 58 over Ethernet and IPv4. */
  const OUTER: Record<string, number> = {
    "ipv6-underlay/hv1.pcap": 78,
    "ipv6-underlay/hv2.pcap": 78,
    "cooked/any-v1.pcap": 60,
    "cooked/any-v2.pcap": 64,
    "vxlan-ping/hv1.pcap": 50,
    "vxlan-ping/hv2.pcap": 50,
  };
  /** What tshark knows for tunnels, but for those in packets that ICMP quotes. */
  const TUNNELS = '(geneve or vxlan) and not frame.protocols matches "^[a-z]+:ethertype:ip:icmp"';

  describe.each(captures.map(({ title, path, sb }) => [title, path, sb]))(
    "--decapsulate %s",
    (title, path, sb) => {
      const tunnelled = (filter: string): string => {
        const file = fresh("pcapng");
        output("tshark", "-r", path, "-Y", `${TUNNELS} and (${filter})`, "-w", file);
        return file;
      };

      test("the frames that editcap finds behind so many bytes", async () => {
        // Where there are both tunnels, those of Geneve.
        const inside = tunnelled(title.startsWith("vxlan") ? "vxlan" : "geneve.vni > 0");
        const theirs = fresh("pcap");
        output(
          "editcap",
          "-F",
          "nsecpcap",
          "-T",
          "ether",
          "-L",
          "-C",
          `${OUTER[title] ?? 58}`,
          inside,
          theirs,
        );
        const expected = await collect(theirs);
        expect(expected.packets.length).toBeGreaterThan(3);
        const packets = expected.packets.map((packet) => ({ ...packet, interface: expect.any(Number) }));
        for (const extension of ["pcap", "pcapng"]) {
          const ours = await collect(await converted(extension, ["--decapsulate", inside]));
          expect(ours.packets).toEqual(packets);
          expect(ours.interfaces[0]).toMatchObject({ linkType: 1 });
        }
      });

      test("on interfaces that are named after the ports", async () => {
        const { stdout } = await genevescope(["decode", "-o", "json", "--utc", "--sb", sb, path]);
        const lines = stdout.split("\n").slice(0, -1);
        const expected = lines
          .map((line) => JSON.parse(line))
          .map(({ vxlan, ovn: { inport, datapath, datapathKey, ingressKey } }) => {
            if (ingressKey === null && vxlan === undefined) return [`vni ${datapathKey}`, ""];
            const keys = `vni ${datapathKey}${vxlan === undefined ? ` in ${ingressKey}` : ""}`;
            return [inport?.name ?? keys, datapath === null ? "" : `${datapath.name}, ${keys}`];
          });
        const out = await converted("pcapng", ["--decapsulate", "--sb", sb, tunnelled("frame")]);
        const shown = tshark(out, "frame.interface_name", "frame.interface_description");
        expect(shown).toEqual(expected.map((each) => each.join("\t")));
        const [[name]] = expected;
        const filtered = output("tshark", "-n", "-r", out, "-Y", `frame.interface_name == "${name}"`);
        const many = expected.filter((each) => each[0] === name).length;
        expect(filtered.split("\n").slice(0, -1)).toHaveLength(many);
      });
    },
  );

  test("--decapsulate says how many packets have nothing inside", async () => {
    const path = join(CAPTURES, "routed-ping/hv2.pcap");
    const mixed = fresh("pcapng");
    const inner = await converted("pcap", ["--decapsulate", path]);
    output("mergecap", "-w", mixed, path, inner);
    const said = "genevescope: 10 packets have no inner frame to write: 10 not in a tunnel\n";
    const out = await converted("pcap", ["--decapsulate", mixed], said);
    expect((await collect(out)).packets).toEqual((await collect(inner)).packets);
  });

  test("several captures are merged as mergecap merges them, each on an interface of its own", async () => {
    const inputs = [
      "routed-ping/hv1.pcap",
      "tcp-transfer/hv1.pcap",
      "tcp-transfer/hv2.pcap",
      "migration/hv2.pcap",
    ].map((title) => join(CAPTURES, title));
    const theirs = fresh("pcap");
    output("mergecap", "-F", "nsecpcap", "-w", theirs, ...inputs);
    const { packets } = await collect(theirs);
    const ours = await converted("pcapng", inputs);
    // Packets of the same time come in the order of the captures, which mergecap turns around.
    const byTime = (list: typeof packets): string[] =>
      list
        .map(({ sec, nsec, original, data }) => `${sec}.${String(nsec).padStart(9, "0")} ${original} ${data}`)
        .sort();
    const merged = await collect(ours);
    expect(byTime(merged.packets)).toEqual(byTime(packets));
    const times = tshark(ours, "frame.time_epoch");
    expect(times).toEqual([...times].sort());
    const from = tshark(ours, "frame.interface_description");
    for (const path of inputs)
      expect(from.filter((each) => each === path)).toHaveLength((await collect(path)).packets.length);
    // A reader cuts packets that are longer than what the file says, whichever capture it says it of.
    const short = fresh("pcap");
    output("editcap", "-F", "nsecpcap", "-s", "60", inputs[0], short);
    const head = readFileSync(short);
    head.writeUInt32LE(60, 16);
    writeFileSync(short, head);
    const together = await converted("pcap", [short, inputs[1]]);
    const again = await converted("pcap", [await converted("pcapng", [short, inputs[1]])]);
    for (const file of [together, again])
      expect((await collect(file)).interfaces[0].snapLength).toBe(262_144);
    expect((await collect(await converted("pcap", [short]))).interfaces[0].snapLength).toBe(60);
    const backwards = fresh("pcap");
    output("mergecap", "-a", "-F", "nsecpcap", "-w", backwards, inputs[3], inputs[0]);
    const before = fresh("pcap");
    const { code, stderr } = await genevescope(["convert", backwards, inputs[1], before]);
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: `genevescope: ${backwards}: packet ${(await collect(inputs[3])).packets.length + 1} is earlier than the one before it, and captures are merged in the order of time; sort them\n`,
    });
    const { sec: end } = (await collect(inputs[3])).packets.at(-1) as { sec: number };
    const kept = await collect(before);
    expect(kept.packets.length).toBeGreaterThanOrEqual((await collect(inputs[3])).packets.length);
    expect(kept.packets.every(({ sec }) => sec <= end)).toBe(true);
    const sorted = await converted("pcap", ["--sort", backwards]);
    const reordered = fresh("pcap");
    output("reordercap", backwards, reordered);
    expect((await collect(sorted)).packets).toEqual((await collect(reordered)).packets);
    // One that cannot be read does not keep the others from being merged.
    const partly = fresh("pcap");
    const missing = await genevescope(["convert", "--sort", fresh("none"), backwards, inputs[1], partly]);
    expect(missing).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("no such file; check the path"),
    });
    expect((await collect(partly)).packets).toHaveLength(
      (await collect(backwards)).packets.length + (await collect(inputs[1])).packets.length,
    );
  });

  describe("--split", () => {
    const path = join(CAPTURES, "ha-gateway/hv1.pcap");
    const sb = join(CAPTURES, "ha-gateway/sb.db");
    const lines = async (...args: string[]): Promise<string[]> =>
      (await genevescope(["decode", "--utc", "--all", ...args])).stdout.split("\n").slice(0, -1);

    test.each([
      ["datapath", / (\S+): \S+ -> /, (name: string) => name],
      ["port", / \S+: (\S+) -> /, (name: string) => name],
      ["tunnel", /^\S+ (\S+ > \S+) .*\[vni/, (name: string) => name.replace(" > ", "_to_")],
    ] as const)("%s: each packet is in the file of its own, and nobody is lost", async (kind, name, file) => {
      const whole = await lines("--sb", sb, path);
      const fault = kind === "tunnel" ? "other" : "vni_0";
      const expected = new Map<string, string[]>();
      for (const line of whole) {
        const found = name.exec(line)?.[1];
        const group = found !== undefined ? file(found) : / \[vni 0/.test(line) ? fault : "other";
        expected.set(group, [...(expected.get(group) ?? []), line]);
      }
      expect(expected.size).toBeGreaterThan(2);
      const out = await converted("pcap", ["--split", kind, "--sb", sb, path]);
      expect(existsSync(out)).toBe(false);
      const folder = mkdtempSync(join(directory, "split-"));
      const { code, stderr } = await genevescope(["convert", "--split", kind, "--sb", sb, path, folder]);
      expect({ code, stderr }).toEqual({
        code: 0,
        stderr: `genevescope: ${whole.length} packets written to ${expected.size} files, ${folder}/*.pcapng\n`,
      });
      expect(readdirSync(folder).sort()).toEqual([...expected.keys()].map((each) => `${each}.pcapng`).sort());
      for (const [group, packets] of expected) {
        expect(await lines("--sb", sb, join(folder, `${group}.pcapng`))).toEqual(packets);
        expect(await lines("--sb", sb, out.replace(".pcap", `-${group}.pcap`))).toEqual(packets);
      }
    });

    test("networks of the same name have files of their own, and one that is called other is not what has no tunnel", async () => {
      const routed = join(CAPTURES, "routed-ping/hv1.pcap");
      const dump = readFileSync(join(CAPTURES, "routed-ping/sb.dump.json"), "utf8");
      const files = async (name: string, changed: string): Promise<Map<string, string[]>> => {
        const folder = mkdtempSync(join(directory, "split-"));
        const database = join(directory, name);
        writeFileSync(database, changed);
        // The second of these captures has packets without a tunnel.
        const args = ["--all", "--sort", "--split", "datapath", "--names", "friendly", "--sb", database];
        await genevescope(["convert", ...args, routed, path, folder]);
        const found = readdirSync(folder).sort();
        const all = found.map(async (file) => await lines(join(folder, file)));
        const keys = (await Promise.all(all)).map((each) =>
          each.map((line) => / \[(vni \d+)/.exec(line)?.[1] ?? "no tunnel"),
        );
        return new Map(found.map((file, index) => [file, [...new Set(keys[index])]]));
      };
      const same = await files("same.json", dump.replace('"backend"', '"frontend"'));
      expect([same.get("frontend.pcapng"), same.get("frontend-2.pcapng")].sort()).toEqual([
        ["vni 1"],
        ["vni 2"],
      ]);
      const other = await files("other.json", dump.replace('"frontend"', '"other"'));
      expect([other.get("other.pcapng"), other.get("other-2.pcapng")].sort()).toEqual([
        ["no tunnel"],
        ["vni 1"],
      ]);
    });

    test("of more groups than files are open the later ones share one; each packet goes through all steps", async () => {
      const whole = fresh("pcap");
      const echo = packetBytes("echoRequest");
      const packets = Array.from({ length: 1200 }, (_, n) => {
        const bytes = echo.slice();
        new DataView(bytes.buffer).setUint32(46, ((n % 600) << 8) >>> 0);
        return {
          sec: 1000 + n,
          nsec: 0,
          original: bytes.length,
          data: Buffer.from(bytes).toString("hex"),
          interface: 0,
        };
      });
      writeFileSync(whole, pcap(packets));
      const folder = mkdtempSync(join(directory, "split-"));
      const args = ["--split", "datapath", "--decapsulate", "--annotate", whole, folder];
      const { code, stderr } = await genevescope(["convert", ...args]);
      expect({ code, stderr }).toEqual({
        code: 0,
        stderr: `genevescope: 1,200 packets written to 512 files, ${folder}/*.pcapng\n`,
      });
      expect(readdirSync(folder)).toHaveLength(512);
      const rest = join(folder, "other.pcapng");
      expect((await collect(rest)).packets).toHaveLength(2 * (600 - 511));
      expect(tshark(join(folder, "vni_7.pcapng"), "frame.time_epoch", "frame.len", "frame.comment")).toEqual(
        [1007, 1607].map((sec) => `${sec}.000000000\t98\t192.168.50.100 > 192.168.50.101 [vni 7 in 1 out 2]`),
      );
    });
  });

  describe("--encapsulate", () => {
    const checked = (file: string, ...fields: string[]): string[] => {
      const checks = ["-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE"];
      const shown = fields.flatMap((each) => ["-e", each]);
      const first = ["-E", "occurrence=f"];
      return output("tshark", "-n", "-r", file, ...checks, "-T", "fields", ...first, ...shown)
        .split("\n")
        .slice(0, -1);
    };
    const ENDS = ["--tunnel", "10.0.0.1,10.0.0.2"];
    const keys = ["--vni", "0xabcdef", "--inport", "32767", "--outport", "65535"];

    test.each(["pcap", "pcapng"])(
      "of a capture with a snapshot length and check sequences, to a %s that has neither",
      async (format) => {
        const frame = Buffer.from(packetBytes("echoRequest").subarray(58));
        const whole = Buffer.concat([frame, Buffer.from("fcs!")]);
        const header = Buffer.alloc(24);
        header.writeUInt32LE(0xa1b2c3d4);
        header.writeUInt16LE(2, 4);
        header.writeUInt16LE(4, 6);
        header.writeUInt32LE(whole.length, 16);
        // Ethernet, with two words of frame check sequence.
        header.writeUInt32LE(0x2400_0001, 20);
        const records = [whole.length, whole.length - 2, whole.length - 20].map((captured, n) => {
          const record = Buffer.alloc(16);
          for (const [index, value] of [1000 + n, 0, captured, whole.length].entries())
            record.writeUInt32LE(value, 4 * index);
          return Buffer.concat([record, whole.subarray(0, captured)]);
        });
        const given = fresh("pcap");
        writeFileSync(given, Buffer.concat([header, ...records]));
        const out = await converted(format, ["--encapsulate", ...keys, ...ENDS, given]);
        const { interfaces, packets } = await collect(out);
        const [{ snapLength, fcsBytes = 0 }] = interfaces;
        // A reader cuts, or refuses, what is longer.
        expect([snapLength === 0 || snapLength > 65_535, fcsBytes]).toEqual([true, 0]);
        const lengths = [frame.length, frame.length, frame.length - 16];
        expect(packets.map(({ data }) => data.slice(2 * 58))).toEqual(
          lengths.map((length) => frame.subarray(0, length).toString("hex")),
        );
        expect(packets.map(({ original }) => original)).toEqual(lengths.map(() => 58 + frame.length));
        expect(checked(out, "udp.length", "udp.checksum.status").slice(0, 2)).toEqual(
          lengths.slice(1).map(() => `${frame.length + 24}\t1`),
        );
      },
    );

    test.each([
      ["ip", "10.0.0.1,10.0.0.2", "ipv6-inner/hv1.pcap"],
      ["ip", "10.0.0.1,10.0.0.2", "tcp-transfer/hv2.pcap"],
      ["ipv6", "fd00::1,fd00:0::2", "arp-broadcast/hv1.pcap"],
      ["ipv6", "fd00::1,fd00:0::2", "ipv6-inner/hv2.pcap"],
    ])(
      "over %s: %s, frames of %s; tshark finds every length and checksum right",
      async (ip, tunnel, title) => {
        const inner = await converted("pcap", [
          "--decapsulate",
          "--not",
          "--vni",
          "0",
          join(CAPTURES, title),
        ]);
        const out = await converted("pcapng", ["--encapsulate", ...keys, "--tunnel", tunnel, inner]);
        const count = (await collect(inner)).packets.length;
        expect(count).toBeGreaterThan(5);
        const fixed = [
          `${ip}.src`,
          `${ip}.dst`,
          "udp.dstport",
          "udp.checksum.status",
          "geneve.vni",
          "geneve.flags.critical",
        ];
        const [source] = tunnel.split(",");
        const destination = ip === "ip" ? "10.0.0.2" : "fd00::2";
        expect(new Set(checked(out, ...fixed))).toEqual(
          new Set([`${source}\t${destination}\t6081\t1\t0xabcdef\t1`]),
        );
        if (ip === "ip") expect(new Set(checked(out, "ip.checksum.status"))).toEqual(new Set(["1"]));
        expect(output("tshark", "-n", "-r", out, "-Y", "_ws.malformed || _ws.expert.severity >= error")).toBe(
          "",
        );
        const { stdout } = await genevescope(["decode", "-o", "json", out]);
        for (const line of stdout.split("\n").slice(0, -1))
          expect(JSON.parse(line)).toMatchObject({
            status: "ok",
            ovn: { datapathKey: 0xabcdef, ingressKey: 32767, egressKey: 65535 },
          });
        const back = await converted("pcapng", ["--decapsulate", out]);
        expect((await collect(back)).packets).toEqual((await collect(inner)).packets);
      },
    );

    test.each([
      ["geneve", "10.0.0.1,10.0.0.2", keys],
      ["geneve", "fd00::1,fd00::2", keys],
      ["vxlan", "10.0.0.1,10.0.0.2", ["--vni", "4095", "--outport", "34815"]],
      ["vxlan", "fd00::1,fd00::2", ["--vni", "0xabcdef"]],
      ["stt", "10.0.0.1,10.0.0.2", keys],
      ["stt", "fd00::1,fd00::2", keys],
    ])("%s between %s: byte by byte what encode makes", async (kind, tunnel, args) => {
      const inner = await converted("pcap", [
        ...["--decapsulate", "--not", "--vni", "0", "--sort"],
        ...["ipv6-inner/hv1.pcap", "tcp-transfer/hv2.pcap"].map((title) => join(CAPTURES, title)),
      ]);
      const around = ["--encap", kind, ...args];
      const out = await converted("pcap", ["--encapsulate", ...around, "--tunnel", tunnel, inner]);
      const [source, destination] = tunnel.split(",");
      const ends = ["--outer-src", source, "--outer-dst", destination];
      const made = fresh("pcap");
      const { code } = await genevescope(["encode", "--inner-pcap", inner, ...around, ...ends, "-w", made]);
      expect(code).toBe(0);
      const { packets } = await collect(out);
      expect(packets.length).toBeGreaterThan(100);
      expect(packets).toEqual((await collect(made)).packets);
      const back = await converted("pcap", ["--decapsulate", out]);
      expect(readFileSync(back).equals(readFileSync(inner))).toBe(true);
    });

    test("a frame that is cut has a tunnel that tells what it was, without a checksum", async () => {
      const inner = await converted(
        "pcap",
        ["--decapsulate", "-s", "60", join(CAPTURES, "tcp-transfer/hv1.pcap")],
        /not in a tunnel/,
      );
      const out = await converted("pcap", ["--encapsulate", ...keys, "--tunnel", "10.0.0.1,10.0.0.2", inner]);
      const whole = (await collect(inner)).packets;
      const packets = (await collect(out)).packets;
      expect(packets.map(({ original }) => original - 58)).toEqual(whole.map(({ original }) => original));
      expect(packets.map(({ data }) => data.slice(116))).toEqual(whole.map(({ data }) => data));
      const sums = checked(out, "udp.checksum", "ip.checksum.status");
      expect(sums).toEqual(
        whole.map(({ original }) => (original > 60 ? "0x0000\t1" : expect.stringMatching(/\t1$/))),
      );
      expect((await collect(await converted("pcap", ["--decapsulate", out]))).packets).toEqual(whole);
    });

    test("a frame that is cut has in STT the checksum that senders leave to their network cards", async () => {
      const inner = await converted(
        "pcap",
        ["--decapsulate", "-s", "70", join(CAPTURES, "tcp-transfer/hv1.pcap")],
        /not in a tunnel/,
      );
      const tunnel = ["--encap", "stt", ...keys, ...ENDS];
      const out = await converted("pcap", ["--encapsulate", ...tunnel, inner]);
      const whole = (await collect(inner)).packets;
      const { packets } = await collect(out);
      expect(packets.map(({ original }) => original - 72)).toEqual(whole.map(({ original }) => original));
      const isCut = whole.map(({ original }) => original > 70);
      expect(new Set(isCut).size).toBe(2);
      packets.forEach(({ data, original }, i) => {
        const bytes = Buffer.from(data, "hex");
        // STT's length is that of the whole frame.
        expect(bytes.readUInt16BE(38)).toBe(original - 54);
        // Both addresses, the protocol and the length.
        const sum = 0x0a00 + 1 + 0x0a00 + 2 + 6 + original - 34;
        if (isCut[i]) expect(bytes.readUInt16BE(50)).toBe(sum > 0xffff ? (sum & 0xffff) + 1 : sum);
      });
      expect((await collect(await converted("pcap", ["--decapsulate", out]))).packets).toEqual(whole);
    });

    test("frames that are too large for STT's length are left out", async () => {
      const frame = (bytes: number) => ({
        sec: 1,
        nsec: 0,
        data: "00".repeat(60),
        original: bytes,
        interface: 0,
      });
      const inner = fresh("pcap");
      writeFileSync(inner, pcap([65_477, 65_478].map(frame)));
      const tunnel = ["--encap", "stt", ...keys, ...ENDS];
      const said = "genevescope: left out, for no tunnel's packet is that large: 1 packet\n";
      const { packets } = await collect(await converted("pcap", ["--encapsulate", ...tunnel, inner], said));
      expect(packets.map(({ original }) => original)).toEqual([14 + 0xffff]);
    });

    test("to the port that the end of the tunnel asks for, by its kind", async () => {
      const dump = readFileSync(join(CAPTURES, "routed-ping/sb.dump.json"), "utf8");
      const port = '[["csum","true"],["dst_port","8472"]]';
      const sb = fresh("json");
      writeFileSync(sb, dump.replaceAll('"geneve"', '"vxlan"').replaceAll('[["csum","true"]]', port));
      const inner = await converted("pcap", [
        ...["--decapsulate", "--not", "--vni", "0"],
        join(CAPTURES, "routed-ping/hv1.pcap"),
      ]);
      const names = ["--sb", sb, "--inport", "vm1", "--outport", "vm2"];
      const out = await converted("pcap", ["--encapsulate", "--encap", "vxlan", ...names, inner]);
      const { stdout } = await genevescope(["decode", "--sb", sb, "--sb-time", "latest", out]);
      expect(new Set(tshark(out, "udp.dstport"))).toEqual(new Set(["8472"]));
      for (const line of stdout.split("\n").slice(0, -1))
        expect(line).toContain(" worker1 > worker2 network2: ? -> vm2 [vni 2 out 1 vxlan] ");
    });

    test("keys and addresses by the names of ports", async () => {
      const sb = join(CAPTURES, "switched-ping/sb.db");
      const inner = await converted(
        "pcap",
        ["--decapsulate", join(CAPTURES, "switched-ping/hv1.pcap")],
        /not in a tunnel|^$/,
      );
      const out = await converted("pcap", [
        "--encapsulate",
        "--sb",
        sb,
        "--inport",
        "vm1",
        "--outport",
        "vm3",
        inner,
      ]);
      const { stdout } = await genevescope(["decode", "--sb", sb, "--sb-time", "latest", out]);
      const lines = stdout.split("\n").slice(0, -1);
      expect(lines.length).toBeGreaterThan(5);
      for (const line of lines)
        expect(line).toContain(" worker1 > worker2 network1: vm1 -> vm3 [vni 1 in 1 out 2] ");
    });

    test.each([
      [["--inport", "1", "--outport", "2", "--tunnel", "10.0.0.1,10.0.0.2"], /^--encapsulate needs --vni/],
      [["--vni", "1", "--outport", "2", "--tunnel", "10.0.0.1,10.0.0.2"], /^--encapsulate needs --inport/],
      [["--vni", "1", "--inport", "1", "--outport", "2"], /^--encapsulate needs --tunnel/],
      [
        ["--vni", "16777216", "--inport", "1", "--outport", "2"],
        /--vni 16777216 is no number from 0 to 16777215/,
      ],
      [["--vni", "1", "--inport", "32768", "--outport", "2"], /--inport 32768 is no number from 0 to 32767/],
      [["--vni", "1", "--inport", "vm1", "--outport", "2"], /^--inport "vm1" is a name, and names need --sb/],
      [["--vni", "1", "--not", "--inport", "1", "--outport", "2"], /each once/],
      [
        ["--vni", "1", "--inport", "1", "--outport", "2", "--tunnel", "10.0.0.1,fd00::1"],
        /is no pair of IP addresses/,
      ],
      [["--decapsulate"], /takes frames without tunnels/],
      [["--encap", "vxlan", "--vni", "4096", "--outport", "1", ...ENDS], /^vxlan datapath key: 4096 is not/],
      [
        ["--encap", "vxlan", "--vni", "1", "--outport", "34816", ...ENDS],
        /^vxlan egress key: 34816 does not fit into a VNI/,
      ],
      [["--encap", "vxlan", "--vni", "1", "--inport", "1", ...ENDS], /^--encapsulate needs --outport/],
      [["--encap", "stt", "--vni", "1", "--outport", "1", ...ENDS], /^--encapsulate needs --inport/],
      [
        ["--encap", "stt", "--sb", `${CAPTURES}/switched-ping/sb.db`, "--inport", "vm1", "--outport", "vm3"],
        /bound to chassis with STT\n$/,
      ],
      [
        [
          "--encap",
          "vxlan",
          "--sb",
          `${CAPTURES}/vtep-gateway/sb.db`,
          "--inport",
          "vm1",
          "--outport",
          "rack1",
        ],
        /^chassis "gw1" is a VTEP gateway, .*: give --vni without --outport, and --tunnel\n$/,
      ],
      [
        [
          "--encap",
          "vxlan",
          "--sb",
          `${CAPTURES}/vtep-gateway/sb.db`,
          "--inport",
          "rack1",
          "--outport",
          "vm1",
        ],
        /^chassis "gw1" is a VTEP gateway, .*: give --vni without --outport, and --tunnel\n$/,
      ],
      [
        ["--sb", `${CAPTURES}/routed-ping/sb.db`, "--inport", "vm1", "--outport", "vm2"],
        /^--inport "vm1" and --outport are of two datapaths/,
      ],
    ])("%j is refused in a line", async (args, reason) => {
      const out = fresh("pcap");
      const file = join(CAPTURES, "switched-ping/hv1.pcap");
      const { code, stderr } = await genevescope(["convert", "--encapsulate", ...args, file, out]);
      expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(/^genevescope: .*\n$/) });
      expect(stderr.slice("genevescope: ".length)).toMatch(reason);
      expect(existsSync(out)).toBe(false);
    });
  });

  test.each(["--tunnel", "--encap"])("%s is for --encapsulate", async (flag) => {
    const value = flag === "--tunnel" ? "10.0.0.1,10.0.0.2" : "stt";
    const file = join(CAPTURES, "switched-ping/hv1.pcap");
    const { code, stderr } = await genevescope(["convert", flag, value, file, fresh("pcap")]);
    expect({ code, stderr }).toEqual({ code: 2, stderr: `genevescope: ${flag} is for --encapsulate\n` });
  });

  test("--snap-length cuts as editcap does, inner frames after they were taken out", async () => {
    const path = join(CAPTURES, "tcp-transfer/hv1.pcap");
    const theirs = fresh("pcap");
    output("editcap", "-F", "nsecpcap", "-s", "90", path, theirs);
    const { packets } = await collect(theirs);
    expect((await collect(await converted("pcap", ["-s", "90", path]))).packets).toEqual(packets);
    const inner = await converted("pcap", ["--decapsulate", "-s", "20", "-c", "5", "--vni", "1", path]);
    expect(tshark(inner, "frame.cap_len")).toEqual(Array(5).fill("20"));
  });

  test.each(["tcp-transfer/hv1.pcap", "ipv6-inner/hv2.pcap", "arp-broadcast/hv1.pcap", "cooked/any-v2.pcap"])(
    "--strip-payload %s leaves what tshark shows of headers",
    async (title) => {
      const path = join(CAPTURES, title);
      const out = await converted("pcapng", ["--strip-payload", path]);
      const headers = [
        "ip.src",
        "ipv6.dst",
        "tcp.seq_raw",
        "tcp.options",
        "udp.srcport",
        "icmp.seq",
        "arp.opcode",
      ];
      const fields = ["frame.len", "geneve.vni", "icmpv6.nd.ns.target_address", ...headers];
      expect(tshark(out, ...fields)).toEqual(tshark(path, ...fields));
      // A payload that there is none of any more.
      const payload = ["-Y", "tcp.len > 0 or data", "-T", "fields", "-e", "tcp.payload", "-e", "data.data"];
      expect(output("tshark", "-n", "-r", out, ...payload).replace(/\s/g, "")).toBe("");
    },
  );

  describe("--annotate", () => {
    /** The comment that a packet of `decode -o json` should have. */
    const expected = ({ outer, ovn, geneve, vxlan, status, stop }: Decoded): string => {
      if (status === "not-geneve") return "";
      const hosts = `${ovn?.sourceChassis ?? outer.ip.src} > ${ovn?.destinationChassis ?? outer.ip.dst}`;
      const name = (thing: { name: string } | null | undefined) => thing?.name ?? "?";
      const names = `${name(ovn?.datapath)}: ${name(ovn?.inport)} -> ${name(ovn?.outport)}`;
      const isVxlan = vxlan !== undefined;
      const isOvn = ovn !== null && (isVxlan || ovn.ingressKey !== null);
      const vtep = ovn?.vtep ? " vtep" : "";
      const keys = isVxlan
        ? `${vtep ? "" : ` out ${ovn?.egressKey}`} vxlan${vtep}`
        : ` in ${ovn?.ingressKey} out ${ovn?.egressKey}`;
      const fault =
        status === "ok" ? "" : ` [${status}: ${stop?.layer} at byte ${stop?.offset}: ${stop?.reason}]`;
      return `${hosts}${isOvn ? ` ${names}` : ""} [vni ${isVxlan ? ovn?.datapathKey : geneve?.vni}${isOvn ? keys : ""}${ovn?.bfd ? " bfd" : ""}]${fault}`;
    };
    const decoded = async (...args: string[]): Promise<Decoded[]> => {
      const { stdout } = await genevescope(["decode", "-o", "json", "--all", ...args]);
      return stdout
        .split("\n")
        .slice(0, -1)
        .map((line) => JSON.parse(line));
    };

    test.each(captures.map(({ title, path, sb }) => [title, path, sb]))("%s", async (title, path, sb) => {
      const out = await converted("pcapng", ["--annotate", "--sb", sb, path]);
      const packets = await decoded("--sb", sb, path);
      expect(tshark(out, "frame.comment")).toEqual(packets.map(expected));
      expect(tshark(out, ...BYTES)).toEqual(tshark(path, ...BYTES));
      const ip = title.startsWith("ipv6-underlay") ? "ipv6" : "ip";
      const hosts = output(
        "tshark",
        "-N",
        "n",
        "-r",
        out,
        "-Y",
        TUNNELS,
        "-T",
        "fields",
        "-e",
        `${ip}.src_host`,
      );
      const shown = hosts.split("\n").map((all) => all.split(",")[0]);
      const tunnelled = packets.filter(({ ovn }) => ovn !== null);
      expect(shown.slice(0, -1)).toEqual(tunnelled.map(({ ovn }) => ovn?.sourceChassis));
    });

    test("keys without a name, packets that are cut or malformed", async () => {
      const latest = ["--sb-time", "latest", "--sb", join(CAPTURES, "switched-ping/sb.db")];
      const path = join(CAPTURES, "ha-gateway/hv1.pcap");
      const cut = await converted("pcap", ["--snap-length", "110", path]);
      for (const file of [path, cut]) {
        const out = await converted("pcapng", ["--annotate", ...latest, file]);
        const comments = tshark(out, "frame.comment");
        expect(comments).toEqual((await decoded(...latest, file)).map(expected));
        expect(comments.some((comment) => comment.includes(file === cut ? "[truncated: " : "?"))).toBe(true);
      }
    });

    test("a pcap has no room for them", async () => {
      const out = fresh("pcap");
      expect(
        await genevescope(["convert", "--annotate", join(CAPTURES, "cooked/any-v1.pcap"), out]),
      ).toMatchObject({
        code: 2,
        stderr: "genevescope: --annotate: a pcap has no room for comments; write a pcapng\n",
      });
      expect(existsSync(out)).toBe(false);
    });
  });
});

interface Decoded {
  status: string;
  stop?: { layer: string; offset: number; reason: string };
  outer: { ip: { src: string; dst: string } };
  geneve: { vni: number } | null;
  vxlan?: { vni: number };
  ovn: {
    vtep?: true;
    datapathKey: number;
    sourceChassis: string | null;
    destinationChassis: string | null;
    ingressKey: number | null;
    egressKey: number | null;
    bfd?: true;
    datapath: { name: string } | null;
    inport: { name: string } | null;
    outport: { name: string } | null;
  } | null;
}
