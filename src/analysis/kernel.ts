import type { RecordRun } from "../capture/batch.js";
import { USUAL_MIN_BYTES, UsualOffset, usualLength } from "../frame/usual.js";
import { Ipv4Offset } from "../wire/ipv4.js";
import { LinkType } from "../wire/linktype.js";
import { KEY_BITS, ROW, Rows } from "./rows.js";
import type { TunnelTable } from "./tunnel-table.js";

/** Packets taken at a time: their rows stay in a first-level cache. */
const ROWS = 512;
/** Bytes of a pcap record header. */
const RECORD_HEADER = 16;

/**
 * The fast way through a capture: usual OVN frames go from the capture's bytes straight into rows, without
 * columns in between. It stops at the first packet that is anything else, which the general way then takes.
 * What it says of a packet is what the general way would say; the tests compare the two.
 */
export class Kernel {
  readonly #isPort: Uint8Array;
  readonly #tunnels: TunnelTable;
  /** What the flow table wants to know of each packet taken. */
  readonly rows = new Rows(ROWS);
  /** Offset behind the last packet taken. */
  end = 0;
  /** Sum of the original bytes of the packets taken. */
  bytes = 0;
  /** Their earliest and latest time; undefined where none was taken. */
  firstSec = 0;
  firstNsec = 0;
  lastSec = 0;
  lastNsec = 0;

  /** `isPort` has a 1 for each Geneve port. */
  constructor(isPort: Uint8Array, tunnels: TunnelTable) {
    this.#isPort = isPort;
    this.#tunnels = tunnels;
  }

  /**
   * Takes up to `most` usual frames (ROWS at most) from the start of `run`: a row for each, and their share
   * of the tunnels. Returns their number; `end` is where the first packet lies that was not taken.
   */
  take(run: RecordRun, most: number): number {
    const { view, start, end, layout } = run;
    const { littleEndian, units, nsecPerUnit, largest } = layout;
    const { words, doubles } = this.rows;
    const isPort = this.#isPort;
    const tunnels = this.#tunnels;
    const limit = layout.linkType === LinkType.ETHERNET ? Math.min(most, ROWS) : 0;
    let count = 0;
    let at = start;
    let bytes = 0;
    let firstSec = Number.POSITIVE_INFINITY;
    let firstNsec = 0;
    let lastSec = Number.NEGATIVE_INFINITY;
    let lastNsec = 0;
    // The tunnel at hand, and what it has had since it was last told.
    let tunnel = -1;
    let source = 0;
    let destination = 0;
    let tunnelPackets = 0;
    let tunnelBytes = 0;
    let largestOuter = 0;
    while (count < limit && at + RECORD_HEADER + USUAL_MIN_BYTES <= end) {
      const sec = view.getUint32(at, littleEndian);
      const fraction = view.getUint32(at + 4, littleEndian);
      const captured = view.getUint32(at + 8, littleEndian);
      const original = view.getUint32(at + 12, littleEndian);
      const frame = at + RECORD_HEADER;
      if (
        captured < USUAL_MIN_BYTES ||
        captured < original ||
        captured > largest ||
        frame + captured > end ||
        fraction >= units
      )
        break;
      const outer = usualLength(view, frame, captured, isPort);
      if (outer === 0) break;
      const from = view.getInt32(frame + UsualOffset.outerIp + Ipv4Offset.source);
      const to = view.getInt32(frame + UsualOffset.outerIp + Ipv4Offset.destination);
      if (from !== source || to !== destination || tunnel < 0) {
        if (tunnel >= 0) tunnels.tally(tunnel, tunnelPackets, tunnelBytes, largestOuter, 0, tunnelPackets);
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
      const nsec = fraction * nsecPerUnit;
      const row = count * ROW.words;
      words[row + ROW.vni] = view.getInt32(frame + UsualOffset.vni) >>> 8;
      words[row + ROW.keys] = view.getInt32(frame + UsualOffset.keys) & KEY_BITS;
      words[row + ROW.bytes] = original;
      words[row + ROW.nsec] = nsec;
      doubles[count * ROW.doubles + ROW.sec] = sec;
      bytes += original;
      if (sec > lastSec || (sec === lastSec && nsec >= lastNsec)) {
        lastSec = sec;
        lastNsec = nsec;
      }
      if (sec < firstSec || (sec === firstSec && nsec < firstNsec)) {
        firstSec = sec;
        firstNsec = nsec;
      }
      count++;
      at = frame + captured;
    }
    if (tunnel >= 0) tunnels.tally(tunnel, tunnelPackets, tunnelBytes, largestOuter, 0, tunnelPackets);
    this.rows.count = count;
    this.end = at;
    this.bytes = bytes;
    this.firstSec = firstSec;
    this.firstNsec = firstNsec;
    this.lastSec = lastSec;
    this.lastNsec = lastNsec;
    return count;
  }
}
