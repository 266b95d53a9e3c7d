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
  /** Gaps that were said to have begun, and the first of them that may not have ended. */
  #begun = 0;
  #open: LiveGap[] = [];

  constructor(source: LiveSource, report: (line: string) => Promise<void>) {
    this.#source = source;
    this.#report = report;
    this.#timer = setInterval(() => void this.#look(), WATCH_MS);
  }

  async #look(): Promise<void> {
    const { gaps } = this.#source;
    for (; this.#begun < gaps.length; this.#begun++) {
      const gap = gaps[this.#begun];
      this.#open.push(gap);
      await this.#report(`${shown(gap.device)}: ${gap.reason} since ${moment(gap.fromMs)}; waiting for it`);
    }
    for (const gap of this.#open)
      if (gap.untilMs !== null)
        await this.#report(
          `${shown(gap.device)}: back; nothing captured for ${((gap.untilMs - gap.fromMs) / 1000).toFixed(1)} s`,
        );
    this.#open = this.#open.filter((gap) => gap.untilMs === null);
  }

  async end(): Promise<void> {
    this.stop();
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
