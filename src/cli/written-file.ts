import type { SectionOrigin } from "../capture/pcapng-format.js";
import { CliError } from "./fault.js";
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

/** Throws a {@link CliError} where the format has no comments. */
export function checkAnnotated(format: "pcap" | "pcapng"): void {
  if (format === "pcap") throw new CliError("--annotate: a pcap has no room for comments; write a pcapng");
}

/** What a pcapng says of who wrote it. */
export function origin(): SectionOrigin {
  return { application: `genevescope ${version()}` };
}
