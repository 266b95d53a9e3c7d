/* A lab of its own for a test (lab.sh), and whether this machine allows one. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe } from "vitest";
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
  if (findCommand("ip") === null) return null; // peer() says so.
  if (process.getuid?.() !== 0) return "needs root";
  if (findCommand("/dev/net/tun") === null) return "needs /dev/net/tun";
  // Root of a container may not make network namespaces.
  const name = `gvt-probe-${process.pid}`;
  if (spawnSync("ip", ["netns", "add", name], { stdio: "ignore" }).status !== 0)
    return "may not make network namespaces";
  spawnSync("ip", ["netns", "del", name], { stdio: "ignore" });
  return null;
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
    return join(this.state, "central/sb.db");
  }

  get socket(): string {
    return `unix:${join(this.state, "central/sb.sock")}`;
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
