import { readFileSync } from "node:fs";
import { afterAll, describe, expect, test } from "vitest";
import { openSouthbound } from "../../src/southbound/index.js";
import {
  databaseFile,
  describeOvsdb,
  OvsdbServer,
  pairs,
  ref,
  SB_SCHEMA,
  smallSchema,
  TempDirectory,
  uuid,
} from "./ovsdb.js";
import { picture, pictureOfDump } from "./picture.js";
import { RandomTransactions } from "./random-transactions.js";

const directory = new TempDirectory();
afterAll(() => directory.dispose());
const NOW = Number.POSITIVE_INFINITY;

type Schema = ReturnType<typeof smallSchema>;
let files = 0;
function openWith(change: (schema: Schema) => void, ...transactions: object[]) {
  const schema = smallSchema();
  change(schema);
  return openSouthbound(directory.file(`${files++}`, databaseFile(transactions, schema)));
}

const NET = uuid(1, 1);
const ROWS = {
  _date: 5,
  Datapath_Binding: { [NET]: { tunnel_key: 3, external_ids: pairs({ name: "n" }) } },
  Port_Binding: { [uuid(2, 1)]: { logical_port: "p", datapath: ref(NET), tunnel_key: 1 } },
};

describe("a schema", () => {
  test.each([
    ["Datapath_Binding", "tunnel_key"],
    ["Port_Binding", "tunnel_key"],
    ["Port_Binding", "datapath"],
    ["Port_Binding", "logical_port"],
    ["Multicast_Group", "tunnel_key"],
  ])("without %s.%s names nothing", async (table, column) => {
    const opened = openWith((schema) => {
      delete schema.tables[table].columns[column];
    });
    await expect(opened).rejects.toMatchObject({
      code: "ERR_SB_SCHEMA",
      message: expect.stringContaining(`column ${table}.${column} is not there`),
    });
  });

  test.each(["Datapath_Binding", "Port_Binding"])("without table %s names nothing", async (table) => {
    const opened = openWith((schema) => {
      delete schema.tables[table];
    });
    await expect(opened).rejects.toMatchObject({
      code: "ERR_SB_SCHEMA",
      message: expect.stringContaining(`table ${table} is not there`),
    });
  });

  test("with a key of another type names nothing", async () => {
    const opened = openWith((schema) => {
      schema.tables.Port_Binding.columns.tunnel_key = { type: "string" };
    });
    await expect(opened).rejects.toThrow(/Port_Binding.tunnel_key is of type "string", not integer/);
  });

  test("of an older OVN lacks columns: their defaults", async () => {
    const inventory = await openWith((schema) => {
      for (const column of [
        "additional_chassis",
        "additional_encap",
        "requested_chassis",
        "up",
        "virtual_parent",
      ])
        delete schema.tables.Port_Binding.columns[column];
      for (const [table, column] of [
        ["Chassis", "other_config"],
        ["Encap", "chassis_name"],
      ])
        delete schema.tables[table].columns[column];
    }, ROWS);
    expect(inventory.warnings).toEqual([]);
    expect(inventory.port(3, 1, NOW)).toMatchObject({ name: "p", additionalChassis: [], up: null });
  });

  test("that lacks what every OVN has is odd: a warning each", async () => {
    const inventory = await openWith((schema) => {
      delete schema.tables.Port_Binding.columns.type;
      delete schema.tables.Port_Binding.columns.mac;
      delete schema.tables.Multicast_Group;
    }, ROWS);
    expect(inventory.warnings).toMatchObject([
      { code: "missing-table", count: 1, text: "the schema has no table Multicast_Group" },
      {
        code: "missing-column",
        count: 2,
        text: "column Port_Binding.type is not there; its default is used",
      },
    ]);
    expect(inventory.port(3, 1, NOW)).toMatchObject({ name: "p", type: "", mac: [] });
  });

  test("of OVN 25.09 says in columns what a datapath is", async () => {
    const rows = {
      [NET]: { tunnel_key: 3, type: "logical-switch", nb_uuid: ref(uuid(9, 3)) },
      [uuid(1, 2)]: { tunnel_key: 4, type: "logical-router", external_ids: pairs({ name: "r" }) },
      [uuid(1, 3)]: { tunnel_key: 5, external_ids: pairs({ "logical-router": "x", name: "old" }) },
      [uuid(1, 4)]: { tunnel_key: 6, type: "logical-hub" },
    };
    const inventory = await openWith(
      (schema) => {
        schema.tables.Datapath_Binding.columns.type = { type: { key: "string", min: 0, max: 1 } };
        schema.tables.Datapath_Binding.columns.nb_uuid = { type: { key: "uuid", min: 0, max: 1 } };
      },
      { _date: 5, Datapath_Binding: rows },
    );
    expect(inventory.datapaths(NOW).map(({ name, kind }) => [name, kind])).toEqual([
      [uuid(9, 3), "switch"],
      ["r", "router"],
      ["old", "router"],
      [null, "unknown"],
    ]);
    expect(inventory.warnings).toEqual([]);
  });

  test("of a newer OVN has more columns and tables, and records that mention them", async () => {
    const inventory = await openWith(
      (schema) => {
        schema.tables.Port_Binding.columns.colour = { type: "string" };
        schema.tables.Wormhole = { columns: { ends: { type: "integer" } } };
        schema.tables.Port_Binding.columns.type = {
          type: { key: { type: "string", enum: ["set", ["", "x"]] } },
        };
      },
      ROWS,
      {
        _date: 6,
        Wormhole: { [uuid(9, 1)]: { ends: 2 } },
        Port_Binding: { [uuid(2, 1)]: { colour: "red" } },
      },
    );
    expect(inventory.warnings).toEqual([]);
    expect(inventory.port(3, 1, NOW)).toMatchObject({ name: "p" });
  });

  test("that makes an optional column a set is not followed there", async () => {
    const inventory = await openWith((schema) => {
      schema.tables.Port_Binding.columns.chassis = { type: { key: "uuid", min: 0, max: "unlimited" } };
    }, ROWS);
    expect(inventory.warnings).toMatchObject([
      { code: "missing-column", text: "column Port_Binding.chassis is a set; its default is used" },
    ]);
  });

  test("that bounds a set to one makes its changes new values, not differences", async () => {
    const more = (mac: unknown, date: number) => ({
      _date: date,
      _is_diff: true,
      Port_Binding: { [uuid(2, 1)]: { mac } },
    });
    const changes = [ROWS, more("a", 6), more("b", 7)] as const;
    const one = await openWith(
      (schema) => {
        schema.tables.Port_Binding.columns.mac = { type: { key: "string", min: 0, max: 1 } };
      },
      ...changes,
    );
    expect(one.port(3, 1, NOW)?.mac).toEqual(["b"]);
    const many = await openWith(() => {}, ...changes);
    expect(many.port(3, 1, NOW)?.mac).toEqual(["a", "b"]);
  });

  test("records without _is_diff hold new values", async () => {
    const inventory = await openWith(
      () => {},
      ROWS,
      {
        _date: 6,
        Port_Binding: { [uuid(2, 1)]: { mac: ["set", ["a", "b"]], options: pairs({ x: "1" }) } },
      },
      {
        _date: 7,
        Port_Binding: { [uuid(2, 1)]: { mac: "b", options: pairs({ y: "2" }) } },
      },
    );
    expect(inventory.port(3, 1, NOW)).toMatchObject({ mac: ["b"], options: new Map([["y", "2"]]) });
  });

  test("alone is a database without rows", async () => {
    const inventory = await openWith(() => {});
    expect(inventory.ports(NOW)).toEqual([]);
    expect(inventory).toMatchObject({ transactions: 0, hasHistory: false, latestDate: null, damage: null });
  });
});

describeOvsdb("a server with an older schema", () => {
  test("gives the same from journal and dump", async () => {
    const schema = JSON.parse(readFileSync(SB_SCHEMA, "utf8"));
    delete schema.cksum;
    for (const column of ["additional_encap", "mirror_rules", "requested_additional_chassis"])
      delete schema.tables.Port_Binding.columns[column];
    const server = new OvsdbServer(directory.file("old.ovsschema", JSON.stringify(schema)));
    try {
      await server.start();
      const random = new RandomTransactions(7, ["additional_encap"]);
      for (let done = 0; done < 30; ) if (server.transact(random.next(server.dump())) === null) done++;
      const inventory = await openSouthbound(server.database);
      expect(picture(inventory, NOW)).toEqual(pictureOfDump(server.dump()));
      const dump = await openSouthbound(directory.file("old.json", server.dump()));
      expect(picture(dump, NOW)).toEqual(picture(inventory, NOW));
      expect([...inventory.warnings, ...dump.warnings].map(({ code }) => code)).not.toContain(
        "missing-column",
      );
    } finally {
      await server.stop();
    }
  });
});
