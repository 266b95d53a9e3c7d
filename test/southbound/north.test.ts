/* What the northbound database adds, with real databases: what ovn-northd copies and what it does not. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Inventory, KnownNames } from "../../src/southbound/index.js";
import { openKnownNames, openSouthbound } from "../../src/southbound/index.js";
import { findCommand, peer } from "../setup/peer.js";
import { databaseFile, describeOvsdb, OvsdbServer, pairs, ref, TempDirectory, uuid } from "./ovsdb.js";

const NOW = Number.POSITIVE_INFINITY;
const NB_SCHEMA = "/usr/share/ovn/ovn-nb.ovsschema";
const describeNorthd = peer("ovn-northd", ["ovn-northd", "ovn-nbctl", "ovsdb-server", NB_SCHEMA]);

describeNorthd("the northbound beside the southbound that ovn-northd makes of it", () => {
  const north = new OvsdbServer(NB_SCHEMA, "OVN_Northbound");
  const south = new OvsdbServer();
  const directory = new TempDirectory();
  let northd: ChildProcess;
  let inventory: Inventory;
  let southOnly: KnownNames;
  let both: KnownNames;

  beforeAll(async () => {
    await Promise.all([north.start(), south.start()]);
    const options = [`--ovnnb-db=${north.remote}`, `--ovnsb-db=${south.remote}`];
    const quiet = ["-vconsole:off", "-vsyslog:off", `--unixctl=${directory.file("ctl")}`];
    northd = spawn(findCommand("ovn-northd") as string, [...options, ...quiet], { stdio: "ignore" });
    const words = [
      "ls-add neutron-blue",
      "set Logical_Switch neutron-blue external_ids:neutron\\:network_name=blue other_config:subnet=10.0.0.0/24",
      "ls-add ovirt-green-1",
      "set Logical_Switch ovirt-green-1 external_ids:ovirt_network_name=green",
      "lr-add neutron-edge",
      "set Logical_Router neutron-edge external_ids:neutron\\:router_name=edge",
      "lsp-add neutron-blue p1",
      "lsp-set-addresses p1 dynamic",
      "set Logical_Switch_Port p1 external_ids:neutron\\:port_name=web-1",
      "lsp-add neutron-blue p2",
      ["lsp-set-addresses", "p2", "02:00:00:00:00:02 10.0.0.2"],
      "lsp-add ovirt-green-1 p3",
      "set Logical_Switch_Port p3 external_ids:ovirt_nic_name=nic1 options:hostname=own",
    ];
    const args = words.flatMap((each) => ["--", ...(typeof each === "string" ? each.split(" ") : each)]);
    const nbctl = (...rest: string[]) =>
      execFileSync(findCommand("ovn-nbctl") as string, [`--db=${north.remote}`, "--timeout=20", ...rest], {
        encoding: "utf8",
      }).trim();
    const dhcp = nbctl(
      "create",
      "DHCP_Options",
      "cidr=10.0.0.0/24",
      'options={server_id="10.0.0.1",hostname="\\"from-dhcp\\"",domain_name="\\"example.org\\""}',
    );
    const dhcpOf = (name: string) => ["--", "set", "Logical_Switch_Port", name, `dhcpv4_options=${dhcp}`];
    nbctl("--wait=sb", ...args, ...dhcpOf("p2"), ...dhcpOf("p3"));
    inventory = await openSouthbound(south.database);
    southOnly = await openKnownNames({});
    both = await openKnownNames({ north: north.database });
  }, 40_000);

  afterAll(async () => {
    if (northd?.exitCode === null) {
      const ended = new Promise((resolve) => northd.once("exit", resolve));
      northd.kill();
      await ended;
    }
    await Promise.all([north.stop(), south.stop()]);
    directory.dispose();
  });

  const port = (known: KnownNames, name: string) => {
    const found = inventory.portByName(name, NOW);
    if (found === null) throw new Error(`no port ${name}`);
    return known.port(found, NOW);
  };
  const datapath = (known: KnownNames, name: string) => {
    const found = inventory.datapaths(NOW).find((each) => each.name === name);
    if (found === undefined) throw new Error(`no datapath ${name}`);
    return known.datapath(found, NOW).friendly?.name ?? null;
  };

  test("the southbound alone has the ports' names, and those of Neutron's networks and routers", () => {
    expect(port(southOnly, "p1").friendly?.name).toBe("web-1");
    expect(port(southOnly, "p3").friendly?.name).toBe("nic1");
    expect(datapath(southOnly, "neutron-blue")).toBe("blue");
    expect(datapath(southOnly, "neutron-edge")).toBe("edge");
    expect(datapath(southOnly, "ovirt-green-1")).toBe(null);
  });

  test("the northbound adds networks of others, addresses it assigned, and what DHCP says", () => {
    expect(datapath(both, "ovirt-green-1")).toBe("green");
    expect(inventory.portByName("p1", NOW)?.mac).toEqual(["dynamic"]);
    expect(port(both, "p1").addresses).toEqual([expect.stringMatching(/^[0-9a-f:]{17} 10\.0\.0\.\d+$/)]);
    expect(port(both, "p1").hostName).toBe(null);
    expect(port(both, "p2")).toMatchObject({
      addresses: ["02:00:00:00:00:02 10.0.0.2"],
      hostName: "from-dhcp.example.org",
      friendly: null,
    });
    // A port's own host name counts before that of its DHCP options.
    expect(port(both, "p3").hostName).toBe("own.example.org");
    expect(port(southOnly, "p3")).toMatchObject({ hostName: null, addresses: [] });
  });

  test("a backup and a dump of it say the same", async () => {
    for (const [name, content] of [
      ["nb.backup", north.backup()],
      ["nb.dump", north.dump()],
    ]) {
      const known = await openKnownNames({ north: directory.file(name, content) });
      for (const each of ["p1", "p2", "p3"]) {
        const { from: _, until: __, ...expected } = port(both, each);
        expect(port(known, each)).toMatchObject(expected);
      }
      expect(datapath(known, "ovirt-green-1")).toBe("green");
    }
  });

  test("the southbound given for the northbound is refused", async () => {
    await expect(openKnownNames({ north: south.database })).rejects.toMatchObject({
      code: "ERR_SB_DATABASE",
      message: `${south.database}: is OVN_Southbound, not OVN_Northbound; that database is usually ovnnb_db.db`,
    });
  });
});

/** A southbound with the port p. */
function southbound(): string {
  const port = { logical_port: "p", datapath: ref(uuid(1, 1)), tunnel_key: 1 };
  return databaseFile([
    { Datapath_Binding: { [uuid(1, 1)]: { tunnel_key: 1 } }, Port_Binding: { [uuid(2, 1)]: port } },
  ]);
}

describeOvsdb("the northbound over time", () => {
  test("from a server that is followed, new names come, too", async () => {
    const directory = new TempDirectory();
    const north = new OvsdbServer(NB_SCHEMA, "OVN_Northbound");
    const done = new AbortController();
    try {
      await north.start();
      const port = (nic: string) => ({ name: "p", external_ids: pairs({ ovirt_nic_name: nic }) });
      const table = "Logical_Switch_Port";
      const inventory = await openSouthbound(directory.file("sb.db", southbound()));
      const known = await openKnownNames({ north: north.remote }, { follow: true, signal: done.signal });
      const found = inventory.portByName("p", NOW);
      if (found === null) throw new Error("no port");
      const name = () => known.port(found, NOW).friendly?.name ?? null;
      expect(name()).toBe(null);
      expect(
        north.transact([
          { op: "insert", table, row: port("first"), "uuid-name": "p" },
          { op: "insert", table: "Logical_Switch", row: { name: "s", ports: ["named-uuid", "p"] } },
        ]),
      ).toBe(null);
      await expect.poll(name).toBe("first");
      expect(north.transact([{ op: "update", table, where: [], row: port("second") }])).toBe(null);
      await expect.poll(name).toBe("second");
      // What was there when it was connected to holds for all time before.
      expect(known.port(found, 0).friendly).toBe(null);
      expect(known.north?.askedBeforeStart).toBe(false);
    } finally {
      done.abort();
      await north.stop();
      directory.dispose();
    }
  });

  test("names are as of their time, and the same answer comes back while it holds", async () => {
    const directory = new TempDirectory();
    const north = new OvsdbServer(NB_SCHEMA, "OVN_Northbound");
    try {
      await north.start();
      const set = (name: string, nic: string) =>
        expect(
          north.transact([
            {
              op: "update",
              table: "Logical_Switch_Port",
              where: [["name", "==", name]],
              row: { external_ids: pairs({ ovirt_nic_name: nic }) },
            },
          ]),
        ).toBe(null);
      const row = { name: "p", external_ids: pairs({ ovirt_nic_name: "first" }) };
      expect(
        north.transact([
          { op: "insert", table: "Logical_Switch_Port", row, "uuid-name": "p" },
          { op: "insert", table: "Logical_Switch", row: { name: "s", ports: ["named-uuid", "p"] } },
        ]),
      ).toBe(null);
      // Transactions of one millisecond are one: wait for the next.
      const dates = () =>
        [
          ...north
            .bytes()
            .toString("latin1")
            .matchAll(/"_date":(\d+)/g),
        ].map((match) => +match[1]);
      const last = () => dates().at(-1) as number;
      const first = last();
      while (Date.now() <= first);
      set("p", "second");
      const second = last();
      expect(second).toBeGreaterThan(first);

      const inventory = await openSouthbound(directory.file("sb.db", southbound()));
      const known = await openKnownNames({ north: north.database });
      const port = inventory.portByName("p", NOW);
      if (port === null) throw new Error("no port");
      const at = (time: number) => known.port(port, time).friendly?.name ?? null;
      expect(known.north?.askedBeforeStart).toBe(false);
      expect(at(second)).toBe("second");
      expect(at(first)).toBe("first");
      expect(at(second - 0.5)).toBe("first");
      expect(at(NOW)).toBe("second");
      expect(known.port(port, second + 5)).toBe(known.port(port, NOW));
      expect(known.north?.askedBeforeStart).toBe(false);
      expect(at(known.north?.historyStart ?? 0)).toBe("first");
      expect(at(0)).toBe(null);
      expect(known.north?.askedBeforeStart).toBe(true);
      expect(at(NOW)).toBe("second");
    } finally {
      await north.stop();
      directory.dispose();
    }
  });
});
