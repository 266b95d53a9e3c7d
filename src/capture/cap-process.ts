/* cap in a process of its own: where it aborts, that process ends and nothing else. */
import { type ChildProcess, fork } from "node:child_process";
import { join } from "node:path";
import { type NativeFault, type NativeOptions, packageRoot } from "../native.js";
import type { CapAnswer } from "./cap-child.js";
import type { CapLink } from "./cap-device.js";
import { CAP_SNAP_BYTES, checkDevice, deviceState, faultOf } from "./cap-package.js";

/** How long a process that is told to end may take. */
const GRACE_MS = 1000;
/** The most that is remembered of what it says on standard error. */
const SAID_BYTES = 4096;

export class CapProcess implements CapLink {
  readonly lost = 0;
  end: NativeFault | "ended" | null = null;
  readonly #options: NativeOptions;
  #child: ChildProcess | null = null;
  /** Its end, with all that it wrote read. */
  #closed: Promise<void> = Promise.resolve();
  #isStopped = false;
  #said = "";

  constructor(options: NativeOptions) {
    this.#options = options;
  }

  async open(changed: () => void): Promise<{ linkType: number; longest: number }> {
    checkDevice(this.#options.device);
    const path = join(packageRoot(), "dist/capture/cap-child.js");
    const stdio = ["ignore", "pipe", "pipe", "ipc"] as const;
    const child = fork(path, [JSON.stringify(this.#options)], { stdio: [...stdio], execArgv: [] });
    this.#child = child;
    child.stderr?.on("data", (data) => {
      this.#said = `${this.#said}${data}`.slice(-SAID_BYTES);
    });
    child.stdout?.on("readable", changed);
    let failure: string | null = null;
    child.on("error", ({ message }) => {
      failure = message;
    });
    this.#closed = new Promise((resolve) => {
      child.once("close", (status, signal) => {
        this.end = this.#isStopped ? "ended" : this.#fault(failure ?? signal ?? `status ${status}`);
        changed();
        resolve();
      });
    });
    const answer = await Promise.race([
      new Promise<CapAnswer>((resolve) => child.once("message", resolve)),
      this.#closed,
    ]);
    if (answer !== undefined && "linkType" in answer)
      return { linkType: answer.linkType, longest: CAP_SNAP_BYTES };
    await this.close();
    throw answer === undefined ? this.end : faultOf(answer.fault, answer.message);
  }

  read(): Buffer | null {
    return this.#child?.stdout?.read() ?? null;
  }

  stop(): void {
    const child = this.#child;
    if (child === null || this.#isStopped) return;
    this.#isStopped = true;
    // Were it disconnected from here, Node would not tell of its end.
    if (child.connected) child.send("stop", () => {});
    // More packets than it can take may keep it from noticing.
    const timer = setTimeout(() => child.kill("SIGKILL"), GRACE_MS);
    this.#closed.then(() => clearTimeout(timer));
  }

  async close(): Promise<void> {
    this.#isStopped = true;
    this.#child?.stdout?.destroy();
    this.#child?.kill("SIGKILL");
    await this.#closed;
  }

  /** Why it ended by itself. An assertion of cap's fails where the device goes away or down. */
  #fault(how: string): NativeFault {
    if (!this.#said.includes("Assertion `status == 0'"))
      return faultOf("failed", `the process with cap ended by ${how}`);
    const isGone = deviceState(this.#options.device) === "gone";
    return isGone ? faultOf("gone", "the device is gone") : faultOf("down", "the device is down");
  }
}
