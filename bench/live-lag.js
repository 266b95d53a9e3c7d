/* Loaded before a program (node --import): says on standard error, when it ends, how late its event loop was. */
import { monitorEventLoopDelay } from "node:perf_hooks";

const lag = monitorEventLoopDelay({ resolution: 1 });
lag.enable();
process.once("exit", () => {
  const ms = (nanoseconds) => nanoseconds / 1e6;
  process.stderr.write(`lag ${JSON.stringify({ p99: ms(lag.percentile(99)), max: ms(lag.max) })}\n`);
});
