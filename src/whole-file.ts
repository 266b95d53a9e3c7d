import { randomUUID } from "node:crypto";
import { createWriteStream } from "node:fs";
import { chmod, open, realpath, rename, rm, stat } from "node:fs/promises";
import type { Writable } from "node:stream";

/** Permissions of a new file, before the umask; and those bits of a file's mode. */
const NEW_FILE = 0o666;
const ONLY_MINE = 0o600;
const PERMISSIONS = 0o777;

/**
 * Has `write` fill a file, which it ends, and returns what that answers. The file appears, or takes the place of the
 * one before with that one's permissions, when it is complete: until then it is written beside it, as
 * `<name>.<uuid>.part`, which is left there only where the process is ended meanwhile. What the system refuses is
 * thrown as it says it.
 */
export async function writeWhole<T>(target: string, write: (stream: Writable) => Promise<T>): Promise<T> {
  const status = await stat(target).catch(() => null);
  // A device or pipe has no content to be kept until the new one is complete.
  if (status !== null && !status.isFile()) return write(createWriteStream(target));
  const path = status === null ? target : await realpath(target);
  const beside = `${path}.${randomUUID()}.part`;
  try {
    const file = await open(beside, "wx", status === null ? NEW_FILE : ONLY_MINE);
    const answer = await write(file.createWriteStream());
    if (status !== null) await chmod(beside, status.mode & PERMISSIONS);
    await rename(beside, path);
    return answer;
  } catch (error) {
    await rm(beside, { force: true });
    throw error;
  }
}

/** Words for {@link fileReason} of files that are written. */
export const WRITE_WORDS = { ENOENT: "its directory does not exist" };
