/* Link headers and ARP as `decode -o json` names their fields (docs/cli.md): the inverse of output/fields.ts. */
import type { HeaderLayer } from "../frame/layers.js";
import { IPV4_BYTES, ipVersion, MAC_BYTES } from "../wire/address.js";
import { ETHER_TYPE_MIN, EtherType } from "../wire/ethertype.js";
import { AddressFamily } from "../wire/null-loopback.js";
import { SLL_ADDRESS_BYTES, type SllRecord } from "../wire/sll.js";
import { TciMask, type VlanTag } from "../wire/vlan.js";
import { type Depth, type Draft, place } from "./json-draft.js";
import { isMac, type JsonFields, Largest } from "./json-fields.js";

/** Ethernet among the kinds of hardware: ARP's number, and ARPHRD_ETHER. */
const ETHERNET_HARDWARE = 1;

/** What a link header of this EtherType carries: as given, or as the headers behind it say. */
function etherType(fields: JsonFields, carried: number | undefined, usual?: number): number {
  const given = fields.given("type", Largest.short);
  if (given !== undefined && carried !== undefined && given !== carried)
    throw fields.wrong("type", `${given}, but what follows it has ${carried}`);
  const type = given ?? carried ?? usual;
  if (type === undefined) throw fields.wrong("type", "is missing");
  return type;
}

function vlans(fields: JsonFields): VlanTag[] {
  return fields.objects("vlans").map((tag) => {
    const tpid = tag.number("tpid", Largest.short, EtherType.vlan);
    if (tpid !== EtherType.vlan && tpid !== EtherType.serviceVlan && tpid !== EtherType.legacyVlan)
      throw tag.wrong("tpid", `${tpid} is none of 33024, 34984, 37120`);
    const read = {
      tpid,
      vlan: tag.number("vlan", TciMask.vlan),
      priority: tag.number("priority", TciMask.priority, 0),
      dropEligible: tag.flag("dropEligible"),
    };
    tag.end();
    return read;
  });
}

export function ethernet(
  fields: JsonFields,
  depth: Depth,
  carried: number | undefined,
): Draft<HeaderLayer<"ethernet">> {
  // Outside, `decode` leaves the type of IPv4 out.
  const type = etherType(fields, carried, depth === 0 ? EtherType.ipv4 : undefined);
  const layer: HeaderLayer<"ethernet"> = {
    layer: "ethernet",
    ...place(depth),
    source: fields.mac("src"),
    destination: fields.mac("dst"),
    tags: vlans(fields),
    etherType: type,
  };
  return { layer, fields, ...(type < ETHER_TYPE_MIN ? { length: type } : {}) };
}

export function sll(fields: JsonFields, carried: number | undefined): Draft<HeaderLayer<"sll">> {
  const packetType = fields.number("packetType", Largest.short);
  const layer = { layer: "sll" as const, ...place(0), packetType, ...cooked(fields, carried, Largest.short) };
  return { layer, fields };
}

export function sll2(fields: JsonFields, carried: number | undefined): Draft<HeaderLayer<"sll2">> {
  const layer = {
    layer: "sll2" as const,
    ...place(0),
    packetType: fields.number("packetType", Largest.byte),
    interfaceIndex: fields.number("interfaceIndex", Largest.long),
    reserved: fields.number("reserved", Largest.short, 0),
    ...cooked(fields, carried, Largest.byte),
  };
  return { layer, fields };
}

function cooked(
  fields: JsonFields,
  carried: number | undefined,
  longest: number,
): Omit<SllRecord, "packetType"> {
  const bytes = new Uint8Array(Buffer.from(hardwareText(fields, "address").text.replaceAll(":", ""), "hex"));
  const rest = fields.units("addressRest", 1, SLL_ADDRESS_BYTES);
  if (bytes.length + rest.length > SLL_ADDRESS_BYTES)
    throw fields.wrong("address", `${bytes.length} bytes, ${SLL_ADDRESS_BYTES} at most`, SLL_ADDRESS_BYTES);
  const address = new Uint8Array(SLL_ADDRESS_BYTES);
  address.set(bytes);
  address.set(rest, bytes.length);
  return {
    address,
    addressLength: fields.number("addressLength", longest, bytes.length),
    hardwareType: fields.number("hardwareType", Largest.short, ETHERNET_HARDWARE),
    tags: vlans(fields),
    etherType: etherType(fields, carried),
  };
}

export function loopback(fields: JsonFields, carried: number | undefined): Draft<HeaderLayer<"null">> {
  const usual = carried === EtherType.ipv6 ? AddressFamily.inet6Linux : AddressFamily.inet;
  const layer = {
    layer: "null" as const,
    ...place(0),
    family: fields.number("family", Largest.long, carried === undefined ? undefined : usual),
    littleEndian: fields.givenFlag("littleEndian") ?? true,
  };
  return { layer, fields };
}

export function arp(fields: JsonFields, depth: Depth): Draft<HeaderLayer<"arp">> {
  const address = (end: string) => {
    const [mac, ip] = [`${end}Mac`, `${end}Ip`];
    const hardware = hardwareText(fields, mac);
    const protocol = protocolText(fields, ip);
    return { mac, ip, hardware, protocol };
  };
  const sender = address("sender");
  const target = address("target");
  for (const name of ["hardware", "protocol"] as const)
    if (sender[name].bytes !== target[name].bytes)
      throw fields.wrong(
        name === "hardware" ? target.mac : target.ip,
        `${target[name].bytes} bytes, the sender's has ${sender[name].bytes}`,
      );
  const layer: HeaderLayer<"arp"> = {
    layer: "arp",
    ...place(depth),
    hardwareType: fields.number("hardwareType", Largest.short, ETHERNET_HARDWARE),
    protocolType: fields.number("protocolType", Largest.short, EtherType.ipv4),
    hardwareLength: sender.hardware.bytes,
    protocolLength: sender.protocol.bytes,
    operation: fields.number("operation", Largest.short),
    senderHardware: sender.hardware.text,
    senderProtocol: sender.protocol.text,
    targetHardware: target.hardware.text,
    targetProtocol: target.protocol.text,
  };
  return { layer, fields };
}

/** An address as ARP's record has it, and its length. */
interface AddressText {
  text: string;
  bytes: number;
}

/** A hardware address: a MAC, or hexadecimal digits of any other length. */
function hardwareText(fields: JsonFields, name: string): AddressText {
  const text = fields.text(name) ?? missing(fields, name);
  if (isMac(text)) return { text, bytes: MAC_BYTES };
  return { text, bytes: digits(fields, name, text, MAC_BYTES, "a MAC address") };
}

/** A protocol address: IPv4, or hexadecimal digits of any other length. */
function protocolText(fields: JsonFields, name: string): AddressText {
  const text = fields.text(name) ?? missing(fields, name);
  if (ipVersion(text) === 4) return { text, bytes: IPV4_BYTES };
  return { text, bytes: digits(fields, name, text, IPV4_BYTES, "an IPv4 address") };
}

/** Bytes that are written as hexadecimal digits because they are not `other` many, which is written as `words`. */
function digits(fields: JsonFields, name: string, text: string, other: number, words: string): number {
  const bytes = text.length / 2;
  if (bytes !== other && bytes <= Largest.byte && Number.isInteger(bytes) && !/[^0-9a-f]/i.test(text))
    return bytes;
  throw fields.wrong(name, `${JSON.stringify(text.slice(0, 40))} is not ${words}`);
}

function missing(fields: JsonFields, name: string): never {
  throw fields.wrong(name, "is missing");
}
