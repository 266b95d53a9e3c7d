/* What the scripts that run whole processes share. */
import { spawnSync } from "node:child_process";

export function median(list) {
  const sorted = [...list].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** A line of results: the median and the range of what was measured. */
export function line(name, list, digits, unit, width = 34) {
  const [middle, least, most] = [median(list), Math.min(...list), Math.max(...list)].map((value) =>
    value.toFixed(digits),
  );
  return `${name.padEnd(width)} ${middle} ${unit} (${least} to ${most})\n`;
}

/** Runs a process to its end, which must be a good one. Returns what it took and what it wrote. */
export function run(command, args, stdio = ["ignore", "pipe", "pipe"]) {
  const started = process.hrtime.bigint();
  const result = spawnSync(command, args, { stdio, maxBuffer: 2 ** 28 });
  const seconds = Number(process.hrtime.bigint() - started) / 1e9;
  if (result.error) throw result.error;
  if (result.status !== 0) throw new Error(`${command} ended with ${result.status}: ${result.stderr}`);
  return { seconds, result };
}

export function check(name, found, wanted) {
  if (found !== wanted) throw new Error(`${name}: ${found}, expected ${wanted}`);
}
