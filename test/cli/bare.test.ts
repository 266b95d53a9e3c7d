/*
 * `live` on devices whose frames have lost their tunnels: the inner frames of a capture on a wire, judged by `decode` of
 * the capture itself. test/lab/bare.test.ts does it on a host.
 */

import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { saidIn } from "../capture/pcapng-blocks.js";
import { describeLive, Wire } from "../native/wire.js";
import { eventually } from "../southbound/cluster.js";
import { usualFrames } from "../vectors/shapes.js";
import { bareOf, captureOf } from "./bare-frames.js";
import { beginLive, ours } from "./live-verb.js";

const DEVICE = "genev_sys_6081";
const CAPTURE = "captures/ha-gateway/hv1.pcap";
const NAMED = ["--sb", "captures/ha-gateway/sb.db"];
const ROUTED = "captures/routed-ping";

interface Packet {
  interface: string;
  status: string;
  outer: unknown;
  geneve: unknown;
  ovn: Record<string, unknown> & { candidates?: Record<string, unknown>[] };
  inner: Record<string, unknown> & { summary: string };
}

const packetsOf = (text: string): Packet[] =>
  text
    .trimEnd()
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));

describeLive("frames without tunnels", () => {
  let wire: Wire;
  let bare: string;
  const packets = packetsOf(ours("decode", ...NAMED, "-o", "json", CAPTURE)).filter(
    ({ ovn }) => ovn !== null && ovn.ingressKey !== null,
  );

  beforeAll(async () => {
    wire = new Wire();
    wire.addPair("inner", DEVICE);
    bare = await bareOf(CAPTURE);
  });
  afterAll(() => wire?.down());

  const lines = (text: string) => text.split("\n").length - 1;

  /** What `live` says of the capture's frames, once as many lines have come as there are. */
  async function shown(...args: string[]) {
    const live = await beginLive(wire, {}, "-i", DEVICE, ...NAMED, ...args);
    if (args.includes("eth1") || args.includes("rx0")) wire.send(CAPTURE, { perSecond: 2000 });
    const sent = wire.send(bare, { device: "inner", perSecond: 2000 });
    expect(sent).toBe(packets.length);
    await eventually("all lines", () => lines(live.said.out) >= sent || live.child.exitCode !== null);
    return live.end("SIGINT");
  }

  test("are named by addresses, with all that is possible, and nothing that is not so", async () => {
    const { status, out, err } = await shown("-o", "json");
    expect(status).toBe(0);
    expect(err).toContain(
      `${DEVICE}: its frames have no tunnel headers; keys and ports are told by MAC and IP addresses\n`,
    );
    expect(err).toContain(
      "18 frames without tunnel headers; their keys: 9 by addresses, 9 with several possible\n",
    );
    const found = packetsOf(out);
    expect(found.map(({ inner }) => inner)).toEqual(packets.map(({ inner }) => inner));
    found.forEach(({ ovn, outer, geneve, interface: device }, n) => {
      const { ovn: truth } = packets[n];
      expect([device, outer, geneve]).toEqual([DEVICE, null, null]);
      const readings = ovn.candidates ?? [ovn];
      expect(ovn.candidateCount ?? 1).toBe(readings.length);
      const keys = ["datapathKey", "ingressKey", "egressKey"] as const;
      const isSo = (reading: Record<string, unknown>) =>
        keys.every((key) => reading[key] === null || reading[key] === truth[key]);
      expect(readings.filter(isSo)).toHaveLength(1);
      if (ovn.keysFrom === "addresses") expect(ovn.datapath).toEqual(truth.datapath);
      for (const role of ["inport", "outport"] as const)
        if (ovn[role] !== null) expect(ovn[role]).toEqual(truth[role]);
    });
  });

  test("have a line each, with the readings, and -v has them all", async () => {
    const { out } = await shown();
    const text = out.replace(/^\S+ /gm, "").split("\n");
    expect(text[1]).toBe(
      "[one of 2: router1: ? -> cr-router1-public | public: public-router1 -> ?] 192.168.1.12 > 198.51.100.10: ICMP echo request, id 29723, seq 1, length 64",
    );
    expect(text[2]).toBe(
      "network2: net2-router1 -> vm2 [vni 2 in 2 out 1 by addresses] 198.51.100.10 > 192.168.1.12: ICMP echo reply, id 29723, seq 1, length 64",
    );
    expect(text[11]).toBe(
      "network1: vm3 -> ? [vni 1 in 2 out ? by addresses] ARP, Request who-has 192.168.0.1 tell 192.168.0.13, length 28",
    );
    const { out: tree } = await shown("-v");
    expect(tree).toContain(
      "      payload, 56 bytes\n    possible  router1: ? -> cr-router1-public\n    possible  public: public-router1 -> ?\n",
    );
    expect(tree).toContain('    egress(dp="network1", inport="vm3", outport=?)\n');
    expect(tree).not.toContain("Geneve");
  });

  test("have the keys of their twins on the underlay with --tunnel-keys", async () => {
    const { out, err } = await shown("-i", "rx0", "--tunnel-keys", "-o", "json");
    expect(err).toContain("keys and ports are told by the same frames on rx0, else by the datapath's flows");
    expect(err).toMatch(/the datapath's flows are not to be had: .*ovs-/);
    expect(err).toContain("18 frames without tunnel headers; their keys: 18 from the underlay\n");
    const found = packetsOf(out);
    expect(found).toHaveLength(packets.length);
    found.forEach(({ ovn, inner }, n) => {
      const { keysFrom, tunnel, ...keys } = ovn;
      expect([inner, keys]).toEqual([packets[n].inner, packets[n].ovn]);
      expect(keysFrom).toBe("underlay");
    });
  });

  test("have those keys, too, where a filter of the kernel's is theirs and not the tunnels'", async () => {
    const live = await beginLive(
      wire,
      {},
      ...["-i", DEVICE, "-i", "rx0", "--tunnel-keys", "--bpf", "arp", "-o", "json"],
    );
    wire.send(CAPTURE);
    wire.send(bare, { device: "inner" });
    await new Promise((resolve) => setTimeout(resolve, 300));
    const { out } = await live.end("SIGTERM");
    const arp = packets.filter(({ inner }) => "arp" in inner);
    expect(arp.length).toBeGreaterThan(1);
    expect(packetsOf(out).map(({ ovn }) => [ovn.keysFrom, ovn.ingressKey])).toEqual(
      arp.map(({ ovn }) => ["underlay", ovn.ingressKey]),
    );
  });

  test("that are cut are no twins, which is said", async () => {
    const { out, err } = await shown("-i", "rx0", "--tunnel-keys", "--snap-length", "60");
    expect(out.match(/by underlay\]/g) ?? []).toHaveLength(0);
    expect(err).toMatch(/\d+ frames were captured in part \(--snap-length\)/);
  });

  test.each([
    ["by addresses", []],
    ["by underlay", ["-i", "rx0", "--tunnel-keys"]],
  ])("are saved with what their lines say of them as comments: %s", async (by, flags) => {
    const file = wire.file(`${by}.pcapng`);
    const { out } = await shown(...flags);
    const live = await beginLive(wire, {}, ...["-i", DEVICE, ...NAMED, ...flags, "--annotate", "-w", file]);
    if (flags.length > 0) wire.send(CAPTURE, { perSecond: 2000 });
    const sent = wire.send(bare, { device: "inner", perSecond: 2000 });
    await eventually("packets", () => existsSync(file) && saidIn(file).comments.length >= sent);
    expect((await live.end("SIGINT")).status).toBe(0);
    const { comments } = saidIn(file);
    const lines = out.trimEnd().split("\n");
    expect(comments).toHaveLength(lines.length);
    comments.forEach((comment, n) => {
      expect(comment).toMatch(/\]$/);
      expect(lines[n].replace(/^\S+ /, "").startsWith(`${comment} `)).toBe(true);
    });
    expect(comments.filter((comment) => comment.includes(by)).length).toBeGreaterThan(5);
  });

  test("wait for the underlay no longer than the capture, and stay where nobody was there", async () => {
    const live = await beginLive(wire, {}, "-i", DEVICE, "-i", "rx0", "--tunnel-keys", ...NAMED);
    wire.send(bare, { device: "inner" });
    // They have been taken by then, and wait.
    await new Promise((resolve) => setTimeout(resolve, 250));
    const { status, out } = await live.end("SIGTERM");
    expect([status, lines(out)]).toEqual([0, packets.length]);
    expect(out.match(/by addresses\]/g)).toHaveLength(9);
  });

  test("are summed up and filtered by the keys that were found", async () => {
    const live = await beginLive(
      wire,
      {},
      ...["-i", DEVICE, "-i", "rx0", "--tunnel-keys", ...NAMED, "--outport", "vm2"],
      ...["--summary", "1h", "-o", "json"],
    );
    wire.send(CAPTURE);
    wire.send(bare, { device: "inner" });
    await new Promise((resolve) => setTimeout(resolve, 300));
    const { out } = await live.end("SIGTERM");
    const { flows, withoutTunnel, packets: count, geneve, tunnels } = JSON.parse(out);
    expect(flows).toMatchObject([
      { datapath: "network2", inport: "net2-router1", outport: "vm2", packets: 5 },
    ]);
    expect(withoutTunnel).toMatchObject({ frames: 5, underlay: 5, addresses: 0 });
    expect([count, geneve, tunnels]).toEqual([5, 0, []]);
    const some = await beginLive(wire, {}, "-i", DEVICE, ...NAMED, "--summary", "1h");
    wire.send(bare, { device: "inner" });
    await new Promise((resolve) => setTimeout(resolve, 300));
    const text = (await some.end("SIGTERM")).out;
    expect(text).toContain(
      "Without tunnel header 18: by addresses 9, by addresses, with several possible 9\n",
    );
    expect(text).toMatch(/ network1 +vm3 +\? +1 +2 +- +1 /);
  });

  test("of a guest that has tunnels of its own are not taken for the host's", async () => {
    const own = captureOf([Object.values(usualFrames)[0]]);
    for (const args of [
      ["--summary", "1h", "-o", "json"],
      ["-o", "json"],
    ]) {
      const live = await beginLive(wire, {}, "-i", DEVICE, ...args);
      wire.send(own, { device: "inner", repeat: 3 });
      await new Promise((resolve) => setTimeout(resolve, 300));
      const { out, err } = await live.end("SIGTERM");
      expect(err).toContain("nothing tells keys and ports without --sb");
      if (args.length > 2)
        expect(JSON.parse(out)).toMatchObject({
          packets: 3,
          geneve: 0,
          ovn: 0,
          flows: [],
          withoutTunnel: { nothing: 3 },
        });
      else
        for (const packet of packetsOf(out))
          expect(packet).toMatchObject({
            status: "ok",
            outer: null,
            geneve: null,
            ovn: { datapathKey: null, keysFrom: "nothing" },
            inner: { udp: { dst: 6081 } },
          });
    }
  });

  test("of a guest's device are from or to its port, which a database says", async () => {
    const routed = await bareOf(`${ROUTED}/hv2.pcap`);
    const databases = ["--sb", `${ROUTED}/sb.db`, "--ovs", `${ROUTED}/hv2.conf.db`];
    wire.addPair("far", "vm2");
    const live = await beginLive(wire, {}, "-i", "vm2", ...databases, "-o", "json");
    const sent = wire.send(routed, { device: "far" });
    await eventually("all lines", () => lines(live.said.out) >= sent);
    const { out, err } = await live.end("SIGINT");
    expect(err).toContain('vm2: the device of the logical port "vm2", its frames have no tunnel headers');
    const truth = packetsOf(ours("decode", ...databases.slice(0, 2), "-o", "json", `${ROUTED}/hv2.pcap`));
    const replies = packetsOf(out).filter(
      ({ ovn }) => (ovn.outport as { name: string } | null)?.name === "vm2",
    );
    expect(replies.length).toBe(
      truth.filter(({ ovn }) => (ovn.outport as { name: string })?.name === "vm2").length,
    );
  });

  test("beside packets in tunnels: lines name the device", async () => {
    const live = await beginLive(wire, {}, "-i", DEVICE, "-i", "rx0", ...NAMED);
    const sent = wire.send(CAPTURE) + wire.send(bare, { device: "inner" });
    const others = lines(ours("decode", "--all", CAPTURE)) - lines(ours("decode", CAPTURE));
    await eventually("all lines", () => lines(live.said.out) >= sent - others);
    const { out } = await live.end("SIGINT");
    const count = (device: string) => out.split("\n").filter((line) => line.split(" ")[1] === device).length;
    expect(count(DEVICE)).toBe(packets.length);
    expect(count("rx0")).toBe(lines(ours("decode", CAPTURE)));
  });

  test("are not looked for where the device carries tunnels, whatever it is called", async () => {
    wire.addPair("chassis", "vnet7");
    const live = await beginLive(wire, {}, "-i", "vnet7", "--underlay", ...NAMED, "-o", "json");
    wire.send(CAPTURE, { device: "chassis" });
    await eventually("all lines", () => lines(live.said.out) >= packets.length);
    const { out, err } = await live.end("SIGINT");
    expect(err).not.toContain("tunnel headers");
    const found = packetsOf(out).filter(({ ovn }) => ovn !== null && ovn.ingressKey !== null);
    expect(found.map(({ ovn }) => ovn)).toEqual(packets.map(({ ovn }) => ovn));
  });

  test("of a name that nobody knows are taken for what the name says", async () => {
    wire.addPair("tapped", "tap0123");
    const live = await beginLive(wire, {}, "-i", "tap0123", ...NAMED);
    wire.send(bare, { device: "tapped" });
    await eventually("all lines", () => lines(live.said.out) >= packets.length);
    const { err } = await live.end("SIGINT");
    expect(err).toContain("tap0123: its frames have no tunnel headers");
  });

  test("are not asked about for long where the local database does not answer", async () => {
    const silent = createServer(() => {}).listen(wire.file("db.sock"));
    const begun = Date.now();
    const live = await beginLive(
      wire,
      { prefix: ["env", `OVS_RUNDIR=${wire.directory}`] },
      ...["-i", "rx0", "--duration", "1s"],
    );
    expect(Date.now() - begun).toBeLessThan(12_000);
    expect(live.said.err).toContain("listening on rx0");
    await live.end();
    silent.close();
  });
});
