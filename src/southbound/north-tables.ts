/*
 * The tables and columns of OVN_Northbound (ovn-nb(5)) that add to the names of the southbound.
 */
import { type ColumnSpec, columnIndex, type DatabaseSpec } from "./ovsdb/schema.js";

const TABLES = {
  Logical_Switch: [["external_ids", "map", "string"]],
  Logical_Router: [["external_ids", "map", "string"]],
  Logical_Switch_Port: [
    ["name", "one", "string", "essential"],
    ["addresses", "set", "string"],
    ["dynamic_addresses", "optional", "string", "recent"],
    ["dhcpv4_options", "optional", "uuid", "recent"],
    ["options", "map", "string"],
    ["external_ids", "map", "string"],
  ],
  DHCP_Options: [["options", "map", "string"]],
} as const satisfies Record<string, readonly ColumnSpec[]>;

/** Where each column of a table lies in a row's values. */
export const NorthColumn = columnIndex(TABLES);

export const NORTHBOUND: DatabaseSpec = {
  name: "OVN_Northbound",
  usualFile: "ovnnb_db.db",
  tables: TABLES,
  essential: ["Logical_Switch_Port"],
  optional: ["DHCP_Options"],
  loss: "it adds no names",
};
