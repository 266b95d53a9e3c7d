/* --names, --nb and --ovs, as users give them. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { databaseFile, describeOvsdb, OvsdbServer, pairs, ref, uuid } from "../southbound/ovsdb.js";
import { genevescope, root } from "./run.js";

const folder = "captures/routed-ping";
const pcap = `${folder}/hv2.pcap`;
const sb = `${folder}/sb.db`;
const hosts = ["--ovs", `${folder}/hv1.conf.db`, "--ovs", `${folder}/hv2.conf.db`];
/** VMs' uuids as the lab gave them to its interfaces. */
const instance = expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f-]{27}$/);
let dir = "";
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "genevescope-names-"));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const file = (name: string, content: Uint8Array | string): string => {
  const path = join(dir, name);
  writeFileSync(path, content);
  return path;
};
const first = (text: string): string => text.split("\n")[0];
const column = (text: string, heading: string): string[] => {
  const lines = text.split("\n");
  const start = lines.findIndex((line) => line.includes(heading) && /^ {2}[A-Z]/.test(line));
  const at = lines[start].indexOf(heading);
  const end = lines.findIndex((line, index) => index > start && line === "");
  return lines.slice(start + 1, end < 0 ? undefined : end).map((line) => line.slice(at).split(/ {2}/)[0]);
};

/**
 * A southbound whose keys are those of the capture: switch 2 with port 2 (from) and 1 (to), and their
 * external_ids; the first record is older than the packets.
 */
function southbound(to: Record<string, string>, names: { to?: string; more?: object } = {}): string {
  const [switch2, chassis] = [uuid(1, 2), uuid(3, 1)];
  const port = (number: number, row: object) => ({
    [uuid(2, number)]: { datapath: ref(switch2), tunnel_key: number, ...row },
  });
  return file(
    `sb-${Math.random()}.db`,
    databaseFile([
      {
        _date: 1_000_000,
        Datapath_Binding: {
          [switch2]: { tunnel_key: 2, external_ids: pairs({ name: "ls2", "logical-switch": uuid(9, 2) }) },
        },
        Chassis: { [chassis]: { name: "worker2", hostname: "worker2", encaps: ["set", []] } },
        Port_Binding: {
          ...port(2, { logical_port: "router", type: "patch" }),
          ...port(1, { logical_port: names.to ?? "vm", chassis: ref(chassis), external_ids: pairs(to) }),
        },
      },
      ...(names.more === undefined ? [] : [names.more]),
    ]),
  );
}

const logical = async (...args: string[]) => {
  const { code, stdout, stderr } = await genevescope(["decode", pcap, "-c", "1", ...args]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return / 10\.127\.0\.3 > 10\.127\.0\.4 (.*) \[vni/.exec(stdout)?.[1] ?? first(stdout);
};

describe("--names", () => {
  test("logical is the default, friendly and both show what Neutron calls them", async () => {
    const line = async (...names: string[]) => {
      const { code, stdout, stderr } = await genevescope(["decode", pcap, "-c", "1", "--sb", sb, ...names]);
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      return /worker1 > worker2 (.*) \[vni 2/.exec(stdout)?.[1];
    };
    expect(await line()).toBe("network2: net2-router1 -> vm2");
    expect(await line("--names", "logical")).toBe("network2: net2-router1 -> vm2");
    expect(await line("--names", "friendly")).toBe("backend: net2-router1 -> db-1");
    expect(await line("--names", "both")).toBe("backend (network2): net2-router1 -> db-1 (vm2)");
  });

  test("-n beside it: the last one counts", async () => {
    const bare = await genevescope(["decode", pcap, "-c", "1"]);
    const off = await genevescope(["decode", pcap, "-c", "1", "--sb", sb, "--names", "both", "-n"]);
    const on = await genevescope(["decode", pcap, "-c", "1", "--sb", sb, "-n", "--names", "both"]);
    expect(off).toEqual(bare);
    expect(on.stdout).toContain("db-1 (vm2)");
    // What is not used is not opened.
    const closed = await genevescope(["decode", pcap, "-c", "1", "--sb", sb, "-n", "--nb", "no such file"]);
    expect(closed).toEqual(bare);
  });

  test("another word is a usage error", async () => {
    const { code, stdout, stderr } = await genevescope(["decode", pcap, "--names", "nice"]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain("Allowed choices are logical, friendly, both.");
  });

  test.each([
    ["ovn-kubernetes", "shop_web-0", { pod: "true", namespace: "shop" }, "shop/web-0"],
    ["Kube-OVN", "web-0.shop", { pod: "shop/web-0", vendor: "kube-ovn" }, "shop/web-0"],
    ["Neutron without a name", "6cb4e3ad", { "neutron:port_name": "" }, "6cb4e3ad"],
    // Many VMs have a nic1: it never stands alone.
    ["oVirt", "6cb4e3ad", { ovirt_nic_name: "nic1" }, "nic1 (6cb4e3ad)"],
  ])("friendly: %s", async (_, to, externalIds, expected) => {
    const source = southbound(externalIds, { to });
    expect(await logical("--sb", source, "--names", "friendly")).toBe(`ls2: router -> ${expected}`);
  });

  test("a friendly name is as little trusted as any: nothing of it reaches the terminal", async () => {
    const name = 'evil\u001b[31m\n"\u202e';
    const source = southbound({ "neutron:port_name": name });
    expect(await logical("--sb", source, "--names", "both")).toBe(
      'ls2: router -> evil\\x1b[31m\\x0a"\\u{202e} (vm)',
    );
    const summary = await genevescope(["analyze", pcap, "--sb", source, "--names", "friendly"]);
    expect(summary.stdout).toContain('evil\\x1b[31m\\x0a"\\u{202e}');
    const { stdout } = await genevescope(["decode", pcap, "-c", "1", "--sb", source, "-o", "json"]);
    expect(JSON.parse(stdout).ovn.outport.friendlyName).toBe(name);
    expect(stdout).not.toContain("\u202e");
    expect(`${summary.stdout}${stdout}`).not.toMatch(/\u001b/);
  });

  test("a port renamed while it is watched has each packet's own name", async () => {
    const times = (await genevescope(["decode", pcap, "-o", "json"])).stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line))
      .filter((packet) => packet.ovn.datapathKey === 2)
      .map((packet) => Date.parse(packet.time));
    const renamed = times[1] + 1;
    expect(times[2]).toBeGreaterThan(renamed);
    const external_ids = pairs({ "neutron:port_name": "new" });
    const more = { _date: renamed, Port_Binding: { [uuid(2, 1)]: { external_ids } } };
    const source = southbound({ "neutron:port_name": "old" }, { more });
    const { stdout } = await genevescope(["decode", pcap, "--sb", source, "--names", "friendly"]);
    const names = [...stdout.matchAll(/ls2: router -> (\S+)/g)].map((match) => match[1]);
    expect(names).toEqual(times.map((_, index) => (index < 2 ? "old" : "new")));
    // Renaming makes no other flow of it; it is described as of its last packet.
    const summary = JSON.parse((await genevescope([pcap, "--sb", source, "-o", "json"])).stdout);
    const flows = summary.flows.filter((flow: { datapathKey: number }) => flow.datapathKey === 2);
    expect(flows).toMatchObject([{ packets: times.length, outportFriendlyName: "new" }]);
  });
});

describe("JSON", () => {
  test("decode: name stays the logical one, friendlyName is always there", async () => {
    const { stdout } = await genevescope([
      ...["decode", pcap, "-c", "1", "--sb", sb, "-o", "json", "--names", "friendly"],
    ]);
    expect(JSON.parse(stdout).ovn).toMatchObject({
      datapath: { name: "network2", friendlyName: "backend" },
      inport: { name: "net2-router1", type: "patch", chassis: null, friendlyName: null },
      outport: { name: "vm2", type: "", chassis: "worker2", friendlyName: "db-1" },
      source: { name: "vm1", friendlyName: "web-1" },
      destination: { name: "vm2", friendlyName: "db-1" },
    });
    for (const field of ["device", "instance", "hostName", "addresses"])
      expect(JSON.parse(stdout).ovn.outport).not.toHaveProperty(field);
  });

  test("decode --ovs: device and instance of each port, those of the sending VM too", async () => {
    const { code, stdout, stderr } = await genevescope([
      ...["decode", pcap, "-c", "1", "--sb", sb, "-o", "json"],
      ...hosts,
    ]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(JSON.parse(stdout).ovn).toMatchObject({
      inport: { name: "net2-router1", device: null, instance: null },
      outport: { name: "vm2", device: "vm2", instance },
      source: { name: "vm1", device: "vm1", instance },
    });
  });

  test("analyze: flows, ports and datapaths", async () => {
    const { stdout } = await genevescope([pcap, "--sb", sb, "-o", "json", ...hosts]);
    const { flows, ports, datapaths } = JSON.parse(stdout);
    expect(flows).toContainEqual(
      expect.objectContaining({
        datapath: "network2",
        inport: "net2-router1",
        outport: "vm2",
        datapathFriendlyName: "backend",
        inportFriendlyName: null,
        outportFriendlyName: "db-1",
      }),
    );
    const vm2 = { datapath: "network2", datapathFriendlyName: "backend", name: "vm2", friendlyName: "db-1" };
    expect(ports).toContainEqual(expect.objectContaining({ ...vm2, device: "vm2", instance }));
    expect(datapaths).toContainEqual(expect.objectContaining({ name: "network2", friendlyName: "backend" }));
  });

  test("analyze without a southbound: the keys stay", async () => {
    const { flows, ports, datapaths } = JSON.parse((await genevescope([pcap, "-o", "json"])).stdout);
    const none = { datapathFriendlyName: null, inportFriendlyName: null, outportFriendlyName: null };
    expect(flows[0]).toMatchObject(none);
    expect(ports[0]).toMatchObject({ friendlyName: null, datapathFriendlyName: null });
    expect(datapaths[0]).toMatchObject({ friendlyName: null });
  });
});

describe("text", () => {
  test("analyze has the friendly names in each table, and what --ovs adds in that of ports", async () => {
    const { stdout } = await genevescope([pcap, "--sb", sb, "--names", "both", ...hosts]);
    expect(column(stdout, "OUTPORT").sort()).toEqual(["db-1 (vm2)", "web-1 (vm1)"]);
    expect(column(stdout, "KIND")).toEqual(["switch", "switch"]);
    expect(stdout).toMatch(/^ {2}backend \(network2\) +switch /m);
    expect(column(stdout, "DEVICE").sort()).toEqual(["-", "-", "vm1", "vm2"]);
    expect(stdout).not.toContain("HOST NAME");
  });

  test("decode -v says what else is known, whichever name is shown", async () => {
    const { stdout } = await genevescope(["decode", pcap, "-v", "-c", "1", "--sb", sb, ...hosts]);
    expect(stdout).toMatch(
      /egress\(dp="network2", inport="net2-router1", outport="vm2"\)\n {4}inport {2}patch, peer router1-net2\n {4}outport {2}known as db-1, device vm2 on worker2, instance [0-9a-f-]{36}\n {4}source {2}vm1 \(has 192\.168\.0\.11\)\n$/,
    );
  });
});

describe("sources", () => {
  test("--nb and --ovs without a southbound name nothing: said, not ignored", async () => {
    for (const flag of ["--nb", "--ovs"]) {
      const { code, stdout, stderr } = await genevescope(["decode", pcap, flag, sb]);
      expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
      expect(stderr).toBe(
        "genevescope: --nb and --ovs add to the names of a southbound database; give --sb, too\n",
      );
    }
  });

  test("the wrong database is named", async () => {
    const nb = await genevescope(["decode", pcap, "--sb", sb, "--nb", sb]);
    expect(nb).toMatchObject({ code: 2, stdout: "" });
    expect(nb.stderr).toBe(
      `genevescope: ${sb}: is OVN_Southbound, not OVN_Northbound; that database is usually ovnnb_db.db\n`,
    );
    const ovs = await genevescope(["decode", pcap, "--sb", sb, "--ovs", sb]);
    expect(ovs.stderr).toContain("is OVN_Southbound, not Open_vSwitch; that database is usually conf.db\n");
  });

  test("a damaged one is used as far as it is good, said and told by the status", async () => {
    const whole = readFileSync(join(root, folder, "hv2.conf.db"));
    // Its rows are in one record: what is behind them is broken.
    const broken = file("broken.db", Buffer.concat([whole, Buffer.from("OVSDB JSON x\n")]));
    const { code, stdout, stderr } = await genevescope([
      ...["decode", pcap, "-c", "1", "--sb", sb, "-o", "json", "--ovs", broken],
    ]);
    expect(code).toBe(2);
    expect(JSON.parse(stdout).ovn.outport.device).toBe("vm2");
    expect(stderr).toMatch(/^genevescope: .*broken\.db: damaged at byte \d+: .*; names are as of what is /);
    expect(stderr).toContain(`damaged at byte ${whole.length}:`);
  });

  test("a host's database that does not say whose it is", async () => {
    const schema = JSON.parse(
      readFileSync(join(root, folder, "hv2.conf.db"), "utf8").split("\n", 2)[1],
    ) as object;
    const anonymous = file("anonymous.db", databaseFile([{ Open_vSwitch: { [uuid(8, 1)]: {} } }], schema));
    const { code, stderr } = await genevescope(["decode", pcap, "-c", "1", "--sb", sb, "--ovs", anonymous]);
    expect(code).toBe(0);
    expect(stderr).toBe(
      `genevescope: ${anonymous}: does not say which chassis it is of, so its devices stay unknown; set external_ids:system-id of its Open_vSwitch row\n`,
    );
  });

  test("packets older than what a source remembers", async () => {
    const schema = JSON.parse(
      readFileSync(join(root, folder, "hv2.conf.db"), "utf8").split("\n", 2)[1],
    ) as object;
    const host = { external_ids: pairs({ "system-id": "worker2" }) };
    const device = { name: "vnet0", external_ids: pairs({ "iface-id": "vm2" }) };
    const date = Date.UTC(2100, 0, 1);
    const late = file(
      "late.db",
      databaseFile(
        [
          { _date: date, Open_vSwitch: { [uuid(8, 1)]: host } },
          { _date: date + 1, Interface: { [uuid(7, 1)]: device } },
        ],
        schema,
      ),
    );
    const args = ["decode", pcap, "-c", "1", "--sb", sb, "--ovs", late, "-o", "json"];
    const then = await genevescope(args);
    expect(JSON.parse(then.stdout).ovn.outport.device).toBe(null);
    expect(then.stderr).toBe(
      `genevescope: ${late}: some packets are older than its first record (2100-01-01T00:00:00.000Z), what it adds to their names is unknown; --sb-time latest takes the newest known\n`,
    );
    const latest = await genevescope([...args, "--sb-time", "latest"]);
    expect(latest.stderr).toBe("");
    expect(JSON.parse(latest.stdout).ovn.outport.device).toBe("vnet0");
  });
});

describeOvsdb("live servers as sources", () => {
  const north = new OvsdbServer("/usr/share/ovn/ovn-nb.ovsschema", "OVN_Northbound");
  const source = () => southbound({}, { to: "vm" });
  beforeAll(async () => {
    await north.start();
    const options = pairs({ hostname: "guest" });
    const addresses = "02:00:00:00:00:01 10.0.0.1";
    const external_ids = pairs({ ovirt_nic_name: "nic1" });
    expect(
      north.transact([
        {
          op: "insert",
          table: "Logical_Switch_Port",
          "uuid-name": "p",
          row: { name: "vm", options, addresses, external_ids },
        },
        {
          op: "insert",
          table: "Logical_Switch",
          uuid: uuid(9, 2),
          row: {
            name: "ls2",
            ports: ["named-uuid", "p"],
            external_ids: pairs({ ovirt_network_name: "green" }),
          },
        },
      ]),
    ).toBe(null);
  });
  afterAll(() => north.stop());

  test("--nb adds names, addresses and host names", async () => {
    const json = await genevescope([
      ...["decode", pcap, "-c", "1", "--sb", source(), "--nb", north.remote, "-o", "json"],
    ]);
    expect({ code: json.code, stderr: json.stderr }).toEqual({ code: 0, stderr: "" });
    const { outport, inport, datapath } = JSON.parse(json.stdout).ovn;
    expect(outport).toMatchObject({
      name: "vm",
      friendlyName: "nic1",
      hostName: "guest",
      addresses: ["02:00:00:00:00:01 10.0.0.1"],
    });
    expect(inport).toMatchObject({ friendlyName: null, hostName: null, addresses: [] });
    expect(datapath).toMatchObject({ name: "ls2", friendlyName: "green" });
    const text = await genevescope([pcap, "--sb", source(), "--nb", north.remote, "--names", "both"]);
    expect(column(text.stdout, "HOST NAME").sort()).toContain("guest");
    expect(text.stdout).toContain("nic1 (vm)");
  });
});
