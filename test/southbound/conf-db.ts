/* A host's Open_vSwitch database made by hand: bridges and what is in them. */
import { databaseFile, pairs, ref, uuid } from "./ovsdb.js";

const text = { type: "string" };
const map = { type: { key: "string", value: "string", min: 0, max: "unlimited" } };
const refs = { type: { key: "uuid", min: 0, max: "unlimited" } };

const SCHEMA = {
  name: "Open_vSwitch",
  version: "8.3.1",
  tables: {
    Open_vSwitch: { columns: { external_ids: map } },
    Bridge: { columns: { name: text, datapath_type: text, ports: refs } },
    Port: { columns: { name: text, interfaces: refs } },
    Interface: {
      columns: {
        name: text,
        type: text,
        ofport: { type: { key: "integer", min: 0, max: 1 } },
        external_ids: map,
      },
    },
  },
};

export interface BridgeByHand {
  /** `netdev` is in user space, `` or `system` in the kernel. */
  datapath: string;
  /** Its ports by their interfaces: name, type, external_ids; a bond has several. */
  ports: (readonly [name: string, type: string, ids?: Record<string, string>])[][];
}

/** The database file of a host with these bridges. */
export function confDb(externalIds: Record<string, string>, bridges: readonly BridgeByHand[]): string {
  const rows: Record<"Bridge" | "Port" | "Interface", Record<string, object>> = {
    Bridge: {},
    Port: {},
    Interface: {},
  };
  const insert = (table: keyof typeof rows, row: object) => {
    const kind = Object.keys(rows).indexOf(table) + 1;
    const id = uuid(kind, Object.keys(rows[table]).length);
    rows[table][id] = row;
    return ref(id);
  };
  bridges.forEach(({ datapath, ports }, index) => {
    const refs = ports.map((interfaces) => {
      const members = interfaces.map(([name, type, ids = {}]) =>
        insert("Interface", { name, type, external_ids: pairs(ids) }),
      );
      return insert("Port", { name: interfaces[0][0], interfaces: ["set", members] });
    });
    insert("Bridge", { name: `br${index}`, datapath_type: datapath, ports: ["set", refs] });
  });
  const host = { [uuid(9, 0)]: { external_ids: pairs(externalIds) } };
  return databaseFile([{ _date: 1000, Open_vSwitch: host, ...rows }], SCHEMA);
}
