/* Tunnels by the names of logical ports: what encode makes of them, against what OVN sent. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { captures } from "../conformance/captures.js";
import { decodeAll, type Packet } from "../conformance/genevescope.js";
import { directory, encoded, refusal } from "./encode-verb.js";
import { genevescope } from "./run.js";

const SB = "captures/routed-ping/sb.db";

/** What a packet says but for what its sender chose by chance, and what it carried. */
function essence({ outer, geneve, vxlan, inner }: Packet) {
  const { payload: _, summary: __, ...headers } = (inner ?? {}) as Record<string, Record<string, unknown>>;
  const { id: ___, dontFragment: ____, flowLabel: _____, ...ip } = headers.ip ?? {};
  return { outer, geneve, vxlan, inner: { ...headers, ip } };
}

type Echo = { type: number; id: number; seq: number };
type Arp = { operation: number; targetMac: string; targetIp: string; senderIp: string };

/** The flags that make a packet again: by name what the database knows, by value what chance gave. */
function flagsFor({ time, outer, vxlan, ovn, inner }: Packet, sb: string): string[] | null {
  const { icmp, icmpv6, arp, eth, ip } = (inner ?? {}) as Record<string, Record<string, unknown>>;
  const sender = ovn?.source?.name;
  const echo = (icmp ?? icmpv6) as Echo | undefined;
  const kind =
    echo === undefined
      ? undefined
      : { 8: "icmp", 0: "icmp-reply", 128: "icmp", 129: "icmp-reply" }[echo.type];
  // What a router says itself has no port that it came by.
  if ((ovn?.source as { by?: string } | null)?.by === "router") return null;
  const isRequest = (arp as Arp | undefined)?.operation === 1;
  if (sender === undefined || ovn?.outport == null || ovn.bfd || (kind === undefined && arp === undefined))
    return null;
  const { src, dst } = (outer?.eth ?? {}) as { src: string; dst: string };
  const { senderIp = ip?.src, targetIp = ip?.dst } = (arp ?? {}) as Partial<Arp>;
  // OVN does not know what addresses this one has.
  const own = sender === "vm5" ? ["--inner-src-mac", `${eth.src}`, "--inner-src", `${senderIp}`] : [];
  if (ovn.outport.name === "vm5") own.push("--inner-dst-mac", `${eth.dst}`, "--inner-dst", `${targetIp}`);
  const common = [
    ...own,
    ...(vxlan === undefined ? [] : ["--encap", "vxlan"]),
    ...["--sb", sb, "--sb-time", time, "--inport", sender, "--outport", ovn.outport.name],
    ...["--outer-src-mac", src, "--outer-dst-mac", dst, "--outer-src-port", `${outer?.udp.src}`],
  ];
  if (arp !== undefined) {
    const { targetMac } = arp as unknown as Arp;
    // arping puts the broadcast address where others put zeros.
    if (isRequest && targetMac !== "00:00:00:00:00:00") return null;
    const to = isRequest ? ["--inner-dst", `${targetIp}`] : [];
    return [...common, "--inner", isRequest ? "arp" : "arp-reply", ...to];
  }
  const isKnown = ovn.outport.type !== "multicast" && ovn.outport.type !== "chassisredirect";
  const to = isKnown ? [] : ["--inner-dst-mac", `${eth.dst}`, "--inner-dst", `${ip.dst}`];
  const version = ip.version === 6 ? ["--inner-src", `${ip.src}`, "--inner-dst", `${ip.dst}`] : [];
  return [
    ...common,
    "--inner",
    kind as string,
    "--id",
    `${echo?.id}`,
    "--seq",
    `${echo?.seq}`,
    ...to,
    ...version,
  ];
}

describe("encode by name", () => {
  const cases: [title: string, flags: string[], packet: Packet][] = [];
  const seen = new Set<string>();
  for (const { title, path, sb, name } of captures) {
    if (name !== "hv1.pcap") continue;
    for (const packet of decodeAll(path, "--sb", sb)) {
      const flags = flagsFor(packet, sb);
      const { outer, ovn, inner } = packet;
      const key = JSON.stringify([
        title,
        outer?.ip?.src,
        outer?.ip?.dst,
        ovn,
        Object.keys(inner ?? {}),
        inner?.ip?.dst,
      ]);
      if (flags === null || seen.has(key)) continue;
      seen.add(key);
      cases.push([`${title}: ${inner?.summary}, to ${ovn?.outport?.name}`, flags, packet]);
    }
  }

  test("packets of every kind are among the captures", () => {
    const all = cases.map(([title]) => title).join("\n");
    for (const part of [
      "ICMP6",
      "ARP, Request",
      "ARP, Reply",
      "cr-router1-public",
      "_MC_unknown",
      "_MC_flood",
      "echo reply",
    ])
      expect(all).toContain(part);
    expect(cases.length).toBeGreaterThan(25);
  });

  test.each(cases)("%s", async (_, flags, packet) => {
    const [made, ...more] = await encoded(...flags);
    expect(more).toEqual([]);
    expect(essence(made)).toEqual(essence(packet));
  });
});

test("VXLAN to a VTEP gateway has the datapath's key alone", async () => {
  const sb = ["--encap", "vxlan", "--inner", "icmp", "--sb", "captures/vtep-gateway/sb.db"];
  const to = ["--inner-dst-mac", "02:00:00:00:00:09", "--inner-dst", "192.168.0.99"];
  const message = 'chassis "gw1" is a VTEP gateway, whose VXLAN carries the datapath\'s key alone';
  expect(await refusal(...sb, ...to, "--inport", "vm1", "--outport", "rack1")).toContain(message);
  expect(await refusal(...sb, "--inport", "vm1", "--outport", "vm3", "--to", "gw1")).toContain(message);
  const from = ["--inner-src-mac", "40:44:00:00:00:01", "--inner-src", "192.168.0.11", "--from", "worker1"];
  const [packet] = await encoded(...sb, ...from, ...to, "--datapath", "network1", "--to", "gw1");
  expect(packet).toMatchObject({
    outer: { ip: { src: "10.127.0.3", dst: "10.127.0.100" } },
    vxlan: { vni: 1 },
  });
});

test("STT to the end point that a chassis has for it", async () => {
  const dump = readFileSync("captures/routed-ping/sb.dump.json", "utf8");
  const port = '[["csum","true"],["dst_port","7472"]]';
  const sb = join(directory, "stt.json");
  writeFileSync(sb, dump.replaceAll('"geneve"', '"stt"').replaceAll('[["csum","true"]]', port));
  const names = ["--inner", "icmp", "--inport", "vm1", "--outport", "vm2", "--sb", sb];
  const [made] = await encoded(...names, "--encap", "stt", "--outer-dst-port", "7471");
  const [geneve] = await encoded("--sb", SB, ...names.slice(0, -2));
  expect(made.stt?.contextId).toBe("0x0000020001000002");
  expect(essence(made).inner).toEqual(essence(geneve).inner);
  expect(made.outer?.ip).toMatchObject({ src: geneve.outer?.ip.src, dst: geneve.outer?.ip.dst });
  const { stdout } = await genevescope(["encode", ...names, "--encap", "stt"]);
  expect(Buffer.from(stdout.trim(), "hex").readUInt16BE(36)).toBe(7472);
  expect(await refusal(...names)).toMatch(/^chassis "[^"]*" has no tunnel end point for Geneve/);
  const noStt = ["--encap", "stt", "--sb", SB];
  expect(await refusal(...names.slice(0, -2), ...noStt)).toMatch(
    /^chassis "[^"]*" has no tunnel end point for STT; give --outer-dst$/,
  );
});

test("VXLAN from a VTEP gateway, or to a group that has one, is not made of keys that it does not carry", async () => {
  const sb = ["--encap", "vxlan", "--inner", "icmp", "--sb", "captures/vtep-gateway/sb.db"];
  const from = ["--inner-src-mac", "02:00:00:00:00:09", "--inner-src", "192.168.0.99"];
  const message = 'chassis "gw1" is a VTEP gateway, whose VXLAN carries the datapath\'s key alone';
  expect(await refusal(...sb, ...from, "--inport", "rack1", "--outport", "vm1")).toContain(message);
  expect(await refusal(...sb, ...from, "--outport", "vm1", "--from", "gw1")).toContain(message);
  const group = [...sb, "--inport", "vm1", "--outport", "_MC_flood", "--inner-dst", "192.168.0.255"];
  expect(await refusal(...group)).toContain('chassis "gw1" is a VTEP gateway, whose');
  const [packet] = await encoded(...group, "--to", "worker2");
  expect(packet).toMatchObject({ outer: { ip: { dst: "10.127.0.4" } }, vxlan: { vni: 0x80_0001 } });
});

describe("a switch with a localnet port", () => {
  const names = ["--inner", "icmp", "--inport", "vm1", "--outport", "vm3"];
  const dump = readFileSync("captures/routed-ping/sb.dump.json", "utf8");

  /** The southbound where the port to the router is one to a physical network. */
  function localnet(name: string, text: string): string {
    const path = join(directory, name);
    const port = /("net1-router1","40:44.*?),"patch"/;
    expect(text).toMatch(port);
    writeFileSync(path, text.replace(port, '$1,"localnet"'));
    return path;
  }

  test("has no tunnels, unless somebody asks for one", async () => {
    const sb = localnet("localnet.json", dump);
    const message = /^"network1" has a localnet port, by which OVN sends in the place of tunnels; give --to/;
    expect(await refusal(...names, "--sb", sb)).toMatch(message);
    const flood = [
      "--inner",
      "arp",
      "--inport",
      "vm1",
      "--outport",
      "_MC_flood",
      "--inner-dst",
      "192.168.0.9",
    ];
    expect(await refusal(...flood, "--sb", sb)).toMatch(message);
    const [packet] = await encoded(...names, "--sb", sb, "--to", "worker2");
    expect(packet).toMatchObject({ outer: { ip: { dst: "10.127.0.4" } }, geneve: { vni: 1 } });
  });

  test("has them with always_tunnel", async () => {
    const always = dump.replace('["max_tunid"', '["always_tunnel","true"],["max_tunid"');
    expect(always).not.toBe(dump);
    const [packet] = await encoded(...names, "--sb", localnet("always.json", always));
    expect(packet).toMatchObject({ outer: { ip: { dst: "10.127.0.4" } }, geneve: { vni: 1 } });
  });
});

describe("names", () => {
  const names = ["--inner", "icmp", "--inport", "vm1", "--outport", "vm2", "--sb", SB];

  test("those that others gave", async () => {
    const friendly = [
      "--inner",
      "icmp",
      "--inport",
      "web-1",
      "--outport",
      "db-1",
      "--datapath",
      "backend",
      "--sb",
      SB,
    ];
    const [made] = await encoded(...friendly);
    expect(essence(made)).toEqual(essence((await encoded(...names))[0]));
  });

  test("keys of a named datapath, and what flags say comes first", async () => {
    const flags = ["--datapath", "network2", "--inport", "2", "--outport", "vm2", "--from", "worker1"];
    const own = [
      "--vni",
      "99",
      "--inner-src",
      "10.9.9.9",
      "--inner-src-mac",
      "02:00:00:00:09:09",
      "--inner-ttl",
      "7",
    ];
    const [made] = await encoded("--inner", "icmp", "--sb", SB, ...flags, ...own);
    expect(made.geneve).toMatchObject({ vni: 99, options: [{ data: "00020001" }] });
    expect(made.outer?.ip).toMatchObject({ src: "10.127.0.3", dst: "10.127.0.4" });
    expect(made.inner?.eth).toMatchObject({ src: "02:00:00:00:09:09", dst: "40:44:00:00:00:02" });
    expect(made.inner?.ip).toMatchObject({ src: "10.9.9.9", dst: "192.168.1.12", ttl: 7 });
  });

  test("a router's port is known by the router's addresses", async () => {
    const flags = ["--inport", "net2-router1", "--outport", "vm2", "--from", "worker1"];
    const [made] = await encoded("--inner", "icmp", "--sb", SB, ...flags, "--inner-src", "192.168.1.1");
    expect(made.inner?.eth).toMatchObject({ src: "40:44:00:00:00:04", dst: "40:44:00:00:00:02" });
  });

  test("a multicast group goes to each chassis that has a port, --to to one; -c counts all frames", async () => {
    const flood = [
      "--inner",
      "arp",
      "--inner-dst",
      "192.168.0.99",
      "--outport",
      "_MC_flood",
      "--datapath",
      "network1",
    ];
    const from = ["--inport", "net1-router1", "--inner-src", "192.168.0.1", "--sb", SB, ...flood];
    const ends = async (...more: string[]) =>
      (await encoded(...from, "--outer-src", "10.127.0.9", ...more)).map(({ outer }) => outer?.ip.dst);
    expect(await ends()).toEqual(["10.127.0.3", "10.127.0.4"]);
    expect(await ends("--to", "worker2", "-c", "2")).toEqual(["10.127.0.4", "10.127.0.4"]);
    expect(await ends("-c", "3")).toEqual(["10.127.0.3", "10.127.0.4", "10.127.0.3"]);
  });

  test("which chassis have a port of some other group is not guessed", async () => {
    const group = ["--inner", "arp", "--inner-dst", "192.168.0.99", "--outport", "_MC_unknown", "--datapath"];
    const flags = [...group, "network1", "--inport", "net1-router1", "--inner-src", "192.168.0.1"];
    const message = /^which chassis have a port of "_MC_unknown" is not known, of 2 that have ports of/;
    const sb = ["--sb", "captures/arp-broadcast/sb.db", "--outer-src", "10.127.0.9"];
    expect(await refusal(...flags, ...sb)).toMatch(message);
    expect(await encoded(...flags, ...sb, "--to", "worker2")).toHaveLength(1);
  });

  test("a multicast group by its key", async () => {
    const flags = ["--inport", "vm1", "--outport", "32768", "--inner-dst", "192.168.0.99", "--sb", SB];
    const [made, ...more] = await encoded("--inner", "arp", ...flags);
    expect(more).toEqual([]);
    expect(made.outer?.ip.dst).toBe("10.127.0.4");
    expect(made.inner?.eth.dst).toBe("ff:ff:ff:ff:ff:ff");
  });

  test.each([
    [
      "an unknown port",
      ["--inport", "vm4", "--outport", "vm2"],
      /^--inport "vm4": .*no port of that name; nearest: "vm1", "vm2", "vm3"$/,
    ],
    [
      "an unknown group",
      ["--inport", "vm1", "--outport", "_MC_floot"],
      /^--outport "_MC_floot": .*no port or multicast group of that name; nearest: "_MC_flood"/,
    ],
    [
      "an unknown datapath",
      ["--inport", "1", "--outport", "1", "--datapath", "network3"],
      /^--datapath "network3": .*no datapath of that name; nearest: "network1", "network2"/,
    ],
    [
      "an unknown chassis",
      ["--inport", "vm1", "--outport", "vm2", "--to", "worker3"],
      /^--to "worker3": .*no chassis of that name; nearest: "worker1", "worker2"/,
    ],
    [
      "a port of another datapath",
      ["--inport", "vm1", "--outport", "vm2", "--datapath", "network1"],
      /^--outport "vm2" is of "network2", not of "network1"/,
    ],
    [
      "two ports of one chassis",
      ["--inport", "vm3", "--outport", "vm2"],
      /^no chassis but "worker2", .* has "vm2": .*give --to or --outer-dst/,
    ],
    ["one key alone", ["--inport", "vm1"], /^--outport is missing/],
    ["keys without their datapath", ["--inport", "1", "--outport", "2"], /^--datapath is missing/],
    [
      "a port that no chassis has",
      ["--inport", "net2-router1", "--outport", "vm2"],
      /^--outer-src is missing; give it, or --from/,
    ],
    [
      "a router's port as the end",
      ["--inport", "vm1", "--outport", "net1-router1"],
      /^no chassis has "net1-router1"; give --to or --outer-dst/,
    ],
    [
      "the time of packets",
      ["--inport", "vm1", "--outport", "vm2", "--sb-time", "packet"],
      /^--sb-time packet: there are no packets/,
    ],
    [
      "a time before there was a port",
      ["--inport", "vm1", "--outport", "vm2", "--sb-time", "2020-01-01"],
      /none of that name at that time$/,
    ],
  ])("refuses %s", async (_, flags, expected) => {
    expect(await refusal("--inner", "icmp", "--sb", SB, ...flags)).toMatch(expected);
  });

  test("refuses a way through a gateway, and names without a database", async () => {
    const gateway = ["--inner", "icmp", "--sb", "captures/ha-gateway/sb.db", "--inport", "vm1"];
    expect(await refusal(...gateway, "--outport", "public-router1")).toMatch(
      /^"vm1" and "public" are connected through a gateway/,
    );
    expect(await refusal("--inner", "icmp", "--inport", "vm1", "--outport", "vm2")).toMatch(
      /^no southbound database; give --sb/,
    );
  });
});
