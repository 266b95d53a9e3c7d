/* Whether tests may make network namespaces here. */
import { spawnSync } from "node:child_process";
import { findCommand } from "./peer.js";

/** Why there can be none; null where there can be. */
export function noNamespaces(): string | null {
  if (findCommand("ip") === null) return null; // peer() says so.
  if (process.getuid?.() !== 0) return "needs root";
  // Root of a container may not make network namespaces.
  const name = `gvt-probe-${process.pid}`;
  if (spawnSync("ip", ["netns", "add", name], { stdio: "ignore" }).status !== 0)
    return "may not make network namespaces";
  spawnSync("ip", ["netns", "del", name], { stdio: "ignore" });
  return null;
}
