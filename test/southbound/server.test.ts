import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { afterAll, afterEach, expect, test, vi } from "vitest";
import { openSouthbound, SouthboundError } from "../../src/southbound/index.js";
import { findCommand } from "../setup/peer.js";
import { describeOvsdb, OvsdbServer, SB_SCHEMA, TempDirectory } from "./ovsdb.js";
import { picture, pictureOfDump } from "./picture.js";
import { RandomTransactions } from "./random-transactions.js";
import { closeAll, follow, NOW, proxy, reached } from "./server.js";

const directory = new TempDirectory();
afterAll(() => directory.dispose());
afterEach(closeAll);

/** A port of this host that is free at the moment. */
async function freePort(host: string): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Runs `count` transactions that the server accepts, with `each` after each. */
async function change(server: OvsdbServer, random: RandomTransactions, count: number, each = async () => {}) {
  for (let done = 0; done < count; ) {
    if (server.transact(random.next(server.dump())) !== null) continue;
    done++;
    await each();
  }
}

function oldSchema(absent: Record<string, readonly string[]>): string {
  const schema = JSON.parse(readFileSync(SB_SCHEMA, "utf8"));
  for (const [table, columns] of Object.entries(absent))
    for (const column of columns) delete schema.tables[table].columns[column];
  return directory.file(`${Object.keys(absent).join()}.ovsschema`, JSON.stringify(schema));
}

describeOvsdb("a server", () => {
  const servers: OvsdbServer[] = [];
  const startServer = async (
    more: readonly string[] = [],
    ...args: ConstructorParameters<typeof OvsdbServer>
  ) => {
    const server = new OvsdbServer(...args);
    servers.push(server);
    await server.start(more);
    return server;
  };
  afterAll(() => Promise.all(servers.map((server) => server.stop())));

  test("says over unix, tcp, IPv4 and IPv6 what its dump says, once and while followed", async () => {
    const [four, six] = [await freePort("127.0.0.1"), await freePort("::1")];
    const server = await startServer([`--remote=ptcp:${four}:127.0.0.1`, `--remote=ptcp:${six}:[::1]`]);
    const random = new RandomTransactions(21);
    await change(server, random, 20);
    const remotes = [server.remote, `tcp:127.0.0.1:${four}`, `tcp:[::1]:${six}`, `tcp:localhost:${four}`];
    for (const remote of remotes) {
      const inventory = await openSouthbound(remote);
      expect(picture(inventory, NOW)).toEqual(pictureOfDump(server.dump()));
      expect(inventory).toMatchObject({ source: remote, format: "server", damage: null });
    }
    const followed = await Promise.all(remotes.map((remote) => follow(remote)));
    await change(server, random, 5);
    for (const { inventory, link } of followed) {
      await inventory.expectDump(server.dump());
      expect(link).toMatchObject({ state: "connected", lastError: null });
    }
    expect(followed.map(({ link }) => link.remote)).toEqual(remotes);
  });

  test.each(["monitor_cond_since", "monitor_cond", "monitor"])(
    "followed by %s says after each random transaction what its dump says",
    async (method) => {
      const methods = ["monitor_cond_since", "monitor_cond", "monitor"];
      const unknown = methods.slice(0, methods.indexOf(method));
      const server = await startServer();
      const random = new RandomTransactions(22);
      await change(server, random, 5);
      const { remote } = await proxy(server.directory.file("s"), { unknown });
      const { inventory, link } = await follow(remote);
      const seen: { at: number; expected: unknown }[] = [];
      await change(server, random, 20, async () => {
        await inventory.expectDump(server.dump());
        seen.push({ at: inventory.latestDate as number, expected: inventory.picture });
      });
      // What was before the last change of a millisecond is not told apart.
      for (const [index, { at, expected }] of seen.entries())
        if (seen[index + 1]?.at !== at) expect(picture(inventory, at)).toEqual(expected);
      const [, ...changes] = inventory.applied;
      expect(new Set(changes.map(({ isDifference }) => isDifference))).toEqual(
        new Set([method !== "monitor"]),
      );
      expect(inventory.applied[0]).toMatchObject({ timeless: true, isDifference: false, partial: false });
      expect(link.state).toBe("connected");
    },
  );

  test("whose messages come in pieces of one byte, with members in any order", async () => {
    const server = await startServer();
    const random = new RandomTransactions(23);
    await change(server, random, 12);
    expect(server.dump()).toMatch(/[日ü]/);
    const bytewise = await proxy(server.directory.file("s"), { pieces: 1 });
    // As other hash orders would have it: the other way round.
    const turned = await proxy(server.directory.file("s"), {
      rewrite: (text) => JSON.stringify(Object.fromEntries(Object.entries(JSON.parse(text)).reverse())),
    });
    const followed = [await follow(bytewise.remote), await follow(turned.remote)];
    await change(server, random, 3, async () => {
      for (const { inventory } of followed) await inventory.expectDump(server.dump());
    });
  });

  test("with an old schema is not asked for what it does not have", async () => {
    const absent = {
      Port_Binding: [
        "additional_chassis",
        "additional_encap",
        "requested_chassis",
        "requested_additional_chassis",
        "up",
        "virtual_parent",
        "port_security",
        "mirror_rules",
      ],
    };
    const server = await startServer([], oldSchema(absent));
    const random = new RandomTransactions(24, absent.Port_Binding);
    await change(server, random, 10);
    const { inventory } = await follow(server.remote);
    await change(server, random, 5, () => inventory.expectDump(server.dump()));
    expect(inventory.warnings.filter(({ code }) => code !== "unknown-row")).toEqual([]);
  });

  test("with a table of many rows hands them on in parts", async () => {
    const server = await startServer();
    for (let first = 1; first < 5000; first += 500) {
      const rows = Array.from({ length: 500 }, (_, index) => ({
        op: "insert",
        table: "Datapath_Binding",
        row: { tunnel_key: first + index, external_ids: ["map", [["name", `n${first + index}`]]] },
      }));
      expect(server.transact(rows)).toBe(null);
    }
    const { inventory } = await follow(server.remote);
    expect(inventory.applied.map(({ rows, partial }) => [rows, partial])).toEqual([
      [2000, true],
      [2000, true],
      [1000, false],
    ]);
    expect(inventory.applied.every(({ timeless }) => timeless)).toBe(true);
    expect(inventory.datapaths(NOW).length).toBe(5000);
    const mutations = [["external_ids", "insert", ["map", [["more", "x"]]]]];
    expect(server.transact([{ op: "mutate", table: "Datapath_Binding", where: [], mutations }])).toBe(null);
    await inventory.expectDump(server.dump());
    const [first, second, third] = inventory.applied.slice(3);
    expect([first.partial, second.partial, third.partial]).toEqual([true, true, false]);
    expect(new Set([first.date, second.date, third.date]).size).toBe(1);
  });

  test("of another database is told by those it has", async () => {
    const server = await startServer([], "/usr/share/ovn/ovn-nb.ovsschema", "OVN_Northbound");
    const message = /: the server has no database OVN_Southbound, it has OVN_Northbound; give the server of/;
    await expect(follow(server.remote)).rejects.toMatchObject({
      code: "ERR_SB_DATABASE",
      source: server.remote,
      message: expect.stringMatching(message),
    });
    // Servers before OVS 2.9 have no _Server to ask.
    const { remote } = await proxy(server.directory.file("s"), { unknown: ["monitor_cond"] });
    await expect(follow(remote)).rejects.toMatchObject({ message: expect.stringMatching(message) });
  });

  test("whose schema is changed while it is followed: the new columns are followed, too", async () => {
    const server = await startServer([], oldSchema({ Chassis: ["other_config"] }));
    const random = new RandomTransactions(25, []);
    const insert = {
      op: "insert",
      table: "Encap",
      "uuid-name": "e",
      row: { type: "geneve", ip: "10.0.0.1" },
    };
    const chassis = { op: "insert", table: "Chassis", row: { name: "c", encaps: ["named-uuid", "e"] } };
    expect(server.transact([insert, chassis])).toBe(null);
    const { inventory } = await follow(server.remote);
    server.convert(SB_SCHEMA);
    const config = ["map", [["is-vtep", "true"]]];
    const update = { op: "update", table: "Chassis", where: [], row: { other_config: config } };
    expect(server.transact([update])).toBe(null);
    await inventory.expectDump(server.dump());
    expect(inventory.chassis(NOW)).toMatchObject([{ name: "c", isVtep: true }]);
    await change(server, random, 5, () => inventory.expectDump(server.dump()));
  });

  test("that gets and loses another database is not left for that", async () => {
    const server = await startServer();
    const other = directory.file("nb.db");
    execFileSync(findCommand("ovsdb-tool") ?? "", ["create", other, "/usr/share/ovn/ovn-nb.ovsschema"]);
    const { inventory, link } = await follow(server.remote);
    const states: string[] = [];
    link.onState((state) => states.push(state));
    server.control(["ovsdb-server/add-db", other]);
    server.control(["ovsdb-server/remove-db", "OVN_Northbound"]);
    const insert = { op: "insert", table: "Datapath_Binding", row: { tunnel_key: 4242 } };
    expect(server.transact([insert])).toBe(null);
    await inventory.expectDump(server.dump());
    expect(states).toEqual([]);
  });

  test("that relays is good while it is connected, but is no leader and of no cluster", async () => {
    const server = await startServer();
    const args = ["/usr/share/ovn/ovn-nb.ovsschema", "OVN_Northbound"] as const;
    const relay = await startServer([`relay:OVN_Southbound:${server.remote}`], ...args);
    const { inventory } = await follow(relay.remote);
    await change(server, new RandomTransactions(29), 2, () => inventory.expectDump(server.dump()));
    const options = { leaderOnly: true, connectTimeout: 10 };
    await expect(follow(relay.remote, options)).rejects.toMatchObject({
      code: "ERR_SB_CLUSTER",
      message: `${relay.remote}: the server is a relay, not the leader of a cluster; give the members of the cluster`,
    });
    const remote = `cid:a1aa09e7-4f05-49db-b562-76112db86ab3,${relay.remote}`;
    await expect(follow(remote)).rejects.toMatchObject({
      code: "ERR_SB_DATABASE",
      message: expect.stringContaining("the server belongs to no cluster"),
    });
    const lost = await startServer([`relay:OVN_Southbound:unix:${directory.file("nobody")}`], ...args);
    await expect(follow(lost.remote, { connectTimeout: 10 })).rejects.toMatchObject({
      code: "ERR_SB_CLUSTER",
      message: expect.stringMatching(/the server is not connected to the server it relays; is that up/),
    });
  });

  test("is given up by signal and close: before the picture, and after", async () => {
    const server = await startServer();
    const reason = new Error("enough");
    await expect(follow(server.remote, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const controller = new AbortController();
    const { inventory, link } = await follow(server.remote, { signal: controller.signal });
    controller.abort();
    expect(link).toMatchObject({ state: "closed", remote: server.remote });
    link.close();
    await change(server, new RandomTransactions(26), 2);
    expect(inventory.applied.length).toBe(1);
    const once = await follow(server.remote, { follow: false });
    expect(once.link.state).toBe("closed");
    await once.inventory.expectDump(server.dump());
  });

  test("of which only one in a list is there", async () => {
    const server = await startServer();
    const nobody = `unix:${directory.file("nobody")}`;
    const { link } = await follow(`${nobody}, ${server.remote}`);
    expect(link.remote).toBe(server.remote);
    const refused = `tcp:127.0.0.1:${await freePort("127.0.0.1")}`;
    await expect(follow(`${nobody},${refused}`)).rejects.toMatchObject({
      code: "ERR_SB_CONNECT",
      message:
        `${nobody},${refused}: no server can be used: ${nobody}: there is no such socket; ` +
        `${refused}: connection refused; is ovsdb-server running, and does it listen there?`,
    });
    await expect(openSouthbound("tcp:no-such-host.invalid:6642")).rejects.toThrow(
      /the host name (is not known; check the name|cannot be looked up now; check this host's name servers), or give the/,
    );
    await expect(openSouthbound(nobody)).rejects.toBeInstanceOf(SouthboundError);
  });

  test("a clock that is set back dates no change before the last", async () => {
    const server = await startServer();
    const { inventory, link } = await follow(server.remote);
    const random = new RandomTransactions(27);
    await change(server, random, 2, () => inventory.expectDump(server.dump()));
    const before = inventory.applied.at(-1)?.date as number;
    const clock = vi.spyOn(Date, "now").mockReturnValue(before - 5000);
    try {
      await change(server, random, 3, () => inventory.expectDump(server.dump()));
    } finally {
      clock.mockRestore();
    }
    expect(inventory.applied.slice(-3).map(({ date }) => date)).toEqual([before, before, before]);
    expect(inventory.warnings.find(({ code }) => code === "clock-backwards")).toMatchObject({
      count: 1,
      text: "this host's clock was set back by 5000 ms",
    });
    await reached(link, "connected");
  });
});
