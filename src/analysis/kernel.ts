import type { RecordRun } from "../capture/batch.js";
import { leadOf, USUAL_MIN_BYTES, usualLength } from "../frame/usual.js";
import { LinkType } from "../wire/linktype.js";
import { FLOW, homeSlot, KEY_BITS, nextSlot } from "./flow-slots.js";
import { type FlowTable, isLater } from "./flow-table.js";
import { recentAt, TUNNEL, type TunnelTable } from "./tunnel-table.js";

// A module's own constants are compiled in; what is imported is looked up at each use, which shows here.
const FLOW_WORDS = FLOW.words;
const FLOW_KEYS = FLOW.keys;
const FLOW_PACKETS = FLOW.packets;
const FLOW_LAST_NSEC = FLOW.lastNsec;
const FLOW_DOUBLES = FLOW.doubles;
const FLOW_BYTES = FLOW.bytes;
const FLOW_LAST_SEC = FLOW.lastSec;
const TUNNEL_DOUBLES = TUNNEL.doubles;
const TUNNEL_PACKETS = TUNNEL.packets;
const TUNNEL_BYTES = TUNNEL.bytes;
const TUNNEL_LAST_SEC = TUNNEL.lastSec;
const TUNNEL_WORDS = TUNNEL.words;
const TUNNEL_LARGEST = TUNNEL.largest;
const TUNNEL_LAST_NSEC = TUNNEL.lastNsec;
const MASK = KEY_BITS;
const MIN_BYTES = USUAL_MIN_BYTES;
/** Bytes of a pcap record header; of a pcapng Enhanced Packet Block before and in all but its data. */
const RECORD_HEADER = 16;
const BLOCK_HEADER = 28;
const BLOCK_REST = 32;
const ENHANCED_PACKET = 6;
const ETHERNET = LinkType.ETHERNET;
/** Buckets from which on a table does not fit into a processor's cache, and packets whose slots are read ahead then. */
const LARGE_TABLE = 1024;
const TOUCHED = 32;
/** More packets than a run can have. */
const NO_LIMIT = 0x3fffffff;

/**
 * The fast way through a capture: usual OVN frames are counted straight from the capture's bytes, without
 * columns in between. It stops at the first packet that is anything else, which the general way then takes.
 * What it says of a packet is what the general way would say; the tests compare the two.
 */
export class Kernel {
  readonly #isPort: Uint8Array;
  readonly #flows: FlowTable;
  readonly #tunnels: TunnelTable;
  /** Lead of the last frame; that of the next one is most likely the same. */
  #lead = 34;
  /** What #touch has read: a loop without a result would be left out. */
  touched = 0;
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

  /** Counts usual frames from the start of `run` on, up to `wanted`, and returns their number. */
  take({ view, start, end, layout }: RecordRun, wanted: number): number {
    // Whole numbers are compared faster than infinity.
    const most = Math.min(wanted, NO_LIMIT);
    this.end = start;
    this.bytes = 0;
    this.firstSec = Number.POSITIVE_INFINITY;
    this.firstNsec = 0;
    this.lastSec = Number.NEGATIVE_INFINITY;
    this.lastNsec = 0;
    const { units, nsecPerUnit, largest, blocks } = layout;
    // Big-endian files are rare, and a byte order that is known beforehand is a fifth faster.
    if (!layout.littleEndian || (blocks === null && layout.linkType !== ETHERNET)) return 0;
    const clocks = blocks?.clocks ?? [];
    const least = (blocks === null ? RECORD_HEADER : BLOCK_HEADER) + MIN_BYTES;
    let device = -1;
    let clock = clocks[0];
    const isPort = this.#isPort;
    const flows = this.#flows;
    const tunnels = this.#tunnels;
    let { words, doubles, mask, buckets } = flows;
    const { recent } = tunnels;
    let { values, words: tunnelWords } = tunnels;
    // Of this capture and all before it: a packet that is not earlier is the last of its flow and its tunnel.
    const isNewer = isLater(tunnels.latestSec, tunnels.latestNsec, flows.latestSec, flows.latestNsec);
    let second = isNewer ? tunnels.latestSec : flows.latestSec;
    let latest = isNewer ? tunnels.latestNsec : flows.latestNsec;
    let inOrder = 0;
    let lead = this.#lead;
    let at = start;
    let count = 0;
    let bytes = 0;

    let touched = buckets < LARGE_TABLE ? NO_LIMIT : 0;

    while (count < most && at + least <= end) {
      if (count >= touched) {
        this.#touch(view, at, end, blocks !== null, lead);
        touched = count + TOUCHED;
      }
      let frame = at + RECORD_HEADER;
      let captured: number;
      let original: number;
      let next: number;
      let sec: number;
      let nsec: number;
      // Lengths from 2^31 on are negative here, and no usual frame's.
      if (blocks === null) {
        captured = view.getInt32(at + 8, true);
        original = view.getInt32(at + 12, true);
        next = frame + captured;
        const fraction = view.getInt32(at + 4, true);
        if (captured > largest || fraction >>> 0 >= units) break;
        sec = view.getUint32(at, true);
        nsec = Math.imul(fraction, nsecPerUnit);
      } else {
        const length = view.getInt32(at + 4, true);
        const id = view.getInt32(at + 8, true);
        frame = at + BLOCK_HEADER;
        captured = view.getInt32(at + 20, true);
        original = view.getInt32(at + 24, true);
        next = at + length;
        // What is negative here is out of any bounds; only what is positive may be added to.
        if (
          view.getInt32(at, true) !== ENHANCED_PACKET ||
          id < 0 ||
          captured < MIN_BYTES ||
          length < BLOCK_REST + MIN_BYTES ||
          length > largest ||
          (length & 3) !== 0 ||
          captured + BLOCK_REST > length ||
          next > end ||
          view.getInt32(next - 4, true) !== length
        )
          break;
        const index = id + blocks.firstInterface;
        if (index !== device) {
          if (blocks.interfaces[index]?.linkType !== ETHERNET) break;
          device = index;
          clock = clocks[index];
        }
        clock.convert(view.getUint32(at + 12, true), view.getUint32(at + 16, true));
        sec = clock.seconds;
        nsec = clock.nanoseconds;
      }
      if (captured < MIN_BYTES || captured < original || original < 0 || next > end) break;

      // The flow's slot is asked for before the frame is checked: memory takes about as long as the checks.
      let udp = frame + lead;
      let key = (view.getInt32(udp + 12) >>> 8) + 1;
      let keys = view.getInt32(udp + 20) & MASK;
      let slot = homeSlot(key, keys, mask, buckets);
      let taken = words[slot * FLOW_WORDS];
      const actual = leadOf(view, frame);
      if (actual !== lead) {
        if (actual === 0) break;
        lead = actual;
        udp = frame + lead;
        key = (view.getInt32(udp + 12) >>> 8) + 1;
        keys = view.getInt32(udp + 20) & MASK;
        slot = homeSlot(key, keys, mask, buckets);
        taken = words[slot * FLOW_WORDS];
      }
      const outer = usualLength(view, frame, lead, captured, isPort);
      if (outer === 0) break;

      let isLate = 0;
      if (sec === second) {
        if (nsec < latest) isLate = 1;
        else latest = nsec;
      } else if (sec > second) {
        second = sec;
        latest = nsec;
      } else isLate = 1;
      if (isLate === 1 || count === 0) this.#widen(sec, nsec);
      inOrder |= 1 - isLate;

      // What is not the flow of the keys here, or may not be, the table finds itself.
      while (taken !== 0 && (taken !== key || words[slot * FLOW_WORDS + FLOW_KEYS] !== keys)) {
        slot = nextSlot(slot);
        taken = words[slot * FLOW_WORDS];
      }
      if (taken !== 0 && isLate === 0) {
        const word = slot * FLOW_WORDS;
        const packets = (words[word + FLOW_PACKETS] + 1) | 0;
        words[word + FLOW_PACKETS] = packets;
        if (packets === 0) flows.carry(slot);
        doubles[slot * FLOW_DOUBLES + FLOW_BYTES] += original;
        doubles[slot * FLOW_DOUBLES + FLOW_LAST_SEC] = sec;
        words[word + FLOW_LAST_NSEC] = nsec;
      } else {
        flows.add(key - 1, keys, original, sec, nsec);
        ({ words, doubles, mask, buckets } = flows);
      }

      const from = view.getInt32(udp - 8);
      const to = view.getInt32(udp - 4);
      let tunnel = -1;
      if (lead < 54) {
        const near = recentAt(from, to);
        if (recent[near] === from && recent[near + 1] === to) tunnel = recent[near + 2] - 1;
      }
      if (tunnel < 0) {
        tunnel = lead < 54 ? tunnels.ipv4(from, to) : tunnels.ipv6(view, udp - 40);
        ({ values, words: tunnelWords } = tunnels);
      }
      if (isLate === 0) {
        const value = tunnel * TUNNEL_DOUBLES;
        const word = tunnel * TUNNEL_WORDS;
        values[value + TUNNEL_PACKETS] += 1;
        values[value + TUNNEL_BYTES] += original;
        values[value + TUNNEL_LAST_SEC] = sec;
        tunnelWords[word + TUNNEL_LAST_NSEC] = nsec;
        if (outer > tunnelWords[word + TUNNEL_LARGEST]) tunnelWords[word + TUNNEL_LARGEST] = outer;
      } else tunnels.tally(tunnel, 1, original, outer, 0, 1, sec, nsec);

      bytes += original;
      count++;
      at = next;
    }
    if (inOrder === 1) {
      this.#widen(second, latest);
      flows.latestSec = tunnels.latestSec = second;
      flows.latestNsec = tunnels.latestNsec = latest;
    }
    this.#lead = lead;
    this.end = at;
    this.bytes = bytes;
    return count;
  }

  /**
   * Reads the slots of the packets to come, of which nothing is checked yet: so that the processor fetches many
   * of them at once, where each is in memory and not in a cache.
   */
  #touch(view: DataView, start: number, end: number, areBlocks: boolean, lead: number): void {
    const { words, mask, buckets } = this.#flows;
    const header = areBlocks ? BLOCK_HEADER : RECORD_HEADER;
    let at = start;
    let sum = 0;
    for (let packet = 0; packet < TOUCHED && at + header + MIN_BYTES <= end; packet++) {
      const length = areBlocks ? view.getInt32(at + 4, true) : RECORD_HEADER + view.getInt32(at + 8, true);
      if (length < MIN_BYTES) break;
      const udp = at + header + lead;
      const key = (view.getInt32(udp + 12) >>> 8) + 1;
      const slot = homeSlot(key, view.getInt32(udp + 20) & MASK, mask, buckets);
      sum ^= words[slot * FLOW_WORDS];
      at += length;
    }
    this.touched = sum;
  }

  /** Widens the span of time to a packet's. */
  #widen(sec: number, nsec: number): void {
    if (isLater(sec, nsec, this.lastSec, this.lastNsec)) {
      this.lastSec = sec;
      this.lastNsec = nsec;
    }
    if (isLater(this.firstSec, this.firstNsec, sec, nsec)) {
      this.firstSec = sec;
      this.firstNsec = nsec;
    }
  }
}
