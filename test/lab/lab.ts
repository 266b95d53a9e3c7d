/* A lab of its own for a test (lab.sh), and whether this machine allows one. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe } from "vitest";
import { noNamespaces } from "../setup/namespaces.js";
import { type DescribePeer, findCommand, peer } from "../setup/peer.js";

const SCRIPT = join(import.meta.dirname, "lab.sh");

const COMMANDS = [
  "ovn-northd",
  "ovn-nbctl",
  "ovn-sbctl",
  "ovn-trace",
  "ovn-controller",
  "ovsdb-server",
  "ovs-vswitchd",
  "ovs-vsctl",
  "ovsdb-client",
  "ovsdb-tool",
  "ip",
  "ethtool",
  "ping",
  "arping",
  "tcpdump",
  "/usr/share/ovn/ovn-sb.ovsschema",
];

/** Why no lab can be made here though the programs are there; null where one can. */
function forbidden(): string | null {
  const why = noNamespaces();
  return why === null && findCommand("/dev/net/tun") === null ? "needs /dev/net/tun" : why;
}

const why = forbidden();

/** `describe` for tests on a lab. */
export const describeLab: DescribePeer =
  why === null ? peer("OVN", COMMANDS) : (title, body) => describe.skip(`${title} [peer: OVN, ${why}]`, body);

/** One lab, with namespaces and a directory that no other has. */
export class Lab {
  readonly directory = mkdtempSync(join(tmpdir(), "genevescope-lab-"));
  readonly state = join(this.directory, "state");
  readonly environment = {
    ...process.env,
    GENEVESCOPE_LAB: this.state,
    GENEVESCOPE_LAB_PREFIX: `gvt${process.pid}`,
  };

  /** The southbound database's file, as its server writes it. */
  get database(): string {
    return this.central("sb.db");
  }

  get socket(): string {
    return this.server("sb");
  }

  /** A server of central as a remote: `sb`, `nb`, a cluster's `sb1` and so on. */
  server(name: string): string {
    return `unix:${this.central(`${name}.sock`)}`;
  }

  /** A file of central, such as `sb.db`. */
  central(name: string): string {
    return join(this.state, "central", name);
  }

  file(name: string): string {
    return join(this.directory, name);
  }

  /** A verb of lab.sh; what it prints. Throws where it fails, with what it said. */
  run(...verb: string[]): string {
    const { status, signal, stdout, stderr } = spawnSync(SCRIPT, verb, {
      encoding: "utf8",
      env: this.environment,
      timeout: 100_000,
      stdio: ["ignore", "pipe", "pipe"],
    });
    if (status !== 0) throw new Error(`lab.sh ${verb.join(" ")}: ${signal ?? `status ${status}`}\n${stderr}`);
    return stdout;
  }

  /** A program that goes on in the namespace of a host or a VM; `down` ends it, if nobody else did. */
  start(name: string, ...command: string[]): ChildProcess {
    const [program, ...args] = this.within(name, command);
    return spawn(program, args, { stdio: "ignore" });
  }

  /** The command that runs `command` in the namespace of a host or a VM, as the same process. */
  within(name: string, command: readonly string[]): string[] {
    const namespace = `${this.environment.GENEVESCOPE_LAB_PREFIX}-${name}`;
    return [findCommand("ip") ?? "ip", "netns", "exec", namespace, ...command];
  }

  /** Whether a member of the cluster leads it. */
  leads(member: string): boolean {
    const args = ["-t", this.central(`${member}.ctl`), "cluster/status", "OVN_Southbound"];
    const { stdout } = spawnSync(findCommand("ovs-appctl") ?? "", args, { encoding: "utf8" });
    return /^Role: leader$/m.test(stdout);
  }

  /** A logical port and the VM that has it, and its being known to every chassis. */
  addVm(name: string, host: string, mac: string, address: string, ...options: string[]): void {
    const set = options.length === 0 ? [] : ["--", "set", "Logical_Switch_Port", name, ...options];
    const [ip] = address.split("/");
    this.run(
      "nb",
      "--wait=sb",
      "lsp-add",
      "network1",
      name,
      "--",
      "lsp-set-addresses",
      name,
      `${mac} ${ip}`,
      ...set,
    );
    this.run("plug", name, host, mac, address, "192.168.0.1");
    this.waitBound(name, host);
  }

  /** Waits until the port is bound to the host, and every chassis knows. */
  waitBound(name: string, host: string): void {
    const chassis = this.run("sb", "get", "Chassis", host.replace("hv", "worker"), "_uuid").trim();
    this.run("sb", "wait-until", "Port_Binding", name, `chassis=${chassis}`, "up=true");
    this.run("sync");
  }

  /** Pings until there is an answer: the first packets between two chassis may be lost. */
  warm(name: string, address: string): void {
    for (let tries = 0; ; tries++)
      try {
        this.run("exec", name, "ping", "-n", "-c", "1", "-W", "1", address);
        return;
      } catch (error) {
        if (tries === 20) throw error;
      }
  }

  /** A program that reads the southbound database, as ovn-trace does. */
  ask(command: string, ...args: string[]): string {
    return execFileSync(findCommand(command) ?? command, [`--db=${this.socket}`, ...args], {
      encoding: "utf8",
    });
  }

  down(): void {
    this.run("down");
    rmSync(this.directory, { recursive: true, force: true });
  }
}
