import { type Command, InvalidArgumentError, Option } from "commander";
import type { NameChoice } from "../output/names.js";
import { addFilterOptions, type FilterArgument } from "./filter-options.js";
import { milliseconds } from "./time-argument.js";

/** What captures are, for help. */
export const CAPTURES = "captures (pcap, pcapng, gzip or zstd compressed, or tcpdump -x text); - is stdin";

/** Where the southbound is. */
export interface SourceOptions {
  sb?: string;
  privateKey?: string;
  certificate?: string;
  caCert?: string;
}

/** As of when names are, and which further sources there are for them. */
export interface NamingOptions extends SourceOptions {
  sbTime?: string;
  nb?: string;
  ovs?: string[];
  utc?: boolean;
}

/** Flags of the ports that tunnels are told by. */
export interface PortOptions {
  genevePort?: number[];
  vxlanPort?: number[];
}

/** Flags that say which packets are taken, and how they are named. */
export interface TakeOptions extends NamingOptions, PortOptions {
  filters?: FilterArgument[];
  count?: number;
  all?: boolean;
  /** Which name is shown; false with `-n`. */
  names: NameChoice | false;
}

/** The common flags of docs/cli.md, as verbs that print packets get them. */
export interface PacketOptions extends TakeOptions {
  output: Format;
}

/** Which reader takes captures apart. */
export interface ReaderOptions {
  reader: "builtin" | "pcap-parser";
}

/** The same of verbs that read captures. */
export interface CommonOptions extends PacketOptions, ReaderOptions {}

function integer(text: string, low: number, high: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < low || value > high)
    throw new InvalidArgumentError(`Not a whole number from ${low} to ${high}.`);
  return value;
}

/** A positive count. */
export function countArgument(text: string): number {
  return integer(text, 1, Number.MAX_SAFE_INTEGER);
}

/** Packets a second. */
export function rateArgument(text: string): number {
  const value = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || value < 0.001 || value > 10_000_000)
    throw new InvalidArgumentError("Not a number of packets a second from 0.001 to 10000000.");
  return value;
}

/** Bytes of a packet. */
export function lengthArgument(text: string): number {
  return integer(text, 1, 262_144);
}

/** A ring's size in KiB. */
export function bufferArgument(text: string): number {
  return integer(text, 64, 2_097_151);
}

/** A length of time, in milliseconds. */
export function durationArgument(text: string): number {
  const ms = milliseconds(text);
  // What setTimeout takes.
  if (ms === null || ms < 1 || ms > 0x7fff_ffff)
    throw new InvalidArgumentError("Not a length of time such as 500ms, 30s, 5m, 1h, up to 24 days.");
  return ms;
}

/** Collects the values of a flag that may be repeated, each read by `read`. */
export function repeated<T>(read: (text: string) => T): (text: string, previous: T[] | undefined) => T[] {
  return (text, previous) => [...(previous ?? []), read(text)];
}

/** The flag `--sb`, and those for servers that speak TLS; `certificate`: how that one is written. */
export function addSourceOptions(command: Command, certificate: string): Command {
  return command
    .option(
      "--sb <source>",
      "southbound database: servers as ovn-sbctl takes them (unix:PATH, tcp:HOST:PORT, ssl:HOST:PORT, those of a cluster separated by commas), or a file, perhaps compressed by gzip: a database file, standalone or a cluster member's, `ovsdb-client backup`, `ovsdb-client -f json dump`, or a snapshot of `sb snapshot`; default $OVN_SB_DB",
    )
    .option("-p, --private-key <file>", "private key for ssl: servers")
    .option(`${certificate} <file>`, "certificate of that key")
    .option("-C, --ca-cert <file>", "certificate of the CA that signed the server's");
}

/** Flags that say which names are shown and where more of them are. */
export function addNameOptions(command: Command): Command {
  return command
    .option(
      "--nb <source>",
      "northbound database, as --sb: names, addresses and DHCP host names that the southbound lacks",
    )
    .addOption(
      new Option(
        "--ovs <source>",
        "a host's Open_vSwitch database (conf.db), as --sb; repeatable: device and instance of each port",
      ).argParser(repeated((text) => text)),
    )
    .addOption(
      new Option(
        "--names <names>",
        "ports and networks by their `logical` names, by the `friendly` ones that OpenStack, oVirt or Kubernetes gave them, or by `both`",
      )
        .choices(["logical", "friendly", "both"])
        .default("logical"),
    );
}

/** What answers are printed as. */
export type Format = "text" | "json";

/** The flag that says what the answer is printed as. */
export function addFormatOption(command: Command): Command {
  return command.addOption(
    new Option("-o, --output <format>", "how to print").choices(["text", "json"]).default("text"),
  );
}

/** Flags that say how answers are printed. */
export function addOutputOptions(command: Command): Command {
  return addFormatOption(command).option("--utc", "times in UTC instead of local time");
}

/** Gives `command` the flags `--geneve-port` and `--vxlan-port`. */
export function addPortOptions(command: Command): Command {
  return command
    .addOption(portOption("geneve", "Geneve", 6081))
    .addOption(portOption("vxlan", "VXLAN", 4789));
}

function portOption(name: string, protocol: string, assigned: number): Option {
  return new Option(
    `--${name}-port <port>`,
    `UDP destination port of ${protocol}, repeatable (default: ${assigned} and every Encap's dst_port)`,
  ).argParser(repeated((text) => integer(text, 1, 65535)));
}

/** Gives `command` the flags that say which packets are taken, and how they are named. */
export function addTakeOptions(command: Command, countHelp: string): Command {
  // `-c` is the count here: see arguments.ts.
  addSourceOptions(command, "--certificate").option(
    "--sb-time <when>",
    "name keys as of `packet` (each packet's own time), `latest`, or a time such as 2026-11-21T07:20:00Z (default: packet where the source has history, else latest)",
  );
  addPortOptions(addFilterOptions(addNameOptions(command))).addOption(
    new Option("-c, --count <n>", countHelp).argParser(countArgument),
  );
  return command
    .option("--utc", "times in UTC instead of local time")
    .option("--all", "packets that are no tunnel's, too")
    .option("-n, --no-names", "keys and addresses only, no names");
}

/** Gives `command` the common flags. */
export function addPacketOptions(command: Command, countHelp: string): Command {
  return addFormatOption(addTakeOptions(command, countHelp));
}

/** Gives `command` the common flags, and those of captures. */
export function addCommonOptions(command: Command, countHelp: string): Command {
  return addReaderOption(addPacketOptions(command, countHelp));
}

/** The flag that says who takes captures apart. */
export function addReaderOption(command: Command): Command {
  return command.addOption(
    new Option(
      "--reader <reader>",
      "who takes capture files apart; pcap-parser: that npm package, microsecond pcap files only, slower",
    )
      .choices(["builtin", "pcap-parser"])
      .default("builtin"),
  );
}
