/*
 * The tables and columns of a host's Open_vSwitch database (ovs-vswitchd.conf.db(5)) that tie a logical port to
 * a device, and a bridge to the devices below it.
 */
import { type ColumnSpec, columnIndex, type DatabaseSpec } from "./ovsdb/schema.js";

const TABLES = {
  Open_vSwitch: [["external_ids", "map", "string"]],
  Interface: [
    ["name", "one", "string", "essential"],
    ["ofport", "optional", "integer"],
    ["external_ids", "map", "string", "essential"],
    ["type", "one", "string"],
  ],
  Bridge: [
    ["datapath_type", "one", "string"],
    ["ports", "set", "uuid"],
  ],
  Port: [["interfaces", "set", "uuid"]],
} as const satisfies Record<string, readonly ColumnSpec[]>;

/** Where each column of a table lies in a row's values. */
export const VswitchColumn = columnIndex(TABLES);

export const OPEN_VSWITCH: DatabaseSpec = {
  name: "Open_vSwitch",
  usualFile: "conf.db",
  tables: TABLES,
  essential: ["Open_vSwitch", "Interface"],
  optional: ["Bridge", "Port"],
  loss: "it names no device",
};
