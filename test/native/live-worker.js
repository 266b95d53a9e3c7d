/*
 * Threads that capture and are ended at any moment: live-worker.js DEVICE TIMES. The main thread starts each,
 * ends it after some milliseconds, and writes how many of them had got how far.
 */
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";

async function capture() {
  const { openLive } = await import("../../dist/capture/index.js");
  parentPort.postMessage("loaded");
  const source = await openLive({ devices: [workerData], delayMs: 5 });
  parentPort.postMessage("open");
  for (let batch = await source.next(); batch !== null; batch = await source.next())
    parentPort.postMessage("packets");
}

async function main() {
  const [device, times] = process.argv.slice(2);
  const reached = { loaded: 0, open: 0, packets: 0 };
  for (let time = 0; time < Number(times); time++) {
    const worker = new Worker(new URL(import.meta.url), { workerData: device });
    const seen = new Set();
    // Ended in turn at what it says, a moment later, and blindly.
    const [event, moment] = [
      ["loaded", time % 3],
      ["open", 0],
      ["packets", 0],
      ["packets", 3],
    ][time % 4];
    await new Promise((resolve, reject) => {
      worker.on("error", reject);
      worker.on("message", (message) => {
        if (seen.has(message)) return;
        seen.add(message);
        if (message === event) setTimeout(resolve, moment);
      });
    });
    await worker.terminate();
    for (const message of seen) reached[message]++;
  }
  process.stdout.write(`${JSON.stringify(reached)}\n`);
}

if (isMainThread) await main();
else await capture();
