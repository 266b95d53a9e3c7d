/* The verb `live` on a wire, until it is ended. */
import { type ChildProcessWithoutNullStreams, execFileSync } from "node:child_process";
import { once } from "node:events";
import type { Wire } from "../native/wire.js";
import { eventually } from "../southbound/cluster.js";

export const MAIN = "dist/cli/main.js";

export interface LiveVerb {
  readonly child: ChildProcessWithoutNullStreams;
  /** What it has printed so far. */
  readonly said: { out: string; err: string; bytes: Buffer[] };
  /** Its status and what it printed, once it has ended; of a signal, its name. */
  end(signal?: NodeJS.Signals): Promise<{ status: number | string; out: string; err: string }>;
}

/** Begins a capture, and waits until it listens, or has ended. */
export async function beginLive(
  wire: Wire,
  {
    prefix = [],
    main = MAIN,
  }: { /** A command that runs it, and another installation. */ prefix?: string[]; main?: string },
  ...args: string[]
): Promise<LiveVerb> {
  const child = wire.start(...prefix, process.execPath, main, "live", ...args);
  const said = { out: "", err: "", bytes: [] as Buffer[] };
  child.stdout.on("data", (data) => {
    said.out += data;
    said.bytes.push(data);
  });
  child.stderr.on("data", (text) => {
    said.err += text;
  });
  const closed = once(child, "close");
  await eventually("its start", () => said.err.includes("listening on") || child.exitCode !== null);
  const end = async (signal?: NodeJS.Signals) => {
    if (signal !== undefined) child.kill(signal);
    const [status, killed] = await closed;
    return { status: status ?? killed, ...said };
  };
  return { child, said, end };
}

/** What the program prints with these arguments. */
export function ours(...args: string[]): string {
  return execFileSync(process.execPath, [MAIN, ...args], { encoding: "utf8" });
}
