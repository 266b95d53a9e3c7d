/** genevescope/capture: packets from files and pipes, in batches. */

export { Patience } from "../patience.js";
export * from "./batch.js";
export type { FilePart } from "./byte-source.js";
export { type CapObject, type CapOptions, openCap } from "./cap-adapter.js";
export { type CaptureWriter, createCapture, type WriteOptions } from "./capture-writer.js";
export { divide } from "./divide.js";
export { CaptureError, type CaptureErrorCode } from "./error.js";
export type { HexDumpLink } from "./hexdump-source.js";
export { type LiveCounts, type LiveGap, type LiveOptions, type LiveSource, openLive } from "./live.js";
export { type OpenOptions, openCapture } from "./open.js";
export type { SectionOrigin } from "./pcapng-format.js";
export type { SaveFile, SaveFiles } from "./save-file.js";
export type { AddressName, InterfaceCounts } from "./save-format.js";
export type { Rotation } from "./save-names.js";
