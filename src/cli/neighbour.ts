/* Which MAC address packets to an IP address go to, as the kernel has found out; asked of ip(8). */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { quoted, shown } from "../text.js";
import { canonicalAddress, parseMac } from "../wire/address.js";
import { CliError } from "./fault.js";

const TIMEOUT_MS = 5000;
const MOST_BYTES = 1 << 20;

/**
 * The MAC address of `address`, or of the router to it, on `device`: where packets to it take another way, on that
 * one, which may be a bridge's that `device` is a port of. Throws a {@link CliError} where the kernel knows none.
 */
export async function neighbour(device: string, address: string): Promise<string> {
  const unknown = (why: string) =>
    new CliError(
      `the MAC address that leads to ${shown(address)} by ${quoted(device)} is unknown: ${why}; give --outer-dst-mac`,
    );
  try {
    const [route] = await ip("route", "get", address);
    const next = textOf(route, "gateway") ?? address;
    const devices = [device, textOf(route, "dev")];
    for (const entry of await ip("neigh", "show", "to", next)) {
      const mac = textOf(entry, "lladdr");
      if (mac !== undefined && devices.includes(textOf(entry, "dev"))) return macOf(mac);
    }
    throw unknown(`no entry for ${canonicalAddress(next)} among the neighbours (ip neigh)`);
  } catch (error) {
    if (error instanceof CliError) throw error;
    const { code, stderr, message } = error as NodeJS.ErrnoException & { stderr?: string };
    throw unknown(
      code === "ENOENT" ? "there is no ip here to ask" : shown((stderr || message).trim().split("\n")[0]),
    );
  }
}

function macOf(text: string): string {
  parseMac(text);
  return text.toLowerCase();
}

async function ip(...words: readonly string[]): Promise<unknown[]> {
  const limits = { timeout: TIMEOUT_MS, maxBuffer: MOST_BYTES };
  const { stdout } = await promisify(execFile)("ip", ["-json", ...words], limits);
  const answer: unknown = stdout.trim() === "" ? [] : JSON.parse(stdout);
  return Array.isArray(answer) ? answer : [];
}

function textOf(entry: unknown, name: string): string | undefined {
  const value = (entry as Record<string, unknown> | null | undefined)?.[name];
  return typeof value === "string" ? value : undefined;
}
