/* An inventory fed with transactions made by hand. */
import { Inventory } from "../../src/southbound/index.js";
import { standardLayout } from "../../src/southbound/ovsdb/schema.js";
import { type RowDelta, readColumns } from "../../src/southbound/ovsdb/transaction.js";
import { StringPool } from "../../src/southbound/ovsdb/value.js";
import { WarningLog } from "../../src/southbound/ovsdb/warnings.js";
import { SOUTHBOUND } from "../../src/southbound/tables.js";

const layout = standardLayout(SOUTHBOUND);
const pool = new StringPool();

/** Of current OVN, with nothing in it; `keep` as for an Inventory. */
export function emptyInventory(keep?: number): Inventory {
  const warnings = new WarningLog();
  return new Inventory({ source: "test", format: "server", schemaVersion: null, layout, warnings }, keep);
}

/** A row of `table` with the columns of `json` in OVSDB's notation; null: it is deleted. */
export function delta(table: string, id: string, json: object | null): RowDelta {
  const of = layout.get(table);
  if (of === undefined) throw new Error(table);
  return {
    table: of,
    uuid: id,
    values: json === null ? null : readColumns(of, id, json, pool, new WarningLog()),
  };
}
