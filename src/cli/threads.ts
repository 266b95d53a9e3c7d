import { Worker } from "node:worker_threads";
import type { Share } from "./shares.js";
import type { ShareMessage } from "./sum-share.js";
import type { WorkerTask } from "./worker.js";

/** The other threads, and what they send. */
export class Threads {
  readonly #workers: Worker[] = [];
  /** By file and part: null where the thread has failed. */
  readonly #messages = new Map<string, ShareMessage | null>();
  readonly #waiting = new Map<string, (message: ShareMessage | null) => void>();

  /** Begins a thread for each task. */
  constructor(tasks: readonly WorkerTask[]) {
    for (const task of tasks) {
      const worker = new Worker(new URL("./worker.js", import.meta.url), {
        workerData: task,
        // It keeps little of what it makes; left to itself, the heap's nursery grows to several times that.
        resourceLimits: { maxYoungGenerationSizeMb: 2 },
      });
      this.#workers.push(worker);
      worker.on("message", (message: ShareMessage) => this.#arrived(message, message));
      // Whatever it was, memory most likely: what it has not sent is read by the first thread instead.
      worker.on("error", () => {});
      worker.on("exit", () => {
        for (const share of task.shares) if (!this.#messages.has(nameOf(share))) this.#arrived(share, null);
      });
    }
  }

  #arrived(share: Pick<Share, "file" | "part">, message: ShareMessage | null): void {
    this.#messages.set(nameOf(share), message);
    this.#waiting.get(nameOf(share))?.(message);
  }

  /** What came of a share of another thread; null where the thread has failed. Once for each. */
  result(share: Pick<Share, "file" | "part">): Promise<ShareMessage | null> {
    const message = this.#messages.get(nameOf(share));
    if (message !== undefined) return Promise.resolve(message);
    return new Promise((resolve) => this.#waiting.set(nameOf(share), resolve));
  }

  async close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }
}

function nameOf({ file, part }: Pick<Share, "file" | "part">): string {
  return `${file} ${part}`;
}
