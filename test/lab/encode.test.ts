/* Frames made by name and sent on the underlay: OVN takes them for its own, and real VMs answer. */
import { spawnSync } from "node:child_process";
import { afterAll, beforeAll, expect, test } from "vitest";
import { decodeAll, MAIN, type Packet } from "../conformance/genevescope.js";
import { eventually } from "../southbound/cluster.js";
import { describeLab, Lab } from "./lab.js";

/** hv2's end of the tunnel, and its MAC address (test/lab/lib/hosts.sh). */
const HV2 = "10.127.0.4";
const HV2_MAC = "52:54:00:00:00:02";

describeLab("encode --send", () => {
  const lab = new Lab();
  const capture = lab.file("hv1.pcap");

  beforeAll(() => {
    lab.run("up");
    lab.run("topology", "basic");
    lab.warm("vm1", "192.168.1.12");
    lab.run("capture", "hv1", capture);
  });

  afterAll(() => lab.down());

  function encode(...flags: string[]): { status: number | null; stderr: string } {
    const command = [process.execPath, MAIN, "encode", "--sb", lab.socket, ...flags];
    const [program, ...args] = lab.within("hv1", command);
    return spawnSync(program, args, { encoding: "utf8", timeout: 20_000 });
  }

  /** Sends frames as if hv1 had, and gives those that come back as `isAnswer` says. */
  async function answers(
    isAnswer: (inner: NonNullable<Packet["inner"]>) => boolean,
    ...flags: string[]
  ): Promise<Packet[]> {
    const sent = encode("--send", "eth1", "--rate", "20", "--outer-dst-mac", HV2_MAC, ...flags);
    expect(sent.stderr).toMatch(/^genevescope: 3 packets sent by eth1 in \d\.\d s\n$/);
    expect(sent.status).toBe(0);
    const found = () =>
      decodeAll(capture, "--sb", lab.socket).filter(
        ({ inner, ovn }) => ovn?.sourceChassis === "worker2" && inner !== null && isAnswer(inner),
      );
    await eventually("answers", () => found().length === 3);
    return found();
  }

  const ROUTED = {
    datapath: { name: "network1" },
    inport: { name: "net1-router1" },
    outport: { name: "vm1" },
    destinationChassis: "worker1",
    source: { name: "vm2" },
  };
  const SWITCHED = { datapath: { name: "network1" }, inport: { name: "vm3" }, outport: { name: "vm1" } };
  const routed = ["--inport", "vm1", "--outport", "vm2", "-c", "3"];

  test("an echo request through a router is answered by the VM behind it", async () => {
    const echoed = await answers(
      ({ icmp }) => icmp?.id === 4242,
      "--inner",
      "icmp",
      "--id",
      "4242",
      ...routed,
    );
    echoed.forEach(({ ovn, inner, status }, index) => {
      expect(status).toBe("ok");
      expect(ovn).toMatchObject(ROUTED);
      expect(inner?.icmp).toMatchObject({ type: 0, id: 4242, seq: index + 1, checksum: "good" });
      expect(inner?.ip).toMatchObject({ src: "192.168.1.12", dst: "192.168.0.11" });
    });
  });

  test("an echo request within a switch", async () => {
    const flags = ["--inner", "icmp", "--id", "4343", "--inport", "vm1", "--outport", "vm3", "-c", "3"];
    for (const { ovn } of await answers(({ icmp }) => icmp?.id === 4343, ...flags))
      expect(ovn).toMatchObject(SWITCHED);
  });

  test("UDP and TCP to closed ports are refused by the VM", async () => {
    const ports = ["--inner-src-port", "50123", "--inner-dst-port", "9"];
    const reset = ({ tcp }: NonNullable<Packet["inner"]>) => tcp?.dst === 50_123;
    for (const { ovn, inner } of await answers(reset, "--inner", "tcp-syn", ...ports, ...routed)) {
      expect(ovn).toMatchObject(ROUTED);
      expect(inner?.tcp).toMatchObject({ src: 9, flags: ["rst", "ack"], ack: 1 });
    }
    const unreachable = ({ icmp }: NonNullable<Packet["inner"]>) => icmp?.type === 3 && icmp.code === 3;
    for (const { ovn } of await answers(unreachable, "--inner", "udp", "--size", "5", ...ports, ...routed))
      expect(ovn).toMatchObject(ROUTED);
  });

  test("an ARP request to a multicast group, the one that has the address replies", async () => {
    const flags = [
      "--inner",
      "arp",
      "--inport",
      "vm1",
      "--outport",
      "_MC_flood",
      "--inner-dst",
      "192.168.0.13",
    ];
    for (const { ovn, inner } of await answers(({ arp }) => arp?.operation === 2, ...flags, "-c", "3")) {
      expect(ovn).toMatchObject(SWITCHED);
      expect(inner?.arp).toMatchObject({ senderIp: "192.168.0.13", targetIp: "192.168.0.11" });
    }
  });

  test("the neighbour's MAC address comes from the kernel, where it knows it", async () => {
    const flags = ["--inner", "icmp", "--id", "4444", "--send", "eth1", "--rate", "20", ...routed];
    lab.run("exec", "hv1", "ip", "neigh", "flush", "to", HV2);
    expect(encode(...flags)).toMatchObject({
      status: 2,
      stderr: `genevescope: the MAC address that leads to ${HV2} by "eth1" is unknown: no entry for ${HV2} among the neighbours (ip neigh); give --outer-dst-mac\n`,
    });
    lab.run("exec", "hv1", "ping", "-n", "-c", "1", "-W", "2", HV2);
    expect(encode(...flags).status).toBe(0);
    const sent = () =>
      decodeAll(capture).filter(({ inner }) => inner?.icmp?.id === 4444 && inner.icmp.type === 8);
    await eventually("what was sent", () => sent().length === 3);
    expect(sent().map(({ outer }) => outer?.eth.dst)).toEqual([HV2_MAC, HV2_MAC, HV2_MAC]);
  });
});
