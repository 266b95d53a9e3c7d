/* A real OVN whose tunnels are VXLAN: its packets get the names that OVN itself gives. */
import { mkdirSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { truthIn } from "../conformance/captures.js";
import { decodeAll, genevescope, type Packet } from "../conformance/genevescope.js";
import { describeLab, Lab } from "./lab.js";

const PINGS = 3;

describeLab("a lab with VXLAN", () => {
  const lab = new Lab();
  const capture = lab.file("hv1.pcap");
  const snapshot = lab.file("snapshot");
  let packets: Packet[] = [];

  beforeAll(() => {
    lab.run("up", "encap=vxlan");
    lab.run("topology", "basic");
    lab.warm("vm1", "192.168.1.12");
    lab.run("capture", "hv1", capture);
    lab.run("exec", "vm1", "ping", "-n", "-c", String(PINGS), "-i", "0.2", "192.168.1.12");
    lab.run("exec", "vm1", "ping", "-n", "-c", "1", "-W", "1", "192.168.0.13");
    lab.run("capture-stop");
    mkdirSync(snapshot);
    lab.run("snapshot", snapshot);
    packets = decodeAll(capture, "--sb", lab.database).filter(({ vxlan }) => vxlan !== undefined);
  });

  afterAll(() => lab.down());

  test("every VNI is that of ovn-sbctl's keys, and is named so", () => {
    const said = truthIn(snapshot);
    expect(packets.length).toBeGreaterThanOrEqual(2 * PINGS + 2);
    for (const { vxlan, ovn, outer, geneve } of packets) {
      expect(geneve).toBeNull();
      const vni = vxlan?.vni ?? 0;
      const ip = outer?.ip as { src: string; dst: string };
      expect(ovn).toMatchObject({
        datapathKey: vni % 4096,
        ingressKey: null,
        egressKey: Math.floor(vni / 4096),
        datapath: { name: said.datapaths.get(vni % 4096)?.name },
        inport: null,
        outport: { name: said.ports.get(`${vni % 4096}:${Math.floor(vni / 4096)}`)?.name },
        sourceChassis: said.chassis.get(ip.src),
        destinationChassis: said.chassis.get(ip.dst),
      });
      expect(ovn).not.toHaveProperty("assumed");
    }
  });

  test("the last hop of a request is ovn-trace's, but for the ingress port that VXLAN does not carry", () => {
    const trace = lab.ask(
      "ovn-trace",
      "--no-friendly-names",
      "network1",
      'inport == "vm1" && eth.src == 40:44:00:00:00:01 && eth.dst == 40:44:00:00:00:03 && ip4.src == 192.168.0.11 && ip4.dst == 192.168.1.12 && ip.ttl == 64 && icmp4.type == 8',
    );
    const hops = [...trace.matchAll(/^egress\(dp="[^"]*", inport="[^"]*", (outport="[^"]*")\)$/gm)];
    const text = genevescope("decode", "-v", capture, "--sb", lab.database, "--ip", "192.168.1.12");
    const requests = text.split(/\n(?=\S)/).filter((each) => each.includes("  type 8, code 0,"));
    expect(requests).toHaveLength(PINGS);
    for (const request of requests)
      expect(request).toContain(`egress(dp="network2", inport=?, ${hops.at(-1)?.[1]})`);
  });

  test("sb resolve --vxlan says the same of the VNI alone", () => {
    const { vxlan, ovn } = packets[0];
    const text = genevescope("sb", "resolve", "--vxlan", `${vxlan?.vni}`, "--sb", lab.database, "-o", "json");
    expect(JSON.parse(text)).toMatchObject({
      datapath: { name: ovn?.datapath?.name },
      outport: { name: ovn?.outport?.name },
    });
  });
});
