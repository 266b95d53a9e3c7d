/* Frames that are sent by a device, at a rate. */
import type { EncodedPacket } from "../encode/packet.js";
import { loadNative, type NativeFault, type NativeSender, type NativeSent } from "../native.js";
import { grouped } from "../output/table.js";
import { quoted, shown } from "../text.js";
import { LinkType } from "../wire/linktype.js";
import type { LinkMacs } from "./encode-frames.js";
import { CliError } from "./fault.js";
import { neighbour } from "./neighbour.js";
import { packetCount } from "./packet-output.js";
import type { PacketWriter } from "./packet-writer.js";

/** Frames handed to the addon at once, at most. */
const MOST_AT_ONCE = 512;
/** Time that may be made up for where sending fell behind, milliseconds: no more than that goes out in one go. */
const CATCH_UP_MS = 50;

/** Sends packets by an Ethernet device, so many a second. */
export class DeviceSender implements PacketWriter {
  /** Packets that the device has taken, and those that it would not. */
  packets = 0;
  failed = 0;
  readonly #device: string;
  readonly #sender: NativeSender;
  /** Packets a millisecond. */
  readonly #rate: number;
  /** When the next is due, by the clock of `performance`. */
  #next = 0;
  #begun = 0;
  #ended = 0;
  #isStopped = false;
  #firstFailure: NativeFault | null = null;
  #wake = (): void => {};

  /** Opens the device. Throws a {@link CliError} where that cannot be. */
  constructor(device: string, perSecond: number) {
    const { native, reason, remedy } = loadNative();
    if (native === null) throw new CliError(`--send: ${reason}${remedy === null ? "" : `; ${remedy}`}`);
    this.#device = device;
    this.#rate = perSecond / 1000;
    try {
      this.#sender = new native.Sender(device);
    } catch (error) {
      throw new CliError(`--send ${quoted(device)}: ${reasonOf(error as NativeFault)}`);
    }
  }

  /** The MAC addresses for frames that go out here. */
  get link(): LinkMacs {
    return {
      source: this.#sender.mac ?? "",
      destination: (address) => neighbour(this.#device, address),
    };
  }

  /** Sends the packets at their time. False once `stop` was called. */
  async write(packets: readonly EncodedPacket[]): Promise<boolean> {
    const other = packets.find(({ linkType }) => linkType !== LinkType.ETHERNET);
    if (other !== undefined)
      throw new CliError(
        `--send ${quoted(this.#device)}: a packet of link type ${other.linkType} is no Ethernet frame`,
      );
    if (this.#begun === 0) {
      this.#begun = performance.now();
      this.#next = this.#begun;
    }
    for (let next = 0; next < packets.length; ) {
      const due = Math.min(await this.#due(), packets.length - next, MOST_AT_ONCE);
      if (due === 0) return false;
      await this.#send(packets.slice(next, next + due));
      next += due;
    }
    return true;
  }

  /** Ends it behind what is being sent. */
  stop(): void {
    this.#isStopped = true;
    this.#wake();
  }

  async close(): Promise<void> {
    this.#sender.close();
  }

  /** What has been sent, in words. */
  report(): string {
    const seconds = ((this.#ended - this.#begun) / 1000).toFixed(1);
    const sent = `${packetCount(this.packets)} sent by ${shown(this.#device)} in ${seconds} s`;
    if (this.failed === 0) return sent;
    return `${sent}, ${grouped(this.failed)} not: ${shown(this.#firstFailure?.message ?? "")}`;
  }

  /** Waits until packets are due, and says how many; 0 once it is stopped. */
  async #due(): Promise<number> {
    while (!this.#isStopped) {
      const now = performance.now();
      if (this.#next <= now) {
        this.#next = Math.max(this.#next, now - CATCH_UP_MS);
        return Math.floor((now - this.#next) * this.#rate) + 1;
      }
      await this.#sleep(this.#next - now);
    }
    return 0;
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, Math.min(Math.max(1, ms), 0x7fff_ffff));
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  async #send(packets: readonly EncodedPacket[]): Promise<void> {
    const bytes = Buffer.concat(packets.map((packet) => packet.bytes));
    let end = 0;
    const ends = Uint32Array.from(packets, (packet) => {
      end += packet.bytes.length;
      return end;
    });
    const { sent, failed, failure }: NativeSent = await this.#sender.send(bytes, ends);
    this.packets += sent;
    this.failed += failed;
    this.#next += packets.length / this.#rate;
    this.#ended = performance.now();
    this.#firstFailure ??= failure;
    if (sent + failed < packets.length || (failure !== null && failure.fault !== "failed"))
      throw new CliError(
        `${shown(this.#device)}: ${failure === null ? "gave up" : reasonOf(failure)}; ${packetCount(this.packets)} sent before that`,
      );
  }
}

/** Why a device sends nothing. */
function reasonOf({ fault, message }: NativeFault): string {
  switch (fault) {
    case "permission":
      return "sending is not permitted; it takes root or CAP_NET_RAW";
    case "gone":
      return "there is no such device; `ip link` lists them";
    case "down":
      return "the device is down; `ip link set DEVICE up`";
    default:
      return shown(message);
  }
}
