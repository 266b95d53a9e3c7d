/* IP headers as `decode -o json` names their fields (docs/cli.md): the inverse of output/fields.ts. */
import type { HeaderLayer } from "../frame/layers.js";
import { IPV4_OPTIONS_MAX } from "../wire/ipv4.js";
import { checksum, type Depth, type Draft, place, UNKNOWN_LENGTH } from "./json-draft.js";
import { type JsonFields, Largest } from "./json-fields.js";

const USUAL_TTL = 64;

/** The version of an IP header, as given or as its source address says. */
export function ipVersionOf(fields: JsonFields): 4 | 6 {
  const version = fields.given("version", Largest.byte);
  if (version === 4 || version === 6) return version;
  if (version !== undefined) throw fields.wrong("version", `${version} is neither 4 nor 6`);
  return fields.text("src")?.includes(":") ? 6 : 4;
}

/** The protocol number, as given or as the header behind says. */
function protocolOf(fields: JsonFields, carried: number | undefined): number {
  const given = fields.given("protocol", Largest.byte);
  if (given !== undefined && carried !== undefined && given !== carried)
    throw fields.wrong("protocol", `${given}, but what follows it has ${carried}`);
  const protocol = given ?? carried;
  if (protocol === undefined) throw fields.wrong("protocol", "is missing");
  return protocol;
}

export function ipv4(
  fields: JsonFields,
  depth: Depth,
  carried: number | undefined,
): Draft<HeaderLayer<"ipv4">> {
  fields.skip("version");
  const length = fields.given("length", Largest.short);
  const tos = fields.number("tos", Largest.byte, 0);
  const fragment = fields.object("fragment");
  const givenId = fields.given("id", Largest.short);
  const identification = fragment?.number("id", Largest.short, givenId ?? 0) ?? givenId ?? 0;
  if (givenId !== undefined && givenId !== identification)
    throw fields.wrong("id", `${givenId}, but that of fragment is ${identification}`);
  const offset = fragment?.number("offset", 0xfff8, 0) ?? 0;
  if (offset % 8 !== 0) throw fields.wrong("fragment", `offset ${offset} is no multiple of 8`);
  const layer: HeaderLayer<"ipv4"> = {
    layer: "ipv4",
    ...place(depth),
    dscp: tos >>> 2,
    ecn: tos & 3,
    totalLength: length ?? UNKNOWN_LENGTH,
    identification,
    reservedFlag: fields.flag("reservedFlag"),
    dontFragment: fields.flag("dontFragment"),
    moreFragments: fragment?.flag("more") ?? false,
    fragmentOffset: offset / 8,
    ttl: fields.number("ttl", Largest.byte, USUAL_TTL),
    protocol: protocolOf(fields, carried),
    checksum: 0,
    source: fields.ip("src", 4),
    destination: fields.ip("dst", 4),
    options: fields.units("options", 4, IPV4_OPTIONS_MAX),
  };
  fragment?.end();
  return { layer, fields, length, ...checksum(fields, layer, Largest.short) };
}

export function ipv6(
  fields: JsonFields,
  depth: Depth,
  carried: number | undefined,
): Draft<HeaderLayer<"ipv6">> {
  fields.skip("version");
  const length = fields.given("length", Largest.short);
  const extensions = fields.bytes("extensions");
  const layer: HeaderLayer<"ipv6"> = {
    layer: "ipv6",
    ...place(depth),
    trafficClass: fields.number("tos", Largest.byte, 0),
    flowLabel: fields.number("flowLabel", 0xfffff, 0),
    payloadLength: length ?? UNKNOWN_LENGTH,
    // With extension headers it is the last of them that says what follows.
    nextHeader: protocolOf(fields, extensions.length > 0 ? undefined : carried),
    hopLimit: fields.number("ttl", Largest.byte, USUAL_TTL),
    source: fields.ip("src", 6),
    destination: fields.ip("dst", 6),
    extensions,
  };
  return { layer, fields, length };
}
