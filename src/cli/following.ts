import type { DatabaseLink, FollowOptions } from "../southbound/index.js";
import { shown } from "../text.js";

/** Prints one line on standard error. */
export type Report = (line: string) => Promise<void>;

/** A server that is followed. */
export interface FollowedServer {
  readonly source: string;
  readonly link: DatabaseLink;
}

/** The servers that are followed while packets come, and what is said when one is lost. */
export class Following {
  readonly options: FollowOptions;
  readonly #report: Report;
  readonly #ending = new AbortController();
  readonly links: FollowedServer[] = [];
  #closed = false;

  constructor(live: boolean, report: Report) {
    this.#report = report;
    this.options = live
      ? { follow: true, signal: this.#ending.signal, onLink: (source, link) => this.#watch(source, link) }
      : { follow: false };
  }

  /** Ends all connections; says of those that are lost at this moment how old what they gave is. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    try {
      for (const { source, link } of this.links)
        if (link.state === "reconnecting")
          await this.#report(
            `${shown(source)}: not connected at the end; names are as of ${moment(link.lastCurrent)}, ${seconds(Date.now() - link.lastCurrent)} ago`,
          );
    } finally {
      this.#ending.abort();
    }
  }

  /** Says what nobody waits for. Where standard output fails, whoever writes to it says so. */
  #say(line: string): void {
    this.#report(line).catch(() => {});
  }

  #watch(source: string, link: DatabaseLink): void {
    this.links.push({ source, link });
    let lost = 0;
    link.onState((state) => {
      if (this.#closed || state === "closed") return;
      if (state === "reconnecting") {
        lost = Date.now();
        this.#say(
          `${link.lastError?.message ?? shown(source)}; going on with the names as of ${moment(link.lastCurrent)}`,
        );
      } else {
        const to = link.remote === source ? "" : `, to ${link.remote},`;
        this.#say(`${shown(source)}: connected again${to} after ${seconds(Date.now() - lost)}`);
      }
    });
  }
}

/** A time in milliseconds since 1970, for a report. */
export function moment(ms: number): string {
  return new Date(ms).toISOString();
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
