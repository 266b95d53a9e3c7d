/* The program as users run it, and the shape of its answers (docs/cli.md). */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";

export const MAIN = join(import.meta.dirname, "../../dist/cli/main.js");

type Fields = Record<string, unknown>;
export type Port = { name: string; type: string; chassis?: string | null };

/** A line of `decode -o json`. */
export interface Packet {
  number: number;
  time: string;
  capturedBytes: number;
  originalBytes: number;
  status: string;
  outer: Record<string, Fields> | null;
  geneve: {
    version: number;
    oam: boolean;
    critical: boolean;
    protocolType: number;
    vni: number;
    options: { class: number; type: number; critical: boolean; data: string }[];
  } | null;
  vxlan?: { flags: number; vni: number };
  stt?: { flags: number; contextId: string };
  ovn: {
    datapathKey: number;
    ingressKey: number | null;
    egressKey: number | null;
    datapath: { name: string; kind: string; uuid: string } | null;
    inport: Port | null;
    outport: Port | null;
    sourceChassis: string | null;
    destinationChassis: string | null;
    source: { name: string } | null;
    destination: { name: string } | null;
    bfd?: boolean;
    vtep?: boolean;
    assumed?: boolean;
  } | null;
  inner: (Record<string, Fields> & { summary?: string }) | null;
}

/** The answer of `analyze -o json`, as far as the tests read it. */
export interface Analysis {
  files: { name: string; packets: number; bytes: number; firstTime: string; lastTime: string }[];
  packets: number;
  geneve: number;
  vxlan: number;
  stt: number;
  vxlanAssumed: number;
  ovn: number;
  bfd: number;
  notGeneve: number;
  malformed: number;
  truncated: number;
  unsupported: number;
  bytes: number;
  flows: {
    datapathKey: number;
    ingressKey: number | null;
    egressKey: number | null;
    datapath: string | null;
    inport: string | null;
    outport: string | null;
    packets: number;
    bytes: number;
    firstTime: string;
    lastTime: string;
  }[];
  flowCount: number;
  datapaths: {
    datapathKey: number;
    name: string | null;
    kind: string | null;
    packets: number;
    bytes: number;
  }[];
  ports: {
    datapathKey: number;
    portKey: number;
    datapath: string | null;
    name: string | null;
    type: string | null;
    chassis: string | null;
    rxPackets: number;
    rxBytes: number;
    txPackets: number;
    txBytes: number;
  }[];
  tunnels: {
    source: string;
    destination: string;
    sourceChassis: string | null;
    destinationChassis: string | null;
    packets: number;
    bytes: number;
    largestOuterBytes: number;
  }[];
}

/** What the program prints to stdout; throws where it does not end with status 0. */
export function genevescope(...args: string[]): string {
  if (!existsSync(MAIN)) throw new Error("dist is not built: npm run build");
  return execFileSync(process.execPath, [MAIN, ...args], {
    encoding: "utf8",
    maxBuffer: 1 << 28,
    // Not the developer's own database, nor colours.
    env: { ...process.env, OVN_SB_DB: "", NO_COLOR: "1", FORCE_COLOR: undefined },
  });
}

/** Every packet of a capture, those that are not Geneve too. */
export function decodeAll(capture: string, ...args: string[]): Packet[] {
  const text = genevescope("decode", "--all", "-o", "json", capture, ...args);
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Packet);
}

export function analyze(capture: string, ...args: string[]): Analysis {
  return JSON.parse(genevescope("analyze", "-o", "json", capture, ...args)) as Analysis;
}

/** An ISO time as nanoseconds since 1970. */
export function nanoseconds(time: string): bigint {
  const [, seconds, fraction] = /^(.*)\.(\d{9})Z$/.exec(time) as unknown as [string, string, string];
  return BigInt(Date.parse(`${seconds}Z`)) * 1_000_000n + BigInt(fraction);
}
