/* One device of a live capture: its blocks as batches, and what becomes of it when it goes and comes. */
import type { NativeBlock, NativeCounts, NativeDevice, NativeFault, NativeOptions } from "../native.js";
import { type CaptureInterface, PacketBatch } from "./batch.js";

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

/** A device from one opening to the next, and its blocks as batches. */
class Session {
  readonly device: NativeDevice;
  readonly batches: readonly PacketBatch[];
  readonly linkType: number;
  readonly snapBytes: number;
  /** Batches that are not released; the others are free, the one behind the last filled first. */
  #held = 0;
  #wake = (): void => {};

  constructor(
    device: NativeDevice,
    opened: { linkType: number; snapBytes: number; blocks: readonly NativeBlock[] },
  ) {
    this.device = device;
    this.linkType = opened.linkType;
    this.snapBytes = opened.snapBytes;
    this.batches = opened.blocks.map((block) => {
      const { bytes } = block;
      const batch = new PacketBatch(block.offset.length, block);
      batch.bytes = bytes;
      batch.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      return batch;
    });
  }

  /** Whether no block is free. */
  get isFull(): boolean {
    return this.#held === this.batches.length;
  }

  /** Waits until a block is free. */
  async room(): Promise<void> {
    while (this.isFull)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
  }

  hold(): void {
    this.#held++;
  }

  release(): void {
    this.#held--;
    this.#wake();
  }

  /** Closes the device; whoever waits for room finds it closed. */
  close(): Promise<void> {
    this.#held = 0;
    this.#wake();
    return this.device.close();
  }
}

/** What has come of a device: a batch, of a session that is to be told when it is done with. */
export interface Arrival {
  readonly session: Session;
  readonly batch: PacketBatch;
}

/** Who takes what comes of devices. */
export interface Receiver {
  readonly gaps: LiveGap[];
  /** The index of an interface like this one, which is entered where there is none. */
  indexOf(entry: CaptureInterface): number;
  arrive(arrival: Arrival): void;
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
      const session = new Session(device, await device.open());
      const { linkType, snapBytes } = session;
      const index = this.#source.indexOf({ linkType, name: this.name, snapLength: snapBytes });
      for (const batch of session.batches) batch.interfaceIndex.fill(index);
      this.#session = session;
    } catch (error) {
      await device.close();
      throw error;
    }
  }

  /** Gives the source what comes, until the end. */
  async run(): Promise<void> {
    // While both blocks are held no read says how the device is.
    const looking = setInterval(() => {
      if (this.#session?.isFull === true && !this.#isOver) this.#look(this.#session);
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
    for (let block: 0 | 1 = 0; this.#session !== null; ) {
      const session: Session = this.#session;
      await session.room();
      try {
        const result = await session.device.read(block);
        if (result === "ended") return this.#settle();
        if (result === "down") this.#beginGap("down");
        // Packets may be from before the gap.
        else if (this.#gap !== null) this.#look(session);
        if (typeof result === "number") {
          const batch = session.batches[block];
          batch.count = result;
          this.#taken += result;
          session.hold();
          this.#source.arrive({ session, batch });
          block = block === 0 ? 1 : 0;
        }
      } catch (error) {
        if (this.#isOver) return;
        const { fault, message } = error as NativeFault;
        if (fault !== "gone" && fault !== "down") return this.#source.fail(this.name, message);
        this.#beginGap(fault);
        await this.#leave();
        await this.#reopen();
        block = 0;
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
    await session.close();
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
