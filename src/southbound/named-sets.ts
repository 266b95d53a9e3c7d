/*
 * Address sets and port groups of OVN_Southbound (ovn-sb(5)), which expressions name. They can be long and change
 * often, so they are no part of the inventory: who needs them reads them, as they are at last.
 */
import { openDatabase } from "./open-database.js";
import type { FollowOptions } from "./ovsdb/follow.js";
import { type ColumnSpec, columnIndex, type DatabaseSpec } from "./ovsdb/schema.js";
import type { SourceDescription, TransactionSink } from "./ovsdb/sink.js";
import type { Transaction } from "./ovsdb/transaction.js";
import { RowStore, type RowValues } from "./store.js";

const TABLES = {
  Address_Set: [
    ["name", "one", "string"],
    ["addresses", "set", "string"],
  ],
  Port_Group: [
    ["name", "one", "string"],
    ["ports", "set", "string"],
  ],
} as const satisfies Record<string, readonly ColumnSpec[]>;

const SETS: DatabaseSpec = {
  name: "OVN_Southbound",
  usualFile: "ovnsb_db.db",
  tables: TABLES,
  essential: [],
  optional: ["Address_Set", "Port_Group"],
  loss: "no set can be looked up",
};
const Column = columnIndex(TABLES);

/** The sets of a southbound database as it is at last. */
export class NamedSets implements TransactionSink {
  readonly #store: RowStore;

  constructor({ layout, warnings }: SourceDescription) {
    this.#store = new RowStore(layout, warnings);
  }

  apply(transaction: Transaction): void {
    this.#store.apply(transaction);
  }

  finish(): void {}

  /** The names of all address sets, and of all port groups as expressions have them. */
  get names(): { readonly addressSets: readonly string[]; readonly portGroups: readonly string[] } {
    const { Address_Set, Port_Group } = Column;
    return {
      addressSets: this.#rows("Address_Set").map((row) => row[Address_Set.name] as string),
      portGroups: this.#rows("Port_Group").map((row) => groupName(row[Port_Group.name] as string)),
    };
  }

  /** The addresses of a set, as stored; null where there is none of that name. */
  addresses(name: string): readonly string[] | null {
    const { Address_Set } = Column;
    const row = this.#rows("Address_Set").find((each) => each[Address_Set.name] === name);
    return row === undefined ? null : (row[Address_Set.addresses] as readonly string[]);
  }

  /** The logical ports of a group, those in all datapaths; null where there is none of that name. */
  ports(name: string): readonly string[] | null {
    const { Port_Group } = Column;
    const rows = this.#rows("Port_Group").filter(
      (each) => groupName(each[Port_Group.name] as string) === name,
    );
    return rows.length === 0 ? null : rows.flatMap((row) => row[Port_Group.ports] as readonly string[]);
  }

  #rows(table: keyof typeof TABLES): RowValues[] {
    const layout = this.#store.layout.get(table);
    return layout === undefined ? [] : [...this.#store.rows(layout).values()];
  }
}

/** What a group's row is called in expressions: ovn-northd has one for each datapath, with its key in front. */
function groupName(name: string): string {
  return name.replace(/^\d+_/, "");
}

/** Reads the sets of the southbound database that `source` names as for `openSouthbound`. */
export function openNamedSets(source: string, options: FollowOptions = {}): Promise<NamedSets> {
  return openDatabase(source, SETS, (description) => new NamedSets(description), {
    ...options,
    follow: false,
  });
}
