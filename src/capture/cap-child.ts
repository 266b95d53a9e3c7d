/*
 * A process that captures from one device with the npm package cap, which may end any process that it is in:
 * cap-child.js OPTIONS, as JSON. It sends its parent what came of opening, writes records (cap-records.ts) to
 * standard output, and ends when the parent sends anything, or ends.
 */
import { writeSync } from "node:fs";
import type { NativeFault, NativeOptions } from "../native.js";
import { closeCapObject, loadCap, openCapObject } from "./cap-package.js";
import { CapRecorder } from "./cap-records.js";

/** What the parent is told. */
export type CapAnswer =
  | { linkType: number }
  /** Why the device is not open. */
  | { fault: NativeFault["fault"]; message: string };

/** The most that packets wait here: it is lost when cap ends the process. */
const FLUSH_MS = 10;

const tell = (answer: CapAnswer): void => {
  process.send?.(answer);
};

/** Waits until the pipe takes it, while the kernel's ring takes what comes. */
function write(records: Buffer): void {
  try {
    for (let done = 0; done < records.length; ) done += writeSync(1, records, done);
  } catch {
    // Nobody reads any more.
    process.exit();
  }
}

async function main(): Promise<void> {
  // A signal for the whole group is the parent's matter.
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => {});
  const options = JSON.parse(process.argv[2]) as NativeOptions;
  const { Cap, reason } = await loadCap();
  if (Cap === null) return tell({ fault: "failed", message: reason });
  const cap = new Cap();
  try {
    const { linkType, buffer } = openCapObject(cap, options);
    const delayMs = Math.min(options.delayMs, FLUSH_MS);
    const recorder = new CapRecorder(buffer, options.snapBytes, delayMs, write);
    cap.on("packet", recorder.take);
    const stop = (): void => {
      closeCapObject(cap);
      recorder.flush();
      process.exit();
    };
    // What has come until now is announced in this turn of the event loop.
    process.on("message", () => setImmediate(stop));
    process.on("disconnect", stop);
    tell({ linkType });
  } catch (error) {
    const { fault, message } = error as NativeFault;
    tell({ fault: fault ?? "failed", message });
  }
}

await main();
