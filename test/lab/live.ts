/* The program at the end of a pipe from tcpdump, while the lab goes on. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { MAIN, type Packet } from "../conformance/genevescope.js";
import { eventually } from "../southbound/cluster.js";
import type { Lab } from "./lab.js";

/** `decode - -o json` of what a host's underlay carries. */
export class LiveDecode {
  /** Its answers so far, and its lines on standard error. */
  readonly packets: Packet[] = [];
  readonly reports: string[] = [];
  readonly #lab: Lab;
  readonly #process: ChildProcess;
  readonly #exit: Promise<unknown[]>;

  /**
   * Returns when the capture runs. `sb` is what names it, as seen from `place`: the namespace central, where the
   * servers' TCP ports are, or this machine.
   */
  constructor(lab: Lab, host: string, sb: string, place: "central" | "here" = "here") {
    const pipe = lab.file("pipe");
    execFileSync("mkfifo", [pipe]);
    // The shell opens the pipe, which waits for tcpdump to do so.
    const shell = ["sh", "-c", 'exec "$@" <"$0"', pipe];
    const command = [...shell, process.execPath, MAIN, "decode", "-", "-o", "json", "--sb", sb];
    const [program, ...args] = place === "here" ? command : lab.within(place, command);
    this.#lab = lab;
    this.#process = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
    this.#exit = once(this.#process, "close");
    const { stdout, stderr } = this.#process;
    if (stdout === null || stderr === null) throw new Error("no pipes");
    lines(stdout, (line) => this.packets.push(JSON.parse(line) as Packet));
    lines(stderr, (line) => this.reports.push(line));
    lab.run("capture", host, pipe);
  }

  /** The address's answers to pings so far. */
  answered(address: string): Packet[] {
    return this.packets.filter(({ inner }) => inner?.summary?.startsWith(`${address} > `) && "icmp" in inner);
  }

  /** Waits for further answers from the address, all of them later than now. */
  async more(address: string, count = 5): Promise<void> {
    const now = Date.now();
    const later = ({ time }: Packet) => Date.parse(time) > now;
    await eventually(`answers of ${address}`, () => this.answered(address).filter(later).length >= count);
  }

  /** Waits for a line on standard error. */
  async report(pattern: RegExp): Promise<RegExpExecArray> {
    const found = () => this.reports.map((line) => pattern.exec(line)).find((match) => match !== null);
    await eventually(`a report like ${pattern}`, () => found() !== undefined);
    return found() as RegExpExecArray;
  }

  /** Ends the capture, and the program with it. Returns its exit status. */
  async end(): Promise<number> {
    this.#lab.run("capture-stop");
    const [status] = await this.#exit;
    return status as number;
  }

  kill(): void {
    this.#process.kill("SIGKILL");
  }
}

/** Calls `take` for each line that comes. */
function lines(stream: NodeJS.ReadableStream, take: (line: string) => void): void {
  let rest = "";
  stream.setEncoding("utf8").on("data", (text: string) => {
    const parts = (rest + text).split("\n");
    rest = parts.pop() as string;
    for (const line of parts) take(line);
  });
}
