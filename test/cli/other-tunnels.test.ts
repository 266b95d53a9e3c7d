/* VXLAN and STT by the verbs: lines, layers, JSON, sums, filters, ports. Real VXLAN; STT as the draft has it. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writePcap } from "../conformance/pcap.js";
import { type PacketName, packetBytes } from "../vectors/packets.js";
import { genevescope } from "./run.js";

const ping = "captures/vxlan-ping";
const gateway = "captures/vtep-gateway";
const lines = (text: string): string[] => text.split("\n").filter((line) => line !== "");

let directory = "";
let vectors = "";
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "genevescope-vxlan-"));
  vectors = join(directory, "vectors.pcap");
  const names: PacketName[] = ["vxlanWhole", "vxlanBfd", "vxlanNoVni", "sttRequest", "sttOther", "sttFirst"];
  writePcap(
    vectors,
    names.map((name, index) => ({ seconds: index, microseconds: 0, bytes: Buffer.from(packetBytes(name)) })),
  );
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** What stands between the clock and the inner packet, and behind that where something is wrong. */
const heads = (text: string) =>
  lines(text).map((line) =>
    line
      .replace(/^\S+ /, "")
      .replace(/\] (ARP|\d+\.)[^[]*/, "] ")
      .trimEnd(),
  );

describe("VXLAN between hypervisors", () => {
  test("has the names of its two keys; who sent is told by addresses", async () => {
    const { code, stdout, stderr } = await genevescope([
      "decode",
      `${ping}/hv1.pcap`,
      "--sb",
      `${ping}/sb.db`,
    ]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(new Set(heads(stdout))).toEqual(
      new Set([
        "worker1 > worker2 network2: ? -> vm2 [vni 2 out 1 vxlan]",
        "worker2 > worker1 network1: ? -> vm1 [vni 1 out 1 vxlan]",
        "worker1 > worker2 network1: ? -> vm3 [vni 1 out 2 vxlan]",
        "worker1 > worker2 network1: ? -> _MC_flood [vni 1 out 32768 vxlan]",
      ]),
    );
    const tree = await genevescope(["decode", "-v", "-c", "1", `${ping}/hv1.pcap`, "--sb", `${ping}/sb.db`]);
    expect(tree.stdout).toContain("\n    VXLAN  flags 8, vni 4098\n      OVN datapath 2, egress 1\n");
    expect(tree.stdout).toContain("\n    source  vm1 (has 192.168.0.11)\n");
  });

  test("is only assumed to be OVN's without a southbound; -n leaves out names, not what it says of tunnels", async () => {
    const alone = await genevescope(["decode", "-c", "1", `${ping}/hv1.pcap`]);
    expect(heads(alone.stdout)).toEqual(["10.127.0.3 > 10.127.0.4 [vni 2 out 1 vxlan?]"]);
    const unnamed = await genevescope([
      "decode",
      "-n",
      "-c",
      "1",
      `${ping}/hv1.pcap`,
      "--sb",
      `${ping}/sb.db`,
    ]);
    expect(heads(unnamed.stdout)).toEqual(["10.127.0.3 > 10.127.0.4 [vni 2 out 1 vxlan]"]);
    const [packet] = lines(
      (await genevescope(["decode", "-o", "json", "-c", "1", `${ping}/hv1.pcap`])).stdout,
    );
    expect(JSON.parse(packet)).toMatchObject({
      geneve: null,
      vxlan: { flags: 8, vni: 4098 },
      ovn: { datapathKey: 2, ingressKey: null, egressKey: 1, assumed: true },
    });
  });

  test("between hosts that are no end points of it in the southbound is not OVN's", async () => {
    const other = "captures/ipv6-underlay/sb.db";
    const { stdout } = await genevescope([
      "decode",
      "-c",
      "1",
      `${ping}/hv1.pcap`,
      "--sb",
      other,
      "--sb-time",
      "latest",
    ]);
    expect(heads(stdout)).toEqual(["10.127.0.3 > 10.127.0.4 [vni 4098 vxlan, not OVN's]"]);
    const { stdout: sums } = await genevescope([
      "analyze",
      "-o",
      "json",
      `${ping}/hv1.pcap`,
      "--sb",
      other,
      "--sb-time",
      "latest",
    ]);
    expect(JSON.parse(sums)).toMatchObject({ vxlan: 12, ovn: 0, vxlanAssumed: 0, flows: [], tunnels: [] });
  });

  test("is found by the filters", async () => {
    const count = async (...filter: string[]) => {
      const args = ["decode", `${ping}/hv1.pcap`, "--sb", `${ping}/sb.db`, ...filter];
      return lines((await genevescope(args)).stdout).length;
    };
    expect(await count("--outport", "vm2")).toBe(3);
    expect(await count("--port", "_MC_flood")).toBe(2);
    expect(await count("--datapath", "network1")).toBe(9);
    expect(await count("--vni", "2")).toBe(3);
    expect(await count("--inport", "vm1")).toBe(0);
    expect(await count("--mac", "40:44:00:00:00:02")).toBe(3);
    expect(await count("--ip", "192.168.0.13")).toBe(4);
    expect(await count("--chassis", "worker2")).toBe(12);
  });

  test("is looked for on the ports that were told, and Geneve not on those", async () => {
    const shown = async (...ports: string[]) =>
      lines((await genevescope(["decode", `${ping}/hv1.pcap`, ...ports])).stdout).length;
    expect(await shown("--vxlan-port", "4790")).toBe(0);
    expect(await shown("--vxlan-port", "4790", "--vxlan-port", "4789")).toBe(12);
    const { stdout } = await genevescope(["decode", "captures/routed-ping/hv2.pcap", "--vxlan-port", "6081"]);
    expect(stdout).toContain("vxlan");
    const geneve = await genevescope(["analyze", "-o", "json", `${ping}/hv1.pcap`, "--geneve-port", "4789"]);
    expect(JSON.parse(geneve.stdout)).toMatchObject({ vxlan: 0 });
  });

  test("is summed up with what is known of its keys", async () => {
    const { stdout } = await genevescope(["analyze", `${ping}/hv1.pcap`, "--sb", `${ping}/sb.db`]);
    expect(stdout).toContain("Geneve 0, VXLAN 12 (12 OVN), no tunnel 3\n");
    expect(stdout).toMatch(/^ {2}network2 {2}\? +vm2 +2 +- +1 +3 /m);
    const alone = await genevescope(["analyze", `${ping}/hv1.pcap`]);
    expect(alone.stdout).toContain("VXLAN 12 (12 OVN, 12 of them VXLAN that may be another's)");
  });
});

test("VXLAN to a VTEP gateway has the datapath's key alone", async () => {
  const { stdout } = await genevescope(["decode", `${gateway}/hv1.pcap`, "--sb", `${gateway}/sb.db`]);
  const toGateway = heads(stdout).filter((head) => head.includes("vxlan"));
  expect(toGateway).toEqual(Array(4).fill("worker1 > gw1 network1: ? -> ? [vni 1 vxlan vtep]"));
  expect(heads(stdout).filter((head) => head.includes("[vni 1 in "))).toHaveLength(6);
});

test("keys, faults and what is not OVN's, of VXLAN and STT", async () => {
  const { code, stdout } = await genevescope(["decode", vectors]);
  expect(code).toBe(0);
  const ends = "192.168.50.100 > 192.168.50.101";
  expect(heads(stdout)).toEqual([
    `${ends} [vni 368 out 17 vxlan?]`,
    `${ends} [vni 0 vxlan bfd]`,
    `${ends} [vni 8193 vxlan, not OVN's] [malformed: vxlan at byte 42: forbidden value or size]`,
    `${ends} [vni 8 in 2 out 1 stt]`,
    `${ends} [stt]`,
    `${ends} [vni 8 in 2 out 1 stt] [unsupported: tcp at byte 34: fragment, not reassembled]`,
  ]);
  const objects = lines((await genevescope(["decode", "-o", "json", vectors])).stdout).map((line) =>
    JSON.parse(line),
  );
  expect(objects[3]).toMatchObject({
    outer: { tcp: { dst: 7471, checksum: "good" } },
    geneve: null,
    stt: { version: 0, flags: 0, l4Offset: 0, mss: 0, vlan: 0, contextId: "0x0000020001000008" },
    ovn: { datapathKey: 8, ingressKey: 2, egressKey: 1 },
  });
  expect(objects[1].ovn).toMatchObject({ datapathKey: 0, bfd: true });
  expect([objects[2].ovn, objects[4].ovn]).toEqual([null, null]);
  const sums = JSON.parse((await genevescope(["analyze", "-o", "json", vectors])).stdout);
  expect(sums).toMatchObject({
    geneve: 0,
    vxlan: 3,
    stt: 3,
    vxlanAssumed: 1,
    ovn: 3,
    bfd: 1,
    malformed: 1,
    unsupported: 1,
    notGeneve: 0,
  });
  expect(sums.flows.map((flow: object) => ({ ...flow }))).toMatchObject([
    { datapathKey: 8, ingressKey: 2, egressKey: 1, packets: 2 },
    { datapathKey: 368, ingressKey: null, egressKey: 17, packets: 1 },
  ]);
});

test("sb resolve --vxlan", async () => {
  const { code, stdout } = await genevescope(["sb", "resolve", "--vxlan", "0x1002", "--sb", `${ping}/sb.db`]);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^datapath +network2, switch, vni 2,/m);
  expect(stdout).toMatch(/^outport +vm2, vif, key 1,/m);
  expect(stdout).toMatch(/^tunnel +tun_id=0x1002$/m);
});
