import type { CaptureSource, Damage, PacketBatch, RecordRun } from "../capture/batch.js";
import { type FrameBatch, FrameFlag, TunnelKind } from "../frame/columns.js";
import type { FrameDecoder } from "../frame/decode.js";
import { FrameStatus } from "../frame/status.js";
import type { Inventory, KnownNames } from "../southbound/index.js";
import { egressOf, ingressOf } from "../wire/ovn-option.js";
import { type FlowState, FlowTable, flowMemory, type ValidityOf } from "./flow-table.js";
import { Kernel } from "./kernel.js";
import { type Summary, summarize } from "./summary.js";
import { type TunnelState, TunnelTable } from "./tunnel-table.js";

// A module's own constants are compiled in; what is imported is looked up at each use.
const USUAL = FrameFlag.usual;
const OVN_OR_BARE = FrameFlag.ovn | FrameFlag.bare;

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
  /** ... with a header of VXLAN or STT. */
  vxlan: number;
  stt: number;
  /** Those of VXLAN of which nobody says whether they are OVN's, but are read as if they were. */
  assumed: number;
  /** Packets with a well-formed OVN option, or OVN's keys in another tunnel's identifier. */
  ovn: number;
  /** ... of tunnel BFD. */
  bfd: number;
  /** ... with the O bit. */
  oam: number;
  /** Bare frames by KeysFrom; they count as none of those above. */
  bare: number[];
  stops: StopTotals[];
}

/**
 * Sums up packets of any number of captures: flows by (datapath, ingress, egress), tunnels, and what was not
 * decoded and why. Holds a table entry per flow and per tunnel, nothing per packet.
 */
export class Analyzer {
  readonly #inventory: Inventory | null;
  readonly #at: number | null;
  readonly #known: KnownNames | null;
  readonly #isPort: Uint8Array;
  readonly #validityOf: ValidityOf | null;
  readonly #mostFlows: number | undefined;
  #flows: FlowTable;
  readonly #tunnels = new TunnelTable();
  #kernel: Kernel;
  readonly #stops = new Map<number, StopTotals>();
  readonly #totals: Totals = {
    files: [],
    packets: 0,
    bytes: 0,
    byStatus: [0, 0, 0, 0, 0],
    geneve: 0,
    vxlan: 0,
    stt: 0,
    assumed: 0,
    ovn: 0,
    bfd: 0,
    oam: 0,
    bare: [0, 0, 0, 0, 0],
    stops: [],
  };
  #file: FileTotals | null = null;
  #keyGeneration: number;

  /**
   * `at`: the time, in milliseconds since 1970, as of which keys are named (Infinity: the latest known);
   * null names each packet as of its own time. `decoder`: the one that decodes the batches given to `add`.
   * `known` has the names people know ports and datapaths by. `mostFlows`: flows held at most.
   */
  constructor(
    inventory: Inventory | null,
    at: number | null,
    decoder: FrameDecoder,
    known: KnownNames | null = null,
    mostFlows?: number,
  ) {
    this.#inventory = inventory;
    this.#keyGeneration = inventory?.keyGeneration ?? 0;
    this.#at = at;
    this.#known = known;
    this.#isPort = decoder.portTable;
    this.#mostFlows = mostFlows;
    this.#validityOf =
      inventory !== null && at === null
        ? (vni, keys, ms) => inventory.keysHold(vni, ingressOf(keys), egressOf(keys), ms)
        : null;
    this.#flows = new FlowTable(this.#validityOf, mostFlows);
    this.#kernel = new Kernel(this.#isPort, this.#flows, this.#tunnels);
  }

  /** Flows held, as many as `mostFlows` at most. */
  get flowCount(): number {
    return this.#flows.count;
  }

  /** Packets of flows that could not be held. */
  get flowOverflow(): number {
    return this.#flows.overflow;
  }

  /** Captures begun. */
  get files(): number {
    return this.#totals.files.length;
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

  /**
   * Takes usual frames straight from the start of `run`, `most` at most: the fast way, which stops at the
   * first packet that is anything else. Returns their number; `recordsEnd` is then where the next one lies.
   */
  takeRecords(run: RecordRun, most: number): number {
    this.#follow();
    const kernel = this.#kernel;
    const count = kernel.take(run, most);
    if (count === 0) return 0;
    const file = this.#account();
    const totals = this.#totals;
    totals.byStatus[FrameStatus.ok] += count;
    totals.geneve += count;
    totals.ovn += count;
    this.#volume(file, count, kernel.bytes);
    this.#span(file, kernel.firstSec, kernel.firstNsec);
    this.#span(file, kernel.lastSec, kernel.lastNsec);
    return count;
  }

  /** Where the first record lies that the last takeRecords did not take. */
  get recordsEnd(): number {
    return this.#kernel.end;
  }

  /** The original bytes of the records that the last takeRecords took. */
  get recordsBytes(): number {
    return this.#kernel.bytes;
  }

  /** Counts those packets of a decoded batch whose indices the first `count` of `rows` are, whatever they are. */
  add(packets: PacketBatch, frames: FrameBatch, rows = frames.every, count = packets.count): void {
    this.#follow();
    const file = this.#account();
    const { firstNumber, originalBytes, tsSec, tsNsec } = packets;
    const { status, flags, vni, tunnel, stopLayer, stopReason, keysFrom } = frames;
    const totals = this.#totals;
    let bytes = 0;
    let usual = 0;
    // Packets in order, within a second, need no look at the span of time but the first and the last one's.
    let second = Number.NaN;
    let latest = 0;
    for (let row = 0; row < count; row++) {
      const i = rows[row];
      bytes += originalBytes[i];
      if (tsSec[i] !== second || tsNsec[i] < latest) {
        if (row > 0) this.#span(file, second, latest);
        this.#span(file, tsSec[i], tsNsec[i]);
        second = tsSec[i];
      }
      latest = tsNsec[i];
      if ((flags[i] & USUAL) !== 0) {
        usual++;
        continue;
      }
      totals.byStatus[status[i]]++;
      if ((flags[i] & FrameFlag.bare) !== 0) totals.bare[keysFrom[i]]++;
      else if ((flags[i] & FrameFlag.otherTunnel) !== 0) {
        if (tunnel[i] === TunnelKind.stt) totals.stt++;
        else totals.vxlan++;
        if (tunnel[i] === TunnelKind.vxlanAssumed) totals.assumed++;
      } else if (vni[i] >= 0) totals.geneve++;
      if ((flags[i] & OVN_OR_BARE) === FrameFlag.ovn) totals.ovn++;
      if ((flags[i] & FrameFlag.bfd) !== 0) totals.bfd++;
      if ((flags[i] & FrameFlag.oam) !== 0) totals.oam++;
      if (status[i] !== FrameStatus.ok)
        this.#stopped(status[i], stopLayer[i], stopReason[i], firstNumber + i);
    }
    if (count > 0) this.#span(file, second, latest);
    totals.byStatus[FrameStatus.ok] += usual;
    totals.geneve += usual;
    totals.ovn += usual;
    this.#flows.addRows(packets, frames, rows, count);
    this.#tunnels.add(packets, frames, rows, count);
    this.#volume(file, count, bytes);
  }

  /** A live inventory goes on while packets come. */
  #follow(): void {
    const inventory = this.#inventory;
    if (inventory === null) return;
    // What is forgotten moves it, too, without a change of keys.
    this.#flows.settle(inventory.keysHoldSince);
    if (inventory.keyGeneration === this.#keyGeneration) return;
    this.#flows.revalidate(inventory.keyChangesSince(this.#keyGeneration));
    this.#keyGeneration = inventory.keyGeneration;
  }

  #account(): FileTotals {
    if (this.#file === null) throw new Error("Analyzer: packets without a file");
    return this.#file;
  }

  #volume(file: FileTotals, packets: number, bytes: number): void {
    file.packets += packets;
    file.bytes += bytes;
    this.#totals.packets += packets;
    this.#totals.bytes += bytes;
  }

  /** Widens the file's time to a packet's: captures of several devices are not always in order. */
  #span(file: FileTotals, sec: number, nsec: number): void {
    const { firstTime, lastTime } = file;
    if (firstTime === null || lastTime === null) {
      file.firstTime = { sec, nsec };
      file.lastTime = { sec, nsec };
    } else if (sec > lastTime.sec || (sec === lastTime.sec && nsec >= lastTime.nsec)) {
      lastTime.sec = sec;
      lastTime.nsec = nsec;
    } else if (sec < firstTime.sec || (sec === firstTime.sec && nsec < firstTime.nsec)) {
      firstTime.sec = sec;
      firstTime.nsec = nsec;
    }
  }

  #stopped(status: number, layer: number, reason: number, number: number): void {
    const key = stopKey({ status, layer, reason });
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

  /** All that was counted, for an analyzer in another thread. This one is used no more. */
  state(): AnalyzerState {
    const totals = { ...this.#totals, stops: [...this.#stops.values()] };
    return { totals, flows: this.#flows.state(), tunnels: this.#tunnels.state() };
  }

  /**
   * Adds what another analyzer, with the same inventory and time, has counted. `packetsBefore`: its first file is
   * the rest of the last one here, of which so many packets have been read, counted or not; null: another file.
   */
  absorb({ totals, flows, tunnels }: AnalyzerState, packetsBefore: number | null): void {
    this.#follow();
    const own = this.#totals;
    const before = packetsBefore === null ? null : own.files[own.files.length - 1];
    const files = own.files.length - (before === null ? 0 : 1);
    for (const stop of totals.stops) {
      const number = stop.number + (stop.file === 0 ? (packetsBefore ?? 0) : 0);
      const known = this.#stops.get(stopKey(stop));
      if (known !== undefined) known.packets += stop.packets;
      else this.#stops.set(stopKey(stop), { ...stop, file: stop.file + files, number });
    }
    for (const [index, file] of totals.files.entries()) {
      if (index === 0 && before !== null) join(before, file);
      else own.files.push(file);
    }
    own.packets += totals.packets;
    own.bytes += totals.bytes;
    own.geneve += totals.geneve;
    own.vxlan += totals.vxlan;
    own.stt += totals.stt;
    own.assumed += totals.assumed;
    own.ovn += totals.ovn;
    own.bfd += totals.bfd;
    own.oam += totals.oam;
    totals.byStatus.forEach((packets, status) => {
      own.byStatus[status] += packets;
    });
    totals.bare.forEach((packets, from) => {
      own.bare[from] += packets;
    });
    this.#tunnels.merge(tunnels);
    const other = FlowTable.of(flows, this.#validityOf, this.#mostFlows);
    if (this.#flows.count === 0) {
      other.overflow += this.#flows.overflow;
      this.#flows = other;
      this.#kernel = new Kernel(this.#isPort, other, this.#tunnels);
    } else this.#flows.merge(other);
  }

  /** The result so far, with names and the `top` largest flows. The analyzer can go on afterwards. */
  summary(top = Number.POSITIVE_INFINITY): Summary {
    const totals = {
      ...this.#totals,
      stops: [...this.#stops.values()].sort((a, b) => b.packets - a.packets),
    };
    const naming = { inventory: this.#inventory, at: this.#at, known: this.#known };
    return summarize(totals, this.#flows, this.#tunnels, naming, top);
  }
}

/** What an analyzer has counted, to go on in another thread. */
export interface AnalyzerState {
  readonly totals: Totals;
  readonly flows: FlowState;
  readonly tunnels: TunnelState;
}

/** What `postMessage` has to move, not copy, of a state. */
export function stateMemory({ flows }: AnalyzerState): ArrayBuffer[] {
  return flowMemory(flows);
}

function stopKey({ status, layer, reason }: Pick<StopTotals, "status" | "layer" | "reason">): number {
  return (status << 16) | (layer << 8) | reason;
}

/** Adds the rest of a file to its beginning. */
function join(file: FileTotals, rest: FileTotals): void {
  file.linkTypes = [...new Set([...file.linkTypes, ...rest.linkTypes])];
  file.packets += rest.packets;
  file.bytes += rest.bytes;
  file.damage = rest.damage;
  if (file.firstTime === null || isBefore(rest.firstTime, file.firstTime)) file.firstTime = rest.firstTime;
  if (file.lastTime === null || isBefore(file.lastTime, rest.lastTime)) file.lastTime = rest.lastTime;
}

/** Whether both are there and `a` is the earlier one. */
function isBefore(a: Moment | null, b: Moment | null): boolean {
  if (a === null || b === null) return false;
  return a.sec < b.sec || (a.sec === b.sec && a.nsec < b.nsec);
}
