/* `live --metrics` on a wire in a network namespace; judged by `analyze` of what tcpdump saw meanwhile. */
import { once } from "node:events";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { pcap, temporary } from "../capture/helper.js";
import { describeLive, Wire } from "../native/wire.js";
import { readMetrics, sumOf, valuesOf } from "../output/prometheus.js";
import { eventually } from "../southbound/cluster.js";
import { describeOvsdb, OvsdbServer } from "../southbound/ovsdb.js";
import { usualFrames } from "../vectors/shapes.js";
import { beginLive, ours } from "./live-verb.js";

const CAPTURE = "captures/routed-ping/hv2.pcap";
const GATEWAY = "captures/ha-gateway";
const PORT = "9100";

describeLive("live --metrics", () => {
  let wire: Wire;
  beforeAll(() => {
    wire = new Wire();
    wire.ip("link", "set", "lo", "up");
  });
  afterAll(() => wire?.down());

  const live = (...args: string[]) => beginLive(wire, {}, "-i", "rx0", ...args);
  /** The metrics, an answer's life after those asked for before. */
  const scrape = async (address = `127.0.0.1:${PORT}`) => {
    await new Promise((resolve) => setTimeout(resolve, 1010));
    return readMetrics(get(address));
  };
  const get = (address: string): string => wire.run(process.execPath, "-e", GET, `http://${address}/metrics`);

  /** Packets of all kinds that keys, names and lengths can make. */
  function strange(): string {
    const bad = (change: (view: DataView) => void): Uint8Array => {
      const bytes = Uint8Array.from(usualFrames.icmp);
      change(new DataView(bytes.buffer));
      return bytes;
    };
    const frames = [
      usualFrames["tcp, IPv6 underlay"],
      // A network nobody knows, a UDP length that is none, another version of Geneve, another port.
      bad((view) => view.setUint8(48, 200)),
      bad((view) => view.setUint16(38, 4)),
      bad((view) => view.setUint8(42, 0x42)),
      bad((view) => view.setUint16(36, 443)),
    ];
    return temporary(
      pcap(
        frames.map((bytes) => ({
          sec: 1,
          nsec: 0,
          data: Buffer.from(bytes).toString("hex"),
          original: bytes.length,
          interface: 0,
        })),
      ),
    );
  }

  test("a quiet hour is no failure", async () => {
    const running = await live("-q", "--metrics", PORT);
    expect(await running.end("SIGTERM")).toMatchObject({ status: 0, out: "" });
  });

  describe.each([
    ["lines", []],
    ["--summary", ["--summary", "300ms"]],
    ["-q", ["-q"]],
  ])("beside %s", (_, flags) => {
    test("says what analyze says of the same packets", async () => {
      const sb = ["--sb", `${GATEWAY}/sb.db`];
      // So that some are cut.
      const length = "120";
      const running = await live(...sb, ...flags, "--all", "--snap-length", length, "--metrics", PORT);
      const file = wire.file("seen.pcap");
      const stop = await wire.tcpdump("rx0", file, "-s", length);
      const sent = wire.send(`${GATEWAY}/hv1.pcap`) + wire.send(strange(), { repeat: 3 });
      await eventually("all packets", () =>
        get(`127.0.0.1:${PORT}`).includes(`received_packets_total{device="rx0"} ${sent}\n`),
      );
      const families = await scrape();
      await stop();
      const { status, out } = await running.end("SIGINT");
      expect([status, out === ""]).toEqual([0, flags[0] === "-q"]);

      const wanted = JSON.parse(ours("analyze", ...sb, "--all", "-o", "json", file));
      const { packets, malformed, truncated, unsupported, notGeneve } = wanted;
      expect([packets, malformed > 0, truncated > 0, unsupported > 0]).toEqual([sent, true, true, true]);
      expect(valuesOf(families, "packets_total")).toEqual({
        ok: packets - malformed - truncated - unsupported - notGeneve,
        malformed,
        truncated,
        unsupported,
        "not-geneve": notGeneve,
      });
      expect(wanted.unresolved).toBeGreaterThan(0);
      expect(sumOf(families, "unresolved_packets_total")).toBe(wanted.unresolved);
      for (const unit of ["packets", "bytes"]) {
        const entries = (
          list: Record<string, string | number | null>[],
          nameOf: (each: never) => string,
          field = unit,
        ) =>
          list
            .filter((each) => (each[field] as number) > 0)
            .map((each) => [nameOf(each as never), each[field]]);
        type Datapath = { datapathKey: number; name: string | null };
        expect(valuesOf(families, `datapath_${unit}_total`)).toEqual(
          Object.fromEntries(
            entries(wanted.datapaths, (each: Datapath) => `${each.datapathKey} ${each.name ?? ""}`),
          ),
        );
        type Port = Datapath & { datapath: string | null; portKey: number };
        const name = (each: Port) =>
          `${each.datapathKey} ${each.datapath ?? ""} ${each.portKey} ${each.name ?? ""}`;
        const counter = unit === "packets" ? "Packets" : "Bytes";
        expect(valuesOf(families, `port_${unit}_total`)).toEqual(
          Object.fromEntries([
            ...entries(wanted.ports, (each: Port) => `${name(each)} rx`, `rx${counter}`),
            ...entries(wanted.ports, (each: Port) => `${name(each)} tx`, `tx${counter}`),
          ]),
        );
        type Tunnel = Record<"source" | "destination" | "sourceChassis" | "destinationChassis", string>;
        expect(valuesOf(families, `tunnel_${unit}_total`)).toEqual(
          Object.fromEntries(
            entries(
              wanted.tunnels,
              (each: Tunnel) =>
                `${each.sourceChassis ?? each.source} ${each.destinationChassis ?? each.destination}`,
            ),
          ),
        );
      }
      expect(valuesOf(families, "device_up")).toEqual({ rx0: 1 });
      expect(valuesOf(families, "device_dropped_packets_total")).toEqual({
        "rx0 kernel": 0,
        "rx0 device": 0,
      });
      const [[source, age]] = Object.entries(valuesOf(families, "inventory_age_seconds"));
      expect([source, age > 0]).toEqual([`${GATEWAY}/sb.db`, true]);
      expect(valuesOf(families, "inventory_connected")).toEqual({});
    });
  });

  test("counts what the filters leave", async () => {
    const running = await live("-q", "--vni", "2", "--metrics", PORT);
    wire.send(CAPTURE, { repeat: 2 });
    const families = await scrape();
    await running.end("SIGINT");
    expect(valuesOf(families, "datapath_packets_total")).toEqual({ "2 ": 10 });
    expect(families.has("genevescope_unresolved_packets_total")).toBe(false);
  });

  test("gives an answer again to who asks at once, and another one later", async () => {
    const running = await live("-q", "--sb", `${GATEWAY}/sb.db`, "--metrics", PORT);
    wire.send(CAPTURE);
    const url = `http://127.0.0.1:${PORT}/metrics`;
    const [first, second, later] = JSON.parse(wire.run(process.execPath, "-e", GET_THRICE, url));
    await running.end("SIGINT");
    // The age of names is among them, in milliseconds.
    expect(second).toBe(first);
    expect(later).not.toBe(first);
  });

  test("adds up what nobody asks for, a second's flows and more, and keeps the rest as other", async () => {
    const frames = Array.from({ length: 24_000 }, (_, index) => {
      const data = Buffer.from(usualFrames.icmp);
      data.writeUInt32BE(index + 1, 54);
      return { sec: 1, nsec: 0, data: data.toString("hex"), original: data.length, interface: 0 };
    });
    const running = await live("-q", "--metrics", PORT);
    const file = temporary(pcap(frames));
    const length = usualFrames.icmp.length;
    const first = wire.send(CAPTURE);
    expect(sumOf(await scrape(), "datapath_packets_total")).toBe(first);
    const sent = first + wire.send(file, { perSecond: 80_000 });
    const bytes = first * 156 + frames.length * length;
    const families = await scrape();
    await running.end("SIGINT");
    for (const family of ["datapath", "port"]) {
      const directions = family === "port" ? 2 : 1;
      expect(sumOf(families, `${family}_packets_total`)).toBe(sent * directions);
      expect(sumOf(families, `${family}_bytes_total`)).toBe(bytes * directions);
    }
    expect(valuesOf(families, "label_limit_reached")).toMatchObject({ port: 1, tunnel: 0 });
  });

  test("says that a device is gone, and back", async () => {
    const other = new Wire();
    try {
      other.ip("link", "set", "lo", "up");
      const running = await beginLive(other, {}, "-i", "rx0", "-q", "--metrics", PORT);
      const metrics = () =>
        readMetrics(other.run(process.execPath, "-e", GET, `http://127.0.0.1:${PORT}/metrics`));
      const up = () => valuesOf(metrics(), "device_up").rx0;
      const sent = other.send(CAPTURE);
      await eventually("its packets", () => sumOf(metrics(), "device_received_packets_total") === sent);
      other.ip("link", "del", "tx0");
      await eventually("its end", () => up() === 0);
      expect(sumOf(metrics(), "device_received_packets_total")).toBe(sent);
      other.add();
      await eventually("its return", () => up() === 1);
      other.send(CAPTURE);
      await eventually("more packets", () => sumOf(metrics(), "device_received_packets_total") === 2 * sent);
      expect((await running.end("SIGINT")).status).toBe(0);
    } finally {
      other.down();
    }
  });

  test("is there for this machine alone unless an address says otherwise", async () => {
    wire.ip("address", "add", "192.0.2.1/32", "dev", "lo");
    const reachable = (address: string): boolean => {
      try {
        return readMetrics(get(address)).has("genevescope_build_info");
      } catch {
        return false;
      }
    };
    for (const [flag, url, wanted] of [
      [PORT, `127.0.0.1:${PORT}`, [true, false, false]],
      [`:${PORT}`, `127.0.0.1:${PORT}`, [true, false, false]],
      [`[::1]:${PORT}`, `[::1]:${PORT}`, [false, true, false]],
      [`192.0.2.1:${PORT}`, `192.0.2.1:${PORT}`, [false, false, true]],
      [`0.0.0.0:${PORT}`, `0.0.0.0:${PORT}`, [true, false, true]],
    ] as const) {
      const running = await live("-q", "--metrics", flag);
      await eventually("its metrics", () => running.said.err.includes(`metrics at http://${url}/metrics\n`));
      expect([flag, ["127.0.0.1", "[::1]", "192.0.2.1"].map((host) => reachable(`${host}:${PORT}`))]).toEqual(
        [flag, wanted],
      );
      await running.end("SIGINT");
    }
  });

  test.each([
    [
      ["--metrics", "192.0.2.99:9100"],
      /^genevescope: --metrics 192\.0\.2\.99:9100: this machine has no such address\n$/,
    ],
    [
      ["--metrics", "[fe80::1%none]:9100"],
      /^genevescope: --metrics \[fe80::1%none\]:9100: this machine has no such address\n$/,
    ],
    [
      ["--metrics", "here:9100"],
      /^genevescope: option '--metrics <address>' argument 'here:9100' is invalid\. .*\n$/,
    ],
    [
      ["-q", "--summary", "1s"],
      /^genevescope: -w, --summary, --top and -q take the place of lines; give one of them\n$/,
    ],
  ])("%s: a line that says what to do, and status 2", async (args, line) => {
    const { status, out, err } = await (await live(...args)).end();
    expect([status, out, err]).toEqual([2, "", expect.stringMatching(line)]);
  });

  test("says that the port is taken, and leaves the capture that has it alone", async () => {
    const first = await live("-q", "--metrics", PORT);
    const second = await (await live("-q", "--metrics", PORT)).end();
    expect(second).toMatchObject({
      status: 2,
      out: "",
      err: `genevescope: --metrics 127.0.0.1:${PORT}: another program has this port; give another one\n`,
    });
    expect(readMetrics(get(`127.0.0.1:${PORT}`)).size).toBeGreaterThan(0);
    await first.end("SIGINT");
  });

  test("does not wait at its end for those who ask and do not read", async () => {
    const running = await live("-q", "--metrics", PORT);
    wire.send(CAPTURE);
    const mute = wire.start(process.execPath, "-e", MUTE, PORT);
    await once(mute.stdout, "data");
    await eventually("its packets", () => get(`127.0.0.1:${PORT}`).includes('device="rx0"} 10\n'));
    const begun = Date.now();
    expect((await running.end("SIGTERM")).status).toBe(0);
    expect(Date.now() - begun).toBeLessThan(5000);
    mute.kill();
  });

  describeOvsdb("with a server", () => {
    test("keeps counting when ports are renamed, move, and leave their key to another", async () => {
      const server = new OvsdbServer();
      await server.start();
      const network = ["named-uuid", "network"];
      const port = (name: string, more: object = {}) => ({ logical_port: name, tunnel_key: 1, ...more });
      const change = (...operations: object[]) => expect(server.transact(operations)).toBe(null);
      const update = (name: string, row: object) =>
        change({ op: "update", table: "Port_Binding", where: [["logical_port", "==", name]], row });
      change(
        { op: "insert", table: "Datapath_Binding", "uuid-name": "network", row: { tunnel_key: 1 } },
        { op: "insert", table: "Port_Binding", row: port("vm1", { datapath: network }) },
        { op: "insert", table: "Port_Binding", row: port("router", { datapath: network, tunnel_key: 3 }) },
      );
      // On a chassis that there was not before.
      const bind = (name: string, chassis: string, ip: string) =>
        change(
          {
            op: "insert",
            table: "Encap",
            "uuid-name": "encap",
            row: { type: "geneve", ip, chassis_name: chassis },
          },
          {
            op: "insert",
            table: "Chassis",
            "uuid-name": "chassis",
            row: { name: chassis, encaps: ["named-uuid", "encap"] },
          },
          {
            op: "update",
            table: "Port_Binding",
            where: [["logical_port", "==", name]],
            row: { chassis: ["named-uuid", "chassis"] },
          },
        );
      bind("vm1", "worker1", "192.0.2.11");
      const running = await live("-q", "--sb", server.remote, "--vni", "1", "--metrics", PORT);
      // Five packets go to the port each time.
      const after = async () => {
        await new Promise((resolve) => setTimeout(resolve, 300));
        wire.send(CAPTURE);
        const families = await scrape();
        const values = Object.entries(valuesOf(families, "port_packets_total"));
        return values
          .filter(([name]) => name.endsWith("rx"))
          .map(([name, value]) => [name.split(" ").at(-2), value]);
      };
      expect(await after()).toEqual([["vm1", 5]]);
      bind("vm1", "worker2", "192.0.2.12");
      expect(await after()).toEqual([["vm1", 10]]);
      update("vm1", { logical_port: "web" });
      const renamed = [["vm1", 10]];
      expect(await after()).toEqual([...renamed, ["web", 5]]);
      change(
        { op: "delete", table: "Port_Binding", where: [["logical_port", "==", "web"]] },
        {
          op: "insert",
          table: "Port_Binding",
          row: port("heir", { datapath: ["uuid", datapathOf(server)] }),
        },
      );
      expect(await after()).toEqual([...renamed, ["web", 5], ["heir", 5]]);
      update("heir", { logical_port: "vm1" });
      expect(await after()).toEqual([
        ["vm1", 15],
        ["web", 5],
        ["heir", 5],
      ]);

      expect(valuesOf(await scrape(), "inventory_connected")).toEqual({ [server.remote]: 1 });
      await server.kill();
      await eventually("the server's end", () => running.said.err.includes("going on with the names"));
      const first = await scrape();
      const second = await scrape();
      expect(valuesOf(second, "inventory_connected")).toEqual({ [server.remote]: 0 });
      const [age, later] = [first, second].map((each) => sumOf(each, "inventory_age_seconds"));
      expect(later - age).toBeGreaterThan(0.9);
      expect(later).toBeLessThan(60);
      await server.start();
      await eventually("the server's return", () => running.said.err.includes("connected again"));
      const back = await scrape();
      expect(valuesOf(back, "inventory_connected")).toEqual({ [server.remote]: 1 });
      expect(sumOf(back, "inventory_age_seconds")).toBeLessThan(later);
      expect((await running.end("SIGINT")).status).toBe(0);
      await server.stop();
    });
  });
});

/** Prints what is at the URL given. */
const GET = `fetch(process.argv[1]).then(async (response) => {
  if (response.status !== 200) throw new Error(response.status);
  process.stdout.write(await response.text());
});`;

/** Prints, as JSON, what is there, what is there then, and what is there later. */
const GET_THRICE = `(async () => {
  const get = async () => (await fetch(process.argv[1])).text();
  const texts = [await get(), await get()];
  await new Promise((resolve) => setTimeout(resolve, 1010));
  console.log(JSON.stringify([...texts, await get()]));
})();`;

/** Makes connections to the port given: some ask and do not read, some say nothing. */
const MUTE = `let left = 10;
for (let number = 0; number < 10; number++) {
  const socket = require("node:net").connect(Number(process.argv[1]), "127.0.0.1", () => {
    socket.pause();
    if (number % 2 === 0) socket.write("GET /metrics HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n");
    if (--left === 0) console.log("ready");
  });
  socket.on("error", () => {});
}`;

/** The uuid of the only datapath. */
function datapathOf(server: OvsdbServer): string {
  const { data, headings } = JSON.parse(
    server
      .dump()
      .split("\n")
      .find((line) => line.includes("Datapath_Binding")) ?? "",
  );
  return data[0][headings.indexOf("_uuid")][1];
}
