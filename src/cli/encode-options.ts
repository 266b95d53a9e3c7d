/* The flags of `encode` that describe frames. */
import { type Command, Option } from "commander";
import {
  type CorruptKind,
  corruptKinds,
  type EncapKind,
  encapKinds,
  type InnerKind,
  innerKinds,
} from "../encode/kinds.js";
import { quoted } from "../text.js";
import { canonicalAddress, formatMac, ipVersion } from "../wire/address.js";
import { EtherType } from "../wire/ethertype.js";
import { GENEVE_OPTION_DATA_MAX, type GeneveOptionRecord } from "../wire/geneve.js";
import { TciMask, type VlanTag } from "../wire/vlan.js";
import { CliError } from "./fault.js";
import { macOf } from "./filter-values.js";
import { keyArgument, LAST_VNI } from "./key-argument.js";
import { addSourceOptions, durationArgument, repeated, type SourceOptions } from "./options.js";

/** What the flags say; names and keys are still to be told apart. */
export interface FrameOptions extends SourceOptions {
  sbTime?: string;
  encap: EncapKind;
  vni?: number;
  datapath?: string;
  inport?: string;
  outport?: string;
  from?: string;
  to?: string;
  option?: GeneveOptionRecord[];
  oam?: boolean;
  outerSrcMac?: string;
  outerDstMac?: string;
  outerSrc?: string;
  outerDst?: string;
  outerSrcPort?: number;
  outerDstPort?: number;
  outerTtl?: number;
  outerDscp?: number;
  outerVlan?: VlanTag[];
  /** False where they are to be left out. */
  outerDf: boolean;
  outerChecksum: boolean;
  inner?: InnerKind;
  innerHex?: Uint8Array;
  innerPcap?: string;
  innerSrcMac?: string;
  innerDstMac?: string;
  innerSrc?: string;
  innerDst?: string;
  innerSrcPort?: number;
  innerDstPort?: number;
  innerTtl?: number;
  innerDscp?: number;
  innerVlan?: VlanTag[];
  id?: number;
  seq?: number;
  size?: number;
  corrupt?: CorruptKind;
  time?: string;
  interval?: number;
}

const TUNNEL = "What the tunnel's header says:";
const NAMES = "By name, of a southbound database:";
const OUTER = "Around it:";
const INNER = "What it carries (one of the first three makes frames of these flags):";
const SERIES = "When:";
const GROUPS: readonly string[] = [INNER, TUNNEL, NAMES, OUTER, SERIES];

/** Gives `command` the flags that describe frames. */
export function addFrameOptions(command: Command): Command {
  const add = (
    group: string,
    flags: string,
    help: string,
    parse?: (text: string, previous: never) => unknown,
  ) => {
    const option = new Option(flags, help).helpGroup(group);
    if (parse !== undefined) option.argParser(parse as (text: string) => unknown);
    command.addOption(option);
  };
  const kinds = (table: Readonly<Record<string, string>>) =>
    Object.entries(table)
      .map(([name, words]) => `${name} (${words})`)
      .join(", ");

  add(
    INNER,
    "--inner <kind>",
    `a frame of this kind: ${kinds(innerKinds)}`,
    oneOf("--inner", Object.keys(innerKinds)),
  );
  add(INNER, "--inner-hex <digits>", "this Ethernet frame, as hexadecimal digits", (text) =>
    hexOf("--inner-hex", text),
  );
  add(INNER, "--inner-pcap <file>", "the Ethernet frames of this capture, one after the other");
  add(INNER, "--inner-src-mac <mac>", "from this MAC address", macArgument("--inner-src-mac"));
  add(INNER, "--inner-dst-mac <mac>", "to this MAC address", macArgument("--inner-dst-mac"));
  add(INNER, "--inner-src <ip>", "from this IPv4 or IPv6 address", ipArgument("--inner-src"));
  add(INNER, "--inner-dst <ip>", "to this address", ipArgument("--inner-dst"));
  add(
    INNER,
    "--inner-src-port <port>",
    "of UDP and TCP (default: 49152)",
    number("--inner-src-port", 0xffff),
  );
  add(
    INNER,
    "--inner-dst-port <port>",
    "of UDP and TCP (default: 7, echo)",
    number("--inner-dst-port", 0xffff),
  );
  add(
    INNER,
    "--inner-ttl <n>",
    "TTL or hop limit (default: 64, less the routers on the way)",
    number("--inner-ttl", 0xff),
  );
  add(INNER, "--inner-dscp <n>", "0 to 63 (default: 0)", number("--inner-dscp", 0x3f));
  add(
    INNER,
    "--inner-vlan <id[:priority]>",
    "a VLAN tag, repeatable, the outermost first",
    repeated(vlanArgument("--inner-vlan")),
  );
  add(INNER, "--id <n>", "identifier of an echo (default: 1)", number("--id", 0xffff));
  add(
    INNER,
    "--seq <n>",
    "sequence number of the first echo (default: 1); each further one has the next",
    number("--seq", 0xffff),
  );
  add(
    INNER,
    "--size <bytes>",
    "bytes behind the innermost header (default: 56 in an echo, as ping; else 0)",
    number("--size", 0xffff),
  );

  command.addOption(
    new Option("--encap <kind>", "what tunnel it is")
      .choices(Object.keys(encapKinds))
      .default("geneve")
      .helpGroup(TUNNEL),
  );
  add(
    TUNNEL,
    "--vni <n>",
    "Virtual Network Identifier; with keys alone --datapath says the same",
    number("--vni", LAST_VNI),
  );
  add(
    TUNNEL,
    "--inport <name|key>",
    "logical ingress port, in OVN's option or STT's context id; VXLAN has no room for it",
  );
  add(TUNNEL, "--outport <name|key>", "logical egress port or multicast group, likewise or in VXLAN's VNI");
  add(TUNNEL, "--datapath <name|uuid|key>", "the logical switch or router whose ports these are");
  add(
    TUNNEL,
    "--option <class:type:hex>",
    "a further option, repeatable: class and type as numbers (0x for hexadecimal), its data as hexadecimal digits",
    repeated(optionArgument),
  );
  add(TUNNEL, "--oam", "the O bit. The C bit is set where an option is critical");
  command.addOption(
    new Option(
      "--corrupt <kind>",
      `wrong on purpose, to try decoders with; the frame is right in all else: ${kinds(corruptKinds)}`,
    )
      .argParser(oneOf("--corrupt", Object.keys(corruptKinds)))
      .helpGroup(TUNNEL),
  );

  add(NAMES, "--from <chassis>", "sent by this chassis (default: that of --inport)");
  add(
    NAMES,
    "--to <chassis>",
    "sent to this chassis (default: that of --outport; to a multicast group one frame to each that has a port of it)",
  );
  add(NAMES, "--sb-time <when>", "names as of `latest` (default), or a time such as 2026-11-21T07:20:00Z");

  add(
    OUTER,
    "--outer-src <ip>",
    "from this address (default: the tunnel end point of the chassis)",
    ipArgument("--outer-src"),
  );
  add(OUTER, "--outer-dst <ip>", "to this address (likewise)", ipArgument("--outer-dst"));
  add(
    OUTER,
    "--outer-src-mac <mac>",
    "from this MAC address (default: 02:00:00:00:00:01; with --send that of the device)",
    macArgument("--outer-src-mac"),
  );
  add(
    OUTER,
    "--outer-dst-mac <mac>",
    "to this MAC address (default: 02:00:00:00:00:02; with --send that of the neighbour)",
    macArgument("--outer-dst-mac"),
  );
  add(
    OUTER,
    "--outer-src-port <port>",
    "UDP source port, or that of what STT has for TCP (default: a hash of the inner flow, 32768 to 60999)",
    number("--outer-src-port", 0xffff),
  );
  add(
    OUTER,
    "--outer-dst-port <port>",
    "likewise the destination port (default: 6081, of VXLAN 4789, of STT 7471, or what the end point asks for)",
    number("--outer-dst-port", 0xffff),
  );
  add(OUTER, "--outer-ttl <n>", "TTL or hop limit (default: 64)", number("--outer-ttl", 0xff));
  add(OUTER, "--outer-dscp <n>", "0 to 63 (default: 0)", number("--outer-dscp", 0x3f));
  add(
    OUTER,
    "--outer-vlan <id[:priority]>",
    "a VLAN tag, repeatable, the outermost first",
    repeated(vlanArgument("--outer-vlan")),
  );
  add(OUTER, "--no-outer-df", "without IPv4's don't-fragment flag");
  add(
    OUTER,
    "--no-outer-checksum",
    "without a UDP checksum (default: with one, unless the end point has csum=false)",
  );

  add(
    SERIES,
    "--time <time>",
    "time of the first, ISO 8601 or seconds since 1970 (default: now, or those of --inner-pcap)",
  );
  add(
    SERIES,
    "--interval <time>",
    "time between two, such as 10ms (default: 1s, or as in --inner-pcap)",
    durationArgument,
  );
  return addSourceOptions(command, "--certificate");
}

/** The first flag of those that describe frames that was given, or null. */
export function givenFrameFlag(command: Command): string | null {
  const given = command.options.find(
    (option) =>
      GROUPS.includes(option.helpGroupHeading ?? "") &&
      command.getOptionValueSource(option.attributeName()) === "cli",
  );
  return given?.long ?? null;
}

function number(flag: string, high: number): (text: string) => number {
  return (text) => keyArgument(flag, text, 0, high);
}

function oneOf(flag: string, words: readonly string[]): (text: string) => string {
  return (text) => {
    if (words.includes(text)) return text;
    throw new CliError(`${flag} ${quoted(text)} is none of ${words.join(", ")}`);
  };
}

function macArgument(flag: string): (text: string) => string {
  return (text) => formatMac(macOf(flag, text));
}

function ipArgument(flag: string): (text: string) => string {
  return (text) => {
    if (ipVersion(text) === 0) throw new CliError(`${flag} ${quoted(text)} is no IP address`);
    return canonicalAddress(text);
  };
}

function vlanArgument(flag: string): (text: string) => VlanTag {
  return (text) => {
    const [id, priority = "0", ...more] = text.split(":");
    if (more.length > 0) throw new CliError(`${flag} ${quoted(text)} is not ID or ID:PRIORITY`);
    return {
      tpid: EtherType.vlan,
      vlan: keyArgument(`${flag}: VLAN id`, id, 0, TciMask.vlan),
      priority: keyArgument(`${flag}: priority`, priority, 0, TciMask.priority),
      dropEligible: false,
    };
  };
}

function optionArgument(text: string): GeneveOptionRecord {
  const [optionClass, type, digits, ...more] = text.split(":");
  if (digits === undefined || more.length > 0)
    throw new CliError(`--option ${quoted(text)} is not CLASS:TYPE:HEX, such as 0x0103:1:00c0ffee`);
  const data = hexOf("--option", digits);
  if (data.length % 4 !== 0 || data.length > GENEVE_OPTION_DATA_MAX)
    throw new CliError(
      `--option ${quoted(text, 64)} has ${data.length} bytes of data, not a multiple of 4 up to ${GENEVE_OPTION_DATA_MAX}`,
    );
  return {
    optionClass: keyArgument("--option: class", optionClass, 0, 0xffff),
    type: keyArgument("--option: type", type, 0, 0xff),
    reserved: 0,
    data,
  };
}

/** Bytes as hexadecimal digits; spaces and colons between them do not count. */
function hexOf(flag: string, text: string): Uint8Array {
  const digits = text.replace(/[\s:]/g, "");
  if (digits.length % 2 !== 0 || /[^0-9a-f]/i.test(digits))
    throw new CliError(`${flag} ${quoted(text, 64)} is not hexadecimal digits, two a byte`);
  return new Uint8Array(Buffer.from(digits, "hex"));
}
