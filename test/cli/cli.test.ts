import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { peer } from "../setup/peer.js";
import { genevescope, program, root, run } from "./run.js";

const pcap = "captures/routed-ping/hv2.pcap";
const sb = "captures/routed-ping/sb.db";
const capture = readFileSync(join(root, pcap));
let dir = "";
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "genevescope-cli-"));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const file = (name: string, content: Uint8Array | string): string => {
  const path = join(dir, name);
  writeFileSync(path, content);
  return path;
};
const lines = (text: string): string[] => text.split("\n").filter((line) => line !== "");

describe("decode", () => {
  test("prints the line of the contract, names and all", async () => {
    const { code, stdout, stderr } = await genevescope(["decode", pcap, "--sb", sb, "--utc"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const packets = lines(stdout);
    expect(packets).toHaveLength(10);
    expect(packets[0]).toMatch(
      /^\d\d:\d\d:\d\d\.\d{6} worker1 > worker2 network2: net2-router1 -> vm2 \[vni 2 in 2 out 1\] 192\.168\.0\.11 > 192\.168\.1\.12: ICMP echo request, id \d+, seq 1, length 64$/,
    );
    expect(packets[1]).toMatch(
      /worker2 > worker1 network1: net1-router1 -> vm1 \[vni 1 in 3 out 1\] 192\.168\.1\.12 > 192\.168\.0\.11: ICMP echo reply, id \d+, seq 1, length 64$/,
    );
  });

  test("without a southbound, and with -n, keys and addresses stand alone", async () => {
    const bare = await genevescope(["decode", pcap, "-c", "1"]);
    const unnamed = await genevescope(["decode", pcap, "-c", "1", "-n", "--sb", sb]);
    expect(bare.stdout).toMatch(/ 10\.127\.0\.3 > 10\.127\.0\.4 \[vni 2 in 2 out 1\] 192\.168\.0\.11 > /);
    expect(unnamed.stdout).toBe(bare.stdout);
  });

  test("a southbound that knows other keys: ? for what has no name, never another port's name", async () => {
    const { stdout } = await genevescope([
      "decode",
      "captures/ha-gateway/hv1.pcap",
      "--sb",
      sb,
      "--sb-time",
      "latest",
    ]);
    const gateway = lines(stdout).find((line) => line.includes("[vni 3 in 2 out 4]"));
    expect(gateway).toContain("router1: router1-net2 -> ? [vni 3 in 2 out 4]");
  });

  test("-v adds the layers and ovn-trace's words", async () => {
    const { stdout } = await genevescope(["decode", pcap, "-c", "1", "-v", "--sb", sb]);
    expect(lines(stdout)).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^ {4}Geneve {2}version 0, critical, protocol 0x6558, vni 2$/),
        expect.stringMatching(
          /option class 0x0102 type 0x80 \(critical\), 4 bytes 00020001: OVN ingress 2, egress 1$/,
        ),
        expect.stringMatching(/^ {6}ICMP {2}type 8, code 0, id \d+, seq 1, checksum good$/),
        '    egress(dp="network2", inport="net2-router1", outport="vm2")',
      ]),
    );
  });

  test("-x prints bytes that read back to the same packet", async () => {
    const first = await genevescope(["decode", pcap, "-c", "2", "-x", "--utc"]);
    const again = await genevescope(["decode", "-", "--utc"], { input: first.stdout });
    expect(again.code).toBe(0);
    const keys = (text: string) => text.match(/\[vni .*$/gm);
    expect(keys(again.stdout)).toEqual(keys(first.stdout));
    expect(keys(first.stdout)).toHaveLength(2);
  });

  test("-o json is one object a line with the contract's names", async () => {
    const { stdout } = await genevescope(["decode", pcap, "-o", "json", "--sb", sb]);
    const objects = lines(stdout).map((line) => JSON.parse(line));
    expect(objects).toHaveLength(10);
    expect(objects[0]).toMatchObject({
      file: pcap,
      number: 1,
      capturedBytes: 156,
      originalBytes: 156,
      status: "ok",
      outer: {
        eth: { src: "52:54:00:00:00:01", dst: "52:54:00:00:00:02", vlans: [] },
        ip: { version: 4, src: "10.127.0.3", dst: "10.127.0.4", ttl: 64, tos: 0 },
        udp: { dst: 6081, checksum: "good" },
      },
      geneve: {
        version: 0,
        oam: false,
        critical: true,
        protocolType: 25944,
        vni: 2,
        options: [{ class: 258, type: 128, critical: true, data: "00020001" }],
      },
      ovn: {
        datapathKey: 2,
        ingressKey: 2,
        egressKey: 1,
        datapath: { name: "network2", kind: "switch", uuid: expect.stringMatching(/^[0-9a-f-]{36}$/) },
        inport: { name: "net2-router1", type: "patch", chassis: null },
        outport: { name: "vm2", type: "", chassis: "worker2" },
        sourceChassis: "worker1",
        destinationChassis: "worker2",
        destination: { name: "vm2" },
      },
      inner: {
        eth: { src: "40:44:00:00:00:04", dst: "40:44:00:00:00:02", type: 2048 },
        ip: { version: 4, src: "192.168.0.11", dst: "192.168.1.12" },
        icmp: { type: 8, code: 0, seq: 1, checksum: "good" },
      },
    });
    expect(objects[0].time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
    expect(objects[0].inner.summary).toMatch(/^192\.168\.0\.11 > 192\.168\.1\.12: ICMP echo request/);
  });

  test("the published packets as pasted, one or both, with prose around them", async () => {
    const pasted = (name: string) => readFileSync(join(root, `test/vectors/ovn-echo-${name}.txt`), "utf8");
    const request =
      "192.168.50.100 > 192.168.50.101 [vni 1 in 1 out 2] 192.168.0.11 > 192.168.0.12: ICMP echo request, id 1251, seq 6897, length 64";
    const reply =
      "192.168.50.101 > 192.168.50.100 [vni 1 in 2 out 1] 192.168.0.12 > 192.168.0.11: ICMP echo reply, id 1251, seq 6897, length 64";
    const one = await genevescope(["decode"], { input: `Here is what I see:\n\n${pasted("request")}` });
    expect(one).toMatchObject({ code: 0, stderr: "", stdout: `00:00:00.000000 ${request}\n` });
    const both = await genevescope(["decode"], { input: `${pasted("request")}\nand\n\n${pasted("reply")}` });
    expect(both.stdout).toBe(`00:00:00.000000 ${request}\n00:00:00.000000 ${reply}\n`);
  });

  test("a pasted packet has no date: its names are the latest, its JSON time is null", async () => {
    const hex = (await genevescope(["decode", pcap, "-c", "1", "-x"])).stdout.split("\n").slice(1).join("\n");
    const { code, stdout, stderr } = await genevescope(["decode", "--sb", sb], { input: hex });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain("network2: net2-router1 -> vm2 [vni 2 in 2 out 1]");
    const json = await genevescope(["decode", "-o", "json"], { input: hex });
    expect(JSON.parse(json.stdout).time).toBeNull();
    const summed = await genevescope(["analyze", "-o", "json", "--sb", sb], { input: hex });
    expect(JSON.parse(summed.stdout)).toMatchObject({
      unresolved: 0,
      flows: [{ outport: "vm2", firstTime: null }],
    });
  });

  peer("tcpdump", ["tcpdump"])("text of tcpdump", () => {
    test("of `-i any` captures, and in another time zone", async () => {
      for (const name of ["any-v1", "any-v2"]) {
        const file = `captures/cooked/${name}.pcap`;
        const text = await run("tcpdump", ["-r", file, "-tttt", "-xx"], { env: { TZ: "Asia/Kolkata" } });
        const args = ["--sb", "captures/cooked/sb.db", "--utc"];
        const fromText = await genevescope(["decode", ...args], {
          input: text.stdout,
          env: { TZ: "Asia/Kolkata" },
        });
        const fromFile = await genevescope(["decode", file, ...args]);
        expect(fromText.stdout).toBe(fromFile.stdout);
        expect(lines(fromFile.stdout)).toHaveLength(10);
      }
    });
    test("with a line that is not hexadecimal: the loss is said, exit 2", async () => {
      const text = await run("tcpdump", ["-r", pcap, "-xx", "-c", "2"]);
      const { code, stderr } = await genevescope(["decode"], {
        input: text.stdout.replace(/45c?00/, "45zz"),
      });
      expect(code).toBe(2);
      expect(stderr).toMatch(/^genevescope: -: 1 place where a dump breaks off: [^\n]+\n$/);
    });
  });

  test("a C bit that contradicts the options is said", async () => {
    const wrong = Buffer.from(capture);
    wrong[24 + 16 + 43] &= 0xbf;
    const { stdout } = await genevescope(["decode", "-o", "json", "-c", "2"], { input: wrong });
    const [first, second] = lines(stdout).map((line) => JSON.parse(line));
    expect(first.geneve).toMatchObject({ critical: false, criticalMismatch: true });
    expect(second.geneve).not.toHaveProperty("criticalMismatch");
  });

  test("a header cut within its options still shows what there is, in text and JSON alike", async () => {
    const cut = Buffer.from(capture.subarray(0, 24 + 16 + 52));
    cut.writeUInt32LE(52, 24 + 8);
    const text = await genevescope(["decode"], { input: cut });
    expect(text.stdout).toMatch(/\[vni 2\] \[truncated: geneve at byte 42: too few bytes for the header\]$/m);
    const object = JSON.parse((await genevescope(["decode", "-o", "json"], { input: cut })).stdout);
    expect(object).toMatchObject({
      status: "truncated",
      geneve: { vni: 2, options: [] },
      ovn: { datapathKey: 2, ingressKey: null },
    });
  });

  test("--all shows what is not Geneve, and says so", async () => {
    const some = await genevescope(["decode", "captures/arp-broadcast/hv1.pcap"]);
    const all = await genevescope(["decode", "captures/arp-broadcast/hv1.pcap", "--all"]);
    expect(lines(all.stdout).length).toBeGreaterThan(lines(some.stdout).length);
    expect(all.stdout).toContain("[not-geneve: ");
    expect(some.stdout).not.toContain("[not-geneve: ");
  });

  test("-c counts what is shown", async () => {
    expect(lines((await genevescope(["decode", pcap, "-c", "3"])).stdout)).toHaveLength(3);
    const both = await genevescope(["decode", pcap, pcap, "-c", "12"]);
    expect(lines(both.stdout)).toHaveLength(12);
  });

  test("--geneve-port replaces the ports", async () => {
    expect(lines((await genevescope(["decode", pcap, "--geneve-port", "6082"])).stdout)).toEqual([]);
    const two = await genevescope(["decode", pcap, "--geneve-port", "6082", "--geneve-port", "6081"]);
    expect(lines(two.stdout)).toHaveLength(10);
  });

  test("--reader pcap-parser says the same", async () => {
    const ours = await genevescope(["decode", pcap, "--sb", sb, "-o", "json"]);
    const theirs = await genevescope(["decode", pcap, "--sb", sb, "-o", "json", "--reader", "pcap-parser"]);
    expect(theirs).toEqual(ours);
  });

  test("a port's chassis is the one it was bound to when the packet passed", async () => {
    const path = "captures/migration";
    const { stdout } = await genevescope([
      "decode",
      `${path}/hv1.pcap`,
      "--sb",
      `${path}/sb.db`,
      "-o",
      "json",
    ]);
    const seen = lines(stdout)
      .map((line) => JSON.parse(line).ovn)
      .filter((ovn) => ovn.outport?.name === "vm4")
      .map((ovn) => ovn.outport.chassis);
    // vm4 starts on worker1, moves to worker2 and back.
    const order = seen.filter((chassis, i) => chassis !== null && chassis !== seen[i - 1]);
    expect(order).toEqual(["worker1", "worker2", "worker1"]);
    const latest = await genevescope([
      ...["decode", `${path}/hv1.pcap`, "--sb", `${path}/sb.db`, "-o", "json", "--sb-time", "latest"],
    ]);
    const last = lines(latest.stdout)
      .map((line) => JSON.parse(line).ovn.outport)
      .filter((port) => port?.name === "vm4");
    expect(new Set(last.map((port) => port.chassis))).toEqual(new Set(["worker1"]));
  });

  test("--sb-time TIME before the ports existed: no names", async () => {
    const { stdout } = await genevescope([
      "decode",
      pcap,
      "--sb",
      sb,
      "--sb-time",
      "2001-01-01T00:00:00Z",
      "-c",
      "1",
    ]);
    expect(stdout).toContain("?: ? -> ? [vni 2 in 2 out 1]");
  });
});

describe("analyze", () => {
  test("a file alone means analyze", async () => {
    const alone = await genevescope([pcap, "--sb", sb]);
    const verb = await genevescope(["analyze", pcap, "--sb", sb]);
    expect(alone).toEqual(verb);
    expect(alone.stdout).toMatch(/network2 +net2-router1 +vm2 +2 +2 +1 +5 +780 /);
    expect(alone.stdout).toMatch(/vm2 +vif +worker2/);
  });

  test("-o json has the contract's names and adds up", async () => {
    const { stdout } = await genevescope([
      "analyze",
      pcap,
      "captures/routed-ping/hv1.pcap",
      "--sb",
      sb,
      "-o",
      "json",
    ]);
    const answer = JSON.parse(stdout);
    expect(answer.files.map((each: { name: string }) => each.name)).toEqual([
      pcap,
      "captures/routed-ping/hv1.pcap",
    ]);
    expect(answer.files[0]).toMatchObject({ linkType: "ETHERNET", damage: null });
    const sum = (list: Record<string, number>[], key: string) =>
      list.reduce((total, each) => total + each[key], 0);
    expect(sum(answer.flows, "packets")).toBe(answer.ovn);
    expect(sum(answer.datapaths, "bytes")).toBe(sum(answer.flows, "bytes"));
    expect(sum(answer.ports, "txPackets")).toBe(answer.ovn);
    expect(sum(answer.ports, "rxPackets")).toBe(answer.ovn);
    expect(sum(answer.tunnels, "packets")).toBe(answer.geneve);
    expect(sum(answer.files, "packets")).toBe(answer.packets);
    expect(answer.flowCount).toBe(answer.flows.length);
    expect(answer.findings).toEqual([]);
    expect(answer.unresolved).toBe(0);
    expect(answer.tunnels[0]).toMatchObject({
      sourceChassis: expect.stringMatching(/^worker[12]$/),
      largestOuterBytes: 142,
    });
  });

  test("-n before a number limits the flows, alone it turns names off", async () => {
    const limited = JSON.parse(
      (await genevescope(["analyze", "-o", "json", "-n", "1", pcap, "--sb", sb])).stdout,
    );
    expect(limited.flows).toHaveLength(1);
    expect(limited.flowCount).toBe(2);
    expect(limited.flows[0].datapath).toMatch(/^network/);
    const unnamed = JSON.parse((await genevescope(["analyze", "-o", "json", "-n", pcap, "--sb", sb])).stdout);
    expect(unnamed.flows).toHaveLength(2);
    expect(unnamed.flows[0].datapath).toBeNull();
  });

  test("-nN, and flags before the verb", async () => {
    const limited = JSON.parse(
      (await genevescope(["analyze", "-o", "json", "-n1", pcap, "--sb", sb])).stdout,
    );
    expect(limited.flows).toHaveLength(1);
    const before = await genevescope(["--sb", sb, "--utc", "decode", pcap, "-c", "1"]);
    const behind = await genevescope(["decode", pcap, "-c", "1", "--sb", sb, "--utc"]);
    expect(before).toEqual(behind);
    expect(before.code).toBe(0);
  });

  test("tens of thousands of flows are listed, by text and JSON", async () => {
    const records: Buffer[] = [capture.subarray(0, 24)];
    for (let i = 0; i < 40_000; i++) {
      const record = Buffer.from(capture.subarray(24, 24 + 172));
      record.writeUInt16BE((i & 0x7ff) + 1, 16 + 54);
      record.writeUInt16BE((i >> 11) + 1, 16 + 56);
      records.push(record);
    }
    const many = file("many.pcap", Buffer.concat(records));
    const text = await genevescope(["analyze", many, "--top", "1000000"]);
    expect(text.code).toBe(0);
    expect(lines(text.stdout).length).toBeGreaterThan(40_000);
    const json = JSON.parse((await genevescope(["analyze", many, "-o", "json"])).stdout);
    expect(json).toMatchObject({ flowCount: 40_000, flowOverflow: 0, ovn: 40_000 });
    expect(json.flows).toHaveLength(40_000);
  });

  test("--all counts why packets are not Geneve", async () => {
    const { stdout } = await genevescope([
      "analyze",
      "captures/arp-broadcast/hv1.pcap",
      "--all",
      "-o",
      "json",
    ]);
    const answer = JSON.parse(stdout);
    const others = answer.notDecoded.filter((each: { status: string }) => each.status === "not-geneve");
    expect(others.reduce((sum: number, each: { packets: number }) => sum + each.packets, 0)).toBe(
      answer.notGeneve,
    );
    expect(answer.notGeneve).toBeGreaterThan(0);
  });

  test("BFD between tunnel endpoints is healthy traffic", async () => {
    const answer = JSON.parse(
      (await genevescope(["analyze", "captures/ha-gateway/hv1.pcap", "-o", "json"])).stdout,
    );
    expect(answer.bfd).toBeGreaterThan(0);
    expect(answer.ovn + answer.bfd).toBe(answer.geneve);
    expect(answer.malformed).toBe(0);
  });
});

describe("input", () => {
  test("a pipe, a gzip, and a file give the same", async () => {
    const direct = await genevescope(["decode", pcap, "--utc"]);
    const piped = await genevescope(["decode", "--utc"], { input: capture });
    const zipped = await genevescope(["decode", file("a.pcap.gz", gzipSync(capture)), "--utc"]);
    expect(piped.stdout).toBe(direct.stdout);
    expect(zipped.stdout).toBe(direct.stdout);
  });

  test("packets from a pipe are shown while it stays open", async () => {
    const child = spawn(process.execPath, [program, "decode", "-"], { stdio: ["pipe", "pipe", "ignore"] });
    let shownLines = 0;
    const all = new Promise<void>((resolve) => {
      child.stdout.setEncoding("utf8").on("data", (text: string) => {
        shownLines += text.split("\n").length - 1;
        if (shownLines >= 10) resolve();
      });
    });
    // The end of the input is never written: what is shown is shown because it came.
    child.stdin.write(capture);
    await all;
    expect(shownLines).toBe(10);
    expect(child.exitCode).toBeNull();
    child.stdin.end();
    expect(await new Promise((resolve) => child.on("close", resolve))).toBe(0);
  });

  test.each([
    ["and the pipe goes on", [], false],
    ["also where it is named", ["-"], false],
    ["and the pipe ends, too", [], true],
  ])("Control-C ends analyze of a pipe with what has come, %s", async (_, files, ends) => {
    const child = spawn(process.execPath, [program, "analyze", "-o", "json", ...files], {
      stdio: ["pipe", "pipe", "ignore"],
    });
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
    child.stdin.write(capture);
    const closed = new Promise((resolve) => child.on("close", resolve));
    // Until it has read what there is; too early would show fewer packets.
    await new Promise((resolve) => setTimeout(resolve, 3000));
    expect(output).toBe("");
    child.kill("SIGINT");
    if (ends) child.stdin.end();
    expect(await closed).toBe(0);
    // One document, whichever came first.
    expect(JSON.parse(output)).toMatchObject({ packets: 10, flowCount: 2 });
  });
});

describe("bad input ends with one line and status 2", () => {
  const cases: [name: string, args: () => string[], wanted: RegExp][] = [
    ["missing file", () => ["decode", "no-such.pcap"], /no-such\.pcap: /],
    ["directory", () => ["decode", "src"], /src: /],
    ["empty file", () => ["decode", file("empty.pcap", "")], /empty\.pcap: /],
    ["not a capture", () => ["decode", file("junk.bin", Buffer.alloc(4096, 0x5a))], /junk\.bin: /],
    ["a database as capture", () => ["decode", sb], /sb\.db: /],
    ["missing southbound", () => ["decode", pcap, "--sb", "no-such.db"], /no-such\.db: /],
    ["a capture as southbound", () => ["decode", pcap, "--sb", pcap], /hv2\.pcap: /],
    [
      "another database",
      () => ["decode", pcap, "--sb", "captures/routed-ping/hv1.conf.db"],
      /OVN_Southbound/,
    ],
    ["nearly a time", () => ["decode", pcap, "--sb", sb, "--sb-time", "lates-1"], /--sb-time/],
    [
      "a capture without packets",
      () => ["decode", file("none.pcap", capture.subarray(0, 24))],
      /none\.pcap: no packets; nothing captured/,
    ],
    ["bad time", () => ["decode", pcap, "--sb", sb, "--sb-time", "yesterday-ish"], /--sb-time/],
    ["unknown flag", () => ["decode", pcap, "--frobnicate"], /--frobnicate/],
    ["bad count", () => ["decode", pcap, "-c", "-1"], /-c/],
    ["bad port", () => ["decode", pcap, "--geneve-port", "70000"], /65535/],
    ["bad format", () => ["decode", pcap, "-o", "xml"], /xml/],
  ];
  test.each(cases)("%s", async (_, args, wanted) => {
    const { code, stdout, stderr } = await genevescope(args());
    expect(code).toBe(2);
    expect(stdout).toBe("");
    expect(stderr).toMatch(wanted);
    expect(stderr).toMatch(/^genevescope: [^\n]+\n$/);
  });

  test("a cut capture: what is whole is shown, the loss is said, exit 2", async () => {
    const cut = file("cut.pcap", capture.subarray(0, capture.length - 10));
    const { code, stdout, stderr } = await genevescope(["decode", cut]);
    expect(code).toBe(2);
    expect(lines(stdout)).toHaveLength(9);
    expect(stderr).toMatch(/^genevescope: .*cut\.pcap: damaged at byte \d+: [^\n]+\n$/);
    const summed = JSON.parse((await genevescope(["analyze", "-o", "json", cut])).stdout);
    expect(summed.files[0].damage).toMatchObject({ offset: expect.any(Number), reason: expect.any(String) });
  });

  test("a damaged southbound: names as of what is whole, said, exit 2; a torn last record is usual", async () => {
    const database = readFileSync(join(root, sb));
    const flipped = Buffer.from(database);
    flipped[Math.floor(database.length * 0.9)] ^= 1;
    const damaged = await genevescope(["decode", pcap, "--sb", file("flipped.db", flipped)]);
    expect(damaged.code).toBe(2);
    expect(damaged.stderr).toMatch(/^genevescope: [^\n]*flipped\.db: damaged at byte \d+: [^\n]+\n/);
    expect(lines(damaged.stdout)).toHaveLength(10);
    const torn = await genevescope(["decode", pcap, "--sb", file("torn.db", database.subarray(0, -5))]);
    expect(torn.code).toBe(0);
    expect(torn.stderr).toMatch(/torn\.db: damaged at byte \d+: [^\n]*still being written[^\n]*\n$/);
    expect(torn.stdout).toContain("network2: net2-router1 -> vm2");
    const backup = readFileSync(join(root, "captures/routed-ping/sb.backup.db"));
    const cut = await genevescope(["decode", pcap, "--sb", file("cut.backup", backup.subarray(0, -1))]);
    expect(cut.code).toBe(2);
  });

  test("one bad file of several does not keep the others from being read", async () => {
    const { code, stdout, stderr } = await genevescope(["decode", "no-such.pcap", pcap]);
    expect(code).toBe(2);
    expect(lines(stdout)).toHaveLength(10);
    expect(lines(stderr)).toHaveLength(1);
  });

  test("a name with escape sequences reaches no terminal", async () => {
    const name = file("evil\u001b[31m\u202e.pcap", capture);
    const { stdout } = await genevescope(["analyze", name]);
    expect(stdout).not.toMatch(/[\u001b\u202e]/);
    expect(stdout).toContain("\\x1b[31m\\u{202e}");
    const json = (await genevescope(["analyze", name, "-o", "json"])).stdout;
    expect(json).not.toMatch(/[\u001b\u202e]/);
    expect(JSON.parse(json).files[0].name).toBe(name);
    const missing = await genevescope(["analyze", `${name}.gone`]);
    expect(missing.stderr).not.toMatch(/[\u001b\u202e]/);
  });
});

describe("$OVN_SB_DB", () => {
  test("names the southbound when --sb does not", async () => {
    const named = await genevescope(["decode", pcap, "-c", "1"], { env: { OVN_SB_DB: sb } });
    expect(named.stdout).toContain("network2: net2-router1 -> vm2");
  });
  test("a source that cannot be used is said, and decoding goes on without names", async () => {
    const { code, stdout, stderr } = await genevescope(["decode", pcap], {
      env: { OVN_SB_DB: "tcp:127.0.0.1:6642" },
    });
    expect(code).toBe(0);
    expect(lines(stdout)).toHaveLength(10);
    expect(stderr).toMatch(/^genevescope: \$OVN_SB_DB: [^\n]*going on without names\n$/);
  });
});

describe("terminals and pipes", () => {
  test("a reader that is slow holds it up, and gets everything", async () => {
    const records = Buffer.concat(Array(20_000).fill(capture.subarray(24)));
    const many = file("slow.pcap", Buffer.concat([capture.subarray(0, 24), records]));
    const args = ["decode", many, "--sb", sb, "--utc"];
    const child = spawn(process.execPath, [program, ...args], { stdio: ["ignore", "pipe", "inherit"] });
    // Longer than all of it takes: by now it waits.
    await new Promise((resolve) => setTimeout(resolve, 3000));
    expect(child.exitCode).toBeNull();
    const status = readFileSync(`/proc/${child.pid}/status`, "utf8");
    expect(Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1])).toBeLessThan(120 * 1024);
    let length = 0;
    let last = "";
    for await (const text of child.stdout.setEncoding("utf8")) {
      length += text.length;
      last = (last + text).slice(-1000);
    }
    const ten = (await genevescope(["decode", pcap, "--sb", sb, "--utc"])).stdout;
    expect(length).toBe(20_000 * ten.length);
    expect(last.endsWith(ten.slice(-900))).toBe(true);
  });

  test("a reader that goes away is no fault", async () => {
    const shell = `${process.execPath} ${program} decode ${Array(50).fill(pcap).join(" ")} -v | head -n 1; echo "\${PIPESTATUS[0]}"`;
    const { stdout, stderr } = await run("bash", ["-c", shell]);
    expect(lines(stdout)).toHaveLength(2);
    expect(lines(stdout)[1]).toBe("0");
    expect(stderr).toBe("");
  });

  test("nor one that goes away while other files, and faulty ones, are still to come", async () => {
    const shell = `${process.execPath} ${program} decode ${Array(50).fill(pcap).join(" ")} no-such.pcap -v | head -n 1; echo "\${PIPESTATUS[0]}"`;
    const { stdout, stderr } = await run("bash", ["-c", shell]);
    expect(lines(stdout)[1]).toBe("0");
    expect(stderr).toBe("");
  });

  test("nobody to complain to changes no exit status", async () => {
    const shell = `${process.execPath} ${program} decode no-such.pcap 2>&1 | true; echo "\${PIPESTATUS[0]}"`;
    expect((await run("bash", ["-c", shell])).stdout).toBe("2\n");
    const help = `${process.execPath} ${program} --help | true; echo "\${PIPESTATUS[0]}"`;
    expect(await run("bash", ["-c", help])).toMatchObject({ stdout: "0\n", stderr: "" });
  });

  test("no colour in a pipe", async () => {
    expect((await genevescope(["analyze", pcap])).stdout).not.toContain("\u001b");
  });

  peer("script (util-linux)", ["script"])("on a terminal", () => {
    test("nothing to read: a usage error, exit 2", async () => {
      const { code, stdout } = await run("script", [
        "-qec",
        `${process.execPath} ${program} decode`,
        "/dev/null",
      ]);
      expect(code).toBe(2);
      expect(stdout).toBe("genevescope: no capture file; name one, or pipe a capture in\r\n");
    });
    test("no progress between the lines of decode", async () => {
      const slow = `(cat ${pcap}; sleep 3; tail -c +25 ${pcap}) | ${process.execPath} ${program} decode -`;
      const { stdout } = await run("script", ["-qec", `bash -c '${slow}'`, "/dev/null"], {
        env: { TERM: "dumb" },
      });
      expect(stdout).not.toContain("\u001b");
      expect(stdout.split("\n").filter((line) => line.includes("[vni "))).toHaveLength(20);
    });
    const onTerminal = (args: string, env: Record<string, string> = {}) =>
      run("script", ["-qec", `${process.execPath} ${program} ${args}`, "/dev/null"], {
        env: { TERM: "xterm", ...env },
      });
    test("colour, unless NO_COLOR is set or the terminal is dumb", async () => {
      expect((await onTerminal(`analyze ${pcap}`)).stdout).toContain("\u001b[1m");
      expect((await onTerminal(`analyze ${pcap}`, { NO_COLOR: "1" })).stdout).not.toContain("\u001b");
      expect((await onTerminal(`analyze ${pcap}`, { TERM: "dumb" })).stdout).not.toContain("\u001b");
      expect((await onTerminal(`decode ${pcap} -o json`)).stdout).not.toContain("\u001b");
    });
    test("progress appears on standard error after a second, and is wiped", async () => {
      // A pipe that is slow to deliver.
      const slow = `(cat ${pcap}; sleep 3; tail -c +25 ${pcap}) | ${process.execPath} ${program} analyze -`;
      const { stdout } = await run("script", ["-qec", `bash -c '${slow}' >/dev/null`, "/dev/null"], {
        env: { TERM: "xterm" },
      });
      expect(stdout).toMatch(/\r\u001b\[K-: [^\r]*packets/);
      expect(stdout.endsWith("\r\u001b[K")).toBe(true);
    });
    test("no progress for quick work", async () => {
      const { stdout } = await run("script", [
        "-qec",
        `bash -c '${process.execPath} ${program} analyze ${pcap} >/dev/null'`,
        "/dev/null",
      ]);
      expect(stdout).toBe("");
    });
  });
});

test("--version and --help", async () => {
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  expect((await genevescope(["--version"])).stdout).toBe(`${version}\n`);
  for (const args of [["--help"], ["decode", "--help"], ["analyze", "--help"]]) {
    const { code, stdout } = await genevescope(args);
    expect(code).toBe(0);
    expect(stdout).toContain("Usage: genevescope");
  }
});
