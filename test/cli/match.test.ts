/* --match, as users give it. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  databaseFile,
  describeOvsdb,
  OvsdbServer,
  pairs,
  ref,
  smallSchema,
  uuid,
} from "../southbound/ovsdb.js";
import { genevescope } from "./run.js";

// Five requests, the odd ones, to vm2 of network2, and five replies to vm1 of network1.
const pcap = "captures/routed-ping/hv2.pcap";
const sb = "captures/routed-ping/sb.db";
const REQUESTS = [1, 3, 5, 7, 9];
const REPLIES = [2, 4, 6, 8, 10];
const ALL = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];

let directory = "";
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "genevescope-match-"));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** The numbers of the packets that `decode` shows; nothing must be wrong. */
async function found(...args: string[]): Promise<number[]> {
  const { code, stdout, stderr } = await genevescope(["decode", "-o", "json", pcap, ...args]);
  expect({ code, stderr }).toEqual({
    code: 0,
    stderr: expect.stringMatching(/^(|genevescope: no packet matches the filters\n)$/),
  });
  return stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line).number);
}

describe("--match", () => {
  test("without a southbound, for headers", async () => {
    expect(await found("--match", "icmp4.type == 8")).toEqual(REQUESTS);
    expect(await found("--match=ip4.src == 192.168.1.0/24 && ip.ttl < 64")).toEqual(REPLIES);
  });

  test("with one, for names", async () => {
    expect(await found("--sb", sb, "--match", 'outport == "vm2"')).toEqual(REQUESTS);
    expect(await found("--sb", sb, "--match", 'inport != "net2-router1" && datapath == "network1"')).toEqual(
      REPLIES,
    );
  });

  test("repeated is any, with others all, and --not turns the next one around", async () => {
    const [request, reply] = ["icmp4.type == 8", "icmp4.type == 0"];
    expect(await found("--match", request, "--match", reply)).toEqual(ALL);
    expect(await found("--match", request, "--vni", "2")).toEqual(REQUESTS);
    expect(await found("--match", request, "--vni", "1")).toEqual([]);
    expect(await found("--not", "--match", request)).toEqual(REPLIES);
    expect(await found("--not", "--match", request, "--not", "--match", reply)).toEqual([]);
    expect(await found("--match", "ip", "--not", "--match", "tcp.dst != 80")).toEqual(ALL);
    expect(await found("--match", "!tcp && !(tcp.dst == 80)")).toEqual([]);
  });

  test("for sums, by several threads, too", async () => {
    for (const workers of ["1", "2"]) {
      const args = ["--sb", sb, "--workers", workers, "--match", 'outport == "vm2"', "-o", "json"];
      const { code, stdout } = await genevescope(["analyze", pcap, "captures/routed-ping/hv1.pcap", ...args]);
      expect(code).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({ packets: 10, filteredOut: 10, flowCount: 1 });
    }
  });

  test("for what convert writes", async () => {
    const out = join(directory, "out.pcap");
    const { code } = await genevescope(["convert", pcap, out, "--match", "icmp4.type == 8"]);
    expect(code).toBe(0);
    const { stdout } = await genevescope(["analyze", out, "-o", "json"]);
    expect(JSON.parse(stdout)).toMatchObject({ packets: 5 });
  });

  test("of inner frames that stand alone, after decapsulation", async () => {
    const out = join(directory, "inner.pcapng");
    const { code } = await genevescope(["convert", pcap, out, "--decapsulate", "--match", "icmp4.type == 8"]);
    expect({ code, exists: existsSync(out) }).toEqual({ code: 0, exists: true });
  });

  test.each([
    ["", "--match is empty"],
    [" ", "--match, character 1: it is empty; 1 matches every packet"],
    ["tcp.dst = 80", '--match, character 9: "=" alone is no operator; write =='],
    [
      "ct.est && tcp",
      "--match, character 1: ct.est is the state of a host's connection tracking: no captured packet has it",
    ],
    ["\u001b[31m", '--match, character 1: "\\x1b" begins nothing that an expression is made of'],
    [
      'inport == "vm1"',
      '--match: inport "vm1" is a name, and names need a southbound database: give --sb SOURCE, without -n',
    ],
    [
      "ip4.src == $set",
      "address sets and port groups need a southbound database: give --sb SOURCE, without -n",
    ],
    [
      "outport == @group",
      "address sets and port groups need a southbound database: give --sb SOURCE, without -n",
    ],
  ])("%j alone is refused", async (text, wanted) => {
    const { code, stdout, stderr } = await genevescope(["decode", pcap, "--match", text]);
    expect({ code, stdout, stderr }).toEqual({ code: 2, stdout: "", stderr: `genevescope: ${wanted}\n` });
  });

  test.each([
    [
      'outport == {"vm1", "vm9"}',
      `--match: outport "vm9": ${sb} has had no port or multicast group of that name; nearest: "vm1", "vm2", "vm3"`,
    ],
    ['inport == "_MC_flood"', `--match: inport "_MC_flood": ${sb} has had no port of that name`],
    [
      'datapath == "network9"',
      `--match: datapath "network9": ${sb} has had no datapath of that name; nearest: "network1", "network2"`,
    ],
    [
      "eth.src == $svc_monitor",
      '--match: $svc_monitor: there is no address set of that name; nearest: "svc_monitor_mac"',
    ],
    ["inport == @svc_monitor", "--match: @svc_monitor: there is no port group of that name"],
    [
      "tcp.dst == $svc_monitor_mac",
      /^--match: \$svc_monitor_mac has "[0-9a-f:]{17}", which is wider than tcp\.dst$/,
    ],
  ])("%j is refused with a southbound", async (text, wanted) => {
    const { code, stdout, stderr } = await genevescope(["decode", pcap, "--sb", sb, "--match", text]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    const [, line] = /^genevescope: ([^\n]*)\n$/.exec(stderr) ?? [];
    if (typeof wanted === "string") expect(line).toBe(wanted);
    else expect(line).toMatch(wanted);
  });
});

/** A datapath with ports, an address set and port groups: one, as northd names it, for each datapath. */
const network = uuid(1, 2);
const ROWS = {
  Datapath_Binding: {
    [network]: { tunnel_key: 2, external_ids: pairs({ name: "ls2", "logical-switch": uuid(9, 2) }) },
  },
  Port_Binding: {
    [uuid(2, 1)]: { datapath: ref(network), tunnel_key: 1, logical_port: "web" },
    [uuid(2, 2)]: { datapath: ref(network), tunnel_key: 2, logical_port: "router" },
  },
  Address_Set: {
    [uuid(3, 1)]: { name: "clients", addresses: ["set", ["10.0.0.0/8", "192.168.0.11"]] },
    [uuid(3, 2)]: { name: "nobody", addresses: ["set", []] },
    [uuid(3, 3)]: { name: "odd", addresses: "dynamic\u001b" },
  },
  Port_Group: {
    [uuid(4, 1)]: { name: "2_pg", ports: "web" },
    [uuid(4, 2)]: { name: "7_pg", ports: ["set", ["elsewhere"]] },
  },
};

/** The same questions, wherever the sets are. */
async function sets(source: string): Promise<void> {
  const asked = (text: string, ...more: string[]) => found("--sb", source, ...more, "--match", text);
  expect(await asked("ip4.src == $clients")).toEqual(REQUESTS);
  expect(await asked("ip4.src == {$clients, 192.168.1.12}")).toEqual(ALL);
  expect(await asked("ip4.src != $clients")).toEqual(REPLIES);
  expect(await asked("ip4.src == $nobody")).toEqual([]);
  expect(await asked("ip6.src != $nobody")).toEqual(ALL);
  expect(await asked("outport == @pg")).toEqual(REQUESTS);
  expect(await asked('outport == {@pg, "router"}')).toEqual(REQUESTS);
  expect(await asked("outport == @pg", "--not")).toEqual(REPLIES);
  const { code, stderr } = await genevescope(["decode", pcap, "--sb", source, "--match", "ip4.src == $odd"]);
  expect({ code, stderr }).toEqual({
    code: 2,
    stderr: 'genevescope: --match: $odd has "dynamic\\x1b", which is no address\n',
  });
}

describe("address sets and port groups", () => {
  const name = { type: "string" };
  const many = { type: { key: { type: "string" }, min: 0, max: "unlimited" } };

  test("of a database file, as they are at last", async () => {
    const schema = smallSchema();
    schema.tables.Address_Set = { columns: { name, addresses: many } };
    schema.tables.Port_Group = { columns: { name, ports: many } };
    const path = join(directory, "sets.db");
    const before = { [uuid(3, 1)]: { name: "clients", addresses: "1.2.3.4" } };
    const { Address_Set, ...rows } = ROWS;
    writeFileSync(
      path,
      databaseFile(
        [
          { _date: 1000, ...rows, Address_Set: before },
          { _date: 2000, Address_Set },
        ],
        schema,
      ),
    );
    await sets(path);
  });

  test("are unknown where the database has no such tables, as a snapshot has not", async () => {
    const path = join(directory, "small.snapshot");
    expect((await genevescope(["sb", "snapshot", "--sb", sb, path])).code).toBe(0);
    const { code, stderr } = await genevescope([
      ...["decode", pcap, "--sb", path, "--match", "eth.src == $svc_monitor_mac"],
    ]);
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: "genevescope: --match: $svc_monitor_mac: there is no address set of that name\n",
    });
  });

  describeOvsdb("of a server", () => {
    test("as they are when the reading begins", async () => {
      const server = new OvsdbServer();
      try {
        await server.start();
        const inserted = Object.entries(ROWS).flatMap(([table, rows]) =>
          Object.entries(rows).map(([id, row]) => ({
            op: "insert",
            table,
            "uuid-name": `row${id.replaceAll("-", "_")}`,
            row: JSON.parse(
              JSON.stringify(row).replace(/\["uuid","([^"]*)"\]/g, (_, of: string) =>
                JSON.stringify(["named-uuid", `row${of.replaceAll("-", "_")}`]),
              ),
            ),
          })),
        );
        expect(server.transact(inserted)).toBeNull();
        await sets(server.remote);
      } finally {
        await server.stop();
      }
    });
  });
});
