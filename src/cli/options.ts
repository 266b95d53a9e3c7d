import { type Command, InvalidArgumentError, Option } from "commander";
import type { NameChoice } from "../output/names.js";
import { CliError } from "./fault.js";

/** The common flags of docs/cli.md, as the verbs get them. */
export interface CommonOptions {
  sb?: string;
  sbTime?: string;
  nb?: string;
  ovs?: string[];
  privateKey?: string;
  certificate?: string;
  caCert?: string;
  genevePort?: number[];
  count?: number;
  output: "text" | "json";
  all?: boolean;
  /** Which name is shown; false with `-n`. */
  names: NameChoice | false;
  utc?: boolean;
  reader: "builtin" | "pcap-parser";
}

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

function portArgument(text: string, previous: number[] | undefined): number[] {
  return [...(previous ?? []), integer(text, 1, 65535)];
}

function sourceArgument(text: string, previous: string[] | undefined): string[] {
  return [...(previous ?? []), text];
}

/**
 * Gives `command` the common flags. The filters of the contract (--match to --not) take their place between
 * the southbound flags and --geneve-port.
 */
export function addCommonOptions(command: Command, countHelp: string): Command {
  return command
    .option(
      "--sb <source>",
      "southbound database: a file (ovsdb-server's database file, `ovsdb-client backup` or `ovsdb-client -f json dump`); default $OVN_SB_DB",
    )
    .option(
      "--sb-time <when>",
      "name keys as of `packet` (each packet's own time), `latest`, or a time such as 2026-11-21T07:20:00Z (default: packet where the source has history, else latest)",
    )
    .option(
      "--nb <source>",
      "northbound database, as --sb: names, addresses and DHCP host names that the southbound lacks",
    )
    .addOption(
      new Option(
        "--ovs <source>",
        "a host's Open_vSwitch database (conf.db), as --sb; repeatable: device and instance of each port",
      ).argParser(sourceArgument),
    )
    .option("-p, --private-key <file>", "private key for ssl: servers")
    .option("--certificate <file>", "certificate of that key")
    .option("-C, --ca-cert <file>", "certificate of the CA that signed the server's")
    .addOption(
      new Option(
        "--names <names>",
        "ports and networks by their `logical` names, by the `friendly` ones that OpenStack, oVirt or Kubernetes gave them, or by `both`",
      )
        .choices(["logical", "friendly", "both"])
        .default("logical"),
    )
    .addOption(
      new Option(
        "--geneve-port <port>",
        "UDP destination port of Geneve, repeatable (default: 6081 and every Encap's dst_port)",
      ).argParser(portArgument),
    )
    .addOption(new Option("-c, --count <n>", countHelp).argParser(countArgument))
    .addOption(new Option("-o, --output <format>", "how to print").choices(["text", "json"]).default("text"))
    .option("--all", "packets that are not Geneve too")
    .option("-n, --no-names", "keys and addresses only, no names")
    .option("--utc", "times in UTC instead of local time")
    .addOption(
      new Option(
        "--reader <reader>",
        "who takes capture files apart; pcap-parser: that npm package, microsecond pcap files only, slower",
      )
        .choices(["builtin", "pcap-parser"])
        .default("builtin"),
    );
}

/** ISO 8601 as far as it names a moment: a date, perhaps a time, perhaps a zone. Date.parse takes much else. */
const isoDate = /^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?$/;

/**
 * `--sb-time` as milliseconds since 1970, Infinity for `latest`, or null for each packet's own time.
 * Undefined: as the source allows.
 */
export function sbTime(text: string | undefined): number | null | undefined {
  if (text === undefined) return undefined;
  if (text === "packet") return null;
  if (text === "latest") return Number.POSITIVE_INFINITY;
  // Seconds since 1970 as date +%s and tcpdump -tt print them.
  const value = /^\d+(\.\d+)?$/.test(text)
    ? Number(text) * 1000
    : isoDate.test(text)
      ? Date.parse(text)
      : Number.NaN;
  if (!Number.isFinite(value))
    throw new CliError(
      `--sb-time ${JSON.stringify(text)} is not a time; give packet, latest, an ISO time such as 2026-11-21T07:20:00Z, or seconds since 1970`,
    );
  return value;
}
