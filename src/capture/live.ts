/*
 * Packets from network devices. Each device has a thread in the addon, which fills one of its two blocks while
 * the other is looked at; a source takes them as they are filled, whatever device they are from.
 */
import { loadNative, type NativeFault, type NativeOptions } from "../native.js";
import { shown } from "../text.js";
import {
  type CaptureInterface,
  type CaptureSource,
  type Damage,
  PacketBatch,
  type RecordRun,
} from "./batch.js";
import { CaptureError, type CaptureErrorCode } from "./error.js";
import {
  type LiveBlock,
  type LiveCounts,
  LiveDevice,
  type LiveGap,
  type MakeDevice,
  NO_RECORDS,
  type Receiver,
} from "./live-device.js";

export type { LiveCounts, LiveGap } from "./live-device.js";

/** Bytes of a block: many, as to hand one over costs as much as to sum up thousands of packets. */
const BLOCK_BYTES = 4 * 1024 * 1024;

/** Most packets of a batch: many, as each batch has a price, but shown in a few milliseconds. */
const BATCH_CAPACITY = 2048;

/** What libpcap takes for no limit. */
const LARGEST_SNAP_BYTES = 262_144;

/** How to capture; what is absent is as said. */
export interface LiveOptions {
  /** Names of the devices, one at least; `any` is all of them. */
  readonly devices: readonly string[];
  /** A filter of pcap-filter(7) that the kernel applies, or one for each device; none takes everything. */
  readonly filter?: string | ((device: string) => string);
  /** Bytes of a packet that are kept, 1 to 262144; default all. */
  readonly snapBytes?: number;
  /** Bytes of the ring that the kernel fills, of each device; default 8 MiB. */
  readonly bufferBytes?: number;
  /** Frames that are for others too; default false. */
  readonly promiscuous?: boolean;
  /** How long packets are collected, so that a batch has many, 1 to 1000 milliseconds; default 100. */
  readonly delayMs?: number;
  /** Packets are given as they come, a millisecond or two later, whatever `delayMs`; default false. */
  readonly immediate?: boolean;
  /** Who captures: the addon, or the npm package cap, with the limits of `openCap`; default the addon. */
  readonly backend?: "native" | "cap";
}

/** Packets of devices, until it is stopped. All packets of a batch come from one device. */
export interface LiveSource extends CaptureSource {
  readonly format: "live";
  counts(): LiveCounts[];
  /** In the order in which they began. A device that is gone is captured from again once it is there again. */
  readonly gaps: readonly LiveGap[];
  /**
   * Ends the capture: `next` gives the packets that have come until this moment, then null, at most twice
   * `delayMs` later.
   */
  stop(): void;
}

/** Opens devices. Throws a {@link CaptureError} where one cannot be captured from. */
export async function openLive(options: LiveOptions): Promise<LiveSource> {
  const devices = [...new Set(options.devices)];
  const settings = settingsOf(devices, options);
  const make = options.backend === "cap" ? await capDevices(devices[0]) : nativeDevices(devices[0]);
  return await openDevices(make, settings);
}

/** Opens devices that `make` makes. Throws a {@link CaptureError} where one cannot be captured from. */
export async function openDevices(make: MakeDevice, settings: readonly NativeOptions[]): Promise<LiveSource> {
  const source = new DeviceSource(make, settings);
  await source.open();
  return source;
}

function nativeDevices(device: string): MakeDevice {
  const { native, reason, remedy } = loadNative();
  if (native === null) throw noBackend(device, reason, remedy);
  return (options) => new native.Device(options);
}

async function capDevices(device: string): Promise<MakeDevice> {
  const { loadCap } = await import("./cap-package.js");
  const { Cap, reason, remedy } = await loadCap();
  if (Cap === null) throw noBackend(device, reason, remedy);
  const [{ CapDevice }, { CapProcess }] = await Promise.all([
    import("./cap-device.js"),
    import("./cap-process.js"),
  ]);
  return (options) => new CapDevice(options, new CapProcess(options));
}

function noBackend(device: string, reason: string, remedy: string | null): CaptureError {
  const hint = remedy === null ? "" : `; ${remedy}`;
  return new CaptureError("ERR_CAPTURE_NATIVE", device, `no live capture: ${shown(reason)}${hint}`);
}

/** How to capture from each of the devices. Throws a {@link CaptureError} for an option that makes no sense. */
export function settingsOf(
  devices: readonly string[],
  options: Omit<LiveOptions, "devices">,
): NativeOptions[] {
  const refuse = (reason: string, device = devices[0] ?? "-"): never => {
    throw new CaptureError("ERR_CAPTURE_OPTION", device, reason);
  };
  if (devices.length === 0) refuse("no device is named");
  for (const device of devices)
    if (device === "" || device.includes("\0")) refuse("is no name of a device", device);
  const { filter = "" } = options;
  const filters = devices.map((device) => (typeof filter === "string" ? filter : filter(device)));
  if (filters.some((each) => each.includes("\0"))) refuse("the filter has a NUL character");
  const whole = (name: string, value: number, least: number, most: number): number => {
    if (!Number.isInteger(value) || value < least || value > most)
      refuse(`${name} is ${value}, not an integer from ${least} to ${most}`);
    return value;
  };
  const settings = {
    snapBytes: whole("snapBytes", options.snapBytes ?? LARGEST_SNAP_BYTES, 1, LARGEST_SNAP_BYTES),
    bufferBytes: whole("bufferBytes", options.bufferBytes ?? 8 * 1024 * 1024, 64 * 1024, 0x7fff_ffff),
    // libpcap's immediate mode divides the ring into slots for the longest packet, of which there are few.
    delayMs: options.immediate === true ? 1 : whole("delayMs", options.delayMs ?? 100, 1, 1000),
    promiscuous: options.promiscuous === true,
    blockBytes: BLOCK_BYTES,
  };
  return devices.map((device, index) => ({ ...settings, device, filter: filters[index] }));
}

/** The error to throw for what the addon says of a device. */
function captureError(device: string, error: unknown): CaptureError {
  const { fault, message } = error as NativeFault;
  const said = shown(message);
  const of = (code: CaptureErrorCode, reason: string) => new CaptureError(code, device, reason, null, error);
  switch (fault) {
    case "permission":
      return of("ERR_CAPTURE_PERMISSION", "capturing is not permitted; it takes root or CAP_NET_RAW");
    case "gone":
      return of("ERR_CAPTURE_DEVICE", "there is no such device; `ip link` lists them");
    case "down":
      return of("ERR_CAPTURE_DOWN", "the device is down; `ip link set DEVICE up`");
    case "filter":
      return of("ERR_CAPTURE_FILTER", `the filter is not one of pcap-filter(7): ${said}`);
    default:
      return of("ERR_CAPTURE_OPEN", said);
  }
}

class DeviceSource implements LiveSource, Receiver {
  readonly format = "live";
  readonly name: string;
  readonly interfaces: CaptureInterface[] = [];
  readonly gaps: LiveGap[] = [];
  damage: Damage | null = null;
  readonly odd = 0;
  readonly position = 0;
  readonly size = null;
  readonly #devices: LiveDevice[];
  /** Blocks with records that wait, and the one whose records are being had. */
  readonly #arrived: LiveBlock[] = [];
  #given: LiveBlock | null = null;
  #batch: PacketBatch | null = null;
  #packets = 0;
  /** Packets that were had in this turn of the event loop. */
  #sinceTurn = 0;
  /** Devices that may still give packets. */
  #running = 0;
  #closed: Promise<void> | null = null;
  #wake = (): void => {};

  constructor(make: MakeDevice, settings: readonly NativeOptions[]) {
    this.name = settings.map(({ device }) => device).join(",");
    this.#devices = settings.map((each) => new LiveDevice(this, make, each));
  }

  /** Opens all devices, or none. */
  async open(): Promise<void> {
    const opened = await Promise.allSettled(this.#devices.map((device) => device.open()));
    const failed = opened.findIndex(({ status }) => status === "rejected");
    if (failed >= 0) {
      await Promise.all(this.#devices.map((device) => device.close()));
      const { reason } = opened[failed] as PromiseRejectedResult;
      throw captureError(this.#devices[failed].name, reason);
    }
    this.#running = this.#devices.length;
    for (const device of this.#devices)
      device.run().then(() => {
        this.#running--;
        this.#wake();
      });
  }

  indexOf(entry: CaptureInterface): number {
    const known = this.interfaces.findIndex(
      ({ name, linkType }) => name === entry.name && linkType === entry.linkType,
    );
    return known >= 0 ? known : this.interfaces.push(entry) - 1;
  }

  arrive(block: LiveBlock): void {
    this.#arrived.push(block);
    this.#wake();
  }

  fail(device: string, reason: string): void {
    this.damage ??= { offset: 0, reason: `${shown(device)}: ${shown(reason)}`, lostBytes: null };
    this.stop();
  }

  async next(most = BATCH_CAPACITY): Promise<PacketBatch | null> {
    const block = await this.#block();
    if (block === null) return null;
    this.#batch ??= new PacketBatch(BATCH_CAPACITY);
    const batch = this.#batch;
    block.put(batch, most);
    batch.firstNumber = this.#packets + 1;
    this.#had(batch.count);
    return batch;
  }

  async fill(): Promise<boolean> {
    return (await this.#block()) !== null;
  }

  /** Waits for a block with records that nobody has had; null at the end. */
  async #block(): Promise<LiveBlock | null> {
    if (this.#given !== null) {
      const isDone = this.#given.isDone;
      if (isDone) {
        this.#given.release();
        this.#given = null;
      }
      // Under a flood, too, everything else has its turn of the event loop.
      if (isDone || this.#sinceTurn >= BATCH_CAPACITY) {
        this.#sinceTurn = 0;
        await new Promise(setImmediate);
      }
    }
    while (this.#given === null && this.#closed === null) {
      this.#given = this.#arrived.shift() ?? null;
      if (this.#given !== null) break;
      if (this.#running === 0) return null;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#closed === null ? this.#given : null;
  }

  records(): RecordRun {
    return this.#given?.run ?? NO_RECORDS;
  }

  pass(end: number, packets: number): void {
    if (this.#given !== null) this.#given.run.start = end;
    this.#had(packets);
  }

  #had(packets: number): void {
    this.#packets += packets;
    this.#sinceTurn += packets;
  }

  counts(): LiveCounts[] {
    return this.#devices.map((device) => device.counts());
  }

  stop(): void {
    for (const device of this.#devices) device.stop();
  }

  close(): Promise<void> {
    this.#closed ??= Promise.all(this.#devices.map((device) => device.close())).then(() => {});
    this.#wake();
    return this.#closed;
  }
}
