/* `live` on a host's device while the lab goes on: every ping is named, the move of a VM as it happens. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, expect, test } from "vitest";
import { decodeAll, MAIN, type Packet } from "../conformance/genevescope.js";
import { eventually } from "../southbound/cluster.js";
import { describeLab, Lab } from "./lab.js";

const VM4 = "192.168.0.14";
const MAC = "40:44:00:00:00:08";

const isRequest = ({ inner }: Packet) => inner?.summary?.includes(`${VM4}: ICMP echo request`) === true;
const summary = ({ inner }: Packet) => inner?.summary ?? "";

describeLab("live on a host's device", () => {
  const lab = new Lab();
  const packets: Packet[] = [];
  let reports = "";
  let live: ChildProcess;
  let status: unknown;
  const file = lab.file("hv1.pcap");
  /** When the move began, and when everybody knew. */
  let moved = [0, 0];

  beforeAll(async () => {
    lab.run("up", "hosts=3");
    lab.run("topology", "basic");
    lab.addVm("vm4", "hv2", MAC, `${VM4}/24`);
    lab.warm("vm1", VM4);
    // No device is named: the host's own database leads to it.
    const command = [process.execPath, MAIN, "live", "--sb", lab.server("sb"), "-o", "json"];
    const here = ["env", `OVS_RUNDIR=${join(lab.state, "hv1")}`];
    const [program, ...args] = lab.within("hv1", [...here, ...command]);
    live = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
    const exit = once(live, "close");
    if (live.stdout === null || live.stderr === null) throw new Error("no pipes");
    createInterface({ input: live.stdout }).on("line", (line) => packets.push(JSON.parse(line)));
    live.stderr.on("data", (text) => {
      reports += text;
    });
    await eventually("its start", () => reports.includes("listening on eth1"));
    lab.run("capture", "hv1", file);
    const more = async (count: number, to: string) => {
      const had = packets.length;
      const named = () =>
        packets.slice(had).filter((each) => isRequest(each) && each.ovn?.destinationChassis === to);
      await eventually(`pings to ${to}`, () => named().length >= count);
    };
    const flow = lab.start("vm1", "ping", "-n", "-q", "-i", "0.02", VM4);
    await more(20, "worker2");
    const begun = Date.now();
    lab.run("unplug", "vm4", "hv2");
    lab.run("plug", "vm4", "hv3", MAC, `${VM4}/24`, "192.168.0.1");
    lab.waitBound("vm4", "hv3");
    moved = [begun, Date.now()];
    await more(20, "worker3");
    lab.run("kill-server", "sb");
    await eventually("the loss", () => reports.includes("going on with the names as of"));
    await more(20, "worker3");
    lab.run("start-server", "sb");
    await eventually("the server", () => /connected again.* after \d/.test(reports));
    await more(20, "worker3");
    flow.kill("SIGINT");
    lab.run("capture-stop");
    live.kill("SIGTERM");
    [status] = await exit;
  });
  afterAll(() => {
    live?.kill("SIGKILL");
    lab.down();
  });

  test("shows every packet that tcpdump has, and ends with the counts", () => {
    const captured = decodeAll(file).filter(isRequest).map(summary);
    const shown = new Set(packets.filter(isRequest).map(summary));
    expect(captured.length).toBeGreaterThan(80);
    expect(captured.filter((each) => !shown.has(each))).toEqual([]);
    expect(status).toBe(0);
    expect(reports).toMatch(
      /genevescope: eth1: [\d,]+ packets received by the filter, 0 dropped by the kernel, 0 by the device\n$/,
    );
  });

  test("names each, and the VM's chassis as of its moment", () => {
    for (const packet of packets.filter(isRequest)) {
      const now = Date.parse(packet.time);
      expect(packet.ovn, packet.time).toMatchObject({
        datapath: { name: "network1" },
        inport: { name: "vm1", chassis: "worker1" },
        outport: { name: "vm4" },
        sourceChassis: "worker1",
        destinationChassis: expect.stringMatching(/^worker[23]$/),
      });
      const chassis = packet.ovn?.outport?.chassis;
      if (now < moved[0]) expect([packet.time, chassis]).toEqual([packet.time, "worker2"]);
      if (now > moved[1]) expect([packet.time, chassis]).toEqual([packet.time, "worker3"]);
    }
  });
});
