import { shown } from "./text.js";

/** What the system's codes mean for a file. Its own texts name paths, which are not ours to print. */
const WORDS: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EPERM: "permission denied",
  EROFS: "the file system is read-only",
  ENOSPC: "no space is left on the device",
  EDQUOT: "the quota of its user is used up",
  EFBIG: "it would become too large",
  EIO: "the device fails",
  EISDIR: "it is a directory",
  ENOTDIR: "its directory is none",
  ENAMETOOLONG: "its name is too long",
  ELOOP: "its symbolic links go round in a circle",
  EMFILE: "too many files are open",
  ENFILE: "too many files are open",
  EPIPE: "its reader has gone",
  ERR_INVALID_ARG_VALUE: "its name holds a NUL",
};

/** Why a file cannot be read or written, safe to print. `words` are those that depend on what was done with it. */
export function fileReason(error: unknown, words: Readonly<Record<string, string>> = {}): string {
  const code = String((error as NodeJS.ErrnoException).code ?? "an unknown error");
  return words[code] ?? WORDS[code] ?? shown(code, 40);
}
