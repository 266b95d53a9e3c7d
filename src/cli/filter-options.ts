/* The flags that say which packets are wanted. */
import { type Command, Option } from "commander";
import type { FilterKind } from "../match/filters.js";
import { CliError } from "./fault.js";

/** A filter as it was given. */
export interface FilterArgument {
  readonly kind: FilterKind;
  readonly text: string;
  readonly negated: boolean;
}

/** By their kinds, which are the names of the flags, too. */
const FLAGS: Readonly<Record<FilterKind, readonly [value: string, help: string]>> = {
  datapath: ["name|uuid|key", "packets of this logical switch or router"],
  inport: ["name|key", "packets whose logical ingress port this is"],
  outport: ["name|key", "packets whose logical egress port, or multicast group, this is"],
  port: ["name|key", "packets of which either logical port is this one"],
  chassis: ["name|host|ip", "packets from or to this chassis, by the outer addresses"],
  ip: ["address[/length]", "packets of which either inner IP address is this one, or in this network"],
  mac: ["address", "packets of which either inner MAC address is this one"],
  match: [
    "expression",
    "packets that match, in OVN's language of logical flows: 'ip4 && tcp.dst == {80, 443}'",
  ],
  vni: ["number", "packets with this Virtual Network Identifier"],
  since: [
    "time",
    "packets that came at this time or later: ISO 8601, seconds since 1970, or how long ago (5m, 2h)",
  ],
  until: ["time", "packets that came before this time"],
};
const GROUP = "Filters (repeated: any of them; different ones: all of them):";
/** What a filter's flag begins with where `--not` stands before it: see joinNots. */
const NEGATED = "--not-";

/** A flag whose values are gathered with those of all other filters, in `filters`. */
class FilterOption extends Option {
  constructor(flag: string, kind: FilterKind, negated: boolean) {
    super(`${flag} <${FLAGS[kind][0]}>`, FLAGS[kind][1]);
    this.argParser((text: string, previous: FilterArgument[] | undefined) => [
      ...(previous ?? []),
      { kind, text, negated },
    ]);
  }

  override attributeName(): string {
    return "filters";
  }
}

/** Gives `command` the filters, of which CommonOptions.filters is made. */
export function addFilterOptions(command: Command): Command {
  for (const kind of Object.keys(FLAGS) as FilterKind[]) {
    command.addOption(new FilterOption(`--${kind}`, kind, false).helpGroup(GROUP));
    command.addOption(new FilterOption(`${NEGATED}${kind}`, kind, true).hideHelp());
  }
  return command
    .addOption(new Option("--not", "packets that the filter behind it does not match").helpGroup(GROUP))
    .on("option:not", () => {
      throw new CliError("--not stands right before the filter that it negates, as in --not --ip 10.0.0.1");
    });
}

/**
 * Makes one flag of every `--not` and the filter behind it. Where something else is behind it, it is left for
 * commander to meet.
 */
export function joinNots(words: string[]): void {
  for (let index = 0; index + 1 < words.length && words[index] !== "--"; index++) {
    const [, flag] = /^--([a-z]+)(?:=|$)/.exec(words[index + 1]) ?? [];
    if (words[index] === "--not" && flag !== undefined && Object.hasOwn(FLAGS, flag))
      words.splice(index, 2, NEGATED + words[index + 1].slice(2));
  }
}
