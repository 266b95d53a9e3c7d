import type { RecordLayout, RecordRun } from "../capture/batch.js";
import { USUAL_MIN_BYTES, UsualOffset, usualLength } from "../frame/usual.js";
import { Ipv4Offset } from "../wire/ipv4.js";
import { LinkType } from "../wire/linktype.js";
import { FLOW, type FlowTable, flowHash, KEY_BITS, momentMs } from "./flow-table.js";
import type { TunnelTable } from "./tunnel-table.js";

/** Packets taken at a time: they, and what is noted of them, stay in a first-level cache. */
const MOST = 128;
/** Bytes of a pcap record header. */
const RECORD_HEADER = 16;

// A module's own constants are compiled in; what is imported is looked up at each use, which shows here.
const FLOW_WORDS = FLOW.words;
const FLOW_VNI = FLOW.vni;
const FLOW_KEYS = FLOW.keys;
const FLOW_PACKETS = FLOW.packets;
const FLOW_LAST_NSEC = FLOW.lastNsec;
const FLOW_DOUBLES = FLOW.doubles;
const FLOW_BYTES = FLOW.bytes;
const FLOW_LAST_SEC = FLOW.lastSec;
const SOURCE = UsualOffset.outerIp + Ipv4Offset.source;
const DESTINATION = UsualOffset.outerIp + Ipv4Offset.destination;
const VNI = RECORD_HEADER + UsualOffset.vni;
const KEYS = RECORD_HEADER + UsualOffset.keys;
const LEAST = RECORD_HEADER + USUAL_MIN_BYTES;
const MIN_BYTES = USUAL_MIN_BYTES;
const MASK = KEY_BITS;

/**
 * The fast way through a capture: usual OVN frames are counted straight from the capture's bytes, without
 * columns in between. It stops at the first packet that is anything else, which the general way then takes.
 * What it says of a packet is what the general way would say; the tests compare the two.
 *
 * Three loops over a hundred packets, each short enough that a processor has many of its steps under way
 * at once: find the records and check their shape; find their flows; count.
 */
export class Kernel {
  readonly #isPort: Uint8Array;
  readonly #flows: FlowTable;
  readonly #tunnels: TunnelTable;
  /** Where each packet's record starts, and its flow's slot. */
  readonly #records = new Int32Array(MOST);
  readonly #slots = new Int32Array(MOST);
  /** Behind the last packet taken: where the next record starts. */
  end = 0;
  /** Sum of the original bytes of the packets taken. */
  bytes = 0;
  /** Their earliest and latest time; undefined where none was taken. */
  firstSec = 0;
  firstNsec = 0;
  lastSec = 0;
  lastNsec = 0;

  /** `isPort` has a 1 for each Geneve port. */
  constructor(isPort: Uint8Array, flows: FlowTable, tunnels: TunnelTable) {
    this.#isPort = isPort;
    this.#flows = flows;
    this.#tunnels = tunnels;
  }

  /** Counts usual frames from the start of `run` on, up to `most`, and returns their number. */
  take({ view, start, end, layout }: RecordRun, most: number): number {
    const { littleEndian, linkType } = layout;
    this.end = start;
    this.bytes = 0;
    this.firstSec = 0xffffffff;
    this.firstNsec = 0x7fffffff;
    this.lastSec = 0;
    this.lastNsec = 0;
    // Big-endian files are rare, and a byte order that is known beforehand is a fifth faster.
    if (!littleEndian || linkType !== LinkType.ETHERNET) return 0;
    let taken = 0;
    for (;;) {
      const count = this.#walk(view, this.end, end, layout, Math.min(most - taken, MOST));
      this.#find(view, count, layout.nsecPerUnit);
      this.#count(view, count, layout.nsecPerUnit);
      taken += count;
      if (count < MOST || taken === most) return taken;
    }
  }

  /** Notes the records of usual frames, and their share of the tunnels. */
  #walk(view: DataView, start: number, end: number, layout: RecordLayout, limit: number): number {
    const { units, largest } = layout;
    const records = this.#records;
    const isPort = this.#isPort;
    const tunnels = this.#tunnels;
    let count = 0;
    let at = start;
    let bytes = 0;
    // The tunnel at hand, and what it has had since it was last told.
    let tunnel = -1;
    let source = 0;
    let destination = 0;
    let tunnelPackets = 0;
    let tunnelBytes = 0;
    let largestOuter = 0;
    // Packets in order, within a second, need no look at the span of time but the last one's.
    let second = 0;
    let fraction = -1;
    while (count < limit && at + LEAST <= end) {
      const captured = view.getInt32(at + 8, true);
      const original = view.getInt32(at + 12, true);
      const frame = at + RECORD_HEADER;
      // Lengths from 2^31 on are negative here, and no usual frame's.
      if (
        captured < MIN_BYTES ||
        original < 0 ||
        captured < original ||
        captured > largest ||
        frame + captured > end ||
        view.getInt32(at + 4, true) >>> 0 >= units
      )
        break;
      const outer = usualLength(view, frame, captured, isPort);
      if (outer === 0) break;
      const from = view.getInt32(frame + SOURCE);
      const to = view.getInt32(frame + DESTINATION);
      if (from !== source || to !== destination || tunnel < 0) {
        if (tunnel >= 0) {
          const nsec = fraction * layout.nsecPerUnit;
          tunnels.tally(
            tunnel,
            tunnelPackets,
            tunnelBytes,
            largestOuter,
            0,
            tunnelPackets,
            second >>> 0,
            nsec,
          );
        }
        tunnel = tunnels.ipv4(from, to);
        source = from;
        destination = to;
        tunnelPackets = 0;
        tunnelBytes = 0;
        largestOuter = 0;
      }
      tunnelPackets++;
      tunnelBytes += original;
      if (outer > largestOuter) largestOuter = outer;
      bytes += original;
      const nextSecond = view.getInt32(at, true);
      const nextFraction = view.getInt32(at + 4, true);
      if (nextSecond !== second || nextFraction < fraction || fraction < 0) {
        if (fraction >= 0) this.#widen(second >>> 0, fraction, layout.nsecPerUnit);
        this.#widen(nextSecond >>> 0, nextFraction, layout.nsecPerUnit);
      }
      second = nextSecond;
      fraction = nextFraction;
      records[count] = at;
      count++;
      at = frame + captured;
    }
    if (tunnel >= 0) {
      const nsec = fraction * layout.nsecPerUnit;
      tunnels.tally(tunnel, tunnelPackets, tunnelBytes, largestOuter, 0, tunnelPackets, second >>> 0, nsec);
    }
    if (fraction >= 0) this.#widen(second >>> 0, fraction, layout.nsecPerUnit);
    this.end = at;
    this.bytes += bytes;
    return count;
  }

  /** Finds each packet's slot in the flow table, a new one where there is none, -1 where there is no room. */
  #find(view: DataView, count: number, nsecPerUnit: number): void {
    const flows = this.#flows;
    // The table does not grow while its arrays are held here.
    flows.reserve(count);
    const { words, from, until, timed, mask } = flows;
    const records = this.#records;
    const slots = this.#slots;
    let ms = 0;
    for (let i = 0; i < count; i++) {
      const at = records[i];
      if (timed) ms = momentMs(view.getUint32(at, true), Math.imul(view.getInt32(at + 4, true), nsecPerUnit));
      const vni = (view.getInt32(at + VNI) >>> 8) + 1;
      const keys = view.getInt32(at + KEYS) & MASK;
      let slot = flowHash(vni, keys) & mask;
      let taken = words[slot * FLOW_WORDS + FLOW_VNI];
      while (
        taken !== 0 &&
        (taken !== vni ||
          words[slot * FLOW_WORDS + FLOW_KEYS] !== keys ||
          (timed && (ms < from[slot] || ms >= until[slot])))
      ) {
        slot = (slot + 1) & mask;
        taken = words[slot * FLOW_WORDS + FLOW_VNI];
      }
      if (taken === 0) {
        const sec = view.getUint32(at, true);
        if (!flows.insert(slot, vni, keys, sec, view.getInt32(at + 4, true) * nsecPerUnit)) slot = -1;
      }
      slots[i] = slot;
    }
  }

  /** Adds each packet to its slot. */
  #count(view: DataView, count: number, nsecPerUnit: number): void {
    const flows = this.#flows;
    const { words, doubles } = flows;
    const records = this.#records;
    const slots = this.#slots;
    for (let i = 0; i < count; i++) {
      const at = records[i];
      const slot = slots[i];
      if (slot < 0) continue;
      const word = slot * FLOW_WORDS;
      const double = slot * FLOW_DOUBLES;
      const sec = view.getUint32(at, true);
      const nsec = Math.imul(view.getInt32(at + 4, true), nsecPerUnit);
      const packets = (words[word + FLOW_PACKETS] + 1) | 0;
      words[word + FLOW_PACKETS] = packets;
      if (packets === 0) flows.carry(slot);
      doubles[double + FLOW_BYTES] += view.getInt32(at + 12, true);
      const flowSec = doubles[double + FLOW_LAST_SEC];
      if (sec > flowSec || (sec === flowSec && nsec >= words[word + FLOW_LAST_NSEC])) {
        doubles[double + FLOW_LAST_SEC] = sec;
        words[word + FLOW_LAST_NSEC] = nsec;
      } else flows.notLatest(slot, sec, nsec);
    }
  }

  /** Widens the span of time to a packet's, the fraction of a second in the file's unit. */
  #widen(sec: number, fraction: number, nsecPerUnit: number): void {
    const nsec = fraction * nsecPerUnit;
    if (sec > this.lastSec || (sec === this.lastSec && nsec >= this.lastNsec)) {
      this.lastSec = sec;
      this.lastNsec = nsec;
    }
    if (sec < this.firstSec || (sec === this.firstSec && nsec < this.firstNsec)) {
      this.firstSec = sec;
      this.firstNsec = nsec;
    }
  }
}
