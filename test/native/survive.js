/*
 * What programs built on cap die of: survive.js HOW FAULT DEVICE, which packets of 100 bytes come from. HOW is
 * `native` for openLive, `openCap`, or `alone` for cap by itself. Afterwards it captures again and writes how
 * often it did what, if it is still there. Wants --expose-gc.
 */
import { createServer } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { openCap, openLive } from "../../dist/capture/index.js";

const [how, fault, device] = process.argv.slice(2);
const { Cap } = how === "native" ? {} : (await import("cap")).default;

/** Opens; what is returned closes. */
async function open(filter) {
  if (how === "alone") {
    const cap = new Cap();
    cap.open(device, filter, 1 << 20, buffer);
    return { close: () => cap.close() };
  }
  if (how === "openCap") return openCap(new Cap(), { device, filter, bufferBytes: 1 << 20 });
  return openLive({ devices: [device], filter, bufferBytes: 1 << 20 });
}
const buffer = Buffer.alloc(65_535);

/** Has what nobody keeps collected. */
async function collect() {
  for (let i = 0; i < 3; i++) {
    globalThis.gc();
    await pause(5);
  }
}

async function failed() {
  let refused = 0;
  for (let i = 0; i < 5; i++) await open("no filter").catch(() => refused++);
  await collect();
  return refused;
}

async function closed() {
  for (let i = 0; i < 100; i++) {
    const source = await open("");
    await source.close();
    // Comes behind it in the event loop's list of handles.
    createServer().listen(0, "127.0.0.1").close();
    if (i % 10 === 9) await collect();
  }
  return 100;
}

/** The memory of every buffer that nobody keeps is given to others. */
async function dropped() {
  const others = [];
  const source = await open("");
  for (let i = 0; i < 5; i++) {
    await collect();
    for (let k = 0; k < 50; k++) others.push(Buffer.alloc(65_535));
  }
  await take(source, 20);
  await source.close();
  return others.every((other) => other.every((byte) => byte === 0)) ? others.length : "written to";
}

/** A Cap that was opened, or could not be, is opened again. */
async function again() {
  const refused = [];
  for (const [first, second] of [
    ["no filter", ""],
    ["", "udp"],
  ]) {
    const cap = new Cap();
    const source = await openCap(cap, { device, filter: first }).catch(() => null);
    await source?.close();
    await openCap(cap, { device, filter: second }).catch(({ message }) => refused.push(message));
  }
  return refused;
}

/** Takes packets, which must all be as the helper of captures makes them. */
async function take(source, least) {
  let packets = 0;
  while (packets < least) {
    const { bytes, count, offset, capturedBytes } = await source.next();
    for (let i = 0; i < count; i++) {
      const frame = bytes.subarray(offset[i], offset[i] + capturedBytes[i]);
      if (frame.length !== 100 || frame.some((byte, at) => byte !== ((frame[0] + 7 * at) & 0xff)))
        throw new Error(`a packet is not as it was sent: ${Buffer.from(frame).toString("hex")}`);
    }
    packets += count;
  }
  return packets;
}

const times = await { failed, closed, dropped, again }[fault]();
if (how === "alone") process.exit();
const source = await open("");
await take(source, 20);
await source.close();
process.stdout.write(JSON.stringify({ times }));
// Caps that are kept need not be waited for.
process.exit();
