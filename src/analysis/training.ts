/*
 * V8 compiles a loop from what it has seen of it, and again whenever something new turns up; meanwhile the loop
 * is twenty times slower. In a large capture that adds up to a tenth of a second, unless the kernel has met
 * what is to come: flows new and known in either kind of table, packets in order, late and of another second. More
 * than that would be compiled in for nothing.
 */
import type { RecordLayout, RecordRun } from "../capture/batch.js";
import { TimestampClock } from "../capture/pcapng-time.js";
import { GENEVE_PORT } from "../wire/geneve.js";
import { LinkType } from "../wire/linktype.js";
import { FlowTable } from "./flow-table.js";
import { Kernel } from "./kernel.js";
import { TunnelTable } from "./tunnel-table.js";

const PACKETS = 64;
/** The packet that is late. */
const LATE = 7;

/** An echo request of 36 bytes. */
const FRAME = Buffer.from(
  `020000000003 020000000004 0800 4500 005e 00000000 4011 0000 0a000003 0a000004 abcd 17c1 004a 0000
   0240 6558 00000100 01028001 00000000 020000000001 020000000002 0800 4500 0024 00000000 4001 0000 0a000001 0a000002
   0800 0000 00010001 0000000000000000`.replaceAll(/\s/g, ""),
  "hex",
);
/** Where its egress key is. */
const EGRESS_KEY = 56;

const RECORD_BYTES = 16 + FRAME.length;
const BLOCK_BYTES = 32 + FRAME.length;

const ETHERNET = { linkType: LinkType.ETHERNET, name: null, snapLength: 0 };
const RECORDS: RecordLayout = {
  littleEndian: true,
  largest: 0xffff,
  units: 1_000_000,
  nsecPerUnit: 1000,
  linkType: LinkType.ETHERNET,
  blocks: null,
};
const BLOCKS: RecordLayout = {
  ...RECORDS,
  blocks: { interfaces: [ETHERNET], clocks: [new TimestampClock()], firstInterface: 0 },
};

/** Has the kernel count a few packets of no capture, in blocks of a pcapng or in records of a pcap; returns how many. */
export function train(inBlocks: boolean): number {
  const isPort = new Uint8Array(0x10000);
  isPort[GENEVE_PORT] = 1;
  const write = inBlocks ? blocks : records;
  let taken = 0;
  for (const validityOf of [null, () => ({ from: 0.5, until: Number.POSITIVE_INFINITY })]) {
    const flows = new FlowTable(validityOf, PACKETS);
    flows.settle(0);
    const kernel = new Kernel(isPort, flows, new TunnelTable());
    for (let second = 0; second < 2; second++) taken += kernel.take(write(second), PACKETS);
  }
  return taken;
}

/** Packets in records of a pcap. Some keys come again. */
function records(second: number): RecordRun {
  const view = new DataView(new ArrayBuffer(PACKETS * RECORD_BYTES));
  let at = 0;
  for (let i = 0; i < PACKETS; i++) {
    view.setUint32(at, secondOf(i, second), true);
    view.setUint32(at + 4, i, true);
    at = writeFrame(view, at + 16, i, at + 8);
  }
  return { view, start: 0, end: at, layout: RECORDS };
}

/** The same in blocks of a pcapng. */
function blocks(second: number): RecordRun {
  const view = new DataView(new ArrayBuffer(PACKETS * BLOCK_BYTES));
  let at = 0;
  for (let i = 0; i < PACKETS; i++) {
    const start = at;
    const units = secondOf(i, second) * 1_000_000 + i;
    view.setUint32(start, 6, true);
    view.setUint32(start + 12, Math.floor(units / 2 ** 32), true);
    view.setUint32(start + 16, units >>> 0, true);
    at = writeFrame(view, start + 28, i, start + 20) + 4;
    view.setUint32(start + 4, at - start, true);
    view.setUint32(at - 4, at - start, true);
  }
  return { view, start: 0, end: at, layout: BLOCKS };
}

function secondOf(i: number, second: number): number {
  return 1_700_000_000 + second + (i === LATE ? -1 : i >>> 5);
}

/** Writes a frame, and its length, twice, at `lengths`; returns where it ends. */
function writeFrame(view: DataView, at: number, i: number, lengths: number): number {
  new Uint8Array(view.buffer).set(FRAME, at);
  view.setUint16(at + EGRESS_KEY, i & 31);
  view.setUint32(lengths, FRAME.length, true);
  view.setUint32(lengths + 4, FRAME.length, true);
  return at + FRAME.length;
}
