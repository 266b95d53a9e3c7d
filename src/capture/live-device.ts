/* One device of a live capture: its packets as records and batches, and what becomes of it when it goes and comes. */
import {
  BLOCKS_LITTLE_ENDIAN,
  type NativeCounts,
  type NativeDevice,
  type NativeFault,
  type NativeOptions,
} from "../native.js";
import { LinkType } from "../wire/linktype.js";
import type { CaptureInterface, PacketBatch, RecordLayout, RecordRun } from "./batch.js";
import { RECORD_HEADER_BYTES, USUAL_CAPTURED_BYTES } from "./pcap-source.js";

/** How often it is tried to open a device again that is gone. */
const RETRY_MS = 1000;
/** How often it is looked how a device is that is not read from. */
const LOOK_MS = 500;

/** Makes a device that is not open. */
export type MakeDevice = (options: NativeOptions) => NativeDevice;

/** A time without packets of a device, as seen from here, in milliseconds since 1970. */
export interface LiveGap {
  readonly device: string;
  /** The device was removed (or another has its name), or it was down. */
  readonly reason: "gone" | "down";
  readonly fromMs: number;
  /** Null while it lasts. */
  readonly untilMs: number | null;
}

/** Packets of a device since it was opened first. */
export interface LiveCounts extends NativeCounts {
  device: string;
}

/** How records of a device lie. */
function layoutOf(linkType: number): RecordLayout {
  const units = 1_000_000_000;
  return {
    littleEndian: BLOCKS_LITTLE_ENDIAN,
    largest: USUAL_CAPTURED_BYTES,
    units,
    nsecPerUnit: 1,
    linkType,
    blocks: null,
  };
}

/** The records where none wait. */
export const NO_RECORDS: RecordRun = {
  view: new DataView(new ArrayBuffer(0)),
  start: 0,
  end: 0,
  layout: layoutOf(LinkType.ETHERNET),
};

/** A block of a device: records that come by one interface, and wait until somebody has had them all. */
export class LiveBlock {
  /** The records that nobody has had yet. */
  readonly run: RecordRun;
  readonly #bytes: Uint8Array;
  readonly #index: number;
  /** It has records that somebody has not had, or not said so. */
  isHeld = false;
  #freed: Promise<void> = Promise.resolve();
  #free = (): void => {};

  /** `index`: of the interface. */
  constructor(bytes: Uint8Array<ArrayBuffer>, linkType: number, index: number) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.run = { view, start: 0, end: 0, layout: layoutOf(linkType) };
    this.#bytes = bytes;
    this.#index = index;
  }

  /** Over when the device may fill it. */
  get freed(): Promise<void> {
    return this.#freed;
  }

  /** It has been filled with so many bytes. */
  offer(bytes: number): void {
    this.run.start = 0;
    this.run.end = bytes;
    this.isHeld = true;
    this.#freed = new Promise((resolve) => {
      this.#free = resolve;
    });
  }

  get isDone(): boolean {
    return this.run.start === this.run.end;
  }

  /** It is the device's again. */
  release(): void {
    this.isHeld = false;
    this.#free();
  }

  /** Makes the next records, `most` at most, a batch. */
  put(batch: PacketBatch, most: number): void {
    const { view, end } = this.run;
    const { offset, capturedBytes, originalBytes, tsSec, tsNsec, interfaceIndex } = batch;
    const limit = Math.min(most, batch.capacity);
    const index = this.#index;
    let at = this.run.start;
    let count = 0;
    for (; count < limit && at < end; count++) {
      const captured = view.getUint32(at + 8, BLOCKS_LITTLE_ENDIAN);
      tsSec[count] = view.getUint32(at, BLOCKS_LITTLE_ENDIAN);
      tsNsec[count] = view.getUint32(at + 4, BLOCKS_LITTLE_ENDIAN);
      capturedBytes[count] = captured;
      originalBytes[count] = view.getUint32(at + 12, BLOCKS_LITTLE_ENDIAN);
      offset[count] = at + RECORD_HEADER_BYTES;
      interfaceIndex[count] = index;
      at += RECORD_HEADER_BYTES + captured;
    }
    this.run.start = at;
    batch.bytes = this.#bytes;
    batch.view = view;
    batch.count = count;
  }
}

/** A device from one opening to the next. */
interface Session {
  readonly device: NativeDevice;
  /** One is filled while the other is looked at. */
  readonly blocks: readonly LiveBlock[];
}

/** Who takes what comes of devices. */
export interface Receiver {
  readonly gaps: LiveGap[];
  /** The index of an interface like this one, which is entered where there is none. */
  indexOf(entry: CaptureInterface): number;
  /** A block has records to be had. */
  arrive(block: LiveBlock): void;
  /** A device has failed: the capture ends. */
  fail(device: string, reason: string): void;
}

/** A device for as long as the source is open, however often it goes and comes. */
export class LiveDevice {
  readonly name: string;
  readonly #source: Receiver;
  readonly #make: MakeDevice;
  readonly #options: NativeOptions;
  #session: Session | null = null;
  #opening: Promise<void> | null = null;
  #isOver = false;
  #gap: { device: string; reason: LiveGap["reason"]; fromMs: number; untilMs: number | null } | null = null;
  /** Counts of the sessions that are over. */
  readonly #counts: LiveCounts;
  /** Packets of the session that have been handed on. */
  #taken = 0;
  /** Counts of the session when it was stopped. */
  #atStop: NativeCounts | null = null;
  /** Ends the time between two tries to open the device. */
  #wake = (): void => {};

  constructor(source: Receiver, make: MakeDevice, options: NativeOptions) {
    this.name = options.device;
    this.#source = source;
    this.#make = make;
    this.#options = options;
    this.#counts = { device: options.device, received: 0, dropped: 0, droppedByDevice: 0 };
  }

  open(): Promise<void> {
    this.#opening = this.#open();
    return this.#opening;
  }

  async #open(): Promise<void> {
    const device = this.#make(this.#options);
    try {
      const { linkType, snapBytes, blocks } = await device.open();
      const index = this.#source.indexOf({ linkType, name: this.name, snapLength: snapBytes });
      this.#session = { device, blocks: blocks.map((bytes) => new LiveBlock(bytes, linkType, index)) };
    } catch (error) {
      await device.close();
      throw error;
    }
  }

  /** Gives the source what comes, until the end. */
  async run(): Promise<void> {
    // While both blocks are held no read says how the device is.
    const looking = setInterval(() => {
      const session = this.#session;
      if (session?.blocks.every(({ isHeld }) => isHeld) && !this.#isOver) this.#look(session);
    }, LOOK_MS);
    try {
      await this.#run();
    } finally {
      clearInterval(looking);
    }
  }

  #look({ device }: Session): void {
    const presence = device.presence();
    if (presence === "up") this.#endGap();
    else this.#beginGap(presence);
  }

  async #run(): Promise<void> {
    for (let turn: 0 | 1 = 0; this.#session !== null; ) {
      const session: Session = this.#session;
      const block = session.blocks[turn];
      await block.freed;
      try {
        const result = await session.device.read(turn);
        if (result === "ended") return this.#settle();
        if (result === "down") this.#beginGap("down");
        // Packets may be from before the gap.
        else if (this.#gap !== null) this.#look(session);
        if (typeof result === "object") {
          this.#taken += result.packets;
          block.offer(result.bytes);
          this.#source.arrive(block);
          turn = turn === 0 ? 1 : 0;
        }
      } catch (error) {
        if (this.#isOver) return;
        const { fault, message } = error as NativeFault;
        if (fault !== "gone" && fault !== "down") return this.#source.fail(this.name, message);
        this.#beginGap(fault);
        await this.#leave();
        await this.#reopen();
        turn = 0;
      }
    }
  }

  /** Tries until the device is open again, or the capture is over. */
  async #reopen(): Promise<void> {
    while (!this.#isOver) {
      try {
        await this.open();
        if (this.#isOver) return await this.#leave();
        return this.#endGap();
      } catch {
        // Not there yet, or not up.
      }
      if (this.#isOver) return;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, RETRY_MS);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  /**
   * Packets that came between the stop and the counting were counted, but are no part of the capture. Those that
   * were dropped are a part of those received; where nobody counts them, nobody counts others than those.
   */
  #settle(): void {
    const counts = this.#atStop;
    if (counts === null) return;
    if (counts.dropped !== null) counts.received = this.#taken + counts.dropped;
    else this.#atStop = this.#session?.device.counts() ?? counts;
  }

  /** Ends the session. */
  async #leave(): Promise<void> {
    const session = this.#session;
    if (session === null) return;
    add(this.#counts, this.#atStop ?? session.device.counts());
    this.#atStop = null;
    this.#taken = 0;
    this.#session = null;
    // Whoever waits for a block finds the device closed.
    for (const block of session.blocks) block.release();
    await session.device.close();
  }

  #beginGap(reason: LiveGap["reason"]): void {
    if (this.#gap?.reason === reason) return;
    this.#endGap();
    this.#gap = { device: this.name, reason, fromMs: Date.now(), untilMs: null };
    this.#source.gaps.push(this.#gap);
  }

  #endGap(): void {
    if (this.#gap !== null) this.#gap.untilMs = Date.now();
    this.#gap = null;
  }

  counts(): LiveCounts {
    const counts = { ...this.#counts };
    if (this.#session !== null) add(counts, this.#atStop ?? this.#session.device.counts());
    return counts;
  }

  stop(): void {
    this.#isOver = true;
    this.#session?.device.stop();
    this.#atStop ??= this.#session?.device.counts() ?? null;
    this.#wake();
  }

  async close(): Promise<void> {
    this.stop();
    await this.#opening?.catch(() => {});
    await this.#leave();
  }
}

function add(to: NativeCounts, counts: NativeCounts): void {
  to.received += counts.received;
  to.dropped = sum(to.dropped, counts.dropped);
  to.droppedByDevice = sum(to.droppedByDevice, counts.droppedByDevice);
}

function sum(one: number | null, other: number | null): number | null {
  return one === null || other === null ? null : one + other;
}
