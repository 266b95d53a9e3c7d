import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { afterAll, expect, test } from "vitest";
import { type Inventory, openSouthbound } from "../../src/southbound/index.js";
import { findCommand } from "../setup/peer.js";
import { describeOvsdb, OvsdbServer } from "./ovsdb.js";
import { type Picture, picture, pictureOfDump } from "./picture.js";
import { RandomTransactions } from "./random-transactions.js";

/** The date of each record of a database file, the schema's left out. */
function dates(file: Buffer): number[] {
  return [...file.toString("latin1").matchAll(/"_date":(\d+)/g)].map((match) => +match[1]);
}

/** The warnings, without that of references which the server itself leaves behind. */
function codes(inventory: Inventory): string[] {
  return inventory.warnings.map(({ code }) => code).filter((code) => code !== "unknown-row");
}

describeOvsdb("replaying a database file", () => {
  const servers: OvsdbServer[] = [];
  const startServer = async () => {
    const server = new OvsdbServer();
    servers.push(server);
    await server.start();
    return server;
  };
  afterAll(() => Promise.all(servers.map((server) => server.stop())));

  test.each([1, 2, 3])(
    "after each of 60 random transactions it says what the server says (seed %d)",
    async (seed) => {
      const server = await startServer();
      const random = new RandomTransactions(seed);
      const seen: { at: number; expected: Picture }[] = [];
      let inventory: Inventory | null = null;
      for (let done = 0; done < 60; ) {
        const error = server.transact(random.next(server.dump()));
        // The server checks indexes and references at the end; such a transaction changes nothing.
        if (error !== null) expect(error).toMatch(/constraint violation|referential integrity|aborted/);
        if (error !== null) continue;
        done++;
        const expected = pictureOfDump(server.dump());
        inventory = await openSouthbound(server.database);
        expect(picture(inventory, Number.POSITIVE_INFINITY)).toEqual(expected);
        expect(inventory.damage).toBe(null);
        const at = dates(server.bytes()).at(-1);
        if (at !== undefined) seen.push({ at, expected });
      }
      for (let index = 0; index < seen.length; index++) {
        const { at, expected } = seen[index];
        const next = seen[index + 1]?.at ?? Number.MAX_VALUE;
        if (next === at) continue;
        expect(picture(inventory as Inventory, at)).toEqual(expected);
        expect(picture(inventory as Inventory, next - 0.25)).toEqual(expected);
      }
      expect(codes(inventory as Inventory)).toEqual([]);
    },
  );

  test("journal, backup and dump of one moment say the same, before and after compaction", async () => {
    const server = await startServer();
    const random = new RandomTransactions(4);
    for (let done = 0; done < 40; ) if (server.transact(random.next(server.dump())) === null) done++;
    const expected = pictureOfDump(server.dump());
    const backup = await openSouthbound(server.directory.file("sb.backup", server.backup()));
    const dump = await openSouthbound(server.directory.file("sb.json", server.dump()));
    const before = await openSouthbound(server.database);
    server.compact();
    const after = await openSouthbound(server.database);
    for (const inventory of [backup, dump, before, after]) {
      expect(picture(inventory, Number.POSITIVE_INFINITY)).toEqual(expected);
      expect(codes(inventory)).toEqual([]);
    }
    expect([backup, dump, before, after].map(({ format }) => format)).toEqual([
      "backup",
      "dump",
      "journal",
      "journal",
    ]);
    expect([backup, dump, before, after].map(({ hasHistory }) => hasHistory)).toEqual([
      false,
      false,
      true,
      false,
    ]);
    // What has no history has one picture for all times.
    expect(picture(backup, 0)).toEqual(expected);
    expect(picture(dump, 0)).toEqual(expected);
    expect(dump.latestDate).toBe(null);
    expect(backup.latestDate).toBe(dates(readFileSync(server.directory.file("sb.backup")))[0]);
  });

  test("after a compaction history begins with the compacted record", async () => {
    const server = await startServer();
    const random = new RandomTransactions(99);
    for (let done = 0; done < 20; ) if (server.transact(random.next(server.dump())) === null) done++;
    server.compact();
    while (dates(server.bytes()).length < 2) server.transact(random.next(server.dump()));
    const [compacted, changed] = dates(server.bytes());
    const inventory = await openSouthbound(server.database);
    expect(inventory.hasHistory).toBe(true);
    expect(inventory.historyStart).toBe(compacted);
    expect(inventory.latestDate).toBe(changed);
    expect(inventory.ports(compacted - 1)).toEqual([]);
    expect(inventory.resolve(1, 1, 1, compacted - 1)).toMatchObject({
      beforeHistory: true,
      until: compacted,
    });
    expect(inventory.resolve(1, 1, 1, compacted)).toMatchObject({ beforeHistory: false });
  });
});

describeOvsdb("other databases of OVSDB", () => {
  test("a cluster made of a standalone database is read, as is what ovsdb-tool makes of it again", async () => {
    const server = new OvsdbServer();
    try {
      await server.start();
      const random = new RandomTransactions(5);
      for (let done = 0; done < 10; ) if (server.transact(random.next(server.dump())) === null) done++;
      const cluster = server.directory.file("cluster.db");
      const tool = findCommand("ovsdb-tool") ?? "";
      execFileSync(tool, ["create-cluster", cluster, server.database, "tcp:127.0.0.1:6644"]);
      const standalone = server.directory.file("standalone.db");
      execFileSync(tool, ["cluster-to-standalone", standalone, cluster]);
      for (const [path, format] of [
        [cluster, "cluster"],
        [standalone, "journal"],
      ]) {
        const inventory = await openSouthbound(path);
        expect(inventory.format).toBe(format);
        expect(picture(inventory, Number.POSITIVE_INFINITY)).toEqual(pictureOfDump(server.dump()));
      }
    } finally {
      await server.stop();
    }
  });

  test("a northbound database is told by its name, as file, backup and dump", async () => {
    const server = new OvsdbServer("/usr/share/ovn/ovn-nb.ovsschema", "OVN_Northbound");
    try {
      await server.start();
      const files = [
        server.database,
        server.directory.file("b", server.backup()),
        server.directory.file("d", server.dump()),
      ];
      for (const file of files)
        await expect(openSouthbound(file)).rejects.toMatchObject({
          code: "ERR_SB_DATABASE",
          message: expect.stringContaining("is OVN_Northbound, not OVN_Southbound"),
        });
    } finally {
      await server.stop();
    }
  });
});
