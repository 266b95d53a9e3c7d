/* Transactions of the kinds that northd and controllers make, at random but reproducible. */
import { dumpTables } from "./picture.js";

type Operation = Record<string, unknown>;
type Row = Record<string, unknown>;

const set = (elements: unknown[]) => ["set", elements];
const map = (entries: [string, string][]) => ["map", entries];
const id = (row: Row) => (row._uuid as string[])[1];
const where = (row: Row) => [["_uuid", "==", row._uuid]];
const NAMES = ["a", "web", "vm\u001b[31m", 'quo"te', "back\\slash", "ünï", "日本", "", "__proto__", "a b"];

export class RandomTransactions {
  #state: number;
  #count = 0;
  readonly #tag: string;
  readonly #absent: readonly string[];

  /** `absent` names columns of Port_Binding that the schema does not have. */
  constructor(seed: number, absent: readonly string[] = []) {
    this.#absent = absent;
    this.#state = seed * 2654435761;
    this.#tag = `s${seed}`;
  }

  /** The operations of a transaction, given the database as it is. */
  next(dump: string): Operation[] {
    const tables = dumpTables(dump);
    const rows = (name: string) => tables.get(name) ?? [];
    const operations: Operation[] = [];
    const number = 1 + this.#below(4);
    for (let index = 0; index < number; index++) operations.push(...this.#operation(rows));
    if (this.#below(3) === 0) operations.push({ op: "comment", comment: `c${this.#count}` });
    return operations;
  }

  #below(limit: number): number {
    // Mulberry32.
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % limit;
  }

  #pick<T>(list: readonly T[]): T | undefined {
    return list[this.#below(list.length || 1)];
  }

  #some<T>(list: readonly T[]): T[] {
    return list.filter(() => this.#below(2) === 0);
  }

  #name(): string {
    return `${this.#tag}-${this.#count++}-${this.#pick(NAMES)}`;
  }

  #words(): string[] {
    return this.#some(["0a:00:00:00:00:01 10.0.0.1", "unknown", "router", "0a:00:00:00:00:02 fd00::2", "ü"]);
  }

  #entries(): [string, string][] {
    const keys = ["name", "k8s.ovn.org/pod", "__proto__", "ü", "requested-chassis", "x"];
    return this.#some(keys).map((key) => [key, this.#pick(NAMES) as string]);
  }

  #operation(rows: (name: string) => Row[]): Operation[] {
    const datapath = this.#pick(rows("Datapath_Binding"));
    const port = this.#pick(rows("Port_Binding"));
    const chassis = this.#pick(rows("Chassis"));
    const encap = this.#pick(rows("Encap"));
    const group = this.#pick(rows("Multicast_Group"));
    switch (this.#below(16)) {
      case 0:
        return [this.#insertDatapath()];
      case 1:
      case 2:
      case 3:
        return datapath ? [this.#insertPort(datapath, rows)] : [this.#insertDatapath()];
      case 4:
        return this.#insertChassis();
      case 5:
      case 6:
        return port ? [this.#mutatePort(port)] : [];
      case 7:
      case 8:
        return port ? [this.#bindPort(port, rows)] : [];
      case 9:
        return port ? [{ op: "delete", table: "Port_Binding", where: where(port) }] : [];
      case 10:
        return chassis ? [this.#changeChassis(chassis, rows)] : [];
      case 11:
        return encap ? [this.#changeEncap(encap)] : [];
      case 12:
        return datapath ? [this.#insertGroup(datapath, rows)] : [];
      case 13:
        return group ? [{ op: "delete", table: "Multicast_Group", where: where(group) }] : [];
      case 14:
        return this.#swapKeys(rows("Port_Binding"));
      default:
        return chassis && this.#below(3) === 0
          ? [{ op: "delete", table: "Chassis", where: where(chassis) }]
          : this.#renameDatapath(datapath);
    }
  }

  #insertDatapath(): Operation {
    const kind = this.#pick(["logical-switch", "logical-router", "other"]) as string;
    const entries: [string, string][] = [[kind, `uuid-${this.#count}`]];
    if (this.#below(4) > 0) entries.push(["name", this.#name()]);
    return {
      op: "insert",
      table: "Datapath_Binding",
      row: { tunnel_key: 1 + this.#below(30), external_ids: map(entries) },
    };
  }

  #insertPort(datapath: Row, rows: (name: string) => Row[]): Operation {
    const row: Row = {
      logical_port: this.#name(),
      datapath: datapath._uuid,
      tunnel_key: 1 + this.#below(40),
      type: this.#pick(["", "patch", "chassisredirect", "virtual"]),
      mac: set(this.#words()),
      external_ids: map(this.#entries()),
    };
    if (this.#below(2) === 0) row.parent_port = this.#name();
    return { op: "insert", table: "Port_Binding", row: { ...row, ...this.#binding(rows) } };
  }

  #binding(rows: (name: string) => Row[]): Row {
    const chassis = rows("Chassis").map(({ _uuid }) => _uuid);
    const encaps = rows("Encap").map(({ _uuid }) => _uuid);
    const binding = {
      chassis: set(this.#some(chassis).slice(0, 1)),
      additional_chassis: set(this.#some(chassis)),
      requested_chassis: set(this.#some(chassis).slice(0, 1)),
      encap: set(this.#some(encaps).slice(0, 1)),
      additional_encap: set(this.#some(encaps)),
      up: set(this.#some([this.#below(2) === 0])),
    };
    return Object.fromEntries(Object.entries(binding).filter(([name]) => !this.#absent.includes(name)));
  }

  #bindPort(port: Row, rows: (name: string) => Row[]): Operation {
    const binding = Object.fromEntries(this.#some(Object.entries(this.#binding(rows))));
    return { op: "update", table: "Port_Binding", where: where(port), row: binding };
  }

  #mutatePort(port: Row): Operation {
    const mutations = this.#some([
      ["mac", this.#pick(["insert", "delete"]), set(this.#words())],
      ["nat_addresses", this.#pick(["insert", "delete"]), set(this.#words())],
      ["options", "insert", map(this.#entries())],
      ["options", "delete", set(this.#some(["name", "x", "ü"]))],
      ["external_ids", "insert", map(this.#entries())],
      ["external_ids", "delete", map(this.#entries())],
    ]);
    return { op: "mutate", table: "Port_Binding", where: where(port), mutations };
  }

  #insertChassis(): Operation[] {
    const name = this.#name();
    const encaps = [0, 1].slice(0, 1 + this.#below(2)).map((index) => `e${this.#count}_${index}`);
    const inserts = encaps.map((uuidName) => ({
      op: "insert",
      table: "Encap",
      "uuid-name": uuidName,
      row: { type: this.#pick(["geneve", "vxlan"]), ip: this.#address(), chassis_name: name },
    }));
    const row = { name, hostname: `h-${name}`, encaps: set(encaps.map((each) => ["named-uuid", each])) };
    return [...inserts, { op: "insert", table: "Chassis", row }];
  }

  #changeChassis(chassis: Row, rows: (name: string) => Row[]): Operation {
    const name = this.#name();
    const own = rows("Encap").filter((row) => JSON.stringify(chassis.encaps).includes(id(row)));
    const row = this.#pick<Row>([
      { nb_cfg: this.#below(1000) },
      { hostname: name },
      { other_config: map([["is-vtep", this.#pick(["true", "false"]) as string]]) },
      { encaps: set([own.at(-1)?._uuid]) },
    ]);
    return { op: "update", table: "Chassis", where: where(chassis), row };
  }

  #changeEncap(encap: Row): Operation {
    if (this.#below(2) === 0)
      return { op: "update", table: "Encap", where: where(encap), row: { ip: this.#address() } };
    const mutations = [["options", "insert", map([["dst_port", String(this.#below(9999))]])]];
    return { op: "mutate", table: "Encap", where: where(encap), mutations };
  }

  #address(): string {
    return this.#below(4) === 0 ? `fd00::${this.#below(99)}` : `10.0.${this.#below(9)}.${this.#below(250)}`;
  }

  #insertGroup(datapath: Row, rows: (name: string) => Row[]): Operation {
    const ports = this.#some(rows("Port_Binding").map(({ _uuid }) => _uuid));
    const tunnelKey = 32768 + this.#below(8);
    const row = { name: this.#name(), datapath: datapath._uuid, tunnel_key: tunnelKey, ports: set(ports) };
    return { op: "insert", table: "Multicast_Group", row };
  }

  /** Two ports exchange their keys, which only works within one transaction. */
  #swapKeys(ports: Row[]): Operation[] {
    const [one, two] = [this.#pick(ports), this.#pick(ports)];
    if (one === undefined || two === undefined || one === two) return [];
    const update = (port: Row, { datapath, tunnel_key }: Row) => {
      return { op: "update", table: "Port_Binding", where: where(port), row: { datapath, tunnel_key } };
    };
    return [update(one, two), update(two, one)];
  }

  #renameDatapath(datapath: Row | undefined): Operation[] {
    if (datapath === undefined) return [];
    const mutations = [
      ["external_ids", "delete", set(["name"])],
      ["external_ids", "insert", map([["name", this.#name()]])],
    ];
    return [{ op: "mutate", table: "Datapath_Binding", where: where(datapath), mutations }];
  }
}
