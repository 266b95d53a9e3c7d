import { shown } from "../text.js";

/** What kind of failure a {@link CaptureError} is; stable, for programs. */
export type CaptureErrorCode =
  /** The file cannot be opened: missing, not permitted, a directory. */
  | "ERR_CAPTURE_OPEN"
  /** There is not one byte in it. */
  | "ERR_CAPTURE_EMPTY"
  /** The content is no capture, or one of a kind or version that is not read here. */
  | "ERR_CAPTURE_FORMAT"
  /** The operating system failed to deliver bytes. */
  | "ERR_CAPTURE_READ"
  /** The compressed data around the capture are damaged or demand too much memory. */
  | "ERR_CAPTURE_COMPRESSION"
  /** The chosen reader cannot read this, or is not installed. */
  | "ERR_CAPTURE_READER"
  /** An option given to the opener makes no sense. */
  | "ERR_CAPTURE_OPTION"
  /** Devices cannot be captured from here: there is no addon, or no libpcap for it. */
  | "ERR_CAPTURE_NATIVE"
  /** There is no such device. */
  | "ERR_CAPTURE_DEVICE"
  /** The device is down. */
  | "ERR_CAPTURE_DOWN"
  /** The process may not capture from devices. */
  | "ERR_CAPTURE_PERMISSION"
  /** The filter for the kernel is no filter. */
  | "ERR_CAPTURE_FILTER"
  /** Packets are not in the order of their times, or too far from it. */
  | "ERR_CAPTURE_ORDER"
  /** The operating system does not take bytes, or does not let a file begin or go. */
  | "ERR_CAPTURE_WRITE"
  /** A packet or interface has no place in the format that is written. */
  | "ERR_CAPTURE_UNFIT";

/**
 * A capture that cannot be read from its start, or cannot be written. `message` is one line, `NAME: what is wrong; what to do`,
 * with everything that came from outside escaped; `reason` is the same without the name.
 */
export class CaptureError extends Error {
  override readonly name = "CaptureError";
  readonly code: CaptureErrorCode;
  /** The capture's name as given, unescaped, or `-`. */
  readonly file: string;
  /** What is wrong and what to do, without the file's name. */
  readonly reason: string;
  /** Byte in the (decompressed) input where it went wrong, or null where no byte is to blame. */
  readonly offset: number | null;

  constructor(
    code: CaptureErrorCode,
    file: string,
    reason: string,
    offset: number | null = null,
    cause?: unknown,
  ) {
    super(`${shown(file)}: ${reason}`, cause === undefined ? undefined : { cause });
    this.code = code;
    this.file = file;
    this.reason = reason;
    this.offset = offset;
  }
}

/** The stable code of a system error (`ENOENT`), or an empty string. */
export function systemCode(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" ? code : "";
}
