/*
 * Where an inner frame without its tunnel's header belongs: what the header would have said, as far as MACs and IP
 * addresses tell (`Inventory.stations`, `Inventory.endpoint`), as of the packet's time. Two tenants may use the
 * same addresses, and a router's MAC is at home in several places: all that is possible is kept.
 */
import type { PacketBatch } from "../capture/batch.js";
import { momentMs } from "../capture/moment.js";
import { ABSENT, type FrameBatch } from "../frame/columns.js";
import { entryOf } from "../southbound/entry.js";
import type { Datapath, Interval, Inventory, Port, Stations } from "../southbound/index.js";
import { formatMac, readMacBits } from "../wire/address.js";
import { EthernetOffset } from "../wire/ethernet.js";
import { type Ends, innerEndsAt } from "./ends.js";
import { type EndName, type Namer, ROUTED } from "./namer.js";
import { MOST_TRIED, type Reading, type Readings, readingsAt, readingsBetween } from "./readings.js";

const MAC_DESTINATION = EthernetOffset.destination;
const MAC_SOURCE = EthernetOffset.source;
/** Bytes without which an Ethernet header counts as cut. */
const ETHERNET_BYTES = 14;
/** Readings told at most. */
const MOST_READINGS = 16;
/** Kept answers: beyond this they start over. */
const CACHE_LIMIT = 1 << 15;

/** What an IP address says of a reading. */
const AGAINST = 0;
const UNDECIDED = 1;
const FOR = 2;

/** The I/G bit of a MAC given as an integer. */
const GROUP_UNIT = 2 ** 40;

/** What is known of an inner frame, for packets with `from <= t < until`. */
export interface Correlation extends Interval {
  /** Every way to read it, at most 16, by datapath key: of several each is possible, of none nothing is known. */
  readonly readings: readonly Reading[];
  /** How many there are, those beyond 16 included. */
  readonly count: number;
  /** How many the MACs alone allow: where this is more, IP addresses spoke against the others. */
  readonly byMacs: number;
}

/** Both ends of an inner frame, where a machine behind a router is looked for by its IP address. */
export interface CorrelatedEnds {
  readonly source: EndName | null;
  readonly destination: EndName | null;
}

/** What was answered for a pair of MACs, and by the IP addresses of the frames between them. */
class Kept {
  readonly generation: number;
  readonly byMacs: Correlation;
  /** By both IP addresses as text; of a single reading nobody asks. */
  readonly byIps = new Map<string, Correlation>();

  constructor(generation: number, byMacs: Correlation) {
    this.generation = generation;
    this.byMacs = byMacs;
  }
}

/** Of a frame nothing is known of. */
export const NO_CORRELATION: Correlation = Object.freeze({
  readings: Object.freeze([]),
  count: 0,
  byMacs: 0,
  from: Number.NEGATIVE_INFINITY,
  until: Number.POSITIVE_INFINITY,
});

/** Correlates the packets of batches that `FrameDecoder.decodeInner` or `decode` has decoded. */
export class Correlator {
  readonly #inventory: Inventory;
  readonly #at: number | null;
  readonly #namer: Namer;
  readonly #portName: string | null;
  /** By source and destination MAC as integers. */
  readonly #kept = new Map<number, Map<number, Kept>>();
  #count = 0;

  /**
   * `at`: one time for all packets, milliseconds since 1970; null: each packet's own. `namer`: of the same. `portName`:
   * the logical port whose device shows the frames (`VSwitch.portOf`); null for a tunnel's device.
   */
  constructor(inventory: Inventory, at: number | null, namer: Namer, portName: string | null = null) {
    this.#inventory = inventory;
    this.#at = at;
    this.#namer = namer;
    this.#portName = portName;
  }

  /**
   * How packet `i` can be read. The same object as before as long as it holds; what was found before is found
   * without allocation where MACs are enough.
   */
  find(packets: PacketBatch, frames: FrameBatch, i: number): Correlation {
    const at = frames.inner[i];
    if (at === ABSENT || at + ETHERNET_BYTES > frames.innerEnd[i]) return NO_CORRELATION;
    const { view } = packets;
    const source = readMacBits(view, at + MAC_SOURCE);
    const destination = readMacBits(view, at + MAC_DESTINATION);
    const time = this.#at ?? momentMs(packets.tsSec[i], packets.tsNsec[i]);
    let kept = this.#kept.get(source)?.get(destination);
    if (
      kept === undefined ||
      kept.generation !== this.#namer.generation ||
      time < kept.byMacs.from ||
      time >= kept.byMacs.until
    )
      kept = this.#find(source, destination, time);
    if (kept.byMacs.count < 2 || kept.byMacs.count > MOST_TRIED) return kept.byMacs;
    return this.#byIps(kept, innerEndsAt(packets, frames, i), source, destination, time);
  }

  /** Whose the ends of packet `i` are where it is read as `reading`; null where nobody is known to be there. */
  ends(
    packets: PacketBatch,
    frames: FrameBatch,
    i: number,
    { datapath, inport, outport }: Reading,
  ): CorrelatedEnds {
    const { source, destination } = innerEndsAt(packets, frames, i);
    const key = datapath.tunnelKey;
    return {
      source: this.#namer.endpointIn(packets, i, key, inport, source),
      destination: this.#namer.endpointIn(packets, i, key, outport, destination),
    };
  }

  #find(source: number, destination: number, time: number): Kept {
    const { readings, count, from, until } = this.#readings(source, destination, time);
    const byMacs = { readings: readings.slice(0, MOST_READINGS), count, byMacs: count, from, until };
    const kept = new Kept(this.#namer.generation, byMacs);
    this.#note();
    entryOf(this.#kept, source, () => new Map<number, Kept>()).set(destination, kept);
    return kept;
  }

  /** Counts an answer to be kept, and makes room for it. */
  #note(): void {
    if (++this.#count <= CACHE_LIMIT) return;
    this.#kept.clear();
    this.#count = 1;
  }

  /** Every way that a frame between two MACs can be read. */
  #readings(source: number, destination: number, time: number): Interval & Readings {
    const from = this.#stations(source, time);
    const to = ((destination / GROUP_UNIT) & 1) === 1 ? null : this.#stations(destination, time);
    const hold = {
      from: Math.max(from.from, to?.from ?? from.from),
      until: Math.min(from.until, to?.until ?? from.until),
    };
    const port = this.#port(time, hold);
    return { ...(port === null ? readingsBetween(from, to) : readingsAt(port, from, to)), ...hold };
  }

  #stations(mac: number, time: number): Stations {
    return this.#inventory.stations(formatMac(mac), time);
  }

  /** The port whose device shows the frames, if there is one; `hold` is narrowed to the time that is so. */
  #port(time: number, hold: { from: number; until: number }): Port | null {
    if (this.#portName === null) return null;
    const port = this.#inventory.portByName(this.#portName, time);
    for (const interval of [this.#inventory.nameHolds(this.#portName, time), port]) {
      hold.from = Math.max(hold.from, interval?.from ?? hold.from);
      hold.until = Math.min(hold.until, interval?.until ?? hold.until);
    }
    return port?.datapath == null ? null : port;
  }

  /** Leaves out what IP addresses speak against, where they speak for another reading. */
  #byIps(kept: Kept, ends: Ends, source: number, destination: number, time: number): Correlation {
    const key = `${ends.source.ip} ${ends.destination.ip}`;
    const known = kept.byIps.get(key);
    if (known !== undefined && time >= known.from && time < known.until) return known;
    const { readings } = this.#readings(source, destination, time);
    const hold = { from: kept.byMacs.from, until: kept.byMacs.until };
    const verdicts = readings.map(({ datapath, inport, outport }) => {
      const first = this.#agrees(inport, datapath, ends.source.ip, time, hold);
      const second = this.#agrees(outport, datapath, ends.destination.ip, time, hold);
      return first === AGAINST || second === AGAINST ? AGAINST : Math.max(first, second);
    });
    const left = verdicts.includes(FOR)
      ? readings.filter((_, index) => verdicts[index] !== AGAINST)
      : readings;
    const answer: Correlation = {
      readings: left.slice(0, MOST_READINGS),
      count: left.length,
      byMacs: readings.length,
      from: hold.from,
      until: hold.until,
    };
    this.#note();
    kept.byIps.set(key, answer);
    return answer;
  }

  /** What `ip` says of a frame's end being at `port` of `datapath`; `hold` is narrowed to the time that is so. */
  #agrees(
    port: Port | null,
    { tunnelKey }: Datapath,
    ip: string | null,
    time: number,
    hold: { from: number; until: number },
  ): number {
    if (ip === null || port === null) return UNDECIDED;
    const owner = this.#inventory.endpoint(ip, tunnelKey, time);
    hold.from = Math.max(hold.from, owner.from);
    hold.until = Math.min(hold.until, owner.until);
    // From behind a router anything may come.
    if (ROUTED.has(port.type)) return owner.how === null ? UNDECIDED : FOR;
    if (owner.port?.uuid === port.uuid || owner.candidates.some(({ uuid }) => uuid === port.uuid)) return FOR;
    // Of very many owners not all are told.
    return hasOwnIps(port) && owner.candidates.length === 0 ? AGAINST : UNDECIDED;
  }
}

/** Whether OVN knows which IP addresses are behind a port, as it does unless "unknown" is among them. */
function hasOwnIps({ mac }: Port): boolean {
  return !mac.includes("unknown") && mac.some((entry) => /\s[0-9a-fA-F]*[.:]/.test(entry));
}
