/*
 * `live` on devices whose frames have lost their tunnels, on a host of a running OVN: against what the tunnels of the
 * same frames said. The kernel's tunnel device is played by one of its name.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, expect, test } from "vitest";
import { MAIN, ours } from "../cli/live-verb.js";
import { findCommand } from "../setup/peer.js";
import { eventually } from "../southbound/cluster.js";
import { describeLab, Lab } from "./lab.js";

const PINGS = 12;
const TUNNEL = "genev_sys_6081";

interface Packet {
  number: number;
  interface: string;
  ovn: {
    datapathKey: number | null;
    ingressKey: number | null;
    egressKey: number | null;
    sourceChassis: string | null;
    destinationChassis: string | null;
    inport: { name: string } | null;
    outport: { name: string } | null;
    source: { name: string } | null;
    destination: { name: string } | null;
    keysFrom?: string;
  };
  inner: { summary: string };
}

const keysOf = ({ ovn }: Packet) => `${ovn.datapathKey}:${ovn.ingressKey}>${ovn.egressKey}`;
const chassisOf = ({ ovn }: Packet) => `${ovn.sourceChassis} > ${ovn.destinationChassis}`;
const isPing = ({ inner }: Packet) => /ICMP echo/.test(inner?.summary ?? "");

describeLab("frames without their tunnels", () => {
  const lab = new Lab();
  const children: ChildProcess[] = [];
  /** By what they are about: the packets and the reports of each. */
  const said = new Map<string, { packets: Packet[]; reports: string; status: unknown }>();
  const file = lab.file("hv2.pcap");
  const truth = new Map<string, Packet>();

  async function live(name: string, where: string, ...args: string[]): Promise<() => Promise<void>> {
    const command = [process.execPath, MAIN, "live", "--sb", lab.server("sb"), "-o", "json", ...args];
    const [program, ...rest] = lab.within(where, command);
    const child = spawn(program, rest, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, OVS_RUNDIR: join(lab.state, "hv2") },
    });
    children.push(child);
    const about = { packets: [] as Packet[], reports: "", status: null as unknown };
    said.set(name, about);
    createInterface({ input: child.stdout }).on("line", (line) => about.packets.push(JSON.parse(line)));
    child.stderr.on("data", (text) => {
      about.reports += text;
    });
    const exit = once(child, "close");
    await eventually(
      `the start of ${name}`,
      () => about.reports.includes("listening on") || child.exitCode !== null,
    );
    expect(about.reports).toContain("listening on");
    return async () => {
      child.kill("SIGINT");
      [about.status] = await exit;
    };
  }

  beforeAll(async () => {
    lab.run("up");
    lab.run("topology", "gateway");
    lab.run("nb", "--wait=hv", "lrp-set-gateway-chassis", "router1-public", "worker2", "20");
    const targets = ["192.168.1.12", "192.168.0.13", "172.24.4.100"];
    for (const target of targets) lab.warm("vm1", target);
    // Where ovs-appctl looks for it.
    const pid = readFileSync(join(lab.state, "hv2", "ovs-vswitchd.pid"), "utf8").trim();
    symlinkSync("ovs-vswitchd.ctl", join(lab.state, "hv2", `ovs-vswitchd.${pid}.ctl`));

    const host = (...command: string[]) => {
      const [program, ...args] = lab.within("hv2", command);
      execFileSync(program, args);
    };
    host("ip", "link", "add", "decapsulated", "type", "veth", "peer", "name", TUNNEL);
    for (const device of ["decapsulated", TUNNEL]) {
      host("sysctl", "-qw", `net.ipv6.conf.${device}.disable_ipv6=1`);
      host("ip", "link", "set", device, "up");
    }
    const program = lab.file("decapsulate");
    execFileSync(findCommand("cc") ?? "cc", [
      "-O2",
      "-o",
      program,
      join(import.meta.dirname, "decapsulate.c"),
    ]);
    const [command, ...args] = lab.within("hv2", [program, "eth1", "decapsulated", "6081"]);
    const relay = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
    children.push(relay);
    await once(relay.stdout, "data");

    lab.run("capture", "hv2", file);
    const ends = [
      await live("both", "hv2", "-i", TUNNEL, "-i", "eth1", "--tunnel-keys"),
      await live("addresses", "hv2", "-i", TUNNEL),
      // The bridge's own device shows no tunnels where Open vSwitch forwards in user space.
      await live("flows", "hv2", "-i", TUNNEL, "-i", "br-ul", "--tunnel-keys"),
      await live("found", "hv2", "-i", TUNNEL, "--tunnel-keys"),
      // A guest's device is in the guest's namespace here, where the underlay is not.
      await live("guest", "vm3", "-i", "vm3", "--tunnel-keys"),
      await live("guest by addresses", "vm3", "-i", "vm3"),
    ];
    for (const target of targets)
      lab.run("exec", "vm1", "ping", "-n", "-c", String(PINGS), "-i", "0.2", target);
    // A dump of flows a second.
    await new Promise((resolve) => setTimeout(resolve, 1500));
    for (const end of ends) await end();
    lab.run("capture-stop");
    for (const line of ours("decode", "-o", "json", "--sb", lab.database, file).trim().split("\n")) {
      const packet = JSON.parse(line) as Packet;
      if (isPing(packet)) truth.set(packet.inner.summary, packet);
    }
  });
  afterAll(() => {
    for (const child of children) child.kill("SIGKILL");
    lab.down();
  });

  const about = (name: string) => {
    const all = said.get(name) ?? { packets: [], reports: "", status: null };
    return { ...all, pings: all.packets.filter(isPing) };
  };

  test("says once what such a device shows, and at the end what told the keys", () => {
    for (const [name, { reports, status }] of said) {
      expect([name, status]).toEqual([name, 0]);
      expect(reports.match(/tunnel headers; keys/g), name).toHaveLength(1);
      expect(reports).toMatch(/\d+ frames without tunnel headers; their keys: \d+/);
    }
    expect(about("both").reports).toContain("the same frames on eth1, else by the datapath's flows");
    expect(about("guest").reports).toContain('vm3: the device of the logical port "vm3"');
    expect(about("found").reports).toContain("the same frames on eth1");
    expect(about("guest").reports).toContain("keys are not looked for on the underlay");
  });

  test.each(["both", "found"])("with the underlay (%s), every frame is what its tunnel said", (name) => {
    const { pings } = about(name);
    expect(truth.size).toBe(6 * PINGS);
    expect(new Set(pings.map(({ inner }) => inner.summary))).toEqual(new Set(truth.keys()));
    for (const ping of pings) {
      const packet = truth.get(ping.inner.summary) as Packet;
      expect([ping.interface, ping.ovn.keysFrom]).toEqual([TUNNEL, "underlay"]);
      expect([keysOf(ping), chassisOf(ping)]).toEqual([keysOf(packet), chassisOf(packet)]);
      expect([ping.ovn.inport, ping.ovn.outport]).toEqual([packet.ovn.inport, packet.ovn.outport]);
      expect([ping.ovn.source, ping.ovn.destination]).toEqual([packet.ovn.source, packet.ovn.destination]);
    }
  });

  test("with flows alone, what they tell is right, and they tell most", () => {
    const { pings } = about("flows");
    expect(pings.length).toBe(truth.size);
    const told = pings.filter(({ ovn }) => ovn.keysFrom === "flow");
    for (const ping of told) expect(keysOf(ping)).toBe(keysOf(truth.get(ping.inner.summary) as Packet));
    expect(told.length).toBeGreaterThan(4 * PINGS);
  });

  test("by addresses, no frame is said to be what its tunnel did not say", () => {
    const { pings } = about("addresses");
    expect(pings.length).toBe(truth.size);
    for (const ping of pings) {
      const { ovn } = truth.get(ping.inner.summary) as Packet;
      expect(["addresses", "several"]).toContain(ping.ovn.keysFrom);
      for (const key of ["datapathKey", "ingressKey", "egressKey"] as const)
        if (ping.ovn[key] !== null)
          expect([ping.inner.summary, ping.ovn[key]]).toEqual([ping.inner.summary, ovn[key]]);
    }
    const certain = pings.filter(({ ovn }) => ovn.keysFrom === "addresses" && ovn.inport && ovn.outport);
    expect(certain.length).toBeGreaterThanOrEqual(4 * PINGS);
  });

  test("on a guest's device, its port is known, and the datapath's flows tell the keys", () => {
    for (const name of ["guest", "guest by addresses"]) {
      const { pings } = about(name);
      expect(pings.length, name).toBe(2 * PINGS);
      for (const ping of pings) {
        expect([ping.ovn.inport?.name, ping.ovn.outport?.name].sort(), name).toEqual(["vm1", "vm3"]);
        expect(keysOf(ping)).toBe(keysOf(truth.get(ping.inner.summary) as Packet));
      }
    }
    const byFlow = about("guest").pings.filter(({ ovn }) => ovn.keysFrom === "flow");
    expect(byFlow.length).toBeGreaterThan(PINGS);
  });
});
