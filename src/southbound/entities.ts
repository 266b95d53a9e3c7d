/*
 * Rows as entities. What a row refers to is looked up when the entity is made; its own columns are read when they
 * are asked for: of a thousand ports that are named, few are asked for more than their name.
 */
import type { Chassis, Datapath, Encap, Interval, Port } from "./model.js";
import { pairsOf, pairValue } from "./ovsdb/value.js";
import type { RowValues } from "./store.js";
import { ColumnIndex } from "./tables.js";

const DATAPATH = ColumnIndex.Datapath_Binding;
const PORT = ColumnIndex.Port_Binding;

type Pairs = ReadonlyMap<string, string>;
type Strings = readonly string[];

export class DatapathRow implements Datapath {
  readonly uuid: string;
  readonly from: number;
  readonly until: number;
  readonly #values: RowValues;
  #externalIds: Pairs | null = null;

  constructor(uuid: string, values: RowValues, { from, until }: Interval) {
    this.uuid = uuid;
    this.from = from;
    this.until = until;
    this.#values = values;
  }

  get tunnelKey(): number {
    return this.#values[DATAPATH.tunnel_key] as number;
  }

  get name(): string | null {
    return this.#externalId("name") ?? this.northUuid;
  }

  get northUuid(): string | null {
    const uuid = this.#externalId("logical-switch") ?? this.#externalId("logical-router");
    return uuid ?? (this.#values[DATAPATH.nb_uuid] as string | null);
  }

  get kind(): Datapath["kind"] {
    const type = this.#values[DATAPATH.type];
    if (type === "logical-switch") return "switch";
    if (type === "logical-router") return "router";
    if (type !== null) return "unknown";
    if (this.#externalId("logical-switch") !== undefined) return "switch";
    return this.#externalId("logical-router") === undefined ? "unknown" : "router";
  }

  get externalIds(): Pairs {
    this.#externalIds ??= pairsOf(this.#values[DATAPATH.external_ids]);
    return this.#externalIds;
  }

  #externalId(key: string): string | undefined {
    return pairValue(this.#values[DATAPATH.external_ids], key);
  }
}

/** The rows that a port refers to. */
export interface PortReferences {
  readonly datapath: Datapath | null;
  readonly chassis: Chassis | null;
  readonly additionalChassis: readonly Chassis[];
  readonly requestedChassis: Chassis | null;
  readonly encap: Encap | null;
  readonly additionalEncap: readonly Encap[];
}

export class PortRow implements Port {
  readonly kind = "port";
  readonly uuid: string;
  readonly datapath: Datapath | null;
  readonly chassis: Chassis | null;
  readonly additionalChassis: readonly Chassis[];
  readonly requestedChassis: Chassis | null;
  readonly encap: Encap | null;
  readonly additionalEncap: readonly Encap[];
  readonly from: number;
  readonly until: number;
  readonly #values: RowValues;
  #options: Pairs | null = null;
  #externalIds: Pairs | null = null;

  constructor(uuid: string, values: RowValues, references: PortReferences, { from, until }: Interval) {
    this.uuid = uuid;
    this.datapath = references.datapath;
    this.chassis = references.chassis;
    this.additionalChassis = references.additionalChassis;
    this.requestedChassis = references.requestedChassis;
    this.encap = references.encap;
    this.additionalEncap = references.additionalEncap;
    this.from = from;
    this.until = until;
    this.#values = values;
  }

  get datapathKey(): number {
    return this.datapath?.tunnelKey ?? 0;
  }

  get tunnelKey(): number {
    return this.#values[PORT.tunnel_key] as number;
  }

  get name(): string {
    return this.#values[PORT.logical_port] as string;
  }

  get type(): string {
    return this.#values[PORT.type] as string;
  }

  get mac(): Strings {
    return this.#values[PORT.mac] as Strings;
  }

  get natAddresses(): Strings {
    return this.#values[PORT.nat_addresses] as Strings;
  }

  get parentPort(): string | null {
    return this.#values[PORT.parent_port] as string | null;
  }

  get virtualParent(): string | null {
    return this.#values[PORT.virtual_parent] as string | null;
  }

  get peer(): string | null {
    return pairValue(this.#values[PORT.options], "peer") ?? null;
  }

  get distributedPort(): string | null {
    return pairValue(this.#values[PORT.options], "distributed-port") ?? null;
  }

  get up(): boolean | null {
    return this.#values[PORT.up] as boolean | null;
  }

  get options(): Pairs {
    this.#options ??= pairsOf(this.#values[PORT.options]);
    return this.#options;
  }

  get externalIds(): Pairs {
    this.#externalIds ??= pairsOf(this.#values[PORT.external_ids]);
    return this.#externalIds;
  }
}
