import { once } from "node:events";
import { createServer } from "node:net";
import { afterAll, describe, expect, test } from "vitest";
import { openSouthbound, SouthboundError } from "../../src/southbound/index.js";
import { databaseFile, pairs, record, ref, smallSchema, TempDirectory, uuid } from "./ovsdb.js";
import { picture } from "./picture.js";

const directory = new TempDirectory();
afterAll(() => directory.dispose());
const NOW = Number.POSITIVE_INFINITY;

let files = 0;
const open = (content: string | Buffer) => openSouthbound(directory.file(`${files++}`, content));
/** The message without the path in front. */
const reasonOf = async (content: string | Buffer): Promise<string> => {
  const error = await open(content).then(
    () => new Error("it was opened"),
    (reason) => reason,
  );
  if (!(error instanceof SouthboundError)) throw error;
  expect(error.message.startsWith(`${error.source}: `)).toBe(true);
  expect(error.message).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
  return `${error.code} ${error.message.slice(error.source.length + 2)}`;
};

const T = 1_700_000_000_000;
const NET = uuid(1, 1);
const transactions = [0, 1, 2, 3].map((index) => ({
  _date: T + index,
  _is_diff: true,
  ...(index === 0
    ? { Datapath_Binding: { [NET]: { tunnel_key: 1, external_ids: pairs({ name: "n" }) } } }
    : {}),
  Port_Binding: {
    [uuid(2, index)]: { logical_port: `p${index}`, datapath: ref(NET), tunnel_key: index + 1 },
  },
}));
const SMALL = Buffer.from(databaseFile(transactions));
const PARTS = [smallSchema(), ...transactions].map((json) => record(json).length);
/** Where each record ends. */
const ENDS = PARTS.map((_, index) => PARTS.slice(0, index + 1).reduce((sum, part) => sum + part));

describe("a database file that is cut", () => {
  test("keeps what is whole, wherever it is cut", async () => {
    const whole = await open(SMALL);
    const path = directory.file("cut");
    for (let length = 0; length < SMALL.length; length++) {
      directory.file("cut", SMALL.subarray(0, length));
      if (length < ENDS[0]) {
        await expect(openSouthbound(path)).rejects.toMatchObject({ code: "ERR_SB_FORMAT" });
        continue;
      }
      const inventory = await openSouthbound(path);
      const records = ENDS.filter((end) => end <= length).length - 1;
      expect(inventory.transactions).toBe(records);
      const start = ENDS[records];
      expect(inventory.damage?.offset ?? null).toBe(start === length ? null : start);
      if (records > 1) {
        expect(picture(inventory, NOW)).toEqual(picture(whole, T + records - 1));
      }
    }
    expect(whole.damage).toBe(null);
    expect(whole.ports(NOW).map(({ name }) => name)).toEqual(["p0", "p1", "p2", "p3"]);
  });

  test("says how much of the record was there", async () => {
    const inventory = await open(SMALL.subarray(0, SMALL.length - 10));
    expect(inventory.damage?.reason).toMatch(
      /^a record of \d+ bytes is cut after \d+: damaged, or still being/,
    );
    expect((await open(SMALL.subarray(0, ENDS[2] + 20))).damage?.reason).toMatch(/within a record's header/);
  });
});

describe("a database file with a flipped bit", () => {
  test("is read up to that record and never throws beyond the schema", async () => {
    const path = directory.file("flipped");
    for (let position = ENDS[0] - 40; position < SMALL.length; position++) {
      const copy = Buffer.from(SMALL);
      copy[position] ^= 1 << (position % 8);
      directory.file("flipped", copy);
      if (position < ENDS[0]) {
        await expect(openSouthbound(path)).rejects.toBeInstanceOf(SouthboundError);
        continue;
      }
      const inventory = await openSouthbound(path);
      const records = ENDS.filter((end) => end <= position).length - 1;
      // A hexadecimal digit of a checksum may change its case, which means the same.
      if (inventory.damage === null) expect(String.fromCharCode(SMALL[position])).toMatch(/[a-f]/);
      else expect([inventory.transactions, inventory.damage.offset]).toEqual([records, ENDS[records]]);
    }
  });

  test("tells a bad checksum", async () => {
    const copy = Buffer.from(SMALL);
    copy[ENDS[1] + 80] ^= 1;
    expect((await open(copy)).damage).toMatchObject({
      offset: ENDS[1],
      reason: expect.stringMatching(
        /^\d+ bytes have SHA-1 [0-9a-f]{40}, but their header says .* \(at byte \d+\)$/,
      ),
    });
  });
});

describe("a record whose checksum is right but whose content is not", () => {
  const extended = async (...records: unknown[]) => open(SMALL.toString() + records.map(record).join(""));

  test.each([
    ["no JSON", "nothing"],
    ["an array", "[]"],
    ["two objects", "{}{}"],
    ["an open object", '{"Port_Binding":{'],
    ["a broken row", `{"Port_Binding":{"${uuid(2, 7)}":{"tunnel_key":}}}`],
    ["a raw control character", `{"Port_Binding":{"${uuid(2, 7)}":{"type":"\u0001"}}}`],
    ["brackets without end", `{"Port_Binding":${"[".repeat(100_000)}`],
  ])("%s ends the reading", async (_name, body) => {
    const inventory = await extended(body, transactions[0]);
    expect(inventory.transactions).toBe(4);
    expect(inventory.damage).toMatchObject({ offset: SMALL.length });
  });

  test.each([
    ["a table that is a number", { Port_Binding: 5 }],
    ["a table that is an array", { Port_Binding: [1, { a: 1 }] }],
    ["a row that is text", { Port_Binding: { [uuid(2, 7)]: "x" } }],
    ["a row without a uuid", { Port_Binding: { __proto__x: {} } }],
    ["a key of the wrong type", { Port_Binding: { [uuid(2, 0)]: { tunnel_key: "1" } } }],
    ["a huge key", { Port_Binding: { [uuid(2, 0)]: { tunnel_key: 1e40 } } }],
    ["a map that is none", { Port_Binding: { [uuid(2, 0)]: { options: ["map", [["a"], 5]] } } }],
    ["a set of the wrong type", { Port_Binding: { [uuid(2, 0)]: { mac: ["set", [1, 2]] } } }],
    ["a reference that is none", { Port_Binding: { [uuid(2, 0)]: { chassis: "hv1" } } }],
  ])("%s is ignored with a warning", async (_name, content) => {
    const inventory = await extended({ _date: T + 9, _is_diff: true, ...content });
    expect(inventory.damage).toBe(null);
    expect(inventory.warnings.map(({ code }) => code)).toEqual(["bad-value"]);
    expect(picture(inventory, NOW)).toEqual(picture(await open(SMALL), NOW));
  });

  test("deleting what is not there, and ports of no datapath, are warnings", async () => {
    const inventory = await extended({
      _date: T + 9,
      Port_Binding: {
        [uuid(2, 8)]: null,
        [uuid(2, 9)]: { logical_port: "lost\u001b[2J", datapath: ref(uuid(1, 5)) },
      },
    });
    expect(inventory.warnings).toMatchObject([
      { code: "unknown-row", count: 1 },
      { code: "missing-datapath", count: 1, text: 'port "lost\\x1b[2J" belongs to no known datapath' },
    ]);
    expect(inventory.portByName("lost\u001b[2J", NOW)).toMatchObject({ datapath: null, datapathKey: 0 });
  });

  test("names that are members of every object are names like others", async () => {
    const body = `{"_date":${T + 9},"__proto__":{"x":1},"constructor":{},"Port_Binding":{"${uuid(2, 7)}":{"logical_port":"__proto__","datapath":["uuid","${NET}"],"tunnel_key":9,"__proto__":{"type":"evil"},"external_ids":["map",[["__proto__","a"],["toString","b"]]]}}}`;
    const inventory = await extended(body);
    expect(inventory.warnings).toEqual([]);
    const port = inventory.portByName("__proto__", NOW);
    expect(port?.type).toBe("");
    expect(port?.externalIds.get("__proto__")).toBe("a");
    expect(({} as Record<string, unknown>).x).toBe(undefined);
  });
});

describe("what is no southbound database", () => {
  test.each<[string, string | Buffer, RegExp]>([
    ["nothing", "", /^ERR_SB_FORMAT is empty/],
    [
      "a pcap",
      Buffer.from("d4c3b2a1020004000000", "hex"),
      /^ERR_SB_FORMAT is a pcap capture, not a database; give the OVN_Southbound database here$/,
    ],
    ["a nanosecond pcap", Buffer.from("4d3cb2a102000400", "hex"), /is a pcap capture/],
    ["a pcapng", Buffer.from("0a0d0d0a1c0000004d3c2b1a", "hex"), /is a pcapng capture/],
    ["gzip", Buffer.from("1f8b0800", "hex"), /^ERR_SB_FORMAT the gzip data end within a member, at byte 4/],
    ["zstd", Buffer.from("28b52ffd00", "hex"), /unzstd/],
    ["text", "Chassis hv1\n  hostname: x\n", /no OVN_Southbound database.*byte 0: "Chassis hv1"/],
    ["terminal escapes", "\u001b[2Jhello\n", /byte 0: "\\x1b\[2Jhello"/],
    ["a text dump", "Chassis table\n_uuid name\n", /is a dump in text; .*-f json/],
    ["a cluster", "OVSDB CLUSTER 5 00\n{}", /^ERR_SB_FORMAT byte 0: no record header begins here/],
    ["mixed records", record(smallSchema()).replace("JSON", "CLUSTER"), /is of a member that has no data/],
    ["another magic", "OVSDB PARTY 5 00\n", /^ERR_SB_FORMAT byte 0: "OVSDB PARTY 5 00"/],
    ["a header that is wrong", "OVSDB JSON 0 00\n", /byte 0: no record header begins here/],
    ["a header without end", `OVSDB JSON ${"1".repeat(5000)}`, /byte 0: no record header/],
    ["a huge length", `OVSDB JSON 999999999999999 ${"0".repeat(40)}\n{}`, /is cut after 2/],
    ["other JSON", '{"a":1,"\\u001b":2}', /is JSON with "a", "\\x1b", not a dump/],
    ["JSON without members", "{}", /is JSON with no members/],
    ["broken JSON", '{"a":1', /byte 0: the dump is cut within the table/],
    ["a list of ovn-sbctl", '{"headings":["_uuid"],"data":[]}', /without a caption/],
    [
      "too many tables",
      '{"caption":"a table","headings":[{"toString":1}]}'.repeat(1001),
      /has more than 1000 tables/,
    ],
    [
      "too many columns",
      JSON.stringify({ caption: "Port_Binding table", data: [], headings: new Array(1001).fill("_uuid") }),
      /has a table of more than 1000 columns/,
    ],
    ["a schema", JSON.stringify(smallSchema()), /is an OVSDB schema, not a database/],
    ["a record that is no schema", record({ a: 1 }), /the first record is no OVSDB schema/],
    [
      "Open_vSwitch",
      record({ ...smallSchema(), name: "Open_vSwitch" }),
      /^ERR_SB_DATABASE is Open_vSwitch, not OVN_Southbound/,
    ],
    ["an evil name", record({ ...smallSchema(), name: "\u009b31m\n" }), /is \\x9b31m\\x0a, not/],
  ])("%s is told", async (_name, content, message) => {
    expect(await reasonOf(content)).toMatch(message);
  });

  test("files that cannot be opened", async () => {
    const refused = (source: string) => expect(openSouthbound(source)).rejects;
    await refused(directory.file("none")).toMatchObject({
      code: "ERR_SB_OPEN",
      source: directory.file("none"),
    });
    await refused(directory.file("none")).toThrow(/cannot be read: there is no such file$/);
    await refused(directory.path).toThrow(/it is a directory/);
    await refused("a\u0000b").toThrow(/^a\\x00b: cannot be read: its name holds a NUL$/);
    // The system's own text names the path as it is.
    await refused(`\u001b[2J${"x".repeat(300)}`).toThrow(
      /^\\x1b\[2Jx+\.\.\.: cannot be read: its name is too long$/,
    );
    const socket = createServer().listen(directory.file("socket"));
    await once(socket, "listening");
    try {
      await refused(directory.file("socket")).toThrow(/: it is a socket; give unix: and its path$/);
    } finally {
      socket.close();
    }
  });
});

describe("a dump that is cut", () => {
  const table = (name: string, headings: string[], ...data: unknown[]) =>
    `${JSON.stringify({ caption: `${name} table`, data, headings })}\n`;
  const DATAPATHS = table(
    "Datapath_Binding",
    ["_uuid", "external_ids", "tunnel_key"],
    [ref(NET), ["map", []], 5],
  );
  const PORTS = table(
    "Port_Binding",
    ["_uuid", "datapath", "logical_port", "tunnel_key"],
    [ref(uuid(2, 1)), ref(NET), "p1", 1],
    [ref(uuid(2, 2)), ref(NET), "p2", 2],
  );
  const SB = table("SB_Global", ["_uuid"], [ref(uuid(7, 1))]);

  test("is read as far as its tables are whole, wherever it is cut", async () => {
    const text = DATAPATHS + PORTS + SB;
    const path = directory.file("dump");
    for (let length = 1; length <= text.length; length++) {
      directory.file("dump", text.slice(0, length));
      if (length < DATAPATHS.length + PORTS.length - 1) {
        await expect(openSouthbound(path)).rejects.toMatchObject({
          code: expect.stringMatching(/^ERR_SB_(FORMAT|SCHEMA)$/),
        });
        continue;
      }
      const inventory = await openSouthbound(path);
      expect(inventory.ports(NOW).map(({ name }) => name)).toEqual(["p1", "p2"]);
      const whole = length >= text.length - 1 || length <= DATAPATHS.length + PORTS.length;
      expect(inventory.damage?.offset ?? null).toBe(whole ? null : DATAPATHS.length + PORTS.length);
    }
  });

  test("is read whatever the order of its members and tables", async () => {
    const other = (text: string) => {
      const { caption, data, headings } = JSON.parse(text);
      return JSON.stringify({ headings, data, caption }, null, 2);
    };
    const inventory = await open(`\n${other(PORTS)} ${other(SB)}\n\n${other(DATAPATHS)}`);
    expect(inventory.format).toBe("dump");
    expect(inventory.ports(NOW)).toMatchObject([
      { name: "p1", datapathKey: 5 },
      { name: "p2", datapathKey: 5 },
    ]);
    expect(inventory.warnings.map(({ code }) => code)).toContain("missing-column");
  });

  test("is told from one that has a table of a very long name, or columns that nobody needs", async () => {
    const long = table("x".repeat(1000), ["_uuid"], [ref(uuid(7, 1))]);
    const wide = {
      caption: "Port_Binding table",
      headings: new Array(999).fill("constructor").concat("_uuid"),
    };
    expect(await reasonOf(DATAPATHS + JSON.stringify({ ...wide, data: [] }))).toMatch(
      /^ERR_SB_SCHEMA column Port_Binding.logical_port is not there/,
    );
    const inventory = await open(long + DATAPATHS + PORTS);
    expect(inventory.ports(NOW).map(({ name }) => name)).toEqual(["p1", "p2"]);
  });

  test("rows that are none are warnings; a table without keys is refused", async () => {
    const odd = table(
      "Port_Binding",
      ["_uuid", "datapath", "logical_port", "tunnel_key"],
      1,
      [],
      [["uuid", 5]],
    );
    const inventory = await open(DATAPATHS + odd);
    expect(inventory.ports(NOW)).toEqual([]);
    expect(inventory.warnings).toContainEqual({ code: "bad-value", count: 3, text: expect.any(String) });
    expect(await reasonOf(DATAPATHS + table("Port_Binding", ["_uuid", "datapath", "logical_port"]))).toMatch(
      /^ERR_SB_SCHEMA column Port_Binding.tunnel_key is not there/,
    );
    expect(await reasonOf(DATAPATHS)).toMatch(/^ERR_SB_SCHEMA the dump has no table Port_Binding/);
  });
});
