/* Names that others than OVN gave, and whether there ever was anything of a name. */
import { expect, test } from "vitest";
import { FrameBatch } from "../../src/frame/columns.js";
import { FrameDecoder } from "../../src/frame/decode.js";
import { compileFilters } from "../../src/match/filters.js";
import { missing } from "../../src/match/look-up.js";
import { KnownNames } from "../../src/southbound/known-names.js";
import { Northbound } from "../../src/southbound/north.js";
import { NORTHBOUND } from "../../src/southbound/north-tables.js";
import { standardLayout } from "../../src/southbound/ovsdb/schema.js";
import { readColumns } from "../../src/southbound/ovsdb/transaction.js";
import { StringPool } from "../../src/southbound/ovsdb/value.js";
import { WarningLog } from "../../src/southbound/ovsdb/warnings.js";
import { batchOf } from "../frame/batch.js";
import { uuid } from "../southbound/ovsdb.js";
import { packetBytes } from "../vectors/packets.js";
import { movingNames, NOON } from "./inventory.js";

/** A northbound where the port dave is called first, then second, by DHCP, from so many seconds after NOON on. */
function northbound(names: readonly (readonly [seconds: number, hostName: string])[]): Northbound {
  const layout = standardLayout(NORTHBOUND);
  const warnings = new WarningLog();
  const north = new Northbound({ source: "nb", format: "journal", schemaVersion: null, layout, warnings });
  const table = layout.get("Logical_Switch_Port");
  if (table === undefined) throw new Error("no table");
  for (const [seconds, hostname] of names) {
    const json = { name: "dave", options: ["map", [["hostname", hostname]]] };
    const values = readColumns(table, uuid(7, 1), json, new StringPool(), warnings);
    const date = (NOON + seconds) * 1000;
    const rows = [{ table, uuid: uuid(7, 1), values }];
    north.apply({ offset: null, date, comment: null, isDifference: false, rows });
  }
  return north;
}

test("a name from the northbound counts for the time that the port had it", () => {
  const inventory = movingNames();
  const known = new KnownNames(
    northbound([
      [-8, "first"],
      [3, "second"],
    ]),
    [],
  );
  const given = [-9, -7, 2, 3, 5].map((seconds) => ({
    bytes: packetBytes("routedReply"),
    sec: NOON + seconds,
  }));
  const { packets: columns, interfaces } = batchOf(given);
  const frames = new FrameBatch(columns.capacity);
  new FrameDecoder().decode(columns, interfaces, frames);
  const rows = new Int32Array(given.length);
  const asked = (name: string) => {
    const predicate = compileFilters([{ kind: "outport", name, negated: false }], {
      inventory,
      known,
      at: null,
    });
    return [...rows.subarray(0, predicate.select(columns, frames, given.length, rows))];
  };
  expect(asked("dave")).toEqual([0, 1, 2, 3, 4]);
  expect(asked("first")).toEqual([1, 2]);
  expect(asked("second")).toEqual([3, 4]);
});

test("whatever once had the name is not missing, and asking leaves no trace", () => {
  const inventory = movingNames();
  const north = northbound([
    [4, "first"],
    [5, "second"],
  ]);
  const known = new KnownNames(north, []);
  const names = { inventory, known, at: null };
  for (const name of ["alice", "bob", "bob-nic", "first", "second"])
    expect([missing("inport", name, names), missing("port", name, names)], name).toEqual([null, null]);
  for (const name of ["_MC_flood", "_MC_unknown", "everybody"])
    expect(missing("outport", name, names), name).toBe(null);
  // No packet comes from a group.
  expect(missing("inport", "_MC_unknown", names)).toEqual([]);
  for (const name of ["grey", "gold", "net-8", uuid(1, 8), uuid(9, 8)])
    expect(missing("datapath", name, names), name).toBe(null);
  expect(missing("datapath", "greyy", names)).toEqual(["grey", "green"]);
  for (const name of ["worker1", "worker1.example.org"]) expect(missing("chassis", name, names)).toBe(null);
  expect(missing("chassis", "worker3", names)).toEqual(["worker1", "worker2"]);
  expect(missing("port", "nothing like it", names)).toEqual([]);
  // Only what is asked about packets is told to be older than what is known.
  expect(north.askedBeforeStart).toBe(false);
});
