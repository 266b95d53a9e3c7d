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
  | "ERR_CAPTURE_OPTION";

/**
 * A capture that cannot be read from its start. `message` is one line, `NAME: what is wrong; what to do`,
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
    super(`${printable(file)}: ${reason}`, cause === undefined ? undefined : { cause });
    this.code = code;
    this.file = file;
    this.reason = reason;
    this.offset = offset;
  }
}

/** Characters of foreign text shown at most in a message. */
const SHOWN_CHARACTERS = 256;

/**
 * `text` fit for one line of a terminal: control, bidirectional and line-separating characters become
 * `\x1b` or `\u{202e}`, and long text is cut.
 */
export function printable(text: string): string {
  const cut = text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}...` : text;
  return cut.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, (character) => {
    const point = character.codePointAt(0) ?? 0;
    const hex = point.toString(16);
    return point < 0x100 ? `\\x${hex.padStart(2, "0")}` : `\\u{${hex}}`;
  });
}

/** The stable code of a system error (`ENOENT`), or an empty string. */
export function systemCode(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" ? code : "";
}
