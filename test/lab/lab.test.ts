/* A real OVN on this machine: what it says of its own packets, and what we do. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Inventory, openSouthbound } from "../../src/southbound/index.js";
import { type Truth, truthIn } from "../conformance/captures.js";
import { decodeAll, genevescope, type Packet } from "../conformance/genevescope.js";
import { describeLab, Lab } from "./lab.js";

const PINGS = 5;
const NOW = Number.POSITIVE_INFINITY;

/** What an inventory says of keys and names. */
function inventoryNames(inventory: Inventory) {
  const datapaths = inventory.datapaths(NOW);
  return {
    datapaths: datapaths.map(({ tunnelKey, name, kind, uuid }) => [tunnelKey, { uuid, name, kind }]),
    ports: inventory
      .ports(NOW)
      .map(({ datapathKey, tunnelKey, name, type, chassis }) => [
        `${datapathKey}:${tunnelKey}`,
        name,
        type,
        chassis?.name ?? null,
      ])
      .sort(),
    groups: datapaths
      .flatMap(({ tunnelKey: key }) =>
        inventory.multicastGroups(NOW, key).map((group) => [`${key}:${group.tunnelKey}`, group.name]),
      )
      .sort(),
    chassis: inventory
      .chassis(NOW)
      .flatMap(({ name, encaps }) => encaps.map(({ ip }) => [ip, name]))
      .sort(),
  };
}

/** What ovn-sbctl says of them. */
function trueNames({ datapaths, ports, groups, chassis }: Truth) {
  return {
    datapaths: [...datapaths]
      .map(([key, { uuid, name, kind }]) => [key, { uuid, name, kind }] as const)
      .sort(([a], [b]) => a - b),
    ports: [...ports].map(([key, { name, type, chassisAt }]) => [key, name, type, chassisAt(NOW)]).sort(),
    groups: [...groups].sort(),
    chassis: [...chassis].sort(),
  };
}

const isEcho = (type: number) => (packet: Packet) =>
  (packet.inner?.icmp as { type: number } | undefined)?.type === type;
const REQUEST = 8;
const REPLY = 0;

describeLab("a lab", () => {
  const lab = new Lab();
  const capture = lab.file("hv2.pcap");
  const snapshot = lab.file("snapshot");
  const inSnapshot = (name: string) => join(snapshot, name);

  beforeAll(async () => {
    lab.run("up");
    lab.run("topology", "basic");
    lab.warm("vm1", "192.168.1.12");
    lab.run("capture", "hv2", capture);
    lab.run("exec", "vm1", "ping", "-n", "-c", String(PINGS), "-i", "0.2", "192.168.1.12");
    lab.run("capture-stop");
    mkdirSync(snapshot);
    lab.run("snapshot", snapshot, "full");
  });

  afterAll(() => lab.down());

  /** The pings must be there with the keys the README of the lab promises, and these names. */
  function expectNames(packets: Packet[]) {
    const requests = packets.filter(isEcho(REQUEST));
    const replies = packets.filter(isEcho(REPLY));
    expect([requests.length, replies.length]).toEqual([PINGS, PINGS]);
    for (const { ovn } of requests)
      expect(ovn).toMatchObject({
        datapath: { name: "network2", kind: "switch" },
        inport: { name: "net2-router1", type: "patch", chassis: null },
        outport: { name: "vm2", type: "", chassis: "worker2" },
        sourceChassis: "worker1",
        destinationChassis: "worker2",
      });
    for (const { ovn } of replies)
      expect(ovn).toMatchObject({
        datapath: { name: "network1", kind: "switch" },
        inport: { name: "net1-router1", type: "patch", chassis: null },
        outport: { name: "vm1", type: "", chassis: "worker1" },
        sourceChassis: "worker2",
        destinationChassis: "worker1",
      });
  }

  test("the running database, a backup and a dump name its packets alike", () => {
    const sources = [lab.database, inSnapshot("sb.backup.db"), inSnapshot("sb.dump.json")];
    const answers = sources.map((sb) => decodeAll(capture, "--sb", sb));
    for (const packets of answers) {
      expectNames(packets);
      expect(packets.map(({ ovn }) => ovn)).toEqual(answers[0].map(({ ovn }) => ovn));
    }
  });

  test("the database can be read while its server writes to it", () => {
    const before = BigInt(lab.run("nb", "get", "NB_Global", ".", "nb_cfg").trim());
    const churn: ChildProcess = spawn(
      join(import.meta.dirname, "lab.sh"),
      [
        "exec",
        "central",
        "sh",
        "-c",
        `while :; do ovn-nbctl --db=unix:${lab.state}/central/nb.sock --wait=sb lsp-add network2 churn -- lsp-set-addresses churn unknown
         ovn-nbctl --db=unix:${lab.state}/central/nb.sock --wait=sb lsp-del churn; done`,
      ],
      { stdio: "ignore", detached: true, env: { ...process.env, ...lab.environment } },
    );
    try {
      for (let round = 0; round < 5; round++) expectNames(decodeAll(capture, "--sb", lab.database));
    } finally {
      // The shell and what it runs: its own process group.
      process.kill(-(churn.pid as number), "SIGKILL");
    }
    const after = BigInt(lab.run("nb", "get", "NB_Global", ".", "nb_cfg").trim());
    expect(after - before, "changes meanwhile").toBeGreaterThan(3n);
    // As it was, for the tests that follow.
    lab.run("nb", "--wait=sb", "--if-exists", "lsp-del", "churn");
  });

  test("the inventory is ovn-sbctl's: datapaths, ports, groups, chassis", async () => {
    const said = trueNames(truthIn(snapshot));
    expect(said.datapaths.length).toBe(3);
    expect(said.ports.length).toBe(7);
    expect(said.groups.length).toBeGreaterThanOrEqual(4);
    for (const file of ["sb.db", "sb.backup.db", "sb.dump.json"])
      expect(inventoryNames(await openSouthbound(inSnapshot(file))), file).toEqual(said);
    // What has happened since is in the running database; the lab is at rest again.
    const now = lab.file("now");
    mkdirSync(now);
    lab.run("snapshot", now);
    expect(inventoryNames(await openSouthbound(lab.database))).toEqual(trueNames(truthIn(now)));
  });

  const cases = [
    {
      what: "request",
      type: REQUEST,
      datapath: "network1",
      flow: 'inport == "vm1" && eth.src == 40:44:00:00:00:01 && eth.dst == 40:44:00:00:00:03 && ip4.src == 192.168.0.11 && ip4.dst == 192.168.1.12 && ip.ttl == 64 && icmp4.type == 8',
    },
    {
      what: "reply",
      type: REPLY,
      datapath: "network2",
      flow: 'inport == "vm2" && eth.src == 40:44:00:00:00:02 && eth.dst == 40:44:00:00:00:04 && ip4.src == 192.168.1.12 && ip4.dst == 192.168.0.11 && ip.ttl == 64 && icmp4.type == 0',
    },
  ];
  test.each(cases)("the last hop of the $what is ovn-trace's", ({ type, datapath, flow }) => {
    // Friendly names would be the cloud's (`db-1`); without them a datapath is its northbound uuid.
    const trace = lab.ask("ovn-trace", "--no-friendly-names", datapath, flow);
    const hops = [...trace.matchAll(/^egress\(dp="([^"]*)", inport="([^"]*)", outport="([^"]*)"\)$/gm)];
    const [, dp, inport, outport] = hops.at(-1) as unknown as string[];
    const name = lab
      .ask(
        "ovn-sbctl",
        "--bare",
        "--columns=external_ids",
        "find",
        "Datapath_Binding",
        `external_ids:logical-switch=${dp}`,
      )
      .match(/(?:^|\s)name=(\S+)/)?.[1];
    const words = `egress(dp="${name}", inport="${inport}", outport="${outport}")`;
    const text = genevescope("decode", "-v", capture, "--sb", lab.database);
    const packets = text.split(/\n(?=\S)/).filter((each) => each.includes(`  type ${type}, code 0,`));
    expect(packets).toHaveLength(PINGS);
    for (const packet of packets) expect(packet.split("\n").map((line) => line.trim())).toContain(words);
  });
});
