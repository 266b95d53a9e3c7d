/* The verbs of `sb`, run as a user does, on the databases of the lab and on some made by hand. */
import { existsSync, linkSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { durationText } from "../../src/output/sb-words.js";
import { databaseFile, describeOvsdb, OvsdbServer, pairs, ref, uuid } from "../southbound/ovsdb.js";
import { genevescope, root, run } from "./run.js";

const routed = "captures/routed-ping/sb.db";
const migration = "captures/migration/sb.db";
const scenarios = readdirSync(join(root, "captures")).filter((name) =>
  existsSync(join(root, "captures", name, "ovn-sbctl.json")),
);
let dir = "";
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "genevescope-sb-"));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const file = (name: string, content: string): string => {
  const path = join(dir, name);
  writeFileSync(path, content);
  return path;
};
const sb = (args: readonly string[], source = routed) =>
  genevescope(["sb", ...args, "--sb", source, "--utc"]);
const json = async (args: readonly string[], source = routed) => {
  const { code, stdout } = await sb([...args, "-o", "json"], source);
  return { code, answer: JSON.parse(stdout) };
};
const lines = (text: string): string[] => text.split("\n").filter((line) => line !== "");

/** A table of ovn-sbctl's JSON as objects; sets and maps as arrays. */
function columns(tables: Record<string, { headings: string[]; data: unknown[][] }>, table: string) {
  return tables[table].data.map((row) =>
    Object.fromEntries(tables[table].headings.map((heading, i) => [heading, plain(row[i])])),
  );
}
function plain(value: unknown): unknown {
  if (!Array.isArray(value)) return value;
  const [kind, content] = value as [string, unknown];
  if (kind === "uuid") return content;
  if (kind === "set") return (content as unknown[]).map(plain);
  return Object.fromEntries(content as [string, string][]);
}
const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : [value]);

describe("sb show", () => {
  describe.each(scenarios)("captures/%s", (scenario) => {
    const source = `captures/${scenario}/sb.db`;
    const tables = JSON.parse(readFileSync(join(root, "captures", scenario, "ovn-sbctl.json"), "utf8"));

    test("has every chassis, end point, datapath, port, group and key that ovn-sbctl has", async () => {
      const { code, answer } = await json(["show"], source);
      expect(code).toBe(0);
      const encaps = new Map(columns(tables, "Encap").map((row) => [row._uuid, row]));
      const chassis = new Map(columns(tables, "Chassis").map((row) => [row._uuid, row]));
      const byName = (a: object, b: object) => JSON.stringify(a).localeCompare(JSON.stringify(b));
      expect(
        answer.chassis
          .map(({ uuid, name, hostname, encaps }: Record<string, never>) => ({
            uuid,
            name,
            hostname,
            encaps,
          }))
          .sort(byName),
      ).toEqual(
        [...chassis.values()]
          .map(({ _uuid, name, hostname, encaps: ends }) => ({
            uuid: _uuid,
            name,
            hostname,
            encaps: list(ends).map((end) => {
              const { type, ip, options, _uuid } = encaps.get(end) as Record<string, unknown>;
              return { type, ip, options, uuid: _uuid };
            }),
          }))
          .sort(byName),
      );
      const datapaths = columns(tables, "Datapath_Binding");
      expect(
        answer.datapaths.map(({ datapathKey, name, uuid }: never) => ({ datapathKey, name, uuid })),
      ).toEqual(
        datapaths
          .map(({ tunnel_key, external_ids, _uuid }) => ({
            datapathKey: tunnel_key as number,
            name: (external_ids as { name: string }).name,
            uuid: _uuid,
          }))
          .sort((a, b) => a.datapathKey - b.datapathKey),
      );
      const keys = (rows: Record<string, unknown>[], datapath: unknown, name: string) =>
        rows
          .filter((row) => row.datapath === datapath)
          .map((row) => [
            row[name],
            row.tunnel_key,
            ...(name === "logical_port"
              ? [row.type, list(row.chassis).map((each) => chassis.get(each)?.name)[0] ?? null]
              : []),
          ])
          .sort((a, b) => (a[1] as number) - (b[1] as number));
      for (const datapath of answer.datapaths) {
        expect(
          datapath.ports.map(({ name, tunnelKey, type, chassis }: Record<string, never>) => [
            name,
            tunnelKey,
            type,
            chassis,
          ]),
        ).toEqual(keys(columns(tables, "Port_Binding"), datapath.uuid, "logical_port"));
        expect(
          datapath.multicastGroups.map(({ name, tunnelKey }: Record<string, never>) => [name, tunnelKey]),
        ).toEqual(keys(columns(tables, "Multicast_Group"), datapath.uuid, "name"));
      }
      expect(answer).toMatchObject({ source, format: "journal", portsWithoutDatapath: [], warnings: [] });
    });
  });

  test("is laid out as ovn-sbctl does, with keys, then the datapaths", async () => {
    const { code, stdout, stderr } = await sb(["show"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const [head, ...rest] = stdout.split("\n");
    expect(head).toMatch(
      /^# captures\/routed-ping\/sb\.db: journal, schema [\d.]+, as of [-\d]+ [\d:.]+ UTC: 2 chassis, 3 datapaths, 7 ports$/,
    );
    expect(rest.slice(0, 20).join("\n")).toBe(`Chassis worker1
    hostname: worker1
    Encap geneve
        ip: "10.127.0.3"
        options: {csum="true"}
    Port_Binding vm1  network1  vni 1  key 1
Chassis worker2
    hostname: worker2
    Encap geneve
        ip: "10.127.0.4"
        options: {csum="true"}
    Port_Binding vm3  network1  vni 1  key 2
    Port_Binding vm2  network2  vni 2  key 1

Datapath_Binding network1 switch vni 1
    Port_Binding vm1              key 1      vif    worker1  40:44:00:00:00:01 192.168.0.11
    Port_Binding vm3              key 2      vif    worker2  40:44:00:00:00:05 192.168.0.13
    Port_Binding net1-router1     key 3      patch  -        peer router1-net1, 40:44:00:00:00:03
    Multicast_Group _MC_flood     key 32768
    Multicast_Group _MC_flood_l2  key 32772`);
  });

  test("a gateway port is under its chassis, with the port it stands for", async () => {
    const { stdout } = await sb(["show"], "captures/ha-gateway/sb.db");
    expect(stdout).toMatch(
      /^ {4}Port_Binding cr-router1-public {2}router1 {3}vni 3 {2}key 4 {2}chassisredirect, of router1-public$/m,
    );
    expect(stdout).toMatch(
      /^ {4}Port_Binding cr-router1-public {2}key 4 {2}chassisredirect {2}worker1 {2}of router1-public, /m,
    );
  });

  test("--names: friendly names alone, or with the logical ones", async () => {
    const friendly = await sb(["show", "--names", "friendly"]);
    expect(friendly.stdout).toContain("    Port_Binding web-1  frontend  vni 1  key 1\n");
    expect(friendly.stdout).toContain("\nDatapath_Binding backend switch vni 2\n");
    const both = await sb(["show", "--names", "both"]);
    expect(both.stdout).toContain("    Port_Binding web-1 (vm1)  frontend (network1)  vni 1  key 1\n");
    const { answer } = await json(["show"]);
    expect(answer.datapaths[0]).toMatchObject({
      friendlyName: "frontend",
      ports: [{ friendlyName: "web-1" }, {}, {}],
    });
  });

  test("--ovs: the devices of the ports on that host", async () => {
    const hosts = ["hv1", "hv2"].flatMap((host) => ["--ovs", `captures/routed-ping/${host}.conf.db`]);
    const { stdout } = await sb(["show", ...hosts]);
    expect(stdout).toMatch(
      /^ {4}Port_Binding vm1 .* worker1 {2}device vm1, instance [-0-9a-f]{36}, 40:44:00:00:00:01 192\.168\.0\.11$/m,
    );
    const { answer } = await json(["show", ...hosts]);
    expect(answer.datapaths[0].ports.map(({ device }: { device: string | null }) => device)).toEqual([
      "vm1",
      "vm3",
      null,
    ]);
  });

  test("--sb-time: as of a time, in between and before all that is known", async () => {
    const start = await json(["history", "vm4"], migration);
    const bound = start.answer.events.find(({ event }: { event: string }) => event === "moved").time;
    const moved = await json(["show", "--sb-time", bound], migration);
    const vm4 = moved.answer.datapaths[0].ports.find(({ name }: { name: string }) => name === "vm4");
    expect(vm4).toMatchObject({ chassis: "worker2", tunnelKey: 4 });
    const early = await sb(["show", "--sb-time", "2020-01-01T00:00:00Z"], migration);
    // Unknown is not empty.
    expect(early).toMatchObject({ code: 2, stdout: "" });
    expect(early.stderr).toMatch(
      /^genevescope: captures\/migration\/sb\.db: what was before its first record \([-\d]+ [\d:.]+ UTC\) is unknown\n$/,
    );
    expect(await json(["show", "--sb-time", "0"], migration)).toMatchObject({
      code: 2,
      answer: { time: "1970-01-01T00:00:00.000000000Z", beforeHistory: true, chassis: [] },
    });
  });

  test("no moment is claimed that the source does not know", async () => {
    const { answer } = await json(["show"], migration);
    const date = answer.latestDate.replace("T", " ").replace(/0{6}Z$/, "");
    const later = await sb(["show", "--sb-time", "2099-01-01"], migration);
    expect(later.code).toBe(0);
    expect(later.stderr).toBe(
      `genevescope: ${migration}: --sb-time is after its last record (${date} UTC); the answer is as of that\n`,
    );
    expect(later.stdout).toBe((await sb(["show"], migration)).stdout);
    expect(later.stdout).toContain(`, as of ${date} UTC: `);
    for (const args of [["show"], ["resolve", "vm4"]]) {
      const then = await json([...args, "--sb-time", "2099-01-01"], migration);
      expect(then.answer.time).toBe(answer.latestDate);
    }
    // One moment, which a dump does not tell and a backup does.
    const dump = "captures/routed-ping/sb.dump.json";
    const backup = "captures/routed-ping/sb.backup.db";
    for (const time of ["2001-01-01", "2099-01-01"]) {
      const asked = await sb(["show", "--sb-time", time], dump);
      expect(asked.stderr).toBe(
        `genevescope: ${dump}: the source is a dump, which tells of one moment only, whatever --sb-time says\n`,
      );
      expect(asked.stdout).toContain(": dump, one moment, no history: 2 chassis, ");
      expect((await json(["show", "--sb-time", time], dump)).answer.time).toBe(null);
      const { answer: pictured } = await json(["show", "--sb-time", time], backup);
      expect(pictured.time).toBe(pictured.latestDate);
    }
  });

  test("--sb-time without a zone is local, or in UTC with --utc, as times are printed", async () => {
    const env = { TZ: "Asia/Kolkata" };
    const time = async (when: string, ...flags: string[]) => {
      const args = ["sb", "show", "--sb", migration, "-o", "json", ...flags];
      const { stdout } = await genevescope([...args, "--sb-time", when], { env });
      return JSON.parse(stdout).time;
    };
    const then = "2026-11-21T08:25:25.000000000Z";
    expect(await time("2026-11-21T08:25:25Z")).toBe(then);
    expect(await time("2026-11-21T09:25:25+01:00")).toBe(then);
    expect(await time("2026-11-21 13:55:25")).toBe(then);
    expect(await time("2026-11-21 08:25:25", "--utc")).toBe(then);
    // A date alone is that day's midnight in the same zone.
    expect(await time("2026-11-21")).toBe("2026-11-20T18:30:00.000000000Z");
    expect(await time("2026-11-21", "--utc")).toBe("2026-11-21T00:00:00.000000000Z");
  });

  test("names that a terminal would obey, and rows that are missing", async () => {
    const source = file(
      "odd.db",
      databaseFile([
        {
          _date: 1_700_000_000_000,
          Datapath_Binding: { [uuid(1, 1)]: { tunnel_key: 1, external_ids: pairs({ name: "a b" }) } },
          Port_Binding: {
            [uuid(2, 1)]: { logical_port: "\u001b[31mred", datapath: ref(uuid(1, 1)), tunnel_key: 1 },
            [uuid(2, 2)]: { logical_port: "stray", datapath: ref(uuid(1, 9)), tunnel_key: 2 },
          },
        },
      ]),
    );
    const { code, stdout, stderr } = await sb(["show"], source);
    expect(code).toBe(0);
    expect(stdout).not.toContain("\u001b");
    expect(stdout).toContain(
      '\nDatapath_Binding "a b" vni 1\n    Port_Binding "\\x1b[31mred"  key 1  vif  -\n',
    );
    expect(stdout).toContain("\nPorts without a Datapath_Binding\n    Port_Binding stray  key 2  vif  -\n");
    expect(stderr).toContain('port "stray" belongs to no known datapath');
    const { answer } = await json(["show"], source);
    expect(answer.portsWithoutDatapath).toMatchObject([{ name: "stray", tunnelKey: 2 }]);
  });
});

describe("sb resolve", () => {
  const request = {
    datapathKey: 2,
    ingressKey: 2,
    egressKey: 1,
    datapath: { name: "network2", kind: "switch" },
    inport: { name: "net2-router1", type: "patch", chassis: null },
    outport: {
      name: "vm2",
      type: "",
      chassis: "worker2",
      tunnels: [{ type: "geneve", ip: "10.127.0.4" }],
      mac: ["40:44:00:00:00:02 192.168.1.12"],
    },
    validUntil: null,
    beforeHistory: false,
    trace: 'egress(dp="network2", inport="net2-router1", outport="vm2")',
    openflow: {
      pipeline: "metadata=0x2,reg14=0x2,reg15=0x1",
      tunnel: "tun_id=0x2,tun_metadata0=0x20001",
      datapath: "tunnel(tun_id=0x2,geneve({class=0x102,type=0x80,len=4,0x20001}))",
    },
  };

  test("of the routed ping: names, addresses, tunnels, and Open vSwitch's words", async () => {
    const { code, answer } = await json(["resolve", "2", "2", "1"]);
    expect(code).toBe(0);
    expect(answer).toMatchObject(request);
  });

  test("what real flows of the lab match is what ovn-trace said", async () => {
    const flows = readFileSync(join(root, "captures/routed-ping/hv1.flows.txt"), "utf8");
    const flow = lines(flows).find((line) => line.includes("tunnel(tun_id=0x1,src=10.127.0.4"));
    const { answer } = await json(["resolve", flow ?? ""]);
    expect(answer.trace).toBe('egress(dp="network1", inport="net1-router1", outport="vm1")');
  });

  test("a flow that leaves a key open says nothing of it", async () => {
    const { answer } = await json(["resolve", "tun_id=0x2,tun_metadata0=0x1/0xffff"]);
    expect(answer).toMatchObject({ ingressKey: null, egressKey: 1, inport: null, outport: { name: "vm2" } });
    expect(answer.openflow.tunnel).toBe("tun_id=0x2,tun_metadata0=0x1/0xffff");
    const receiver = await json(["resolve", "metadata=0x2,reg14=0x2"]);
    expect(receiver.answer.openflow).toMatchObject({
      pipeline: "metadata=0x2,reg14=0x2",
      tunnel: "tun_id=0x2,tun_metadata0=0x20000/0x7fff0000",
    });
  });

  test("as text", async () => {
    const { code, stdout, stderr } = await sb(["resolve", "2", "0x00020001"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const text = stdout.replace(/[0-9a-f]{8}-[-0-9a-f]{27}/g, "UUID").replace(/[-\d]{10} [\d:.]+/g, "TIME");
    expect(text).toBe(`datapath     network2, switch, vni 2, uuid UUID
inport       net2-router1, patch, key 2, peer router1-net2, uuid UUID
  addresses  40:44:00:00:00:04
outport      vm2, vif, key 1, uuid UUID
  chassis    worker2 (geneve 10.127.0.4)
  addresses  40:44:00:00:00:02 192.168.1.12
valid        from TIME to the end of the record UTC
ovn-trace    egress(dp="network2", inport="net2-router1", outport="vm2")
receiver     metadata=0x2,reg14=0x2,reg15=0x1
tunnel       tun_id=0x2,tun_metadata0=0x20001
dpctl        tunnel(tun_id=0x2,geneve({class=0x102,type=0x80,len=4,0x20001}))
`);
  });

  test("a datapath alone, a multicast group, no port, and a port that is not there", async () => {
    const alone = await sb(["resolve", "3"]);
    expect(lines(alone.stdout)[0]).toMatch(/^datapath {2}router1, router, vni 3, uuid /);
    expect(alone.stdout).not.toContain("port ");
    const group = await sb(["resolve", "1", "0", "32768"]);
    expect(group.stdout).toContain("inport     none, key 0\n");
    expect(group.stdout).toMatch(/^outport {4}_MC_flood, multicast group, key 32768, uuid /m);
    const partly = await sb(["resolve", "1", "1", "77"]);
    expect(partly.code).toBe(0);
    expect(partly.stdout).toContain("outport      unknown, key 77\n");
  });

  test("names of ports, chassis and datapaths, and outer addresses", async () => {
    const port = await json(["resolve", "vm1"]);
    expect(port.answer).toMatchObject({
      ports: [
        {
          name: "vm1",
          tunnelKey: 1,
          datapathKey: 1,
          datapath: { name: "network1" },
          openflow: {
            inport: { pipeline: "metadata=0x1,reg14=0x1" },
            outport: { pipeline: "metadata=0x1,reg15=0x1", tunnel: "tun_id=0x1,tun_metadata0=0x1/0xffff" },
          },
        },
      ],
      chassis: [],
      datapaths: [],
    });
    expect((await json(["resolve", "web-1"])).answer.ports).toMatchObject([{ name: "vm1" }]);
    expect((await json(["resolve", "worker1"])).answer.chassis).toMatchObject([{ name: "worker1" }]);
    expect((await json(["resolve", "frontend"])).answer.datapaths).toMatchObject([{ name: "network1" }]);
    const address = await json(["resolve", "10.127.0.4"]);
    expect(address.answer).toMatchObject({ encap: { type: "geneve" }, chassis: { name: "worker2" } });
    const text = await sb(["resolve", "10.127.0.4"]);
    expect(text.stdout).toMatch(
      /^address {4}10\.127\.0\.4, geneve tunnel end point, uuid .*\nchassis {4}worker2, /,
    );
  });

  test("--sb-time: the chassis of that time, and how long that was so", async () => {
    const { answer } = await json(["history", "vm4"], migration);
    const moves = answer.events.filter(({ event }: { event: string }) => event === "moved");
    const then = await json(["resolve", "1", "1", "4", "--sb-time", moves[0].time], migration);
    expect(then.answer.outport).toMatchObject({ name: "vm4", chassis: "worker2" });
    expect(then.answer.validFrom).toBe(moves[0].time);
    expect(Date.parse(then.answer.validUntil)).toBeLessThan(Date.parse(moves[1].time));
  });

  test("a source without history says so", async () => {
    const { stdout } = await sb(["resolve", "2", "2", "1"], "captures/routed-ping/sb.dump.json");
    expect(stdout).toMatch(/^valid {8}at the source's one moment: it has no history$/m);
  });

  test.each([
    [["16777216", "1", "1"], "VNI 16777216 is no number from 1 to 16777215 (decimal, or 0xffffff at most)"],
    [["1", "-5", "1"], "ingress key -5 is no number from 0 to 32767 (decimal, or 0x7fff at most)"],
    [[], "missing required argument 'query'"],
    [
      ["0"],
      'VNI 0 is no number from 1 to 16777215 (decimal, or 0xffffff at most); nor is anything named "0"',
    ],
  ])("%j is refused in one line", async (words, message) => {
    const { code, stdout, stderr } = await sb(["resolve", ...words]);
    expect({ code, stdout, stderr }).toEqual({ code: 2, stdout: "", stderr: `genevescope: ${message}\n` });
  });

  test.each([
    [["nobody"], 'no port, chassis or datapath is named "nobody"'],
    [["203.0.113.1"], "no tunnel end point has the address 203.0.113.1"],
    [["fe80::1"], "no tunnel end point has the address fe80::1"],
    [["99", "1", "1"], "no datapath has the key 99"],
  ])("%j is not there: status 2", async (words, message) => {
    const text = await sb(["resolve", ...words]);
    expect(text).toMatchObject({ code: 2, stderr: `genevescope: ${routed}: ${message}\n` });
    const { code, answer } = await json(["resolve", ...words]);
    expect(code).toBe(2);
    expect(answer.query).toBe(words.join(" "));
  });

  test("eight digits are the option's word as decode -o json prints it, decimal or not", async () => {
    const { answer } = await json(["resolve", "1", "10000001"]);
    expect(answer).toMatchObject({
      datapathKey: 1,
      ingressKey: 4096,
      egressKey: 1,
      outport: { name: "vm1" },
    });
  });

  test("names that look like numbers, addresses or flows", async () => {
    const names = ["5", "7", "0123", "a=b"];
    const source = file(
      "names.db",
      databaseFile([
        {
          _date: 1_700_000_000_000,
          Datapath_Binding: { [uuid(1, 1)]: { tunnel_key: 7, external_ids: pairs({ name: "net" }) } },
          Port_Binding: Object.fromEntries(
            names.map((name, i) => [
              uuid(2, i),
              { logical_port: name, datapath: ref(uuid(1, 1)), tunnel_key: i + 1 },
            ]),
          ),
          Encap: {
            [uuid(4, 1)]: { type: "geneve", ip: "10.0.0.8", chassis_name: "10.0.0.9" },
            [uuid(4, 2)]: { type: "geneve", ip: "10.0.0.9", chassis_name: "other" },
            [uuid(4, 3)]: { type: "geneve", ip: "10.0.0.7", chassis_name: "10.0.0.7" },
          },
          Chassis: {
            [uuid(3, 1)]: { name: "10.0.0.10", hostname: "", encaps: ref(uuid(4, 1)) },
            [uuid(3, 2)]: { name: "10.0.0.9", hostname: "", encaps: ref(uuid(4, 2)) },
            [uuid(3, 3)]: { name: "10.0.0.8", hostname: "", encaps: ref(uuid(4, 3)) },
          },
        },
      ]),
    );
    // Nothing else is meant by these.
    for (const name of ["5", "0123", "a=b"]) {
      const { code, answer } = await json(["resolve", name], source);
      expect(code).toBe(0);
      expect(answer).toMatchObject({ query: name, name, ports: [{ name }] });
    }
    expect((await json(["resolve", "10.0.0.10"], source)).answer).toMatchObject({
      name: "10.0.0.10",
      chassis: [{ name: "10.0.0.10" }],
    });
    // Two things are meant by these: both are told.
    const { answer } = await json(["resolve", "7"], source);
    expect(answer).toMatchObject({
      datapathKey: 7,
      datapath: { name: "net" },
      named: { ports: [{ name: "7" }] },
    });
    const text = await sb(["resolve", "7"], source);
    expect(text.stdout).toMatch(/^datapath +net, [\s\S]*\n\nport +7, vif, key 2, /);
    expect((await json(["resolve", "10.0.0.8"], source)).answer).toMatchObject({
      chassis: { name: "10.0.0.10" },
      named: { chassis: [{ name: "10.0.0.8" }] },
    });
    // One thing with its own address for a name is told once.
    expect((await json(["resolve", "10.0.0.9"], source)).answer).not.toHaveProperty("named");
    // More words are keys, and no name is looked for.
    expect((await json(["resolve", "7", "1", "2"], source)).answer).not.toHaveProperty("named");
    // Hosts without a name are not what an empty word means.
    const empty = await sb(["resolve", ""], source);
    expect(empty).toMatchObject({ code: 2, stdout: "" });
    expect(empty.stderr).toContain("give VNI INGRESS EGRESS");
  });

  test("a port that was there at another time is told of", async () => {
    const { code, stderr } = await sb(["resolve", "vm4", "--sb-time", "2026-11-21T08:25:21.000Z"], migration);
    expect(code).toBe(2);
    expect(stderr).toMatch(
      /no port is named "vm4" at that time; last heard of it: up [-\d]+ [\d:.]+ UTC; see sb history\n$/,
    );
  });
});

describe("sb history", () => {
  test("of the port that migrated, as text", async () => {
    const { code, stdout, stderr } = await sb(["history", "vm4"], migration);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const text = stdout.replace(/[-\d]{10} \d\d:\d\d:\d\d\.\d{3}/g, "TIME");
    expect(text).toMatch(
      /^Port vm4\nunknown before TIME \(the database was created or compacted then\); last recorded TIME; UTC\n\n/,
    );
    expect(
      text.split("\n\n")[1].replace(/\d+\.\d+ s/g, "N s"),
    ).toBe(`TIME  created  vif key 4 of vni 1 (network1), 40:44:00:00:00:08 192.168.0.14
TIME  bound    on worker1 (geneve 10.127.0.3)
TIME  up
TIME  unbound  from worker1 (geneve 10.127.0.3)
${" ".repeat("YYYY-MM-DD HH:MM:SS.mmm".length)}  down
TIME  moved    worker1 (geneve 10.127.0.3) -> worker2 (geneve 10.127.0.4), after N s unbound
TIME  up
TIME  unbound  from worker2 (geneve 10.127.0.4)
${" ".repeat("YYYY-MM-DD HH:MM:SS.mmm".length)}  down
TIME  moved    worker2 (geneve 10.127.0.4) -> worker1 (geneve 10.127.0.3), after N s unbound
TIME  up
`);
  });

  test("as JSON: one object with the events and when the record begins", async () => {
    const { code, answer } = await json(["history", "vm4"], migration);
    expect(code).toBe(0);
    expect(answer).toMatchObject({ port: "vm4", hasHistory: true });
    expect(Date.parse(answer.historyStart)).toBeLessThan(Date.parse(answer.events[0].time));
    expect(answer.events[5]).toMatchObject({
      time: expect.stringMatching(/^2026-11-21T.*Z$/),
      event: "moved",
      from: "worker1",
      to: "worker2",
      tunnels: [{ type: "geneve", ip: "10.127.0.4" }],
      name: "vm4",
      datapathKey: 1,
      tunnelKey: 4,
      chassis: "worker2",
    });
  });

  test("times are local unless --utc is given", async () => {
    const args = ["sb", "history", "vm4", "--sb", migration];
    const local = await genevescope(args, { env: { TZ: "Asia/Kolkata" } });
    const utc = await genevescope([...args, "--utc"], { env: { TZ: "Asia/Kolkata" } });
    const moment = (text: string) => Date.parse(`${/^(\S+ \S+) {2}created/m.exec(text)?.[1]}Z`);
    expect(moment(local.stdout) - moment(utc.stdout)).toBe(5.5 * 3_600_000);
  });

  const reused = () => {
    const date = Date.parse("2026-11-21T07:00:00Z");
    const change = (seconds: number, tables: object) => ({
      _date: date + seconds * 1000,
      _is_diff: true,
      ...tables,
    });
    const port = (name: string) => ({ logical_port: name, datapath: ref(uuid(1, 1)), tunnel_key: 3 });
    return file(
      "reused.db",
      databaseFile([
        change(0, {
          Datapath_Binding: { [uuid(1, 1)]: { tunnel_key: 8, external_ids: pairs({ name: "net" }) } },
        }),
        change(60, { Port_Binding: { [uuid(2, 1)]: port("old") } }),
        change(120, { Port_Binding: { [uuid(2, 1)]: null } }),
        change(180, { Port_Binding: { [uuid(2, 2)]: port("new") } }),
      ]),
    );
  };

  test("of a key that was reused: who had it when", async () => {
    const source = reused();
    const { stdout } = await sb(["history", "8", "3"], source);
    expect(stdout).toBe(`Key 3 of vni 8 (net)
unknown before 2026-11-21 07:00:00.000 (the database was created or compacted then); last recorded 2026-11-21 07:03:00.000; UTC

  FROM                     UNTIL                    HOLDER  TYPE  UUID
  2026-11-21 07:01:00.000  2026-11-21 07:02:00.000  old     vif   ${uuid(2, 1)}
  2026-11-21 07:03:00.000  -                        new     vif   ${uuid(2, 2)}

2026-11-21 07:01:00.000  created  old: vif key 3 of vni 8 (net)
2026-11-21 07:02:00.000  deleted  old: key 3 of vni 8 (net)
2026-11-21 07:03:00.000  created  new: vif key 3 of vni 8 (net); the key was old's before
`);
    const { answer } = await json(["history", "8", "0x3"], source);
    expect(answer).toMatchObject({
      datapathKey: 8,
      key: 3,
      holders: [
        { name: "old", from: "2026-11-21T07:01:00.000000000Z", until: "2026-11-21T07:02:00.000000000Z" },
        { name: "new", until: null },
      ],
    });
    const old = await sb(["history", "old"], source);
    expect(lines(old.stdout).at(-1)).toBe(
      "2026-11-21 07:03:00.000  key-reused  key 3 of vni 8 (net) is now new's",
    );
  });

  test("of a source without history: that is said", async () => {
    const dump = "captures/routed-ping/sb.dump.json";
    const { code, stdout } = await sb(["history", "vm1"], dump);
    expect(code).toBe(0);
    expect(lines(stdout)[1]).toBe("no history: the source is a dump, which tells of one moment only");
    expect(lines(stdout)[2]).toMatch(
      /^- {2}known {2}vif key 1 of vni 1 \(network1\), .*, worker1 \(geneve 10\.127\.0\.3\); since when is unknown$/,
    );
    const { answer } = await json(["history", "vm1"], dump);
    expect(answer).toMatchObject({
      hasHistory: false,
      historyStart: null,
      events: [{ time: null, event: "known" }],
    });
  });

  test.each([
    [["nobody"], 'no port has the name "nobody" in all that is recorded'],
    [["8"], 'no port has the name "8" in all that is recorded; for a key give both: sb history VNI KEY'],
    [["1", "99"], "nothing has the key 99 of vni 1 in all that is recorded"],
    [["1", "2", "3"], "give the name of a port, or VNI KEY"],
    [["x", "2"], "VNI x is no number"],
    [["1", "65536"], "egress key 65536 is no number"],
  ])("%j: status 2 and one line", async (words, message) => {
    const { code, stdout, stderr } = await sb(["history", ...words]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(lines(stderr)).toHaveLength(1);
    expect(stderr).toContain(message);
  });
});

test.each([
  [1021, "1.021 s"],
  [59_999, "59.999 s"],
  [60_000, "1 min"],
  [182_500, "3 min 2 s"],
  [3_600_000, "1 h"],
  [90_000_000, "1 d 1 h"],
  [172_859_000, "2 d"],
])("%i ms unbound are %s", (milliseconds, text) => {
  expect(durationText(milliseconds)).toBe(text);
});

describe("sb snapshot", () => {
  test("holds the history, and says what it holds", async () => {
    const snapshot = join(dir, "sb.snapshot");
    const written = await genevescope(["sb", "snapshot", snapshot, "--sb", migration]);
    expect(written).toMatchObject({ code: 0, stdout: "" });
    expect(written.stderr).toMatch(
      /: 3 datapaths, 8 ports, \d+ transactions, [\d,]+ bytes; history from 2026-11-21 [\d:.]+ to 2026-11-21 [\d:.]+ UTC\n$/,
    );
    const events = async (source: string) => (await json(["history", "vm4"], source)).answer.events;
    expect(await events(snapshot)).toEqual(await events(migration));
  });

  test("never into the database that it is made of, nor is Wireshark's script", async () => {
    const content = readFileSync(migration, "utf8");
    const own = file("own.db", content);
    const link = join(dir, "link.db");
    linkSync(own, link);
    for (const args of [
      ["sb", "snapshot", link],
      ["wireshark", "-w", link],
    ])
      expect(await genevescope([...args, "--sb", own])).toMatchObject({
        code: 2,
        stdout: "",
        stderr: `genevescope: ${link}: is the southbound that is read; name another file to write\n`,
      });
    expect(readFileSync(own, "utf8")).toBe(content);
  });

  test("into standard output", async () => {
    const command = `"${process.execPath}" dist/cli/main.js sb snapshot - --sb ${migration} > "${dir}/out"`;
    const written = await run("sh", ["-c", command]);
    expect(written.code).toBe(0);
    expect(written.stderr).toMatch(/^genevescope: standard output: 3 datapaths, /);
    const { stdout } = await sb(["resolve", "vm4"], join(dir, "out"));
    expect(stdout).toContain("vm4");
  });
});

describe("the command line of sb", () => {
  test("sb alone prints its help", async () => {
    for (const args of [["sb"], ["sb", "--help"], ["sb", "--sb", routed]]) {
      const { code, stdout } = await genevescope(args);
      expect(code).toBe(0);
      for (const verb of ["show", "resolve", "history", "snapshot"])
        expect(stdout).toMatch(new RegExp(`^ {2}${verb} `, "m"));
    }
    for (const verb of [["sb", "show"], ["decode"]]) {
      const { stdout } = await genevescope([...verb, "--help"]);
      for (const word of ["tcp:HOST:PORT", "cluster", "gzip", "snapshot"]) expect(stdout).toContain(word);
    }
    const resolve = await genevescope(["sb", "resolve", "--help"]);
    expect(resolve.stdout).toContain("VNI [INGRESS EGRESS | WORD] | FLOW | ADDRESS | NAME");
  });

  test("flags stand anywhere", async () => {
    const expected = await genevescope(["sb", "resolve", "vm1", "--sb", routed]);
    expect(expected.code).toBe(0);
    for (const args of [
      ["--sb", routed, "sb", "resolve", "vm1"],
      ["sb", "--sb", routed, "resolve", "vm1"],
      ["sb", "resolve", "--sb", routed, "vm1"],
    ])
      expect(await genevescope(args)).toEqual(expected);
  });

  test("$OVN_SB_DB is honoured; without it, the error says --sb", async () => {
    const found = await genevescope(["sb", "resolve", "vm1"], { env: { OVN_SB_DB: routed } });
    expect(found.stdout).toContain("vm1");
    for (const args of [["show"], ["resolve", "1"], ["history", "a"], ["snapshot", join(dir, "none")]]) {
      const { code, stderr } = await genevescope(["sb", ...args]);
      expect(code).toBe(2);
      expect(stderr).toBe(
        "genevescope: no southbound database; give --sb SOURCE (a server or a file), or set OVN_SB_DB\n",
      );
    }
    const broken = await genevescope(["sb", "show"], { env: { OVN_SB_DB: join(dir, "missing") } });
    expect(broken).toMatchObject({ code: 2, stdout: "" });
  });

  test.each([
    [["sb", "shw"], "unknown command 'shw'"],
    [["sb", "show", "--sb", routed, "--sb-time", "packet"], "--sb-time packet: there are no packets here"],
    [["sb", "show", "--sb", routed, "--sb-time", "noon"], '--sb-time "noon" is not a time'],
    [["sb", "show", "--sb", routed, "--sb-time", "2026-02-30"], '--sb-time "2026-02-30" is not a time'],
    [["sb", "show", "--sb", routed, "--sb-time", "1795248000000"], "after the year 9999; give seconds"],
    [["sb", "snapshot", "", "--sb", routed], "give a file to write"],
    [["sb", "history", "vm1", "--sb", routed, "--sb-time", "latest"], "unknown option '--sb-time'"],
    [["sb", "show", "--sb", "captures/README.md"], "captures/README.md: "],
  ])("%j is refused", async (args, message) => {
    const { code, stdout, stderr } = await genevescope(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(message);
  });

  test("a damaged source is read as far as it is good, said so, and ends with status 2", async () => {
    const source = file("damaged.db", `${readFileSync(join(root, routed), "utf8")}OVSDB JSON x\n`);
    const { code, stdout, stderr } = await sb(["show"], source);
    expect(code).toBe(2);
    expect(stderr).toMatch(/damaged at byte \d+: /);
    expect(stdout).toContain("Port_Binding vm1");
  });

  test("a reader that goes away ends it quietly", async () => {
    const command = `"${process.execPath}" dist/cli/main.js sb show --sb ${routed} | head -1`;
    const { code, stdout, stderr } = await run("sh", ["-c", command]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/^# captures/);
  });

  test("-c before a number is a count, before anything else a certificate where TLS is spoken", async () => {
    const pcap = "captures/routed-ping/hv2.pcap";
    const tls = ["-p", "key.pem", "-C", "none"];
    for (const count of [["-c", "2"], ["-c2"], [...tls, "-c", "2"]]) {
      const { code, stdout } = await genevescope(["decode", pcap, ...count]);
      expect(code).toBe(0);
      expect(lines(stdout)).toHaveLength(2);
    }
    for (const certificate of [["-c", "cert.pem"], ["-ccert.pem"], ["--certificate", "cert.pem"]]) {
      const { code, stdout } = await genevescope(["decode", pcap, ...tls, ...certificate, "--sb", routed]);
      expect(code).toBe(0);
      expect(lines(stdout)).toHaveLength(10);
    }
    const mistaken = await genevescope(["decode", pcap, "-c", "ten"]);
    expect(mistaken).toMatchObject({ code: 2, stdout: "" });
    expect(mistaken.stderr).toContain("Not a whole number");
    for (const args of [
      ["decode", pcap, "--sb", "ssl:127.0.0.1:1"],
      ["sb", "show", "--sb", "ssl:127.0.0.1:1"],
    ]) {
      const { code, stderr } = await genevescope([...args, "-c", "cert.pem", "-C", "none"]);
      expect(code).toBe(2);
      expect(stderr).toMatch(/missing: private key\n$/);
    }
  });
});

describeOvsdb("sb with a server", () => {
  const server = new OvsdbServer();
  beforeAll(() => server.start());
  afterAll(() => server.stop());

  test("show prints what ovn-sbctl shows, and ends", async () => {
    const chassis = [
      "a b",
      "true",
      "1a",
      "a.b",
      "k8s_ns:pod",
      uuid(3, 7),
      "af90f7ff-34c8-43d1-a234-8d39bc25029c",
    ];
    chassis.forEach((name, i) => {
      server.transact([
        {
          op: "insert",
          table: "Encap",
          row: { type: "geneve", ip: `fd00::${i}`, chassis_name: name },
          "uuid-name": "e",
        },
        { op: "insert", table: "Chassis", row: { name, hostname: name, encaps: ["named-uuid", "e"] } },
      ]);
    });
    const theirs = await run("ovn-sbctl", [`--db=${server.remote}`, "--no-leader-only", "show"]);
    const ours = await sb(["show"], server.remote);
    expect(ours).toMatchObject({ code: 0, stderr: "" });
    const blocks = (text: string) => text.split(/^(?=Chassis )/m).sort();
    expect(lines(theirs.stdout)).toHaveLength(4 * chassis.length);
    expect(blocks(ours.stdout.replace(/^#.*\n/, ""))).toEqual(blocks(theirs.stdout));
  });
});
