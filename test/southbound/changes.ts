/* Changes of a southbound database, at random but reproducible. */
import type { RowDelta, Transaction } from "../../src/southbound/ovsdb/transaction.js";
import { delta } from "./by-hand.js";
import { uuid } from "./ovsdb.js";

const set = (elements: unknown[]) => ["set", elements];
const refs = (ids: string[]) =>
  set([...new Set(ids)].map((id) => ["uuid", id])) as unknown as [string, unknown[]];
const map = (pairs: Record<string, string>) => ["map", Object.entries(pairs)];
export const ADDRESSES = ["10.0.0.1", "10.0.0.2", "10.0.0.3", "fd00::1", "0a:00:00:00:00:01"];

const REDIRECT = "chassisredirect";

/** What leads from a port of this type to another one. */
function optionsOf(type: string, other: string): Record<string, string> {
  if (type === "patch") return { peer: other, "chassis-redirect-port": other };
  return type === REDIRECT ? { "distributed-port": other } : {};
}

/** Changes of a small southbound database where everything meets everything soon. */
export class Changes {
  #state: number;
  readonly #rows = new Map<string, string>();

  constructor(seed: number) {
    this.#state = seed * 7919 + 1;
  }

  #below(limit: number): number {
    this.#state = (Math.imul(this.#state, 1103515245) + 12345) & 0x7fffffff;
    return (this.#state >>> 8) % limit;
  }

  #pick<T>(list: readonly T[]): T {
    return list[this.#below(list.length)];
  }

  next(date: number): Transaction {
    const rows: RowDelta[] = [];
    const done = new Set<string>();
    for (let count = 1 + this.#below(3); count > 0; count--) {
      const [table, id, json] = this.#change();
      if (done.has(id)) continue;
      done.add(id);
      if (json === null && !this.#rows.has(id)) continue;
      if (json === null) this.#rows.delete(id);
      else this.#rows.set(id, table);
      rows.push(delta(table, id, json));
    }
    return { offset: null, date, comment: null, isDifference: false, rows };
  }

  #change(): [table: string, id: string, json: object | null] {
    const deleted = this.#below(6) === 0;
    const number = this.#below(4);
    switch (this.#below(8)) {
      case 0: {
        const kind = number === 3 ? "logical-router" : "logical-switch";
        const json = {
          tunnel_key: 1 + this.#below(3),
          external_ids: map({ name: `n${this.#below(3)}`, [kind]: uuid(6, number) }),
        };
        return ["Datapath_Binding", uuid(1, number), deleted ? null : json];
      }
      case 1: {
        const json = {
          type: "geneve",
          ip: `192.168.0.${this.#below(3)}`,
          chassis_name: `c${this.#below(3)}`,
        };
        return ["Encap", uuid(4, number), deleted ? null : json];
      }
      case 2: {
        const json = { name: `c${number}`, encaps: refs([uuid(4, this.#below(4)), uuid(4, this.#below(4))]) };
        return ["Chassis", uuid(3, number), deleted ? null : json];
      }
      case 3: {
        const json = { name: `g${number}`, datapath: ["uuid", uuid(1, this.#below(4))], tunnel_key: 40000 };
        return ["Multicast_Group", uuid(5, number), deleted ? null : json];
      }
      default: {
        const port = this.#below(6);
        const type = this.#pick(["", "", "patch", "patch", "localnet", "virtual", "vtep", REDIRECT]);
        const json = {
          logical_port: `p${port}`,
          datapath: ["uuid", uuid(1, this.#below(4))],
          tunnel_key: 1 + this.#below(4),
          type,
          chassis: this.#below(3) === 0 ? set([]) : ["uuid", uuid(3, this.#below(4))],
          mac: set([`0a:00:00:00:00:01 ${this.#pick(ADDRESSES)}`, "unknown"]),
          nat_addresses: set(
            this.#below(4) === 0
              ? [`0a:00:00:00:00:09 10.0.0.3 is_chassis_resident("p${this.#below(6)}")`]
              : [],
          ),
          options: map(optionsOf(type, `p${type === "patch" || type === REDIRECT ? this.#below(6) : 0}`)),
          up: this.#below(2) === 0,
        };
        return ["Port_Binding", uuid(2, port), deleted ? null : json];
      }
    }
  }
}
