/** genevescope/capture: packets from files and pipes, in batches. */
export * from "./batch.js";
