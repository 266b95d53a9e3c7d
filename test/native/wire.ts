/* Two devices with a wire between them, in a network namespace of their own, and programs on them. */
import { type ChildProcessWithoutNullStreams, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { describe } from "vitest";
import type { CaptureInterface, LiveCounts, LiveGap, LiveOptions } from "../../src/capture/index.js";
import { noNamespaces } from "../setup/namespaces.js";
import { type DescribePeer, findCommand, peer } from "../setup/peer.js";
import { eventually } from "../southbound/cluster.js";

const COMMANDS = ["cc", "g++", "python3", "/usr/include/pcap/pcap.h", "ip", "sysctl", "tcpdump", "setpriv"];
const CHILD = join(import.meta.dirname, "live-child.js");

const why = noNamespaces();

/** `describe` for tests that capture. */
export const describeLive: DescribePeer =
  why === null
    ? peer("libpcap", COMMANDS)
    : (title, body) => describe.skip(`${title} [peer: libpcap, ${why}]`, body);

/** `describe` for tests that capture with the npm package cap. */
export const describeCap: DescribePeer =
  why === null
    ? peer("cap", [...COMMANDS, join(import.meta.dirname, "../../node_modules/cap/build/Release/cap.node")])
    : (title, body) => describe.skip(`${title} [peer: cap, ${why}]`, body);

/** Ways to capture from devices, which promise the same for the most part. */
export const BACKENDS: [string, DescribePeer, { backend?: "cap"; through?: "new" | "open" }][] = [
  ["the addon", describeLive, {}],
  ["--backend cap", describeCap, { backend: "cap" }],
  ["openCap", describeCap, { through: "new" }],
  ["openCap, of a Cap that is open", describeCap, { through: "open" }],
];

let wires = 0;

export class Wire {
  readonly directory = mkdtempSync(join(tmpdir(), "genevescope-wire-"));
  readonly namespace = `gvt${process.pid}-wire${++wires}`;
  readonly #sender = join(this.directory, "sender");
  readonly #children: ChildProcessWithoutNullStreams[] = [];

  /** Frames sent from `tx0` arrive at `rx0`; with more pairs, from `tx1` at `rx1` and so on. */
  constructor(pairs = 1) {
    execFileSync("cc", ["-O2", "-o", this.#sender, join(import.meta.dirname, "sender.c")]);
    execFileSync("ip", ["netns", "add", this.namespace]);
    for (let pair = 0; pair < pairs; pair++) this.add(pair);
  }

  /** Makes a pair of devices, both up, on which nobody says anything unasked. */
  add(pair = 0): void {
    this.addPair(`tx${pair}`, `rx${pair}`);
  }

  /** The same with names. */
  addPair(from: string, to: string): void {
    this.ip("link", "add", from, "type", "veth", "peer", "name", to);
    for (const device of [from, to]) {
      this.run("sysctl", "-qw", `net.ipv6.conf.${device}.disable_ipv6=1`);
      this.ip("link", "set", device, "up");
    }
  }

  ip(...words: string[]): void {
    execFileSync("ip", ["-n", this.namespace, ...words]);
  }

  file(name: string): string {
    return join(this.directory, name);
  }

  within(command: readonly string[]): string[] {
    return [findCommand("ip") ?? "ip", "netns", "exec", this.namespace, ...command];
  }

  run(...command: string[]): string {
    const [program, ...args] = this.within(command);
    const { status, signal, stdout, stderr } = spawnSync(program, args, {
      encoding: "utf8",
      timeout: 60_000,
    });
    if (status !== 0) throw new Error(`${command.join(" ")}: ${signal ?? `status ${status}`}\n${stderr}`);
    return stdout;
  }

  start(...command: string[]): ChildProcessWithoutNullStreams {
    const [program, ...args] = this.within(command);
    const child = spawn(program, args);
    this.#children.push(child);
    return child;
  }

  /** Sends the frames of a pcap file; returns how many that were. */
  send(file: string, options: { device?: string; repeat?: number; perSecond?: number } = {}): number {
    const { device = "tx0", repeat = 1, perSecond = 0 } = options;
    return Number(this.run(this.#sender, device, file, `${repeat}`, `${perSecond}`));
  }

  /** The same, while the test goes on; `once(child, "exit")` is its end. */
  sending(file: string, repeat: number, perSecond: number, device = "tx0"): ChildProcessWithoutNullStreams {
    return this.start(this.#sender, device, file, `${repeat}`, `${perSecond}`);
  }

  /** A capture by tcpdump into a file; returns, once it runs, what ends it. */
  async tcpdump(device: string, file: string, ...more: string[]): Promise<() => Promise<void>> {
    const child = this.start(
      ...[
        "tcpdump",
        "-Z",
        "root",
        "-i",
        device,
        "-B",
        "65536",
        "--time-stamp-precision=nano",
        "-U",
        "-w",
        file,
        ...more,
      ],
    );
    let said = "";
    child.stderr.on("data", (text) => {
      said += text;
    });
    await eventually("tcpdump's start", () => said.includes("listening on"));
    return async () => {
      const exit = once(child, "exit");
      child.kill("SIGINT");
      await exit;
    };
  }

  capture(options: LiveOptions, more: ChildOptions = {}): LiveChild {
    const { prefix = [], ...rest } = more;
    return new LiveChild(
      this.start(...prefix, process.execPath, CHILD, JSON.stringify({ ...options, ...rest })),
    );
  }

  down(): void {
    for (const child of this.#children) child.kill("SIGKILL");
    spawnSync("ip", ["netns", "del", this.namespace]);
    rmSync(this.directory, { recursive: true, force: true });
  }
}

interface ChildOptions {
  /** Says nothing of packets. */
  quiet?: boolean;
  /** Captures with openCap and a Cap, new or open. */
  through?: "new" | "open";
  /** A command that runs the capture. */
  prefix?: string[];
}

/** What the child says of a packet. */
export interface LivePacket {
  interface: number;
  sec: number;
  nsec: number;
  captured: number;
  original: number;
  hash: string;
}

export interface LiveState {
  packets: number;
  batches: number;
  counts: LiveCounts[];
  gaps: LiveGap[];
  damage: { reason: string } | null;
  interfaces: CaptureInterface[];
}

type Line = { event: string } & Record<string, unknown>;

/** A capture in a process of its own (live-child.js). */
export class LiveChild {
  readonly process: ChildProcessWithoutNullStreams;
  readonly packets: LivePacket[] = [];
  readonly #lines: Line[] = [];
  readonly #exit: Promise<unknown[]>;
  /** What it wrote to standard error. */
  said = "";

  constructor(child: ChildProcessWithoutNullStreams) {
    this.process = child;
    this.#exit = once(child, "close");
    child.stderr.on("data", (text) => {
      this.said += text;
    });
    createInterface({ input: child.stdout }).on("line", (text) => {
      const line = JSON.parse(text) as Line;
      if (line.event === "packet") this.packets.push(line as unknown as LivePacket);
      else this.#lines.push(line);
    });
  }

  /** Waits for an event, and takes it. */
  async event(name: string): Promise<Line> {
    const find = () => this.#lines.findIndex(({ event }) => event === name);
    await eventually(`${name}; ${this.said}`, () => find() >= 0);
    return this.#lines.splice(find(), 1)[0];
  }

  tell(command: string): void {
    this.process.stdin.write(`${command}\n`);
  }

  async state(): Promise<LiveState> {
    this.tell("state");
    return (await this.event("state")) as unknown as LiveState;
  }

  /** Waits until the packets so far, or the state, are as wanted. */
  async until(what: string, isSo: (state: LiveState) => boolean): Promise<LiveState> {
    for (let tries = 0; ; tries++) {
      const state = await this.state();
      if (isSo(state)) return state;
      if (tries === 400) throw new Error(`gave up waiting for ${what}: ${JSON.stringify(state)}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** Stops the capture; its last words. */
  async stop(): Promise<LiveState> {
    this.tell("stop");
    const end = await this.event("end");
    await this.exit();
    return end as unknown as LiveState;
  }

  /** Waits for the end of the process; its status, or the signal that killed it. */
  async exit(): Promise<number | string> {
    const [status, signal] = await this.#exit;
    return (status ?? signal) as number | string;
  }
}
