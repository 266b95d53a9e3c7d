/* Snapshots, and what else comes compressed with gzip. */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { PassThrough, Writable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterAll, describe, expect, test } from "vitest";
import { type Inventory, openSouthbound, SouthboundError } from "../../src/southbound/index.js";
import { FileBytes } from "../../src/southbound/ovsdb/byte-source.js";
import { GunzipBytes } from "../../src/southbound/ovsdb/gunzip.js";
import type { SourceDescription } from "../../src/southbound/ovsdb/sink.js";
import { readDatabaseFile } from "../../src/southbound/ovsdb/source.js";
import type { Transaction } from "../../src/southbound/ovsdb/transaction.js";
import { type SnapshotSource, saveSnapshot } from "../../src/southbound/snapshot.js";
import { SOUTHBOUND } from "../../src/southbound/tables.js";
import { findCommand } from "../setup/peer.js";
import { commit, entry, memberFile } from "./cluster.js";
import {
  databaseFile,
  describeOvsdb,
  OvsdbServer,
  pairs,
  record,
  ref,
  smallSchema,
  TempDirectory,
  uuid,
} from "./ovsdb.js";
import { picture, pictureOfDump } from "./picture.js";
import { RandomTransactions } from "./random-transactions.js";

const directory = new TempDirectory();
afterAll(() => directory.dispose());
const NOW = Number.POSITIVE_INFINITY;
const CAPTURES = join(import.meta.dirname, "../../captures");

let files = 0;
const fresh = () => directory.file(`${files++}`);
const open = (content: string | Buffer) => openSouthbound(directory.file(`${files++}`, content));

/** What a source holds, as it was read. */
async function recorded(source: string): Promise<SnapshotSource> {
  const transactions: Transaction[] = [];
  let described: SourceDescription | null = null;
  let historyStart = Number.NEGATIVE_INFINITY;
  await readDatabaseFile(source, SOUTHBOUND, (description) => {
    described = description;
    return {
      apply(transaction, timeless) {
        if (transactions.length === 0 && !timeless && transaction.date !== null)
          historyStart = transaction.date;
        transactions.push(transaction);
      },
      finish() {},
    };
  });
  if (described === null) throw new Error("nothing was read");
  return Object.assign(described as SourceDescription, { historyStart, replay: () => transactions });
}

const TAKEN = Date.UTC(2026, 10, 21, 7, 20);

/** The path of a snapshot of what `source` holds. */
async function snapshotOf(source: string | SnapshotSource): Promise<string> {
  const target = fresh();
  const { bytes } = await saveSnapshot(
    typeof source === "string" ? await recorded(source) : source,
    target,
    TAKEN,
  );
  expect(bytes).toBe(readFileSync(target).length);
  return target;
}

function codes(inventory: Inventory): string[] {
  return inventory.warnings.map(({ code }) => code).filter((code) => code !== "unknown-row");
}

function expectSame(snapshot: Inventory, original: Inventory, times: readonly number[]): void {
  for (const at of times) expect(picture(snapshot, at)).toEqual(picture(original, at));
  const facts = (inventory: Inventory) => {
    const { hasHistory, historyStart, latestDate, schemaVersion } = inventory;
    return { hasHistory, historyStart, latestDate, schemaVersion };
  };
  expect(facts(snapshot)).toEqual(facts(original));
  expect(snapshot.damage).toBe(null);
  expect(snapshot.format).toBe("snapshot");
}

const T = 1_700_000_000_000;
const NET = uuid(1, 1);
const START = {
  _date: T,
  _is_diff: true,
  Datapath_Binding: { [NET]: { tunnel_key: 5, external_ids: pairs({ name: "nët" }) } },
  Port_Binding: {
    [uuid(2, 1)]: { logical_port: "p1\u001b", datapath: ref(NET), tunnel_key: 1, mac: ["set", ["a", "b"]] },
    [uuid(2, 2)]: { logical_port: "p2", datapath: ref(NET), tunnel_key: 2, options: pairs({ k: "v" }) },
  },
};
const CHANGES = [
  { _date: T + 5, _is_diff: true, Port_Binding: { [uuid(2, 1)]: { mac: ["set", ["b", "c"]] } } },
  { _date: T + 6, Port_Binding: { [uuid(2, 1)]: { mac: ["set", []] }, [uuid(2, 2)]: null } },
  {
    _date: T + 9,
    _is_diff: true,
    Port_Binding: { [uuid(2, 2)]: { logical_port: "p3", datapath: ref(NET) } },
  },
];
const TIMES = [0, T - 1, T, T + 4, T + 5, T + 6, T + 8, T + 9, NOW];
const journal = () => directory.file(`${files++}`, databaseFile([START, ...CHANGES]));

describeOvsdb("a snapshot of a real database", () => {
  test("says at every date what its source says, and a server reads it too", async () => {
    const server = new OvsdbServer();
    const reader = new OvsdbServer();
    try {
      await server.start();
      const random = new RandomTransactions(21);
      for (let done = 0; done < 60; ) if (server.transact(random.next(server.dump())) === null) done++;
      const original = await openSouthbound(server.database);
      const path = await snapshotOf(server.database);
      const snapshot = await openSouthbound(path);
      const replayed = await openSouthbound(await snapshotOf(original));
      const dates = [
        ...server
          .bytes()
          .toString("latin1")
          .matchAll(/"_date":(\d+)/g),
      ].map((match) => +match[1]);
      const times = [0, ...dates.flatMap((date) => [date - 1, date]), NOW];
      expectSame(snapshot, original, times);
      expect(snapshot.transactions).toBe(original.transactions);
      expectSame(replayed, original, times);
      expect(codes(snapshot)).toEqual(codes(original));

      const unpacked = gunzipSync(readFileSync(path));
      writeFileSync(reader.database, unpacked);
      const tool = findCommand("ovsdb-tool") ?? "";
      const log = execFileSync(tool, ["show-log", reader.database], { encoding: "utf8" });
      expect(log.match(/^record \d+:/gm)).toHaveLength(original.transactions + 1);
      expect(log).toContain('"genevescope snapshot 1 {');
      await reader.start();
      expect(pictureOfDump(reader.dump())).toEqual(pictureOfDump(server.dump()));
    } finally {
      await Promise.all([server.stop(), reader.stop()]);
    }
  });

  test("is the same whether it is made of the server's file, backup or dump", async () => {
    const server = new OvsdbServer();
    try {
      await server.start();
      const random = new RandomTransactions(22);
      for (let done = 0; done < 30; ) if (server.transact(random.next(server.dump())) === null) done++;
      const expected = pictureOfDump(server.dump());
      const sources = [
        server.database,
        server.directory.file("b", server.backup()),
        server.directory.file("d", server.dump()),
      ];
      for (const source of sources) {
        const original = await openSouthbound(source);
        for (const of of [source, original]) {
          const snapshot = await openSouthbound(await snapshotOf(of));
          expectSame(snapshot, original, [0, NOW]);
          expect(picture(snapshot, NOW)).toEqual(expected);
        }
      }
    } finally {
      await server.stop();
    }
  });

  test("a journal that is written to while it is read is at worst torn", async () => {
    const server = new OvsdbServer();
    try {
      await server.start();
      const row = { tunnel_key: 1, external_ids: pairs({ name: "n".repeat(3000) }) };
      const insert = (key: number) => ({
        op: "insert",
        table: "Datapath_Binding",
        row: { ...row, tunnel_key: key },
      });
      expect(server.transact([insert(1)])).toBe(null);
      // One client after the other, for as long as the file is being read.
      const writer = spawn("sh", [
        "-c",
        'k=2; while ovsdb-client transact "$0" "$(printf "$1" $k)" >/dev/null; do k=$((k+1)); done',
        server.remote,
        JSON.stringify(["OVN_Southbound", insert(4242)]).replace("4242", "%d"),
      ]);
      let last = 0;
      let grown = 0;
      for (let tries = 0; grown < 20; tries++) {
        expect(tries).toBeLessThan(20_000);
        const inventory = await openSouthbound(server.database);
        if (inventory.damage !== null) expect(inventory.damage.torn).toBe(true);
        const keys = inventory.datapaths(NOW).map(({ tunnelKey }) => tunnelKey);
        expect(keys).toEqual(keys.map((_, index) => index + 1));
        expect(keys.length).toBeGreaterThanOrEqual(last);
        if (keys.length > last) grown++;
        last = keys.length;
      }
      const ended = once(writer, "exit");
      writer.kill();
      await ended;
    } finally {
      await server.stop();
    }
  });
});

describe("a snapshot", () => {
  test("of an inventory keeps all it knows, the date of the last transaction too", async () => {
    const nothing = { _date: T + 100, Logical_Flow: {} };
    const original = await open(databaseFile([START, ...CHANGES, nothing]));
    const snapshot = await openSouthbound(await snapshotOf(original));
    expectSame(snapshot, original, TIMES);
    expect(snapshot.latestDate).toBe(T + 100);
    expect(snapshot.warnings).toEqual([]);
  });

  test("keeps history, dates and what each change says", async () => {
    const source = journal();
    const original = await openSouthbound(source);
    const path = await snapshotOf(source);
    const snapshot = await openSouthbound(path);
    expectSame(snapshot, original, TIMES);
    expect(snapshot.warnings).toEqual(original.warnings);
    expect(snapshot.hasHistory).toBe(true);
    // A snapshot of a snapshot differs in nothing.
    expect(readFileSync(await snapshotOf(path))).toEqual(readFileSync(path));
    expect(readFileSync(await snapshotOf(source))).toEqual(readFileSync(path));
  });

  test("says what it was made of", async () => {
    const source = journal();
    const { snapshot } = (await recorded(await snapshotOf(source))) as SnapshotSource;
    expect(snapshot).toEqual({ format: "journal", source, taken: TAKEN, timeless: false });
    const cluster = directory.file("cluster", memberFile(entry(2, [null, START]), commit(2)));
    const of = (await recorded(await snapshotOf(cluster))) as SnapshotSource;
    expect(of.snapshot).toEqual({ format: "cluster", source: cluster, taken: TAKEN, timeless: true });
  });

  test("keeps apart a picture for all times and a history that begins with a picture", async () => {
    const source = await recorded(journal());
    // As from a server: what was there when it was asked has no date.
    const live = await openSouthbound(
      await snapshotOf({ ...source, historyStart: Number.NEGATIVE_INFINITY }),
    );
    expect([live.hasHistory, live.historyStart]).toEqual([true, Number.NEGATIVE_INFINITY]);
    expect(live.ports(0).map(({ name }) => name)).toEqual(["p1\u001b", "p2"]);
    expect(live.port(5, 1, T + 4)?.mac).toEqual(["a", "b"]);
    expect(live.port(5, 1, T + 5)?.mac).toEqual(["a", "c"]);
    expect(live.latestDate).toBe(T + 9);
    // A history in which nothing has happened yet.
    const [first] = source.replay();
    const young = await openSouthbound(await snapshotOf({ ...source, replay: () => [first] }));
    expect([young.hasHistory, young.historyStart, young.ports(T - 1)]).toEqual([true, T, []]);
  });

  test("may be of nothing", async () => {
    const source = { ...(await recorded(journal())), replay: () => [] };
    const snapshot = await openSouthbound(await snapshotOf(source));
    expect([snapshot.format, snapshot.datapaths(NOW), snapshot.damage]).toEqual(["snapshot", [], null]);
  });

  test("takes a picture that comes in parts, and refuses one that comes over again", async () => {
    const source = await recorded(journal());
    const [first, ...rest] = source.replay();
    const parts = [0, 1, 2].map((index) => ({
      ...first,
      rows: first.rows.slice(index, index + 1),
      partial: index < 2,
    }));
    expect(first.rows).toHaveLength(3);
    const whole = readFileSync(await snapshotOf(source));
    expect(readFileSync(await snapshotOf({ ...source, replay: () => [...parts, ...rest] }))).toEqual(whole);
    const again = { ...source, replay: () => [first, { ...first, replaces: true }] };
    await expect(snapshotOf(again)).rejects.toThrow(/replaces all rows/);
  });

  test("goes into a stream, and what that fails with is thrown", async () => {
    const source = await recorded(journal());
    const stream = new PassThrough();
    const [bytes] = await Promise.all([buffer(stream), saveSnapshot(source, stream, TAKEN)]);
    expect(bytes).toEqual(readFileSync(await snapshotOf(source)));
    const closed = new Writable({
      write: (_chunk, _encoding, done) => done(Object.assign(new Error("closed"), { code: "EPIPE" })),
    });
    await expect(saveSnapshot(source, closed, TAKEN)).rejects.toMatchObject({ code: "EPIPE" });
  });

  test("takes the place of a file when it is complete, and leaves nothing where it cannot be", async () => {
    const source = await recorded(journal());
    const place = directory.file("place");
    mkdirSync(place);
    const target = join(place, "sb.snapshot");
    const broken = {
      ...source,
      *replay() {
        yield* [...source.replay()].slice(0, 2);
        throw new Error("the source broke");
      },
    };
    await expect(saveSnapshot(broken, target)).rejects.toThrow("the source broke");
    expect(readdirSync(place)).toEqual([]);
    writeFileSync(target, "before");
    symlinkSync(target, join(place, "link"));
    await expect(saveSnapshot(broken, join(place, "link"))).rejects.toThrow("the source broke");
    expect(readFileSync(target, "utf8")).toBe("before");
    await saveSnapshot(source, join(place, "link"));
    expect(lstatSync(join(place, "link")).isSymbolicLink()).toBe(true);
    expect((await openSouthbound(target)).format).toBe("snapshot");
    expect(readdirSync(place).sort()).toEqual(["link", "sb.snapshot"]);

    const nowhere = join(place, "no", "sb\u001b.snapshot");
    await expect(saveSnapshot(source, nowhere)).rejects.toMatchObject({
      code: "ERR_SB_WRITE",
      message: expect.stringMatching(
        /no\/sb\\x1b\.snapshot: cannot be written: its directory does not exist$/,
      ),
    });
    await expect(saveSnapshot(source, place)).rejects.toMatchObject({
      code: "ERR_SB_WRITE",
      message: `${place}: cannot be written: it is a directory`,
    });
    await expect(saveSnapshot(source, `${"x".repeat(300)}`)).rejects.toThrow(/: its name is too long$/);
    await expect(saveSnapshot(source, "a\0b")).rejects.toThrow(
      /^a\\x00b: cannot be written: its name holds a NUL$/,
    );
  });

  test("keeps the permissions of the file that it takes the place of", async () => {
    const source = await recorded(journal());
    for (const mode of [0o600, 0o640, 0o666]) {
      const target = fresh();
      writeFileSync(target, "before");
      chmodSync(target, mode);
      await saveSnapshot(source, target);
      expect(lstatSync(target).mode & 0o777).toBe(mode);
    }
    const target = fresh();
    await saveSnapshot(source, target);
    expect(lstatSync(target).mode & 0o777).toBe(0o666 & ~process.umask());
  });

  test("of transactions that say nothing but their rows", async () => {
    const source = await recorded(journal());
    const [first, , second] = [...source.replay()];
    expect(second.isDifference).toBe(false);
    const bare = { ...second, date: null, comment: null };
    const snapshot = await openSouthbound(await snapshotOf({ ...source, replay: () => [first, bare] }));
    expect(snapshot.damage).toBe(null);
    expect(snapshot.ports(NOW).map(({ name }) => name)).toEqual(["p1\u001b"]);
  });

  test("goes into a pipe as it is", async () => {
    const pipe = directory.file("pipe");
    execFileSync("mkfifo", [pipe]);
    const source = journal();
    const [bytes] = await Promise.all([
      buffer(spawn("cat", [pipe]).stdout),
      saveSnapshot(await recorded(source), pipe, TAKEN),
    ]);
    expect(bytes).toEqual(readFileSync(await snapshotOf(source)));
    expect(existsSync(pipe)).toBe(true);
  });

  test.each([
    [
      "a later version",
      'genevescope snapshot 2 {"format":5}',
      "ERR_SB_UNSUPPORTED",
      /version 2, written by a later/,
    ],
    ["no description", "genevescope snapshot 1 ", "ERR_SB_FORMAT", /does not say what it was made of/],
    ["another description", "genevescope snapshot 1 [null]", "ERR_SB_FORMAT", /does not say what/],
    [
      "half a description",
      'genevescope snapshot 1 {"format":"x","taken":"2026-11-21T07:20:00.000Z"}',
      "ERR_SB_FORMAT",
      /does not say/,
    ],
    [
      "no date",
      'genevescope snapshot 1 {"format":"x","timeless":true,"taken":"soon"}',
      "ERR_SB_FORMAT",
      /does not/,
    ],
  ])("with %s is told", async (_name, comment, code, message) => {
    const opened = open(gzipSync(databaseFile([{ ...START, _comment: comment }])));
    await expect(opened).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  });
});

describe("what is compressed with gzip", () => {
  test.each(["sb.db", "sb.backup.db", "sb.dump.json"])("%s is read as it is without", async (name) => {
    const plain = join(CAPTURES, "routed-ping", name);
    const original = await openSouthbound(plain);
    const content = readFileSync(plain);
    const half = content.length >> 1;
    const members = Buffer.concat([gzipSync(content.subarray(0, half)), gzipSync(content.subarray(half))]);
    for (const packed of [gzipSync(content), members]) {
      const inventory = await open(packed);
      expect(inventory.format).toBe(original.format);
      expect(inventory.damage).toBe(null);
      expect(picture(inventory, NOW)).toEqual(picture(original, NOW));
    }
    const pipe = directory.file(`pipe-${name}`);
    execFileSync("mkfifo", [pipe]);
    spawn("sh", ["-c", 'gzip -c "$0" > "$1"', plain, pipe]);
    expect(picture(await openSouthbound(pipe), NOW)).toEqual(picture(original, NOW));
  });

  /** A journal that does not compress well, so that cuts fall between its records. */
  const transactions = Array.from({ length: 40 }, (_, index) => ({
    ...START,
    _date: T + index,
    Port_Binding: {
      [uuid(2, index)]: { logical_port: `p${(index * 7919) % 1009}`, datapath: ref(NET), tunnel_key: index },
    },
  }));
  const plain = Buffer.from(databaseFile(transactions));
  const ends = [smallSchema(), ...transactions].map((_, index, all) =>
    all.slice(0, index + 1).reduce((sum, json) => sum + Buffer.byteLength(record(json)), 0),
  );
  /** What was in the file's first `length` unpacked bytes. */
  const wholeIn = (length: number) => ends.filter((end) => end <= length).length - 1;

  test("is read as far as it can be unpacked, wherever it is cut", async () => {
    const packed = gzipSync(plain, { level: 1 });
    for (let length = 0; length < packed.length; length += 37) {
      const cut = packed.subarray(0, length);
      let unpacked = 0;
      if (length >= 18) unpacked = gunzipSync(cut, { finishFlush: 2 }).length;
      if (wholeIn(unpacked) < 0) {
        await expect(open(cut)).rejects.toMatchObject({ code: "ERR_SB_FORMAT" });
        continue;
      }
      const inventory = await open(cut);
      expect(inventory.transactions).toBe(wholeIn(unpacked));
      expect(inventory.damage?.reason).toMatch(
        new RegExp(`^the gzip data end within a member, at byte ${length} of the file`),
      );
      expect(inventory.damage?.offset).toBe(ends[wholeIn(unpacked)]);
    }
  });

  test("never throws anything but what it should, and loses nothing before the damage", async () => {
    const packed = gzipSync(plain, { level: 0 });
    const header = packed.indexOf("OVSDB");
    for (let position = 11; position < packed.length - 8; position += 173) {
      const copy = Buffer.from(packed);
      copy[position] ^= 0x10;
      const before = position - header;
      const opened = open(copy);
      if (before < ends[0]) {
        await expect(opened).rejects.toBeInstanceOf(SouthboundError);
        continue;
      }
      const inventory = await opened;
      expect(inventory.damage?.offset).toBe(ends[wholeIn(before)]);
      expect(inventory.transactions).toBe(wholeIn(before));
    }
  });

  test("says where the gzip data are damaged", async () => {
    const packed = gzipSync(plain);
    packed[packed.length - 6] ^= 1;
    const inventory = await open(packed);
    expect(inventory.transactions).toBe(transactions.length);
    expect(inventory.damage).toEqual({
      offset: plain.length,
      reason: expect.stringMatching(
        /^the gzip data are damaged at about byte \d+ of the file \(incorrect data check\); bytes are counted in the unpacked data$/,
      ),
      torn: false,
    });
    await expect(open(Buffer.from("1f8b08"))).rejects.toThrow(/is no OVN_Southbound database/);
    await expect(open(Buffer.from("1f8b08", "hex"))).rejects.toThrow(
      /: the gzip data end within a member, at byte 3 of the file; take another copy$/,
    );
    await expect(open(Buffer.from("1f8b0b00", "hex"))).rejects.toThrow(/ are damaged at about byte 4 of/);
    await expect(open(gzipSync(gzipSync(plain)))).rejects.toThrow(/is compressed with gzip more than once/);
    await expect(open(gzipSync(""))).rejects.toThrow(/is empty/);
    await expect(open(gzipSync("hello\n"))).rejects.toThrow(/is no OVN_Southbound database.*"hello"/);
  });

  test("a dump from a pipe is read twice; after that nothing of it is kept", async () => {
    const dump = readFileSync(join(CAPTURES, "routed-ping/sb.dump.json"));
    const pipe = directory.file("pipe-twice");
    execFileSync("mkfifo", [pipe]);
    spawn("sh", ["-c", 'cat "$0" > "$1"', directory.file("packed", gzipSync(dump)), pipe]);
    const file = await FileBytes.open(pipe);
    const bytes = new GunzipBytes(file);
    const all = async () => {
      const pieces: Buffer[] = [];
      for (let chunk = await bytes.next(); chunk !== null; chunk = await bytes.next())
        pieces.push(Buffer.from(chunk));
      return Buffer.concat(pieces);
    };
    expect(await bytes.head()).toEqual(dump.subarray(0, 4096));
    expect(await all()).toEqual(dump);
    bytes.rewind();
    bytes.forget();
    expect(file.rewindable).toBe(false);
    expect(await all()).toEqual(dump);
    await bytes.close();
  });

  test("a damaged dump is the same from a pipe as from a file", async () => {
    const text = readFileSync(join(CAPTURES, "routed-ping/sb.dump.json"), "utf8");
    const packed = gzipSync(text, { level: 0 });
    packed[packed.length - 6] ^= 1;
    const path = directory.file("damaged", packed);
    const pipe = directory.file("pipe-damaged");
    execFileSync("mkfifo", [pipe]);
    spawn("sh", ["-c", 'cat "$0" > "$1"', path, pipe]);
    const [piped, read] = [await openSouthbound(pipe), await openSouthbound(path)];
    expect(piped.damage).toEqual(read.damage);
    expect(piped.damage?.reason).toContain("incorrect data check");
    expect(picture(piped, NOW)).toEqual(picture(read, NOW));
  });

  test("a dump is read as far as its tables are whole", async () => {
    const dump = readFileSync(join(CAPTURES, "routed-ping/sb.dump.json"));
    const packed = gzipSync(dump);
    const inventory = await open(packed.subarray(0, packed.length - 4));
    expect(picture(inventory, NOW)).toEqual(picture(await open(dump), NOW));
    expect(inventory.damage).toEqual({
      offset: dump.length,
      reason: `the gzip data end within a member, at byte ${packed.length - 4} of the file`,
    });
  });
});
