/* Which device a logical port is, from the Open_vSwitch databases of hosts. */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Inventory, openKnownNames, openSouthbound } from "../../src/southbound/index.js";
import { type BridgeByHand, confDb } from "./conf-db.js";
import { databaseFile, describeOvsdb, OvsdbServer, pairs, ref, TempDirectory, uuid } from "./ovsdb.js";

const NOW = Number.POSITIVE_INFINITY;
const VSWITCH_SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema";

function portOf(inventory: Inventory, name: string, at = NOW) {
  const port = inventory.portByName(name, at);
  if (port === null) throw new Error(`no port ${name}`);
  return port;
}

describe("captures/routed-ping: the hosts' own databases", () => {
  const file = (name: string) => join(import.meta.dirname, "../../captures/routed-ping", name);

  test("each VM is a device of the host it is bound to", async () => {
    const inventory = await openSouthbound(file("sb.db"));
    const known = await openKnownNames({ vswitches: [file("hv1.conf.db"), file("hv2.conf.db")] });
    const device = (name: string) => known.port(portOf(inventory, name), NOW).device;
    expect(["vm1", "vm2", "vm3"].map(device)).toEqual(["vm1", "vm2", "vm3"]);
    expect(device("net1-router1")).toBe(null);
    const [hv1, hv2] = known.vswitches;
    expect(["vm1", "vm2", "eth1", "none"].map((name) => hv1.portOf(name, NOW))).toEqual([
      "vm1",
      null,
      null,
      null,
    ]);
    expect(["vm1", "vm2", "vm3"].map((name) => hv2.portOf(name, NOW))).toEqual([null, "vm2", "vm3"]);
    for (const vswitch of known.vswitches) {
      expect(vswitch.damage).toBe(null);
      expect(vswitch.warnings).toEqual([]);
      expect(vswitch.isNamed).toBe(true);
    }
  });

  test("where OVS forwards in user space, the devices below a bridge", async () => {
    const { vswitches } = await openKnownNames({ vswitches: [file("hv1.conf.db")] });
    const uplinks = (device: string) => vswitches[0].userspaceUplinks(device);
    expect(uplinks("br-ul")).toEqual([{ device: "eth1", isKernels: true }]);
    // No way out but a tunnel; a device that is not OVS's own; none at all.
    expect(uplinks("br-int")).toEqual([]);
    expect(["eth1", "lo"].map(uplinks)).toEqual([null, null]);
  });

  test("of one host only its own devices are known", async () => {
    const inventory = await openSouthbound(file("sb.db"));
    const known = await openKnownNames({ vswitches: [file("hv2.conf.db")] });
    const device = (name: string) => known.port(portOf(inventory, name), NOW).device;
    expect(["vm1", "vm2", "vm3"].map(device)).toEqual([null, "vm2", "vm3"]);
  });

  test("the southbound given for a host's is refused", async () => {
    await expect(openKnownNames({ vswitches: [file("sb.db")] })).rejects.toMatchObject({
      code: "ERR_SB_DATABASE",
      message: expect.stringContaining(
        "is OVN_Southbound, not Open_vSwitch; that database is usually conf.db",
      ),
    });
  });
});

describe("a host's bridges", () => {
  const directory = new TempDirectory();
  afterAll(() => directory.dispose());
  const uplinks = async (bridges: BridgeByHand[], device: string) => {
    const known = await openKnownNames({ vswitches: [directory.file("conf.db", confDb({}, bridges))] });
    return known.vswitches[0].userspaceUplinks(device);
  };
  const inside: BridgeByHand = { datapath: "netdev", ports: [[["br-int", "internal"]], [["eth9", ""]]] };

  test("all members of bonds are below one, and no VM, patch or tunnel is", async () => {
    const ports: BridgeByHand["ports"] = [
      [["br-ex", "internal"]],
      [["vtep0", "internal"]],
      [
        ["dpdk0", "dpdk"],
        ["dpdk1", "dpdk"],
      ],
      [["eth0", "system"]],
      [["eth1", ""]],
      [["xsk0", "afxdp"]],
      [["tap0", "", { "iface-id": "vm1" }]],
      [["vhu0", "dpdkvhostuserclient"]],
      [["patch-int", "patch"]],
      [["vxlan0", "vxlan"]],
    ];
    const expected = [
      { device: "dpdk0", isKernels: false },
      { device: "dpdk1", isKernels: false },
      { device: "eth0", isKernels: true },
      { device: "eth1", isKernels: true },
      { device: "xsk0", isKernels: false },
    ];
    const bridges = [inside, { datapath: "netdev", ports }];
    expect(await uplinks(bridges, "br-ex")).toEqual(expected);
    expect(await uplinks(bridges, "vtep0")).toEqual(expected);
    expect(await uplinks(bridges, "br-int")).toEqual([{ device: "eth9", isKernels: true }]);
    expect(await uplinks(bridges, "eth1")).toBe(null);
  });

  test.each(["", "system"])(
    "of the kernel's (datapath type '%s') show their tunnels themselves",
    async (datapath) => {
      const ports: BridgeByHand["ports"] = [[["br-ex", "internal"]], [["eth0", ""]]];
      expect(await uplinks([inside, { datapath, ports }], "br-ex")).toBe(null);
    },
  );
});

/** A southbound of chassis hv1 and hv2, and what is done to its ports p, c (a container in p) and v (virtual). */
function southbound(...more: object[]): string {
  const port = (number: number, name: string, row: object) => ({
    [uuid(2, number)]: { logical_port: name, datapath: ref(uuid(1, 1)), tunnel_key: number, ...row },
  });
  const chassis = ref(uuid(3, 1));
  return databaseFile([
    {
      _date: 1000,
      Datapath_Binding: { [uuid(1, 1)]: { tunnel_key: 1 } },
      Chassis: {
        [uuid(3, 1)]: { name: "hv1", hostname: "host1.example.org", encaps: ["set", []] },
        [uuid(3, 2)]: { name: "hv2", hostname: "host2.example.org", encaps: ["set", []] },
      },
      Port_Binding: {
        ...port(1, "p", { chassis, mac: "02:00:00:00:00:0A 10.0.0.1" }),
        ...port(2, "c", { chassis, parent_port: "p" }),
        ...port(3, "v", { chassis, type: "virtual", virtual_parent: "p" }),
        ...port(4, "unbound", {}),
      },
    },
    ...more,
  ]);
}

describeOvsdb("a host's database as a real server keeps it", () => {
  const directory = new TempDirectory();
  const hosts: OvsdbServer[] = [];
  let inventory: Inventory;

  beforeAll(async () => {
    inventory = await openSouthbound(directory.file("sb.db", southbound()));
  });
  afterAll(async () => {
    await Promise.all(hosts.map((host) => host.stop()));
    directory.dispose();
  });

  /** Interfaces in a bridge, as a transaction: rows that nothing refers to would not stay. */
  interface Device {
    name: string;
    ids: Record<string, string>;
    ofport?: number;
  }
  const bridge = (devices: Device[], ids: Record<string, string>) => [
    ...devices.flatMap(({ name, ids: externalIds, ofport = 1 }, index) => [
      {
        op: "insert",
        table: "Interface",
        "uuid-name": `i${index}`,
        row: { name, ofport, external_ids: pairs(externalIds) },
      },
      {
        op: "insert",
        table: "Port",
        "uuid-name": `p${index}`,
        row: { name, interfaces: ["named-uuid", `i${index}`] },
      },
    ]),
    {
      op: "insert",
      table: "Bridge",
      "uuid-name": "b",
      row: { name: "br-int", ports: ["set", devices.map((_, index) => ["named-uuid", `p${index}`])] },
    },
    {
      op: "insert",
      table: "Open_vSwitch",
      row: { bridges: ["named-uuid", "b"], external_ids: pairs(ids) },
    },
  ];
  const startHost = async (devices: Device[], ids: Record<string, string>) => {
    const host = new OvsdbServer(VSWITCH_SCHEMA, "Open_vSwitch");
    hosts.push(host);
    await host.start();
    expect(host.transact(bridge(devices, ids))).toBe(null);
    return host;
  };
  const deviceOf = async (source: string, name = "p") => {
    const known = await openKnownNames({ vswitches: [source] });
    const { device, instance } = known.port(portOf(inventory, name), NOW);
    return { device, instance };
  };
  const HV1 = { "system-id": "hv1" };

  test.each([
    ["libvirt", { "vm-id": "9c0e7f2e-61ab-4a1c-8a0c-7a5b8a3a2f10" }, "9c0e7f2e-61ab-4a1c-8a0c-7a5b8a3a2f10"],
    ["os-vif", { "vm-uuid": "5d0c8a52-1c55-4d9e-8f4b-36a5bb1a8a7e" }, "5d0c8a52-1c55-4d9e-8f4b-36a5bb1a8a7e"],
    ["Kube-OVN", { pod_name: "web-0", pod_namespace: "shop" }, "shop/web-0"],
    ["ovn-kubernetes", { sandbox: "0f", "iface-id-ver": "1" }, null],
  ])("the instance, as %s writes it", async (_, ids, instance) => {
    const host = await startHost([{ name: "vnet0", ids: { "iface-id": "p", ...ids } }], HV1);
    expect(await deviceOf(host.database)).toEqual({ device: "vnet0", instance });
  });

  test("a container's device is its VM's, a virtual port's its parent's; an unbound port has none", async () => {
    const host = await startHost([{ name: "vnet0", ids: { "iface-id": "p", "vm-id": "vm" } }], HV1);
    for (const name of ["c", "v"])
      expect(await deviceOf(host.database, name)).toEqual({ device: "vnet0", instance: "vm" });
    expect(await deviceOf(host.database, "unbound")).toEqual({ device: null, instance: null });
  });

  test("backup and dump say what the file says", async () => {
    const host = await startHost([{ name: "vnet0", ids: { "iface-id": "p", "vm-id": "vm" } }], HV1);
    for (const content of [host.backup(), host.dump()])
      expect(await deviceOf(directory.file("copy", content))).toEqual({ device: "vnet0", instance: "vm" });
  });

  test("of several devices for one port the one in use counts; without that none", async () => {
    const ids = { "iface-id": "p" };
    const inactive = { name: "vif0", ids: { ...ids, "iface-status": "inactive" } };
    const broken = { name: "gone0", ids, ofport: -1 };
    const own = { name: "tap0", ids: { ...ids, "attached-mac": "02:00:00:00:00:0a" } };
    const other = { name: "tap1", ids: { ...ids, "attached-mac": "02:00:00:00:00:0b" } };
    const device = async (...devices: Device[]) => {
      const host = await startHost(devices, HV1);
      return (await deviceOf(host.database)).device;
    };
    expect(await device(inactive, broken, other)).toBe("tap1");
    expect(await device(own, other)).toBe("tap0");
    expect(await device({ name: "a", ids }, { name: "b", ids })).toBe(null);
    expect(await device(inactive, broken)).toBe(null);
  });

  test("another host's devices do not count, a host without system-id is known by its name", async () => {
    const devices = [{ name: "vnet0", ids: { "iface-id": "p" } }];
    const named = async (ids: Record<string, string>) => {
      const host = await startHost(devices, ids);
      const known = await openKnownNames({ vswitches: [host.database] });
      const { device } = known.port(portOf(inventory, "p"), NOW);
      return { device, isNamed: known.vswitches[0].isNamed };
    };
    expect(await named({ "system-id": "hv2", hostname: "host1.example.org" })).toEqual({
      device: null,
      isNamed: true,
    });
    expect(await named({ hostname: "host1.example.org" })).toEqual({ device: "vnet0", isNamed: true });
    expect(await named({})).toEqual({ device: null, isNamed: false });
  });

  test("a device replugged and a VM that moved are told apart by time", async () => {
    const from = await startHost([{ name: "vnet0", ids: { "iface-id": "p" } }], HV1);
    const to = await startHost([{ name: "vnet7", ids: { "iface-id": "p" } }], { "system-id": "hv2" });
    const last = () =>
      [
        ...from
          .bytes()
          .toString("latin1")
          .matchAll(/"_date":(\d+)/g),
      ]
        .map((match) => +match[1])
        .at(-1) ?? 0;
    const plugged = last();
    while (Date.now() <= plugged);
    const ids = (value: string) => ({
      op: "update",
      table: "Interface",
      where: [["name", "==", "vnet0"]],
      row: { external_ids: pairs({ "iface-id": value }) },
    });
    expect(from.transact([ids("somebody else's")])).toBe(null);
    const unplugged = last();
    while (Date.now() <= unplugged);
    expect(from.transact([ids("p")])).toBe(null);
    const replugged = last();
    const moved = replugged + 1000;
    const move = { Port_Binding: { [uuid(2, 1)]: { chassis: ref(uuid(3, 2)) } } };
    const history = await openSouthbound(directory.file("moved.db", southbound({ _date: moved, ...move })));
    const known = await openKnownNames({ vswitches: [from.database, to.database] });
    const at = (time: number) => known.port(portOf(history, "p", time), time).device;
    const ports = [plugged - 1, plugged, unplugged, replugged - 0.5, replugged, NOW].map((time) =>
      known.vswitches[0].portOf("vnet0", time),
    );
    expect(ports).toEqual([null, "p", "somebody else's", "somebody else's", "p", "p"]);
    const expected = [
      [plugged - 1, null],
      [plugged, "vnet0"],
      [unplugged, null],
      [replugged - 0.5, null],
      [replugged, "vnet0"],
      [moved - 1, "vnet0"],
      [moved, "vnet7"],
      [NOW, "vnet7"],
    ] as const;
    expect(expected.map(([time]) => at(time))).toEqual(expected.map(([, device]) => device));
    // And the other way round, from what is remembered.
    expect([...expected].reverse().map(([time]) => at(time))).toEqual(
      [...expected].reverse().map(([, device]) => device),
    );
    expect(known.vswitches.map((vswitch) => vswitch.askedBeforeStart)).toEqual([true, false]);
  });
});
