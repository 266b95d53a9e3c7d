import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

/** The checkout. */
export const root = fileURLToPath(new URL("../../", import.meta.url));
/** The built program. */
export const program = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

export interface RunResult {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  input?: Uint8Array | string | null;
  env?: Record<string, string>;
  /** Milliseconds after which the program is ended and the test fails. */
  timeout?: number;
}

/** Runs genevescope as a user does, in the checkout; `input` null leaves standard input closed. */
export function genevescope(args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  return run(process.execPath, [program, ...args], options);
}

/** Runs any command in the checkout. */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  return new Promise((resolve, reject) => {
    const { OVN_SB_DB: _, NO_COLOR: __, ...env } = process.env;
    const child = spawn(command, args, {
      cwd: root,
      env: { ...env, TZ: "UTC", ...options.env },
      stdio: ["pipe", "pipe", "pipe"],
    });
    let stdout = "";
    let stderr = "";
    const timer = setTimeout(() => {
      child.kill("SIGKILL");
      reject(new Error(`${args.join(" ")}: still running after ${options.timeout ?? 20_000} ms`));
    }, options.timeout ?? 20_000);
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    child.on("error", reject);
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      resolve({ code, signal, stdout, stderr });
    });
    child.stdin.on("error", () => {
      // The program may end before it has read everything.
    });
    if (options.input != null) child.stdin.end(options.input);
    else child.stdin.end();
  });
}
