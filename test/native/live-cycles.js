/*
 * Opens and closes captures, again and again: live-cycles.js DEVICE TIMES. Writes what the process has of memory,
 * descriptors and threads after a tenth of them, and at the end. Wants --expose-gc.
 */
import { readdirSync } from "node:fs";
import { openLive } from "../../dist/capture/index.js";

const [device, times] = process.argv.slice(2);

async function used() {
  for (let i = 0; i < 3; i++) {
    globalThis.gc();
    await new Promise(setImmediate);
  }
  const count = (path) => readdirSync(path).length;
  return {
    kib: Math.round(process.memoryUsage.rss() / 1024),
    external: process.memoryUsage().arrayBuffers,
    descriptors: count("/proc/self/fd"),
    threads: count("/proc/self/task"),
  };
}

async function cycle(index) {
  if (index % 10 === 8) return openLive({ devices: [device, "nowhere0"] }).catch(() => {});
  if (index % 10 === 9) return openLive({ devices: [device], filter: "no filter" }).catch(() => {});
  const source = await openLive({ devices: [device], bufferBytes: 1 << 20, delayMs: 5 });
  // Half of them are closed while somebody waits.
  if (index % 2 === 0) {
    const next = source.next();
    await source.close();
    await next;
  }
  await source.close();
}

/** A few at once: to close one the kernel takes its time. */
const AT_ONCE = 8;
let done = 0;
async function cycles(until) {
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (done < until) await cycle(done++);
    }),
  );
}

await cycles(Number(times) / 10);
const before = await used();
await cycles(Number(times));
process.stdout.write(`${JSON.stringify([before, await used()])}\n`);
