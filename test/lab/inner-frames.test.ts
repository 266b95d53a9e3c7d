/*
 * Inner frames of a running OVN: keys from its datapath's flows, and from the underlay at the same time, against what
 * the tunnels of the same frames said.
 */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { confirmed } from "../../src/analysis/confirmed.js";
import { Correlator } from "../../src/analysis/correlator.js";
import { FlowKeys } from "../../src/analysis/flow-keys.js";
import { FramePairs } from "../../src/analysis/frame-pairs.js";
import { Namer } from "../../src/analysis/namer.js";
import type { TunnelHeader } from "../../src/analysis/tunnel-header.js";
import { openKnownNames, openSouthbound } from "../../src/southbound/index.js";
import { IpProtocol } from "../../src/wire/ethertype.js";
import { egressOf, ingressOf } from "../../src/wire/ovn-option.js";
import { bareBatch, eachBatch, innerFrames } from "../analysis/inner-only.js";
import { findCommand } from "../setup/peer.js";
import { describeLab, Lab } from "./lab.js";

const PINGS = 5;
const HOSTS = ["hv1", "hv2"];
const VMS = ["vm1", "vm3"];
/** The options of dump-flows that change how it prints. */
const FORMS = [[], ["-m"], ["--names"], ["-m", "--names"]];

describeLab("a lab", () => {
  const lab = new Lab();
  const capture = (host: string) => lab.file(`${host}.pcap`);
  /** By host, then form. */
  const dumps = new Map<string, string[]>();

  const dpctl = (host: string, ...command: string[]) =>
    execFileSync(
      findCommand("ovs-appctl") ?? "ovs-appctl",
      ["-t", join(lab.state, host, "ovs-vswitchd.ctl"), ...command],
      { encoding: "utf8" },
    );
  const keysOf = (dump: string) => {
    const keys = new FlowKeys();
    keys.write(dump);
    keys.end();
    return keys;
  };

  beforeAll(() => {
    lab.run("up");
    lab.run("topology", "gateway");
    lab.run("nb", "--wait=hv", "lrp-set-gateway-chassis", "router1-public", "worker2", "20");
    const targets = ["192.168.1.12", "192.168.0.13", "172.24.4.100"];
    for (const target of targets) lab.warm("vm1", target);
    for (const host of HOSTS) lab.run("capture", host, capture(host));
    for (const name of VMS) lab.run("capture", name, capture(name), "-i", name);
    for (const target of targets)
      lab.run("exec", "vm1", "ping", "-n", "-c", String(PINGS), "-i", "0.2", target);
    for (const host of HOSTS)
      dumps.set(
        host,
        FORMS.map((form) => dpctl(host, "dpctl/dump-flows", ...form)),
      );
    lab.run("capture-stop");
  });
  afterAll(() => lab.down());

  test.each(HOSTS)(
    "the flows of the datapath on %s, printed in any form, tell the keys that the frames' tunnels said",
    async (host) => {
      const inventory = await openSouthbound(lab.database);
      const correlator = new Correlator(inventory, null, new Namer(inventory, null));
      const inner = await innerFrames(capture(host));
      const { packets, frames } = bareBatch(inner);
      for (const [form, dump] of (dumps.get(host) ?? []).entries()) {
        const keys = keysOf(dump);
        expect(keys.counts.used, dump).toBeGreaterThan(3);
        expect(keys.counts).toMatchObject({ unreadable: 0, dropped: 0 });
        const told = new Map<string, number>();
        inner.forEach(({ vni, ingress, egress }, i) => {
          const headers = keys.find(packets, frames, i);
          const sure = headers && confirmed(headers, correlator.find(packets, frames, i));
          if (sure === null || !sure.isOneKey) return;
          const [header] = sure.headers;
          const truth = `${vni}:${ingress}>${egress}`;
          expect(keysText(header), FORMS[form].join(" ")).toBe(truth);
          told.set(truth, (told.get(truth) ?? 0) + 1);
        });
        // To and from vm2 behind the router, and vm3; back from the machine outside, through the router.
        for (const [truth, count] of [
          ["2:2>1", PINGS],
          ["1:3>1", 2 * PINGS],
          ["1:1>2", PINGS],
          ["1:2>1", PINGS],
        ] as const)
          expect(told.get(truth), `${host} ${FORMS[form].join(" ")} ${truth}`).toBeGreaterThanOrEqual(count);
        // To the gateway: who sends knows; who receives looks at no MAC there.
        if (host === "hv1") expect(told.get("3:1>4")).toBeGreaterThanOrEqual(PINGS);
      }
    },
  );

  test("a kernel's way to tell a tunnel, as this OVS prints it", async () => {
    const header =
      "tun_id=0x1,dst=10.127.0.4,ttl=64,tp_dst=6081,geneve({class=0x102,type=0x80,len=4,0x30002}),flags(df|csum|key)";
    const match =
      "recirc_id(0),in_port(5),eth(src=0a:00:00:00:00:01,dst=0a:00:00:00:00:02),eth_type(0x0800),ipv4(frag=no)";
    const actions = `set(tunnel(${header})),set(eth(src=40:44:00:00:00:03,dst=40:44:00:00:00:05)),set(ipv4(ttl=63)),4,5`;
    // A frame such as leaves by this flow: router1 to vm3.
    const bytes = Uint8Array.from(
      Buffer.from("404400000005404400000003080045000014000000003f0000000a0000010a000002", "hex"),
    );
    const { packets, frames } = bareBatch([{ bytes }]);
    for (const form of FORMS) {
      // OVS removes a flow that it knows no reason for, at times before it is looked at.
      const dump = await vi.waitFor(
        () => {
          dpctl("hv1", "dpctl/mod-flow", "--may-create", match, actions);
          const dumped = dpctl("hv1", "dpctl/dump-flows", ...form);
          expect(dumped).toContain("set(tunnel(");
          return dumped;
        },
        { timeout: 10_000 },
      );
      expect(keysOf(dump).find(packets, frames, 0)?.pinned, dump).toEqual([
        { vni: 1, ovnKeys: 0x30002, source: null, destination: "10.127.0.4" },
      ]);
    }
  });

  /** The pings on a VM's device: their ends, how they are read, the keys of their twins on the host's underlay. */
  async function pingsOf(name: string, host: string): Promise<Map<string, number>> {
    const inventory = await openSouthbound(lab.database);
    const known = await openKnownNames({ vswitches: [join(lab.state, host, "conf.db")] });
    const portName = known.vswitches[0].portOf(name, Number.POSITIVE_INFINITY);
    const correlator = new Correlator(inventory, null, new Namer(inventory, null), portName);
    const keys: string[] = [];
    const pairs = new FramePairs((token, headers) => {
      keys[token] = headers === null ? "-" : headers.headers.map(keysText).join(" ");
    });
    await eachBatch(capture(host), "decode", (packets, frames) => {
      for (let i = 0; i < packets.count; i++) pairs.tunnelled(packets, frames, i);
    });
    const pings: string[] = [];
    await eachBatch(capture(name), "decodeInner", (packets, frames) => {
      for (let i = 0; i < packets.count; i++) {
        if (frames.innerProtocol[i] !== IpProtocol.icmp) continue;
        const { readings, count } = correlator.find(packets, frames, i);
        expect(count).toBe(1);
        const [{ datapath, inport, outport }] = readings;
        const ends = correlator.ends(packets, frames, i, readings[0]);
        const port = `${datapath.name}: ${inport?.name} > ${outport?.name}`;
        pairs.bare(packets, frames, i, pings.length);
        pings.push(`${ends.source?.port?.name} > ${ends.destination?.port?.name}, ${port}`);
      }
    });
    pairs.end();
    expect(pairs.counts).toMatchObject({ ambiguous: 0, hurried: 0, cut: 0, dropped: 0 });
    const told = new Map<string, number>();
    for (const [index, ping] of pings.entries()) {
      const text = `${ping}, ${keys[index]}`;
      told.set(text, (told.get(text) ?? 0) + 1);
    }
    return told;
  }

  test("a VM's device, and the underlay at the same time: names by the port, keys by the bytes", async () => {
    expect(Object.fromEntries(await pingsOf("vm3", "hv2"))).toEqual({
      "vm1 > vm3, network1: vm1 > vm3, 1:1>2": PINGS,
      "vm3 > vm1, network1: vm3 > vm1, 1:2>1": PINGS,
    });
    // What is to be routed has other MACs in the tunnel; what has been routed, the same.
    expect(Object.fromEntries(await pingsOf("vm1", "hv1"))).toEqual({
      "vm1 > vm2, network1: vm1 > net1-router1, -": PINGS,
      "vm2 > vm1, network1: net1-router1 > vm1, 1:3>1": PINGS,
      "vm1 > vm3, network1: vm1 > vm3, 1:1>2": PINGS,
      "vm3 > vm1, network1: vm3 > vm1, 1:2>1": PINGS,
      "vm1 > undefined, network1: vm1 > net1-router1, -": PINGS,
      "undefined > vm1, network1: net1-router1 > vm1, 1:3>1": PINGS,
    });
  });
});

function keysText({ vni, ovnKeys }: TunnelHeader): string {
  return `${vni}:${ingressOf(ovnKeys ?? 0)}>${egressOf(ovnKeys ?? 0)}`;
}
