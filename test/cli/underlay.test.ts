/* Which devices `live` takes where none is named. */
import { execFileSync, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeLive, Wire } from "../native/wire.js";
import { type BridgeByHand, confDb } from "../southbound/conf-db.js";
import { beginLive } from "./live-verb.js";

const ADDRESS = "192.0.2.9";
const ENCAP = { "ovn-encap-ip": ADDRESS };

describeLive("live without a device", () => {
  let wire: Wire;
  beforeAll(() => {
    wire = new Wire(3);
    // In the place of what a bridge of OVS has for itself.
    wire.ip("link", "set", "rx2", "down");
    wire.ip("link", "set", "rx2", "name", "br-ex");
    wire.ip("link", "set", "br-ex", "up");
    wire.ip("address", "add", `${ADDRESS}/24`, "dev", "br-ex");
  });
  afterAll(() => wire?.down());

  let files = 0;
  const live = async (ids: Record<string, string>, ...bridges: BridgeByHand[]) => {
    const file = wire.file(`conf${++files}.db`);
    writeFileSync(file, confDb(ids, bridges));
    const { end } = await beginLive(wire, {}, "-n", "--ovs", file, "--duration", "1ms");
    return { file, ...(await end()) };
  };
  const bridge = (datapath: string, ...ports: BridgeByHand["ports"]): BridgeByHand => {
    return { datapath, ports: [[["br-ex", "internal"]], ...ports] };
  };

  test("takes the one that has the address, where the kernel forwards", async () => {
    expect((await live(ENCAP)).err).toContain("listening on br-ex;");
    expect((await live(ENCAP, bridge("system", [["rx0", ""]]))).err).toContain("listening on br-ex;");
  });

  test("takes those below its bridge, where OVS forwards in user space", async () => {
    const bond: BridgeByHand["ports"][0] = [
      ["rx0", ""],
      ["rx1", "system"],
    ];
    expect((await live(ENCAP, bridge("netdev", bond))).err).toContain("listening on rx0, rx1;");
  });

  test("says what the kernel does not see", async () => {
    const dpdk: BridgeByHand["ports"][0] = [
      ["dpdk0", "dpdk"],
      ["dpdk1", "dpdk"],
    ];
    const forwards = "genevescope: OVS forwards the tunnels of br-ex in user space";
    const hidden = `${forwards}, by dpdk0, dpdk1, whose packets the kernel does not see`;
    expect(await live(ENCAP, bridge("netdev", dpdk))).toMatchObject({
      status: 2,
      err: `${hidden}; have OVS mirror them to a device, as ovs-tcpdump does, and name that with -i\n`,
    });
    const { err } = await live(ENCAP, bridge("netdev", dpdk, [["rx0", ""]]));
    expect(err).toContain(`${hidden}: captured is what comes by rx0\n`);
    expect(err).toContain("listening on rx0;");
    expect(await live(ENCAP, bridge("netdev"))).toMatchObject({
      status: 2,
      err: `${forwards}, and its bridge has no port to the outside; name the device that carries the tunnels with -i\n`,
    });
  });

  test("a name in the database cannot drive a terminal", async () => {
    const { status, err } = await live(ENCAP, bridge("netdev", [["\x1b[31mred", "dpdk"]]));
    expect(status).toBe(2);
    expect(err).toContain("by \\x1b[31mred, whose");
  });

  test("opens a database once, though it names devices and ports", async () => {
    // What is in a pipe can be read once only.
    const pipe = wire.file("pipe");
    execFileSync("mkfifo", [pipe]);
    const file = wire.file("once.db");
    writeFileSync(file, confDb({ ...ENCAP, "system-id": "worker1" }, []));
    const writing = spawn("sh", ["-c", 'cat "$0" > "$1"', file, pipe]);
    const sb = ["--sb", "captures/routed-ping/sb.db"];
    const { end } = await beginLive(wire, {}, ...sb, "--ovs", pipe, "--duration", "1ms");
    const { err } = await end();
    writing.kill();
    expect(err).toContain("listening on br-ex;");
  });

  test("without the address says where it looked", async () => {
    const { status, file, err } = await live({});
    expect([status, err]).toEqual([
      2,
      `genevescope: ${file}: no external_ids:ovn-encap-ip there; name the device that carries the tunnels with -i\n`,
    ]);
  });
});
