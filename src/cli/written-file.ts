import type { SectionOrigin } from "../capture/pcapng-format.js";
import { version } from "./version.js";

/** Interfaces of a capture at most: an index has 16 bits. */
export const MOST_INTERFACES = 65_536;

/** Whether who read standard output, or a pipe, has gone, for which a capture could not be written: no fault. */
export function isReaderGone(error: unknown): boolean {
  return ((error as { cause?: NodeJS.ErrnoException }).cause?.code ?? "") === "EPIPE";
}

/** The format that a file's name asks for. */
export function formatOf(path: string): "pcap" | "pcapng" {
  return /\.pcap$/i.test(path) ? "pcap" : "pcapng";
}

/** What a pcapng says of who wrote it. */
export function origin(): SectionOrigin {
  return { application: `genevescope ${version()}` };
}
