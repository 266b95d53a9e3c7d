/* Two devices with a wire between them in a network namespace of their own: what a live capture is measured on. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { run } from "./measure.js";

const SENDER = fileURLToPath(new URL("../test/native/sender.c", import.meta.url));
const START_MS = 20_000;

export class LiveWire {
  #namespace = `gvb${process.pid}`;
  #sender;
  #children = new Set();

  /** Wants root. The sender is compiled into `directory`. */
  constructor(directory) {
    this.#sender = join(directory, "sender");
    run("cc", ["-O2", "-o", this.#sender, SENDER]);
    run("ip", ["netns", "add", this.#namespace]);
    const ip = (...words) => run("ip", ["-n", this.#namespace, ...words]);
    ip("link", "add", "tx0", "type", "veth", "peer", "name", "rx0");
    for (const device of ["tx0", "rx0"]) {
      const quiet = `net.ipv6.conf.${device}.disable_ipv6=1`;
      run("ip", ["netns", "exec", this.#namespace, "sysctl", "-qw", quiet]);
      ip("link", "set", device, "up");
    }
  }

  #start(command) {
    const child = spawn("ip", ["netns", "exec", this.#namespace, ...command]);
    this.#children.add(child);
    child.once("close", () => this.#children.delete(child));
    return child;
  }

  /** Sends `count` frames of a pcap file, again and again, from `tx0` to `rx0`; so many a second, 0 for all it can. */
  async send(file, frames, count, perSecond) {
    const repeat = Math.max(1, Math.round(count / frames));
    const child = this.#start([this.#sender, "tx0", file, `${repeat}`, `${perSecond}`]);
    let said = "";
    child.stdout.on("data", (text) => {
      said += text;
    });
    const began = performance.now();
    const [status] = await once(child, "close");
    if (status !== 0) throw new Error(`the sender ended with ${status}`);
    return { sent: Number(said), seconds: (performance.now() - began) / 1000 };
  }

  /** Begins a capture, and waits until it listens. */
  async capture(command) {
    const child = this.#start(command);
    const capture = { child, pid: child.pid, out: "", err: "", ended: once(child, "close") };
    child.stdout.on("data", (text) => {
      capture.out += text;
    });
    child.stderr.on("data", (text) => {
      capture.err += text;
    });
    const late = performance.now() + START_MS;
    while (!capture.err.includes("listening on")) {
      if (child.exitCode !== null || performance.now() > late)
        throw new Error(`${command.join(" ")}: ${capture.err}`);
      await sleep(20);
    }
    return capture;
  }

  close() {
    for (const child of this.#children) child.kill("SIGKILL");
    run("ip", ["netns", "del", this.#namespace]);
  }
}

/** Processor time that all threads of a process, none of which ends, have taken so far, in nanoseconds. */
export function processorTime(pid) {
  const tasks = `/proc/${pid}/task`;
  return readdirSync(tasks)
    .map((task) => Number(readFileSync(join(tasks, task, "schedstat"), "utf8").split(" ")[0]))
    .reduce((sum, time) => sum + time, 0);
}

/** Memory of a process that is resident, in MiB. */
export function resident(pid) {
  return Number(/^VmRSS:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]) / 1024;
}
