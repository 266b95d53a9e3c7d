/*
 * What flows add up to by key: datapaths, ports and multicast groups. A key is looked up once, and again where it
 * comes to belong to another row. Accounts are columns, since a capture can hold any number of keys that nobody
 * knows.
 */

import { momentMs } from "../capture/moment.js";
import { egressOf, ingressOf } from "../wire/ovn-option.js";
import type { FlowEntry } from "./flow-aside.js";
import { flowHash } from "./flow-slots.js";
import { grown } from "./grown.js";
import { Listing } from "./order.js";
import type { DatapathSummary, Naming, PortSummary } from "./summary.js";

/** In place of a port's key: the datapath itself. */
const DATAPATH = -1;
/** Keys up to this are ports', those above it multicast groups'. */
const LAST_PORT_KEY = 0x7fff;

/** What is known of an account's key: a name; that it was asked for before all that the inventory knows of. */
const NAMED = 1;
const BEFORE = 2;

/** Accounts to begin with, a power of two. */
const FIRST_ACCOUNTS = 256;

export class KeySums {
  /** Packets of which the datapath or a port has no name, and those older than all the inventory knows of. */
  unresolved = 0;
  beforeHistory = 0;
  readonly #naming: Naming;
  /** Whether a key 0 is one that is not known. */
  readonly #hasGaps: boolean;
  /** Whether what keys mean is a matter of time. */
  readonly #timed: boolean;
  #count = 0;
  /** By hash of the keys, the number of their first account + 1. */
  #slots = new Int32Array(2 * FIRST_ACCOUNTS);
  // By account: its keys, what is known of them from when until when, what was counted, and the last packet's time.
  #vni = new Int32Array(FIRST_ACCOUNTS);
  #key = new Int32Array(FIRST_ACCOUNTS);
  #flags = new Uint8Array(FIRST_ACCOUNTS);
  #from = new Float64Array(FIRST_ACCOUNTS);
  #until = new Float64Array(FIRST_ACCOUNTS);
  #txPackets = new Float64Array(FIRST_ACCOUNTS);
  #txBytes = new Float64Array(FIRST_ACCOUNTS);
  #rxPackets = new Float64Array(FIRST_ACCOUNTS);
  #rxBytes = new Float64Array(FIRST_ACCOUNTS);
  #seen = new Float64Array(FIRST_ACCOUNTS);
  /** By account: the row of the southbound that had its keys; null for none. */
  readonly #uuids: (string | null)[] = [];
  /** By first account: all those of the same keys, in order of time, where there are several. */
  readonly #versions = new Map<number, number[]>();
  /** By account, once flows are no longer added: that which describes it, or -1 where it is part of another. */
  #shown: Int32Array | null = null;

  constructor(naming: Naming, hasGaps: boolean) {
    this.#naming = naming;
    this.#hasGaps = hasGaps;
    this.#timed = naming.inventory !== null && naming.at === null;
  }

  /** Adds a flow, all of which has the meaning of its last packet. */
  add({ vni, keys, packets, bytes, lastSec, lastNsec }: FlowEntry): void {
    const seen = momentMs(lastSec, lastNsec);
    const time = this.#naming.at ?? seen;
    const ingress = ingressOf(keys);
    const egress = egressOf(keys);
    const datapath = this.#account(vni, DATAPATH, time);
    const sender = this.#account(vni, ingress, time);
    const receiver = this.#account(vni, egress, time);
    this.#txPackets[datapath] += packets;
    this.#txBytes[datapath] += bytes;
    this.#txPackets[sender] += packets;
    this.#txBytes[sender] += bytes;
    this.#rxPackets[receiver] += packets;
    this.#rxBytes[receiver] += bytes;
    const times = this.#seen;
    if (seen > times[datapath]) times[datapath] = seen;
    if (seen > times[sender]) times[sender] = seen;
    if (seen > times[receiver]) times[receiver] = seen;
    const flags = this.#flags;
    // Egress 0 is legal, and no port's.
    const from = this.#hasGaps && ingress === 0 ? NAMED : flags[sender];
    const named = flags[datapath] & from & (egress === 0 ? NAMED : flags[receiver]);
    if ((named & NAMED) === 0) this.unresolved += packets;
    if ((flags[datapath] & BEFORE) !== 0) this.beforeHistory += packets;
  }

  datapaths(): Listing<DatapathSummary> {
    return this.#listing(
      (key) => key === DATAPATH,
      (account) => this.#datapath(account),
    );
  }

  ports(): Listing<PortSummary> {
    return this.#listing(
      (key) => key !== DATAPATH && !(this.#hasGaps && key === 0),
      (account) => this.#port(account),
    );
  }

  /** The account of a key with the meaning it has at `time`, a new one where there is none. */
  #account(vni: number, key: number, time: number): number {
    const hash = flowHash(vni, key);
    const slots = this.#slots;
    const mask = slots.length - 1;
    let slot = hash & mask;
    for (let number = slots[slot]; number !== 0; number = slots[slot]) {
      const account = number - 1;
      if (this.#vni[account] === vni && this.#key[account] === key)
        return !this.#timed || (time >= this.#from[account] && time < this.#until[account])
          ? account
          : this.#version(account, time);
      slot = (slot + 1) & mask;
    }
    const account = this.#open(vni, key, time);
    this.#slots[freeSlot(this.#slots, hash)] = account + 1;
    return account;
  }

  /** Another account of the same keys, for another time. */
  #version(first: number, time: number): number {
    const accounts = this.#versions.get(first) ?? [first];
    let low = 0;
    for (let high = accounts.length; low < high; ) {
      const middle = (low + high) >>> 1;
      if (this.#from[accounts[middle]] <= time) low = middle + 1;
      else high = middle;
    }
    const before = accounts[low - 1];
    if (low > 0 && time < this.#until[before]) return before;
    const account = this.#open(this.#vni[first], this.#key[first], time);
    accounts.splice(low, 0, account);
    this.#versions.set(first, accounts);
    return account;
  }

  #open(vni: number, key: number, time: number): number {
    if (this.#count === this.#vni.length) this.#grow();
    const account = this.#count++;
    this.#vni[account] = vni;
    this.#key[account] = key;
    this.#seen[account] = Number.NEGATIVE_INFINITY;
    this.#from[account] = Number.NEGATIVE_INFINITY;
    this.#until[account] = Number.POSITIVE_INFINITY;
    this.#uuids.push(null);
    const { inventory } = this.#naming;
    // 0 is no port's.
    if (inventory === null || key === 0) return account;
    let hold: { from: number; until: number };
    if (key > 0 && key <= LAST_PORT_KEY) {
      const row = inventory.keyHolds(vni, key, time);
      hold = row;
      this.#uuids[account] = row.uuid;
      this.#flags[account] = row.uuid === null ? 0 : NAMED;
    } else {
      const resolution = inventory.resolve(vni, 0, Math.max(key, 0), time);
      const found = key === DATAPATH ? resolution.datapath : resolution.outport;
      hold = resolution;
      this.#uuids[account] = found?.uuid ?? null;
      this.#flags[account] = (found?.name == null ? 0 : NAMED) | (resolution.beforeHistory ? BEFORE : 0);
    }
    this.#from[account] = hold.from;
    this.#until[account] = hold.until;
    return account;
  }

  #grow(): void {
    const accounts = 2 * this.#vni.length;
    const words = (old: Int32Array<ArrayBuffer>) => grown(old, new Int32Array(accounts));
    const doubles = (old: Float64Array<ArrayBuffer>) => grown(old, new Float64Array(accounts));
    this.#vni = words(this.#vni);
    this.#key = words(this.#key);
    this.#flags = grown(this.#flags, new Uint8Array(accounts));
    this.#from = doubles(this.#from);
    this.#until = doubles(this.#until);
    this.#txPackets = doubles(this.#txPackets);
    this.#txBytes = doubles(this.#txBytes);
    this.#rxPackets = doubles(this.#rxPackets);
    this.#rxBytes = doubles(this.#rxBytes);
    this.#seen = doubles(this.#seen);
    const old = this.#slots;
    this.#slots = new Int32Array(2 * accounts);
    for (const number of old)
      if (number !== 0)
        this.#slots[freeSlot(this.#slots, flowHash(this.#vni[number - 1], this.#key[number - 1]))] = number;
  }

  #listing<T>(isWanted: (key: number) => boolean, make: (account: number) => T): Listing<T> {
    this.#shown ??= this.#join();
    const shown = this.#shown;
    // Several accounts of the same keys come in the order of their last packets.
    const versions = new Set([...this.#versions.values()].flat());
    const several: number[] = [];
    const accounts = new Uint32Array(this.#count);
    let count = 0;
    for (let account = 0; account < this.#count; account++) {
      if (!isWanted(this.#key[account]) || shown[account] < 0) continue;
      if (versions.has(shown[account])) several.push(account);
      else accounts[count++] = account;
    }
    several.sort((a, b) => this.#seen[shown[a]] - this.#seen[shown[b]]);
    accounts.set(several, count);
    count += several.length;
    const order = {
      bytesOf: (account: number) => this.#txBytes[account] + this.#rxBytes[account],
      vniOf: (account: number) => this.#vni[shown[account]],
      keysOf: (account: number) => Math.max(this.#key[shown[account]], 0),
    };
    return new Listing(order, accounts.slice(0, count), make);
  }

  /**
   * Makes one account of those whose keys belonged to the same row, or, at different times, to none. Each is
   * described as of its last packet.
   */
  #join(): Int32Array {
    const shown = new Int32Array(this.#count);
    for (let account = 0; account < this.#count; account++) shown[account] = account;
    // At one time, each row has one key.
    if (!this.#timed) return shown;
    const datapaths = new Map<string, number>();
    const ports = new Map<string, number>();
    for (let account = 0; account < this.#count; account++) {
      const uuid = this.#uuids[account];
      if (uuid === null) continue;
      const byUuid = this.#key[account] === DATAPATH ? datapaths : ports;
      const first = byUuid.get(uuid);
      if (first === undefined) byUuid.set(uuid, account);
      else this.#fold(account, first, shown);
    }
    for (const accounts of this.#versions.values()) {
      const [first, ...others] = accounts.filter((account) => this.#uuids[account] === null);
      for (const account of others) this.#fold(account, first, shown);
    }
    return shown;
  }

  #fold(account: number, into: number, shown: Int32Array): void {
    this.#txPackets[into] += this.#txPackets[account];
    this.#txBytes[into] += this.#txBytes[account];
    this.#rxPackets[into] += this.#rxPackets[account];
    this.#rxBytes[into] += this.#rxBytes[account];
    if (this.#seen[account] >= this.#seen[shown[into]]) shown[into] = account;
    shown[account] = -1;
  }

  #datapath(account: number): DatapathSummary {
    const { inventory, at, known } = this.#naming;
    const shown = (this.#shown as Int32Array)[account];
    const time = at ?? this.#seen[shown];
    const datapathKey = this.#vni[shown];
    const datapath = inventory?.resolve(datapathKey, 0, 0, time).datapath ?? null;
    return {
      datapathKey,
      name: datapath?.name ?? null,
      friendly: (datapath && known?.datapath(datapath, time).friendly) ?? null,
      kind: datapath?.kind ?? null,
      packets: this.#txPackets[account],
      bytes: this.#txBytes[account],
    };
  }

  #port(account: number): PortSummary {
    const { inventory, at, known } = this.#naming;
    const shown = (this.#shown as Int32Array)[account];
    const time = at ?? this.#seen[shown];
    const datapathKey = this.#vni[shown];
    const portKey = this.#key[shown];
    const resolution = inventory?.resolve(datapathKey, 0, portKey, time);
    const datapath = resolution?.datapath ?? null;
    const found = resolution?.outport ?? null;
    const port = found?.kind === "port" ? found : null;
    return {
      datapathKey,
      portKey,
      datapath: datapath?.name ?? null,
      datapathFriendly: (datapath && known?.datapath(datapath, time).friendly) ?? null,
      name: found?.name ?? null,
      names: (port && known?.port(port, time)) ?? null,
      type: found?.kind === "multicast" ? "multicast" : (port?.type ?? null),
      chassis: port?.chassis?.name ?? null,
      rxPackets: this.#rxPackets[account],
      rxBytes: this.#rxBytes[account],
      txPackets: this.#txPackets[account],
      txBytes: this.#txBytes[account],
    };
  }
}

/** The free slot that is found first from a hash on. */
function freeSlot(slots: Int32Array, hash: number): number {
  const mask = slots.length - 1;
  let slot = hash & mask;
  while (slots[slot] !== 0) slot = (slot + 1) & mask;
  return slot;
}
