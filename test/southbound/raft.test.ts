/* The files of clustered databases. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { closeSync, copyFileSync, openSync, readFileSync, writeSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, test } from "vitest";
import { type Inventory, openSouthbound, SouthboundError } from "../../src/southbound/index.js";
import { findCommand } from "../setup/peer.js";
import { ClusterMember, clusterRecord, commit, entry, eventually, header, memberFile } from "./cluster.js";
import { body } from "./large.js";
import { describeOvsdb, pairs, ref, SB_SCHEMA, smallSchema, TempDirectory, uuid } from "./ovsdb.js";
import { type Picture, picture, pictureOfDump } from "./picture.js";
import { RandomTransactions } from "./random-transactions.js";

const directory = new TempDirectory();
afterAll(() => directory.dispose());
const NOW = Number.POSITIVE_INFINITY;

let files = 0;
const open = (content: string | Buffer) => openSouthbound(directory.file(`${files++}.db`, content));

/** The warnings, without that of references which the server itself leaves behind. */
function codes(inventory: Inventory): string[] {
  return inventory.warnings.map(({ code }) => code).filter((code) => code !== "unknown-row");
}

/** The date of each transaction of a file. */
function dates(path: string): number[] {
  return [...readFileSync(path, "latin1").matchAll(/"_date":(\d+)/g)].map((match) => +match[1]);
}

const T = 1_700_000_000_000;
const NET = uuid(1, 1);

/** A transaction that makes a port, and first the switch where `key` is 1. */
const makePort = (key: number, name = `p${key}`) => ({
  _date: T + key,
  _is_diff: true,
  ...(key === 1
    ? { Datapath_Binding: { [NET]: { tunnel_key: 5, external_ids: pairs({ name: "n" }) } } }
    : {}),
  Port_Binding: { [uuid(2, key)]: { logical_port: name, datapath: ref(NET), tunnel_key: key } },
});
const names = (inventory: Inventory, at = NOW) => inventory.ports(at).map(({ name }) => name);

test("a snapshot of 20,000 ports and 100 MB of logical flows takes the memory of its ports", async () => {
  const path = directory.file("large.db");
  const [before, behind] = header([smallSchema(), { HERE: 1 }]).split('{"HERE":1}');
  const start = before.slice(before.indexOf("\n") + 1);
  const hash = createHash("sha1").update(start);
  let bytes = start.length + behind.length;
  for (const part of body(20_000, 100_000_000)) {
    hash.update(part);
    bytes += Buffer.byteLength(part);
  }
  const file = openSync(path, "w");
  writeSync(file, `OVSDB CLUSTER ${bytes} ${hash.update(behind).digest("hex")}\n${start}`);
  for (const part of body(20_000, 100_000_000)) writeSync(file, part);
  writeSync(file, behind);
  closeSync(file);

  const rss = process.memoryUsage().rss;
  let peak = rss;
  const sampler = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage().rss);
  }, 20);
  const inventory = await openSouthbound(path);
  clearInterval(sampler);
  expect(inventory.warnings).toEqual([]);
  expect(inventory.damage).toBe(null);
  expect(inventory.port(200, 100, 0)?.externalIds.get("name")).toBe("port-19999");
  expect((Math.max(peak, process.memoryUsage().rss) - rss) / 1e6).toBeLessThan(300);
});

describeOvsdb("a cluster of real servers", () => {
  const members: ClusterMember[] = [];
  const startMember = async (...args: ConstructorParameters<typeof ClusterMember>) => {
    const member = new ClusterMember(...args);
    members.push(member);
    await member.start();
    return member;
  };
  afterAll(() => Promise.all(members.map((member) => member.stop())));

  test("after each random transaction, compaction and conversion its file says what the server says", async () => {
    const member = await startMember();
    const random = new RandomTransactions(11);
    const seen: { at: number; expected: Picture }[] = [];
    const check = async () => {
      const expected = pictureOfDump(member.dump());
      const inventory = await openSouthbound(member.database);
      expect(picture(inventory, NOW)).toEqual(expected);
      expect([inventory.format, inventory.damage]).toEqual(["cluster", null]);
      const at = dates(member.database).at(-1);
      if (at !== undefined) seen.push({ at, expected });
      return inventory;
    };
    for (let done = 0; done < 45; ) {
      if (member.transact(random.next(member.dump())) !== null) continue;
      await check();
      done++;
      if (done === 15) {
        member.compact();
        seen.length = 0;
      } else if (done === 30) member.convert(SB_SCHEMA);
      else continue;
      await check();
    }
    const inventory = await check();
    for (let index = 0; index < seen.length; index++) {
      const { at, expected } = seen[index];
      const next = seen[index + 1]?.at ?? Number.MAX_VALUE;
      if (next === at) continue;
      expect(picture(inventory, at)).toEqual(expected);
      expect(picture(inventory, next - 0.25)).toEqual(expected);
    }
    expect(codes(inventory)).toEqual([]);
    expect(inventory.historyStart).toBe(dates(member.database)[0]);
    expect(inventory.latestDate).toBe(dates(member.database).at(-1));
    expect(seen.length).toBeGreaterThan(25);
  });

  test("one that was just compacted holds a picture for all times, and ovsdb-tool reads the same", async () => {
    const member = await startMember();
    const random = new RandomTransactions(12);
    for (let done = 0; done < 25; ) if (member.transact(random.next(member.dump())) === null) done++;
    const judged = async () => {
      const standalone = directory.file(`${files++}.db`);
      execFileSync(findCommand("ovsdb-tool") ?? "", ["cluster-to-standalone", standalone, member.database]);
      return openSouthbound(standalone);
    };
    const before = await openSouthbound(member.database);
    const judge = await judged();
    for (const at of [...dates(member.database), NOW])
      expect(picture(before, at)).toEqual(picture(judge, at));
    expect([before.historyStart, before.hasHistory]).toEqual([judge.historyStart, true]);
    member.compact();
    const after = await openSouthbound(member.database);
    expect(picture(after, 0)).toEqual(picture(before, NOW));
    expect(picture(after, 0)).toEqual(picture(await judged(), 0));
    expect([after.hasHistory, after.latestDate]).toEqual([false, dates(member.database)[0]]);
  });

  test("all three members say the same, and a transaction that cannot be committed is left out", async () => {
    const first = await startMember();
    const random = new RandomTransactions(13);
    for (let done = 0; done < 20; ) if (first.transact(random.next(first.dump())) === null) done++;
    const three = [first, await startMember(first), await startMember(first)];
    for (let done = 0; done < 20; ) if (first.transact(random.next(first.dump())) === null) done++;
    const expected = pictureOfDump(first.dump());
    for (const { database } of three) {
      // A follower hears of the last commit a little later.
      const says = async () => JSON.stringify(picture(await openSouthbound(database), NOW));
      await eventually("the follower follows", async () => (await says()) === JSON.stringify(expected));
      expect(picture(await openSouthbound(database), NOW)).toEqual(expected);
    }

    const leader = three.find(({ isLeader }) => isLeader);
    if (leader === undefined) throw new Error("there is no leader");
    await Promise.all(three.filter((member) => member !== leader).map((member) => member.kill()));
    const row = { tunnel_key: 4711, external_ids: pairs({ "logical-switch": "x", name: "never" }) };
    const insert = { op: "insert", table: "Datapath_Binding", row };
    await leader.begin([insert], () => readFileSync(leader.database, "latin1").includes('"tunnel_key":4711'));
    const copy = directory.file("uncommitted.db");
    copyFileSync(leader.database, copy);
    const inventory = await openSouthbound(copy);
    expect(picture(inventory, NOW)).toEqual(expected);
    expect(inventory.warnings).toContainEqual({
      code: "uncommitted",
      count: 1,
      text: expect.stringMatching(/^the log ends with transactions, the first at byte \d+, .*; left out$/),
    });
  });

  test("a member that has not joined, and another database, are told", async () => {
    const member = await startMember();
    const joining = new ClusterMember(member);
    members.push(joining);
    await expect(openSouthbound(joining.database)).rejects.toMatchObject({
      code: "ERR_SB_FORMAT",
      message: `${joining.database}: is of a member that has no data: it has not joined its cluster yet; give the database file of another member`,
    });
    const northbound = new ClusterMember("/usr/share/ovn/ovn-nb.ovsschema", "OVN_Northbound");
    const other = new ClusterMember(northbound, "OVN_Northbound");
    members.push(northbound, other);
    for (const { database } of [northbound, other])
      await expect(openSouthbound(database)).rejects.toMatchObject({
        code: "ERR_SB_DATABASE",
        message: expect.stringContaining("is OVN_Northbound, not OVN_Southbound"),
      });
  });
});

describe("the log of a cluster", () => {
  test("counts as far as it is committed", async () => {
    const inventory = await open(
      memberFile(
        clusterRecord({ term: 1, vote: uuid(92, 1) }),
        clusterRecord({ term: 1, leader: uuid(92, 1) }),
        entry(2, [null, makePort(1)]),
        commit(2),
        clusterRecord({ term: 1, index: 3, servers: { [uuid(92, 1)]: "tcp:127.0.0.1:6644" } }),
        entry(4, [null, makePort(2)]),
        entry(5, [null, makePort(3)]),
        clusterRecord({ note: "transfer leadership", comment: "x" }),
        commit(4),
        entry(6, [null, makePort(4)]),
      ),
    );
    expect(names(inventory)).toEqual(["p1", "p2"]);
    expect(names(inventory, T + 1)).toEqual(["p1"]);
    expect([inventory.transactions, inventory.historyStart, inventory.latestDate]).toEqual([2, T + 1, T + 2]);
    expect(inventory.warnings).toMatchObject([{ code: "uncommitted", count: 2 }]);
    expect(inventory.damage).toBe(null);
  });

  test("an entry replaces what was not committed from its index on", async () => {
    const inventory = await open(
      memberFile(
        entry(2, [null, makePort(1)]),
        commit(2),
        entry(3, [null, makePort(2, "lost")]),
        entry(4, [null, makePort(3, "lost too")]),
        entry(5, [null, makePort(4, "lost as well")]),
        entry(3, [null, makePort(5)], 2),
        entry(4, [null, makePort(6)], 2),
        commit(4),
      ),
    );
    expect(names(inventory)).toEqual(["p1", "p5", "p6"]);
    expect(inventory.warnings).toEqual([]);
  });

  test.each([
    ["skips an index", [entry(4, [null, makePort(2)])], /an entry has index 4, but 3 comes next/],
    [
      "has no number for an index",
      [clusterRecord({ term: 1, index: { toString: 1 }, data: [] })],
      /has an index that is no number, but 3/,
    ],
    [
      "comes back to what is committed",
      [entry(2, [null, makePort(2)])],
      /an entry has index 2, but all up to 2 are/,
    ],
    ["commits what is not there", [commit(3)], /index 3 is said to be committed, but 2 to 2 can be/],
    ["commits less than before", [commit(1)], /index 1 is said to be committed, but 2 to 2 can be/],
  ])("that %s is read up to there", async (_name, records, reason) => {
    const good = memberFile(entry(2, [null, makePort(1)]), commit(2));
    const inventory = await open(good + records.join("") + entry(3, [null, makePort(3)]) + commit(3));
    expect(names(inventory)).toEqual(["p1"]);
    expect(inventory.damage).toEqual({ offset: good.length, reason: expect.stringMatching(reason) });
  });

  test("a conversion that brings its rows replaces all others; one that does not keeps them", async () => {
    const later = smallSchema();
    later.version = "20.99.0";
    const converted = {
      ...makePort(1),
      _date: T + 10,
      _comment: "converted by ovsdb-server",
    };
    const inventory = await open(
      memberFile(
        entry(2, [null, makePort(1)]),
        entry(3, [null, makePort(2)]),
        entry(4, [later, converted]),
        entry(5, [null, makePort(20)]),
        entry(6, [later, null]),
        entry(7, [null, makePort(21)]),
        commit(7),
      ),
    );
    expect(names(inventory, T + 9)).toEqual(["p1", "p2"]);
    expect(names(inventory, T + 10)).toEqual(["p1"]);
    expect(names(inventory)).toEqual(["p1", "p20", "p21"]);
    expect([inventory.warnings, inventory.damage]).toEqual([[], null]);
  });

  test("a conversion may allow a column more values, which changes what a difference means", async () => {
    const single = smallSchema();
    single.tables.Port_Binding.columns.mac = { type: { key: "string", min: 0 } };
    const mac = (date: number, ...macs: string[]) => ({
      _date: date,
      _is_diff: true,
      Port_Binding: { [uuid(2, 1)]: { mac: ["set", macs] } },
    });
    const inventory = await open(
      header([single, {}]) +
        entry(2, [null, makePort(1)]) +
        entry(3, [null, mac(T + 2, "a")]) +
        entry(4, [null, mac(T + 3, "b")]) +
        // Not committed: what follows is as before.
        entry(5, [smallSchema(), null]) +
        entry(5, [null, mac(T + 4, "c")], 2) +
        entry(6, [smallSchema(), null], 2) +
        entry(7, [null, mac(T + 5, "d")], 2) +
        commit(7),
    );
    const macs = [3, 4, 5].map((at) => inventory.portByName("p1", T + at)?.mac);
    expect(macs).toEqual([["b"], ["c"], ["c", "d"]]);
  });

  test("a conversion to what cannot be used is an error once it is committed", async () => {
    const useless = smallSchema();
    delete useless.tables.Port_Binding;
    const start = memberFile(entry(2, [null, makePort(1)]), commit(2), entry(3, [useless, null]));
    expect(names(await open(start))).toEqual(["p1"]);
    await expect(open(start + commit(3))).rejects.toMatchObject({ code: "ERR_SB_SCHEMA" });
  });

  test("the schema may come as the first entry", async () => {
    const blank = header([null, null], { prev_index: undefined, prev_data: undefined });
    const inventory = await open(
      blank + entry(1, [smallSchema(), {}]) + entry(2, [null, makePort(1)]) + commit(2),
    );
    expect(names(inventory, 0)).toEqual(["p1"]);
    await expect(open(blank)).rejects.toThrow(/: is of a member that has no data; give the database file of/);
  });

  test("wherever it is cut, what is whole and committed counts", async () => {
    const ports = [1, 2, 3, 4, 5];
    const records = [
      header([smallSchema(), {}]),
      ...ports.flatMap((key) => [entry(key + 1, [null, makePort(key)]), commit(key + 1)]),
    ];
    const whole = Buffer.from(records.join(""));
    const ends = records.map((_, index) => records.slice(0, index + 1).join("").length);
    for (let length = 0; length < whole.length; length += 37) {
      const opened = open(whole.subarray(0, length));
      if (length < ends[0]) {
        await expect(opened).rejects.toBeInstanceOf(SouthboundError);
        continue;
      }
      const inventory = await opened;
      const good = ends.filter((end) => end <= length).length;
      expect(names(inventory)).toEqual(ports.slice(0, (good - 1) / 2).map((key) => `p${key}`));
      expect(codes(inventory)).toEqual(good % 2 === 0 ? ["uncommitted"] : []);
      expect(inventory.damage?.offset ?? null).toBe(ends[good - 1] === length ? null : ends[good - 1]);
      if (inventory.damage !== null) expect(inventory.damage.torn).toBe(true);
    }
  });

  test("a flipped bit is found, and ends the reading", async () => {
    const first = memberFile(entry(2, [null, makePort(1)]), commit(2));
    const copy = Buffer.from(first + entry(3, [null, makePort(2)]) + commit(3));
    copy[first.length + 120] ^= 1;
    const inventory = await open(copy);
    expect(names(inventory)).toEqual(["p1"]);
    expect(inventory.damage).toMatchObject({
      offset: first.length,
      reason: expect.stringMatching(/^\d+ bytes have SHA-1 [0-9a-f]{40}, but their header says/),
    });
    const broken = Buffer.from(first);
    broken[300] ^= 1;
    await expect(open(broken)).rejects.toThrow(
      /byte 0: \d+ bytes have SHA-1 .* not even the schema can be read/,
    );
  });

  test("members of unexpected kinds do no harm", async () => {
    const odd = [
      clusterRecord({ data: 5 }),
      clusterRecord({ data: null, term: 1, index: 2 }),
      clusterRecord({ data: {}, term: 1, index: 3 }),
      clusterRecord({ data: { 0: {}, 1: makePort(1) }, term: 1, index: 4 }),
      entry(5, [null, null]),
      entry(6, []),
      entry(7, [null, makePort(1), makePort(2)]),
      clusterRecord({ data: [null, [1, makePort(3)]], term: 1, index: 8 }),
      clusterRecord({ data: [[], 7], term: 1, index: 9 }),
      clusterRecord('{"__proto__":{"index":3},"constructor":1}'),
      commit(8),
    ];
    const inventory = await open(memberFile(...odd));
    expect(names(inventory)).toEqual(["p1"]);
    expect([inventory.damage, codes(inventory)]).toEqual([null, ["undated"]]);
  });

  test("may be compressed", async () => {
    const file = memberFile(
      entry(2, [null, makePort(1)]),
      commit(2),
      entry(3, [null, makePort(2)]),
      commit(3),
    );
    const packed = await open(gzipSync(file));
    expect([packed.format, packed.damage]).toEqual(["cluster", null]);
    expect(picture(packed, T + 1)).toEqual(picture(await open(file), T + 1));
  });
});
