import { quoted } from "../text.js";
import type { Datum } from "./ovsdb/value.js";
import type { WarningLog } from "./ovsdb/warnings.js";
import type { RowStore, RowValues } from "./store.js";
import { ColumnIndex, type TableName } from "./tables.js";

const PORT = ColumnIndex.Port_Binding;

/** Looks for references that lead nowhere in the rows as they are now; a server never leaves any. */
export class Validator {
  readonly #store: RowStore;
  readonly #warnings: WarningLog;

  constructor(store: RowStore, warnings: WarningLog) {
    this.#store = store;
    this.#warnings = warnings;
  }

  run(): void {
    const datapaths = this.#rows("Datapath_Binding");
    const chassis = this.#rows("Chassis");
    const encaps = this.#rows("Encap");
    for (const port of this.#rows("Port_Binding").values()) {
      const name = port[PORT.logical_port];
      if (!datapaths.has(port[PORT.datapath] as string) && !this.#warnings.again("missing-datapath"))
        this.#warnings.add("missing-datapath", `port ${quoted(String(name))} belongs to no known datapath`);
      this.#check(port[PORT.chassis], chassis, "Port_Binding", "chassis", name);
      this.#check(port[PORT.additional_chassis], chassis, "Port_Binding", "additional_chassis", name);
      this.#check(port[PORT.encap], encaps, "Port_Binding", "encap", name);
    }
    for (const row of this.#rows("Chassis").values()) {
      const { encaps: column, name } = ColumnIndex.Chassis;
      this.#check(row[column], encaps, "Chassis", "encaps", row[name]);
    }
  }

  #rows(name: TableName): ReadonlyMap<string, RowValues> {
    const table = this.#store.layout.get(name);
    return table === undefined ? new Map() : this.#store.rows(table);
  }

  #check(
    reference: Datum,
    target: ReadonlyMap<string, RowValues>,
    table: string,
    column: string,
    name: Datum,
  ): void {
    if (reference === null) return;
    if (Array.isArray(reference)) {
      for (const uuid of reference) this.#check(uuid, target, table, column, name);
      return;
    }
    if (target.has(reference as string) || this.#warnings.again("unknown-row")) return;
    this.#warnings.add(
      "unknown-row",
      `${table} ${quoted(String(name))}: ${column} names a row that is not there`,
    );
  }
}
