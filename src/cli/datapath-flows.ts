/* The flows of this host's Open vSwitch datapath, dumped again and again by ovs-appctl(8). */
import { spawn } from "node:child_process";
import { FlowKeys } from "../analysis/flow-keys.js";
import { shown } from "../text.js";
import type { Report } from "./following.js";

/** From one dump to the next at least; and so many times as long as a dump takes. */
const PAUSE_MS = 1000;
const PAUSE_TIMES = 5;
/** What takes longer is ended. */
const TIMEOUT_MS = 20_000;
/** Until it is tried again where it failed. */
const RETRY_MS = 10_000;
/** What a datapath is called: its kind and its name. */
const DATAPATH = /^[!-~]+$/;
/** Datapaths that one Open vSwitch has: one of each kind. */
const MOST_DATAPATHS = 8;
/** Characters of a list of datapaths, and of what is said of a failure. */
const MOST_TEXT = 4096;
/** Dumps that are kept: a flow may be gone before the next one. */
const DUMPS = 2;

export class DatapathFlows {
  /** The latest dumps, that of each time first. */
  dumps: readonly FlowKeys[] = [];
  /** The flows of all frames from before this time (milliseconds since 1970) have been asked for. */
  askedAt = Number.NEGATIVE_INFINITY;
  /** Whether flows can be had, as far as is known. */
  isAvailable = true;
  readonly #report: Report;
  /** Ends the command that runs. */
  #endCommand = (): void => {};
  #timer: NodeJS.Timeout | null = null;
  #isOver = false;

  /** Begins to dump. */
  constructor(report: Report) {
    this.#report = report;
    void this.#run();
  }

  stop(): void {
    this.#isOver = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#endCommand();
  }

  async #run(): Promise<void> {
    const begun = Date.now();
    const failure = await this.#dump().catch((error: Error) => shown(error.message));
    if (this.#isOver) return;
    const isNews = (failure === null) !== this.isAvailable;
    this.isAvailable = failure === null;
    if (failure === null) this.askedAt = begun;
    // What was so once tells nothing of frames that come later.
    else this.dumps = [];
    const pause = Math.max(PAUSE_MS, PAUSE_TIMES * (Date.now() - begun));
    this.#timer = setTimeout(() => void this.#run(), failure === null ? pause : RETRY_MS);
    if (!isNews) return;
    const text = failure === null ? "are to be had again" : `are not to be had: ${failure}`;
    // Standard output has failed: whoever writes to it says so.
    await this.#report(`the datapath's flows ${text}`).catch(() => {});
  }

  /** Dumps every datapath; returns what went wrong. */
  async #dump(): Promise<string | null> {
    let list = "";
    const failure = await this.#ask(["dpctl/dump-dps"], (text) => {
      if (list.length < MOST_TEXT) list += text;
    });
    if (failure !== null) return failure;
    const datapaths = list.split("\n").filter((line) => DATAPATH.test(line));
    if (datapaths.length === 0) return "there is no datapath";
    const keys = new FlowKeys();
    for (const datapath of datapaths.slice(0, MOST_DATAPATHS)) {
      const fault = await this.#ask(["dpctl/dump-flows", datapath], (text) => keys.write(text));
      if (fault !== null) return fault;
      keys.end();
    }
    this.dumps = [keys, ...this.dumps].slice(0, DUMPS);
    return null;
  }

  /** What ovs-appctl answers goes to `take`, piece by piece; returns what went wrong. */
  #ask(command: readonly string[], take: (text: string) => void): Promise<string | null> {
    return new Promise((resolve) => {
      const child = spawn("ovs-appctl", command, { stdio: ["ignore", "pipe", "pipe"] });
      child.on("error", (error: NodeJS.ErrnoException) =>
        resolve(error.code === "ENOENT" ? "there is no ovs-appctl here" : shown(error.message)),
      );
      let isLate = false;
      // The pipes, too: it may be a script, and what that has started holds them.
      this.#endCommand = () => {
        isLate = true;
        child.kill("SIGKILL");
        child.stdout.destroy();
        child.stderr.destroy();
      };
      const timer = setTimeout(this.#endCommand, TIMEOUT_MS);
      let said = "";
      child.stdout.setEncoding("utf8").on("data", take);
      child.stderr.setEncoding("utf8").on("data", (text) => {
        if (said.length < MOST_TEXT) said += text;
      });
      child.on("close", (status, signal) => {
        clearTimeout(timer);
        if (isLate) return resolve(`ovs-appctl: took more than ${TIMEOUT_MS / 1000} s`);
        if (status === 0) return resolve(null);
        const why = signal ?? `status ${status}`;
        resolve(shown(said.trim().split("\n").at(-1) || `ovs-appctl: ${why}`));
      });
    });
  }
}
