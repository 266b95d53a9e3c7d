/*
 * What no caller should do with the addon: live-abuse.js DEVICE, which packets come from. It answers with an
 * error, or with nothing, and writes what it said. Wants --expose-gc.
 */
import { endianness } from "node:os";
import { loadNative } from "../../dist/native.js";

const { native, reason } = loadNative();
if (native === null) throw new Error(reason);
const options = {
  device: process.argv[2],
  filter: "",
  snapBytes: 1000,
  bufferBytes: 1 << 20,
  promiscuous: false,
  delayMs: 5,
  blockBytes: 1 << 16,
};

const said = async (what) => {
  try {
    return (await what()) ?? null;
  } catch (error) {
    return error.message;
  }
};
const answers = {
  plainCall: await said(() => native.Device(options)),
  nothing: await said(() => new native.Device()),
  noName: await said(() => new native.Device({ ...options, device: 7 })),
  noNumber: await said(() => new native.Device({ ...options, snapBytes: Number.NaN })),
  thrower: await said(
    () =>
      new native.Device({
        get device() {
          throw new Error("mine");
        },
      }),
  ),
  otherThis: await said(() => native.Device.prototype.read.call({}, 0)),
};

const device = new native.Device(options);
answers.early = await said(() => device.read(0));
answers.earlyCounts = device.counts();
const { blocks } = await device.open();
answers.again = await said(() => device.open());
answers.noBlock = await said(() => device.read(2));
answers.first = (await device.read(0)).packets > 0;
// A script gives the memory away while the device's thread writes to it, and many reads wait.
const reads = [device.read(1), device.read(0), device.read(1), device.read(0)];
for (const { buffer } of blocks) await said(() => structuredClone(buffer, { transfer: [buffer] }));
answers.reads = (await Promise.all(reads)).every(({ packets }) => packets > 0);
answers.closed = await said(() => device.close());
answers.closedTwice = await said(() => device.close());
answers.late = await said(() => device.read(0));
answers.lateCounts = device.counts().received > 0;
device.stop();

// Nobody keeps these: with a request under way, and without.
for (let i = 0; i < 20; i++) {
  const dropped = new native.Device(options);
  if (i % 4 > 0) await dropped.open();
  if (i % 4 > 1) dropped.read(0);
  if (i % 4 > 2) dropped.close();
  globalThis.gc();
  await new Promise(setImmediate);
}

// Memory outlives the device that filled it.
async function kept() {
  const one = new native.Device(options);
  const opened = await one.open();
  const { bytes: used } = await one.read(0);
  await one.close();
  return { block: opened.blocks[0], used };
}
const { block, used } = await kept();
for (let i = 0; i < 3; i++) {
  globalThis.gc();
  await new Promise(setImmediate);
}
const view = new DataView(block.buffer);
let at = 0;
while (at < used) at += 16 + view.getUint32(at + 8, endianness() === "LE");
answers.kept = used > 0 && at === used;
process.stdout.write(`${JSON.stringify(answers)}\n`);
// Without closing what is open.
process.exit(0);
