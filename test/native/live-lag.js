/*
 * What a flood does to the rest of the process: live-lag.js DEVICE SECONDS WORK_MS. Captures and decodes for so
 * long, working WORK_MS on each batch besides, and writes how late the event loop was, in milliseconds, how many
 * batches came in one turn of it at most, and what became of the packets.
 */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { openLive } from "../../dist/capture/index.js";
import { FrameBatch } from "../../dist/frame/columns.js";
import { FrameDecoder } from "../../dist/frame/decode.js";

const [device, seconds, workMs] = process.argv.slice(2);
const source = await openLive({ devices: [device] });
const decoder = new FrameDecoder();
const lag = monitorEventLoopDelay({ resolution: 1 });
lag.enable();
setTimeout(() => source.stop(), Number(seconds) * 1000);
let inTurn = 0;
let most = 0;
let timer = null;
const turn = () => {
  inTurn = 0;
  timer = setImmediate(turn);
};
// Only where there is work: to turn without a pause is to be late without a pause.
if (workMs !== "0") turn();
let frames = null;
let packets = 0;
for (let batch = await source.next(); batch !== null; batch = await source.next()) {
  if (frames === null) frames = new FrameBatch(batch.capacity);
  decoder.decode(batch, source.interfaces, frames);
  packets += batch.count;
  most = Math.max(most, ++inTurn);
  const until = performance.now() + Number(workMs);
  while (performance.now() < until);
}
lag.disable();
clearImmediate(timer);
const [{ received, dropped }] = source.counts();
await source.close();
const ms = (nanoseconds) => Math.round(nanoseconds / 1e4) / 100;
process.stdout.write(
  `${JSON.stringify({ packets, received, dropped, p99: ms(lag.percentile(99)), max: ms(lag.max), most: timer === null ? null : most })}\n`,
);
