import type { LiveCounts, LiveGap, LiveSource } from "../capture/live.js";
import { grouped } from "../output/table.js";
import { shown } from "../text.js";
import { moment } from "./following.js";
import { writeError } from "./stderr.js";

/** How often it is looked whether a device has gone or come back, or lost packets, in milliseconds. */
const WATCH_MS = 500;
/** How often it is said at most that a device has lost packets. */
const LOSS_MS = 10_000;

/** What was said of the packets that a device has lost. */
interface Losses {
  /** How many, until then. */
  said: number;
  /** When that was; and when it was last seen that there are no more than were said. */
  saidMs: number;
  sinceMs: number;
}

/**
 * Says when a device goes and comes back and when packets are lost, and at the end what was lost in all. While the
 * capture runs it does not wait for standard output: that nobody reads it may be why packets are lost.
 */
export class Watch {
  readonly #source: LiveSource;
  readonly #report: (line: string) => Promise<void>;
  readonly #timer: NodeJS.Timeout;
  readonly #mayReopen: boolean;
  /** Devices that will not be captured from again. */
  readonly #lost = new Set<string>();
  /** Gaps that were said to have begun, and those of them that may not have ended. */
  #begun = 0;
  #open: LiveGap[] = [];
  readonly #losses = new Map<string, Losses>();

  /** `mayReopen`: whether the process may capture again from a device that went away. */
  constructor(source: LiveSource, report: (line: string) => Promise<void>, mayReopen: boolean) {
    this.#source = source;
    this.#mayReopen = mayReopen;
    this.#report = report;
    this.#timer = setInterval(() => this.#look(), WATCH_MS);
  }

  #look(): void {
    // The kernel's and libpcap's counters have 32 bits: they are read before they can come round.
    for (const counts of this.#source.counts()) this.#lookForLosses(counts);
    this.#lookForGaps();
  }

  #lookForGaps(): void {
    const { gaps } = this.#source;
    for (; this.#begun < gaps.length; this.#begun++) {
      const gap = gaps[this.#begun];
      const since = `${gap.reason} since ${moment(gap.fromMs)}`;
      if (gap.reason === "gone" && !this.#mayReopen) {
        this.#lost.add(gap.device);
        if (this.#lost.size === this.#source.counts().length) this.#source.stop();
        say(gap.device, `${since}, and not captured from again: that takes the rights that -Z gave away`);
        continue;
      }
      this.#open.push(gap);
      say(gap.device, `${since}; waiting for it`);
    }
    const ended = this.#open.filter((gap) => gap.untilMs !== null);
    this.#open = this.#open.filter((gap) => !ended.includes(gap));
    for (const { device, fromMs, untilMs } of ended)
      say(device, `back; nothing captured for ${seconds((untilMs ?? 0) - fromMs)}`);
  }

  #lookForLosses({ device, dropped, droppedByDevice }: LiveCounts): void {
    const now = performance.now();
    const lost = (dropped ?? 0) + (droppedByDevice ?? 0);
    let losses = this.#losses.get(device);
    if (losses === undefined) {
      losses = { said: 0, saidMs: Number.NEGATIVE_INFINITY, sinceMs: now - WATCH_MS };
      this.#losses.set(device, losses);
    }
    if (lost > losses.said) {
      if (now - losses.saidMs < LOSS_MS) return;
      say(
        device,
        `${grouped(lost - losses.said)} packets dropped in the last ${seconds(now - losses.sinceMs)}; a larger ring (-B) or fewer packets (--bpf) may help`,
      );
      losses.said = lost;
      losses.saidMs = now;
    }
    losses.sinceMs = now;
  }

  async end(): Promise<void> {
    this.stop();
    this.#lookForGaps();
    for (const counts of this.#source.counts()) await this.#report(countsLine(counts));
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

function say(device: string, what: string): void {
  writeError(`genevescope: ${shown(device)}: ${what}\n`);
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

function countsLine({ device, received, dropped, droppedByDevice }: LiveCounts): string {
  const count = (dropped: number | null) => (dropped === null ? "an unknown number" : grouped(dropped));
  return `${shown(device)}: ${grouped(received)} packets received by the filter, ${count(dropped)} dropped by the kernel, ${count(droppedByDevice)} by the device`;
}
