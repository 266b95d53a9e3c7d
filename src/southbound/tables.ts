/*
 * The tables and columns of OVN_Southbound (ovn-sb(5)) that this room needs.
 */
import { type ColumnSpec, columnIndex, type DatabaseSpec } from "./ovsdb/schema.js";

/*
 * Not kept: Multicast_Group.ports (long, and the name is what a packet shows), whatever ovn-northd and
 * ovn-controller count (nb_cfg), and the tables that only northd and controllers use.
 */
const TABLES = {
  SB_Global: [
    ["options", "map", "string"],
    ["external_ids", "map", "string"],
  ],
  Datapath_Binding: [
    ["tunnel_key", "one", "integer", "essential"],
    ["external_ids", "map", "string"],
    ["type", "optional", "string", "recent"],
    ["nb_uuid", "optional", "uuid", "recent"],
  ],
  Port_Binding: [
    ["logical_port", "one", "string", "essential"],
    ["datapath", "one", "uuid", "essential"],
    ["tunnel_key", "one", "integer", "essential"],
    ["type", "one", "string"],
    ["chassis", "optional", "uuid"],
    ["additional_chassis", "set", "uuid", "recent"],
    ["requested_chassis", "optional", "uuid", "recent"],
    ["encap", "optional", "uuid", "recent"],
    ["additional_encap", "set", "uuid", "recent"],
    ["mac", "set", "string"],
    ["nat_addresses", "set", "string"],
    ["parent_port", "optional", "string"],
    ["virtual_parent", "optional", "string", "recent"],
    ["up", "optional", "boolean", "recent"],
    ["options", "map", "string"],
    ["external_ids", "map", "string"],
  ],
  Multicast_Group: [
    ["name", "one", "string"],
    ["datapath", "one", "uuid", "essential"],
    ["tunnel_key", "one", "integer", "essential"],
  ],
  Chassis: [
    ["name", "one", "string"],
    ["hostname", "one", "string"],
    ["encaps", "set", "uuid"],
    ["other_config", "map", "string", "recent"],
  ],
  Encap: [
    ["type", "one", "string"],
    ["ip", "one", "string"],
    ["options", "map", "string"],
    ["chassis_name", "one", "string", "recent"],
  ],
} as const satisfies Record<string, readonly ColumnSpec[]>;

/** A table this room keeps. */
export type TableName = keyof typeof TABLES;

/** Where each column of a table lies in a row's values. */
export const ColumnIndex = columnIndex(TABLES);

export const SOUTHBOUND: DatabaseSpec = {
  name: "OVN_Southbound",
  usualFile: "ovnsb_db.db",
  tables: TABLES,
  essential: ["Datapath_Binding", "Port_Binding"],
  optional: ["SB_Global"],
  loss: "no key can be named",
};
