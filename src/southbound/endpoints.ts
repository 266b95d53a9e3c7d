/*
 * Whose an inner address is. The keys of a routed packet name the router's port, not the VM that sent it; the
 * VM is found through the addresses of `Port_Binding.mac` ("MAC [IP...]"), `nat_addresses` and
 * `options:virtual-ip` (ovn-sb(5)), among the networks that routers connect with the packet's: another tenant may
 * use the same addresses.
 */
import { canonicalAddress } from "../wire/address.js";
import { addressesIn } from "./address.js";
import type { Composer } from "./compose.js";
import { entryOf } from "./entry.js";
import type { History, RowHistory, RowVersion } from "./history.js";
import type { Endpoint, Port } from "./model.js";
import { pairValue } from "./ovsdb/value.js";
import { ReachIndex } from "./reach.js";
import { Answer, Answers, Span } from "./span.js";
import type { RowValues } from "./store.js";
import { ColumnIndex } from "./tables.js";

const PORT = ColumnIndex.Port_Binding;
/** Kept answers: beyond this they start over. */
const CACHE_LIMIT = 1 << 16;
/** Candidates told at most. */
const MOST_CANDIDATES = 16;

/** Types of ports behind which one machine is: those whose addresses are its own. */
const OWN_ADDRESS: ReadonlySet<string> = new Set(["", "virtual", "external", "remote"]);
/** Types of ports that are a router's, whose addresses are the router's. */
const ROUTER: ReadonlySet<string> = new Set(["patch", "l3gateway"]);

/** MACs, and addresses of fe80::/10 and 169.254.0.0/16 (RFC 4291 section 2.5.6, RFC 3927). */
const LOCAL = /^([0-9a-f]{2}(:[0-9a-f]{2}){5}|fe[89ab][0-9a-f]:.*|169\.254\..*)$/;

const NOTHING: readonly never[] = Object.freeze([]);
const ALWAYS = { from: Number.NEGATIVE_INFINITY, until: Number.POSITIVE_INFINITY };
const NOBODY: Endpoint = Object.freeze({ port: null, candidates: Object.freeze([]), how: null, ...ALWAYS });

type How = NonNullable<Endpoint["how"]>;

/** A port that has an address, and in what way. */
export interface Holding {
  readonly version: RowVersion;
  readonly how: How;
}

/** A machine's own address comes before a router's, and that before one that is translated. */
const RANK: Readonly<Record<How, number>> = { address: 0, router: 1, nat: 2 };

/** Another source of addresses: those that the northbound has assigned, of which `mac` says but `dynamic`. */
export interface AddressSource {
  /** Grows with every change. */
  readonly generation: number;
  /** The logical ports that had the address (canonical text) at `time`; the span narrowed to the time that is so. */
  ownersOf(address: string, span: Span, time: number): readonly string[];
}

/** Ports by the addresses they ever had; built when first asked, and kept up with every change from then on. */
export class EndpointIndex {
  readonly #history: History;
  readonly #composer: Composer;
  #reach: ReachIndex;
  /** Rows that have, or once had, the address: MAC or IP in canonical text. */
  readonly #rows = new Map<string, readonly [RowHistory] | Set<RowHistory>>();
  readonly #answers = new Map<number, Map<string, Answers<Endpoint>>>();
  #kept = 0;
  #built = false;
  #further: AddressSource | null = null;

  constructor(history: History, composer: Composer) {
    this.#history = history;
    this.#composer = composer;
    this.#reach = new ReachIndex(history);
  }

  /** From now on `further` is asked, too. */
  learn(further: AddressSource): void {
    this.#further = further;
    this.#answers.clear();
  }

  /** The row of a port has changed at `time`. */
  changed(uuid: string, time: number): void {
    if (!this.#built) return;
    const row = this.#history.rows.Port_Binding.get(uuid);
    if (row !== undefined) this.#add(row, row.versions.last, time);
  }

  /**
   * The port that had the address `address` (MAC or IP, text) at `time`, among the datapaths that routers
   * connect with the one with the key `datapathKey`.
   */
  find(address: string, datapathKey: number, time: number): Endpoint {
    const kept = this.#answers.get(datapathKey)?.get(address)?.at(time, this.generation);
    return kept?.value ?? this.#find(address, datapathKey, time);
  }

  /** Grows with every change of what answers come from. */
  get generation(): number {
    return this.#history.generation + (this.#further?.generation ?? 0);
  }

  #find(address: string, datapathKey: number, time: number): Endpoint {
    if (!this.#built) this.#build();
    const span = new Span();
    const datapath = span.read(this.#history.datapathByKey.get(datapathKey), time);
    const endpoint =
      datapath === null
        ? { ...NOBODY }
        : this.#search(canonicalAddress(address.toLowerCase()), datapath.uuid, span, time);
    const answer: Endpoint = { ...endpoint, from: span.from, until: span.until };
    this.#keep(datapathKey, address, new Answer(answer, span, this.generation));
    return answer;
  }

  #keep(datapathKey: number, address: string, answer: Answer<Endpoint>): void {
    if (++this.#kept > CACHE_LIMIT) {
      this.#answers.clear();
      this.#kept = 1;
    }
    const byAddress = entryOf(this.#answers, datapathKey, () => new Map<string, Answers<Endpoint>>());
    entryOf(byAddress, address, () => new Answers()).add(answer);
  }

  #search(address: string, datapath: string, span: Span, time: number): Endpoint {
    // Another row may come to have the address at any time.
    span.open = true;
    const found = this.#holding(address, span, time, this.#inReach(address, datapath, span, time));
    if (found.length === 0) return NOBODY;
    const how = found.reduce((best, each) => (RANK[each.how] < RANK[best] ? each.how : best), found[0].how);
    const versions = found.filter((each) => each.how === how).map(({ version }) => version);
    const owners = this.#owners(versions, address, how, span, time);
    if (owners.length === 1) return { ...ALWAYS, port: owners[0], candidates: NOBODY.candidates, how };
    return { ...ALWAYS, port: null, candidates: owners.slice(0, MOST_CANDIDATES), how };
  }

  /**
   * The ports of all datapaths that had `address` (MAC or IP in canonical text) at `time`, the span narrowed to the
   * time that is so.
   */
  holding(address: string, span: Span, time: number): Holding[] {
    if (!this.#built) this.#build();
    span.open = true;
    return this.#holding(address, span, time, () => true);
  }

  #holding(address: string, span: Span, time: number, isWanted: (version: RowVersion) => boolean): Holding[] {
    const found: Holding[] = [];
    for (const row of this.#rows.get(address) ?? NOTHING) {
      const version = span.read(row.versions, time);
      if (version === null || !isWanted(version)) continue;
      const how = howItHas(version.values, address);
      if (how !== null) found.push({ version, how });
    }
    for (const name of this.#further?.ownersOf(address, span, time) ?? NOTHING) {
      const version = this.#named(name, span, time);
      if (version !== null && isWanted(version)) found.push({ version, how: "address" });
    }
    return found;
  }

  /** Whether a port is where one with the address can be. MACs and link-local addresses cross no router. */
  #inReach(address: string, datapath: string, span: Span, time: number): (version: RowVersion) => boolean {
    if (LOCAL.test(address)) return ({ values }) => values[PORT.datapath] === datapath;
    const reach = this.#reach.of(datapath, time);
    span.narrow(reach);
    return ({ values }) => reach.datapaths.has(values[PORT.datapath] as string);
  }

  /** The ports, of a translated address those that are behind it; each once, by name. */
  #owners(
    versions: readonly RowVersion[],
    address: string,
    how: How,
    span: Span,
    time: number,
  ): readonly Port[] {
    const ports = new Map<string, Port>();
    for (const version of versions) {
      const resident = how === "nat" ? residentOf(version.values, address) : null;
      let behind = this.#named(resident, span, time) ?? version;
      if (behind.values[PORT.type] === "chassisredirect")
        behind =
          this.#named(pairValue(behind.values[PORT.options], "distributed-port"), span, time) ?? behind;
      const port = span.use(this.#composer.portAnswer(behind, time));
      if (port !== null) ports.set(port.uuid, port);
    }
    return [...ports.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  #named(name: string | null | undefined, span: Span, time: number): RowVersion | null {
    const row = name == null ? null : span.read(this.#history.portByName.get(name), time);
    return row === null ? null : span.read(row.versions, time);
  }

  /** Starts over: history has lost some of what it knew. */
  reset(): void {
    this.#reach = new ReachIndex(this.#history);
    this.#rows.clear();
    this.#answers.clear();
    this.#built = false;
  }

  #build(): void {
    this.#built = true;
    for (const row of this.#history.rows.Port_Binding.values())
      for (const { from, value } of row.versions.segments) this.#add(row, value, from);
  }

  #add(row: RowHistory, version: RowVersion | null, time: number): void {
    this.#reach.add(row, version, time);
    if (version === null) return;
    for (const address of addressesOf(version.values)) {
      const known = this.#rows.get(address);
      if (known === undefined) this.#rows.set(address, [row]);
      else if (known instanceof Set) known.add(row);
      else if (known[0] !== row) this.#rows.set(address, new Set([known[0], row]));
    }
  }
}

/** Every address, MAC or IP in canonical text, that a port's row gives it in any way. */
function addressesOf(values: RowValues): Set<string> {
  const addresses = new Set<string>();
  const add = (entries: readonly string[]): void => {
    for (const entry of entries) for (const word of addressesIn(entry)) addresses.add(word);
  };
  const type = values[PORT.type] as string;
  if (!OWN_ADDRESS.has(type) && !ROUTER.has(type)) return addresses;
  add(values[PORT.mac] as readonly string[]);
  add(values[PORT.nat_addresses] as readonly string[]);
  const virtual = pairValue(values[PORT.options], "virtual-ip");
  if (virtual !== undefined) add([virtual]);
  return addresses;
}

/** In what way a port has the address, or null. */
function howItHas(values: RowValues, address: string): How | null {
  const among = (column: number): boolean =>
    (values[column] as readonly string[]).some((entry) => addressesIn(entry).includes(address));
  const type = values[PORT.type] as string;
  if (OWN_ADDRESS.has(type)) {
    const virtual = pairValue(values[PORT.options], "virtual-ip");
    if (among(PORT.mac) || (virtual !== undefined && addressesIn(virtual).includes(address)))
      return "address";
  }
  if (ROUTER.has(type) && among(PORT.mac)) return "router";
  return (OWN_ADDRESS.has(type) || ROUTER.has(type)) && among(PORT.nat_addresses) ? "nat" : null;
}

/** The port that an entry of nat_addresses with the address is bound to, or null. */
function residentOf(values: RowValues, address: string): string | null {
  for (const entry of values[PORT.nat_addresses] as readonly string[])
    if (addressesIn(entry).includes(address))
      return /is_chassis_resident\("([^"]+)"\)/.exec(entry)?.[1] ?? null;
  return null;
}
