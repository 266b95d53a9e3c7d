import type { LiveCounts, LiveGap, LiveSource } from "../capture/live.js";
import { grouped } from "../output/table.js";
import { shown } from "../text.js";
import { moment } from "./following.js";

/** How often it is looked whether a device has gone or come back, in milliseconds. */
const WATCH_MS = 500;

/** Says when a device goes and comes back, and at the end what was lost. */
export class Watch {
  readonly #source: LiveSource;
  readonly #report: (line: string) => Promise<void>;
  readonly #timer: NodeJS.Timeout;
  readonly #mayReopen: boolean;
  /** Devices that will not be captured from again. */
  readonly #lost = new Set<string>();
  /** Gaps that were said to have begun, and the first of them that may not have ended. */
  #begun = 0;
  #open: LiveGap[] = [];
  /** One look at a time: what is said may have to wait for standard output. */
  #looking: Promise<void> | null = null;

  /** `mayReopen`: whether the process may capture again from a device that went away. */
  constructor(source: LiveSource, report: (line: string) => Promise<void>, mayReopen: boolean) {
    this.#source = source;
    this.#mayReopen = mayReopen;
    this.#report = report;
    this.#timer = setInterval(() => {
      // The kernel's and libpcap's counters have 32 bits: they are read before they can come round.
      source.counts();
      this.#looking ??= this.#look()
        // Standard output has failed: whoever writes to it says so.
        .catch(() => {})
        .finally(() => {
          this.#looking = null;
        });
    }, WATCH_MS);
  }

  async #look(): Promise<void> {
    const { gaps } = this.#source;
    for (; this.#begun < gaps.length; this.#begun++) {
      const gap = gaps[this.#begun];
      if (gap.reason === "gone" && !this.#mayReopen) {
        this.#lost.add(gap.device);
        if (this.#lost.size === this.#source.counts().length) this.#source.stop();
        await this.#report(
          `${shown(gap.device)}: gone since ${moment(gap.fromMs)}, and not captured from again: that takes the rights that -Z gave away`,
        );
        continue;
      }
      this.#open.push(gap);
      await this.#report(`${shown(gap.device)}: ${gap.reason} since ${moment(gap.fromMs)}; waiting for it`);
    }
    const ended = this.#open.filter((gap) => gap.untilMs !== null);
    this.#open = this.#open.filter((gap) => !ended.includes(gap));
    for (const { device, fromMs, untilMs } of ended)
      await this.#report(
        `${shown(device)}: back; nothing captured for ${(((untilMs ?? 0) - fromMs) / 1000).toFixed(1)} s`,
      );
  }

  async end(): Promise<void> {
    this.stop();
    await this.#looking;
    await this.#look();
    for (const counts of this.#source.counts()) await this.#report(countsLine(counts));
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

function countsLine({ device, received, dropped, droppedByDevice }: LiveCounts): string {
  return `${shown(device)}: ${grouped(received)} packets received by the filter, ${grouped(dropped)} dropped by the kernel, ${grouped(droppedByDevice)} by the device`;
}
