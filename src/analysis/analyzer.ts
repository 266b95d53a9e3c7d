import type { CaptureSource, Damage, PacketBatch } from "../capture/batch.js";
import { type FrameBatch, FrameFlag } from "../frame/columns.js";
import { FrameStatus } from "../frame/status.js";
import type { Inventory } from "../southbound/index.js";
import { FlowTable } from "./flow-table.js";
import { type Summary, summarize } from "./summary.js";
import { TunnelTable } from "./tunnel-table.js";

/** A point in time: whole seconds since 1970 (UTC) and nanoseconds. */
export interface Moment {
  sec: number;
  nsec: number;
}

/** What was read of one capture. */
export interface FileTotals {
  name: string;
  /** Link types of its interfaces (LINKTYPE_ numbers), in order, each once. */
  linkTypes: number[];
  packets: number;
  /** Sum of the packets' original lengths. */
  bytes: number;
  firstTime: Moment | null;
  lastTime: Moment | null;
  damage: Damage | null;
}

/** Packets that stopped at the same layer for the same reason. */
export interface StopTotals {
  status: number;
  layer: number;
  reason: number;
  packets: number;
  /** File (index) and number of the first of them. */
  file: number;
  number: number;
}

/** Everything counted, before keys are named. */
export interface Totals {
  files: FileTotals[];
  packets: number;
  bytes: number;
  /** Packets by FrameStatus. */
  byStatus: number[];
  /** Packets with a Geneve header of version 0. */
  geneve: number;
  /** ... with a well-formed OVN option. */
  ovn: number;
  /** ... of tunnel BFD. */
  bfd: number;
  /** ... with the O bit. */
  oam: number;
  stops: StopTotals[];
}

/**
 * Sums up packets of any number of captures: flows by (datapath, ingress, egress), tunnels, and what was not
 * decoded and why. Holds a table entry per flow and per tunnel, nothing per packet.
 */
export class Analyzer {
  readonly #inventory: Inventory | null;
  readonly #at: number | null;
  readonly #flows: FlowTable;
  readonly #tunnels = new TunnelTable();
  readonly #stops = new Map<number, StopTotals>();
  readonly #totals: Totals = {
    files: [],
    packets: 0,
    bytes: 0,
    byStatus: [0, 0, 0, 0, 0],
    geneve: 0,
    ovn: 0,
    bfd: 0,
    oam: 0,
    stops: [],
  };
  #file: FileTotals | null = null;

  /**
   * `at`: the time, in milliseconds since 1970, as of which keys are named (Infinity: the latest known);
   * null names each packet as of its own time.
   */
  constructor(inventory: Inventory | null, at: number | null) {
    this.#inventory = inventory;
    this.#at = at;
    this.#flows =
      inventory !== null && at === null
        ? new FlowTable((vni, keys, ms) => inventory.resolve(vni, (keys >>> 16) & 0x7fff, keys & 0xffff, ms))
        : new FlowTable();
  }

  /** Opens the account of a capture; packets added from now on are its. */
  startFile(name: string): void {
    this.#file = {
      name,
      linkTypes: [],
      packets: 0,
      bytes: 0,
      firstTime: null,
      lastTime: null,
      damage: null,
    };
    this.#totals.files.push(this.#file);
  }

  /** Closes it with what the source knows at its end. */
  endFile(source: Pick<CaptureSource, "interfaces" | "damage">): void {
    if (this.#file === null) return;
    this.#file.damage = source.damage;
    this.#file.linkTypes = [...new Set(source.interfaces.map((each) => each.linkType))];
    this.#file = null;
  }

  /** Counts the first `count` packets of a decoded batch. */
  add(packets: PacketBatch, frames: FrameBatch, count = packets.count): void {
    if (this.#file === null) throw new Error("Analyzer: packets without a file");
    if (count === 0) return;
    const { originalBytes, firstNumber } = packets;
    const { status, flags, vni, stopLayer, stopReason } = frames;
    this.#flows.add(packets, frames, count);
    this.#tunnels.add(packets, frames, count);
    const totals = this.#totals;
    let bytes = 0;
    let ok = 0;
    let geneve = 0;
    let ovn = 0;
    for (let i = 0; i < count; i++) {
      bytes += originalBytes[i];
      if (vni[i] >= 0) geneve++;
      if ((flags[i] & FrameFlag.ovn) !== 0) ovn++;
      else if ((flags[i] & FrameFlag.bfd) !== 0) totals.bfd++;
      if ((flags[i] & FrameFlag.oam) !== 0) totals.oam++;
      if (status[i] === FrameStatus.ok) ok++;
      else {
        totals.byStatus[status[i]]++;
        this.#stopped(status[i], stopLayer[i], stopReason[i], firstNumber + i);
      }
    }
    totals.byStatus[FrameStatus.ok] += ok;
    this.#times(packets, count);
    this.#file.packets += count;
    this.#file.bytes += bytes;
    totals.packets += count;
    totals.bytes += bytes;
    totals.geneve += geneve;
    totals.ovn += ovn;
  }

  /** Earliest and latest packet of the file: captures of several devices are not always in order. */
  #times(packets: PacketBatch, count: number): void {
    const file = this.#file as FileTotals;
    const { tsSec, tsNsec } = packets;
    let first = 0;
    let last = 0;
    for (let i = 1; i < count; i++) {
      if (tsSec[i] > tsSec[last] || (tsSec[i] === tsSec[last] && tsNsec[i] > tsNsec[last])) last = i;
      else if (tsSec[i] < tsSec[first] || (tsSec[i] === tsSec[first] && tsNsec[i] < tsNsec[first])) first = i;
    }
    if (file.firstTime === null || earlier(tsSec[first], tsNsec[first], file.firstTime))
      file.firstTime = { sec: tsSec[first], nsec: tsNsec[first] };
    if (file.lastTime === null || !earlier(tsSec[last], tsNsec[last], file.lastTime))
      file.lastTime = { sec: tsSec[last], nsec: tsNsec[last] };
  }

  #stopped(status: number, layer: number, reason: number, number: number): void {
    const key = (status << 16) | (layer << 8) | reason;
    const known = this.#stops.get(key);
    if (known !== undefined) known.packets++;
    else
      this.#stops.set(key, {
        status,
        layer,
        reason,
        packets: 1,
        file: this.#totals.files.length - 1,
        number,
      });
  }

  /** The result so far, with names. The analyzer can go on afterwards. */
  summary(): Summary {
    const totals = {
      ...this.#totals,
      stops: [...this.#stops.values()].sort((a, b) => b.packets - a.packets),
    };
    return summarize(totals, this.#flows, this.#tunnels, this.#inventory, this.#at);
  }
}

function earlier(sec: number, nsec: number, than: Moment): boolean {
  return sec < than.sec || (sec === than.sec && nsec < than.nsec);
}
