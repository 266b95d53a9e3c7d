/* The filters of decode and analyze, as users give them. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { captures } from "../conformance/captures.js";
import { describeTshark } from "../conformance/pdml.js";
import { findCommand } from "../setup/peer.js";
import { databaseFile, pairs, ref, uuid } from "../southbound/ovsdb.js";
import { genevescope } from "./run.js";

const pcap = "captures/routed-ping/hv2.pcap";
const sb = "captures/routed-ping/sb.db";
const moving = ["captures/migration/hv1.pcap", "--sb", "captures/migration/sb.db"];
let dir = "";
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "genevescope-filters-"));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const file = (name: string, content: Uint8Array | string): string => {
  const path = join(dir, name);
  writeFileSync(path, content);
  return path;
};

interface Packet {
  number: number;
  time: string;
  ovn: {
    datapath: { name: string; uuid: string; friendlyName: string | null } | null;
    inport: { name: string; friendlyName?: string | null } | null;
    outport: { name: string; friendlyName?: string | null } | null;
    datapathKey: number;
    ingressKey: number | null;
    egressKey: number | null;
    sourceChassis: string | null;
    destinationChassis: string | null;
  } | null;
}

/** What `decode -o json` prints; it must end well. */
async function decoded(...args: string[]): Promise<Packet[]> {
  const { code, stdout, stderr } = await genevescope(["decode", "-o", "json", ...args]);
  expect({ code, stderr }).toEqual({
    code: 0,
    stderr: expect.stringMatching(/^(|genevescope: no packet matches the filters\n)$/),
  });
  return stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
}
const numbers = (packets: readonly Packet[]): number[] => packets.map(({ number }) => number);

describeTshark("addresses and VNIs, against tshark's display filters", () => {
  const tshark = (path: string, filter: string): number[] =>
    execFileSync(
      findCommand("tshark") as string,
      ["-n", "-r", path, "-Y", filter, "-T", "fields", "-e", "frame.number"],
      {
        encoding: "utf8",
        stdio: ["ignore", "pipe", "ignore"],
        env: { ...process.env, HOME: "/nonexistent", XDG_CONFIG_HOME: "/nonexistent" },
      },
    )
      .split("\n")
      .filter((line) => line !== "")
      .map(Number);
  // What one host saw of each scenario.
  const seen = captures.filter(({ name }) => /^(hv1|any-v1)\.pcap$/.test(name));

  test.each(seen.map((each) => [each.title, each] as const))("%s", async (_, { path, scenario }) => {
    // Which of several headers of a kind is the inner one.
    const isIpv6 = scenario === "ipv6-underlay";
    const ip = isIpv6 ? "ip.addr#1" : "ip.addr#2";
    const ipv6 = isIpv6 ? "ipv6.addr#2" : "ipv6.addr#1";
    const mac = scenario === "cooked" ? "eth.addr#1" : "eth.addr#2";
    const cases: [args: string[], filter: string][] = [
      [
        ["--ip", "192.168.0.11"],
        `${ip} == 192.168.0.11 || arp.src.proto_ipv4 == 192.168.0.11 || arp.dst.proto_ipv4 == 192.168.0.11`,
      ],
      [
        ["--ip", "192.168.1.0/24"],
        `${ip} == 192.168.1.0/24 || arp.src.proto_ipv4 == 192.168.1.0/24 || arp.dst.proto_ipv4 == 192.168.1.0/24`,
      ],
      [["--ip", "FD00::/8"], `${ipv6} == fd00::/8`],
      [["--mac", "40-44-00-00-00-02"], `${mac} == 40:44:00:00:00:02`],
      [["--vni", "0x2"], "geneve.vni == 2 || {vxlan.vni & 0xfff} == 2"],
      [["--not", "--vni", "1"], "geneve.vni != 1 || {vxlan.vni & 0xfff} != 1"],
    ];
    // What says that the port of VXLAN is closed quotes its packets.
    const tunnel = "(geneve || vxlan) && !(icmp.type == 3)";
    for (const [args, filter] of cases)
      expect(numbers(await decoded(path, ...args)), args.join(" ")).toEqual(
        tshark(path, `${tunnel} && (${filter})`),
      );
  });

  test("what filters leave is summed up as a capture of nothing else", async () => {
    for (const [filter, ...args] of [
      ["geneve.vni == 1", "--vni", "1"],
      ["ip.addr#2 == 192.168.0.13", "--ip", "192.168.0.13"],
      [
        "geneve && !(ip.addr#2 == 192.168.0.13)",
        "--all",
        "--not",
        "--ip",
        "192.168.0.13",
        "--ip",
        "0.0.0.0/0",
      ],
    ]) {
      const path = join(dir, "part.pcap");
      const [whole, ...naming] = moving;
      execFileSync(
        findCommand("tshark") as string,
        ["-n", "-r", whole, "-Y", filter, "-F", "nsecpcap", "-w", path],
        { stdio: "ignore" },
      );
      const sums = async (...given: string[]) => {
        const { code, stdout } = await genevescope(["analyze", "-o", "json", ...given, ...naming]);
        expect(code).toBe(0);
        const {
          files: [{ name, ...account }],
          filteredOut,
          notDecoded,
          ...rest
        } = JSON.parse(stdout);
        return { ...rest, account, filteredOut };
      };
      const part = await sums(path);
      const filtered = await sums(whole, ...args);
      expect(part.packets).toBeGreaterThan(10);
      expect(filtered.filteredOut).toBeGreaterThan(10);
      expect(filtered).toEqual({ ...part, filteredOut: filtered.filteredOut });
      expect(filtered.packets + filtered.filteredOut).toBe(136);
    }
  });
});

describe("names, against what decode says without filters", () => {
  test.each([
    ["routed-ping/hv2.pcap"],
    ["arp-broadcast/hv1.pcap"],
    ["ha-gateway/hv1.pcap"],
    ["ipv6-underlay/hv1.pcap"],
    ["migration/hv2.pcap"],
  ])("%s", async (path) => {
    const capture = [`captures/${path}`, "--sb", `captures/${path.split("/")[0]}/sb.db`];
    const all = (await decoded(...capture)).filter(({ ovn }) => ovn !== null);
    const of = (holds: (ovn: NonNullable<Packet["ovn"]>) => boolean) =>
      numbers(all.filter(({ ovn }) => ovn !== null && holds(ovn)));
    const values = (pick: (ovn: NonNullable<Packet["ovn"]>) => (string | null | undefined)[]) =>
      [...new Set(all.flatMap(({ ovn }) => (ovn === null ? [] : pick(ovn))))].filter((each) => each != null);
    const names = (port: NonNullable<Packet["ovn"]>["inport"]) => [port?.name, port?.friendlyName];
    const checks: [flag: string, value: string, expected: number[]][] = [
      ...values(({ datapath }) => [datapath?.name, datapath?.friendlyName, datapath?.uuid]).map(
        (value): [string, string, number[]] => [
          "--datapath",
          value,
          of(({ datapath }) => [datapath?.name, datapath?.friendlyName, datapath?.uuid].includes(value)),
        ],
      ),
      ...values(({ inport }) => names(inport)).map((value): [string, string, number[]] => [
        "--inport",
        value,
        of(({ inport }) => names(inport).includes(value)),
      ]),
      ...values(({ outport }) => names(outport)).map((value): [string, string, number[]] => [
        "--outport",
        value,
        of(({ outport }) => names(outport).includes(value)),
      ]),
      ...values(({ inport, outport }) => [inport?.name, outport?.name]).map(
        (value): [string, string, number[]] => [
          "--port",
          value,
          of(({ inport, outport }) => [inport?.name, outport?.name].includes(value)),
        ],
      ),
      ...values(({ sourceChassis, destinationChassis }) => [sourceChassis, destinationChassis]).map(
        (value): [string, string, number[]] => [
          "--chassis",
          value,
          of(({ sourceChassis, destinationChassis }) => [sourceChassis, destinationChassis].includes(value)),
        ],
      ),
      ["--inport", "2", of(({ ingressKey }) => ingressKey === 2)],
      ["--outport", "0x1", of(({ egressKey }) => egressKey === 1)],
      ["--port", "1", of(({ ingressKey, egressKey }) => ingressKey === 1 || egressKey === 1)],
      ["--datapath", "1", of(({ datapathKey }) => datapathKey === 1)],
    ];
    expect(checks.length).toBeGreaterThan(10);
    const found = await Promise.all(checks.map(([flag, value]) => decoded(...capture, flag, value)));
    checks.forEach(([flag, value, expected], index) => {
      expect(numbers(found[index]), `${flag} ${value}`).toEqual(expected);
    });
  });

  test("a chassis by its host name, by its address, and by the address alone without a southbound", async () => {
    const byName = await decoded(...moving, "--chassis", "worker1");
    expect(byName.length).toBe(96);
    expect(await decoded(...moving, "--chassis", "10.127.0.3")).toEqual(byName);
    expect(numbers(await decoded(moving[0], "--chassis", "10.127.0.3"))).toEqual(numbers(byName));
    expect(await decoded(moving[0], "--chassis", "10.127.0.5")).toEqual([]);
    const chassis = file(
      "chassis.db",
      databaseFile([
        {
          Chassis: {
            [uuid(4, 1)]: { name: "6f1c", hostname: "node-a.example.org", encaps: ref(uuid(5, 1)) },
          },
          Encap: { [uuid(5, 1)]: { type: "geneve", ip: "10.127.0.3", chassis_name: "6f1c" } },
        },
      ]),
    );
    for (const name of ["6f1c", "node-a.example.org"])
      expect(numbers(await decoded(moving[0], "--sb", chassis, "--chassis", name))).toEqual(numbers(byName));
  });
});

describe("a name is what it was when the packet came", () => {
  /** Key 1 of network 2 is old's, and from the fifth packet on new's. */
  function reused(): string {
    const times = readFileSync(pcap);
    const at = (packet: number): number => {
      const record = 24 + (packet - 1) * (16 + 156);
      return times.readUInt32LE(record) * 1000 + times.readUInt32LE(record + 4) / 1000;
    };
    const network = uuid(1, 2);
    const port = (number: number, key: number, name: string) => ({
      [uuid(2, number)]: { datapath: ref(network), tunnel_key: key, logical_port: name },
    });
    return file(
      "reused.db",
      databaseFile([
        {
          _date: Math.floor(at(1)) - 5000,
          Datapath_Binding: {
            [network]: { tunnel_key: 2, external_ids: pairs({ name: "ls2", "logical-switch": uuid(9, 2) }) },
          },
          Port_Binding: { ...port(1, 1, "old"), ...port(2, 2, "router") },
        },
        { _date: Math.floor(at(5)), Port_Binding: { [uuid(2, 1)]: null, ...port(3, 1, "new") } },
      ]),
    );
  }

  test("a key that was given to another port", async () => {
    const source = reused();
    const found = async (...args: string[]) => numbers(await decoded(pcap, "--sb", source, ...args));
    // The packets of network 2 are the odd ones.
    expect(await found("--port", "old")).toEqual([1, 3]);
    expect(await found("--port", "new")).toEqual([5, 7, 9]);
    expect(await found("--port", "new", "--port", "old")).toEqual([1, 3, 5, 7, 9]);
    expect(await found("--outport", "1", "--datapath", "ls2")).toEqual([1, 3, 5, 7, 9]);
    expect(await found("--not", "--port", "old")).toEqual([2, 4, 5, 6, 7, 8, 9, 10]);
    expect(await found("--port", "old", "--sb-time", "latest")).toEqual([]);
    expect(await found("--port", "new", "--sb-time", "latest")).toEqual([1, 3, 5, 7, 9]);
    const { stdout } = await genevescope(["analyze", "-o", "json", pcap, "--sb", source, "--port", "new"]);
    expect(JSON.parse(stdout)).toMatchObject({
      packets: 3,
      filteredOut: 7,
      flowCount: 1,
      flows: [{ outport: "new" }],
    });
  });

  test("packets from before the first record are left out, and it is said", async () => {
    const late = file(
      "late.db",
      databaseFile([
        {
          _date: Date.UTC(2100, 0, 1),
          Datapath_Binding: { [uuid(1, 2)]: { tunnel_key: 2, external_ids: pairs({ name: "ls2" }) } },
        },
        {
          _date: Date.UTC(2100, 0, 1) + 1,
          Datapath_Binding: { [uuid(1, 3)]: { tunnel_key: 3, external_ids: pairs({ name: "ls3" }) } },
        },
      ]),
    );
    const { code, stdout, stderr } = await genevescope(["decode", pcap, "--sb", late, "--datapath", "ls2"]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: "" });
    expect(stderr).toBe(
      `genevescope: no packet matches the filters\ngenevescope: ${late}: 10 packets are older than its first record (2100-01-01T00:00:00.000Z), names unknown; --sb-time latest takes the newest known ones\n`,
    );
    const latest = await decoded(pcap, "--sb", late, "--datapath", "ls2", "--sb-time", "latest");
    expect(numbers(latest)).toEqual([1, 3, 5, 7, 9]);
    const summary = await genevescope(["analyze", pcap, "--sb", late, "--datapath", "ls2"]);
    expect(summary.stdout).toContain("0 of 10 packets match the filters\n");
    expect(summary.stderr).toContain("10 packets are older than its first record");
  });
});

describe("several filters", () => {
  const capture = [pcap, "--sb", sb];

  test("of one kind any, of different kinds all; --not the next one only", async () => {
    const all = await decoded(...capture);
    const found = async (...args: string[]) => numbers(await decoded(...capture, ...args));
    const requests = numbers(all.filter(({ ovn }) => ovn?.outport?.name === "vm2"));
    const replies = numbers(all.filter(({ ovn }) => ovn?.outport?.name === "vm1"));
    expect([requests.length, replies.length]).toEqual([5, 5]);
    expect(await found("--port", "vm1", "--port", "vm2")).toEqual(numbers(all));
    expect(await found("--port", "vm1", "--ip", "192.168.0.11")).toEqual(replies);
    expect(await found("--port", "vm1", "--datapath", "network2")).toEqual([]);
    expect(await found("--not", "--port", "vm1", "--ip", "192.168.0.0/16")).toEqual(requests);
    expect(await found("--ip", "192.168.0.0/16", "--not", "--port=vm1")).toEqual(requests);
    // Of those wanted any, of those not wanted none.
    expect(await found("--port", "vm1", "--port", "vm2", "--not", "--port", "net1-router1")).toEqual(
      requests,
    );
    expect(await found("--not", "--port", "vm1", "--not", "--port", "vm2")).toEqual([]);
    expect(await found("--not", "--ip", "10.0.0.1")).toEqual(numbers(all));
  });

  test("-c counts what they leave; --all and the verbs without a name know them, too", async () => {
    const found = async (...args: string[]) => numbers(await decoded(...capture, ...args));
    expect(await found("--outport", "vm1", "-c", "2")).toEqual([2, 4]);
    expect(numbers(await decoded(...moving, "--all", "--not", "--ip", "0.0.0.0/0", "-c", "3"))).toHaveLength(
      3,
    );
    const bare = await genevescope([pcap, "--not", "--ip", "192.168.0.0/16"]);
    expect(bare.stdout).toContain("0 of 10 packets match the filters\n");
    const limited = await genevescope(["analyze", ...capture, "--outport", "vm1", "-c", "2", "-o", "json"]);
    expect(JSON.parse(limited.stdout)).toMatchObject({ packets: 2, filteredOut: 2, ovn: 2, flowCount: 1 });
  });

  test("analyze says how many match, of all packets, whatever they are", async () => {
    const { stdout } = await genevescope(["analyze", ...moving, "--datapath", "network2"]);
    expect(stdout.split("\n")[1]).toBe("0 of 136 packets match the filters");
    const some = await genevescope(["analyze", ...moving, "--since", "2020-01-01"]);
    expect(some.stdout.split("\n")[1]).toBe("136 of 136 packets match the filters");
    const none = await genevescope(["analyze", ...moving]);
    expect(none.stdout).not.toContain("match the filters");
    const json = await genevescope(["analyze", ...moving, "-o", "json"]);
    expect(JSON.parse(json.stdout)).toMatchObject({ packets: 136, filteredOut: 0 });
  });

  test("no match is no fault: decode says it, JSON is whole", async () => {
    const nothing = {
      code: 0,
      signal: null,
      stdout: "",
      stderr: "genevescope: no packet matches the filters\n",
    };
    expect(await genevescope(["decode", ...capture, "--vni", "77"])).toEqual(nothing);
    expect(await genevescope(["decode", ...capture, "--vni", "77", "-o", "json"])).toEqual(nothing);
    const { code, stdout, stderr } = await genevescope(["analyze", ...capture, "--vni", "77", "-o", "json"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(JSON.parse(stdout)).toMatchObject({
      packets: 0,
      bytes: 0,
      filteredOut: 10,
      flows: [],
      tunnels: [],
    });
    // Nothing captured is what it was.
    const empty = file("none.pcap", readFileSync(pcap).subarray(0, 24));
    expect((await genevescope(["decode", empty, "--vni", "77"])).stderr).toMatch(
      /no packets; nothing captured\n$/,
    );
  });
});

describe("times", () => {
  const nano = "captures/routed-ping/hv1.nano.pcap";

  test("--since is the first moment, --until the first one after, to the nanosecond", async () => {
    const all = await decoded(nano);
    const earlier = (time: string): string => {
      const [, start, fraction] = /^(.*)\.(\d{9})Z$/.exec(time) as unknown as [string, string, string];
      return `${start}.${`${Number(fraction) - 1}`.padStart(9, "0")}Z`;
    };
    const [first, , third] = all.map(({ time }) => time);
    const last = all[all.length - 1].time;
    const found = async (...args: string[]) => numbers(await decoded(nano, ...args));
    expect(await found("--since", third)).toEqual(numbers(all.slice(2)));
    expect(await found("--since", third, "--until", last)).toEqual(numbers(all.slice(2, -1)));
    expect(await found("--until", third)).toEqual(numbers(all.slice(0, 2)));
    expect(await found("--not", "--until", third)).toEqual(numbers(all.slice(2)));
    expect(await found("--since", earlier(third), "--until", third)).toEqual([]);
    expect(await found("--since", earlier(third), "-c", "1")).toEqual([3]);
    const seconds = `${Date.parse(`${third.slice(0, 19)}Z`) / 1000}${third.slice(19, -1)}`;
    expect(await found("--since", seconds)).toEqual(numbers(all.slice(2)));
    expect(await found("--since", first)).toEqual(numbers(all));
  });

  test("a time without a zone is local, or with --utc in UTC", async () => {
    const [{ time }] = await decoded(nano, "-c", "1");
    const local = `${time.slice(0, 10)} ${time.slice(11, 19)}`;
    const count = async (zone: string, ...args: string[]) => {
      const { stdout } = await genevescope(["decode", nano, ...args], { env: { TZ: zone } });
      return stdout.split("\n").length - 1;
    };
    expect(await count("Asia/Kolkata", "--since", local)).toBe(10);
    expect(await count("America/New_York", "--since", local)).toBe(0);
    expect(await count("America/New_York", "--since", local, "--utc")).toBe(10);
  });

  test("how long ago", async () => {
    const capture = Buffer.from(readFileSync(pcap));
    // The packets came 10, 9, ... 1 hours ago.
    for (let packet = 0; packet < 10; packet++)
      capture.writeUInt32LE(Math.floor(Date.now() / 1000) - (10 - packet) * 3600, 24 + packet * (16 + 156));
    const path = file("ago.pcap", capture);
    expect(numbers(await decoded(path, "--since", "3h30m"))).toEqual([8, 9, 10]);
    expect(numbers(await decoded(path, "--since", "150m", "--until", "1.5h"))).toEqual([9]);
    expect(numbers(await decoded(path, "--until", "0.4d"))).toEqual([1]);
  });

  test("packets without a date are of no time", async () => {
    const { stdout } = await genevescope(["decode", pcap, "-c", "1", "-x"]);
    const bytes = stdout.split("\n").slice(1).join("\n");
    for (const args of [
      ["--since", "0"],
      ["--until", "2100-01-01"],
    ])
      expect((await genevescope(["decode", "-", ...args], { input: bytes })).stderr).toMatch(
        /no packet matches/,
      );
    expect((await genevescope(["decode", "-", "--vni", "2"], { input: bytes })).stdout).toContain(
      "[vni 2 in 2 out 1]",
    );
  });
});

describe("what is no filter ends with one line and status 2", () => {
  const alone = "--not stands right before the filter that it negates, as in --not --ip 10.0.0.1";
  test.each([
    [["--not"], alone],
    [["--not", "-c", "5", "--ip", "10.0.0.1"], alone],
    [["--not", "--sb", sb, "--ip", "10.0.0.1"], alone],
    [["--not", "--not", "--ip", "10.0.0.1"], alone],
    [["--ip", "10.0.0.1", "--not", pcap], alone],
    [
      ["--port", "vm1"],
      '--port "vm1" is a name, and names need a southbound database: give --sb SOURCE, without -n, or a key',
    ],
    [
      ["--chassis", "hv1", "--sb", sb, "-n"],
      '--chassis "hv1" is a name, and names need a southbound database: give --sb SOURCE, without -n, or an address',
    ],
    [
      ["--port", "vm9", "--sb", sb],
      `--port "vm9": ${sb} has had no port or multicast group of that name; nearest: "vm1", "vm2", "vm3"`,
    ],
    [
      ["--not", "--inport", "_MC_flood", "--sb", sb],
      `--inport "_MC_flood": ${sb} has had no port of that name`,
    ],
    [
      ["--datapath", "Network3", "--sb", sb],
      `--datapath "Network3": ${sb} has had no datapath of that name; nearest: "network1", "network2"`,
    ],
    [
      ["--chassis", '\u001b]0;x\u0007"', "--sb", sb],
      `--chassis "\\x1b]0;x\\x07\\"": ${sb} has had no chassis of that name`,
    ],
  ] as [string[], string | RegExp][])("%j", async (args, wanted) => {
    const { code, stdout, stderr } = await genevescope(["decode", pcap, ...args]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    const [, line] = /^genevescope: ([^\n]*)\n$/.exec(stderr) ?? [];
    if (typeof wanted === "string") expect(line).toBe(wanted);
    else expect(line).toMatch(wanted);
  });

  test("a flag without its value, negated or not", async () => {
    for (const args of [["--ip"], ["--not", "--ip"]]) {
      const { code, stderr } = await genevescope(["decode", pcap, ...args]);
      expect(code).toBe(2);
      expect(stderr).toMatch(/^genevescope: option '--(not-)?ip <address\[\/length\]>' argument missing\n$/);
    }
  });

  test("names like it are shown as little trusted as any", async () => {
    const evil = file(
      "evil.db",
      databaseFile([
        {
          Datapath_Binding: {
            [uuid(1, 2)]: { tunnel_key: 2, external_ids: pairs({ name: "net\u001b[31m" }) },
          },
          Port_Binding: {},
        },
      ]),
    );
    const { stderr } = await genevescope(["decode", pcap, "--sb", evil, "--datapath", "net"]);
    expect(stderr).toContain('nearest: "net\\x1b[31m"');
    expect(stderr).not.toContain("\u001b");
  });

  test("a number is a key; that something is named so, too, is said", async () => {
    const numbered = file(
      "numbered.db",
      databaseFile([
        {
          Datapath_Binding: {
            [uuid(1, 1)]: { tunnel_key: 1, external_ids: pairs({ name: "2" }) },
            [uuid(1, 2)]: { tunnel_key: 2, external_ids: pairs({ name: "two" }) },
          },
        },
      ]),
    );
    const { code, stdout, stderr } = await genevescope(["decode", pcap, "--sb", numbered, "--datapath", "2"]);
    expect(code).toBe(0);
    expect(stdout.match(/\[vni 2 /g)).toHaveLength(5);
    expect(stdout).not.toContain("[vni 1 ");
    expect(stderr).toBe(
      "genevescope: --datapath 2 is taken for a key; that there is a datapath of that name, too, does not count: give its uuid or its key\n",
    );
  });
});
