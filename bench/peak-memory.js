/* Preloaded (`node --import`) by bench/analyze.js: reports the process's peak memory on descriptor 3. */
import { writeSync } from "node:fs";

process.on("exit", () => {
  writeSync(3, `${process.resourceUsage().maxRSS}\n`);
});
