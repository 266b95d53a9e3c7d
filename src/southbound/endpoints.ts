/*
 * Whose an inner address is. The keys of a routed packet name the router's port, not the VM that sent it; the
 * VM is found through the addresses of `Port_Binding.mac` ("MAC [IP...]").
 */
import { canonicalAddress } from "./address.js";
import type { Composer } from "./compose.js";
import type { History, RowHistory } from "./history.js";
import type { Port } from "./model.js";
import { ColumnIndex } from "./schema.js";

const PORT = ColumnIndex.Port_Binding;

/** VIFs by the IP addresses they ever had; built when first asked, and again after a change. */
export class EndpointIndex {
  readonly #history: History;
  readonly #composer: Composer;
  #generation = -1;
  #rows = new Map<string, Set<RowHistory>>();

  constructor(history: History, composer: Composer) {
    this.#history = history;
    this.#composer = composer;
  }

  /**
   * The one VIF that had the IP address `ip` (text) at `time`. Where several networks use the address, the
   * one on the datapath with the key `datapathKey`; null where that leaves none or more than one.
   */
  find(ip: string, datapathKey: number, time: number): Port | null {
    if (this.#generation !== this.#history.generation) this.#build();
    const address = canonicalAddress(ip);
    let only: Port | null = null;
    let near: Port | null = null;
    let found = 0;
    let foundNear = 0;
    for (const row of this.#rows.get(address) ?? []) {
      const version = row.versions.valueAt(time);
      if (version === null || !addressesOf(version.values[PORT.mac] as readonly string[]).includes(address))
        continue;
      const port = this.#composer.port(version, time);
      if (port === null || port.type !== "") continue;
      only = port;
      found++;
      if (port.datapathKey !== datapathKey) continue;
      near = port;
      foundNear++;
    }
    if (found === 1) return only;
    return foundNear === 1 ? near : null;
  }

  #build(): void {
    this.#generation = this.#history.generation;
    this.#rows = new Map();
    for (const row of this.#history.rows.Port_Binding.values())
      for (const { value } of row.versions.segments) {
        if (value === null || value.values[PORT.type] !== "") continue;
        for (const address of addressesOf(value.values[PORT.mac] as readonly string[])) {
          const rows = this.#rows.get(address);
          if (rows === undefined) this.#rows.set(address, new Set([row]));
          else rows.add(row);
        }
      }
  }
}

/** The IP addresses of "MAC [IP...]" entries, in canonical text. */
function addressesOf(entries: readonly string[]): string[] {
  const addresses: string[] = [];
  for (const entry of entries)
    for (const word of entry.split(/\s+/).slice(1)) if (word !== "") addresses.push(canonicalAddress(word));
  return addresses;
}
