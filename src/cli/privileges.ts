import { readFileSync } from "node:fs";
import { quoted } from "../text.js";
import { CliError } from "./fault.js";

/**
 * Makes the process another user's, with the groups of that user and none of root's capabilities, for good.
 * Throws a {@link CliError} where there is no such user or the process may not.
 */
export function becomeUser(name: string): void {
  const entry = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .map((line) => line.split(":"))
    .find(([user]) => user === name && name !== "");
  if (entry === undefined) throw new CliError(`-Z ${quoted(name)}: no such user in /etc/passwd`);
  const [uid, gid] = [Number(entry[2]), Number(entry[3])];
  try {
    // @types/node does not know it.
    (process as { initgroups?(user: string, group: number): void }).initgroups?.(name, gid);
    process.setgid?.(gid);
    process.setuid?.(uid);
  } catch {
    throw new CliError(`-Z ${quoted(name)}: only root can become another user; leave it out`);
  }
  if (process.getuid?.() !== uid || process.geteuid?.() !== uid)
    throw new CliError(`-Z ${quoted(name)}: the system did not change the user`);
}
