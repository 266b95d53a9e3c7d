/* The verb `live` on a wire in a network namespace; judged by `decode` and `analyze` of the same packets. */
import { once } from "node:events";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { join, resolve } from "node:path";
import { Readable } from "node:stream";
import { afterAll, beforeAll, expect, test } from "vitest";
import { collect, pcap, temporary } from "../capture/helper.js";
import { saidIn } from "../capture/pcapng-blocks.js";
import { describeLive, Wire } from "../native/wire.js";
import { eventually } from "../southbound/cluster.js";
import { describeOvsdb, OvsdbServer } from "../southbound/ovsdb.js";
import { tagged, usualFrames } from "../vectors/shapes.js";
import { beginLive, MAIN, ours } from "./live-verb.js";

const CAPTURE = "captures/routed-ping/hv2.pcap";
const NAMED = ["--sb", "captures/routed-ping/sb.db"];

/** Lines without their times. */
const timeless = (text: string): string[] => text.split("\n").map((line) => line.replace(/^\S+ /, ""));

/** What lines without times say ahead of what is inside: names and keys. */
const keysIn = (text: string): string[] =>
  timeless(text).flatMap((line) => (line === "" ? [] : [line.replace(/(?<=\]).*/, "")]));

/** Counters of the Interface Statistics Block at the end, by option: 4 received, 5 dropped by the device, 7 by the system. */
function isb(file: Buffer): Record<number, bigint> {
  const start = file.length - file.readUInt32LE(file.length - 4);
  expect(file.readUInt32LE(start)).toBe(5);
  const counters: Record<number, bigint> = {};
  for (let at = start + 20; file.readUInt16LE(at) !== 0; at += 4 + ((file.readUInt16LE(at + 2) + 3) & ~3))
    if (file.readUInt16LE(at) >= 4) counters[file.readUInt16LE(at)] = file.readBigUInt64LE(at + 4);
  return counters;
}

/** A frame as a packet of a file. */
const frameOf = (bytes: Uint8Array) => ({
  sec: 1,
  nsec: 0,
  data: Buffer.from(bytes).toString("hex"),
  original: bytes.length,
  interface: 0,
});

/** Sums without what two captures of the same packets differ in: names of files, and times. */
function sumsOf(json: string): { packets: number } {
  return JSON.parse(json, (key, value) =>
    /^(files|first|last|.*Time|filteredOut)$/.test(key) ? undefined : value,
  );
}

describeLive("live", () => {
  let wire: Wire;
  beforeAll(() => {
    wire = new Wire();
  });
  afterAll(() => wire?.down());

  const begin = (...args: string[]) => beginLive(wire, {}, ...args);
  const beginAs = (prefix: string[], ...args: string[]) => beginLive(wire, { prefix }, ...args);

  let disks = 0;
  /** A command that runs another beside a disk of its own with so many KiB left; its output goes there. */
  function fullDisk(left: number) {
    const directory = wire.file(`full${++disks}`);
    mkdirSync(directory);
    const script = `mount -t tmpfs -o size=64k none "$0" && head -c ${64 - left}k /dev/zero > "$0"/fill && exec "$@" > "$0"/out`;
    return { directory, prefix: ["sh", "-c", script, directory] };
  }

  test.each(["SIGINT", "SIGTERM"] as const)("prints the lines of decode, and ends on %s", async (signal) => {
    const live = await begin("-i", "rx0", ...NAMED);
    const sent = wire.send(CAPTURE, { perSecond: 1000 });
    await eventually("all lines", () => live.said.out.split("\n").length > sent);
    const { status, out, err } = await live.end(signal);
    expect(timeless(out)).toEqual(timeless(ours("decode", ...NAMED, CAPTURE)));
    expect(status).toBe(0);
    expect(err).toBe(
      `genevescope: listening on rx0; Control-C ends it
genevescope: rx0: ${sent} packets received by the filter, 0 dropped by the kernel, 0 by the device
`,
    );
  });

  test("ends on a second signal while nobody reads its lines", async () => {
    const live = await begin("-i", "rx0", "-n");
    live.child.stdout.pause();
    wire.send(CAPTURE, { repeat: 2000 });
    await new Promise((resolve) => setTimeout(resolve, 500));
    live.child.kill("SIGTERM");
    await new Promise((resolve) => setTimeout(resolve, 100));
    live.child.kill("SIGTERM");
    await eventually("its end", () => live.child.signalCode !== null);
    live.child.stdout.resume();
    expect((await live.end()).status).toBe("SIGTERM");
  });

  test("ends after as many packets as wanted, and after a time", async () => {
    const counted = await begin("-i", "rx0", "-c", "3", "-n");
    wire.send(CAPTURE);
    const { status, out } = await counted.end();
    expect([status, out.trimEnd().split("\n").length]).toEqual([0, 3]);
    const timed = await begin("-i", "rx0", "--duration", "300ms");
    expect(await timed.end()).toMatchObject({
      status: 2,
      out: "",
      err: expect.stringMatching(/genevescope: no packets; nothing captured\n$/),
    });
  });

  test("sums up time by time, and the sums are all of it", async () => {
    const live = await begin("-i", "rx0", ...NAMED, "--summary", "400ms", "-o", "json");
    const sent = wire.send(CAPTURE, { repeat: 3, perSecond: 20 });
    const { status, out } = await live.end("SIGINT");
    const blocks = out
      .split(/(?<=^})\n/m)
      .filter((block) => block !== "")
      .map((block) => JSON.parse(block));
    expect(status).toBe(0);
    expect(blocks.length).toBeGreaterThan(2);
    const [whole] = [JSON.parse(ours("analyze", ...NAMED, "-o", "json", CAPTURE))];
    const sums = new Map<string, number>();
    let packets = 0;
    for (const block of blocks) {
      packets += block.packets;
      for (const { inport, outport, packets } of block.flows)
        sums.set(`${inport} ${outport}`, (sums.get(`${inport} ${outport}`) ?? 0) + packets);
    }
    expect(packets).toBe(sent);
    for (const flow of whole.flows) expect(sums.get(`${flow.inport} ${flow.outport}`)).toBe(flow.packets * 3);
    expect(sums.size).toBe(whole.flows.length);
  });

  test("sums up, by records or by columns, what analyze does of tcpdump's capture", async () => {
    const names = readdirSync("captures").filter((name) => existsSync(`captures/${name}/hv2.pcap`));
    const file = wire.file("all.pcap");
    // All of it, tunnels or not; frames that are unusual stand among usual ones.
    const flags = ["--all", "-n", "--summary", "1h", "-o", "json"];
    const started = [
      await begin("-i", "rx0", ...flags),
      // A filter that every packet matches: records are not summed up without a look.
      await begin("-i", "rx0", ...flags, "--since", "2020-01-01T00:00:00Z"),
    ];
    const end = await wire.tcpdump("rx0", file);
    let sent = 0;
    for (const name of names)
      sent += wire.send(`captures/${name}/hv2.pcap`, { repeat: 20, perSecond: 20_000 });
    for (const frames of Object.values(usualFrames))
      sent += wire.send(temporary(pcap([frameOf(frames)])), { repeat: 3 });
    await eventually("all of it in the file", async () => (await collect(file)).packets.length >= sent);
    await end();
    expect(sent).toBeGreaterThan(1000);
    const wanted = sumsOf(ours("analyze", "--all", "-n", "-o", "json", file));
    expect(wanted.packets).toBe(sent);
    for (const live of started) {
      const { status, out } = await live.end("SIGINT");
      expect([status, sumsOf(out)]).toEqual([0, wanted]);
    }
  });

  test("millions of packets take no memory", async () => {
    const live = await begin("-i", "rx0", ...NAMED, "--summary", "1h");
    /** Sends packets, and says what memory is resident then, in KiB. */
    const resident = async (repeat: number): Promise<number> => {
      wire.send(CAPTURE, { repeat, perSecond: 250_000 });
      await new Promise((resolve) => setTimeout(resolve, 700));
      const status = readFileSync(`/proc/${live.child.pid}/status`, "utf8");
      return Number(/^VmRSS:\s*(\d+)/m.exec(status)?.[1]);
    };
    const before = await resident(100_000);
    // Eight bytes a packet would be 23 MiB.
    expect((await resident(300_000)) - before).toBeLessThan(16 * 1024);
    const { status, out } = await live.end("SIGINT");
    expect(status).toBe(0);
    const [, packets] = /^rx0: ([\d,]+) packets/.exec(out) ?? [];
    expect(Number(packets.replaceAll(",", ""))).toBeGreaterThan(3_000_000);
  }, 60_000);

  test("without a device takes the one that has the host's tunnel address", async () => {
    wire.ip("address", "add", "10.127.0.4/24", "dev", "rx0");
    const live = await begin(...NAMED, "--ovs", "captures/routed-ping/hv2.conf.db", "--duration", "1s");
    wire.ip("address", "del", "10.127.0.4/24", "dev", "rx0");
    expect((await live.end("SIGINT")).err).toContain("listening on rx0;");
  });

  test("writes the packets that match, whole, with what each device counted", async () => {
    const file = wire.file("saved.pcapng");
    const live = await begin("-i", "rx0", ...NAMED, "--outport", "vm2", "-w", file);
    const sent = wire.send(CAPTURE, { repeat: 20 });
    const wanted = ours("decode", ...NAMED, "--outport", "vm2", CAPTURE)
      .trimEnd()
      .split("\n");
    await eventually("its flush", () => existsSync(file) && statSync(file).size > wanted.length * 20 * 156);
    const { status, out, err } = await live.end("SIGINT");
    expect([status, out]).toEqual([0, ""]);
    expect(err).toContain(`${wanted.length * 20} packets written to ${file}\n`);
    const saved = ours("decode", ...NAMED, file).trimEnd();
    expect(timeless(saved)).toEqual(timeless(Array(20).fill(wanted.join("\n")).join("\n")));
    const { packets, interfaces } = await collect(file);
    expect(interfaces).toMatchObject([{ linkType: 1, name: "rx0", snapLength: 262_144 }]);
    expect(packets.every(({ sec }) => Math.abs(sec - Date.now() / 1000) < 60)).toBe(true);
    // The statistics block: what the kernel had, and what it dropped.
    const statistics = isb(readFileSync(file));
    expect(statistics).toEqual({ 4: BigInt(sent), 5: 0n, 7: 0n });
  });

  test("--annotate: packets have the names of their lines as comments, addresses those of chassis", async () => {
    const file = wire.file("annotated.pcapng");
    const live = await begin("-i", "rx0", ...NAMED, "--annotate", "-w", file);
    wire.send(CAPTURE);
    const wanted = keysIn(ours("decode", ...NAMED, CAPTURE));
    await eventually("its flush", () => existsSync(file) && saidIn(file).comments.length >= wanted.length);
    expect((await live.end("SIGINT")).status).toBe(0);
    const said = saidIn(file);
    expect(wanted[0]).toMatch(/^worker\d > worker\d \S+: \S+ -> \S+ \[vni \d+ in \d+ out \d+\]$/);
    expect(said.comments).toEqual(wanted);
    const whole = wire.file("converted.pcapng");
    ours("convert", ...NAMED, "--annotate", CAPTURE, whole);
    expect(said).toEqual(saidIn(whole));
    expect(said.names.length).toBeGreaterThan(1);
    expect((await collect(file)).packets.map(({ data }) => data)).toEqual(
      (await collect(CAPTURE)).packets.map(({ data }) => data),
    );
  });

  test("--annotate: each file of a ring has names of its own", async () => {
    const ring = wire.file("told.pcapng");
    const flags = ["--annotate", "--file-size", "1", "--file-count", "3"];
    const live = await begin("-i", "rx0", ...NAMED, "-w", ring, ...flags);
    const wanted = keysIn(ours("decode", ...NAMED, CAPTURE));
    wire.send(CAPTURE, { repeat: 2000 });
    await new Promise((resolve) => setTimeout(resolve, 500));
    const { status, err } = await live.end("SIGINT");
    expect(status).toBe(0);
    expect(err).toMatch(/20,000 packets written to .*, \d+ files\n/);
    const files = readdirSync(wire.directory).filter((name) => name.startsWith("told.pcapng"));
    expect(files).toHaveLength(3);
    for (const name of files) {
      const { comments, names } = saidIn(wire.file(name));
      expect(statSync(wire.file(name)).size).toBeLessThanOrEqual(1_000_000);
      expect(comments.length).toBeGreaterThan(100);
      const first = comments.findIndex((_, n) => wanted.every((each, i) => comments[n + i] === each));
      expect(first).toBeGreaterThanOrEqual(0);
      comments.forEach((comment, n) => {
        expect(comment).toBe(wanted[(n - first + 10 * wanted.length) % wanted.length]);
      });
      expect(names.map((name) => name.split(" ")[1]).sort()).toEqual(["worker1", "worker2"]);
    }
  });

  test.each([
    ["while packets are written", 6000],
    ["while nobody waits for it", 60],
  ])("a disk that is full, %s, ends it and is said", async (_, repeat) => {
    const full = fullDisk(4);
    const live = await beginAs(full.prefix, "-i", "rx0", "-n", "-w", `${full.directory}/a.pcapng`);
    wire.send(CAPTURE, { repeat });
    const { status, err } = await live.end();
    const [begun, counts, fault, end] = err.split("\n");
    expect(begun).toBe("genevescope: listening on rx0; Control-C ends it");
    expect(counts).toMatch(/^genevescope: rx0: [\d,]+ packets received by the filter, /);
    expect(fault).toBe(
      `genevescope: ${full.directory}/a.pcapng: cannot be written: no space is left on the device`,
    );
    expect(end).toBe("");
    expect(status).toBe(2);
  });

  test("sums that cannot be written end it with a line, those that nobody reads quietly", async () => {
    const full = fullDisk(0);
    const live = await beginAs(full.prefix, "-i", "rx0", "-n", "--summary", "100ms");
    const { status, err } = await live.end();
    expect(err).toMatch(
      /^genevescope: listening .*\ngenevescope: rx0: 0 packets .*\ngenevescope: standard output: ENOSPC[^\n]*\n$/,
    );
    expect(status).toBe(2);
    const unread = await begin("-i", "rx0", "-n", "--summary", "100ms");
    unread.child.stdout.destroy();
    expect((await unread.end()).status).toBe(0);
  });

  test("keeps as many files as it is told, the last packets in them, and a pipe gets them too", async () => {
    const ring = wire.file("ring.pcap");
    const live = await begin("-i", "rx0", "-n", "-w", ring, "--file-size", "1", "--file-count", "2");
    const sent = wire.send(CAPTURE, { repeat: 2000 });
    await eventually("the packets", () => existsSync(`${ring}1`) && live.said.err.includes("listening"));
    await new Promise((resolve) => setTimeout(resolve, 500));
    const { status, err } = await live.end("SIGINT");
    expect(status).toBe(0);
    expect(err).toContain("20,000 packets written to");
    const files = readdirSync(wire.directory).filter((name) => name.startsWith("ring.pcap"));
    expect(files).toHaveLength(2);
    let kept = 0;
    for (const name of files) {
      expect(statSync(wire.file(name)).size).toBeLessThanOrEqual(1_000_000);
      kept += (await collect(wire.file(name))).packets.length;
    }
    expect(kept).toBeGreaterThan(5000);
    expect(kept).toBeLessThan(sent);
    const piped = await begin("-i", "rx0", "-n", "-w", "-", "-c", "10");
    wire.send(CAPTURE);
    expect((await piped.end()).status).toBe(0);
    expect((await collect(Readable.from(piped.said.bytes))).packets).toHaveLength(10);
  });

  test("is nobody once the devices are open, and so are its files", async () => {
    const directory = wire.file("nobody");
    mkdirSync(directory);
    chmodSync(directory, 0o777);
    chmodSync(wire.directory, 0o755);
    const file = `${directory}/a.pcap`;
    const live = await begin("-i", "rx0", "-n", "-Z", "nobody", "-w", file);
    const status = readFileSync(`/proc/${live.child.pid}/status`, "utf8");
    const field = (name: string) => new RegExp(`^${name}:\\s*(.*)$`, "m").exec(status)?.[1];
    const { uid, gid } = statSync(file);
    expect([uid, gid]).not.toContain(0);
    expect(field("Uid")).toBe(Array(4).fill(uid).join("\t"));
    expect(field("Gid")).toBe(Array(4).fill(gid).join("\t"));
    expect(field("Groups")?.split(" ").filter(Boolean)).not.toContain("0");
    for (const set of ["CapInh", "CapPrm", "CapEff"]) expect(Number(`0x${field(set)}`)).toBe(0);
    const sent = wire.send(CAPTURE);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect((await live.end("SIGINT")).status).toBe(0);
    expect((await collect(file)).packets).toHaveLength(sent);
  });

  test("becomes a user who cannot read the program", async () => {
    const directory = wire.file("installation");
    mkdirSync(directory);
    for (const part of ["dist", "package.json", "binding.gyp"])
      cpSync(part, join(directory, part), { recursive: true });
    for (const part of ["node_modules", "build", "native"]) symlinkSync(resolve(part), join(directory, part));
    chmodSync(directory, 0o700);
    wire.ip("link", "set", "lo", "up");
    const main = join(directory, MAIN);
    for (const view of [
      ["-o", "json"],
      ["-v"],
      ["--summary", "1h"],
      ["--summary", "1h", "-o", "json"],
      ["-q"],
      ["-w", "-", "--annotate"],
    ]) {
      const args = ["-i", "rx0", ...NAMED, "-Z", "nobody", "--metrics", "0", ...view];
      const live = await beginLive(wire, { main }, ...args);
      await eventually("metrics", () => live.said.err.includes("metrics at") || live.child.exitCode !== null);
      expect(live.said.err).toContain("metrics at");
      const sent = wire.send(CAPTURE);
      await new Promise((resolve) => setTimeout(resolve, 300));
      const { status, out, err } = await live.end("SIGINT");
      expect([view, status, err]).toEqual([
        view,
        0,
        expect.stringContaining(`rx0: ${sent} packets received`),
      ]);
      expect(out === "").toBe(view[0] === "-q");
    }
  });

  test("needs no capability but CAP_NET_RAW", async () => {
    const live = await beginLive(
      wire,
      { prefix: ["setpriv", "--bounding-set", "-all,+net_raw"] },
      "-i",
      "rx0",
      "-n",
      "--promiscuous",
      "-c",
      "1",
    );
    expect(/^CapEff:\s*(.*)$/m.exec(readFileSync(`/proc/${live.child.pid}/status`, "utf8"))?.[1]).toBe(
      (1 << 13).toString(16).padStart(16, "0"),
    );
    wire.send(CAPTURE);
    expect(await live.end()).toMatchObject({ status: 0, out: expect.stringMatching(/\n$/) });
  });

  test("filters as the other verbs do", async () => {
    const filter = ["--outport", "vm2"];
    const live = await begin("-i", "rx0", ...NAMED, ...filter);
    wire.send(CAPTURE);
    const wanted = timeless(ours("decode", ...NAMED, ...filter, CAPTURE));
    expect(wanted.length).toBeGreaterThan(2);
    await eventually("its lines", () => live.said.out.split("\n").length >= wanted.length);
    expect(timeless((await live.end("SIGINT")).out)).toEqual(wanted);
  });

  test("by itself asks the kernel for Geneve and fragments, tagged or not, and for nothing else", async () => {
    const fragment = Uint8Array.from(usualFrames.icmp);
    fragment[20] = 0;
    fragment[21] = 20;
    const overIpv6 = usualFrames["icmp, IPv6 underlay"];
    const wanted = [
      usualFrames.icmp,
      tagged(usualFrames.icmp),
      overIpv6,
      tagged(overIpv6),
      fragment,
      tagged(fragment),
    ];
    const web = Uint8Array.from(usualFrames.icmp);
    new DataView(web.buffer).setUint16(36, 443);
    const frames = [...wanted, web, tagged(web)].map((bytes) => ({
      sec: 1,
      nsec: 0,
      data: Buffer.from(bytes).toString("hex"),
      original: bytes.length,
      interface: 0,
    }));
    const file = temporary(pcap(frames));
    for (const [flags, count] of [
      [[], wanted.length],
      [["--all"], frames.length],
      [["--bpf", "port 443 and not vlan", "--all"], 1],
    ] as const) {
      const live = await begin("-i", "rx0", ...flags);
      wire.send(file);
      await new Promise((resolve) => setTimeout(resolve, 400));
      const { err } = await live.end("SIGINT");
      expect([flags, err]).toEqual([flags, expect.stringContaining(`${count} packets received`)]);
    }
  });

  test("takes any device, which knows no tags", async () => {
    const live = await begin("-i", "any", "-n");
    const sent = wire.send(CAPTURE);
    // Once as they leave, and once as they come.
    await eventually("all lines", () => live.said.out.split("\n").length > 2 * sent);
    expect((await live.end("SIGINT")).err).toContain(`any: ${2 * sent} packets received`);
  });

  test("says when a device is gone and back, and goes on", async () => {
    const other = new Wire();
    try {
      const child = other.start(process.execPath, MAIN, "live", "-i", "rx0", "-n");
      let out = "";
      let err = "";
      child.stdout.on("data", (text) => {
        out += text;
      });
      child.stderr.on("data", (text) => {
        err += text;
      });
      const closed = once(child, "close");
      await eventually("its start", () => err.includes("listening on"));
      const sent = other.send(CAPTURE);
      await eventually("its lines", () => out.split("\n").length > sent);
      other.ip("link", "del", "tx0");
      await eventually("the gap", () => /rx0: gone since \S+Z; waiting for it\n/.test(err));
      other.add();
      await eventually("its end", () => /rx0: back; nothing captured for \d+\.\d s\n/.test(err));
      other.send(CAPTURE);
      await eventually("more lines", () => out.split("\n").length > sent * 2);
      child.kill("SIGINT");
      expect((await closed)[0]).toBe(0);
      expect(err).toContain(`${sent * 2} packets received`);
    } finally {
      other.down();
    }
  });

  test("as another user, ends when its only device is gone", async () => {
    const other = new Wire();
    try {
      const live = await beginLive(other, {}, "-i", "rx0", "-n", "-Z", "nobody");
      const sent = other.send(CAPTURE);
      await eventually("its lines", () => live.said.out.split("\n").length > sent);
      other.ip("link", "del", "tx0");
      const { status, err } = await live.end();
      expect(status).toBe(0);
      expect(err).toMatch(
        /rx0: gone since \S+Z, and not captured from again: that takes the rights that -Z gave away\n/,
      );
    } finally {
      other.down();
    }
  });

  test.each([
    [
      [...NAMED, "--ovs", "captures/routed-ping/hv2.conf.db"],
      "genevescope: 10.127.0.4 (ovn-encap-ip of captures/routed-ping/hv2.conf.db) is no address of this machine; name the device that carries the tunnels with -i\n",
    ],
    [[...NAMED, "--ovs", "nosuch.db"], "genevescope: nosuch.db: cannot be read: there is no such file\n"],
    [
      ["-n", "--ovs", "nosuch.db"],
      /^genevescope: no device given, and nosuch\.db: cannot be read: there is no such file; name the device that carries the tunnels with -i\n$/,
    ],
    [["-i", "nosuch"], "genevescope: nosuch: there is no such device; `ip link` lists them\n"],
    [
      ["-i", "rx0", "--tunnel-keys"],
      "genevescope: --tunnel-keys is about devices whose frames have lost their tunnel headers, such as genev_sys_6081; give one with -i\n",
    ],
    [
      ["-i", "genev_sys_6081", "--chassis", "10.0.0.1"],
      "genevescope: --chassis is about outer addresses, which frames of genev_sys_6081 do not have; filter by ports, or capture on the underlay\n",
    ],
    [
      ["-i", "genev_sys_6081", "--tunnel-keys", "-w", "x.pcap"],
      "genevescope: -w writes frames as they are, and --tunnel-keys is about what is said of them; add --annotate, or give one of them\n",
    ],
    [["-i", "rx0", "--annotate"], "genevescope: --annotate is about a capture; give one with -w\n"],
    [
      ["-i", "rx0", "--annotate", "-w", "x.pcap"],
      "genevescope: --annotate: a pcap has no room for comments; write a pcapng\n",
    ],
    [
      ["-i", "rx0", "--bpf", "no filter"],
      /^genevescope: rx0: the filter is not one of pcap-filter\(7\): .*\n$/,
    ],
    [
      ["-i", "rx0", "--duration", "soon"],
      /^genevescope: option '--duration <time>' argument 'soon' is invalid\. .*\n$/,
    ],
    [
      ["-i", "rx0", "-B", "1"],
      /^genevescope: option '-B, --buffer-size <kib>' argument '1' is invalid\. .*\n$/,
    ],
  ])("%s: a line that says what to do, and status 2", async (args, line) => {
    const { status, out, err } = await (await begin(...args)).end();
    expect([status, out]).toEqual([2, ""]);
    if (typeof line === "string") expect(err).toBe(line);
    else expect(err).toMatch(line);
  });

  describeOvsdb("with a server", () => {
    test("--annotate: names that change while it captures are followed", async () => {
      const server = new OvsdbServer();
      try {
        cpSync("captures/routed-ping/sb.db", server.database);
        await server.start();
        const file = wire.file("followed.pcapng");
        const live = await begin("-i", "rx0", "--sb", server.remote, "--annotate", "-w", file);
        const sent = wire.send(CAPTURE);
        await eventually("packets", () => existsSync(file) && saidIn(file).comments.length >= sent);
        const rename = (table: string, column: string, from: string, to: string) => ({
          ...{ op: "update", table, where: [[column, "==", from]] },
          row: { [column]: to },
        });
        const changes = [
          rename("Port_Binding", "logical_port", "vm2", "renamed"),
          rename("Chassis", "name", "worker1", "worker9"),
        ];
        expect(server.transact(changes)).toBeNull();
        await new Promise((resolve) => setTimeout(resolve, 500));
        wire.send(CAPTURE);
        await eventually("more packets", () => saidIn(file).comments.length >= 2 * sent);
        expect((await live.end("SIGINT")).status).toBe(0);
        const { comments, names } = saidIn(file);
        expect(comments.join("\n")).toMatch(/\bvm2\b/);
        expect(comments.slice(sent)).toEqual(
          comments
            .slice(0, sent)
            .map((line) => line.replace(/\bvm2\b/, "renamed").replace(/\bworker1\b/, "worker9")),
        );
        const [before] = names.filter((name) => name.endsWith(" worker1"));
        expect(names.at(-1)).toBe(before.replace("worker1", "worker9"));
      } finally {
        await server.stop();
      }
    });
  });
});
