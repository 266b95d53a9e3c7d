/** genevescope/capture: packets from files and pipes, in batches. */
export * from "./batch.js";
export type { FilePart } from "./byte-source.js";
export { divide } from "./divide.js";
export { CaptureError, type CaptureErrorCode } from "./error.js";
export type { HexDumpLink } from "./hexdump-source.js";
export { type LiveCounts, type LiveGap, type LiveOptions, type LiveSource, openLive } from "./live.js";
export { type OpenOptions, openCapture } from "./open.js";
