/* A Cap of a program's own, as a source of packets. */
import type { NativeFault } from "../native.js";
import { CapDevice, type CapLink } from "./cap-device.js";
import { type CapObject, closeCapObject, type OpenCap, openCapObject, takeCapObject } from "./cap-package.js";
import { CapRecorder } from "./cap-records.js";
import { type LiveOptions, type LiveSource, openDevices, settingsOf } from "./live.js";

export type { CapObject } from "./cap-package.js";

/** Bytes of packets that wait for `next`; what comes when there are more is lost. */
const MOST_WAITING_BYTES = 64 * 1024 * 1024;

/** What a Cap is to capture, or captures already. */
export interface CapOptions extends Pick<LiveOptions, "snapBytes" | "bufferBytes" | "delayMs" | "immediate"> {
  readonly device: string;
  /** Of pcap-filter(7); none takes everything. */
  readonly filter?: string;
  /** Of a Cap that is open: what its `open` returned, and the buffer it was given. */
  readonly opened?: { readonly linkType: string; readonly buffer: Buffer };
}

/**
 * The packets of a Cap of the npm package cap, as batches, for programs that are built on cap. `openLive` loses
 * less and knows more. The Cap belongs to the source from then on, which closes it; one is good for one capture. Throws a {@link CaptureError} where it cannot be opened. Of cap 0.2.1 there is no more to
 * be had:
 *
 * - A packet's time is when JavaScript was told of it, in milliseconds; packets that waited meanwhile have the
 *   same.
 * - Nobody counts what the kernel drops: `dropped` is null. Each packet has a slot of the ring for the longest
 *   one, so a burst needs a large `bufferBytes`. Packets that `next` is not called for wait, up to 64 MiB of
 *   them; then they are lost, and `counts` says more than the batches have.
 * - Bytes behind the first 65,535 of a packet are lost, and their number, too.
 * - The device is always promiscuous.
 * - Where the device goes down or away while it is captured from, cap aborts the process, and nothing in the
 *   process can prevent that. `openLive` with `backend: "cap"` has cap in a process of its own, and goes on.
 * - While packets come faster than listeners take them, the event loop may stand still.
 *
 * What would end the process, too, is prevented: the buffer is held, the device is looked at before it is
 * opened, and a Cap that was opened, or could not be, is never collected.
 */
export async function openCap(cap: CapObject, options: CapOptions): Promise<LiveSource> {
  const settings = settingsOf([options.device], options);
  return await openDevices((native) => {
    const open = () => {
      const { opened } = options;
      return opened === undefined ? openCapObject(cap, native) : takeCapObject(cap, opened);
    };
    return new CapDevice(native, new OwnCap(cap, open, native.snapBytes, native.delayMs));
  }, settings);
}

/** A Cap in this process. */
class OwnCap implements CapLink {
  end: NativeFault | "ended" | null = null;
  lost = 0;
  readonly #cap: CapObject;
  readonly #open: () => OpenCap;
  readonly #snapBytes: number;
  readonly #delayMs: number;
  #recorder: CapRecorder | null = null;
  readonly #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #isStopped = false;
  #changed = (): void => {};

  constructor(cap: CapObject, open: () => OpenCap, snapBytes: number, delayMs: number) {
    this.#cap = cap;
    this.#open = open;
    this.#snapBytes = snapBytes;
    this.#delayMs = delayMs;
  }

  async open(changed: () => void): Promise<{ linkType: number; longest: number }> {
    const { linkType, buffer } = this.#open();
    this.#changed = changed;
    this.#recorder = new CapRecorder(buffer, this.#snapBytes, this.#delayMs, (records, packets) => {
      if (this.#waitingBytes + records.length > MOST_WAITING_BYTES) {
        this.lost += packets;
        return;
      }
      this.#waiting.push(Buffer.from(records));
      this.#waitingBytes += records.length;
      this.#changed();
    });
    this.#cap.on("packet", this.#recorder.take);
    return { linkType, longest: buffer.length };
  }

  read(): Buffer | null {
    const records = this.#waiting.shift() ?? null;
    if (records !== null) this.#waitingBytes -= records.length;
    return records;
  }

  stop(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    // The Cap may be in the midst of announcing packets; and what has come is announced in this turn.
    setImmediate(() => this.#finish());
  }

  async close(): Promise<void> {
    this.stop();
    await new Promise((resolve) => setImmediate(resolve));
  }

  #finish(): void {
    if (this.#recorder === null) return;
    this.#cap.removeListener("packet", this.#recorder.take);
    closeCapObject(this.#cap);
    this.#recorder.flush();
    this.#recorder = null;
    this.end = "ended";
    this.#changed();
  }
}
