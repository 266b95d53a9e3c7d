/*
 * Whose an inner address is. The keys of a routed packet name the router's port, not the VM that sent it; the
 * VM is found through the addresses of `Port_Binding.mac` ("MAC [IP...]"), among the networks that routers
 * connect with the packet's: another tenant may use the same addresses.
 */
import { canonicalAddress } from "./address.js";
import type { Composer } from "./compose.js";
import type { History, RowVersion } from "./history.js";
import type { Port } from "./model.js";
import { ColumnIndex } from "./tables.js";

const PORT = ColumnIndex.Port_Binding;

/** VIFs by the IP addresses they ever had; built when first asked, and again after a change. */
export class EndpointIndex {
  readonly #history: History;
  readonly #composer: Composer;
  #generation = -1;
  /** Versions of rows that have the address. */
  #versions = new Map<string, RowVersion[]>();
  /** Datapaths (uuid) by the network of datapaths they have ever been part of: each points towards its root. */
  #network = new Map<string, string>();

  constructor(history: History, composer: Composer) {
    this.#history = history;
    this.#composer = composer;
  }

  /**
   * The one VIF that had the IP address `ip` (text) at `time` in the network that the datapath with the key
   * `datapathKey` belongs to; null where there is none, or more than one.
   */
  find(ip: string, datapathKey: number, time: number): Port | null {
    if (this.#generation !== this.#history.generation) this.#build();
    const datapath = this.#history.datapathByKey.get(datapathKey)?.valueAt(time);
    if (datapath == null) return null;
    const network = this.#rootOf(datapath.uuid);
    let only: RowVersion | null = null;
    for (const version of this.#versions.get(canonicalAddress(ip)) ?? []) {
      if (version.row.versions.valueAt(time) !== version) continue;
      if (this.#rootOf(version.values[PORT.datapath] as string) !== network) continue;
      if (only !== null) return null;
      only = version;
    }
    return this.#composer.port(only, time);
  }

  #build(): void {
    this.#generation = this.#history.generation;
    this.#versions = new Map();
    this.#network = new Map();
    for (const row of this.#history.rows.Port_Binding.values())
      for (const { value } of row.versions.segments) {
        if (value === null) continue;
        this.#connect(value);
        if (value.values[PORT.type] !== "") continue;
        for (const address of addressesOf(value.values[PORT.mac] as readonly string[])) {
          const versions = this.#versions.get(address);
          if (versions === undefined) this.#versions.set(address, [value]);
          else versions.push(value);
        }
      }
  }

  /** A port with a peer (`patch`, `l3gateway`) makes one network of its datapath and its peer's. */
  #connect({ values }: RowVersion): void {
    const peer = (values[PORT.options] as ReadonlyMap<string, string>).get("peer");
    if (peer === undefined) return;
    const here = this.#rootOf(values[PORT.datapath] as string);
    for (const { value } of this.#history.portByName.get(peer)?.segments ?? [])
      for (const { value: version } of value?.versions.segments ?? []) {
        if (version === null) continue;
        const there = this.#rootOf(version.values[PORT.datapath] as string);
        if (there !== here) this.#network.set(there, here);
      }
  }

  /** The datapath that stands for the whole network; paths to it are shortened on the way. */
  #rootOf(datapath: string): string {
    let root = datapath;
    for (let next = this.#network.get(root); next !== undefined; next = this.#network.get(root)) root = next;
    for (let at = datapath; at !== root; ) {
      const next = this.#network.get(at) as string;
      this.#network.set(at, root);
      at = next;
    }
    return root;
  }
}

/** The IP addresses of "MAC [IP...]" entries, in canonical text. */
function addressesOf(entries: readonly string[]): Set<string> {
  const addresses = new Set<string>();
  for (const entry of entries)
    for (const word of entry.split(/\s+/).slice(1)) if (word !== "") addresses.add(canonicalAddress(word));
  return addresses;
}
