/* The capture interface that Wireshark offers: by the calls that Wireshark makes, and by tshark itself. */
import { type ChildProcessWithoutNullStreams, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { saidIn } from "../capture/pcapng-blocks.js";
import { program, root } from "../cli/run.js";
import { CAPTURES } from "../conformance/captures.js";
import { decodeAll } from "../conformance/genevescope.js";
import { findCommand } from "../setup/peer.js";
import { eventually } from "../southbound/cluster.js";
import { OvsdbServer } from "../southbound/ovsdb.js";
import { describeLive, Wire } from "./wire.js";

const CAPTURE = join(CAPTURES, "routed-ping/hv2.pcap");
const SB = join(CAPTURES, "routed-ping/sb.db");
const VSWITCH_SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema";
const OURS = ["--extcap-interface", "ovn"];

/** A sentence of extcap(4): its word, and its fields by name. */
interface Sentence {
  word: string;
  fields: Record<string, string>;
}

function sentences(text: string): Sentence[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      expect(line).toMatch(/^\w+ (\{\w+=[^{}]*\})+$/);
      const fields = [...line.matchAll(/\{(\w+)=([^{}]*)\}/g)].map(([, name, value]) => [name, value]);
      return { word: line.split(" ")[0], fields: Object.fromEntries(fields) };
    });
}

describeLive("the capture interface for Wireshark", () => {
  let wire: Wire;
  let home: string;
  beforeAll(() => {
    wire = new Wire();
    home = wire.file("home");
    // Where versions of Wireshark look for such programs.
    for (const place of ["config/wireshark/extcap", ".local/lib/wireshark/extcap"]) {
      const path = join(home, place, "genevescope");
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, `#!/bin/sh\nexec "${process.execPath}" "${program}" "$@"\n`);
      chmodSync(path, 0o755);
    }
  });
  afterAll(() => wire?.down());

  /** What the program answers, in the namespace of the devices. */
  function asked(args: readonly string[], env: Record<string, string> = {}) {
    const set = Object.entries({ OVN_SB_DB: "", OVS_RUNDIR: wire.file("none"), ...env });
    const [command, ...rest] = wire.within([
      "env",
      ...set.map(([name, value]) => `${name}=${value}`),
      process.execPath,
      program,
      ...args,
    ]);
    const { status, stdout, stderr } = spawnSync(command, rest, { encoding: "utf8", timeout: 20_000 });
    return { status, stdout, stderr };
  }

  function told(args: readonly string[], env?: Record<string, string>): Sentence[] {
    const { status, stdout, stderr } = asked(args, env);
    expect([status, stderr]).toEqual([0, ""]);
    return sentences(stdout);
  }

  test("is one, of Ethernet", () => {
    expect(told(["--extcap-interfaces", "--extcap-version=4.0"])).toMatchObject([
      { word: "extcap", fields: { display: "genevescope" } },
      { word: "interface", fields: { value: "ovn", display: "OVN overlay" } },
    ]);
    expect(told(["--extcap-dlts", ...OURS])).toMatchObject([
      { word: "dlt", fields: { number: "1", name: "EN10MB" } },
    ]);
  });

  test("has devices and a database to choose", () => {
    wire.addPair("tap-from", "genev_sys_6081");
    try {
      const config = told(["--extcap-config", ...OURS, "--extcap-new-flag", "1"], { OVN_SB_DB: "unix:/x" });
      const options = config.filter(({ word }) => word === "arg").map(({ fields }) => fields);
      expect(options.map(({ number }) => Number(number))).toEqual(options.map((_, index) => index));
      expect(options[0]).toMatchObject({ call: "--device", type: "selector" });
      expect(options[1]).toMatchObject({ call: "--sb", type: "string", default: "unix:/x" });
      expect(options.find(({ call }) => call === "--annotate")).toMatchObject({
        type: "boolflag",
        default: "true",
      });
      const values = config.filter(({ word }) => word === "value").map(({ fields }) => fields);
      expect(values.every(({ arg }) => arg === "0")).toBe(true);
      expect(values.filter((each) => each.default === "true")).toEqual([values[0]]);
      const names = values.map(({ value }) => value);
      // Devices of tunnels and guests come first.
      expect(names.slice(0, 2).sort()).toEqual(["genev_sys_6081", "tap-from"]);
      expect(names.slice(2, -1).sort()).toEqual(["lo", "rx0", "tx0"]);
      expect(names.at(-1)).toBe("any");
    } finally {
      wire.ip("link", "del", "tap-from");
    }
  });

  test("knows which device carries the tunnels, and does not wait for who does not answer", async () => {
    const server = new OvsdbServer(VSWITCH_SCHEMA, "Open_vSwitch");
    try {
      await server.start([`--remote=punix:${server.directory.file("db.sock")}`]);
      const ids = ["map", [["ovn-encap-ip", "192.0.2.9"]]];
      const row = { next_cfg: 1, external_ids: ids };
      expect(server.transact([{ op: "insert", table: "Open_vSwitch", row }])).toBeNull();
      wire.ip("address", "add", "192.0.2.9/24", "dev", "rx0");
      const env = { OVS_RUNDIR: server.directory.path };
      const first = () =>
        told(["--extcap-config", ...OURS], env).filter(({ word }) => word === "value")[0].fields;
      expect(first()).toMatchObject({
        value: "*",
        display: expect.stringContaining("(rx0)"),
        default: "true",
      });
      server.signal("SIGSTOP");
      const since = performance.now();
      expect(first()).toMatchObject({ default: "true", value: expect.not.stringContaining("*") });
      expect(performance.now() - since).toBeLessThan(5000);
    } finally {
      server.signal("SIGCONT");
      await server.stop();
    }
  });

  test("says what is wrong with a capture filter, and nothing else", () => {
    const said = (filter: string) => asked(["--extcap-capture-filter", filter, ...OURS]);
    for (const filter of ["", "udp port 6081", "vlan and host 192.0.2.1", "ether[0] & 1 != 0"])
      expect(said(filter)).toEqual({ status: 0, stdout: "", stderr: "" });
    for (const filter of ["udp port", "host 1.2.3.4.5", "\u001b[31m", "icmp6[0 = 1"]) {
      const { status, stdout, stderr } = said(filter);
      expect([status, stderr]).toEqual([0, ""]);
      expect(stdout).toMatch(/^[ -~]+\n$/);
    }
  });

  test("says what is wrong in one line", () => {
    const fails = (...args: string[]) => {
      const { status, stdout, stderr } = asked(args);
      expect([status, stdout]).toEqual([2, ""]);
      expect(stderr).toMatch(/^genevescope: [^\n]+\n$/);
      return stderr;
    };
    const capture = ["--capture", ...OURS, "--fifo", wire.file("nobody's")];
    expect(fails("--extcap-dlts", "--extcap-interface", "other")).toContain("--extcap-interface ovn");
    expect(fails("--capture", ...OURS)).toContain("--fifo");
    expect(fails(...capture, "--device", "nowhere0")).toContain("nowhere0: there is no such device");
    expect(fails(...capture)).toContain("no device given");
    expect(fails(...capture, "--device", "rx0", "--sb", wire.file("no.db"))).toContain(
      "there is no such file",
    );
    expect(fails(...capture, "--device", "rx0", "--extcap-capture-filter", "udp port")).toContain(
      "pcap-filter",
    );
  });

  /** Begins a capture into a pipe that `cat` reads. */
  async function begin(...args: string[]) {
    const fifo = wire.file(`fifo${performance.now()}`);
    execFileSync("mkfifo", [fifo]);
    const out = `${fifo}.pcapng`;
    const reader = spawn("sh", ["-c", 'exec cat "$0" >"$1"', fifo, out]);
    const child = wire.start(
      ...["env", "OVN_SB_DB=", process.execPath, program, "--capture", ...OURS, "--fifo", fifo],
      ...["--device", "rx0", ...args],
    );
    let err = "";
    child.stderr.on("data", (text) => {
      err += text;
    });
    const ended = once(child, "close");
    const read = once(reader, "close");
    const bytes = () => statSync(out, { throwIfNoEntry: false })?.size ?? 0;
    // Its header says that it captures.
    await eventually("its start", () => bytes() > 0 || child.exitCode !== null);
    const end = async () => {
      const [status, signal] = await ended;
      return { status: status ?? signal, err };
    };
    return { child, reader, read, out, bytes, end };
  }

  test("captures into a pipe until it is told to stop, and says nothing", async () => {
    const { child, read, out, bytes, end } = await begin("--sb", SB, "--port", "vm2");
    const before = bytes();
    const sent = wire.send(CAPTURE);
    await eventually("packets", () => bytes() > before);
    child.kill("SIGTERM");
    expect(await end()).toEqual({ status: 0, err: "" });
    await read;
    const wanted = decodeAll(CAPTURE, "--sb", SB).filter(({ ovn }) => ovn?.outport?.name === "vm2");
    const got = decodeAll(out, "--sb", SB);
    expect(wanted.length).toBeLessThan(sent);
    expect(got.map(({ geneve, ovn }) => [geneve, ovn?.outport])).toEqual(
      wanted.map(({ geneve, ovn }) => [geneve, ovn?.outport]),
    );
  });

  test("puts names into comments where it is asked to and there are some", async () => {
    const wanted = decodeAll(CAPTURE, "--sb", SB).map(({ ovn }) => ovn?.inport?.name);
    for (const [flags, isNamed] of [
      [["--sb", SB, "--annotate"], true],
      [["--sb", SB], false],
      [["--annotate"], false],
    ] as const) {
      const { child, read, out, bytes, end } = await begin(...flags);
      const before = bytes();
      wire.send(CAPTURE);
      await eventually("packets", () => bytes() > before);
      child.kill("SIGTERM");
      expect(await end()).toEqual({ status: 0, err: "" });
      await read;
      const { comments, names } = saidIn(out);
      expect(comments.map((comment) => /: (\S+) -> /.exec(comment)?.[1])).toEqual(
        wanted.map((name) => (isNamed ? name : undefined)),
      );
      expect([comments.join("") === "", names.length]).toEqual([!isNamed, isNamed ? 2 : 0]);
    }
  });

  test("ends without a packet, too", async () => {
    const { child, end } = await begin();
    child.kill("SIGTERM");
    expect(await end()).toEqual({ status: 0, err: "" });
  });

  test("ends when nobody reads the pipe any more, though no packet comes", async () => {
    const { child, reader, end } = await begin();
    reader.kill("SIGKILL");
    const late = setTimeout(() => child.kill("SIGKILL"), 10_000);
    expect(await end()).toEqual({ status: 0, err: "" });
    clearTimeout(late);
  });

  if (findCommand("tshark") !== null) {
    const tshark = () => [
      ...["env", `HOME=${home}`, `XDG_CONFIG_HOME=${home}/config`, "OVN_SB_DB="],
      findCommand("tshark") ?? "tshark",
    ];

    /** Six lines of these fields, of packets that tshark captures through the interface. */
    async function shown(fields: readonly string[], ...args: string[]): Promise<string[]> {
      const child: ChildProcessWithoutNullStreams = wire.start(
        ...[...tshark(), "-i", "ovn", "-o", "extcap.ovn.device:rx0", "-f", "udp port 6081", "-c", "6", "-l"],
        ...["-T", "fields", ...fields.flatMap((name) => ["-e", name]), ...args],
      );
      const said = { out: "", err: "" };
      child.stdout.on("data", (text) => {
        said.out += text;
      });
      child.stderr.on("data", (text) => {
        said.err += text;
      });
      const closed = once(child, "close");
      await eventually("tshark's start", () => said.err.includes("Capturing on") || child.exitCode !== null);
      // Again and again: it may say so before it does.
      for (let tries = 0; tries < 50 && child.exitCode === null; tries++) {
        wire.send(CAPTURE);
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
      const [status] = await closed;
      expect(status, said.err).toBe(0);
      expect(said.err).not.toContain("Error");
      const lines = said.out.replace(/\n$/, "").split("\n");
      expect(lines).toHaveLength(6);
      return lines;
    }

    test("is tshark's to capture from, with the names of the script", async () => {
      const script = wire.file("ovn.lua");
      execFileSync(process.execPath, [program, "wireshark", "--sb", SB, "-w", script]);
      expect(wire.run(...tshark(), "-D")).toContain("ovn (OVN overlay)");
      const fields = ["ovn.inport", "ovn.outport", "ovn.chassis.src"];
      const lines = await shown(fields, "-n", "-X", `lua_script:${script}`);
      const rows = decodeAll(CAPTURE, "--sb", SB).map(({ ovn }) =>
        [ovn?.inport?.name, ovn?.outport?.name, ovn?.sourceChassis].join("\t"),
      );
      for (const line of lines) expect(rows).toContain(line);
    });

    test("shows tshark names without a script, unless they are switched off", async () => {
      const fields = ["frame.comment", "ip.src_host"];
      const sb = ["-o", `extcap.ovn.sb:${SB}`];
      const rows = decodeAll(CAPTURE, "--sb", SB).map(({ ovn }) => {
        const chassis = `${ovn?.sourceChassis} > ${ovn?.destinationChassis}`;
        return `${chassis} ${ovn?.datapath?.name}: ${ovn?.inport?.name} -> ${ovn?.outport?.name} `;
      });
      for (const line of await shown(fields, ...sb, "-N", "n")) {
        const [comment, host] = line.split("\t");
        const row = rows.find((each) => comment.startsWith(each));
        expect(comment).toMatch(/ \[vni \d+ in \d+ out \d+\]$/);
        // The outer address, then the inner one.
        expect(host.split(",")[0]).toBe(row?.split(" ")[0]);
      }
      for (const flags of [[...sb, "-o", "extcap.ovn.annotate:false"], []])
        for (const line of await shown(fields, ...flags, "-N", "n")) expect(line).toMatch(/^\t10\.127\.0\./);
    });
  }

  test("is in the package as a program that Wireshark can start", () => {
    const { bin } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    expect(bin.genevescope).toBe("dist/cli/main.js");
    expect(readFileSync(program, "utf8").startsWith("#!/usr/bin/env node\n")).toBe(true);
  });
});
