/* The script of `genevescope wireshark` in tshark, against what `decode` says of the same packets. */
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { printable } from "../../src/text.js";
import { genevescope as runGenevescope } from "../cli/run.js";
import { findCommand, peer } from "../setup/peer.js";
import { databaseFile, pairs, ref, TempDirectory, uuid } from "../southbound/ovsdb.js";
import { packetBytes, packetNames, packets } from "../vectors/packets.js";
import { CAPTURES, captures } from "./captures.js";
import { decodeAll, genevescope, type Packet } from "./genevescope.js";
import { readPcap, writePcap } from "./pcap.js";
import { describeTshark } from "./pdml.js";

const directory = new TempDirectory();
afterAll(() => directory.dispose());

/** Every field of the dissector; what it says of a packet, by their names. */
const FIELDS = [
  ...["datapath_key", "ingress_key", "egress_key", "unresolved", "bfd", "vtep", "assumed"],
  ...["chassis.src", "chassis.dst"],
  ...["datapath", "datapath.kind", "datapath.friendly"],
  ...["inport", "outport"].flatMap((port) => [port, `${port}.type`, `${port}.chassis`, `${port}.friendly`]),
] as const;
type Said = Record<string, string>;

/** What tshark prints; what it finds wrong with the script fails the test. */
function tshark(...args: string[]): string {
  const home = directory.file("home");
  const { status, stdout, stderr } = spawnSync(findCommand("tshark") ?? "tshark", ["-n", ...args], {
    encoding: "utf8",
    maxBuffer: 1 << 28,
    env: { ...process.env, HOME: home, XDG_CONFIG_HOME: home, LC_ALL: "C.UTF-8", COLORTERM: "truecolor" },
  });
  // It goes on without a script that it finds something wrong with.
  if (status !== 0 || /Lua|\.lua/.test(stderr)) throw new Error(`tshark: ${status}\n${stderr}`);
  return stdout;
}

let scripts = 0;

/** Writes a script and returns its path. */
function script(...args: string[]): string {
  const path = directory.file(`ovn${++scripts}.lua`);
  genevescope("wireshark", "-w", path, ...args);
  return path;
}

/** What the script says of each packet, in order. */
function said(lua: string, capture: string, ...args: string[]): Said[] {
  const fields = FIELDS.flatMap((field) => ["-e", `ovn.${field}`]);
  const text = tshark("-X", `lua_script:${lua}`, "-r", capture, "-T", "json", ...fields, ...args);
  const packets = JSON.parse(text) as { _source: { layers?: Record<string, string[]> } }[];
  return packets.map(({ _source: { layers = {} } }) =>
    Object.fromEntries(
      Object.entries(layers).map(([name, values]) => {
        expect(values).toHaveLength(1);
        return [name.replace("ovn.", ""), values[0]];
      }),
    ),
  );
}

/** What it has to say of a packet of `decode -o json`: nothing where something is unknown, or not OVN's. */
function expected({ vxlan, ovn }: Packet): Said {
  const keyed = ovn !== null && (vxlan === undefined ? ovn.ingressKey !== null : ovn.datapathKey !== 0);
  if (ovn === null || (!keyed && ovn.bfd !== true)) return {};
  const { datapath, inport, outport } = ovn as unknown as Record<
    string,
    Record<string, string | null> | null
  >;
  const isUnresolved =
    keyed &&
    (datapath === null ||
      (inport === null && ovn.ingressKey !== null) ||
      (outport === null && (ovn.egressKey ?? 0) !== 0));
  const port = (name: string, found: Record<string, string | null> | null) => ({
    [name]: found?.name,
    [`${name}.type`]: found === null ? null : found.type || "vif",
    [`${name}.chassis`]: found?.chassis,
    [`${name}.friendly`]: found?.friendlyName,
  });
  const all = {
    datapath_key: ovn.datapathKey,
    ingress_key: ovn.ingressKey,
    egress_key: ovn.egressKey,
    unresolved: isUnresolved ? "1" : null,
    bfd: ovn.bfd === true ? "1" : null,
    vtep: ovn.vtep === true ? "1" : null,
    assumed: ovn.assumed === true ? "1" : null,
    "chassis.src": ovn.sourceChassis,
    "chassis.dst": ovn.destinationChassis,
    datapath: datapath?.name,
    "datapath.kind": datapath?.kind,
    "datapath.friendly": datapath?.friendlyName,
    ...port("inport", inport),
    ...port("outport", outport),
  };
  return Object.fromEntries(
    Object.entries(all).flatMap(([name, value]) =>
      value == null || value === "" ? [] : [[name, String(value)]],
    ),
  );
}

/** Writes a capture whose tunnels, over IPv4, go to another port. */
function atPort(scenario: string, port: number): string {
  const path = directory.file(`${scenario}-${port}.pcap`);
  const { records } = readPcap(`${CAPTURES}/${scenario}/hv1.pcap`);
  const moved = records.map(({ bytes, ...rest }) => {
    const copy = Buffer.from(bytes);
    if (copy.readUInt16BE(12) === 0x0800 && copy[23] === 17) copy.writeUInt16BE(port, 36);
    return { ...rest, bytes: copy };
  });
  writePcap(path, moved);
  return path;
}

describeTshark("the script for Wireshark", () => {
  for (const capture of captures)
    test(`says what decode says: ${capture.title}`, () => {
      const packets = decodeAll(capture.path, "--sb", capture.sb);
      const ours = packets.map(expected);
      expect(ours.some((each) => "outport" in each || "bfd" in each)).toBe(true);
      expect(said(script("--sb", capture.sb), capture.path)).toEqual(ours);
    });

  const migration = `${CAPTURES}/migration/hv1.pcap`;
  const journal = `${CAPTURES}/migration/sb.db`;

  test.each([
    ["packet", ["worker1", "worker2"]],
    ["latest", ["worker1"]],
    // While vm4 was on the other chassis; and before the database was created.
    ["2026-11-21T08:25:28Z", ["worker2"]],
    ["2026-11-21T08:00:00Z", []],
  ])("names are as of --sb-time %s", (time, where) => {
    const ours = decodeAll(migration, "--sb", journal, "--sb-time", time).map(expected);
    const theirs = said(script("--sb", journal, "--sb-time", time), migration);
    expect(theirs).toEqual(ours);
    const ofMoving = theirs.filter((each) => each.outport === "vm4").map((each) => each["outport.chassis"]);
    expect([...new Set(ofMoving)].filter((chassis) => chassis !== undefined).sort()).toEqual(where);
  });

  test("VXLAN before the first record may be OVN's", () => {
    const { records } = readPcap(`${CAPTURES}/vtep-gateway/hv1.pcap`);
    const sb = `${CAPTURES}/vtep-gateway/sb.db`;
    const path = directory.file("early-vxlan.pcap");
    writePcap(
      path,
      records.map((each) => ({ ...each, seconds: each.seconds - 3600 })),
    );
    const ours = decodeAll(path, "--sb", sb).map(expected);
    expect(said(script("--sb", sb), path)).toEqual(ours);
    expect(ours.filter(({ assumed }) => assumed === "1")).toHaveLength(4);
  });

  test("what is before the first record is unknown", () => {
    const { records } = readPcap(migration);
    const path = directory.file("early.pcap");
    writePcap(
      path,
      records.map((each, index) => ({ ...each, seconds: each.seconds - (index % 2) * 3600 })),
    );
    const theirs = said(script("--sb", journal), path);
    expect(theirs).toEqual(decodeAll(path, "--sb", journal).map(expected));
    expect(theirs.filter(({ unresolved }) => unresolved === "1").length).toBeGreaterThan(10);
    expect(theirs.filter(({ outport }) => outport !== undefined).length).toBeGreaterThan(10);
  });

  test("filters take names", () => {
    const lua = script("--sb", journal);
    const counted = (filter: string) =>
      tshark("-X", `lua_script:${lua}`, "-r", migration, "-Y", filter, "-T", "fields", "-e", "frame.number")
        .split("\n")
        .filter((line) => line !== "");
    const ours = (...filters: string[]) =>
      genevescope("decode", migration, "--sb", journal, "-o", "json", ...filters)
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => String(JSON.parse(line).number));
    expect(counted('ovn.outport == "vm4"')).toEqual(ours("--outport", "vm4"));
    expect(ours("--outport", "vm4").length).toBeGreaterThan(10);
    expect(counted('ovn.datapath == "network1" and ovn.inport matches "^vm[13]$"')).toEqual(
      ours("--datapath", "network1", "--inport", "vm1", "--inport", "vm3"),
    );
    expect(counted('ovn.chassis.src == "worker2"').length).toBeGreaterThan(10);
    // vm4 is where it was when a packet was on its way.
    expect(counted('ovn.outport == "vm4" and ovn.outport.chassis == ovn.chassis.dst')).toEqual(
      ours("--outport", "vm4"),
    );
    expect(counted('ovn.outport == "vm4" and ovn.outport.chassis != ovn.chassis.dst')).toEqual([]);
  });

  test("names stand in the tree's summary and in the Info column, as --names says", () => {
    const capture = captures.find(({ title }) => title === "routed-ping/hv2.pcap")?.path as string;
    const sb = `${CAPTURES}/routed-ping/sb.db`;
    const list = (lua: string, ...args: string[]) =>
      tshark("-X", `lua_script:${lua}`, "-r", capture, "-c", "1", ...args);
    const lua = script("--sb", sb);
    expect(list(lua)).toContain("network2: net2-router1 -> vm2  Echo (ping) request");
    expect(list(lua, "-o", "ovn.info:FALSE")).not.toContain("net2-router1");
    expect(list(lua, "-O", "ovn")).toContain("\nOVN: worker1 > worker2 network2: net2-router1 -> vm2\n");
    expect(list(script("--sb", sb, "--names", "friendly"))).toContain("backend: net2-router1 -> db-1  Echo");
    expect(list(script("--sb", sb, "--names", "both"))).toContain(
      "backend (network2): net2-router1 -> db-1 (vm2)",
    );
  });

  test("colouring rules go by the dissector's fields", () => {
    mkdirSync(directory.file("home/wireshark"), { recursive: true });
    genevescope("wireshark", "--colors", "-w", directory.file("home/wireshark/colorfilters"));
    const capture = `${CAPTURES}/ha-gateway/hv1.pcap`;
    const lua = script("--sb", `${CAPTURES}/ha-gateway/sb.db`);
    const wrong = script("--sb", `${CAPTURES}/switched-ping/sb.db`, "--sb-time", "latest");
    const rules = (file: string) => {
      const fields = ["frame.coloring_rule.name", "ovn.datapath_key", "ovn.bfd"].flatMap((each) => [
        "-e",
        each,
      ]);
      const text = tshark(
        "-X",
        `lua_script:${file}`,
        "-r",
        capture,
        "-Y",
        "ovn",
        "--color",
        "-T",
        "fields",
        ...fields,
      );
      // What colours the line itself.
      return text
        .replace(/\x1b\[[\d;]*m/g, "")
        .trim()
        .split("\n")
        .map((line) => line.split("\t"));
    };
    const found = rules(lua);
    for (const [rule, key, bfd] of found)
      expect(rule).toBe(
        bfd === "1" || bfd === "True" ? "OVN: tunnel BFD" : `OVN: datapaths ${(Number(key) % 8) + 1} of 8`,
      );
    expect(new Set(found.map(([rule]) => rule)).size).toBeGreaterThan(3);
    expect(rules(wrong).map(([rule]) => rule)).toContain("OVN: a key without a name");
  });

  test("other ports are Geneve, too: those of Encap, or of --geneve-port", () => {
    const path = atPort("switched-ping", 6082);
    const sb = `${CAPTURES}/switched-ping/sb.db`;
    const ours = decodeAll(path, "--sb", sb, "--geneve-port", "6082").map(expected);
    expect(ours.filter(({ inport }) => inport === "vm1")).toHaveLength(5);
    expect(said(script("--sb", sb, "--geneve-port", "6082"), path)).toEqual(ours);
    expect(said(script("--sb", sb), path).filter(({ inport }) => inport !== undefined)).toEqual([]);
    const told = database([{ port: "vm3" }], { dst_port: "6082" });
    expect(said(script("--sb", told), path)).toEqual(decodeAll(path, "--sb", told).map(expected));
    expect(said(script("--sb", told), path).filter(({ inport }) => inport === "vm1")).toHaveLength(5);
  });

  test("other ports are VXLAN, too", () => {
    const path = atPort("vxlan-ping", 6082);
    const sb = `${CAPTURES}/vxlan-ping/sb.db`;
    const ours = decodeAll(path, "--sb", sb, "--vxlan-port", "6082").map(expected);
    expect(ours.filter(({ outport }) => outport === "vm1")).toHaveLength(5);
    expect(said(script("--sb", sb, "--vxlan-port", "6082"), path)).toEqual(ours);
    expect(said(script("--sb", sb), path).filter(({ outport }) => outport !== undefined)).toEqual([]);
  });

  test.each([
    ["vxlan", "vxlan", { egress_key: "2" }],
    ["vxlan", "geneve", { egress_key: "2", assumed: "1" }],
    ["vtep", "vxlan", { vtep: "1" }],
    ["vtep", "vtep", { vtep: "1" }],
    ["geneve", "geneve", null],
    ["geneve", "vtep", null],
  ] as const)("VXLAN from %s to %s is read by its ends", (from, to, wanted) => {
    const sb = database([
      { port: "vm2", tunnel: from },
      { port: "vm4", tunnel: to },
    ]);
    const path = directory.file(`ends-${from}-${to}.pcap`);
    const bytes = Buffer.from(packetBytes("vxlanRequest"));
    // The chassis of the database.
    bytes.write("c0a83264c0a83265", 26, "hex");
    writePcap(path, [{ seconds: 1_700_000_000, microseconds: 0, bytes }]);
    const ours = decodeAll(path, "--sb", sb).map(expected);
    expect(said(script("--sb", sb), path)).toEqual(ours);
    if (wanted === null) expect(ours[0]).toEqual({});
    else expect(ours[0]).toMatchObject(wanted);
  });

  test("names that are hostile are what decode shows", () => {
    const names = [
      "\u001b[31mred\n\r\u0007\t",
      'quo"te\\ \\" \\n \\',
      '"..os.exit(3).."',
      "]] ]=] ]==] --[[ [==[",
      "%s%n%d @{} $x `id`",
      "日本 ünï 😀",
      "\u202e reversed \u2028 \ufeff",
      "\u0000nul\u007f\u0085",
      "long ".repeat(10_000),
    ];
    const sb = database(names.map((name) => ({ port: name, datapath: name, chassis: name, type: name })));
    const path = directory.file("hostile.pcap");
    const bytes = names.map((_, index) => packetOf(index + 1));
    writePcap(
      path,
      bytes.map((each) => ({ seconds: 1_700_000_000, microseconds: 0, bytes: each })),
    );
    const theirs = said(script("--sb", sb), path);
    expect(theirs.map((each) => each.outport)).toEqual(names.map(printable));
    for (const each of theirs) {
      const { outport } = each;
      expect(each).toMatchObject({ datapath: outport, "outport.type": outport, "outport.chassis": outport });
    }
    // The first chassis has the address.
    expect(theirs[0]["chassis.src"]).toBe(printable(names[0]));
    expect(tshark("-X", `lua_script:${script("--sb", sb)}`, "-r", path)).not.toMatch(
      /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e\u2028\ufeff]/,
    );
  });

  test("packets of all kinds, whole or not", () => {
    const sb = database([{ port: "vm2" }]);
    const path = directory.file("vectors.pcap");
    const chosen = packetNames.filter((name) => packets[name].linkType === 1);
    expect(chosen.length).toBeGreaterThan(20);
    writePcap(
      path,
      chosen.map((name) => ({
        seconds: 1_700_000_000,
        microseconds: 0,
        bytes: Buffer.from(packetBytes(name)),
      })),
    );
    const ours = decodeAll(path, "--sb", sb).map(
      (packet, index) => [chosen[index], expected(packet)] as const,
    );
    const lua = script("--sb", sb);
    // Wireshark tells STT from TCP only where it is asked to.
    const theirs = (...args: string[]) =>
      said(lua, path, "-o", "ip.try_heuristic_first:TRUE", ...args).map(
        (each, index) => [chosen[index], each] as const,
      );
    // Put together, a packet's names are with its last fragment.
    expect(theirs("-o", "ip.defragment:FALSE", "-o", "stt.reassemble:FALSE")).toEqual(ours);
    const whole = new Map(theirs());
    expect(whole.get("firstFragment")).toEqual({});
    expect(whole.get("laterFragment")).toEqual(new Map(ours).get("firstFragment"));
    expect(whole.get("sttLater")).toEqual(new Map(ours).get("sttFirst"));
  });

  test("what cannot be done is said in a line", async () => {
    const failed = async (...args: string[]) => {
      const { code, stdout, stderr } = await runGenevescope(["wireshark", ...args]);
      expect([code, stdout]).toEqual([2, ""]);
      return stderr;
    };
    expect(await failed()).toMatch(/^genevescope: no southbound database; give --sb SOURCE.*\n$/);
    expect(await failed("--sb", journal, "-w", directory.file("no/where.lua"))).toMatch(
      /^genevescope: .*where\.lua: cannot be written: its directory does not exist\n$/,
    );
    expect(await failed("--sb", journal, "--sb-time", "noon")).toMatch(
      /^genevescope: --sb-time "noon" is not a time/,
    );
  });
});

/** Versions of Wireshark have had Lua 5.1 to 5.4; the one here has its own. */
for (const version of ["5.1", "5.4"])
  peer(`lua ${version}`, [`lua${version}`])("the script for Wireshark with another Lua", () => {
    /** What the script says of packets in the form that the stub reads. */
    function ran(lua: string, packets: readonly string[]): Said[] {
      const stub = join(import.meta.dirname, "wireshark-stub.lua");
      const { status, stdout, stderr } = spawnSync(`lua${version}`, [stub, lua], {
        input: packets.map((line) => `${line}\n`).join(""),
        encoding: "utf8",
      });
      expect([status, stderr]).toEqual([0, ""]);
      const lines = stdout.split("\n").slice(0, -1);
      return lines.map((line) => Object.fromEntries(line.split("\t").map((each) => each.split("="))));
    }

    test.each([
      ["migration", 50],
      ["vxlan-ping", 10],
      ["vtep-gateway", 8],
    ])("says the same of %s", (name, least) => {
      const [path, sb] = [`${CAPTURES}/${name}/hv1.pcap`, `${CAPTURES}/${name}/sb.db`];
      const { records } = readPcap(path);
      const given = decodeAll(path, "--sb", sb).flatMap((packet, index) => {
        const { seconds, microseconds, bytes } = records[index];
        if (packet.ovn === null) return [];
        const kind = packet.vxlan === undefined ? "geneve" : "vxlan";
        const header = bytes.subarray(42, 50 + (kind === "geneve" ? (bytes[42] & 0x3f) * 4 : 0));
        const words = [header, bytes.subarray(26, 30), bytes.subarray(30, 34)].map((each) =>
          each.toString("hex"),
        );
        return [{ packet, line: `${kind} ${words.join(" ")} ${seconds} ${microseconds * 1000}` }];
      });
      const theirs = ran(
        script("--sb", sb),
        given.map(({ line }) => line),
      );
      expect(theirs.map(({ color: _, ...rest }) => rest)).toEqual(
        given.map(({ packet }) => expected(packet)),
      );
      expect(theirs.length).toBeGreaterThanOrEqual(least);
    });

    test("takes many networks", () => {
      const lua = script(
        "--sb",
        database(
          Array.from({ length: 25_000 }, (_, index) => ({ port: `p${index}`, chassis: `hv${index}` })),
        ),
      );
      const packets = [1, 10_000, 10_001, 25_000, 25_001].map((vni) => {
        const header = packetOf(vni).subarray(42, 58).toString("hex");
        return `geneve ${header} c0a83264 c0a83264 1700000000 0`;
      });
      expect(ran(lua, packets).map(({ outport }) => outport)).toEqual([
        ...["p0", "p9999", "p10000", "p24999"],
        undefined,
      ]);
    });
  });

interface Given {
  port: string;
  datapath?: string;
  chassis?: string;
  type?: string;
  tunnel?: "geneve" | "vxlan" | "vtep";
}

/** A database whose datapath 1, 2 and so on has such a port with the keys 1 and 2. Each has a chassis. */
function database(given: readonly Given[], options: Record<string, string> = {}): string {
  const rows = given.map(
    ({ port, datapath = "net", chassis = "hv", type = "", tunnel = "geneve" }, index) => ({
      datapath: {
        tunnel_key: index + 1,
        external_ids: pairs({ "logical-switch": uuid(9, index), name: datapath }),
      },
      port: {
        logical_port: port,
        datapath: ref(uuid(1, index)),
        tunnel_key: 2,
        type,
        chassis: ref(uuid(3, index)),
      },
      // Names of ports are unique.
      other: { logical_port: `vm${index + 1}`, datapath: ref(uuid(1, index)), tunnel_key: 1, type: "" },
      chassis: {
        name: chassis,
        hostname: "",
        encaps: ref(uuid(4, index)),
        other_config: pairs(tunnel === "vtep" ? { "is-vtep": "true" } : {}),
      },
      encap: {
        type: tunnel === "geneve" ? "geneve" : "vxlan",
        ip: `192.168.50.${100 + index}`,
        options: pairs(options),
        chassis_name: chassis,
      },
    }),
  );
  const table = (kind: number, column: keyof (typeof rows)[number]) =>
    Object.fromEntries(rows.map((row, index) => [uuid(kind, index), row[column]]));
  const transaction = {
    _date: 1_600_000_000_000,
    Datapath_Binding: table(1, "datapath"),
    Port_Binding: { ...table(2, "port"), ...table(5, "other") },
    Chassis: table(3, "chassis"),
    Encap: table(4, "encap"),
  };
  return directory.file(`made${++scripts}.db`, databaseFile([transaction]));
}

/** An echo request from key 1 to key 2 of a datapath. */
function packetOf(vni: number): Buffer {
  const bytes = Buffer.from(packetBytes("echoRequest"));
  bytes.writeUIntBE(vni, 46, 3);
  return bytes;
}
